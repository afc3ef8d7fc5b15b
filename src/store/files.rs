//! Files of messages: each content once, by its hash, and the messages that it came with or goes
//! out with. Fetches nothing.

use async_trait::async_trait;
use const_format::formatcp;
use sha2::{Digest, Sha256};
use sqlx::FromRow;

use super::outbox::OutgoingRow;
use super::signal::{self, Signal};
use super::words::file_state::{STORED, WAITING};
use super::{Conn, Result, Rows, Store, Write, first, now, run, storable};
use crate::domain::file::playable_type;
use crate::domain::{Blob, ConversationId, Media, MessageId, NumberId, WorkspaceId};

mod fetching;
mod retention;
mod uploads;

pub use fetching::{FetchEnd, FileClaim, FileClaimant};
pub(super) use retention::withdraw;
pub use uploads::{FileToSend, UploadClaim, UploadEnd};
pub(super) use uploads::{forget_upload, forget_uploads, request_upload};

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FileRow {
    /// The MIME type by its first bytes, else as a sender declared it: not to be trusted.
    pub mime_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The file of a message that is being stored.
pub(super) struct NewFile {
    pub(super) message: MessageId,
    pub(super) number: NumberId,
    pub(super) content: NewContent,
}

impl NewFile {
    /// The file of a message that goes out, if it is one with its bytes.
    pub(super) fn of(message: &OutgoingRow, number: &NumberId) -> Option<Self> {
        let Some(Media { mime_type, bytes: Some(bytes), sha256: Some(hash), .. }) =
            message.content.file()
        else {
            return None;
        };
        let declared = mime_type.as_deref().unwrap_or_default();
        let content = FileContent::hashed(hash.clone(), declared, bytes);
        let (message, number) = (message.id.clone(), number.clone());
        Some(Self { message, number, content: NewContent::Brought(content) })
    }

    /// The SHA-256 of its bytes, if it has them.
    pub(super) fn hash(&self) -> Option<&str> {
        match &self.content {
            NewContent::Brought(content) => Some(&content.hash),
            NewContent::Due(_) => None,
        }
    }
}

/// What is known of a file when its message comes.
pub(super) enum NewContent {
    /// The bytes came with the message.
    Brought(FileContent),
    /// It is to be fetched, from this moment.
    Due(i64),
}

impl Store {
    /// The file of a message, if it is stored.
    pub async fn file(&self, message: &MessageId) -> Result<Option<FileRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select f.mime_type, f.bytes from message_files m
                       join files f on f.workspace_id = m.workspace_id and f.hash = m.hash
                       where m.workspace_id = $1 and m.message_id = $2";
            first!(conn, FileRow, sql, workspace.as_str(), message.as_str())
        })
        .await
    }

    /// Stores the file of a message, unless one is stored; it waits no longer to be fetched.
    /// `declared` is the MIME type that its sender gave. Returns the conversation if anything
    /// changed.
    pub async fn keep_file(
        &self,
        message: &MessageId,
        declared: &str,
        bytes: Vec<u8>,
    ) -> Result<Option<ConversationId>> {
        let content = FileContent::of(declared, &Blob(bytes.into()));
        self.apply(Keep { message: message.clone(), content }).await
    }
}

/// Stores what is known of the files of new messages.
pub(super) async fn insert(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    files: Vec<NewFile>,
) -> Result<()> {
    let mut rows = Rows::default();
    for NewFile { message, number, content } in files {
        let (state, hash, size, due) = match content {
            NewContent::Due(moment) => (WAITING, None, None, Some(moment)),
            NewContent::Brought(content) => {
                content.insert(conn, workspace).await?;
                (STORED, Some(content.hash), Some(length(&content.bytes)), None)
            }
        };
        rows.push([
            message.as_str().into(),
            workspace.as_str().into(),
            number.as_str().into(),
            state.into(),
            hash.into(),
            size.into(),
            due.into(),
            now().into(),
        ]);
    }
    let into = "insert into message_files (message_id, workspace_id, number_id, state, hash, size, due_at, created_at)";
    conn.many(into, &rows, "on conflict (message_id) do nothing").await.map(drop)
}

/// Deletes a content that no message has any more, and what is known of its uploads.
async fn drop_unused(conn: &mut Conn<'_>, workspace: &WorkspaceId, hash: &str) -> Result<()> {
    let sql = "delete from files where workspace_id = $1 and hash = $2 and not exists
                   (select 1 from message_files m where m.workspace_id = $1 and m.hash = $2)";
    if run!(conn, sql, workspace.as_str(), hash)? > 0 {
        let sql = "delete from file_uploads where workspace_id = $1 and hash = $2";
        run!(conn, sql, workspace.as_str(), hash)?;
    }
    Ok(())
}

fn length(bytes: &Blob) -> i64 {
    i64::try_from(bytes.0.len()).unwrap_or(i64::MAX)
}

/// What a file holds.
#[derive(Debug, Clone)]
pub(super) struct FileContent {
    pub(super) hash: String,
    mime_type: String,
    bytes: Blob,
}

impl FileContent {
    /// Of the MIME type that its sender declared.
    pub(super) fn of(declared: &str, bytes: &Blob) -> Self {
        Self::hashed(hex::encode(Sha256::digest(&bytes.0)), declared, bytes)
    }

    /// With the SHA-256 of the bytes, in hex.
    pub(super) fn hashed(hash: String, declared: &str, bytes: &Blob) -> Self {
        let found = playable_type(&bytes.0);
        // A sender who says the same may say more, such as the codec.
        let agrees = found.is_none() || declared.split(';').next().map(str::trim) == found;
        let mime_type = found.filter(|_| !agrees).unwrap_or(declared);
        Self { hash, mime_type: storable(mime_type).into_owned(), bytes: bytes.clone() }
    }

    /// Stores it, unless it is stored: then its bytes do not travel again.
    async fn insert(&self, conn: &mut Conn<'_>, workspace: &WorkspaceId) -> Result<()> {
        macro_rules! find {
            ($lock:literal) => {
                concat!("select hash from files where workspace_id = $1 and hash = $2", $lock)
            };
        }
        // On Postgres the row is locked, so that nobody deletes it before the message refers to it.
        let sql = conn.sql_for(find!(""), find!(" for update"));
        if first!(conn, (String,), sql, workspace.as_str(), self.hash.as_str())?.is_some() {
            return Ok(());
        }
        let mut rows = Rows::default();
        rows.push([
            workspace.as_str().into(),
            self.hash.as_str().into(),
            self.mime_type.as_str().into(),
            length(&self.bytes).into(),
            self.bytes.0.to_vec().into(),
            now().into(),
        ]);
        let into = "insert into files (workspace_id, hash, mime_type, size, bytes, created_at)";
        let known = conn.sql_for(
            "on conflict (workspace_id, hash) do nothing",
            "on conflict (workspace_id, hash) do update set size = excluded.size",
        );
        conn.many(into, &rows, known).await.map(drop)
    }
}

struct Keep {
    message: MessageId,
    content: FileContent,
}

#[async_trait]
impl Write for Keep {
    type Out = Option<ConversationId>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        let (message, hash) = (self.message.as_str(), self.content.hash.as_str());
        // Locked on Postgres: what is deleted meanwhile must not be stored.
        macro_rules! find {
            ($lock:literal) => {
                formatcp!(
                    "select conversation_id from messages m
                     where workspace_id = $1 and id = $2 and deleted_at is null and not exists
                         (select 1 from message_files f where f.message_id = m.id and f.state = '{STORED}') {}",
                    $lock
                )
            };
        }
        let sql = conn.sql_for(find!(""), find!("for share of m"));
        let found = first!(conn, (ConversationId,), sql, workspace.as_str(), message)?;
        let Some((conversation,)) = found else { return Ok(None) };
        self.content.insert(conn, workspace).await?;
        let sql = formatcp!(
            "insert into message_files (message_id, workspace_id, number_id, state, hash, size, created_at)
             select id, workspace_id, number_id, '{STORED}', $3, $4, created_at from messages
             where workspace_id = $1 and id = $2
             on conflict (message_id) do update set state = excluded.state, hash = excluded.hash, size = excluded.size,
                 reason = null, due_at = null
             where message_files.state <> '{STORED}'"
        );
        let size = length(&self.content.bytes);
        if run!(conn, sql, workspace.as_str(), message, hash, size)? == 0 {
            // Another process was faster.
            return drop_unused(conn, workspace, hash).await.map(|()| None);
        }
        let changed = std::iter::once(Signal::Changed(conversation.clone()));
        signal::notify_replicas(conn, workspace, changed).await?;
        Ok(Some(conversation))
    }
}
