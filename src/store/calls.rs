//! Calls from providers: the webhook verification of a number or of a draft, and when a number was
//! last active.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::{Conn, Result, Store, Write, first, now, run};
use crate::domain::time::DAY_MS;
use crate::domain::{NumberId, NumberState, ProviderKind, WorkspaceId};

/// How long a draft number's verify token is valid, in milliseconds.
const DRAFT_MS: i64 = DAY_MS;
/// Maximum number of drafts.
const MAX_DRAFTS: i64 = 200;

/// When the provider last called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct CallsRow {
    /// When it last verified the webhook address.
    pub verified_at: Option<i64>,
    /// When it last sent a webhook.
    pub last_webhook_at: Option<i64>,
}

impl Store {
    /// Stores the hash of the verify token of a number that is about to be added. Returns the
    /// draft's id.
    pub async fn draft_number(&self, provider: ProviderKind, token_hash: String) -> Result<String> {
        self.apply(AddDraft { provider, token_hash }).await
    }

    /// Records a webhook verification on the draft with this verify token (by hash). False if there
    /// is none.
    pub async fn record_draft_verification(
        &self,
        provider: ProviderKind,
        token_hash: String,
    ) -> Result<bool> {
        self.apply(ShakeDraft { provider, token_hash }).await
    }

    /// Records the provider's webhook verification of a number.
    pub async fn record_number_verification(&self, id: &NumberId) -> Result<()> {
        self.apply(Shake { id: id.clone() }).await
    }

    /// When the provider last called for a number or a draft.
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

    /// Records when a number last got a webhook, got a message and sent one, in this order; 0 if
    /// not known.
    pub async fn record_number_activity(&self, id: &NumberId, moments: [i64; 3]) -> Result<()> {
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
        run!(conn, sql, workspace.as_str(), now() - DRAFT_MS, MAX_DRAFTS - 1)?;
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
