//! The single SQLite writer: takes changes from a queue and commits all waiting ones together, so
//! that they share one fsync. If a change fails, the batch is rolled back and each change runs in
//! its own transaction.
//!
//! It has its own thread, on which SQLite runs: no statement is handed to another thread, and none
//! waits for the disk on the runtime. Changes that may wait are committed with the next ones that
//! may not, or alone after [`LINGER`].

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use frontdesk_sqlite::Connection;
use tokio::sync::{Semaphore, oneshot, watch};

mod checkpointer;
mod commit;

pub(super) use self::checkpointer::Checkpointer;
use self::commit::commit_all;
use super::single_row::SingleRows;
use super::sql::WriterConnection;
use super::{Conn, Error, Result, Write};
use crate::domain::WorkspaceId;

/// Maximum single changes per commit, beside those of the lines.
const BATCH: usize = 256;
/// Maximum single changes that wait; `apply` waits for room.
const QUEUE: usize = 8192;
/// How long a change that may wait does so at most.
const LINGER: Duration = Duration::from_millis(10);

/// The handle of the writer. The writer ends when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Writer {
    handle: Arc<Handle>,
}

struct Handle {
    queue: Arc<Queue>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.push(Order::Close(None), Urgency::Now);
    }
}

enum Order {
    Change(Box<dyn QueuedWrite>),
    /// Take the changes that wait in this line.
    Line(Arc<dyn Line>),
    /// Close the connection after the changes queued before, then confirm.
    Close(Option<oneshot::Sender<()>>),
}

/// When a change is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// As soon as the writer is free.
    Now,
    /// With the next one that is, or after [`LINGER`].
    Soon,
}

/// Changes of one kind that wait outside of the writer's queue.
pub(super) trait Line: Send + Sync {
    /// Takes changes that wait, as one. Not all of them: `has_more` says whether some are left.
    fn take(&self) -> Option<Box<dyn QueuedWrite>>;
    /// Whether changes wait.
    fn has_more(&self) -> bool;
    /// The place of its changes among those of other lines in a commit, the lowest first.
    fn rank(&self) -> u8;
}

impl Writer {
    pub(super) fn start(conn: Connection, checkpointer: Checkpointer) -> Result<Self> {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            news: Condvar::new(),
            room: Semaphore::new(QUEUE),
            ended: watch::Sender::new(false),
        });
        let guard = ClosingGuard(queue.clone());
        let work = move || work(conn, checkpointer, &guard.0);
        let thread = std::thread::Builder::new().name("sqlite-writer".into()).spawn(work);
        thread.map_err(|error| Error::Unavailable(format!("no thread for the writer: {error}")))?;
        Ok(Self { handle: Arc::new(Handle { queue }) })
    }

    /// Commits a change together with other queued ones.
    pub(super) async fn apply<W: Write>(&self, workspace: WorkspaceId, write: W) -> Result<W::Out> {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { workspace, write, out: None, reply: Some(reply) };
        let queue = &self.handle.queue;
        queue.room.acquire().await.map_err(|_| gone())?.forget();
        queue.push(Order::Change(Box::new(pending)), Urgency::Now);
        answer.await.map_err(|_| gone())?
    }

    /// Has the writer take what waits in a line.
    pub(super) fn call(&self, line: Arc<dyn Line>, urgency: Urgency) {
        self.handle.queue.push(Order::Line(line), urgency);
    }

    /// Has the writer hurry: what it was called for has become urgent.
    pub(super) fn hurry(&self) {
        self.handle.queue.hurry();
    }

    /// Waits until the writer has ended, closed or by a panic.
    pub(super) async fn ended(&self) {
        let mut ended = self.handle.queue.ended.subscribe();
        // An error says that the queue is gone, which is an end, too.
        ended.wait_for(|ended| *ended).await.map(drop).unwrap_or_default();
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        self.handle.queue.push(Order::Close(Some(done)), Urgency::Now);
        drop(closed.await);
    }
}

fn gone() -> Error {
    Error::Unavailable("the database is closed".into())
}

struct Queue {
    waiting: Mutex<Waiting>,
    news: Condvar,
    room: Semaphore,
    /// Whether the writer has ended: it takes nothing any more, also not from a line.
    ended: watch::Sender<bool>,
}

#[derive(Default)]
struct Waiting {
    orders: Vec<Order>,
    /// Whether one of them may not wait.
    urgent: bool,
    /// When the first of those that may wait came.
    since: Option<Instant>,
    /// Whether the writer sleeps.
    asleep: bool,
    closed: bool,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an order. After the end it is dropped, which tells whoever waits for it.
    fn push(&self, order: Order, urgency: Urgency) {
        let mut waiting = self.waiting();
        if waiting.closed {
            drop(waiting);
            return drop(order);
        }
        let first = waiting.orders.is_empty();
        waiting.orders.push(order);
        match urgency {
            Urgency::Now => waiting.urgent = true,
            Urgency::Soon => drop(waiting.since.get_or_insert_with(Instant::now)),
        }
        self.wake(waiting, first || urgency == Urgency::Now);
    }

    fn hurry(&self) {
        let mut waiting = self.waiting();
        waiting.urgent = true;
        self.wake(waiting, true);
    }

    /// Wakes the writer if it sleeps. Each wake-up is a system call.
    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>, news: bool) {
        if news && std::mem::take(&mut waiting.asleep) {
            drop(waiting);
            self.news.notify_one();
        }
    }

    /// Waits for orders that may not wait any longer.
    fn wait(&self) {
        let mut waiting = self.waiting();
        loop {
            let rest = match waiting.since {
                _ if waiting.urgent => Some(Duration::ZERO),
                Some(since) => Some(LINGER.saturating_sub(since.elapsed())),
                None => None,
            };
            if !waiting.orders.is_empty() && rest == Some(Duration::ZERO) {
                return;
            }
            waiting.asleep = true;
            waiting = match rest.filter(|rest| !rest.is_zero()) {
                Some(rest) => {
                    let woken = self.news.wait_timeout(waiting, rest);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
            waiting.asleep = false;
        }
    }

    /// Takes at most [`BATCH`] orders.
    fn take(&self) -> Vec<Order> {
        let mut waiting = self.waiting();
        let count = waiting.orders.len().min(BATCH);
        let orders: Vec<Order> = waiting.orders.drain(..count).collect();
        waiting.urgent = !waiting.orders.is_empty();
        waiting.since = None;
        drop(waiting);
        let single = orders.iter().filter(|order| matches!(order, Order::Change(_))).count();
        self.room.add_permits(single);
        orders
    }
}

/// Marks the queue as closed when the writer ends, also by a panic: what waits is dropped, which
/// tells the callers.
struct ClosingGuard(Arc<Queue>);

impl Drop for ClosingGuard {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.closed = true;
        let orders = std::mem::take(&mut waiting.orders);
        drop(waiting);
        drop(orders);
        self.0.room.close();
        self.0.ended.send_replace(true);
    }
}

/// Why a transaction did not begin or commit. None of its changes is stored; each may be retried.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(super) struct CommitError(pub(super) String);

/// A queued change of any type.
#[async_trait]
pub(super) trait QueuedWrite: Send {
    /// Makes the change and keeps its result until the commit.
    async fn attempt(&mut self, conn: &mut Conn<'_>) -> Result<()>;
    /// Sends the caller the outcome of the commit.
    fn settle(&mut self, committed: std::result::Result<(), CommitError>);
    /// Sends the caller the error of the change itself. Only for a change that [`Self::split`]
    /// returns.
    fn refuse(&mut self, error: Error);
    /// The changes that it stands for.
    fn split(self: Box<Self>) -> Vec<Box<dyn QueuedWrite>>;
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

    fn split(self: Box<Self>) -> Vec<Box<dyn QueuedWrite>> {
        vec![self]
    }
}

fn work(mut inner: Connection, mut checkpointer: Checkpointer, queue: &Queue) {
    inner.watch_log();
    let mut conn = WriterConnection { inner, single: SingleRows::default() };
    loop {
        queue.wait();
        // Whoever works on this processor goes on first, if anybody does: what they bring joins the
        // commit. A busy machine so has larger commits, an idle one has them at once.
        std::thread::yield_now();
        let (mut changes, mut lines, mut close) = (Vec::new(), Vec::new(), None);
        for order in queue.take() {
            match order {
                Order::Change(change) if close.is_none() => changes.push(change),
                Order::Line(line) if close.is_none() => lines.push(line),
                Order::Change(_) | Order::Line(_) => {}
                Order::Close(done) => close = Some(done),
            }
        }
        lines.sort_by_key(|line| line.rank());
        changes.extend(lines.iter().filter_map(|line| line.take()));
        if !changes.is_empty() {
            commit_all(&mut conn, changes);
            checkpointer.after_commit(&mut conn.inner);
        }
        if let Some(done) = close {
            checkpointer.close();
            if let Err(error) = conn.inner.shut() {
                tracing::warn!(%error, "the database could not be closed in order");
            }
            if let Some(done) = done {
                let _ = done.send(()); // Fails if the caller was cancelled.
            }
            return;
        }
        for line in lines.into_iter().filter(|line| line.has_more()) {
            queue.push(Order::Line(line), Urgency::Now);
        }
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_sqlite::Options;

    use super::*;
    use crate::store::run;

    /// A change that breaks the writer.
    struct Panic;

    #[async_trait]
    impl Write for Panic {
        type Out = ();

        async fn run(&self, _: &WorkspaceId, _: &mut Conn<'_>) -> Result<()> {
            panic!("as the test wants");
        }
    }

    /// A change that writes a megabyte.
    struct Megabyte;

    #[async_trait]
    impl Write for Megabyte {
        type Out = ();

        async fn run(&self, _: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
            run!(conn, "create table if not exists t (v)")?;
            run!(conn, "insert into t values (zeroblob(1048576))").map(drop)
        }
    }

    fn writer(folder: &tempfile::TempDir) -> Writer {
        let path = folder.path().join("test.db");
        std::fs::write(&path, "").expect("a file");
        let options = Options { pragmas: vec![("journal_mode", "wal")], ..Options::default() };
        let connection = Connection::open(&path, &options).expect("a database");
        Writer::start(connection, Checkpointer::new(path, options)).expect("a thread")
    }

    #[tokio::test]
    async fn the_log_begins_anew_however_much_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = writer(&folder);
        for _ in 0..128 {
            let written = writer.apply(WorkspaceId::stored("w".into()), Megabyte).await;
            written.expect("it is written");
        }
        let log = std::fs::metadata(folder.path().join("test.db-wal")).expect("a log").len();
        assert!(log < 64 << 20, "{log} bytes");
        writer.close().await;
        let file = std::fs::metadata(folder.path().join("test.db")).expect("a file").len();
        assert!(file > 128 << 20, "{file} bytes");
    }

    #[tokio::test]
    async fn whoever_waits_learns_that_the_writer_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let closed = writer(&folder);
        closed.close().await;
        closed.ended().await;
        let broken = writer(&folder);
        let workspace = WorkspaceId::stored("w".into());
        let answer = broken.apply(workspace.clone(), Panic).await;
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
        broken.ended().await;
        let answer = broken.apply(workspace, Panic).await;
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    }
}
