//! What must hold of an answer: every assertion type, one file a family.

use super::graded::{Graded, Response};
use super::judge;
use super::script::Scripts;
use super::suite::{Assertion, Case, Vars};
use super::target::{Target, Targets};
use super::template::Templates;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

mod bot;
mod calls;
mod code;
mod compare;
mod derive;
mod html;
mod json;
mod measured;
mod meteor;
mod ngrams;
mod pattern;
mod prepare;
mod refusal;
mod skill;
mod sql;
mod steps;
mod tags;
mod text;
mod tools;
mod trace;
mod trajectory;
mod webhook;
mod weigh;
mod xml;

pub(super) use bot::renders_deeply;
pub use compare::max_score;
pub use derive::derive;
use prepare::Given;

/// What assertions are tried with: the same for all rows of a run.
pub struct Kit {
    /// The folder that `file://` is relative to.
    pub base: PathBuf,
    /// Templates.
    pub templates: Templates,
    /// Scripts.
    pub scripts: Arc<Scripts>,
    /// Makes graders of what is written of them.
    pub targets: Arc<Targets>,
    /// The grader that was named for the whole run, such as by `--grader`.
    pub grader: Option<Arc<dyn Target>>,
    /// Report promptfoo's quirks as failures, where they would let something pass that does not hold.
    pub strict: bool,
}

/// What a case's assertions are tried on.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The answer, after the transforms of target and case.
    pub output: &'a Value,
    /// The prompt as it was sent.
    pub prompt: &'a str,
    /// The variables.
    pub vars: &'a Vars,
    /// The case.
    pub case: &'a Case,
    /// The response as it came.
    pub response: &'a Response,
    /// Milliseconds; `None` where nobody was asked.
    pub latency_ms: Option<f64>,
    /// What they are tried with.
    pub kit: &'a Kit,
}

/// How a type is tried.
#[derive(Clone, Copy)]
enum Check {
    /// By looking at the answer.
    See(fn(&Given<'_>) -> Graded),
    /// The same; the error is of the assertion, not of the answer.
    Look(fn(&Given<'_>) -> Result<Graded, String>),
    /// By a JavaScript pattern.
    Pattern,
    /// By a script.
    Code,
    /// By asking an address.
    Webhook,
    /// By a model.
    Judge,
    /// After all outputs of a case exist.
    Later,
}

/// Every type but those of bots.
const TYPES: &[(&str, Check)] = &[
    ("equals", Check::See(text::equals)),
    ("contains", Check::Look(text::contains)),
    ("icontains", Check::Look(text::contains)),
    ("contains-any", Check::Look(text::contains_any)),
    ("icontains-any", Check::Look(text::contains_any)),
    ("contains-all", Check::Look(text::contains_all)),
    ("icontains-all", Check::Look(text::contains_all)),
    ("starts-with", Check::Look(text::starts_with)),
    ("regex", Check::Pattern),
    ("word-count", Check::Look(text::word_count)),
    ("levenshtein", Check::Look(text::levenshtein)),
    ("rouge-n", Check::Look(ngrams::rouge)),
    ("bleu", Check::Look(ngrams::bleu)),
    ("gleu", Check::Look(ngrams::gleu)),
    ("meteor", Check::Look(meteor::meteor)),
    ("is-json", Check::Look(json::is_json)),
    ("contains-json", Check::Look(json::contains_json)),
    ("is-xml", Check::Look(xml::is_xml)),
    ("contains-xml", Check::Look(xml::contains_xml)),
    ("is-html", Check::See(html::is_html)),
    ("contains-html", Check::See(html::contains_html)),
    ("is-sql", Check::Look(sql::is_sql)),
    ("contains-sql", Check::Look(sql::contains_sql)),
    ("is-refusal", Check::See(refusal::is_refusal)),
    ("javascript", Check::Code),
    ("python", Check::Code),
    ("ruby", Check::Code),
    ("webhook", Check::Webhook),
    ("latency", Check::Look(measured::latency)),
    ("cost", Check::Look(measured::cost)),
    ("perplexity", Check::Look(measured::perplexity)),
    ("perplexity-score", Check::Look(measured::perplexity_score)),
    ("finish-reason", Check::Look(measured::finish_reason)),
    ("guardrails", Check::See(measured::guardrails)),
    ("is-valid-function-call", Check::See(tools::is_valid_function_call)),
    ("is-valid-openai-function-call", Check::See(tools::is_valid_function_call)),
    ("is-valid-openai-tools-call", Check::See(tools::is_valid_tools_call)),
    ("tool-call-f1", Check::Look(calls::tool_call_f1)),
    ("skill-used", Check::Look(skill::skill_used)),
    ("trace-span-count", Check::Look(trace::span_count)),
    ("trace-span-duration", Check::Look(trace::span_duration)),
    ("trace-error-spans", Check::Look(trace::error_spans)),
    ("trajectory:tool-used", Check::Look(trajectory::tool_used)),
    ("trajectory:tool-sequence", Check::Look(trajectory::tool_sequence)),
    ("trajectory:tool-args-match", Check::Look(trajectory::tool_args_match)),
    ("trajectory:step-count", Check::Look(trajectory::step_count)),
    ("trajectory:goal-success", Check::Judge),
    ("similar", Check::Judge),
    ("similar:cosine", Check::Judge),
    ("similar:dot", Check::Judge),
    ("similar:euclidean", Check::Judge),
    ("classifier", Check::Judge),
    ("moderation", Check::Judge),
    ("pi", Check::Judge),
    ("llm-rubric", Check::Judge),
    ("agent-rubric", Check::Judge),
    ("search-rubric", Check::Judge),
    ("g-eval", Check::Judge),
    ("factuality", Check::Judge),
    ("model-graded-factuality", Check::Judge),
    ("model-graded-closedqa", Check::Judge),
    ("answer-relevance", Check::Judge),
    ("context-recall", Check::Judge),
    ("context-relevance", Check::Judge),
    ("context-faithfulness", Check::Judge),
    ("conversation-relevance", Check::Judge),
    (Assertion::SELECT_BEST, Check::Later),
    (Assertion::MAX_SCORE, Check::Later),
    (Assertion::SET, Check::Later),
];

/// Every type that there is, without `not-`.
pub fn types() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(name, _)| *name).chain(bot::TYPES.iter().copied())
}

/// The known type that is written most like this one.
pub fn nearest(name: &str) -> Option<&'static str> {
    let name: Vec<u16> = name.encode_utf16().collect();
    let far = |known: &&str| text::distance(&name, &known.encode_utf16().collect::<Vec<_>>());
    types().min_by_key(far).filter(|known| far(known) <= name.len() / 2 + 1)
}

/// Tries all assertions of a case, and weighs them together. `select-best` and `max-score` are left to the runner.
pub async fn grade(scene: Scene<'_>) -> Graded {
    let case = scene.case;
    if case.assert.is_empty() {
        return Graded { reason: "No assertions".into(), ..Graded::passed() };
    }
    let mut all = weigh::Scales::new(case.threshold, scene.kit.strict);
    let mut sets = Vec::new();
    for (index, assertion) in case.assert.iter().enumerate() {
        if assertion.kind == Assertion::SET {
            match grade_set(assertion, scene).await {
                Ok(graded) => sets.push((index, assertion, graded)),
                Err(error) => return error,
            }
        } else if !is_later(&assertion.kind) {
            match attempt(assertion, scene).await {
                Ok(graded) => all.add(index, graded, metric(assertion, scene), assertion.weight),
                Err(error) => return error,
            }
        }
    }
    for (index, assertion, graded) in sets {
        all.add(index, graded, metric(assertion, scene), assertion.weight);
    }
    let graded = all.weighed();
    match &case.scoring {
        Some(script) => code::score(script, graded, scene).await,
        None => graded,
    }
}

async fn grade_set(set: &Assertion, scene: Scene<'_>) -> Result<Graded, Graded> {
    let mut all = weigh::Scales::new(set.threshold, scene.kit.strict);
    for (index, assertion) in set.set.iter().enumerate().filter(|(_, one)| !is_later(&one.kind)) {
        let graded = attempt(assertion, scene).await?;
        all.add(index, graded, metric(assertion, scene), assertion.weight);
    }
    let mut graded = all.weighed();
    graded.metadata.insert("assertionSet".into(), weigh::about(set));
    Ok(graded)
}

fn is_later(kind: &str) -> bool {
    kind.starts_with("select-") || kind == Assertion::MAX_SCORE
}

fn metric(assertion: &Assertion, scene: Scene<'_>) -> Option<String> {
    let template = assertion.metric.as_deref()?;
    let made = scene.kit.templates.render(template, scene.vars);
    Some(made.unwrap_or_else(|_| template.to_owned()))
}

/// Tries one assertion; the error is the whole case's.
async fn attempt(assertion: &Assertion, scene: Scene<'_>) -> Result<Graded, Graded> {
    let mut graded = one(assertion, scene).await;
    if graded.assertion.is_null() {
        graded.assertion = written(assertion);
    }
    if graded.error.is_some() {
        return Err(graded);
    }
    if assertion.weight == 0.0 {
        graded.pass = true;
    }
    Ok(graded)
}

fn written(assertion: &Assertion) -> Value {
    if assertion.raw.is_null() {
        return serde_json::json!({"type": assertion.name(), "value": assertion.value});
    }
    assertion.raw.clone()
}

async fn one(assertion: &Assertion, scene: Scene<'_>) -> Graded {
    if let Some(graded) = bot::check(assertion, scene) {
        return graded;
    }
    let Some(check) = find(&assertion.kind) else { return unknown(assertion) };
    let given = match prepare::prepare(assertion, scene).await {
        Ok(given) => given,
        Err(graded) => return *graded,
    };
    let mut graded = match check {
        Check::See(see) => see(&given),
        Check::Look(look) => look(&given).unwrap_or_else(Graded::error),
        Check::Pattern => pattern::regex(&given).await,
        Check::Code => code::run(&given).await,
        Check::Webhook => webhook::ask(&given).await,
        Check::Judge => {
            let rendered = Assertion { value: given.value.clone(), ..assertion.clone() };
            judge::judge(&rendered, Scene { output: &given.output, ..scene }).await
        }
        Check::Later => unknown(assertion),
    };
    if let Value::String(rendered) = &given.value
        && given.value != assertion.value
    {
        graded.metadata.insert("renderedAssertionValue".into(), rendered.as_str().into());
    }
    graded
}

fn find(kind: &str) -> Option<Check> {
    let known = TYPES.iter().find(|(name, _)| *name == kind).map(|(_, check)| *check);
    known.or_else(|| judge::knows(kind).then_some(Check::Judge))
}

fn unknown(assertion: &Assertion) -> Graded {
    let name = assertion.name();
    match nearest(&assertion.kind) {
        Some(near) if near != assertion.kind => {
            Graded::error(format!("Unknown assertion type: {name}. Is `{near}` meant?"))
        }
        _ => Graded::error(format!("Unknown assertion type: {name}")),
    }
}

#[cfg(test)]
mod tests;
