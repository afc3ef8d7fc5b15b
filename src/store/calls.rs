//! Whether and when providers called: the handshake of a number, or of one that is about to be added, and when a number last did
//! something.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::{Conn, Result, Store, Write, first, now, run};
use crate::domain::time::DAY_MS;
use crate::domain::{NumberId, NumberState, ProviderKind, WorkspaceId};

/// How long the verify token of a number that is not there yet is known.
const DRAFT_MS: i64 = DAY_MS;
/// How many of them are known at once.
const MOST_DRAFTS: i64 = 200;

/// Whether the provider called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct CallsRow {
    /// When it last asked whether the address is ours, and was answered.
    pub verified_at: Option<i64>,
    /// When it last sent a webhook.
    pub last_webhook_at: Option<i64>,
}

impl Store {
    /// Knows the verify token of a number that is about to be added, by its hash; the draft's id.
    pub async fn draft_number(&self, provider: ProviderKind, token_hash: String) -> Result<String> {
        self.apply(AddDraft { provider, token_hash }).await
    }

    /// The provider asked with this verify token, by its hash: whether a draft has it.
    pub async fn shake_draft(&self, provider: ProviderKind, token_hash: String) -> Result<bool> {
        self.apply(ShakeDraft { provider, token_hash }).await
    }

    /// The provider asked whether a number's address is ours, and was answered.
    pub async fn shake_number(&self, id: &NumberId) -> Result<()> {
        self.apply(Shake { id: id.clone() }).await
    }

    /// Whether the provider called for a number, or for a draft of one.
    pub async fn calls(&self, id: &str) -> Result<Option<CallsRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = formatcp!(
                "select verified_at, last_webhook_at from numbers
                 where workspace_id = $1 and id = $2 and state <> '{removed}'
                 union all
                 select verified_at, null from number_drafts
                 where workspace_id = $1 and id = $2 and created_at > $3",
                removed = NumberState::Removed.as_str()
            );
            first!(conn, CallsRow, sql, workspace.as_str(), id, now() - DRAFT_MS)
        })
        .await
    }

    /// Notes when a number was last called, written to and sent from; 0 for what is not known.
    pub async fn note_seen(&self, id: &NumberId, moments: [i64; 3]) -> Result<()> {
        self.apply(NoteSeen { id: id.clone(), moments }).await
    }
}

struct AddDraft {
    provider: ProviderKind,
    token_hash: String,
}

#[async_trait]
impl Write for AddDraft {
    type Out = String;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<String> {
        let sql = "delete from number_drafts where workspace_id = $1 and (created_at < $2 or id in (
                       select id from number_drafts where workspace_id = $1 order by id desc limit 1000 offset $3))";
        run!(conn, sql, workspace.as_str(), now() - DRAFT_MS, MOST_DRAFTS - 1)?;
        let id = format!("draft_{}", ulid::Ulid::generate());
        let sql = "insert into number_drafts (id, workspace_id, provider, token_hash, created_at)
                   values ($1, $2, $3, $4, $5)";
        run!(conn, sql, &id, workspace.as_str(), self.provider, &self.token_hash, now())?;
        Ok(id)
    }
}

struct ShakeDraft {
    provider: ProviderKind,
    token_hash: String,
}

#[async_trait]
impl Write for ShakeDraft {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "update number_drafts set verified_at = $4
                   where workspace_id = $1 and provider = $2 and token_hash = $3 and created_at > $5";
        let moment = now();
        let (provider, hash) = (self.provider, &self.token_hash);
        let old = moment - DRAFT_MS;
        Ok(run!(conn, sql, workspace.as_str(), provider, hash, moment, old)? > 0)
    }
}

struct Shake {
    id: NumberId,
}

#[async_trait]
impl Write for Shake {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update numbers set verified_at = $3 where workspace_id = $1 and id = $2";
        run!(conn, sql, workspace.as_str(), self.id.as_str(), now()).map(|_| ())
    }
}

struct NoteSeen {
    id: NumberId,
    moments: [i64; 3],
}

#[async_trait]
impl Write for NoteSeen {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let [webhook, inbound, sent] = self.moments;
        let sql = "update numbers set
                       last_webhook_at = case when coalesce(last_webhook_at, 0) < $3 then $3 else last_webhook_at end,
                       last_inbound_at = case when coalesce(last_inbound_at, 0) < $4 then $4 else last_inbound_at end,
                       last_sent_at = case when coalesce(last_sent_at, 0) < $5 then $5 else last_sent_at end
                   where workspace_id = $1 and id = $2";
        run!(conn, sql, workspace.as_str(), self.id.as_str(), webhook, inbound, sent).map(|_| ())
    }
}
