//! The audit log: who did what that changes how customers are answered. Rows are added, never changed.

use async_trait::async_trait;
use sqlx::FromRow;

use super::{Conn, Result, Store, Write, all, now, run};
use crate::domain::{AuditId, WorkspaceId};

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// Its id.
    pub id: String,
    /// Who did it, such as `admin key` or `ada on box1`.
    pub actor: String,
    /// What, such as `agent.publish`.
    pub action: String,
    /// To what, such as an agent's short name.
    pub subject: String,
    /// More of it, as JSON.
    pub detail: String,
    /// When, milliseconds since 1970.
    pub created_at: i64,
}

/// Something to write down.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who did it.
    pub actor: String,
    /// What.
    pub action: &'static str,
    /// To what.
    pub subject: String,
    /// More of it.
    pub detail: serde_json::Value,
}

impl Store {
    /// Writes down what was done.
    pub async fn audit(&self, entry: Entry) -> Result<()> {
        self.apply(entry).await
    }

    /// What was done, newest first, at most `limit`, from before a row.
    pub async fn audit_log(
        &self,
        before: Option<(i64, &str)>,
        limit: i64,
    ) -> Result<Vec<AuditRow>> {
        let workspace = self.workspace_id();
        let (at, id) = before.unwrap_or((i64::MAX, ""));
        self.read(async |conn| {
            let sql = "select id, actor, action, subject, detail, created_at from audit_log
                       where workspace_id = $1 and (created_at < $2 or (created_at = $2 and id < $3))
                       order by created_at desc, id desc limit $4";
            all!(conn, AuditRow, sql, workspace.as_str(), at, id, limit)
        })
        .await
    }
}

#[async_trait]
impl Write for Entry {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql =
            "insert into audit_log (id, workspace_id, actor, action, subject, detail, created_at)
                   values ($1, $2, $3, $4, $5, $6, $7)";
        let (id, detail) = (AuditId::generate(), self.detail.to_string());
        run!(
            conn,
            sql,
            id.as_str(),
            workspace.as_str(),
            &self.actor,
            self.action,
            &self.subject,
            detail,
            now()
        )
        .map(|_| ())
    }
}
