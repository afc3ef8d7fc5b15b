//! Escalations: the cases that wait for a person.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use super::response::Answer;
use crate::domain::{EscalationId, EscalationState, What};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Path, Query};
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
    /// How far it is.
    state: EscalationState,
    /// When it was opened, milliseconds since 1970.
    created_at: i64,
    /// When it was resolved, milliseconds since 1970.
    resolved_at: Option<i64>,
    /// The customer's name.
    contact_name: Option<String>,
    /// The name of the number that the conversation is on.
    number_slug: String,
    /// The short name of the agent that answers on the number.
    agent: String,
}

impl From<EscalationRow> for Escalation {
    fn from(row: EscalationRow) -> Self {
        Self {
            id: row.id,
            conversation_id: row.conversation_id.to_string(),
            turn_id: row.turn_id,
            reason: row.reason,
            question: row.question,
            state: row.state,
            created_at: row.created_at,
            resolved_at: row.resolved_at,
            contact_name: row.contact_name,
            number_slug: row.number_slug,
            agent: row.agent,
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

/// Cases, the newest first.
#[utoipa::path(get, path = "/escalations", operation_id = "list_escalations", tag = "escalations", params(Filter, Paging),
    responses((status = 200, body = Page<Escalation>), (status = 400, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Escalation>> {
    let (after, limit) = (paging.after()?, paging.limit());
    let rows = web.desk.store.escalations(filter.open, after, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.created_at, &row.id))))
}

/// Closes a case. When it was the conversation's last open one, the bot has the conversation again, as if that had been resolved.
#[utoipa::path(post, path = "/escalations/{id}/resolve", operation_id = "resolve_escalation", tag = "escalations", params(("id" = String, Path)),
    responses((status = 200, body = Escalation), (status = 404, response = Problem)))]
pub(super) async fn resolve(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Answer<Escalation> {
    let missing = || Problem::not_found("case");
    let id = EscalationId::parse(&id).map_err(|_| missing())?;
    let row = web.desk.store.close_case(&id).await?.ok_or_else(missing)?;
    web.desk.wake.changed(&row.conversation_id);
    web.desk.announce(What::Escalations).await;
    Ok(Json(row.into()))
}
