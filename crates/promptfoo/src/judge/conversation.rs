//! `conversation-relevance`: whether each answer of a conversation fits the exchanges before it.

use serde_json::{Value, json};

use super::grader::Grader;
use super::judge_context::{JudgeContext, Judgement, failure};
use super::reading;
use super::words::{number, reaches, truncate};
use super::{GraderKind, text};
use crate::result::GradingResult;

const VERDICT: &str = include_str!("../../prompts/conversation-relevance.md");
const REASON: &str = include_str!("../../prompts/conversation-reason.md");
/// Default number of exchanges in one window.
const WINDOW: u64 = 5;

pub(super) async fn judge(ctx: &JudgeContext<'_>) -> Judgement {
    let messages = messages(ctx);
    let config = ctx.assertion.field("config");
    let window = config["windowSize"].as_u64().filter(|size| *size > 0).unwrap_or(WINDOW);
    let window = usize::try_from(window).unwrap_or(usize::MAX);
    let threshold = ctx.assertion.threshold.unwrap_or(0.5);
    let grader = ctx.grader(GraderKind::Text)?;
    let (mut fitting, mut complaints) = (0, Vec::new());
    for end in 1..=messages.len() {
        let seen = &messages[end.saturating_sub(window)..end];
        match fits(ctx, &grader, seen).await? {
            (true, _) => fitting += 1,
            (false, Some(reason)) => complaints.push(reason),
            (false, None) => {}
        }
    }
    let score = if messages.is_empty() { 0.0 } else { number(fitting) / number(messages.len()) };
    let usual = format!("{fitting} out of {} conversation windows were relevant", messages.len());
    let reason =
        if complaints.is_empty() { None } else { reason(ctx, &grader, score, &complaints).await? };
    let negated = ctx.assertion.negated;
    let pass = reaches(score, threshold) != negated;
    let score = if negated { 1.0 - score } else { score };
    Ok(GradingResult::scored(pass, score, reason.unwrap_or(usual)))
}

/// The exchanges of the conversation, oldest first; without one, the case's own prompt and answer.
fn messages(ctx: &JudgeContext<'_>) -> Vec<Value> {
    match ctx.case.vars.get("_conversation") {
        Some(Value::Array(list)) if !list.is_empty() => list.clone(),
        _ => vec![json!({"input": ctx.case.prompt, "output": ctx.output()})],
    }
}

/// Whether the last answer is relevant, and the reason if not.
async fn fits(
    ctx: &JudgeContext<'_>,
    grader: &Grader,
    seen: &[Value],
) -> Result<(bool, Option<String>), GradingResult> {
    let template = ctx.rubric_prompt(None, VERDICT).await?;
    let lines = seen.iter().map(|message| {
        format!("Customer: {}\nAnswer: {}", text(&message["input"]), text(&message["output"]))
    });
    let own =
        [("messages", json!(seen)), ("conversation", lines.collect::<Vec<_>>().join("\n").into())];
    let said = ctx.ask_text(grader, &ctx.render(&template, &own)?, 0).await?;
    let object = reading::object_with(&said, &["verdict"]);
    let object = object.ok_or_else(|| {
        failure(format!(
            "Error parsing output: No JSON object found in response: {}",
            truncate(&said)
        ))
    })?;
    let reason = object.get("reason").and_then(Value::as_str).filter(|reason| !reason.is_empty());
    match object.get("verdict").and_then(Value::as_str) {
        Some("yes") => Ok((true, None)),
        Some("no") => Ok((false, reason.map(str::to_owned))),
        _ => Err(failure(format!(
            "Error parsing output: Conversation relevance grader returned an invalid verdict: {}",
            truncate(&said)
        ))),
    }
}

/// Asks the grader to summarize the complaints; `None` when that fails.
async fn reason(
    ctx: &JudgeContext<'_>,
    grader: &Grader,
    score: f64,
    complaints: &[String],
) -> Result<Option<String>, GradingResult> {
    let own =
        [("score", score.to_string().into()), ("irrelevancies", complaints.join("\n- ").into())];
    let prompt = ctx.render(REASON, &own)?;
    let Ok(said) = ctx.ask_text(grader, &prompt, 0).await else { return Ok(None) };
    let object = reading::object_with(&said, &["reason"]);
    let reason = object.and_then(|object| object.get("reason")?.as_str().map(str::to_owned));
    Ok(reason.filter(|reason| !reason.is_empty()))
}
