//! `max-score`: passes the output with the highest score over the case's other assertions.

use serde_json::{Map, Value, json};

use super::GradingResult;
use crate::spec::Assertion;

/// Compares all outputs of a case; one result for each. The error concerns the assertion.
pub fn max_score(
    assertion: &Assertion,
    outputs: &[&GradingResult],
) -> Result<Vec<GradingResult>, String> {
    if outputs.len() < 2 {
        return Err("max-score assertion must have at least two outputs to compare between".into());
    }
    let sums = assertion.value["method"] == "sum";
    let totals = outputs.iter().map(|graded| total(graded, &assertion.value["weights"], sums));
    let totals = totals.collect::<Result<Vec<_>, _>>()?;
    let best = totals.iter().map(|total| total.score).fold(f64::NEG_INFINITY, f64::max);
    let winner = totals.iter().position(|total| total.score >= best);
    let threshold = assertion.value["threshold"].as_f64().or(assertion.threshold);
    let enough = threshold.is_none_or(|threshold| best >= threshold);
    let verdict = |(index, total): (usize, &Total)| {
        let (wins, score) = (Some(index) == winner && enough, total.score);
        let reason = match (wins, threshold) {
            (true, _) => format!("Selected as highest scoring output (score: {score:.3})"),
            (false, Some(threshold)) if !enough && score >= best => {
                format!("Not selected - score {score:.3} below threshold {threshold}")
            }
            _ => format!("Not selected (score: {score:.3}, max: {best:.3})"),
        };
        let named =
            [("maxScore", score), ("assertionCount", total.parts), ("totalWeight", total.weight)];
        GradingResult {
            named_scores: named
                .map(|(name, number)| (name.to_owned(), json!(number)))
                .into_iter()
                .collect::<Map<_, _>>(),
            assertion: assertion.raw.clone(),
            ..GradingResult::scored(wins, if wins { 1.0 } else { 0.0 }, reason)
        }
    };
    Ok(totals.iter().enumerate().map(verdict).collect())
}

struct Total {
    score: f64,
    weight: f64,
    parts: f64,
}

fn total(graded: &GradingResult, weights: &Value, sums: bool) -> Result<Total, String> {
    let mut total = Total { score: 0.0, weight: 0.0, parts: 0.0 };
    for part in graded.component_results.iter().flatten() {
        // A component without an assertion is a set; its parts are counted on their own.
        let Some(kind) = part.assertion["type"].as_str() else { continue };
        if matches!(kind, Assertion::MAX_SCORE | Assertion::SELECT_BEST | Assertion::SET)
            || part.skipped.is_some()
        {
            continue;
        }
        let weight = weights[kind].as_f64().unwrap_or(1.0);
        total.score += part.score * weight;
        total.weight += weight;
        total.parts += 1.0;
    }
    if total.parts == 0.0 {
        return Err("max-score requires at least one other assertion (besides max-score or select-best) to aggregate scores from".into());
    }
    if !sums {
        total.score = if total.weight > 0.0 { total.score / total.weight } else { 0.0 };
    }
    Ok(total)
}
