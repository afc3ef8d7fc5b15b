//! Assertions that a model judges: promptfoo's model-graded types, with prompts from `prompts/`.

use futures::future::BoxFuture;
use serde_json::Value;

use super::context::CaseContext;
use super::result::GradingResult;
use super::spec::Assertion;

mod judge_context;
mod best;
mod context;
mod conversation;
mod facts;
mod geval;
mod grader;
mod labels;
mod reading;
mod redteam;
mod relevance;
mod rubric;
mod similar;
mod words;

pub use best::select_best;
use judge_context::{JudgeContext, Judgement};

frontdesk_words::words! {
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

/// Asks a model; the error is a judgement that ends early.
type Ask = for<'a> fn(&'a JudgeContext<'a>) -> BoxFuture<'a, Judgement>;

/// A type that a model judges.
#[derive(Clone, Copy)]
struct Type {
    name: &'static str,
    /// Whether `not-` means nothing: the grader's verdict stands as it is.
    ignores_not: bool,
    ask: Ask,
}

const fn plain(name: &'static str, ask: Ask) -> Type {
    Type { name, ignores_not: false, ask }
}

const fn without_not(name: &'static str, ask: Ask) -> Type {
    Type { name, ignores_not: true, ask }
}

/// Every type that a model judges, a line each.
const TYPES: &[Type] = &[
    plain("trajectory:goal-success", |bench| Box::pin(rubric::goal(bench))),
    plain("similar", |bench| Box::pin(similar::judge(bench))),
    plain("similar:cosine", |bench| Box::pin(similar::judge(bench))),
    plain("similar:dot", |bench| Box::pin(similar::judge(bench))),
    plain("similar:euclidean", |bench| Box::pin(similar::judge(bench))),
    plain("classifier", |bench| Box::pin(labels::classifier(bench))),
    plain("moderation", |bench| Box::pin(labels::moderation(bench))),
    without_not("pi", |bench| Box::pin(labels::pi(bench))),
    plain("llm-rubric", |bench| Box::pin(rubric::llm(bench))),
    plain("agent-rubric", |bench| Box::pin(rubric::agent(bench))),
    plain("search-rubric", |bench| Box::pin(rubric::search(bench))),
    plain("g-eval", |bench| Box::pin(geval::judge(bench))),
    without_not("factuality", |bench| Box::pin(facts::factuality(bench))),
    without_not("model-graded-factuality", |bench| Box::pin(facts::factuality(bench))),
    without_not("model-graded-closedqa", |bench| Box::pin(facts::closed_qa(bench))),
    without_not("answer-relevance", |bench| Box::pin(relevance::answer(bench))),
    without_not("context-recall", |bench| Box::pin(context::recall(bench))),
    without_not("context-relevance", |bench| Box::pin(context::relevance(bench))),
    without_not("context-faithfulness", |bench| Box::pin(context::faithfulness(bench))),
    plain("conversation-relevance", |bench| Box::pin(conversation::judge(bench))),
];

/// Types of which only the beginning is known.
const OPEN: [Type; 2] = [
    plain("similar:", |bench| Box::pin(similar::judge(bench))),
    plain(Assertion::ATTACK, |bench| Box::pin(redteam::judge(bench))),
];

/// The names of all of them that have one.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|one| one.name)
}

/// Whether a type is judged by a model.
pub(super) fn knows(kind: &str) -> bool {
    find(kind).is_some()
}

fn find(kind: &str) -> Option<Type> {
    let named = TYPES.iter().find(|one| one.name == kind).copied();
    named.or_else(|| OPEN.into_iter().find(|one| kind.starts_with(one.name)))
}

/// Tries one of them. `assertion.value` is rendered already.
pub async fn judge(assertion: &Assertion, scene: CaseContext<'_>) -> GradingResult {
    let Some(of) = find(&assertion.kind) else {
        return GradingResult::error(format!("`{}` is not judged by a model", assertion.kind));
    };
    if scene.kit.strict && assertion.negated && of.ignores_not {
        let kind = &assertion.kind;
        return GradingResult::failed(format!(
            "`not-{kind}` is the same as `{kind}`: its `not-` is ignored, so it would hold where it must not"
        ));
    }
    let bench = JudgeContext::new(assertion, scene);
    let judged = (of.ask)(&bench).await;
    bench.sign(judged.unwrap_or_else(|ended| ended))
}

/// A value as text; an object or a list as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
