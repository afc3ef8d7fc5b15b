//! Model-graded assertions: promptfoo's types, with prompts from `prompts/`.

use futures::future::BoxFuture;
use serde_json::Value;

use super::context::CaseContext;
use super::result::GradingResult;
use super::spec::Assertion;

mod best;
mod context;
mod conversation;
mod facts;
mod geval;
mod grader;
mod judge_context;
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
    /// The kind of work that a grader does.
    pub enum GraderKind {
        /// Answers a prompt.
        Text = "text",
        /// Computes embeddings.
        Embedding = "embedding",
        /// Classifies texts.
        Classification = "classification",
        /// Detects harmful content.
        Moderation = "moderation",
    }
}

/// Runs a judgement; the error is a result that was reached early.
type Ask = for<'a> fn(&'a JudgeContext<'a>) -> BoxFuture<'a, Judgement>;

#[derive(Clone, Copy)]
struct Type {
    name: &'static str,
    /// Whether `not-` has no effect on the grader's verdict.
    ignores_not: bool,
    ask: Ask,
}

const fn plain(name: &'static str, ask: Ask) -> Type {
    Type { name, ignores_not: false, ask }
}

const fn without_not(name: &'static str, ask: Ask) -> Type {
    Type { name, ignores_not: true, ask }
}

/// All model-graded types, one line each.
const TYPES: &[Type] = &[
    plain("trajectory:goal-success", |ctx| Box::pin(rubric::goal(ctx))),
    plain("similar", |ctx| Box::pin(similar::judge(ctx))),
    plain("similar:cosine", |ctx| Box::pin(similar::judge(ctx))),
    plain("similar:dot", |ctx| Box::pin(similar::judge(ctx))),
    plain("similar:euclidean", |ctx| Box::pin(similar::judge(ctx))),
    plain("classifier", |ctx| Box::pin(labels::classifier(ctx))),
    plain("moderation", |ctx| Box::pin(labels::moderation(ctx))),
    without_not("pi", |ctx| Box::pin(labels::pi(ctx))),
    plain("llm-rubric", |ctx| Box::pin(rubric::llm(ctx))),
    plain("agent-rubric", |ctx| Box::pin(rubric::agent(ctx))),
    plain("search-rubric", |ctx| Box::pin(rubric::search(ctx))),
    plain("g-eval", |ctx| Box::pin(geval::judge(ctx))),
    without_not("factuality", |ctx| Box::pin(facts::factuality(ctx))),
    without_not("model-graded-factuality", |ctx| Box::pin(facts::factuality(ctx))),
    without_not("model-graded-closedqa", |ctx| Box::pin(facts::closed_qa(ctx))),
    without_not("answer-relevance", |ctx| Box::pin(relevance::answer(ctx))),
    without_not("context-recall", |ctx| Box::pin(context::recall(ctx))),
    without_not("context-relevance", |ctx| Box::pin(context::relevance(ctx))),
    without_not("context-faithfulness", |ctx| Box::pin(context::faithfulness(ctx))),
    plain("conversation-relevance", |ctx| Box::pin(conversation::judge(ctx))),
];

/// Types that are matched by prefix.
const OPEN: [Type; 2] = [
    plain("similar:", |ctx| Box::pin(similar::judge(ctx))),
    plain(Assertion::ATTACK, |ctx| Box::pin(redteam::judge(ctx))),
];

/// The names of all types that are not prefixes.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|one| one.name)
}

pub(super) fn knows(kind: &str) -> bool {
    find(kind).is_some()
}

fn find(kind: &str) -> Option<Type> {
    let named = TYPES.iter().find(|one| one.name == kind).copied();
    named.or_else(|| OPEN.into_iter().find(|one| kind.starts_with(one.name)))
}

/// Grades one model-graded assertion. `assertion.value` must already be rendered.
pub async fn judge(assertion: &Assertion, case: CaseContext<'_>) -> GradingResult {
    let Some(of) = find(&assertion.kind) else {
        return GradingResult::error(format!("`{}` is not judged by a model", assertion.kind));
    };
    if case.grading.strict && assertion.negated && of.ignores_not {
        let kind = &assertion.kind;
        return GradingResult::failed(format!(
            "`not-{kind}` is the same as `{kind}`: its `not-` is ignored, so it would hold where it must not"
        ));
    }
    let ctx = JudgeContext::new(assertion, case);
    let judged = (of.ask)(&ctx).await;
    ctx.with_usage(judged.unwrap_or_else(|ended| ended))
}

/// Converts a value to text; an object or a list becomes JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
