//! Deletes stored files: old ones, those of a number that has too many, and those of messages that
//! their author deleted. What messages say of them stays. Never deletes the file of a message that
//! waits for its turn or to be sent.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::drop_unused;
use crate::domain::{FileState, MessageId, NumberId, WorkspaceId};
use crate::store::words::message_state::{QUEUED, SENDING, UNKNOWN, WAITING};
use crate::store::{Conn, Result, Store, Write, all, first, run};

impl Store {
    /// Deletes files of messages from before a time, at most `limit`. Returns their number.
    pub async fn forget_files(&self, before: i64, limit: i64) -> Result<u64> {
        self.apply(Forget { before, limit }).await
    }

    /// Deletes a number's oldest files until the rest has at most `most_bytes`, at most `limit` of
    /// them. Returns their number. A content that several messages have counts once.
    pub async fn make_room(&self, number: &NumberId, most_bytes: i64, limit: i64) -> Result<u64> {
        self.apply(MakeRoom { number: number.clone(), most_bytes, limit }).await
    }
}

/// A file that may be deleted.
#[derive(FromRow)]
struct OldFile {
    message_id: MessageId,
    hash: String,
    size: i64,
}

/// The columns of [`OldFile`], of messages that wait neither for their turn nor to be sent, nor for
/// the outcome of that.
const OLD_FILES: &str = formatcp!(
    "select f.message_id, f.hash, coalesce(f.size, 0) as size from message_files f
     join messages m on m.id = f.message_id and m.state not in ('{WAITING}', '{QUEUED}', '{SENDING}')
         and (m.state <> '{UNKNOWN}' or m.due_at is null)"
);

async fn remove(conn: &mut Conn<'_>, workspace: &WorkspaceId, old: &[OldFile]) -> Result<u64> {
    let removed = FileState::Removed.as_str();
    let mut all = 0;
    for OldFile { message_id, hash, .. } in old {
        let sql = "update message_files set state = $3, hash = null
                   where workspace_id = $1 and message_id = $2 and hash = $4";
        all += run!(conn, sql, workspace.as_str(), message_id.as_str(), removed, hash.as_str())?;
        drop_unused(conn, workspace, hash).await?;
    }
    Ok(all)
}

/// Deletes the file of a message that its author deleted, or fetches it no more.
pub(in crate::store) async fn withdraw(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    message: &MessageId,
) -> Result<()> {
    let sql = "select message_id, hash, coalesce(size, 0) as size from message_files
               where workspace_id = $1 and message_id = $2 and hash is not null";
    let stored = all!(conn, OldFile, sql, workspace.as_str(), message.as_str())?;
    remove(conn, workspace, &stored).await?;
    let sql = "update message_files set state = $3, due_at = null
               where workspace_id = $1 and message_id = $2 and state = $4";
    let (removed, waiting) = (FileState::Removed, FileState::Waiting);
    run!(conn, sql, workspace.as_str(), message.as_str(), removed, waiting).map(drop)
}

struct Forget {
    before: i64,
    limit: i64,
}

#[async_trait]
impl Write for Forget {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql = formatcp!(
            "{OLD_FILES} where f.workspace_id = $1 and f.hash is not null and f.created_at < $2
             order by f.created_at limit $3"
        );
        let old = all!(conn, OldFile, sql, workspace.as_str(), self.before, self.limit)?;
        remove(conn, workspace, &old).await
    }
}

struct MakeRoom {
    number: NumberId,
    most_bytes: i64,
    limit: i64,
}

#[async_trait]
impl Write for MakeRoom {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let number = self.number.as_str();
        let sql = "select cast(coalesce(sum(size), 0) as bigint) from
                       (select distinct hash, size from message_files
                        where workspace_id = $1 and number_id = $2 and hash is not null) c";
        let stored = first!(conn, (i64,), sql, workspace.as_str(), number)?.map_or(0, |row| row.0);
        let mut excess = stored - self.most_bytes;
        if excess <= 0 {
            return Ok(0);
        }
        let sql = formatcp!(
            "{OLD_FILES} where f.workspace_id = $1 and f.number_id = $2 and f.hash is not null
             order by f.created_at, f.message_id limit $3"
        );
        let mut old = all!(conn, OldFile, sql, workspace.as_str(), number, self.limit)?;
        let enough = old.iter().position(|file| {
            excess -= file.size;
            excess <= 0
        });
        old.truncate(enough.map_or(old.len(), |last| last + 1));
        remove(conn, workspace, &old).await
    }
}
