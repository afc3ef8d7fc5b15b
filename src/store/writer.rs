//! The single SQLite writer: takes changes from a queue and commits all waiting ones together, so
//! that they share one fsync. If a change fails, the batch is rolled back and each change runs in
//! its own transaction.
//!
//! It has its own thread: it blocks on SQLite's thread between statements, and on the runtime it
//! would queue behind other tasks each time.

use async_trait::async_trait;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{Conn, Error, Result, Write, run};
use crate::domain::WorkspaceId;

/// Maximum changes per commit.
const BATCH: usize = 256;
/// Queue capacity; `apply` waits when it is full.
const QUEUE: usize = 8192;

#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
}

enum Order {
    Change(Box<dyn QueuedWrite>),
    /// Close the connection after the changes queued before, then confirm.
    Close(oneshot::Sender<()>),
}

impl Writer {
    pub(super) fn start(conn: SqliteConnection) -> Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let work = move || futures::executor::block_on(work(conn, waiting));
        let thread = std::thread::Builder::new().name("sqlite-writer".into()).spawn(work);
        thread.map_err(|error| Error::Unavailable(format!("no thread for the writer: {error}")))?;
        Ok(Self { queue })
    }

    /// Commits a change together with other queued ones.
    pub(super) async fn apply<W: Write>(&self, workspace: WorkspaceId, write: W) -> Result<W::Out> {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { workspace, write, out: None, reply: Some(reply) };
        let gone = || Error::Unavailable("the database is closed".into());
        self.queue.send(Order::Change(Box::new(pending))).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Order::Close(done)).await.is_ok() {
            drop(closed.await);
        }
    }
}

/// Why a transaction did not begin or commit. None of its changes is stored; each may be retried.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
struct CommitError(String);

/// A queued change of any type.
#[async_trait]
trait QueuedWrite: Send {
    /// Makes the change and keeps its result until the commit.
    async fn attempt(&mut self, conn: &mut Conn<'_>) -> Result<()>;
    /// Sends the caller the outcome of the commit.
    fn settle(&mut self, committed: std::result::Result<(), CommitError>);
    /// Sends the caller the error of the change itself.
    fn refuse(&mut self, error: Error);
}

struct Pending<W: Write> {
    workspace: WorkspaceId,
    write: W,
    out: Option<W::Out>,
    reply: Option<oneshot::Sender<Result<W::Out>>>,
}

#[async_trait]
impl<W: Write> QueuedWrite for Pending<W> {
    async fn attempt(&mut self, conn: &mut Conn<'_>) -> Result<()> {
        self.out = Some(self.write.run(&self.workspace, conn).await?);
        Ok(())
    }

    fn settle(&mut self, committed: std::result::Result<(), CommitError>) {
        let Some(reply) = self.reply.take() else { return };
        let result = match (committed, self.out.take()) {
            (Ok(()), Some(out)) => Ok(out),
            (Ok(()), None) => Err(Error::Failed("a change was not made".into())),
            (Err(CommitError(why)), _) => Err(Error::Unavailable(why)),
        };
        // Fails if the caller was cancelled; the change stays committed.
        drop(reply.send(result));
    }

    fn refuse(&mut self, error: Error) {
        if let Some(reply) = self.reply.take() {
            drop(reply.send(Err(error)));
        }
    }
}

async fn work(mut conn: SqliteConnection, mut waiting: mpsc::Receiver<Order>) {
    let mut orders = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut orders, BATCH).await > 0 {
        let mut changes = Vec::with_capacity(orders.len());
        let mut close = None;
        for order in orders.drain(..) {
            match order {
                Order::Change(change) if close.is_none() => changes.push(change),
                Order::Change(_) => {}
                Order::Close(done) => close = Some(done),
            }
        }
        if !changes.is_empty() {
            commit_all(&mut conn, &mut changes).await;
        }
        if let Some(done) = close {
            if let Err(error) = conn.close().await {
                tracing::warn!(%error, "the database could not be closed in order");
            }
            // Fails if the caller was cancelled.
            let _ = done.send(());
            return;
        }
    }
}

/// Commits the batch in one transaction; if any change fails, each in its own.
async fn commit_all(conn: &mut SqliteConnection, batch: &mut [Box<dyn QueuedWrite>]) {
    match try_together(conn, batch).await {
        Ok(()) => settle_all(batch, &Ok(())),
        Err(BatchError::Commit(why)) => settle_all(batch, &Err(why)),
        Err(BatchError::Change) => {
            for change in batch {
                commit_one(conn, change.as_mut()).await;
            }
        }
    }
}

enum BatchError {
    /// One of its changes failed.
    Change,
    /// The transaction could not begin or commit.
    Commit(CommitError),
}

async fn try_together(
    conn: &mut SqliteConnection,
    batch: &mut [Box<dyn QueuedWrite>],
) -> std::result::Result<(), BatchError> {
    statement(conn, "begin immediate").await.map_err(BatchError::Commit)?;
    for change in batch.iter_mut() {
        if change.attempt(&mut Conn::Sqlite(conn)).await.is_err() {
            roll_back(conn).await;
            return Err(BatchError::Change);
        }
    }
    finish(conn).await.map_err(BatchError::Commit)
}

async fn commit_one(conn: &mut SqliteConnection, change: &mut dyn QueuedWrite) {
    if let Err(why) = statement(conn, "begin immediate").await {
        return change.settle(Err(why));
    }
    match change.attempt(&mut Conn::Sqlite(conn)).await {
        Ok(()) => {
            let committed = finish(conn).await;
            change.settle(committed);
        }
        Err(error) => {
            roll_back(conn).await;
            change.refuse(error);
        }
    }
}

async fn finish(conn: &mut SqliteConnection) -> std::result::Result<(), CommitError> {
    crate::failpoint!("store.commit");
    let committed = statement(conn, "commit").await;
    if committed.is_err() {
        roll_back(conn).await;
    }
    committed
}

async fn roll_back(conn: &mut SqliteConnection) {
    // SQLite may have rolled back already (a full disk does); then this fails and nothing is open.
    if let Err(CommitError(why)) = statement(conn, "rollback").await {
        tracing::debug!(why, "nothing to roll back");
    }
}

async fn statement(
    conn: &mut SqliteConnection,
    sql: &'static str,
) -> std::result::Result<(), CommitError> {
    let mut conn = Conn::Sqlite(conn);
    run!(&mut conn, sql).map(|_| ()).map_err(|error| CommitError(error.to_string()))
}

fn settle_all(
    batch: &mut [Box<dyn QueuedWrite>],
    committed: &std::result::Result<(), CommitError>,
) {
    for change in batch {
        change.settle(committed.clone());
    }
}
