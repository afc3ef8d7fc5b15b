//! Saves replies as cases. Their authors must not be able to run code: only assertions that inspect
//! an answer are accepted, and no text of theirs is a template or names a file.

use frontdesk_promptfoo::script::linear;
use frontdesk_promptfoo::template::literal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};
use utoipa::ToSchema;

use super::{GeneratedCase, SuiteUpdate, Turn, origin, title, yaml};
use crate::domain::Line;

/// The accepted assertion types, each also with a `not-` prefix.
const ALLOWED_ASSERTIONS: &[&str] = &[
    "answered",
    "answer-relevance",
    "bubbles",
    "contains",
    "contains-all",
    "contains-any",
    "equals",
    "factuality",
    "format",
    "grounded",
    "handed-off",
    "icontains",
    "icontains-all",
    "icontains-any",
    "language",
    "latency",
    "llm-rubric",
    "no-reply",
    "regex",
    "retrieved",
    "rouge-n",
    "similar",
    "starts-with",
    "cost",
];
/// Assertion types whose value must be a text.
const WORDS: &[&str] = &[
    "contains",
    "icontains",
    "starts-with",
    "regex",
    "language",
    "llm-rubric",
    "factuality",
    "rouge-n",
];
/// Maximum absolute value of a check's threshold and weight.
const MAX_NUMBER: f64 = 1_000_000.0;
/// Maximum size of an assertion, in bytes of its JSON.
const MAX_CHECK_LEN: usize = 20_000;
/// Maximum assertions per case.
const MAX_CHECKS: usize = 20;
/// ROUGE-N threshold against the saved reply when no checks are given.
const LIKE: f64 = 0.5;

/// A reply to save.
#[derive(Debug, Clone, Default)]
pub struct SavedReply {
    /// The case's title; when empty, the first words of `text` are used.
    pub title: String,
    /// Messages before the customer's.
    pub history: Vec<Line>,
    /// The customer's message.
    pub text: String,
    /// The bot's answer, or the answer it should give.
    pub reply: String,
    /// Assertions on the answer; `None` uses the default ones.
    pub checks: Option<Vec<Check>>,
}

/// An assertion on an answer, as written in a suite: `{"type": "icontains", "value": "9:00"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCheck)]
pub struct Check {
    /// The assertion type, such as `icontains` or `not-icontains`.
    #[serde(rename = "type")]
    kind: String,
    /// The value to compare with, for types that need one.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// The threshold, such as the minimum score, or the maximum for `cost` and `latency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = -1_000_000, maximum = 1_000_000)]
    threshold: Option<Number>,
    /// Weight of this check relative to the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = -1_000_000, maximum = 1_000_000)]
    weight: Option<Number>,
    /// The name under which its score is reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
}

/// Converts a reply to a case; the error says what is not accepted.
pub fn case_from_reply(saving: &SavedReply) -> Result<GeneratedCase, String> {
    let assert = match &saving.checks {
        Some(checks) => checks.iter().map(checked).collect::<Result<_, _>>()?,
        None => usual(&saving.reply)?,
    };
    if assert.is_empty() || assert.len() > MAX_CHECKS {
        return Err(format!("`checks` are 1 to {MAX_CHECKS}"));
    }
    let said = |line: &Line| json!({line.speaker.as_str(): literal(&line.text)});
    let mut options = Map::new();
    if !saving.history.is_empty() {
        options.insert("history".into(), saving.history.iter().map(said).collect());
    }
    let called = if saving.title.trim().is_empty() { &saving.text } else { &saving.title };
    let (says, comment) = (saving.text.trim().to_owned(), saving.reply.trim().to_owned());
    Ok(GeneratedCase {
        description: title(called),
        turns: vec![Turn { says, assert }],
        options,
        metadata: origin("console", "saved"),
        comment: Some(comment).filter(|comment| !comment.is_empty()),
    })
}

/// Default assertions: the bot answers, in similar words.
fn usual(reply: &str) -> Result<Vec<Value>, String> {
    if reply.trim().is_empty() {
        return Err("`reply` is empty: say in `checks` what must hold of an answer".into());
    }
    let like = json!({"type": "rouge-n", "value": reply.trim(), "threshold": LIKE});
    Ok(vec![json!({"type": "answered"}), like])
}

fn checked(check: &Check) -> Result<Value, String> {
    let kind = check.kind.as_str();
    if !ALLOWED_ASSERTIONS.contains(&kind.strip_prefix("not-").unwrap_or(kind)) {
        let known = ALLOWED_ASSERTIONS.join(", ");
        return Err(format!(
            "`{kind}` is no check that can be saved; there are: {known}, each also with `not-`"
        ));
    }
    let plain_kind = kind.strip_prefix("not-").unwrap_or(kind);
    let value = check.value.as_ref().unwrap_or(&Value::Null);
    if WORDS.contains(&plain_kind) && !value.is_string() {
        return Err(format!("`value` of `{kind}` is a text"));
    }
    if plain_kind == "regex"
        && let Err(error) = linear(value.as_str().unwrap_or_default())
    {
        return Err(format!("`value` of `{kind}` is no pattern: {error}"));
    }
    let numbers = [("threshold", &check.threshold), ("weight", &check.weight)];
    for (name, number) in numbers {
        if number.as_ref().and_then(Number::as_f64).is_some_and(|it| it.abs() > MAX_NUMBER) {
            return Err(format!("`{name}` of `{kind}` is at most {MAX_NUMBER} either way"));
        }
    }
    if let Some(key) = special(value) {
        return Err(format!(
            "`value` of `{kind}` has a key `{key}`: keys are letters, digits, - and _"
        ));
    }
    let written = serde_json::to_value(check).map_err(|error| error.to_string())?;
    if written.to_string().len() > MAX_CHECK_LEN {
        return Err(format!("a check may have {MAX_CHECK_LEN} bytes"));
    }
    Ok(written)
}

/// Returns a key with a special meaning to the suite loader, such as `$ref`.
fn special(value: &Value) -> Option<&str> {
    match value {
        Value::Array(all) => all.iter().find_map(special),
        Value::Object(map) => {
            let plain =
                |key: &&String| !key.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
            map.keys().find(plain).map(String::as_str).or_else(|| map.values().find_map(special))
        }
        _ => None,
    }
}

/// Returns the suite's text with the case added; `head` begins a new suite.
pub fn with_case(
    text: &str,
    head: &str,
    case: &GeneratedCase,
) -> Result<(String, SuiteUpdate), String> {
    let mut known = yaml::ExistingCases::of(text)?;
    if !known.adds(case) {
        return Ok((text.to_owned(), SuiteUpdate { added: 0, known: 1 }));
    }
    let text = if text.trim().is_empty() { head } else { text };
    let text = yaml::put(text, std::slice::from_ref(case))?;
    Ok((text, SuiteUpdate { added: 1, known: 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saving(checks: Option<Vec<Check>>) -> SavedReply {
        SavedReply {
            text: "When?".into(),
            reply: "At {{nine}}.".into(),
            checks,
            ..SavedReply::default()
        }
    }

    #[test]
    fn nothing_that_runs_or_reads_is_saved() {
        for check in [
            json!({"type": "python", "value": "1"}),
            json!({"type": "javascript", "value": "1"}),
            json!({"type": "webhook", "value": "http://x"}),
            json!({"type": "contains", "value": "x", "transform": "process.exit()"}),
            json!({"type": "llm-rubric", "value": "x", "provider": "exec:sh"}),
            json!({"type": "contains", "value": 3}),
            json!({"type": "regex", "value": "("}),
            json!({"type": "similar", "value": "x", "threshold": "high"}),
            json!({"type": "similar", "value": "x", "weight": 1e300}),
            json!({"type": "retrieved", "value": {"$ref": "file:///etc/passwd"}}),
            json!({"type": "contains", "value": "x".repeat(MAX_CHECK_LEN)}),
            json!("contains"),
            json!({}),
        ] {
            let read = serde_json::from_value::<Check>(check.clone());
            assert!(
                read.is_err() || case_from_reply(&saving(read.ok().map(|it| vec![it]))).is_err(),
                "{check}"
            );
        }
        assert!(case_from_reply(&saving(Some(Vec::new()))).is_err());
        let any = json!([{"type": "contains-any", "value": ["{{env.HOME}}", "file://x"]}]);
        let made = case_from_reply(&saving(serde_json::from_value(any).expect("checks")));
        let assert = made.expect("it is inert").written()["assert"][0].clone();
        assert_eq!(assert["value"], json!(["{{ \"{\" }}{env.HOME}}", "{{ \"file://\" }}x"]));
    }

    #[test]
    fn a_reply_alone_is_a_case_that_a_suite_has_once() {
        let case = case_from_reply(&saving(None)).expect("a case");
        assert_eq!(case.written()["assert"][1]["value"], "At {{ \"{\" }}{nine}}.");
        let (text, put) = with_case("", "providers: [frontdesk:acme]\n", &case).expect("a suite");
        assert!(put.added == 1 && text.contains("frontdesk:acme"), "{text}");
        let (same, put) = with_case(&text, "", &case).expect("a suite");
        assert_eq!((same, put.known), (text, 1));
        let none = SavedReply { reply: " ".into(), ..saving(None) };
        assert!(case_from_reply(&none).is_err());
    }
}
