//! Escalations: the cases that wait for a person.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use crate::http::Shared;
use crate::http::extract::Query;
use crate::store::escalations::EscalationRow;

/// A case.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Escalation {
    /// Its id.
    id: String,
    /// The conversation.
    conversation_id: String,
    /// The turn that called a person.
    turn_id: Option<String>,
    /// Why.
    reason: String,
    /// What the customer asked.
    question: String,
    /// `open` or `resolved`.
    state: String,
    /// When it was opened, milliseconds since 1970.
    created_at: i64,
    /// When it was resolved, milliseconds since 1970.
    resolved_at: Option<i64>,
}

impl From<EscalationRow> for Escalation {
    fn from(row: EscalationRow) -> Self {
        Self {
            id: row.id,
            conversation_id: row.conversation_id,
            turn_id: row.turn_id,
            reason: row.reason,
            question: row.question,
            state: row.state,
            created_at: row.created_at,
            resolved_at: row.resolved_at,
        }
    }
}

/// Which cases.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only those that wait for a person.
    #[serde(default)]
    open: bool,
}

/// The newest 200 cases.
#[utoipa::path(get, path = "/escalations", operation_id = "list_escalations", tag = "escalations", params(Filter),
    responses((status = 200, body = [Escalation])))]
pub(super) async fn list(
    State(web): State<Shared>,
    Query(filter): Query<Filter>,
) -> Answer<Vec<Escalation>> {
    let rows = web.desk.store.escalations(filter.open, 200).await?;
    Ok(Json(rows.into_iter().map(Escalation::from).collect()))
}
