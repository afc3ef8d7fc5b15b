//! `answer-relevance`: a grader guesses the question from the answer; the guesses are compared with
//! the question.

use serde_json::{Value, json};

use super::GraderKind;
use super::judge_context::{JudgeContext, Judgement};
use super::similar::cosine;
use super::words::{format_two_decimals, number, reaches};
use crate::result::GradingResult;

const QUESTION: &str = include_str!("../../prompts/answer-relevance.md");
const GUESSES: usize = 3;

pub(super) async fn answer(ctx: &JudgeContext<'_>) -> Judgement {
    let output = ctx.case.output.as_str();
    let output = output.ok_or_else(|| {
        GradingResult::error("answer-relevance assertion type must evaluate a string output")
    })?;
    let threshold = ctx.assertion.threshold.unwrap_or(0.0);
    let (embedder, grader) = (ctx.grader(GraderKind::Embedding)?, ctx.grader(GraderKind::Text)?);
    let template = ctx.rubric_prompt(None, QUESTION).await?;
    let prompt = ctx.render(&template, &[("answer", output.into())])?;
    let mut questions = Vec::new();
    for round in 0..GUESSES {
        questions.push(ctx.ask_text(&grader, &prompt, round).await?);
    }
    let input = ctx.case.vars.get("query").and_then(Value::as_str).unwrap_or(ctx.case.prompt);
    let input = ctx.embed(&embedder, input).await?;
    let (mut sum, mut shown) = (0.0, Vec::new());
    for question in questions {
        let vector = ctx.embed(&embedder, &question).await?;
        if vector.len() != input.len() {
            return Err(GradingResult::error("Vectors must be of equal length"));
        }
        let likeness = cosine(&input, &vector);
        sum += likeness;
        shown.push(json!({"question": question, "similarity": likeness}));
    }
    let mean = sum / number(GUESSES);
    let pass = reaches(mean, threshold);
    let words = if pass { "greater" } else { "less" };
    let mut outcome = GradingResult::scored(
        pass,
        mean,
        format!("Relevance {} is {words} than threshold {threshold}", format_two_decimals(mean)),
    );
    outcome.metadata.insert("generatedQuestions".into(), shown.into());
    Ok(outcome)
}
