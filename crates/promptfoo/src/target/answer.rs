//! Converts the results of transforms and scripts to responses.

use serde_json::Value;

use crate::result::Response;

/// Converts a result to a response. If `may_be_whole`, an object with `output` or `error` is the
/// response.
pub(super) fn of_value(value: Value, may_be_whole: bool) -> Response {
    let whole = may_be_whole && ["output", "error"].iter().any(|name| value.get(name).is_some());
    if !whole {
        return Response { output: value, ..Response::default() };
    }
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let error = match &value["error"] {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    Response {
        output: value["output"].clone(),
        error,
        token_usage: serde_json::from_value(value["tokenUsage"].clone()).ok(),
        cost: value["cost"].as_f64(),
        cached: value["cached"].as_bool().unwrap_or_default(),
        latency_ms: value["latencyMs"].as_f64(),
        finish_reason: text("finishReason"),
        log_probs: serde_json::from_value(value["logProbs"].clone()).ok(),
        guardrails: value["guardrails"].clone(),
        metadata: value["metadata"].clone(),
        ..Response::default()
    }
}
