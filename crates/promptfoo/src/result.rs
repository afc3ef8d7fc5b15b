//! What became of assertions and cases: plain data in the shape that promptfoo's reports have.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

words! {
    /// What an agent does in one step of its way.
    pub enum StepKind {
        /// It uses a tool.
        Tool = "tool",
        /// It runs a command.
        Command = "command",
        /// It searches.
        Search = "search",
        /// It thinks.
        Reasoning = "reasoning",
        /// It says something.
        Message = "message",
        /// Anything else that was recorded.
        Span = "span",
    }
}

/// What became of one assertion, or of all of a case together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = AssertionResult)]
pub struct GradingResult {
    /// Whether it holds.
    pub pass: bool,
    /// How well; mostly 0 to 1, but some types are not bounded.
    pub score: f64,
    /// Why.
    pub reason: String,
    /// Named scores, for all assertions of a case together.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub named_scores: Map<String, Value>,
    /// What graders used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_used: Option<Tokens>,
    /// The parts, for all assertions of a case together and for types that have parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub component_results: Option<Vec<GradingResult>>,
    /// The assertion as it is written.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub assertion: Value,
    /// Why it could not be tried. Then `pass` is false and it counts for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What went wrong with the assertion itself; the whole row is an error then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What else is known, such as the grader's prompt or a guardrail's verdict.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

impl GradingResult {
    /// It holds.
    pub fn passed() -> Self {
        Self { pass: true, score: 1.0, reason: "Assertion passed".into(), ..Self::default() }
    }

    /// It does not, and why.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// It holds or not, with the reason why not.
    pub fn when(pass: bool, reason: impl FnOnce() -> String) -> Self {
        if pass { Self::passed() } else { Self::failed(reason()) }
    }

    /// It holds or not, with a score and a reason.
    pub fn scored(pass: bool, score: f64, reason: impl Into<String>) -> Self {
        Self { pass, score, reason: reason.into(), ..Self::default() }
    }

    /// It cannot be tried here, and why.
    pub fn skipped(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { reason: format!("skipped: {why}"), skipped: Some(why), ..Self::default() }
    }

    /// It cannot be tried because it, or what it is tried on, is wrong: the row is an error.
    pub fn error(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { reason: why.clone(), error: Some(why), ..Self::default() }
    }
}

/// Tokens that were used, in promptfoo's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = EvalTokens)]
pub struct Tokens {
    /// All.
    pub total: u64,
    /// Read by the model.
    pub prompt: u64,
    /// Written by the model.
    pub completion: u64,
    /// Not paid for, because the answer was in the cache.
    pub cached: u64,
    /// Requests.
    pub num_requests: u64,
}

impl std::ops::AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.prompt += other.prompt;
        self.completion += other.completion;
        self.cached += other.cached;
        self.num_requests += other.num_requests;
    }
}

/// What a target answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = TargetResponse)]
pub struct Response {
    /// The answer: text, or an object where the target gives one. Null when there is none.
    pub output: Value,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_usage: Option<Tokens>,
    /// Dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Whether it came from the cache.
    pub cached: bool,
    /// Milliseconds, where the target knows better than the runner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Why the model stopped, such as `stop` or `length`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Logarithms of the probabilities of the answer's tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_probs: Option<Vec<f64>>,
    /// `{flagged, flaggedInput, flaggedOutput, reason}`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub guardrails: Value,
    /// What else the target tells.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// Spans that the target recorded, for `trace-*` and `trajectory:*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans: Option<Vec<Span>>,
    /// What our own pipeline did, one for each turn of the conversation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<SeenTurn>,
    /// Why nothing could be asked here, such as `no python`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// One span of an OpenTelemetry trace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = TargetSpan)]
pub struct Span {
    /// Its id.
    pub span_id: String,
    /// The one that it is part of.
    pub parent_span_id: Option<String>,
    /// Its name.
    pub name: String,
    /// Milliseconds since 1970.
    pub start_time: f64,
    /// Milliseconds since 1970; `None` while it runs.
    pub end_time: Option<f64>,
    /// What is said of it.
    pub attributes: Map<String, Value>,
    /// 2 is an error.
    pub status_code: Option<u8>,
    /// Why it is one.
    pub status_message: Option<String>,
}

/// What our own pipeline did with one turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeenTurn {
    /// What the customer sent, as text (a voice note as its transcript).
    #[serde(default)]
    pub said: Vec<String>,
    /// How it ended.
    #[serde(default)]
    #[schema(value_type = String)]
    pub outcome: OpenWord,
    /// Why a person was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who is told of it, such as `+15551230000`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notified: Vec<String>,
    /// What the customer gets, one text a message.
    #[serde(default)]
    pub bubbles: Vec<String>,
    /// The documents that the answer names, as `document` or `document, page 3`.
    #[serde(default)]
    pub citations: Vec<String>,
    /// Who owns the conversation after it; a person, where nothing is written.
    #[serde(default = "person")]
    #[schema(value_type = String)]
    pub owner: OpenWord,
    /// What each stage saw, decided, took and used.
    #[serde(default)]
    pub trace: Value,
}

impl SeenTurn {
    /// A turn of which only this is known.
    pub fn new(outcome: impl Into<OpenWord>, owner: impl Into<OpenWord>) -> Self {
        Self {
            said: Vec::new(),
            outcome: outcome.into(),
            reason: None,
            notified: Vec::new(),
            bubbles: Vec::new(),
            citations: Vec::new(),
            owner: owner.into(),
            trace: Value::Null,
        }
    }
}

fn person() -> OpenWord {
    "person".into()
}

/// A word of whoever answered. It is kept as it is written, also by another version: who knows the words reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpenWord(String);

impl OpenWord {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for OpenWord {
    fn from(word: &str) -> Self {
        Self(word.to_owned())
    }
}

impl std::fmt::Display for OpenWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_became_of_a_turn_is_one_word_in_journals() {
        for word in ["hand_over", "opt_out", "postponed"] {
            let written = json!({"outcome": word, "owner": "bot"});
            let turn: SeenTurn = serde_json::from_value(written).unwrap();
            assert_eq!(turn, SeenTurn::new(word, "bot"));
            let again = serde_json::to_value(&turn).unwrap();
            assert_eq!((&again["outcome"], &again["owner"]), (&json!(word), &json!("bot")));
        }
    }

    #[test]
    fn what_another_version_wrote_of_a_turn_is_read() {
        let turn: SeenTurn = serde_json::from_value(json!({})).unwrap();
        assert_eq!(turn, SeenTurn::new("", "person"));
    }
}
