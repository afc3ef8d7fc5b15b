//! Assertions on an answer: every assertion type, one file for each family.

use serde_json::Value;

use super::judge;
use super::result::GradingResult;
use super::spec::Assertion;

mod calls;
mod code;
mod compare;
mod derive;
mod html;
mod json;
mod response_metrics;
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
mod types;
mod webhook;
mod aggregate;
mod xml;

pub use super::context::{CaseContext, Family, GradingContext, Types};
pub use compare::max_score;
pub use derive::derive;
use types::Check;

/// The error concerns the assertion, not the answer.
type CheckResult = Result<GradingResult, String>;

/// Grades all assertions of a case and aggregates them. The runner handles `select-best` and
/// `max-score` itself.
pub async fn grade(ctx: CaseContext<'_>) -> GradingResult {
    let case = ctx.case;
    if case.assert.is_empty() {
        return GradingResult { reason: "No assertions".into(), ..GradingResult::passed() };
    }
    let mut all = aggregate::Scales::new(case.threshold, ctx.grading.strict);
    let mut sets = Vec::new();
    for (index, assertion) in case.assert.iter().enumerate() {
        if assertion.kind == Assertion::SET {
            match grade_set(assertion, ctx).await {
                Ok(graded) => sets.push((index, assertion, graded)),
                Err(error) => return error,
            }
        } else if !is_later(assertion) {
            match attempt(assertion, ctx).await {
                Ok(graded) => all.add(index, graded, metric(assertion, ctx), assertion.weight),
                Err(error) => return error,
            }
        }
    }
    for (index, assertion, graded) in sets {
        all.add(index, graded, metric(assertion, ctx), assertion.weight);
    }
    let graded = all.finish();
    match &case.scoring {
        Some(script) => code::score(script, graded, ctx).await,
        None => graded,
    }
}

async fn grade_set(set: &Assertion, ctx: CaseContext<'_>) -> Result<GradingResult, GradingResult> {
    let mut all = aggregate::Scales::new(set.threshold, ctx.grading.strict);
    for (index, assertion) in set.set.iter().enumerate().filter(|(_, one)| !is_later(one)) {
        let graded = attempt(assertion, ctx).await?;
        all.add(index, graded, metric(assertion, ctx), assertion.weight);
    }
    let mut graded = all.finish();
    graded.metadata.insert("assertionSet".into(), aggregate::set_description(set));
    Ok(graded)
}

fn is_later(assertion: &Assertion) -> bool {
    let kind = &assertion.kind;
    let compares = kind.starts_with("select-") || kind == Assertion::MAX_SCORE;
    compares && assertion.problem.is_none()
}

fn metric(assertion: &Assertion, ctx: CaseContext<'_>) -> Option<String> {
    let template = assertion.metric.as_deref()?;
    let made = ctx.grading.templates.render(template, ctx.vars);
    Some(made.unwrap_or_else(|_| template.to_owned()))
}

/// Grades one assertion. An error becomes the result of the whole case.
async fn attempt(
    assertion: &Assertion,
    ctx: CaseContext<'_>,
) -> Result<GradingResult, GradingResult> {
    let mut graded = one(assertion, ctx).await;
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

async fn one(assertion: &Assertion, ctx: CaseContext<'_>) -> GradingResult {
    if let Some(problem) = &assertion.problem {
        return GradingResult::error(problem);
    }
    let types = &ctx.grading.types;
    if let Some(graded) = types.added().find_map(|family| (family.check)(assertion, ctx)) {
        return graded;
    }
    let Some(check) = types::find(&assertion.kind) else { return unknown(assertion, types) };
    let given = match prepare::prepare(assertion, ctx).await {
        Ok(given) => given,
        Err(graded) => return *graded,
    };
    let mut graded = match check {
        Check::Infallible(see) => see(&given),
        Check::Fallible(look) => look(&given).unwrap_or_else(GradingResult::error),
        Check::Pattern => pattern::regex(&given).await,
        Check::Code => code::run(&given).await,
        Check::Webhook => webhook::ask(&given).await,
        Check::Judge => {
            let rendered = Assertion { value: given.value.clone(), ..assertion.clone() };
            judge::judge(&rendered, CaseContext { output: &given.output, ..ctx }).await
        }
        Check::Later => unknown(assertion, types),
    };
    if let Value::String(rendered) = &given.value
        && given.value != assertion.value
    {
        graded.metadata.insert("renderedAssertionValue".into(), rendered.as_str().into());
    }
    graded
}

fn unknown(assertion: &Assertion, types: &Types) -> GradingResult {
    let name = assertion.name();
    match types::nearest(types, &assertion.kind) {
        Some(near) if near != assertion.kind => {
            GradingResult::error(format!("Unknown assertion type: {name}. Is `{near}` meant?"))
        }
        _ => GradingResult::error(format!("Unknown assertion type: {name}")),
    }
}

#[cfg(test)]
mod tests;
