//! Turns: why the bot said what it said.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Answer;
use crate::domain::{self, TurnId, TurnOutcome};
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::Path;

/// A passage that a reply rests on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Citation {
    /// Its mark in what the model wrote: 1 is `[1]`.
    mark: usize,
    /// The document's title.
    title: String,
    /// The document's path within its collection.
    source: String,
    /// The headings above the passage.
    heading: String,
    /// The page, slide or sheet that it is on; empty where a document has none.
    place: String,
}

impl From<domain::Citation> for Citation {
    fn from(cited: domain::Citation) -> Self {
        let domain::Citation { mark, title, source, heading, place } = cited;
        Self { mark, title, source, heading, place }
    }
}

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
    /// What each stage saw, decided, took and used.
    trace: Value,
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
    let trace: Value = serde_json::from_str(&row.trace).unwrap_or(Value::Null);
    let cited = trace.pointer("/reply/citations").cloned().unwrap_or_default();
    // Traces of older versions name none.
    let cited: Vec<domain::Citation> = serde_json::from_value(cited).unwrap_or_default();
    Ok(Json(Turn {
        trace,
        citations: cited.into_iter().map(Citation::from).collect(),
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
