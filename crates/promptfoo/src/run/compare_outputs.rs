//! Assertions on all outputs of a case, run after the last one is there: `select-best` and
//! `max-score`. They add their result to each row.

use super::super::check::{self, GradingContext};
use super::super::judge;
use super::super::result::GradingResult;
use super::super::row::EvalRow;
use super::super::suite::{Assertion, Case, DerivedMetric};
use serde_json::{Map, Value};

/// Whether a case has an assertion that compares its outputs.
pub(super) fn compares_outputs(case: &Case) -> bool {
    case.assert
        .iter()
        .any(|it| matches!(it.kind.as_str(), Assertion::SELECT_BEST | Assertion::MAX_SCORE))
}

/// Compares the rows of a case and updates their verdicts.
pub(super) async fn compare(case: &Case, rows: &mut [EvalRow], grading: &GradingContext) {
    let of = |kind: &str| case.assert.iter().find(|it| it.kind == kind);
    if let Some(assertion) = of(Assertion::SELECT_BEST) {
        let verdicts = select_best(assertion, case, rows, grading).await;
        rows.iter_mut()
            .zip(verdicts)
            .for_each(|(row, verdict)| chosen(row, tagged(verdict, assertion)));
    }
    if let Some(assertion) = of(Assertion::MAX_SCORE) {
        let verdicts = max_score(assertion, rows);
        rows.iter_mut()
            .zip(verdicts)
            .for_each(|(row, verdict)| scored(row, tagged(verdict, assertion)));
    }
}

fn tagged(mut verdict: GradingResult, assertion: &Assertion) -> GradingResult {
    verdict.assertion = assertion.raw.clone();
    verdict
}

/// One result for each row, from a grader that reads all outputs.
async fn select_best(
    assertion: &Assertion,
    case: &Case,
    rows: &[EvalRow],
    grading: &GradingContext,
) -> Vec<GradingResult> {
    let output = |row: &EvalRow| row.response.as_ref().map(|response| response.output.clone());
    let outputs: Vec<_> = rows.iter().map(|row| output(row).unwrap_or_default()).collect();
    let vars = rows.first().map_or(&case.vars, |row| &row.vars);
    judge::select_best(assertion, case, vars, &outputs, grading).await
}

/// One result for each row, from the scores of its other assertions.
fn max_score(assertion: &Assertion, rows: &[EvalRow]) -> Vec<GradingResult> {
    let none = GradingResult::default();
    let graded: Vec<_> =
        rows.iter().map(|row| row.grading_result.as_ref().unwrap_or(&none)).collect();
    check::max_score(assertion, &graded)
        .unwrap_or_else(|why| rows.iter().map(|_| GradingResult::error(why.clone())).collect())
}

/// Computes derived metrics in place and returns the errors, one sentence each.
pub(super) async fn derive(
    derived: &[DerivedMetric],
    count: usize,
    named: &mut Map<String, Value>,
    grading: &GradingContext,
) -> Vec<String> {
    check::derive(derived, count, named, &grading.scripts).await
}

/// Fails the row unless it was selected; a selected row keeps its score.
fn chosen(row: &mut EvalRow, verdict: GradingResult) {
    if apply_error_or_skip(row, &verdict) {
        return;
    }
    let whole = row.grading_result.get_or_insert_with(GradingResult::passed);
    whole.pass = whole.pass && verdict.pass;
    row.success = row.success && verdict.pass;
    if !verdict.pass {
        whole.reason.clone_from(&verdict.reason);
        whole.score = verdict.score;
        row.score = verdict.score;
    }
    mark_failed(row, &verdict);
    add(row, verdict);
}

/// Fails the row unless it has the best score; an earlier failure keeps its reason.
fn scored(row: &mut EvalRow, verdict: GradingResult) {
    if apply_error_or_skip(row, &verdict) {
        return;
    }
    let whole = row.grading_result.get_or_insert_with(GradingResult::passed);
    let before = whole.pass;
    whole.pass = before && verdict.pass;
    row.success = whole.pass;
    if !verdict.pass {
        whole.score = verdict.score;
        row.score = verdict.score;
        if before {
            whole.reason.clone_from(&verdict.reason);
        }
    }
    whole.named_scores.extend(verdict.named_scores.clone());
    mark_failed(row, &verdict);
    add(row, verdict);
}

/// Marks the row and returns true when the comparison failed or was skipped.
fn apply_error_or_skip(row: &mut EvalRow, verdict: &GradingResult) -> bool {
    if let Some(error) = &verdict.error {
        (row.success, row.failure_reason, row.error) = (false, 2, Some(error.clone()));
        row.skipped = None;
        return true;
    }
    let Some(why) = &verdict.skipped else { return false };
    if row.failure_reason == 0 {
        (row.success, row.skipped) = (false, Some(why.clone()));
    }
    add(row, verdict.clone());
    true
}

fn mark_failed(row: &mut EvalRow, verdict: &GradingResult) {
    if !verdict.pass && row.failure_reason == 0 {
        row.failure_reason = 1;
        row.error = Some(verdict.reason.clone());
    }
}

fn add(row: &mut EvalRow, verdict: GradingResult) {
    let whole = row.grading_result.get_or_insert_with(GradingResult::passed);
    if let Some(used) = verdict.tokens_used {
        *whole.tokens_used.get_or_insert_default() += used;
    }
    if let Some(cost) = verdict.metadata.get("cost").and_then(Value::as_f64) {
        let before = whole.metadata.get("cost").and_then(Value::as_f64).unwrap_or(0.0);
        whole.metadata.insert("cost".into(), (before + cost).into());
        row.cost += cost;
    }
    whole.component_results.get_or_insert_default().push(verdict);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed() -> EvalRow {
        EvalRow {
            success: true,
            score: 0.8,
            grading_result: Some(GradingResult::scored(true, 0.8, "ok")),
            ..EvalRow::default()
        }
    }

    #[test]
    fn who_is_not_chosen_fails_and_who_is_keeps_its_score() {
        let (mut won, mut lost) = (passed(), passed());
        chosen(&mut won, GradingResult::scored(true, 1.0, "best"));
        chosen(&mut lost, GradingResult::scored(false, 0.0, "not best"));
        assert_eq!((won.success, won.score), (true, 0.8));
        assert_eq!((lost.success, lost.score, lost.failure_reason), (false, 0.0, 1));
        assert_eq!(lost.grading_result.unwrap().reason, "not best");
    }

    #[test]
    fn what_the_comparison_costs_is_counted() {
        let mut verdict = GradingResult::failed("not best");
        verdict.metadata.insert("cost".into(), 0.25.into());
        let mut row = passed();
        chosen(&mut row, verdict);
        assert!((row.cost - 0.25).abs() < 1e-9);
        assert!((crate::run::tally::grading(&row).1 - 0.25).abs() < 1e-9);
    }

    #[test]
    fn what_failed_before_keeps_its_reason() {
        let mut row = EvalRow {
            grading_result: Some(GradingResult::failed("no")),
            failure_reason: 1,
            ..EvalRow::default()
        };
        scored(&mut row, GradingResult::scored(false, 0.0, "not best"));
        let graded = row.grading_result.unwrap();
        assert_eq!((graded.reason.as_str(), graded.component_results.unwrap().len()), ("no", 1));
    }

    #[test]
    fn an_error_of_the_comparison_shows_although_the_row_was_skipped() {
        let mut row = EvalRow { skipped: Some("no grader".into()), ..EvalRow::default() };
        chosen(&mut row, GradingResult::error("no such file"));
        assert_eq!(row.verdict(), crate::row::Verdict::Error);
    }

    #[test]
    fn what_could_not_be_compared_never_passes() {
        let mut row = passed();
        scored(&mut row, GradingResult::skipped("no grader"));
        assert_eq!((row.success, row.skipped.as_deref()), (false, Some("no grader")));
    }
}
