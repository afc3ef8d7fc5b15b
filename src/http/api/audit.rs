//! The audit log: who did what, how it ended, and from where.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use super::response::Answer;
use crate::domain::audit::{Action, Outcome};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Query;
use crate::store::audit::{AuditRow, Filter};

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct Entry {
    /// Its id.
    id: String,
    /// Who did it: `admin key`, `console` with the start of the session's hash, the user and the
    /// terminal, or `desk` for what the desk itself does.
    actor: String,
    /// The action.
    action: Action,
    /// What it was done to, such as an agent's short name or the id of a conversation.
    subject: String,
    /// How it ended.
    outcome: Outcome,
    /// Address of the connection, which may be a proxy's; empty for commands and the desk itself.
    address: String,
    /// Details of the action.
    #[schema(value_type = Object)]
    detail: Value,
    /// When it happened, milliseconds since 1970.
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
            outcome: row.outcome,
            address: row.address,
            created_at: row.created_at,
        }
    }
}

/// Filter for audit entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Only entries with this action.
    #[param(inline)]
    action: Option<Action>,
    /// Only entries with this outcome.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// Only entries of this actor.
    actor: Option<String>,
    /// Only entries on this subject.
    subject: Option<String>,
    /// Only entries from this moment on, milliseconds since 1970.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    since: Option<i64>,
}

impl AuditQuery {
    fn filter(self) -> Filter {
        let Self { action, outcome, actor, subject, since } = self;
        Filter { action, outcome, actor, subject, since, before: None }
    }
}

/// Lists the entries of the audit log, newest first.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", tag = "audit", params(AuditQuery, Paging),
    responses((status = 200, body = Page<Entry>), (status = 400, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Query(which): Query<AuditQuery>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Entry>> {
    let (before, limit) = (paging.after()?, paging.limit());
    let rows = web.desk.store.audit_log(&Filter { before, ..which.filter() }, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.created_at, &row.id))))
}
