//! The one writer of SQLite: takes changes from a queue and commits all that are waiting together, so that one fsync
//! serves many. A change that fails is rolled back alone; the others are run again without it.

use async_trait::async_trait;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::{Conn, Error, Result, Write, run};
use crate::domain::WorkspaceId;

/// How many changes one commit takes at the most.
const BATCH: usize = 256;
/// How many changes may wait; then `apply` waits, too.
const QUEUE: usize = 8192;

/// A handle to the writer.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Queued>>,
    pool: SqlitePool,
}

impl Writer {
    /// Starts the writer on the pool's only connection.
    pub(super) fn start(pool: SqlitePool) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(work(pool.clone(), waiting));
        Self { queue, pool }
    }

    /// Commits a change together with what else is waiting.
    pub(super) async fn apply<W: Write>(&self, workspace: WorkspaceId, write: W) -> Result<W::Out> {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { workspace, write, out: None, reply: Some(reply) };
        let gone = || Error::Unavailable("the database is closed".into());
        self.queue.send(Box::new(pending)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Closes the connection after the commit under way.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A change in the queue, whatever its type.
#[async_trait]
trait Queued: Send {
    /// Makes the change; the result is kept until the commit.
    async fn attempt(&mut self, conn: &mut Conn<'_>) -> Result<()>;
    /// Tells whoever waits how it ended.
    fn settle(&mut self, committed: std::result::Result<(), String>);
    /// Tells whoever waits that the change itself failed.
    fn refuse(&mut self, error: Error);
}

struct Pending<W: Write> {
    workspace: WorkspaceId,
    write: W,
    out: Option<W::Out>,
    reply: Option<oneshot::Sender<Result<W::Out>>>,
}

#[async_trait]
impl<W: Write> Queued for Pending<W> {
    async fn attempt(&mut self, conn: &mut Conn<'_>) -> Result<()> {
        self.out = Some(self.write.run(&self.workspace, conn).await?);
        Ok(())
    }

    fn settle(&mut self, committed: std::result::Result<(), String>) {
        let Some(reply) = self.reply.take() else { return };
        let result = match (committed, self.out.take()) {
            (Ok(()), Some(out)) => Ok(out),
            (Ok(()), None) => Err(Error::Failed("a change was not made".into())),
            (Err(why), _) => Err(Error::Unavailable(why)),
        };
        // Nobody waits any more when the caller was cancelled; the change stands all the same.
        drop(reply.send(result));
    }

    fn refuse(&mut self, error: Error) {
        if let Some(reply) = self.reply.take() {
            drop(reply.send(Err(error)));
        }
    }
}

async fn work(pool: SqlitePool, mut waiting: mpsc::Receiver<Box<dyn Queued>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        match pool.acquire().await {
            Ok(mut conn) => commit_all(&mut conn, &mut batch).await,
            Err(error) => settle_all(&mut batch, &Err(error.to_string())),
        }
        batch.clear();
    }
}

/// Commits the batch in one transaction; if any change fails, each in one of its own.
async fn commit_all(conn: &mut SqliteConnection, batch: &mut [Box<dyn Queued>]) {
    match try_together(conn, batch).await {
        Ok(()) => settle_all(batch, &Ok(())),
        Err(Together::Commit(why)) => settle_all(batch, &Err(why)),
        Err(Together::Change) => {
            for change in batch {
                commit_one(conn, change.as_mut()).await;
            }
        }
    }
}

/// Why a batch was not committed.
enum Together {
    /// One of its changes failed.
    Change,
    /// The transaction could not begin or commit.
    Commit(String),
}

async fn try_together(
    conn: &mut SqliteConnection,
    batch: &mut [Box<dyn Queued>],
) -> std::result::Result<(), Together> {
    statement(conn, "begin immediate").await.map_err(Together::Commit)?;
    for change in batch.iter_mut() {
        if change.attempt(&mut Conn::Sqlite(conn)).await.is_err() {
            roll_back(conn).await;
            return Err(Together::Change);
        }
    }
    finish(conn).await.map_err(Together::Commit)
}

async fn commit_one(conn: &mut SqliteConnection, change: &mut dyn Queued) {
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

async fn finish(conn: &mut SqliteConnection) -> std::result::Result<(), String> {
    let committed = statement(conn, "commit").await;
    if committed.is_err() {
        roll_back(conn).await;
    }
    committed
}

async fn roll_back(conn: &mut SqliteConnection) {
    // SQLite may have rolled back already (a full disk does); then this fails and nothing is open.
    if let Err(why) = statement(conn, "rollback").await {
        tracing::debug!(why, "nothing to roll back");
    }
}

async fn statement(
    conn: &mut SqliteConnection,
    sql: &'static str,
) -> std::result::Result<(), String> {
    let mut conn = Conn::Sqlite(conn);
    run!(&mut conn, sql).map(|_| ()).map_err(|error| error.to_string())
}

fn settle_all(batch: &mut [Box<dyn Queued>], committed: &std::result::Result<(), String>) {
    for change in batch {
        change.settle(committed.clone());
    }
}
