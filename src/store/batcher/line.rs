//! The changes of one kind that wait for SQLite's writer, which takes them as one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::{BatchWrite, MAX_BATCH, PendingChange, release_turns};
use crate::store::writer::{CommitError, Line, QueuedWrite, Urgency, Writer};
use crate::store::{Base, Conn, Error, Result};

/// Changes that wait, and whether the writer knows.
pub(super) struct WriterLine<W: BatchWrite> {
    context: Arc<Context>,
    waiting: Mutex<mpsc::Receiver<PendingChange<W>>>,
    called: AtomicBool,
}

struct Context {
    base: Base,
    /// For turns that are released because nobody runs them.
    runtime: Handle,
}

impl<W: BatchWrite> WriterLine<W> {
    pub(super) fn new(base: Base, waiting: mpsc::Receiver<PendingChange<W>>) -> Self {
        let context = Arc::new(Context { base, runtime: Handle::current() });
        Self { context, waiting: Mutex::new(waiting), called: AtomicBool::new(false) }
    }

    /// Calls the writer, unless it was called for an earlier change and will take this one, too.
    pub(super) fn call(self: &Arc<Self>, writer: &Writer, urgency: Urgency) {
        if !self.called.swap(true, Ordering::SeqCst) {
            writer.call(self.clone(), urgency);
        } else if urgency == Urgency::Now {
            writer.hurry();
        }
    }
}

impl<W: BatchWrite> Line for WriterLine<W> {
    fn take(&self) -> Option<Box<dyn QueuedWrite>> {
        // First: a change that comes from now on calls again.
        self.called.store(false, Ordering::SeqCst);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let next = std::iter::from_fn(|| waiting.try_recv().ok());
        let (changes, replies): (Vec<W>, Vec<_>) = next.take(MAX_BATCH).unzip();
        let group = Group { context: self.context.clone(), changes, replies, outs: None };
        (!group.changes.is_empty()).then(|| Box::new(group) as _)
    }

    fn has_more(&self) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        !waiting.is_empty() && !self.called.swap(true, Ordering::SeqCst)
    }

    fn rank(&self) -> u8 {
        W::RANK
    }
}

/// Changes that were taken together.
struct Group<W: BatchWrite> {
    context: Arc<Context>,
    changes: Vec<W>,
    replies: Vec<oneshot::Sender<Result<W::Out>>>,
    outs: Option<Vec<W::Out>>,
}

#[async_trait]
impl<W: BatchWrite> QueuedWrite for Group<W> {
    async fn attempt(&mut self, conn: &mut Conn<'_>) -> Result<()> {
        let outs = W::run_all(&self.changes, &self.context.base.workspace, conn).await?;
        self.outs = Some(outs);
        Ok(())
    }

    fn settle(&mut self, committed: std::result::Result<(), CommitError>) {
        let outs = self.outs.take().unwrap_or_default();
        let replies = self.replies.drain(..);
        if let Err(CommitError(why)) = committed {
            // Fails if the caller was cancelled.
            replies.for_each(|reply| drop(reply.send(Err(Error::Unavailable(why.clone())))));
            return;
        }
        for (reply, out) in replies.zip(outs) {
            // Fails if the caller was cancelled; the change stays committed.
            if let Err(Ok(out)) = reply.send(Ok(out)) {
                let release = release_turns(self.context.base.clone(), W::undelivered_claims(out));
                self.context.runtime.spawn(release);
            }
        }
    }

    fn refuse(&mut self, error: Error) {
        if let Some(reply) = self.replies.pop() {
            drop(reply.send(Err(error)));
        }
    }

    fn split(self: Box<Self>) -> Vec<Box<dyn QueuedWrite>> {
        let Self { context, changes, replies, .. } = *self;
        let alone = |(change, reply)| {
            let (changes, replies) = (vec![change], vec![reply]);
            Box::new(Self { context: context.clone(), changes, replies, outs: None }) as _
        };
        changes.into_iter().zip(replies).map(alone).collect()
    }
}
