//! Rubrics: a grader returns pass, score and reason for the answer.

use serde_json::{Map, Value, json};

use super::grader::Grader;
use super::judge_context::{JudgeContext, Judgement, failure, is_failure};
use super::reading;
use super::words::truncate;
use super::{GraderKind, text};
use crate::result::GradingResult;

const RUBRIC: &str = include_str!("../../prompts/llm-rubric.md");
const AGENT: &str = include_str!("../../prompts/agent-rubric.md");
const SEARCH: &str = include_str!("../../prompts/search-rubric.md");
const GOAL: &str = include_str!("../../prompts/goal-success.md");

/// The fields of a verdict.
const NAMES: &[&str] = &["pass", "score", "reason"];

pub(super) async fn llm(ctx: &JudgeContext<'_>) -> Judgement {
    let grader = ctx.grader(GraderKind::Text)?;
    let rubric =
        if ctx.assertion.value.is_null() { "".into() } else { ctx.assertion.value.clone() };
    Ok(inverted_if_negated(
        ctx,
        verdict(ctx, &grader, "llm-rubric", RUBRIC, &[("rubric", rubric)]).await?,
    ))
}

pub(super) async fn agent(ctx: &JudgeContext<'_>) -> Judgement {
    let grader = ctx.grader(GraderKind::Text)?;
    if !has_tools(&grader, &["tools", "agent", "mcp"]) {
        return Err(GradingResult::skipped(
            "agent-rubric needs a grader that can look things up itself: an `exec:`, `file://` or `http` one, or one with `config.tools`",
        ));
    }
    let rubric = [("rubric", ctx.assertion.value.clone())];
    Ok(inverted_if_negated(ctx, verdict(ctx, &grader, "agent-rubric", AGENT, &rubric).await?))
}

pub(super) async fn search(ctx: &JudgeContext<'_>) -> Judgement {
    let grader = ctx.grader(GraderKind::Text)?;
    if !has_tools(&grader, &["tools", "web_search_options", "search"]) {
        return Err(GradingResult::skipped(
            "search-rubric needs a grader that can search the web: an `exec:`, `file://` or `http` one, or one with a search tool in `config.tools`",
        ));
    }
    let rubric = [("rubric", ctx.assertion.value.clone())];
    let found = verdict(ctx, &grader, "search-rubric", SEARCH, &rubric).await?;
    if !ctx.assertion.negated {
        return Ok(found);
    }
    let said = if found.pass { "requires" } else { "does not require" };
    let reason = format!("Output {said} web search verification: {}", found.reason);
    Ok(GradingResult { pass: !found.pass, reason, ..found })
}

/// Whether a grader can use tools: programs and URLs can, and models with configured tools.
fn has_tools(grader: &Grader, names: &[&str]) -> bool {
    let Some(spec) = &grader.spec else { return false };
    let is_program = ["exec:", "file://", "http", "webhook:", "frontdesk:"];
    let is_program = is_program.iter().any(|kind| spec.id.starts_with(kind));
    is_program || names.iter().any(|name| spec.config.get(name).is_some())
}

pub(super) async fn goal(ctx: &JudgeContext<'_>) -> Judgement {
    let value = &ctx.assertion.value;
    let goal = value
        .as_str()
        .or_else(|| value["goal"].as_str())
        .map(str::trim)
        .filter(|goal| !goal.is_empty());
    let goal = goal.ok_or_else(|| GradingResult::error("trajectory:goal-success assertion must have a string value or an object with a goal property"))?;
    let trajectory = trajectory(ctx).ok_or_else(|| {
        GradingResult::error("No trace data available for trajectory:goal-success assertion")
    })?;
    let grader = ctx.grader(GraderKind::Text)?;
    let own = [("goal", goal.into()), ("trajectory", trajectory.into())];
    let found = verdict(ctx, &grader, "trajectory:goal-success", GOAL, &own).await?;
    if !ctx.assertion.negated || is_failure(&found) {
        return Ok(found);
    }
    let (score, reason) = if found.pass {
        (0.0, format!("Agent unexpectedly achieved the goal: {goal}"))
    } else {
        (1.0, format!("Agent did not achieve the forbidden goal: {goal}"))
    };
    Ok(GradingResult { pass: !found.pass, score, reason, ..found })
}

/// What the target did, as JSON: its spans in order and the turns of frontdesk's pipeline.
fn trajectory(ctx: &JudgeContext<'_>) -> Option<String> {
    let response = ctx.case.response;
    let mut spans: Vec<_> = response.spans.iter().flatten().collect();
    if response.spans.is_none() && response.turns.is_empty() {
        return None;
    }
    spans.sort_by(|a, b| a.start_time.total_cmp(&b.start_time));
    let steps = spans.iter().enumerate().map(|(index, span)| {
        let status = if span.status_code == Some(2) { "error" } else { "ok" };
        json!({"index": index + 1, "name": span.name, "status": status, "attributes": span.attributes})
    });
    let turns = response.turns.iter().map(|turn| {
        json!({"said": turn.said, "outcome": turn.outcome, "answered": turn.bubbles, "owner": turn.owner})
    });
    let steps: Vec<Value> = steps.collect();
    let shown =
        json!({"stepCount": steps.len(), "steps": steps, "turns": turns.collect::<Vec<_>>()});
    serde_json::to_string_pretty(&shown).ok()
}

/// Asks for a verdict and parses it. The score is not clamped; a threshold must be met in addition.
pub(super) async fn verdict(
    ctx: &JudgeContext<'_>,
    grader: &Grader,
    label: &str,
    ours: &str,
    own: &[(&str, Value)],
) -> Judgement {
    let template = ctx.rubric_prompt(None, ours).await?;
    let mut vars = vec![("output", Value::from(ctx.output()))];
    vars.extend(own.iter().cloned());
    let prompt = ctx.render(&template, &vars)?;
    let said = ctx.ask(grader, &prompt, 0).await?;
    let parsed = parse(ctx, label, &said)?;
    let mut outcome = read(&parsed, ctx.assertion.threshold);
    outcome.metadata.insert("renderedGradingPrompt".into(), prompt.into());
    Ok(outcome)
}

#[expect(
    clippy::result_large_err,
    reason = "a judgement that ends early is as large as one that does not"
)]
fn parse(
    ctx: &JudgeContext<'_>,
    label: &str,
    said: &Value,
) -> Result<Map<String, Value>, GradingResult> {
    match said {
        Value::Object(object) => Ok(object.clone()),
        Value::String(words) => {
            let found = reading::object_with(words, NAMES);
            let means =
                |object: &Map<String, Value>| NAMES.iter().any(|name| object.contains_key(*name));
            let found = found.filter(|object| !ctx.case.grading.strict || means(object));
            found.ok_or_else(|| failure(format!("Could not extract JSON from {label} response")))
        }
        other => Err(failure(format!(
            "{label} produced malformed response - output must be string or object. Output: {}",
            truncate(&text(other))
        ))),
    }
}

fn read(parsed: &Map<String, Value>, threshold: Option<f64>) -> GradingResult {
    let written = |name: &str| parsed.get(name).filter(|value| !value.is_null());
    let mut pass = written("pass").is_none_or(reading::yes);
    let score = written("score").and_then(reading::number).unwrap_or(if pass { 1.0 } else { 0.0 });
    pass = pass && threshold.is_none_or(|threshold| score >= threshold);
    let reason = written("reason").map(text).filter(|reason| !reason.is_empty());
    let reason = reason.unwrap_or_else(|| {
        let threshold = threshold.map_or("undefined".to_owned(), |threshold| threshold.to_string());
        if pass {
            "Grading passed".into()
        } else {
            format!("Score {score} below threshold {threshold}")
        }
    });
    GradingResult::scored(pass, score, reason)
}

/// Inverts the verdict when the assertion is negated.
pub(super) fn inverted_if_negated(ctx: &JudgeContext<'_>, found: GradingResult) -> GradingResult {
    if !ctx.assertion.negated || is_failure(&found) {
        return found;
    }
    GradingResult { pass: !found.pass, score: (1.0 - found.score).clamp(0.0, 1.0), ..found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(parsed: Value, threshold: Option<f64>) -> (bool, f64, String) {
        let Value::Object(parsed) = parsed else { panic!("an object") };
        let graded = read(&parsed, threshold);
        (graded.pass, graded.score, graded.reason)
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "nothing is computed")]
    fn what_is_missing_is_taken_from_the_rest() {
        assert_eq!(graded(json!({"pass": true}), None), (true, 1.0, "Grading passed".into()));
        assert_eq!(
            graded(json!({"pass": false}), None),
            (false, 0.0, "Score 0 below threshold undefined".into())
        );
        assert_eq!(
            graded(json!({"score": 0.4, "reason": "r"}), Some(0.5)),
            (false, 0.4, "r".into())
        );
        assert_eq!(
            graded(json!({"pass": "false", "score": "0.5", "reason": "r"}), None),
            (false, 0.5, "r".into())
        );
        assert_eq!(graded(json!({"pass": true, "score": 7}), None).1, 7.0);
    }
}
