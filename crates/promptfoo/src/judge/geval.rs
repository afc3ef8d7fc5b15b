//! G-Eval: the grader derives steps from a criterion, then rates the answer by them.

use serde_json::{Map, Value};

use super::GraderKind;
use super::grader::Grader;
use super::judge_context::{JudgeContext, Judgement, failure, is_failure};
use super::reading;
use super::words::{number, truncate};
use crate::result::GradingResult;

const STEPS: &str = include_str!("../../prompts/g-eval-steps.md");
const RATE: &str = include_str!("../../prompts/g-eval-rate.md");
/// The maximum rating.
const BEST: f64 = 10.0;

pub(super) async fn judge(ctx: &JudgeContext<'_>) -> Judgement {
    let wrong = || {
        GradingResult::error("G-Eval assertion type must have a string or array of strings value")
    };
    let threshold = ctx.assertion.threshold.unwrap_or(0.7);
    let found = match &ctx.assertion.value {
        Value::String(criterion) => {
            let grader = ctx.grader(GraderKind::Text)?;
            rate(ctx, &grader, criterion).await?
        }
        Value::Array(list) => {
            let criteria: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            several(ctx, &criteria.ok_or_else(wrong)?).await?
        }
        _ => return Err(wrong()),
    };
    let negated = ctx.assertion.negated;
    let score = if negated { 1.0 - found.score } else { found.score };
    Ok(GradingResult { pass: (found.score >= threshold) != negated, score, ..found })
}

async fn several(ctx: &JudgeContext<'_>, criteria: &[&str]) -> Judgement {
    if criteria.is_empty() {
        return Err(GradingResult::failed(
            "G-Eval assertion requires at least one criterion string in the value array.",
        ));
    }
    let grader = ctx.grader(GraderKind::Text)?;
    let (mut sum, mut reasons) = (0.0, Vec::new());
    for (index, criterion) in criteria.iter().enumerate() {
        let rated = rate(ctx, &grader, criterion).await.map_err(|ended| {
            if !is_failure(&ended) {
                return ended;
            }
            let place = format!("{}/{}", index + 1, criteria.len());
            failure(format!("G-Eval criterion {place} ({criterion:?}) failed: {}", ended.reason))
        })?;
        sum += rated.score;
        reasons.push(rated.reason);
    }
    Ok(GradingResult::scored(true, sum / number(criteria.len()), reasons.join("\n\n")))
}

async fn rate(ctx: &JudgeContext<'_>, grader: &Grader, criterion: &str) -> Judgement {
    if ctx.case.prompt.is_empty() {
        return Err(GradingResult::error("No source text to estimate reply"));
    }
    let part = |name: &str| ctx.written_prompt().get(name).unwrap_or(&Value::Null);
    let template = ctx.rubric_prompt(Some(part("steps")), STEPS).await?;
    let prompt = ctx.render(&template, &[("criteria", criterion.into())])?;
    let steps = steps(&ctx.ask_text(grader, &prompt, 0).await?).map_err(failure)?;
    let template = ctx.rubric_prompt(Some(part("evaluate")), RATE).await?;
    let own = [
        ("criteria", criterion.into()),
        ("steps", steps.join("\n- ").into()),
        ("maxScore", "10".into()),
        ("input", ctx.case.prompt.into()),
        ("output", ctx.output().into()),
    ];
    let said = ctx.ask_text(grader, &ctx.render(&template, &own)?, 0).await?;
    rating(&said).map_err(failure)
}

fn steps(said: &str) -> Result<Vec<String>, String> {
    let unreadable =
        || format!("LLM-proposed evaluation steps are not in JSON format: {}", truncate(said));
    let object = with(said, "steps").ok_or_else(unreadable)?;
    let list = object["steps"].as_array().filter(|list| !list.is_empty());
    let list = list.ok_or("LLM does not propose any evaluation step")?;
    let text =
        |step: &Value| step.as_str().filter(|step| !step.trim().is_empty()).map(str::to_owned);
    let steps: Option<Vec<String>> = list.iter().map(text).collect();
    steps.ok_or_else(|| format!("G-Eval steps response contains invalid steps: {}", truncate(said)))
}

fn rating(said: &str) -> Result<GradingResult, String> {
    let unreadable =
        || format!("LLM-proposed evaluation result is not in JSON format: {}", truncate(said));
    let object = reading::object_with(said, &["score", "reason"]).ok_or_else(unreadable)?;
    let written = object.get("score").unwrap_or(&Value::Null);
    let score = reading::number(written)
        .ok_or_else(|| format!("G-Eval result has invalid or missing score: {written}"))?;
    if !(0.0..=BEST).contains(&score) {
        return Err(format!("G-Eval result score {score} is outside the expected 0-10 range"));
    }
    let reason =
        object.get("reason").and_then(Value::as_str).filter(|reason| !reason.trim().is_empty());
    let reason = reason.ok_or("G-Eval result has invalid or missing reason")?;
    Ok(GradingResult::scored(true, score / BEST, reason))
}

fn with(said: &str, name: &str) -> Option<Map<String, Value>> {
    reading::object_with(said, &[name]).filter(|object| object.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "7 of 10 is the same number on both sides")]
    fn a_rating_must_be_a_number_in_range_with_a_reason() {
        assert_eq!(rating("{\"score\":\"7\",\"reason\":\"r\"}").unwrap().score, 0.7);
        assert!(rating("{\"score\":11,\"reason\":\"r\"}").unwrap_err().contains("outside"));
        assert!(rating("{\"score\":1}").unwrap_err().contains("reason"));
        assert!(rating("seven").unwrap_err().contains("seven"));
    }

    #[test]
    fn steps_must_be_texts() {
        assert_eq!(steps("so: {\"steps\":[\"a\",\"b\"]}").unwrap(), ["a", "b"]);
        assert!(steps("{\"steps\":[]}").is_err());
        assert!(steps("{\"steps\":[1]}").is_err());
        assert!(steps("none").is_err());
    }
}
