//! Group commit: changes of one kind that arrive while the database is busy become one transaction
//! with a few statements for all. If it fails, each change is committed alone, so that only the bad
//! one fails. On Postgres each kind has its own transactions; on SQLite the writer takes the waiting
//! changes of all kinds into one.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use self::line::WriterLine;
use super::turns::Release;
use super::writer::Urgency;
use super::{Base, Conn, Db, Error, Result, Write};
use crate::domain::WorkspaceId;

mod line;

/// Maximum changes per batch.
const MAX_BATCH: usize = 128;
/// How long [`Batcher::offer`] waits for its change.
const TIMEOUT: Duration = Duration::from_secs(10);
const QUEUE: usize = 4096;

/// A change that is written in batches with others of its kind.
#[async_trait]
pub(crate) trait BatchWrite: Sized + Send + Sync + 'static {
    /// The result of one change.
    type Out: Send + 'static;

    /// The place of these changes among those of other kinds in one commit, the lowest first.
    const RANK: u8;

    /// Makes all changes in this order inside one transaction. Returns one result per change.
    async fn run_all(
        all: &[Self],
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<Self::Out>>;

    /// Whether somebody waits for it.
    fn urgency(&self) -> Urgency {
        Urgency::Now
    }

    /// Turns to release when the caller was gone before it received the result.
    fn undelivered_claims(_: Self::Out) -> Vec<Release> {
        Vec::new()
    }
}

type PendingChange<W> = (W, oneshot::Sender<Result<<W as BatchWrite>::Out>>);

/// Queues changes of one kind and commits them in batches.
pub(super) struct Batcher<W: BatchWrite> {
    queue: mpsc::Sender<PendingChange<W>>,
    base: Base,
    /// Set on SQLite, whose writer takes the changes itself.
    line: Option<Arc<WriterLine<W>>>,
}

struct Waiter<'a, W: BatchWrite> {
    base: &'a Base,
    answer: oneshot::Receiver<Result<W::Out>>,
}

impl<W: BatchWrite> Drop for Waiter<'_, W> {
    /// The result may arrive at the moment the caller is dropped.
    fn drop(&mut self) {
        self.answer.close();
        if let Ok(Ok(out)) = self.answer.try_recv()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(release_turns(self.base.clone(), W::undelivered_claims(out)));
        }
    }
}

impl<W: BatchWrite> Batcher<W> {
    /// Starts the batcher. `linger` is how long to wait for a batch to fill, for changes that may
    /// wait.
    pub(super) fn start(base: Base, linger: Duration) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let line = match &base.db {
            Db::Sqlite { .. } => Some(Arc::new(WriterLine::new(base.clone(), waiting))),
            Db::Postgres(_) => {
                tokio::spawn(work(base.clone(), waiting, linger));
                None
            }
        };
        Self { queue, base, line }
    }

    /// Commits a change together with other queued ones. It is durable when this returns.
    pub(super) async fn apply(&self, change: W) -> Result<W::Out> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = Waiter::<W> { base: &self.base, answer };
        let urgency = change.urgency();
        self.queue.send((change, reply)).await.map_err(|_| closed())?;
        self.call(urgency);
        self.answer(&mut waiting).await
    }

    /// Waits for the outcome of a change. SQLite's writer may end before it takes it.
    async fn answer(&self, waiting: &mut Waiter<'_, W>) -> Result<W::Out> {
        let Db::Sqlite { writer, .. } = &self.base.db else {
            return (&mut waiting.answer).await.map_err(|_| closed())?;
        };
        tokio::select! {
            biased;
            answer = &mut waiting.answer => answer.map_err(|_| closed())?,
            () = writer.ended() => Err(closed()),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.queue.capacity() > 0
    }

    /// Like [`Self::apply`], but fails if the queue is full or the commit takes too long.
    pub(super) async fn offer(&self, change: W) -> Result<W::Out> {
        let (reply, answer) = oneshot::channel();
        let urgency = change.urgency();
        self.queue.try_send((change, reply)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                Error::Unavailable(format!("{QUEUE} changes wait to be stored already"))
            }
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        self.call(urgency);
        let mut waiting = Waiter::<W> { base: &self.base, answer };
        // It may still be stored later; offering it again is harmless.
        let answer = tokio::time::timeout(TIMEOUT, self.answer(&mut waiting)).await;
        answer.map_err(|_| {
            Error::Unavailable(format!("it was not stored within {} s", TIMEOUT.as_secs()))
        })?
    }

    /// Tells the writer of SQLite that a change waits.
    fn call(&self, urgency: Urgency) {
        if let (Some(line), Db::Sqlite { writer, .. }) = (&self.line, &self.base.db) {
            line.call(writer, urgency);
        }
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
    let mut waiting = Vec::with_capacity(MAX_BATCH);
    while queue.recv_many(&mut waiting, MAX_BATCH).await > 0 {
        if !linger.is_zero() {
            tokio::time::sleep(linger).await;
            while waiting.len() < MAX_BATCH
                && let Ok(more) = queue.try_recv()
            {
                waiting.push(more);
            }
        }
        let (changes, replies): (Vec<W>, Vec<_>) = waiting.drain(..).unzip();
        let all = Arc::new(changes);
        let results = commit(&base, &all).await;
        for (reply, result) in replies.into_iter().zip(results) {
            // Fails if the caller was cancelled; the change stays committed.
            if let Err(Ok(out)) = reply.send(result) {
                tokio::spawn(release_turns(base.clone(), W::undelivered_claims(out)));
            }
        }
    }
}

async fn release_turns(base: Base, turns: Vec<Release>) {
    for turn in turns {
        if let Err(error) = base.apply(turn).await {
            tracing::warn!(%error, "a turn that nobody runs was not let go: its lease runs out");
        }
    }
}

/// Commits all changes together; if that fails, each alone.
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

/// A range of the changes as one transaction.
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
