//! Assertions that a model judges: promptfoo's model-graded types, with prompts from `prompts/graders/`.

use super::check::Scene;
use super::graded::Graded;
use super::suite::Assertion;

/// Whether a type is judged by a model.
pub fn knows(kind: &str) -> bool {
    matches!(kind, "llm-rubric")
}

/// Tries one of them. `assertion.value` is rendered already.
pub async fn judge(assertion: &Assertion, scene: Scene<'_>) -> Graded {
    let _ = scene;
    Graded::skipped(format!("{} cannot be judged yet", assertion.kind))
}
