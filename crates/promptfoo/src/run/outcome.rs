//! The exit code of a run, and the stability of repeated cases.

use std::collections::BTreeMap;

use super::super::row::{EvalRow, Summary};

/// Default pass rate below which a run fails, in percent.
const THRESHOLD: f64 = 100.0;
/// Default exit code of a failed run.
const FAILED: i32 = 100;

/// Returns the exit code of a run. `PROMPTFOO_PASS_RATE_THRESHOLD` (in percent) and
/// `PROMPTFOO_FAILED_TEST_EXIT_CODE` in the environment override the defaults.
pub fn exit_code(summary: &Summary, strict: bool) -> i32 {
    let set = |name: &str| std::env::var(name).ok();
    let bar = set("PROMPTFOO_PASS_RATE_THRESHOLD").and_then(|it| it.trim().parse().ok());
    let code = set("PROMPTFOO_FAILED_TEST_EXIT_CODE").and_then(|it| it.trim().parse().ok());
    exit_code_with(summary, strict, bar.unwrap_or(THRESHOLD), code.unwrap_or(FAILED))
}

/// Returns `code` when the pass rate is below `bar` percent, else 0. Skipped rows do not count, or
/// count as failures when `strict`.
pub fn exit_code_with(summary: &Summary, strict: bool, bar: f64, code: i32) -> i32 {
    let [passed, failed, errors, skipped] = summary.counts();
    let all = passed + failed + errors + if strict { skipped } else { 0 };
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer rows than 2^52")]
    let share = if all == 0 { 100.0 } else { passed as f64 * 100.0 / all as f64 };
    if share < bar { code } else { 0 }
}

/// How often a case passed over its repetitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassCount {
    /// The rows' key without the repetition.
    pub key: String,
    /// The case's title.
    pub title: String,
    /// Number of repetitions that passed.
    pub passed: usize,
    /// Number of repetitions; skipped rows do not count.
    pub runs: usize,
}

impl PassCount {
    /// Whether only some repetitions passed.
    pub fn is_flaky(&self) -> bool {
        self.passed > 0 && self.passed < self.runs
    }
}

/// Counts how often each case passed, in the order of the suite.
pub fn pass_counts<'a>(rows: impl IntoIterator<Item = &'a EvalRow>) -> Vec<PassCount> {
    let mut all: BTreeMap<(usize, usize, String), PassCount> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.skipped.is_none()) {
        let key = row.key.rsplit_once('-').map_or(row.key.as_str(), |(key, _)| key).to_owned();
        let start = || PassCount { key: key.clone(), title: row.title(), passed: 0, runs: 0 };
        let entry = all.entry((row.test_idx, row.prompt_idx, key.clone())).or_insert_with(start);
        entry.runs += 1;
        entry.passed += usize::from(row.success);
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::row::{Column, Metrics};
    use super::*;

    fn summary(counts: [usize; 4]) -> Summary {
        let [test_pass_count, test_fail_count, test_error_count, test_skip_count] = counts;
        let metrics = Metrics {
            test_pass_count,
            test_fail_count,
            test_error_count,
            test_skip_count,
            ..Metrics::default()
        };
        Summary { prompts: vec![Column { metrics, ..Column::default() }], ..Summary::default() }
    }

    #[test]
    fn the_exit_code_is_of_the_share_that_passes() {
        let code = |counts, strict, bar| exit_code_with(&summary(counts), strict, bar, 100);
        assert_eq!(code([3, 0, 0, 0], false, 100.0), 0);
        assert_eq!(code([3, 1, 0, 0], false, 100.0), 100);
        assert_eq!(code([3, 0, 1, 0], false, 75.0), 0);
        assert_eq!(code([3, 0, 0, 1], false, 100.0), 0);
        assert_eq!(code([3, 0, 0, 1], true, 100.0), 100);
        assert_eq!(code([0, 0, 0, 0], false, 100.0), 0);
        assert_eq!(exit_code_with(&summary([0, 1, 0, 0]), false, 100.0, 7), 7);
    }

    #[test]
    fn a_case_that_passes_sometimes_is_flaky() {
        let row = |key: &str, success| EvalRow { key: key.into(), success, ..EvalRow::default() };
        let rows = [
            row("a-0", true),
            row("a-1", false),
            row("b-0", true),
            row("a-2", true),
            row("b-1", true),
        ];
        let found = pass_counts(&rows);
        let seen: Vec<_> =
            found.iter().map(|it| (it.key.as_str(), it.passed, it.runs, it.is_flaky())).collect();
        assert_eq!(seen, [("a", 2, 3, true), ("b", 2, 2, false)]);
    }
}
