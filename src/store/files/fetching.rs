//! The queue of files to fetch: claimed by one process at a time, and how each attempt ended.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use crate::domain::{
    Content, ConversationId, Media, MessageId, MissingFile, NumberId, WorkspaceId,
};
use crate::store::signal::{self, Signal};
use crate::store::words::file_state::WAITING;
use crate::store::{Conn, Result, Store, Write, all, first, now, run, storable};

/// A file to fetch, claimed by this process.
#[derive(Debug, Clone, FromRow)]
pub struct FileClaim {
    /// Its message.
    pub message_id: MessageId,
    /// The conversation of the message.
    pub conversation_id: ConversationId,
    /// The number that it was sent to.
    pub number_id: NumberId,
    /// The message's content, as JSON.
    pub content: String,
    /// Number of attempts, this one included: the fencing token of the claim.
    pub attempts: i64,
    /// When the message came.
    pub created_at: i64,
}

/// How an attempt to fetch a file ended without the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchEnd {
    /// It is tried again at this moment; why it failed now.
    Again(i64, String),
    /// It is given up.
    Missing(MissingFile),
}

impl FileClaim {
    /// The file as its provider describes it; `None` if this version cannot read that.
    pub fn media(&self) -> Option<Media> {
        match Content::stored(&self.content) {
            Content::Media(media) => Some(media),
            _ => None,
        }
    }
}

impl Store {
    /// Claims the files that have been due the longest, at most `limit`, for `lease_ms`: if the
    /// process dies, another fetches them afterwards.
    pub async fn claim_files(&self, limit: i64, lease_ms: i64) -> Result<Vec<FileClaim>> {
        let workspace = self.workspace_id();
        let due = self
            .read(async |conn| {
                let sql = formatcp!(
                    "select message_id from message_files
                     where workspace_id = $1 and state = '{WAITING}' and due_at <= $2 limit 1"
                );
                first!(conn, (MessageId,), sql, workspace.as_str(), now())
            })
            .await?;
        // A read costs less than a change, and mostly nothing is due.
        if due.is_none() { Ok(Vec::new()) } else { self.apply(Claim { limit, lease_ms }).await }
    }

    /// Claims the file of one message, for a turn that needs it now.
    pub async fn claim_file(&self, message: &MessageId, lease_ms: i64) -> Result<FileClaimant> {
        self.apply(ClaimOne { message: message.clone(), lease_ms }).await
    }

    /// Gives a claim back: the file is due at once.
    pub async fn release_file(&self, message: &MessageId) -> Result<()> {
        self.apply(ClaimOne { message: message.clone(), lease_ms: 0 }).await.map(drop)
    }

    /// Records that a file was not fetched. Returns whether it was still claimed by this attempt.
    pub async fn end_fetch(&self, claim: &FileClaim, end: FetchEnd) -> Result<bool> {
        self.apply(End { claim: claim.clone(), end }).await
    }

    /// Makes the files due that a dead process was fetching. SQLite only, because one process uses
    /// the file; on Postgres the leases expire by themselves.
    pub async fn release_stale_files(&self) -> Result<()> {
        if self.is_shared() { Ok(()) } else { self.apply(Release).await }
    }
}

/// Who fetches the file that a turn needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileClaimant {
    /// The caller: it is claimed, or nobody else fetches it.
    Caller,
    /// Another task or process, which has claimed it.
    Other,
}

struct ClaimOne {
    message: MessageId,
    /// 0 gives the claim back.
    lease_ms: i64,
}

#[async_trait]
impl Write for ClaimOne {
    type Out = FileClaimant;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<FileClaimant> {
        let (workspace, message, moment) = (workspace.as_str(), self.message.as_str(), now());
        // Without a change of `attempts`: a claim of the fetcher stays its own.
        let sql = formatcp!(
            "update message_files set due_at = $3 where workspace_id = $1 and message_id = $2
             and state = '{WAITING}' and (due_at <= $4 or $3 <= $4)"
        );
        let until = moment + self.lease_ms;
        if run!(conn, sql, workspace, message, until, moment)? == 1 {
            return Ok(FileClaimant::Caller);
        }
        let sql = formatcp!(
            "select message_id from message_files
             where workspace_id = $1 and message_id = $2 and state = '{WAITING}'"
        );
        let waits = first!(conn, (MessageId,), sql, workspace, message)?;
        Ok(if waits.is_some() { FileClaimant::Other } else { FileClaimant::Caller })
    }
}

struct Claim {
    limit: i64,
    lease_ms: i64,
}

#[async_trait]
impl Write for Claim {
    type Out = Vec<FileClaim>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<FileClaim>> {
        macro_rules! claim {
            ($lock:literal) => {
                formatcp!(
                    "update message_files set due_at = $3, attempts = attempts + 1
                     where message_id in (select message_id from message_files
                         where workspace_id = $1 and state = '{WAITING}' and due_at <= $2
                         order by due_at limit $4 {})
                     returning message_id, number_id, attempts, created_at,
                         (select m.conversation_id from messages m where m.id = message_files.message_id) as conversation_id,
                         (select m.content from messages m where m.id = message_files.message_id) as content",
                    $lock
                )
            };
        }
        let sql = conn.sql_for(claim!(""), claim!("for update skip locked"));
        let moment = now();
        let until = moment + self.lease_ms;
        all!(conn, FileClaim, sql, workspace.as_str(), moment, until, self.limit)
    }
}

struct End {
    claim: FileClaim,
    end: FetchEnd,
}

#[async_trait]
impl Write for End {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let (state, due, reason) = match &self.end {
            FetchEnd::Again(due, reason) => (WAITING, Some(*due), reason),
            FetchEnd::Missing(missing) => (missing.state.as_str(), None, &missing.reason),
        };
        let sql = formatcp!(
            "update message_files set state = $4, due_at = $5, reason = $6
             where workspace_id = $1 and message_id = $2 and attempts = $3 and state = '{WAITING}'"
        );
        let (message, attempts) = (self.claim.message_id.as_str(), self.claim.attempts);
        let (workspace_id, reason) = (workspace.as_str(), storable(reason));
        let ended = run!(conn, sql, workspace_id, message, attempts, state, due, reason)? == 1;
        if ended && due.is_none() {
            let changed = std::iter::once(Signal::Changed(self.claim.conversation_id.clone()));
            signal::notify_replicas(conn, workspace, changed).await?;
        }
        Ok(ended)
    }
}

/// Number of attempts up to which a start makes a file due at once.
const RELEASED_ATTEMPTS: i64 = 3;

struct Release;

#[async_trait]
impl Write for Release {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        // Also those that were postponed after a failure: a start is a good moment to try again. Not
        // those that were tried often, of which one may be what ends the process.
        let sql = formatcp!(
            "update message_files set due_at = $2
             where workspace_id = $1 and state = '{WAITING}' and attempts between 1 and {RELEASED_ATTEMPTS} and due_at > $2"
        );
        run!(conn, sql, workspace.as_str(), now()).map(drop)
    }
}
