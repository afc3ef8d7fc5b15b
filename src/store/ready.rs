//! Whether a webhook could be stored right now, and why not. Inserts a probe row and deletes it in
//! the same transaction. Keeps nothing.

use std::time::Duration;

use async_trait::async_trait;

use super::{Conn, Error, Result, Store, Write, now, run};
use crate::domain::{WebhookId, WorkspaceId};

/// Time limit for the probe.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Size of the probe row in bytes: as large as a webhook of several messages, so that it needs its
/// own pages.
const BYTES: usize = 8 * 1024;

/// Why nothing can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The disk is full.
    #[error("the database's disk is full")]
    Full,
    /// The database is read-only.
    #[error("the database is read-only")]
    ReadOnly,
    /// Another program holds a lock.
    #[error("the database is locked by another program")]
    Locked,
    /// The queue is full, or the probe timed out.
    #[error("too much waits to be stored already")]
    Busy,
    /// The database is gone or broken.
    #[error("the database does not answer; the log says why")]
    Gone,
}

impl NotReady {
    /// Classifies by the message text: error codes are not kept.
    fn of(error: &Error) -> Self {
        let said = error.to_string().to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if says(&["disk is full", "no space left"]) {
            Self::Full
        } else if says(&["readonly", "read-only", "read only"]) {
            Self::ReadOnly
        } else if says(&["database is locked", "table is locked"]) {
            Self::Locked
        } else {
            Self::Gone
        }
    }
}

impl Store {
    /// Checks whether a webhook could be stored.
    pub async fn ready(&self) -> std::result::Result<(), NotReady> {
        if !self.lines.webhooks.has_room() {
            return Err(NotReady::Busy);
        }
        let tried = tokio::time::timeout(TIMEOUT, self.apply(Probe)).await;
        let tried = tried.map_err(|_| NotReady::Busy)?;
        tried.map_err(|error| {
            tracing::warn!(%error, "a webhook could not be stored now");
            NotReady::of(&error)
        })
    }
}

/// A fake webhook row.
struct Probe;

#[async_trait]
impl Write for Probe {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let id = WebhookId::generate();
        let sql = "insert into webhooks (id, workspace_id, provider, body, created_at)
                   values ($1, $2, 'trial', $3, $4)";
        run!(conn, sql, id.as_str(), workspace.as_str(), vec![b' '; BYTES], now())?;
        let sql = "delete from webhooks where id = $1 and workspace_id = $2";
        run!(conn, sql, id.as_str(), workspace.as_str()).map(|_| ())
    }
}
