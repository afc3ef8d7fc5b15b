//! `similar`: semantic similarity by embeddings.

use serde_json::Value;

use super::GraderKind;
use super::grader::Grader;
use super::judge_context::{JudgeContext, Judgement};
use super::words::{format_two_decimals, reaches};
use crate::result::GradingResult;

#[derive(Clone, Copy)]
enum Metric {
    Cosine,
    Dot,
    Euclidean,
}

pub(super) async fn judge(ctx: &JudgeContext<'_>) -> Judgement {
    let metric = match ctx.assertion.kind.strip_prefix("similar:") {
        None | Some("cosine") => Metric::Cosine,
        Some("dot") => Metric::Dot,
        Some("euclidean") => Metric::Euclidean,
        Some(other) => {
            return Err(GradingResult::error(format!("Unknown similarity metric: {other}")));
        }
    };
    let wrong = || {
        GradingResult::error(
            "Similarity assertion type must have a string or array of strings value",
        )
    };
    let values: Vec<&str> = match &ctx.assertion.value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(list) => {
            list.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    if values.is_empty() {
        return Err(GradingResult::error(
            "Similarity assertion must have at least one value to compare against",
        ));
    }
    let grader = ctx.grader(GraderKind::Embedding)?;
    several(ctx, &grader, metric, &values).await
}

/// Passes when one value is similar; when negated, none may be.
async fn several(
    ctx: &JudgeContext<'_>,
    grader: &Grader,
    metric: Metric,
    values: &[&str],
) -> Judgement {
    let negated = ctx.assertion.negated;
    let threshold = ctx.assertion.threshold.unwrap_or(0.75);
    let output = ctx.embed(grader, &ctx.output()).await?;
    let mut best: Option<GradingResult> = None;
    for value in values {
        let wanted = ctx.embed(grader, value).await?;
        let found = compared(&wanted, &output, metric, threshold, negated)?;
        if found.pass != negated {
            return Ok(found);
        }
        let better = |best: &GradingResult| {
            if negated { found.score < best.score } else { found.score > best.score }
        };
        if best.as_ref().is_none_or(better) {
            best = Some(found);
        }
    }
    let best = best.unwrap_or_default();
    if values.len() == 1 || negated {
        return Ok(best);
    }
    Ok(GradingResult {
        reason: "None of the provided values met the similarity threshold".into(),
        ..best
    })
}

#[expect(
    clippy::result_large_err,
    reason = "a judgement that ends early is as large as one that does not"
)]
fn compared(
    wanted: &[f64],
    output: &[f64],
    metric: Metric,
    threshold: f64,
    negated: bool,
) -> Judgement {
    if wanted.len() != output.len() {
        return Err(GradingResult::error("Vectors must be of equal length"));
    }
    if let Metric::Euclidean = metric {
        let distance = distance(wanted, output);
        let near = distance <= threshold + f64::EPSILON;
        let pass = if negated { distance >= threshold - f64::EPSILON } else { near };
        let is_said_near = pass != negated;
        let words = if is_said_near { "less than or equal to" } else { "greater than" };
        let score = 1.0 / (1.0 + distance);
        let score = if negated { 1.0 - score } else { score };
        return Ok(GradingResult::scored(
            pass,
            score,
            format!("Distance {} is {words} threshold {threshold}", format_two_decimals(distance)),
        ));
    }
    let likeness =
        if let Metric::Dot = metric { dot(wanted, output) } else { cosine(wanted, output) };
    let pass =
        if negated { likeness <= threshold + f64::EPSILON } else { reaches(likeness, threshold) };
    let words = if pass == negated { "less than" } else { "greater than or equal to" };
    let score = if negated { 1.0 - likeness } else { likeness };
    Ok(GradingResult::scored(
        pass,
        score,
        format!("Similarity {} is {words} threshold {threshold}", format_two_decimals(likeness)),
    ))
}

/// Cosine similarity; 0 when a vector has length 0.
pub(super) fn cosine(left: &[f64], right: &[f64]) -> f64 {
    let lengths = dot(left, left).sqrt() * dot(right, right).sqrt();
    if lengths == 0.0 { 0.0 } else { dot(left, right) / lengths }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

fn distance(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}
