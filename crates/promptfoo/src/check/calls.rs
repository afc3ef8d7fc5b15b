//! `tool-call-f1`: compares the tools that were called with the expected ones.

use std::collections::BTreeSet;

use serde_json::Value;

use super::GradingResult;
use super::prepare::PreparedAssertion;
use super::text::written;

/// F1 of the expected and the called tool names, as sets.
#[expect(clippy::cast_precision_loss, reason = "nobody calls 2^52 tools")]
pub(super) fn tool_call_f1(given: &PreparedAssertion<'_>) -> Result<GradingResult, String> {
    let expected: BTreeSet<String> = match &given.value {
        Value::Array(all) => all.iter().map(written).collect(),
        Value::String(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        _ => return Err("\"tool-call-f1\" assertion requires a value: array of tool names or comma-separated string".into()),
    };
    if expected.is_empty() {
        return Err("\"tool-call-f1\" assertion requires at least one expected tool name".into());
    }
    let mut called = BTreeSet::new();
    names(&given.output, &mut called, 0);
    let both = expected.intersection(&called).count() as f64;
    let share = |of: usize| if of > 0 { both / of as f64 } else { 0.0 };
    let (precision, recall) = (share(called.len()), share(expected.len()));
    let f1 = if precision + recall > 0.0 {
        2.0 * precision * recall / (precision + recall)
    } else {
        0.0
    };
    let threshold = given.assertion.threshold.unwrap_or(1.0);
    let pass = (f1 >= threshold) != given.inverse();
    let list =
        |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let wanted = list(&expected);
    let got = if called.is_empty() { "(none)".into() } else { list(&called) };
    let reason = if pass {
        format!(
            "Tool Call F1: {f1:.3} (precision={precision:.3}, recall={recall:.3}). Expected: [{wanted}], Called: [{got}]"
        )
    } else {
        let side = if given.inverse() { "above" } else { "below" };
        format!(
            "Tool Call F1 score {f1:.3} is {side} threshold {threshold}. Expected: [{wanted}], Called: [{got}]. \
             Precision={precision:.3}, Recall={recall:.3}"
        )
    };
    Ok(GradingResult::scored(pass, f1, reason))
}

/// Collects tool names from an output in the formats of model APIs, also from JSON inside text.
fn names(output: &Value, called: &mut BTreeSet<String>, depth: usize) {
    let mut add = |name: &Value| called.extend(name.as_str().map(str::to_owned));
    match output {
        Value::String(text) if depth < 3 => {
            if let Ok(parsed) = serde_json::from_str::<Value>(text) {
                return names(&parsed, called, depth + 1);
            }
            for line in text.lines().map(str::trim).filter(|line| line.starts_with(['{', '['])) {
                if let Ok(parsed) = serde_json::from_str::<Value>(line) {
                    names(&parsed, called, depth + 1);
                }
            }
        }
        Value::Object(fields) => {
            if let Some(Value::Array(calls)) = fields.get("tool_calls") {
                for call in calls {
                    add(&call["function"]["name"]);
                    add(&call["name"]);
                }
            } else if output["type"] == "tool_use" {
                add(&output["name"]);
            } else if output["functionCall"].is_object() {
                add(&output["functionCall"]["name"]);
            } else if let Value::Array(calls) = &output["toolCall"]["functionCalls"] {
                for call in calls {
                    add(&call["name"]);
                }
            }
        }
        Value::Array(blocks) => {
            for block in blocks {
                if block["functionCall"].is_object() {
                    add(&block["functionCall"]["name"]);
                } else if block["function"].is_object() {
                    add(&block["function"]["name"]);
                } else {
                    add(&block["name"]);
                }
            }
        }
        _ => {}
    }
}
