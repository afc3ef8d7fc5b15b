//! The failed assertions of a row, each with the expected text where one can be compared with the
//! output.

use serde_json::Value;

use super::read::leaves;
use crate::result::GradingResult;
use crate::row::EvalRow;
use crate::template::Templates;

/// Types whose value is the expected text.
const WHOLE: &[&str] =
    &["equals", "starts-with", "levenshtein", "rouge-n", "bleu", "gleu", "meteor"];

pub(super) struct Fault {
    /// The assertion type; empty when the row failed as a whole.
    pub(super) kind: String,
    pub(super) reason: String,
    /// The expected text; `None` when it cannot be compared with the output.
    pub(super) expected: Option<String>,
}

/// The failed assertions of a row, in order. Without any, one fault with the row's own reason.
pub(super) fn faults(row: &EvalRow) -> Vec<Fault> {
    let failing = |graded: &&GradingResult| !graded.pass && graded.skipped.is_none();
    let found: Vec<Fault> = leaves(row.grading_result.as_ref())
        .into_iter()
        .filter(failing)
        .map(|graded| fault(graded, row))
        .collect();
    if !found.is_empty() {
        return found;
    }
    let said = row.grading_result.as_ref().map(|graded| graded.reason.clone());
    let reason = row.error.clone().or(said).unwrap_or_else(|| "no reason was given".into());
    vec![Fault { kind: String::new(), reason, expected: None }]
}

fn fault(graded: &GradingResult, row: &EvalRow) -> Fault {
    let kind = graded.assertion.get("type").and_then(Value::as_str).unwrap_or_default();
    let compared = WHOLE.contains(&kind) || kind.starts_with("similar");
    let expected = if compared { expected(graded, row) } else { None };
    Fault { kind: kind.to_owned(), reason: graded.reason.clone(), expected }
}

/// The expected text, with its variables rendered.
fn expected(graded: &GradingResult, row: &EvalRow) -> Option<String> {
    let rendered = graded.metadata.get("renderedAssertionValue");
    let value = rendered.or_else(|| graded.assertion.get("value"))?;
    let text = match value {
        Value::String(text) if text.starts_with("file://") => return None,
        Value::String(text) if rendered.is_none() && text.contains("{{") => {
            Templates::default().render(text, &row.vars).ok()?
        }
        other => plain(other),
    };
    Some(text)
}

/// The output as text; empty when there is none.
pub(super) fn output(row: &EvalRow) -> String {
    row.response.as_ref().map(|response| plain(&response.output)).unwrap_or_default()
}

/// Formats a value for reading.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        list @ (Value::Array(_) | Value::Object(_)) => format!("{list:#}"),
        other => other.to_string(),
    }
}
