//! Runs the requests of one connection of HTTP/2, each on its own: where nobody reads an answer, its stream is reset, and no other one.
//! Knows nothing of what is asked.

use std::sync::Arc;
use std::time::Duration;

use hyper::rt::Executor;

use super::activity::ConnectionActivity;

/// Spawns what a connection of HTTP/2 asks for.
#[derive(Clone)]
pub(super) struct StreamExecutor {
    activity: Arc<ConnectionActivity>,
    stall: Duration,
}

impl StreamExecutor {
    /// `stall` is how long an answer may go unread, in milliseconds.
    pub(super) fn new(activity: Arc<ConnectionActivity>, stall: u64) -> Self {
        Self { activity, stall: Duration::from_millis(stall) }
    }
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        // hyper calls the service, and at once this: the answer is that of the request that began last.
        let (unread, stall) = (self.activity.newest(), self.stall);
        tokio::spawn(async move {
            tokio::select! {
                () = stream => {}
                // Dropped, it is reset.
                () = unread.stalls(stall) => tracing::debug!("an answer that nobody read was taken back"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::{channel, error::TryRecvError};

    use super::*;

    #[tokio::test]
    async fn a_stream_that_nobody_reads_is_dropped_and_one_that_has_nothing_to_say_is_not() {
        let activity = Arc::new(ConnectionActivity::new());
        let executor = StreamExecutor::new(activity.clone(), 1);
        let begin = || {
            let unread = activity.begins(true);
            let (kept, dropped) = channel::<()>();
            executor.execute(async move {
                std::future::pending::<()>().await;
                drop(kept);
            });
            (unread, dropped)
        };
        let ((stuck, gone), (silent, mut open)) = (begin(), begin());
        silent.gave();
        silent.took();
        stuck.gave();
        assert!(gone.await.is_err());
        assert_eq!(open.try_recv(), Err(TryRecvError::Empty));
    }
}
