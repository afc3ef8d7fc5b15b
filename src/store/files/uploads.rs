//! The queue of files to upload to the provider, before the messages that send them: one upload for
//! each number and content, claimed by one process at a time. A message that waits for its upload is
//! queued without a time, so that no send claims it.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use crate::domain::{ConversationId, Fault, MessageId, MessageState, NumberId, WorkspaceId};
use crate::store::outbox::ToSend;
use crate::store::signal::{self, Signal};
use crate::store::words::message_state::{QUEUED, SENDING};
use crate::store::{Conn, Result, Store, Write, all, first, now, run, to_json};

/// Number of claims that did not end up to which a start makes an upload due at once.
const RELEASED: i64 = 2;

/// The file of an outgoing message, as far as its provider has it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FileToSend {
    /// The provider's id of its upload, if that is valid.
    pub media_id: Option<String>,
    /// Why its upload was given up, as JSON.
    pub failure: Option<String>,
}

/// A file to upload, claimed by this process.
#[derive(Debug, Clone, FromRow)]
pub struct UploadClaim {
    /// The number that sends it.
    pub number_id: NumberId,
    /// Which content.
    pub hash: String,
    /// The fencing token.
    pub claim: i64,
    /// Number of claims since the last that ended, this one included. The others ended with their
    /// process.
    pub unended: i64,
    /// Number of attempts that ended without the upload.
    pub failures: i64,
    /// A message that waits for it; `None` if none waits any more.
    pub message_id: Option<MessageId>,
    /// That message's content, as JSON.
    pub content: Option<String>,
}

/// How an attempt to upload a file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadEnd {
    /// The provider has it under this id, until a moment.
    Done(String, i64),
    /// It is tried again at this moment; why it failed now.
    Again(i64, Fault),
    /// It was interrupted, and is due at once.
    Interrupted,
    /// It is given up. The messages fail.
    Failed(Fault),
    /// No message waits for it any more.
    Unneeded,
}

impl Store {
    /// What the provider has of the file of an outgoing message; `None` if the file is not stored any
    /// more.
    pub async fn file_to_send(&self, message: &ToSend) -> Result<Option<FileToSend>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select case when u.expires_at > $3 then u.media_id end as media_id, u.failure
                       from message_files m left join file_uploads u on u.number_id = m.number_id and u.hash = m.hash
                       where m.workspace_id = $1 and m.message_id = $2 and m.hash is not null";
            first!(conn, FileToSend, sql, workspace.as_str(), &message.id, now())
        })
        .await
    }

    /// Has the file of a claimed message uploaded before it is sent. `refused` is an upload of it that
    /// the provider does not know any more.
    pub async fn upload_first(&self, message: &ToSend, refused: Option<&str>) -> Result<()> {
        let refused = refused.map(ToOwned::to_owned);
        self.apply(UploadFirst { message: message.clone(), refused }).await
    }

    /// Claims the uploads that have been due the longest, at most `limit`, for `lease_ms`: if the
    /// process dies, another uploads them afterwards.
    pub async fn claim_file_uploads(&self, limit: i64, lease_ms: i64) -> Result<Vec<UploadClaim>> {
        let workspace = self.workspace_id();
        let due = self
            .read(async |conn| {
                let sql = "select hash from file_uploads where workspace_id = $1 and due_at <= $2 limit 1";
                first!(conn, (String,), sql, workspace.as_str(), now())
            })
            .await?;
        // A read costs less than a change, and mostly nothing is due.
        if due.is_none() { Ok(Vec::new()) } else { self.apply(Claim { limit, lease_ms }).await }
    }

    /// Extends a claim until a moment. Returns whether it still held.
    pub async fn keep_file_upload(&self, claim: &UploadClaim, until: i64) -> Result<bool> {
        self.apply(Keep { claim: claim.clone(), until }).await
    }

    /// Records how an upload ended. Its messages are due then, unless it is tried again. Returns
    /// their conversations.
    pub async fn end_file_upload(
        &self,
        claim: &UploadClaim,
        end: UploadEnd,
    ) -> Result<Vec<ConversationId>> {
        self.apply(End { claim: claim.clone(), end }).await
    }

    /// Makes messages due that wait for an upload which nobody will do: the send gate decides about
    /// them. Returns their number.
    pub async fn release_unuploaded(&self) -> Result<u64> {
        self.apply(ReleaseMessages).await
    }

    /// Makes the uploads due that a dead process had begun. SQLite only, because one process uses the
    /// file; on Postgres the leases expire by themselves.
    pub async fn release_stale_file_uploads(&self) -> Result<()> {
        if self.is_shared() { Ok(()) } else { self.apply(Release).await }
    }
}

/// Has the file of a queued message uploaded before it is sent, unless the provider has it.
pub(in crate::store) async fn request_upload(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    message: &MessageId,
) -> Result<()> {
    let (workspace, message, moment) = (workspace.as_str(), message.as_str(), now());
    let sql = "insert into file_uploads (workspace_id, number_id, hash, due_at)
               select workspace_id, number_id, hash, $3 from message_files
               where workspace_id = $1 and message_id = $2 and hash is not null
               on conflict (number_id, hash) do update
               set due_at = coalesce(file_uploads.due_at, excluded.due_at), media_id = null, failure = null,
                   unended = case when file_uploads.due_at is null then 0 else file_uploads.unended end,
                   failures = case when file_uploads.due_at is null then 0 else file_uploads.failures end
               where file_uploads.media_id is null or file_uploads.expires_at <= $3";
    if run!(conn, sql, workspace, message, moment)? > 0 {
        let sql = formatcp!(
            "update messages set due_at = null where workspace_id = $1 and id = $2 and state = '{QUEUED}'"
        );
        run!(conn, sql, workspace, message)?;
    }
    Ok(())
}

/// Forgets the upload of a message's file: the next message with it uploads it anew.
pub(in crate::store) async fn forget_upload(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    message: &MessageId,
) -> Result<()> {
    let sql =
        "update file_uploads set media_id = null where workspace_id = $1 and media_id is not null
               and (number_id, hash) in (select number_id, hash from message_files where message_id = $2)";
    run!(conn, sql, workspace.as_str(), message.as_str()).map(drop)
}

/// Forgets the uploads of a number, whose account and token may be others now. Those under way begin
/// anew.
pub(in crate::store) async fn forget_uploads(conn: &mut Conn<'_>, number: &str) -> Result<()> {
    let sql = "update file_uploads set media_id = null, failure = null, claim = claim + 1, unended = 0, failures = 0,
                   due_at = case when due_at is not null then $2 end
               where number_id = $1";
    run!(conn, sql, number, now()).map(drop)
}

struct UploadFirst {
    message: ToSend,
    refused: Option<String>,
}

#[async_trait]
impl Write for UploadFirst {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let Self { message, refused } = self;
        if let Some(media_id) = refused {
            let sql = "update file_uploads set media_id = null
                       where workspace_id = $1 and number_id = $2 and media_id = $3";
            run!(conn, sql, workspace.as_str(), &message.number_id, media_id)?;
        }
        let sql = formatcp!(
            "update messages set state = '{QUEUED}', state_rank = $3, due_at = $4, lease_until = null
             where id = $1 and attempts = $2 and state = '{SENDING}'"
        );
        let rank = MessageState::Queued.rank();
        if run!(conn, sql, &message.id, message.attempts, rank, now())? > 0 {
            request_upload(conn, workspace, &MessageId::stored(message.id.clone())).await?;
        }
        Ok(())
    }
}

struct Claim {
    limit: i64,
    lease_ms: i64,
}

/// The messages that wait for an upload of `file_uploads`. `|| ''` keeps the planner on the index of
/// the outbox, which is short.
const WAITING_MESSAGES: &str = formatcp!(
    "from messages r join message_files m on m.message_id = r.id
     where m.workspace_id || '' = file_uploads.workspace_id and m.hash || '' = file_uploads.hash
         and r.number_id || '' = file_uploads.number_id and r.state = '{QUEUED}' and r.due_at is null"
);

#[async_trait]
impl Write for Claim {
    type Out = Vec<UploadClaim>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<UploadClaim>> {
        macro_rules! claim {
            ($lock:literal) => {
                formatcp!(
                    "update file_uploads set due_at = $3, unended = unended + 1,
                         claim = case when claim >= $2 then claim + 1 else $2 end
                     where (number_id, hash) in (select number_id, hash from file_uploads
                         where workspace_id = $1 and due_at <= $2 order by due_at limit $4 {})
                     returning number_id, hash, claim, unended, failures,
                         (select r.id {WAITING_MESSAGES} order by r.created_at, r.id limit 1) as message_id,
                         (select r.content {WAITING_MESSAGES} order by r.created_at, r.id limit 1) as content",
                    $lock
                )
            };
        }
        let sql = conn.sql_for(claim!(""), claim!("for update skip locked"));
        let moment = now();
        let until = moment + self.lease_ms;
        all!(conn, UploadClaim, sql, workspace.as_str(), moment, until, self.limit)
    }
}

struct Keep {
    claim: UploadClaim,
    until: i64,
}

#[async_trait]
impl Write for Keep {
    type Out = bool;

    async fn run(&self, _workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let UploadClaim { number_id, hash, claim, .. } = &self.claim;
        let sql = "update file_uploads set due_at = $4
                   where number_id = $1 and hash = $2 and claim = $3 and due_at is not null";
        Ok(run!(conn, sql, number_id.as_str(), hash, *claim, self.until)? > 0)
    }
}

struct End {
    claim: UploadClaim,
    end: UploadEnd,
}

#[async_trait]
impl Write for End {
    type Out = Vec<ConversationId>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        let moment = now();
        let (media_id, expires_at, due_at, fault) = match &self.end {
            UploadEnd::Done(media_id, expires_at) => {
                (Some(media_id.as_str()), Some(*expires_at), None, None)
            }
            UploadEnd::Again(due_at, fault) => (None, None, Some(*due_at), Some(fault)),
            UploadEnd::Interrupted => (None, None, Some(moment), None),
            UploadEnd::Failed(fault) => (None, None, None, Some(fault)),
            UploadEnd::Unneeded => (None, None, None, None),
        };
        let faults = fault.map(|fault| to_json(&[fault])).transpose()?;
        let failure = fault.filter(|_| due_at.is_none()).map(to_json).transpose()?;
        let UploadClaim { number_id, hash, claim, .. } = &self.claim;
        let (number, hash) = (number_id.as_str(), hash.as_str());
        let failed = i64::from(fault.is_some());
        let sql = "update file_uploads set media_id = $4, uploaded_at = $5, expires_at = $6, due_at = $7, failure = $8,
                       unended = 0, failures = failures + $9
                   where number_id = $1 and hash = $2 and claim = $3 and due_at is not null";
        let ended = run!(
            conn, sql, number, hash, *claim, media_id, moment, expires_at, due_at, failure, failed
        )?;
        if ended == 0 {
            // Another process has it.
            return Ok(Vec::new());
        }
        let is_over = i64::from(due_at.is_none());
        let sql = formatcp!(
            "update messages set due_at = case when $5 = 1 then $4 end, error = coalesce($6, error), updated_at = $4
             where workspace_id || '' = $1 and number_id || '' = $2 and state = '{QUEUED}' and due_at is null
                 and id || '' in (select message_id from message_files where workspace_id = $1 and hash = $3)
             returning conversation_id"
        );
        let workspace_id = workspace.as_str();
        let rows = all!(
            conn,
            (ConversationId,),
            sql,
            workspace_id,
            number,
            hash,
            moment,
            is_over,
            faults
        )?;
        let waiting: Vec<_> = rows.into_iter().map(|(id,)| id).collect();
        let changed = waiting.iter().cloned().map(Signal::Changed);
        signal::notify_replicas(conn, workspace, changed).await?;
        Ok(waiting)
    }
}

struct ReleaseMessages;

#[async_trait]
impl Write for ReleaseMessages {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql = formatcp!(
            "update messages set due_at = $2
             where workspace_id || '' = $1 and state = '{QUEUED}' and due_at is null and not exists
                 (select 1 from message_files m join file_uploads u on u.number_id = m.number_id and u.hash = m.hash
                  where m.message_id = messages.id and u.due_at is not null)"
        );
        run!(conn, sql, workspace.as_str(), now())
    }
}

struct Release;

#[async_trait]
impl Write for Release {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        // Not those that never ended, of which one may be what ends the process.
        let sql = formatcp!(
            "update file_uploads set due_at = $2
             where workspace_id = $1 and due_at > $2 and unended between 1 and {RELEASED}"
        );
        run!(conn, sql, workspace.as_str(), now()).map(drop)
    }
}
