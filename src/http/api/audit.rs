//! The audit log: who did what that changes how customers are answered.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Answer;
use super::page::{Page, Paging};
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::Query;
use crate::store::audit::AuditRow;

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entry {
    /// Its id.
    id: String,
    /// Who did it, such as `admin key` or `ada on box1`.
    actor: String,
    /// What: `agent.published`, `agent.refused`, `agent.forced`, `knowledge.refused` …
    action: String,
    /// To what, such as an agent's short name.
    subject: String,
    /// More of it.
    #[schema(value_type = Object)]
    detail: Value,
    /// When, milliseconds since 1970.
    created_at: i64,
}

impl From<AuditRow> for Entry {
    fn from(row: AuditRow) -> Self {
        Self {
            detail: serde_json::from_str(&row.detail).unwrap_or(Value::Null),
            id: row.id,
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            created_at: row.created_at,
        }
    }
}

/// What was done, newest first.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", tag = "audit", params(Paging),
    responses((status = 200, body = Page<Entry>), (status = 400, response = Problem)))]
pub(super) async fn list(
    State(web): State<Shared>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Entry>> {
    let (after, limit) = (paging.after()?, paging.limit());
    let after = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let rows = web.desk.store.audit_log(after, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.created_at, &row.id))))
}
