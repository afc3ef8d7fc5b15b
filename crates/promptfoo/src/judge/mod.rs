//! Assertions that a model judges: promptfoo's model-graded types, with prompts from `prompts/`.

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

/// What every attack's type begins with.
pub(super) const ATTACKS: &str = "promptfoo:redteam:";

/// A type that a model judges.
#[derive(Clone, Copy)]
struct Type {
    name: &'static str,
    /// Whether `not-` means nothing: the grader's verdict stands as it is.
    ignores_not: bool,
    judgement: Judgement,
}

/// How a model is asked.
#[derive(Clone, Copy)]
enum Judgement {
    Goal,
    Similar,
    Classifier,
    Moderation,
    Pi,
    Rubric,
    AgentRubric,
    SearchRubric,
    GEval,
    Factuality,
    ClosedQa,
    AnswerRelevance,
    ContextRecall,
    ContextRelevance,
    ContextFaithfulness,
    Conversation,
    Attack,
}

const fn plain(name: &'static str, judgement: Judgement) -> Type {
    Type { name, ignores_not: false, judgement }
}

const fn without_not(name: &'static str, judgement: Judgement) -> Type {
    Type { name, ignores_not: true, judgement }
}

/// Every type that a model judges.
const TYPES: &[Type] = &[
    plain("trajectory:goal-success", Judgement::Goal),
    plain("similar", Judgement::Similar),
    plain("similar:cosine", Judgement::Similar),
    plain("similar:dot", Judgement::Similar),
    plain("similar:euclidean", Judgement::Similar),
    plain("classifier", Judgement::Classifier),
    plain("moderation", Judgement::Moderation),
    without_not("pi", Judgement::Pi),
    plain("llm-rubric", Judgement::Rubric),
    plain("agent-rubric", Judgement::AgentRubric),
    plain("search-rubric", Judgement::SearchRubric),
    plain("g-eval", Judgement::GEval),
    without_not("factuality", Judgement::Factuality),
    without_not("model-graded-factuality", Judgement::Factuality),
    without_not("model-graded-closedqa", Judgement::ClosedQa),
    without_not("answer-relevance", Judgement::AnswerRelevance),
    without_not("context-recall", Judgement::ContextRecall),
    without_not("context-relevance", Judgement::ContextRelevance),
    without_not("context-faithfulness", Judgement::ContextFaithfulness),
    plain("conversation-relevance", Judgement::Conversation),
];
/// Types of which only the beginning is known.
const OPEN: [Type; 2] = [plain("similar:", Judgement::Similar), plain(ATTACKS, Judgement::Attack)];

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
pub async fn judge(assertion: &Assertion, scene: Scene<'_>) -> Graded {
    let Some(of) = find(&assertion.kind) else {
        return Graded::error(format!("`{}` is not judged by a model", assertion.kind));
    };
    if scene.kit.strict && assertion.negated && of.ignores_not {
        let kind = &assertion.kind;
        return Graded::failed(format!(
            "`not-{kind}` is the same as `{kind}`: its `not-` is ignored, so it would hold where it must not"
        ));
    }
    let bench = Bench::new(assertion, scene);
    let judged = match of.judgement {
        Judgement::Rubric => rubric::llm(&bench).await,
        Judgement::AgentRubric => rubric::agent(&bench).await,
        Judgement::SearchRubric => rubric::search(&bench).await,
        Judgement::Goal => rubric::goal(&bench).await,
        Judgement::GEval => geval::judge(&bench).await,
        Judgement::Factuality => facts::factuality(&bench).await,
        Judgement::ClosedQa => facts::closed_qa(&bench).await,
        Judgement::AnswerRelevance => relevance::answer(&bench).await,
        Judgement::ContextRecall => context::recall(&bench).await,
        Judgement::ContextRelevance => context::relevance(&bench).await,
        Judgement::ContextFaithfulness => context::faithfulness(&bench).await,
        Judgement::Conversation => conversation::judge(&bench).await,
        Judgement::Classifier => labels::classifier(&bench).await,
        Judgement::Moderation => labels::moderation(&bench).await,
        Judgement::Pi => labels::pi(&bench).await,
        Judgement::Similar => similar::judge(&bench).await,
        Judgement::Attack => redteam::judge(&bench).await,
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
