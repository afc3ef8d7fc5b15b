//! Turns: why the bot said what it said.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::response::Answer;
use crate::domain::{Citation, Trace, TurnId, TurnOutcome};
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::Path;

/// One run of the pipeline.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Turn {
    /// Its id.
    id: String,
    /// The conversation.
    conversation_id: String,
    /// The prompt version that answered.
    version_id: Option<String>,
    /// What became of it.
    outcome: TurnOutcome,
    /// The passages that the reply rests on.
    citations: Vec<Citation>,
    /// What each stage saw, decided, took and used; null where another version wrote what this one cannot read.
    trace: Option<Trace>,
    /// Tokens read.
    input_tokens: i64,
    /// Tokens written.
    output_tokens: i64,
    /// Money, in millionths of a dollar.
    cost_micros: i64,
    /// When it was committed, milliseconds since 1970.
    created_at: i64,
}

/// One turn with its trace.
#[utoipa::path(get, path = "/turns/{id}", operation_id = "get_turn", tag = "turns", params(("id" = String, Path)),
    responses((status = 200, body = Turn), (status = 404, response = Problem)))]
pub(super) async fn one(State(web): State<Shared>, Path(id): Path<String>) -> Answer<Turn> {
    let missing = || Problem::not_found("turn");
    let id = TurnId::parse(&id).map_err(|_| missing())?;
    let row = web.desk.store.turn(&id).await?.ok_or_else(missing)?;
    // The rest of the turn is shown all the same.
    let trace: Option<Trace> = serde_json::from_str(&row.trace).ok();
    let reply = trace.as_ref().and_then(|trace| trace.reply.as_ref());
    Ok(Json(Turn {
        citations: reply.map(|reply| reply.citations.clone()).unwrap_or_default(),
        trace,
        id: row.id,
        conversation_id: row.conversation_id,
        version_id: row.version_id,
        outcome: row.outcome,
        input_tokens: row.input_tokens,
        output_tokens: row.output_tokens,
        cost_micros: row.cost_micros,
        created_at: row.created_at,
    }))
}
