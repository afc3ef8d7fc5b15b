//! The audit log: who did what, from where, and with what outcome. Rows are added and deleted after
//! a retention time, never changed.

use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::{Conn, Result, Store, Write, all, now, run};
use crate::domain::audit::{Action, Outcome};
use crate::domain::{AuditId, WorkspaceId};

/// An audit log entry.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// The id.
    pub id: String,
    /// Who did it, for example `admin key` or `ada on box1`.
    pub actor: String,
    /// The action; [`Action::Other`] if the stored word is unknown to this version.
    pub action: Action,
    /// The object, for example an agent's short name.
    pub subject: String,
    /// Details as JSON.
    pub detail: String,
    /// The outcome.
    pub outcome: Outcome,
    /// The address of the client connection; empty if there is none.
    pub address: String,
    /// When, in milliseconds since 1970.
    pub created_at: i64,
}

/// Who does something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `admin key`, `console`, the user at the terminal, or `desk`.
    pub name: String,
    /// The address of the client connection; empty if there is none.
    pub address: String,
}

/// An audit entry to add.
#[derive(Debug, Clone)]
pub struct Entry {
    actor: Actor,
    action: Action,
    outcome: Outcome,
    subject: String,
    /// Details. Never bodies, secrets or phone numbers.
    pub detail: Value,
}

/// Filter of the audit log; `None` matches all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this action.
    pub action: Option<Action>,
    /// Only entries with this outcome.
    pub outcome: Option<Outcome>,
    /// Only entries of this actor.
    pub actor: Option<String>,
    /// Only entries on this object.
    pub subject: Option<String>,
    /// Only entries since this time, in milliseconds since 1970.
    pub since: Option<i64>,
    /// Only entries before this one, by its time and id.
    pub before: Option<(i64, String)>,
}

impl Actor {
    /// An actor without an address: a command, or the process itself.
    pub fn here(name: impl Into<String>) -> Self {
        Self { name: name.into(), address: String::new() }
    }

    /// The desk itself, for what nobody ordered.
    pub fn desk() -> Self {
        Self::here("desk")
    }
}

impl Entry {
    /// An entry with the outcome `Done` and no details.
    pub fn new(actor: Actor, action: Action, subject: impl Into<String>) -> Self {
        let outcome = Outcome::Done;
        Self { actor, action, outcome, subject: subject.into(), detail: json!({}) }
    }

    /// Sets the details.
    #[must_use]
    pub fn with(self, detail: Value) -> Self {
        Self { detail, ..self }
    }

    /// Who did it.
    pub fn actor(&self) -> &str {
        &self.actor.name
    }

    /// Sets the outcome.
    #[must_use]
    pub fn ended(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }
}

impl Store {
    /// Adds an audit entry.
    pub async fn audit(&self, entry: Entry) -> Result<()> {
        self.apply(entry).await
    }

    /// Audit entries, newest first, at most `limit`.
    pub async fn audit_log(&self, filter: &Filter, limit: i64) -> Result<Vec<AuditRow>> {
        let workspace = self.workspace_id();
        let (at, id) = filter.before.clone().unwrap_or((i64::MAX, String::new()));
        let action = filter.action.map_or("", Action::as_str);
        let outcome = filter.outcome.map_or("", Outcome::as_str);
        let actor = filter.actor.clone().unwrap_or_default();
        let subject = filter.subject.clone().unwrap_or_default();
        let since = filter.since.unwrap_or(i64::MIN);
        self.read(async |conn| {
            let sql =
                "select id, actor, action, subject, detail, outcome, address, created_at from audit_log
                       where workspace_id = $1 and (created_at < $2 or (created_at = $2 and id < $3))
                       and created_at >= $4 and ($5 = '' or action = $5) and ($6 = '' or outcome = $6)
                       and ($7 = '' or actor = $7) and ($8 = '' or subject = $8)
                       order by created_at desc, id desc limit $9";
            all!(
                conn,
                AuditRow,
                sql,
                workspace.as_str(),
                at,
                &id,
                since,
                action,
                outcome,
                &actor,
                &subject,
                limit
            )
        })
        .await
    }

    /// Deletes at most `most` entries from before a time. Returns their number.
    pub async fn forget_audit(&self, before: i64, most: i64) -> Result<u64> {
        self.apply(Forget { before, most }).await
    }
}

#[async_trait]
impl Write for Entry {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql =
            "insert into audit_log (id, workspace_id, actor, action, subject, detail, outcome, address, created_at)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let (id, detail) = (AuditId::generate(), self.detail.to_string());
        run!(
            conn,
            sql,
            id.as_str(),
            workspace.as_str(),
            &self.actor.name,
            self.action.as_str(),
            super::storable(&self.subject),
            detail,
            self.outcome.as_str(),
            &self.actor.address,
            now()
        )
        .map(|_| ())
    }
}

struct Forget {
    before: i64,
    most: i64,
}

#[async_trait]
impl Write for Forget {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql = "delete from audit_log where workspace_id = $1 and id in
                   (select id from audit_log where workspace_id = $1 and created_at < $2 order by created_at limit $3)";
        run!(conn, sql, workspace.as_str(), self.before, self.most)
    }
}
