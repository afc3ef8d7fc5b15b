//! Assertions that a model judges: promptfoo's model-graded types, with prompts from `prompts/graders/`.

use serde_json::Value;

use super::check::Scene;
use super::graded::Graded;
use super::suite::Assertion;

mod bench;
mod best;
mod context;
mod conversation;
mod facts;
mod geval;
mod labels;
mod reading;
mod redteam;
mod relevance;
mod rubric;
mod similar;
mod words;

use bench::Bench;
pub use best::select_best;

crate::domain::word::words! {
    /// What a grader does.
    pub enum GraderKind {
        /// It reads and writes.
        Text = "text",
        /// It compares meanings.
        Embedding = "embedding",
        /// It sorts texts into classes.
        Classification = "classification",
        /// It finds what is harmful.
        Moderation = "moderation",
    }
}

/// Types whose `not-` means nothing: the grader's verdict stands as it is.
const NEVER_NEGATED: &[&str] = &[
    "factuality",
    "model-graded-factuality",
    "model-graded-closedqa",
    "answer-relevance",
    "context-recall",
    "context-relevance",
    "context-faithfulness",
    "pi",
];

/// Whether a type is judged by a model.
pub fn knows(kind: &str) -> bool {
    matches!(
        kind,
        "llm-rubric"
            | "agent-rubric"
            | "search-rubric"
            | "g-eval"
            | "conversation-relevance"
            | "trajectory:goal-success"
            | "similar"
            | "classifier"
            | "moderation"
    ) || NEVER_NEGATED.contains(&kind)
        || kind.starts_with("similar:")
        || kind.starts_with("promptfoo:redteam:")
}

/// Tries one of them. `assertion.value` is rendered already.
pub async fn judge(assertion: &Assertion, scene: Scene<'_>) -> Graded {
    if scene.kit.strict && assertion.negated && NEVER_NEGATED.contains(&assertion.kind.as_str()) {
        let kind = &assertion.kind;
        return Graded::failed(format!(
            "`not-{kind}` is the same as `{kind}`: its `not-` is ignored, so it would hold where it must not"
        ));
    }
    let bench = Bench::new(assertion, scene);
    let judged = match assertion.kind.as_str() {
        "llm-rubric" => rubric::llm(&bench).await,
        "agent-rubric" => rubric::agent(&bench).await,
        "search-rubric" => rubric::search(&bench).await,
        "trajectory:goal-success" => rubric::goal(&bench).await,
        "g-eval" => geval::judge(&bench).await,
        "factuality" | "model-graded-factuality" => facts::factuality(&bench).await,
        "model-graded-closedqa" => facts::closed_qa(&bench).await,
        "answer-relevance" => relevance::answer(&bench).await,
        "context-recall" => context::recall(&bench).await,
        "context-relevance" => context::relevance(&bench).await,
        "context-faithfulness" => context::faithfulness(&bench).await,
        "conversation-relevance" => conversation::judge(&bench).await,
        "classifier" => labels::classifier(&bench).await,
        "moderation" => labels::moderation(&bench).await,
        "pi" => labels::pi(&bench).await,
        kind if kind == "similar" || kind.starts_with("similar:") => similar::judge(&bench).await,
        kind if kind.starts_with("promptfoo:redteam:") => redteam::judge(&bench).await,
        other => Err(Graded::error(format!("`{other}` is not judged by a model"))),
    };
    bench.sign(judged.unwrap_or_else(|ended| ended))
}

/// A value as text; an object or a list as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
