//! Group commit: changes of one kind that come while the database is busy are collected and become one transaction with a
//! few statements for all. When it fails, each change is made alone, so that the bad one fails alone.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::turns::Release;
use super::{Base, Conn, Error, Result, Write};
use crate::domain::WorkspaceId;

/// The most changes of a batch.
const MOST: usize = 128;
/// How long somebody waits who offers a change.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many changes may wait.
const QUEUE: usize = 4096;

/// A change that is written in batches with others of its kind.
#[async_trait]
pub(crate) trait BatchWrite: Sized + Send + Sync + 'static {
    /// What each change gives back.
    type Out: Send + 'static;

    /// Makes all the changes inside one transaction, in this order; as many results as changes.
    async fn run_all(
        all: &[Self],
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<Self::Out>>;

    /// What to let go of after a change that was made when nobody waited for it any more.
    fn unheard(_: Self::Out) -> Vec<Release> {
        Vec::new()
    }
}

type PendingChange<W> = (W, oneshot::Sender<Result<<W as BatchWrite>::Out>>);

/// Queues changes of one kind and commits them in batches.
pub(super) struct Batcher<W: BatchWrite> {
    queue: mpsc::Sender<PendingChange<W>>,
    base: Base,
}

/// A caller that waits for its change.
struct Waiter<'a, W: BatchWrite> {
    base: &'a Base,
    answer: oneshot::Receiver<Result<W::Out>>,
}

impl<W: BatchWrite> Drop for Waiter<'_, W> {
    /// The caller goes, perhaps in the moment in which it is answered.
    fn drop(&mut self) {
        self.answer.close();
        if let Ok(Ok(out)) = self.answer.try_recv()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(let_go(self.base.clone(), W::unheard(out)));
        }
    }
}

impl<W: BatchWrite> Batcher<W> {
    /// Starts the batcher. `linger` lets a batch grow: for changes that no caller waits for.
    pub(super) fn start(base: Base, linger: Duration) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(work(base.clone(), waiting, linger));
        Self { queue, base }
    }

    /// Makes a change together with what else is waiting. When this returns, it is on the disk.
    pub(super) async fn apply(&self, change: W) -> Result<W::Out> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = Waiter::<W> { base: &self.base, answer };
        self.queue.send((change, reply)).await.map_err(|_| closed())?;
        (&mut waiting.answer).await.map_err(|_| closed())?
    }

    /// Whether one more change may wait.
    pub(super) fn has_room(&self) -> bool {
        self.queue.capacity() > 0
    }

    /// The same, but refuses when too much waits already, or it takes too long.
    pub(super) async fn offer(&self, change: W) -> Result<W::Out> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send((change, reply)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                Error::Unavailable(format!("{QUEUE} changes wait to be stored already"))
            }
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        let mut waiting = Waiter::<W> { base: &self.base, answer };
        // It may be stored later all the same; whoever offers it again does no harm.
        let answer = tokio::time::timeout(PATIENCE, &mut waiting.answer).await.map_err(|_| {
            Error::Unavailable(format!("it was not stored within {} s", PATIENCE.as_secs()))
        })?;
        answer.map_err(|_| closed())?
    }
}

fn closed() -> Error {
    Error::Unavailable("the database is closed".into())
}

async fn work<W: BatchWrite>(
    base: Base,
    mut queue: mpsc::Receiver<PendingChange<W>>,
    linger: Duration,
) {
    let mut waiting = Vec::with_capacity(MOST);
    while queue.recv_many(&mut waiting, MOST).await > 0 {
        if !linger.is_zero() {
            tokio::time::sleep(linger).await;
            while waiting.len() < MOST
                && let Ok(more) = queue.try_recv()
            {
                waiting.push(more);
            }
        }
        let (changes, replies): (Vec<W>, Vec<_>) = waiting.drain(..).unzip();
        let all = Arc::new(changes);
        let results = commit(&base, &all).await;
        for (reply, result) in replies.into_iter().zip(results) {
            // Nobody waits any more when the caller was cancelled; the change stands all the same.
            if let Err(Ok(out)) = reply.send(result) {
                tokio::spawn(let_go(base.clone(), W::unheard(out)));
            }
        }
    }
}

async fn let_go(base: Base, turns: Vec<Release>) {
    for turn in turns {
        if let Err(error) = base.apply(turn).await {
            tracing::warn!(%error, "a turn that nobody runs was not let go: its lease runs out");
        }
    }
}

/// Commits all changes together; when they cannot be made together, each alone.
async fn commit<W: BatchWrite>(base: &Base, all: &Arc<Vec<W>>) -> Vec<Result<W::Out>> {
    match base.apply(Batch { all: all.clone(), range: 0..all.len() }).await {
        Ok(outs) => outs.into_iter().map(Ok).collect(),
        Err(error) if all.len() == 1 => vec![Err(error)],
        Err(Error::Unavailable(why)) => {
            all.iter().map(|_| Err(Error::Unavailable(why.clone()))).collect()
        }
        Err(error) => {
            tracing::debug!(%error, "changes could not be made together, each is made alone");
            let mut results = Vec::with_capacity(all.len());
            for place in 0..all.len() {
                let alone = base.apply(Batch { all: all.clone(), range: place..place + 1 }).await;
                results.push(alone.and_then(|mut outs| {
                    outs.pop().ok_or_else(|| Error::Failed("a change was not made".into()))
                }));
            }
            results
        }
    }
}

/// Some changes as one.
struct Batch<W> {
    all: Arc<Vec<W>>,
    range: Range<usize>,
}

#[async_trait]
impl<W: BatchWrite> Write for Batch<W> {
    type Out = Vec<W::Out>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<W::Out>> {
        W::run_all(&self.all[self.range.clone()], workspace, conn).await
    }
}
