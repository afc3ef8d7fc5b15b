//! Pausing the bot on a number, and letting it answer again.

use axum::Json;
use axum::extract::State;
use serde_json::json;

use super::super::response::AuditedAnswer;
use super::reload_numbers;
use super::view::{Number, read, row};
use crate::domain::NumberId;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;
use crate::http::note::Note;
use crate::store::numbers::shown_slug;

/// Pauses the bot on a number. Customers' messages are stored and shown, and nobody is answered. What waits
/// for the bot is left to people, with a case.
#[utoipa::path(
    post, path = "/numbers/{id}/pause", operation_id = "pause_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses((status = 200, body = Number), (status = 404, response = Problem))
)]
pub(in super::super) async fn pause(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> AuditedAnswer<Number> {
    set_paused(&web, &id, true).await
}

/// Lets the bot answer on a number again, from the next message on.
#[utoipa::path(
    post, path = "/numbers/{id}/resume", operation_id = "resume_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses((status = 200, body = Number), (status = 404, response = Problem))
)]
pub(in super::super) async fn resume(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> AuditedAnswer<Number> {
    set_paused(&web, &id, false).await
}

async fn set_paused(web: &WebState, id: &str, paused: bool) -> AuditedAnswer<Number> {
    let row = row(web, id).await?;
    let left = web.desk.store.pause_bot(&NumberId::stored(row.id.clone()), paused).await?;
    let left = left.ok_or_else(|| Problem::not_found("number"))?;
    reload_numbers(web).await;
    for conversation in &left {
        web.desk.notifier.conversation_event(conversation, None);
    }
    let note = Note::on(shown_slug(&row.slug, &row.id), json!({}));
    Ok((note, Json(read(web, &row.id).await?)))
}
