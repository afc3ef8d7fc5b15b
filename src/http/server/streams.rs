//! Runs each request of an HTTP/2 connection as a task. A response that nobody reads resets only
//! its own stream. Does not look at routes.

use std::sync::Arc;
use std::time::Duration;

use hyper::rt::Executor;

use super::activity::ConnectionActivity;

/// Spawns the stream tasks of an HTTP/2 connection.
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
        // hyper calls the service and then immediately this: the response is that of the latest
        // request.
        let (unread, stall) = (self.activity.newest(), self.stall);
        tokio::spawn(async move {
            tokio::select! {
                () = stream => {}
                // Dropping the stream resets it.
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
        silent.handed_out();
        silent.took();
        stuck.handed_out();
        assert!(gone.await.is_err());
        assert_eq!(open.try_recv(), Err(TryRecvError::Empty));
    }
}
