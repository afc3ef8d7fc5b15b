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

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct Entry {
    /// Its id.
    id: String,
    /// Who did it: `admin key`, `console` with the beginning of its session, or who sat at which terminal.
    actor: String,
    /// What.
    action: Action,
    /// To what, such as an agent's short name or the id of a conversation.
    subject: String,
    /// How it ended.
    outcome: Outcome,
    /// The address of the connection, which may be a proxy's; empty for commands and the desk itself.
    address: String,
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
            outcome: row.outcome,
            address: row.address,
            created_at: row.created_at,
        }
    }
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Only this action.
    #[param(inline)]
    action: Option<Action>,
    /// Only those that ended so.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// Only those of this actor.
    actor: Option<String>,
    /// Only those on this object.
    subject: Option<String>,
    /// Only those since this moment, milliseconds since 1970.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    since: Option<i64>,
}

impl AuditQuery {
    fn filter(self) -> Filter {
        let Self { action, outcome, actor, subject, since } = self;
        Filter { action, outcome, actor, subject, since, before: None }
    }
}

/// What was done, newest first.
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
