//! Assertions on the evidence for an answer: the passages found, the documents cited, and whether
//! they support it.

use frontdesk_promptfoo::result::{GradingResult, SeenTurn};
use frontdesk_promptfoo::suite::Assertion;
use serde_json::Value;

use super::{holds, is, list, text};
use crate::domain::TurnOutcome;

/// Returns whether a document matches a name: its full path, the end of its path, or its title.
fn is_document(source: &str, title: &str, wanted: &str) -> bool {
    let ends =
        source.strip_suffix(wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    ends || title.eq_ignore_ascii_case(wanted)
}

/// `value`: a document, several (all must be found), or `{document, rank, contains}`: among the
/// first `rank` passages. The score is the reciprocal rank of the worst match.
pub(super) fn retrieved(assertion: &Assertion, turn: &SeenTurn) -> GradingResult {
    let value = &assertion.value;
    let none = Vec::new();
    let passages =
        turn.trace.pointer("/retrieve/passages").and_then(Value::as_array).unwrap_or(&none);
    let most = value
        .get("rank")
        .and_then(Value::as_u64)
        .and_then(|rank| usize::try_from(rank).ok())
        .unwrap_or(usize::MAX);
    let wanted = match value.get("document") {
        Some(document) => list(document),
        None => list(value),
    };
    let holding = text(value, "contains");
    if wanted.is_empty() && holding.is_none() {
        return GradingResult::when(!passages.is_empty(), || "nothing was found".into());
    }
    let found: Vec<_> = passages.iter().map(parts).collect();
    let place = |document: Option<&str>| {
        let fits = |&(source, title, text): &(&str, &str, &str)| {
            document.is_none_or(|document| is_document(source, title, document))
                && holding.is_none_or(|part| holds(text, part))
        };
        found.iter().position(fits).map(|at| at + 1)
    };
    let asked: Vec<_> =
        if wanted.is_empty() { vec![None] } else { wanted.into_iter().map(Some).collect() };
    let mut worst = 1;
    for document in asked {
        let what = document.or(holding).unwrap_or_default();
        match place(document) {
            Some(rank) if rank <= most => worst = worst.max(rank),
            Some(rank) => {
                return GradingResult::failed(format!(
                    "`{what}` is found at rank {rank}, not among the first {most}"
                ));
            }
            None => {
                let names: Vec<_> = found.iter().map(|(source, ..)| *source).collect();
                let names = if names.is_empty() { "nothing".into() } else { names.join(", ") };
                return GradingResult::failed(format!("`{what}` was not found; found: {names}"));
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a rank is small")]
    let score = 1.0 / worst as f64;
    GradingResult::scored(
        assertion.threshold.is_none_or(|least| score >= least),
        score,
        format!("found at rank {worst}"),
    )
}

/// Returns source, title and text of a passage.
fn parts(passage: &Value) -> (&str, &str, &str) {
    let part = |name| {
        passage.pointer(&format!("/chunk/{name}")).and_then(Value::as_str).unwrap_or_default()
    };
    (part("source"), part("title"), part("body"))
}

/// `value`: nothing (any citation), a document, or several.
pub(super) fn cited(value: &Value, turn: &SeenTurn) -> GradingResult {
    let names =
        || if turn.citations.is_empty() { "none".into() } else { turn.citations.join(", ") };
    let wanted = list(value);
    if wanted.is_empty() {
        return GradingResult::when(!turn.citations.is_empty(), || {
            "the answer names no document".into()
        });
    }
    let is_there = |wanted: &&&str| {
        turn.citations.iter().any(|cited| {
            let source = cited.split(", ").next().unwrap_or_default();
            cited == *wanted || is_document(source, source, wanted)
        })
    };
    match wanted.iter().find(|wanted| !is_there(wanted)) {
        Some(missing) => {
            GradingResult::failed(format!("`{missing}` is not cited; cited: {}", names()))
        }
        None => GradingResult::passed(),
    }
}

/// `threshold`: minimum support, 0 to 1. Without it every statement must count as supported.
pub(super) fn grounded(assertion: &Assertion, turn: &SeenTurn) -> GradingResult {
    if !is(turn, TurnOutcome::Answer) {
        return GradingResult::scored(true, 1.0, format!("nothing is claimed: {}", turn.outcome));
    }
    let Some(checked) = turn.trace.pointer("/reply/checked").filter(|checked| !checked.is_null())
    else {
        let quotes =
            turn.trace.pointer("/reply/model").and_then(Value::as_str) == Some("extractive");
        let curated = turn.trace.get("reply").is_none_or(Value::is_null);
        return if quotes || curated {
            GradingResult::scored(true, 1.0, "the answer is the documents' own words")
        } else {
            GradingResult::skipped("the agent's `grounding` is off: nothing was checked")
        };
    };
    let score = checked.get("score").and_then(Value::as_f64).unwrap_or(0.0);
    let none = Vec::new();
    let verdicts = checked.get("verdicts").and_then(Value::as_array).unwrap_or(&none);
    let doubted: Vec<_> = verdicts
        .iter()
        .filter(|one| one.get("supported") == Some(&Value::Bool(false)))
        .filter_map(|one| text(one, "text"))
        .collect();
    let pass = assertion.threshold.map_or(doubted.is_empty(), |least| score >= least);
    let reason = match doubted.as_slice() {
        [] => format!("every statement is supported ({score:.2})"),
        doubted => format!("not supported ({score:.2}): {}", doubted.join(" | ")),
    };
    GradingResult::scored(pass, score, reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::trace::RetrieveTrace;
    use crate::domain::{Chunk, Owner, Passage, Trace};
    use crate::eval::seen;

    #[test]
    fn what_a_found_passage_contains_is_found() {
        let source = "hours.md".into();
        let found = Passage::from(Chunk { source, ..Chunk::saying("We open at nine.") });
        let passages = [found].into();
        let retrieve = Some(RetrieveTrace { passages, ..RetrieveTrace::default() });
        let trace = serde_json::to_value(Trace { retrieve, ..Trace::default() }).unwrap();
        let turn = SeenTurn { trace, ..seen::turn(TurnOutcome::Answer, Owner::Bot) };
        let passes = |value| retrieved(&Assertion { value, ..Assertion::default() }, &turn).pass;
        assert!(passes(json!({"document": "hours.md", "contains": "at nine"})));
        assert!(passes(json!({"contains": "at nine"})));
        assert!(!passes(json!({"contains": "at ten"})));
    }
}
