//! Escalations: cases that need a person.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use super::response::{Answer, AuditedAnswer};
use crate::domain::{CaseReason, EscalationId, EscalationState, What};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Path, Query};
use crate::http::note::Note;
use crate::store::escalations::EscalationRow;

/// A case: a conversation needs a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Escalation {
    /// Its id.
    id: String,
    /// Id of the conversation.
    conversation_id: String,
    /// Id of the turn that called a person.
    turn_id: Option<String>,
    /// Why a person is needed.
    reason: String,
    /// The same as a code with its values; null for a reason that another version gave.
    reason_code: Option<CaseReason>,
    /// What the customer asked.
    question: String,
    /// State of the case.
    state: EscalationState,
    /// When it was opened, milliseconds since 1970.
    created_at: i64,
    /// When it was resolved, milliseconds since 1970.
    resolved_at: Option<i64>,
    /// The customer's name.
    contact_name: Option<String>,
    /// The customer's phone number, if WhatsApp tells it.
    wa_id: Option<String>,
    /// Name of the conversation's number.
    number_slug: String,
    /// Short name of the agent that answers on the number.
    agent: String,
}

impl From<EscalationRow> for Escalation {
    fn from(row: EscalationRow) -> Self {
        Self {
            id: row.id,
            conversation_id: row.conversation_id.to_string(),
            turn_id: row.turn_id,
            reason_code: CaseReason::of(&row.reason),
            reason: row.reason,
            question: row.question,
            state: row.state,
            created_at: row.created_at,
            resolved_at: row.resolved_at,
            contact_name: row.contact_name,
            wa_id: row.wa_id,
            number_slug: row.number_slug,
            agent: row.agent,
        }
    }
}

/// Filter for cases.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// If `true`, only open cases.
    #[serde(default)]
    open: bool,
}

/// Lists cases, newest first.
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

/// Closes a case. If it was the conversation's last open one, the bot gets the conversation back,
/// as if it had been resolved.
#[utoipa::path(post, path = "/escalations/{id}/resolve", operation_id = "resolve_escalation", tag = "escalations", params(("id" = String, Path)),
    responses((status = 200, body = Escalation), (status = 404, response = Problem)))]
pub(super) async fn resolve(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> AuditedAnswer<Escalation> {
    let missing = || Problem::not_found("case");
    let id = EscalationId::parse(&id).map_err(|_| missing())?;
    let (row, is_last) = web.desk.store.close_case(&id).await?.ok_or_else(missing)?;
    web.desk.notifier.changed(&row.conversation_id);
    web.desk.announce(What::Escalations).await;
    let note = Note::on(row.conversation_id.as_str(), json!({"case": row.id, "last": is_last}));
    Ok((note, Json(row.into())))
}
