//! Files that go to customers, and the provider's ids of their uploads: the same bytes are uploaded
//! once for a number, as long as the provider has them.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use crate::domain::{MessageId, WorkspaceId};
use crate::store::outbox::ToSend;
use crate::store::words::message_state::SENDING;
use crate::store::{Conn, Result, Store, Write, first, now, run};

/// The stored file of an outgoing message.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FileToSend {
    /// The number that sends it.
    pub number_id: String,
    /// Which file.
    pub hash: String,
    /// The provider's id of its upload, while it is valid.
    pub media_id: Option<String>,
}

impl Store {
    /// The file of an outgoing message; `None` if it is not stored any more.
    pub async fn file_to_send(&self, message: &str) -> Result<Option<FileToSend>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select m.number_id, m.hash,
                           (select u.media_id from uploaded_files u
                            where u.number_id = m.number_id and u.hash = m.hash and u.expires_at > $3) as media_id
                       from message_files m where m.workspace_id = $1 and m.message_id = $2 and m.hash is not null";
            first!(conn, FileToSend, sql, workspace.as_str(), message, now())
        })
        .await
    }

    /// Forgets the upload of a message's file, so that the next send uploads it anew.
    pub async fn forget_upload(&self, message: &MessageId) -> Result<()> {
        self.apply(ForgetUpload(message.clone())).await
    }

    /// Holds a claimed message until a time while its file is uploaded. It has not left: if the
    /// process dies meanwhile, it is sent later. Returns whether the claim still held.
    pub async fn hold_for_upload(&self, message: &ToSend, until: i64) -> Result<bool> {
        self.apply(HoldForUpload { message: message.clone(), until }).await
    }

    /// Records the upload of a held message's file, valid until `expires_at`. The message leaves
    /// now: if the process dies from here on, its outcome is unknown. Returns whether the claim
    /// still held.
    pub async fn record_upload(
        &self,
        message: &ToSend,
        file: &FileToSend,
        (media_id, expires_at): (&str, i64),
    ) -> Result<bool> {
        let (message, file, media_id) = (message.clone(), file.clone(), media_id.to_owned());
        self.apply(RecordUpload { message, file, media_id, expires_at }).await
    }
}

struct ForgetUpload(MessageId);

#[async_trait]
impl Write for ForgetUpload {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        forget_upload(conn, workspace, &self.0).await
    }
}

struct HoldForUpload {
    message: ToSend,
    until: i64,
}

#[async_trait]
impl Write for HoldForUpload {
    type Out = bool;

    async fn run(&self, _workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = formatcp!(
            "update messages set lease_until = $3, left_at = null where id = $1 and attempts = $2 and state = '{SENDING}'"
        );
        Ok(run!(conn, sql, &self.message.id, self.message.attempts, self.until)? > 0)
    }
}

struct RecordUpload {
    message: ToSend,
    file: FileToSend,
    media_id: String,
    expires_at: i64,
}

#[async_trait]
impl Write for RecordUpload {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "delete from uploaded_files where workspace_id = $1 and expires_at <= $2";
        run!(conn, sql, workspace.as_str(), now())?;
        let sql = "insert into uploaded_files (workspace_id, number_id, hash, media_id, expires_at)
                   values ($1, $2, $3, $4, $5)
                   on conflict (number_id, hash) do update
                   set media_id = excluded.media_id, expires_at = excluded.expires_at";
        let Self { message, file: FileToSend { number_id, hash, .. }, media_id, expires_at } = self;
        run!(conn, sql, workspace.as_str(), number_id, hash, media_id, *expires_at)?;
        let sql = formatcp!(
            "update messages set left_at = $3 where id = $1 and attempts = $2 and state = '{SENDING}'"
        );
        Ok(run!(conn, sql, &message.id, message.attempts, now())? > 0)
    }
}

/// Forgets the upload of a message's file.
pub(in crate::store) async fn forget_upload(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    message: &MessageId,
) -> Result<()> {
    let sql = "delete from uploaded_files where workspace_id = $1 and (number_id, hash) in
                   (select m.number_id, m.hash from message_files m where m.workspace_id = $1 and m.message_id = $2)";
    run!(conn, sql, workspace.as_str(), message.as_str()).map(drop)
}
