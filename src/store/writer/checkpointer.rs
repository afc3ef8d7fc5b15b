//! Copies SQLite's write-ahead log into the file beside the writer: SQLite itself would do it within a
//! commit, which then takes ten times as long, and so does what waits for it.
//!
//! A passive checkpoint stops nobody, but only a log that is copied to its end begins anew. So a thread
//! copies all but the last commits, and the writer those.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use frontdesk_sqlite::{Connection, Options};

/// Pages of the log from which on it is copied: 16 MB. Most messages change the same pages, which are
/// then copied once.
const MAX_LOG_PAGES: u32 = 4000;

/// The checkpoints of one file.
pub(in crate::store) struct Checkpointer {
    path: PathBuf,
    options: Options,
    /// The thread that copies, from the first time on that there is something to copy.
    thread: Option<CopyThread>,
    /// How long the log was when the thread was last asked to copy it.
    asked_at: Option<u32>,
}

struct CopyThread {
    requests: SyncSender<()>,
    /// Whether the last request is done.
    done: Arc<AtomicBool>,
    handle: JoinHandle<()>,
}

impl Checkpointer {
    /// `options` are those of the writer's connection.
    pub(in crate::store) fn new(path: PathBuf, options: Options) -> Self {
        Self { path, options, thread: None, asked_at: None }
    }

    /// To be called after each commit, once it was answered.
    pub(super) fn after_commit(&mut self, writer: &mut Connection) {
        let pages = writer.log_pages();
        if pages < MAX_LOG_PAGES {
            self.asked_at = None;
            return;
        }
        // Again where a reader held the log back for long, so that the rest is short.
        let is_due = self.asked_at.is_none_or(|at| pages >= at.saturating_add(MAX_LOG_PAGES));
        if is_due && self.ask() {
            self.asked_at = Some(pages);
            return;
        }
        let is_copying = self.thread.as_ref().is_some_and(|thread| !thread.is_done());
        if !is_copying {
            checkpoint(writer);
        }
    }

    /// Asks the thread to copy. False if there is none.
    fn ask(&mut self) -> bool {
        if self.thread.is_none() {
            let started = CopyThread::start(&self.path, &self.options);
            self.thread = started.map_err(|error| warn(&error)).ok();
        }
        self.thread.as_ref().is_some_and(CopyThread::ask)
    }

    /// Ends the thread, so that the writer's connection may be the last.
    pub(super) fn close(&mut self) {
        if let Some(CopyThread { requests, handle, .. }) = self.thread.take() {
            drop(requests);
            drop(handle.join());
        }
    }
}

impl CopyThread {
    fn start(path: &std::path::Path, options: &Options) -> Result<Self, sqlx::Error> {
        let connection = Connection::open(path, options)?;
        let (requests, received) = sync_channel(1);
        let done = Arc::new(AtomicBool::new(true));
        let told = done.clone();
        let copy = move || copy(connection, &received, &told);
        let thread = std::thread::Builder::new().name("sqlite-log".into()).spawn(copy);
        Ok(Self { requests, done, handle: thread.map_err(sqlx::Error::Io)? })
    }

    fn ask(&self) -> bool {
        self.done.store(false, Ordering::Release);
        let asked = self.requests.try_send(()).is_ok();
        if !asked {
            self.done.store(true, Ordering::Release);
        }
        asked
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire) || self.handle.is_finished()
    }
}

fn copy(mut connection: Connection, requests: &Receiver<()>, done: &AtomicBool) {
    while requests.recv().is_ok() {
        checkpoint(&mut connection);
        done.store(true, Ordering::Release);
    }
    if let Err(error) = connection.shut() {
        warn(&error);
    }
}

/// Copies what no reader holds back. What fails is tried again after the next commit.
fn checkpoint(connection: &mut Connection) {
    if let Err(error) = connection.checkpoint() {
        warn(&error);
    }
}

fn warn(error: &sqlx::Error) {
    tracing::warn!(%error, "the log of the database could not be copied into it");
}
