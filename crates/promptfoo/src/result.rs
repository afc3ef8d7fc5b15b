//! Results of assertions and responses of targets: plain data in promptfoo's report format.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

words! {
    /// The kind of a step that an agent takes.
    pub enum StepKind {
        /// A tool call.
        Tool = "tool",
        /// A command.
        Command = "command",
        /// A search.
        Search = "search",
        /// Reasoning.
        Reasoning = "reasoning",
        /// A message.
        Message = "message",
        /// Any other recorded span.
        Span = "span",
    }
}

/// The result of one assertion, or of all assertions of a case together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = AssertionResult)]
pub struct GradingResult {
    /// Whether the assertion passed.
    pub pass: bool,
    /// The score, usually 0 to 1; some types are unbounded.
    pub score: f64,
    /// The reason for the verdict.
    pub reason: String,
    /// Scores by metric name.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub named_scores: Map<String, Value>,
    /// Tokens that graders used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_used: Option<Tokens>,
    /// Results of the parts, for a whole case and for types that have parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub component_results: Option<Vec<GradingResult>>,
    /// The assertion as written in the suite.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub assertion: Value,
    /// Why the assertion was skipped. `pass` is then false, and the score does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What is wrong with the assertion itself; the whole row is then an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Further data, such as the grader's prompt or a guardrail's verdict.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

impl GradingResult {
    /// A pass with score 1.
    pub fn passed() -> Self {
        Self { pass: true, score: 1.0, reason: "Assertion passed".into(), ..Self::default() }
    }

    /// A failure with score 0 and its reason.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// A pass, or a failure with its reason.
    pub fn when(pass: bool, reason: impl FnOnce() -> String) -> Self {
        if pass { Self::passed() } else { Self::failed(reason()) }
    }

    /// A verdict with a score and a reason.
    pub fn scored(pass: bool, score: f64, reason: impl Into<String>) -> Self {
        Self { pass, score, reason: reason.into(), ..Self::default() }
    }

    /// An assertion that cannot run here, with the cause.
    pub fn skipped(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { reason: format!("skipped: {why}"), skipped: Some(why), ..Self::default() }
    }

    /// An error in the assertion or its input; the row becomes an error.
    pub fn error(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { reason: why.clone(), error: Some(why), ..Self::default() }
    }
}

/// Token usage, in promptfoo's terms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = EvalTokens)]
pub struct Tokens {
    /// All tokens.
    pub total: u64,
    /// Input tokens.
    pub prompt: u64,
    /// Output tokens.
    pub completion: u64,
    /// Tokens of answers from the cache; they were not paid for.
    pub cached: u64,
    /// Number of requests.
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

/// The response of a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = TargetResponse)]
pub struct Response {
    /// The answer: text, or an object if the target returns one. Null when there is none.
    pub output: Value,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Tokens that the target used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_usage: Option<Tokens>,
    /// Cost in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Whether the answer came from the cache.
    pub cached: bool,
    /// Latency in milliseconds, when the target measures it better than the runner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Why the model stopped, such as `stop` or `length`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Log probabilities of the answer's tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_probs: Option<Vec<f64>>,
    /// `{flagged, flaggedInput, flaggedOutput, reason}`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub guardrails: Value,
    /// Further data from the target.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// Spans that the target recorded, for `trace-*` and `trajectory:*` assertions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans: Option<Vec<Span>>,
    /// The turns of the conversation, when frontdesk's pipeline answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<SeenTurn>,
    /// Why the target could not be called here, such as `no python`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// A span of an OpenTelemetry trace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = TargetSpan)]
pub struct Span {
    /// Id of the span.
    pub span_id: String,
    /// Id of the parent span.
    pub parent_span_id: Option<String>,
    /// Name of the span.
    pub name: String,
    /// Start, in milliseconds since 1970.
    pub start_time: f64,
    /// End, in milliseconds since 1970; absent while the span is open.
    pub end_time: Option<f64>,
    /// Attributes of the span.
    pub attributes: Map<String, Value>,
    /// OpenTelemetry status code; 2 is an error.
    pub status_code: Option<u8>,
    /// Description of the error.
    pub status_message: Option<String>,
}

/// One turn of frontdesk's pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeenTurn {
    /// The customer's messages as text; a voice note as its transcript.
    #[serde(default)]
    pub said: Vec<String>,
    /// The outcome of the turn.
    #[serde(default)]
    #[schema(value_type = String)]
    pub outcome: OpenWord,
    /// Why the conversation was handed to a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Contacts to notify, such as `+15551230000`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notified: Vec<String>,
    /// The replies to the customer, one entry for each message.
    #[serde(default)]
    pub bubbles: Vec<String>,
    /// Documents that the answer cites, as `document` or `document, page 3`.
    #[serde(default)]
    pub citations: Vec<String>,
    /// Owner of the conversation after the turn; a person when missing.
    #[serde(default = "person")]
    #[schema(value_type = String)]
    pub owner: OpenWord,
    /// What each stage of the pipeline saw, decided and used.
    #[serde(default)]
    pub trace: Value,
}

impl SeenTurn {
    /// A turn with only its outcome and owner.
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

/// A word of an open set, kept as written, because another version may use other words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpenWord(String);

impl OpenWord {
    /// Returns the word.
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
