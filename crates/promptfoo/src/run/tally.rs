//! Totals of each column, accumulated row by row.

use serde_json::{Map, Value};

use super::super::result::{GradingResult, Tokens};
use super::super::row::{EvalRow, Metrics, Verdict};

pub(super) fn add(metrics: &mut Metrics, row: &EvalRow) {
    if row.skipped.is_none() {
        metrics.score += row.score;
    }
    match row.verdict() {
        Verdict::Passed => metrics.test_pass_count += 1,
        Verdict::Failed => metrics.test_fail_count += 1,
        Verdict::Error => metrics.test_error_count += 1,
        Verdict::Skipped => metrics.test_skip_count += 1,
    }
    for part in components(row).filter(|part| part.skipped.is_none()) {
        if part.pass {
            metrics.assert_pass_count += 1;
        } else {
            metrics.assert_fail_count += 1;
        }
    }
    for (name, value) in &row.named_scores {
        let count =
            components(row).filter(|part| part.assertion["metric"] == name.as_str()).count().max(1);
        let weights =
            row.grading_result.as_ref().and_then(|graded| graded.metadata.get("namedScoreWeights"));
        let weight = weights.and_then(|it| it[name].as_f64()).unwrap_or(1.0);
        increase(&mut metrics.named_scores, name, value.as_f64().unwrap_or(0.0) * weight);
        let before = metrics.named_scores_count.get(name).and_then(Value::as_u64).unwrap_or(0);
        metrics.named_scores_count.insert(name.clone(), (before + count as u64).into());
    }
    metrics.total_latency_ms += row.latency_ms;
    metrics.token_usage += row.token_usage;
    metrics.cost += row.cost;
}

fn components(row: &EvalRow) -> impl Iterator<Item = &GradingResult> {
    row.grading_result.iter().filter_map(|graded| graded.component_results.as_ref()).flatten()
}

fn increase(all: &mut Map<String, Value>, name: &str, by: f64) {
    let before = all.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    all.insert(name.to_owned(), (before + by).into());
}

/// Tokens and cost in US dollars of a row's graders.
pub fn grading(row: &EvalRow) -> (Tokens, f64) {
    let graded = row.grading_result.as_ref();
    let cost = graded.and_then(|it| it.metadata.get("cost")).and_then(Value::as_f64);
    (graded.and_then(|it| it.tokens_used).unwrap_or_default(), cost.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_counted_by_how_they_ended_and_scores_are_summed() {
        let mut metrics = Metrics::default();
        let part = |pass, metric: &str| GradingResult {
            pass,
            assertion: json!({"metric": metric}),
            ..GradingResult::default()
        };
        let graded = GradingResult {
            component_results: Some(vec![part(true, "m"), part(false, "m")]),
            ..GradingResult::default()
        };
        let named = Map::from_iter([("m".to_owned(), json!(0.5))]);
        let row = EvalRow {
            score: 0.5,
            latency_ms: 7.0,
            named_scores: named,
            grading_result: Some(graded),
            failure_reason: 1,
            ..EvalRow::default()
        };
        add(&mut metrics, &row);
        add(&mut metrics, &row);
        add(&mut metrics, &EvalRow { success: true, score: 1.0, ..EvalRow::default() });
        add(&mut metrics, &EvalRow { skipped: Some("no python".into()), ..EvalRow::default() });
        add(&mut metrics, &EvalRow { failure_reason: 2, ..EvalRow::default() });
        assert_eq!((metrics.test_pass_count, metrics.test_fail_count), (1, 2));
        assert_eq!((metrics.test_error_count, metrics.test_skip_count), (1, 1));
        assert_eq!((metrics.assert_pass_count, metrics.assert_fail_count), (2, 2));
        assert_eq!(metrics.named_scores["m"], json!(1.0));
        assert_eq!(metrics.named_scores_count["m"], json!(4));
        assert!(
            (metrics.score - 2.0).abs() < 1e-9 && (metrics.total_latency_ms - 14.0).abs() < 1e-9
        );
    }
}
