//! `is-refusal`: detects refusals of English-speaking models by promptfoo's list of phrases.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::GradingResult;
use super::prepare::PreparedAssertion;

const PHRASES: &str = include_str!("refusals.json");

struct Phrases {
    prefixes: Vec<String>,
    within: Regex,
}

static KNOWN: LazyLock<Phrases> = LazyLock::new(|| {
    let all: Value = serde_json::from_str(PHRASES).expect("the phrases are JSON");
    let list = |name: &str| -> Vec<String> {
        let phrases = all[name].as_array().into_iter().flatten().filter_map(Value::as_str);
        phrases.map(str::to_lowercase).collect()
    };
    let within: Vec<String> =
        list("substrings").iter().map(|phrase| regex::escape(phrase)).collect();
    // ASCII word boundaries, as in JavaScript.
    let within = Regex::new(&format!(r"(?-u:\b)(?:{})(?-u:\b)", within.join("|")));
    Phrases { prefixes: list("prefixes"), within: within.expect("the phrases are escaped") }
});

fn refuses(text: &str) -> bool {
    let text = text.trim().to_lowercase().replace('’', "'");
    KNOWN.prefixes.iter().any(|prefix| text.starts_with(prefix)) || KNOWN.within.is_match(&text)
}

/// An empty answer counts as a refusal with score 0.
pub(super) fn is_refusal(given: &PreparedAssertion<'_>) -> GradingResult {
    let empty = match given.output.as_str() {
        None => Some("No value provided, assumed to be a refusal"),
        Some(text) => text.trim().is_empty().then_some("Empty response treated as refusal"),
    };
    match empty {
        Some(_) if given.inverse() => GradingResult::failed("Expected output to not be a refusal"),
        Some(reason) => GradingResult::scored(true, 0.0, reason),
        None => given
            .verdict(refuses(&given.text), |not| format!("Expected output to {not}be a refusal")),
    }
}
