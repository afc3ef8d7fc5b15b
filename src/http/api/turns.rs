//! Turns: why the bot answered as it did.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::response::Answer;
use crate::domain::{Citation, Trace, TurnId, TurnOutcome};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;

/// A turn: one run of the pipeline.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Turn {
    /// Its id.
    id: String,
    /// Id of the conversation.
    conversation_id: String,
    /// Id of the prompt version that answered.
    version_id: Option<String>,
    /// Outcome; null if this version of frontdesk does not know it.
    outcome: Option<TurnOutcome>,
    /// Passages that the reply is based on.
    citations: Vec<Citation>,
    /// What each stage saw, decided and used, and how long it took; null if this version of
    /// frontdesk cannot read it.
    trace: Option<Trace>,
    /// Input tokens.
    input_tokens: i64,
    /// Output tokens.
    output_tokens: i64,
    /// Cost, in millionths of a dollar.
    cost_micros: i64,
    /// When it was committed, milliseconds since 1970.
    created_at: i64,
}

/// Returns one turn with its trace.
#[utoipa::path(get, path = "/turns/{id}", operation_id = "get_turn", tag = "turns", params(("id" = String, Path)),
    responses((status = 200, body = Turn), (status = 404, response = Problem)))]
pub(super) async fn one(State(web): State<WebState>, Path(id): Path<String>) -> Answer<Turn> {
    let missing = || Problem::not_found("turn");
    let id = TurnId::parse(&id).map_err(|_| missing())?;
    let row = web.desk.store.turn(&id).await?.ok_or_else(missing)?;
    let (trace, citations) = read(&row.trace);
    Ok(Json(Turn {
        citations,
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

/// Reads a stored trace and the citations of its reply. The citations are readable even if another
/// version wrote the rest in a different way.
fn read(stored: &str) -> (Option<Trace>, Vec<Citation>) {
    let whole: Value = serde_json::from_str(stored).unwrap_or_default();
    let cited = whole.pointer("/reply/citations").cloned();
    // Traces of older versions have no citations.
    let cited = cited.and_then(|cited| serde_json::from_value(cited).ok()).unwrap_or_default();
    (serde_json::from_value(whole).ok(), cited)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_passages_of_a_turn_are_shown_also_where_its_trace_cannot_be_read() {
        let cited = json!([{"mark": 1, "title": "Hours", "source": "hours.md", "heading": ""}]);
        let stored = json!({"route": "of a later version", "reply": {"kind": "of a later version", "citations": cited}});
        let (trace, citations) = read(&stored.to_string());
        assert_eq!((trace, citations[0].title.as_str()), (None, "Hours"));
        let (trace, citations) = read("{}");
        assert_eq!(
            (trace.is_some(), citations.len()),
            (serde_json::from_str::<Trace>("{}").is_ok(), 0)
        );
        assert_eq!(read("nonsense"), (None, Vec::new()));
    }
}
