//! Reads a run for its reports: the position of each row in the run log, in the order of the cases,
//! and the totals. Keeps a few numbers for each row, never whole rows.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, ErrorKind};

use serde_json::Value;

use crate::result::GradingResult;
use crate::row::{Column, EvalRow, Summary, Verdict};
use crate::run_log::RunLog;
use crate::suite::Assertion;

/// A run, ready for reporting.
pub(super) struct Run<'a> {
    pub(super) summary: &'a Summary,
    pub(super) totals: Totals,
    log: &'a RunLog,
    places: Vec<Place>,
}

/// Position of a row in the run log, and what reports filter by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Index of the case, from 0.
    pub(super) test: usize,
    /// Index of the column, from 0.
    pub(super) column: usize,
    /// Number of the repetition, from 0.
    pub(super) repeat: usize,
    pub(super) verdict: Verdict,
    at: u64,
}

/// Totals over the rows.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) columns: Vec<ColumnTotals>,
    /// Number of skipped rows by reason.
    pub(super) skipped: BTreeMap<String, usize>,
    /// Number of skipped assertions in rows that ran, by reason.
    pub(super) untried: BTreeMap<String, usize>,
    /// Number of runs of each case; 1 without repetition.
    pub(super) repeats: usize,
    pub(super) flaky: Vec<Flaky>,
    /// Assertions by type: passed, failed, skipped.
    pub(super) kinds: BTreeMap<String, [usize; 3]>,
    /// Whether any case has a description.
    pub(super) described: bool,
}

/// A case that passed in some repetitions but not in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaky {
    pub(super) title: String,
    /// Index of its column.
    pub(super) column: usize,
    /// Number of repetitions that passed.
    pub(super) passes: usize,
    /// Number of repetitions that were not skipped.
    pub(super) runs: usize,
}

/// Totals over the rows of a column.
#[derive(Debug, Default, Clone)]
pub(super) struct ColumnTotals {
    /// Number of rows: passed, failed, errors, skipped.
    pub(super) counts: [usize; 4],
    /// Scores of the rows that were not skipped.
    pub(super) scores: Vec<f32>,
    /// Latencies of the rows that were not skipped, in milliseconds, ascending.
    pub(super) latencies: Vec<f32>,
    /// Total latency of all rows, in milliseconds.
    pub(super) time_ms: f64,
    /// Total cost of all rows, in US dollars.
    pub(super) cost: f64,
}

impl ColumnTotals {
    /// Mean score of the rows that were not skipped; `None` when there are none.
    pub(super) fn mean(&self) -> Option<f64> {
        let sum: f64 = self.scores.iter().copied().map(f64::from).sum();
        (!self.scores.is_empty()).then(|| sum / count(self.scores.len()))
    }

    /// Pass rate of the rows that were not skipped, 0 to 1.
    pub(super) fn pass_rate(&self) -> Option<f64> {
        pass_rate(self.counts)
    }
}

/// Pass rate of the rows that were not skipped, 0 to 1; `None` when there are none.
pub(super) fn pass_rate([passed, failed, errors, _]: [usize; 4]) -> Option<f64> {
    let tried = passed + failed + errors;
    (tried > 0).then(|| count(passed) / count(tried))
}

/// The percentile of ascending values by nearest rank; `share` is 0 to 1.
pub(super) fn percentile(ascending: &[f32], share: f64) -> Option<f64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    let rank = (share * count(ascending.len())).ceil() as usize;
    ascending.get(rank.saturating_sub(1)).copied().map(f64::from)
}

/// Converts a count for arithmetic.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn count(number: usize) -> f64 {
    number as f64
}

impl<'a> Run<'a> {
    /// Indexes the run log and computes the totals.
    pub(super) fn read(summary: &'a Summary, run_log: &'a RunLog) -> io::Result<Self> {
        let mut places = HashMap::new();
        let mut described = false;
        let mut offset = 0;
        let mut line = Vec::new();
        let mut reader = open(run_log)?;
        while let Some(reader) = reader.as_mut() {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            if let Ok(row) = serde_json::from_slice::<EvalRow>(&line) {
                described |= row.test_case.get("description").is_some_and(Value::is_string);
                // A row that was run again is in the run log twice; the last one counts.
                places.insert(identity(&row), Place::of(&row, offset));
            }
            offset += length as u64;
        }
        let mut places: Vec<Place> = places.into_values().collect();
        places.sort_by_key(|place| (place.test, place.column, place.repeat, place.at));
        let mut run = Self { summary, totals: Totals::default(), log: run_log, places };
        let mut adder = Adder::default();
        for row in run.rows(|_| true)? {
            adder.add(&row?);
        }
        run.totals = Totals { described, ..adder.finish(summary.prompts.len()) };
        Ok(run)
    }

    /// Returns the matching rows in the order of the cases, one at a time.
    pub(super) fn rows(
        &self,
        wanted: impl Fn(&Place) -> bool,
    ) -> io::Result<impl Iterator<Item = io::Result<EvalRow>>> {
        let mut reader = open(self.log)?;
        let mut here = 0;
        let mut line = Vec::new();
        let places = self.places.iter().filter(move |place| wanted(place));
        Ok(places.map(move |place| {
            let reader = reader.as_mut().ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
            reader.seek_relative(place.at.cast_signed() - here)?;
            line.clear();
            let length = reader.read_until(b'\n', &mut line)? as u64;
            here = (place.at + length).cast_signed();
            Ok(serde_json::from_slice(&line)?)
        }))
    }

    /// Number of rows by verdict: passed, failed, errors, skipped. Counted in the run log.
    pub(super) fn counts(&self) -> [usize; 4] {
        self.totals.columns.iter().fold([0; 4], |sum, column| {
            std::array::from_fn(|index| sum[index] + column.counts[index])
        })
    }

    pub(super) fn column(&self, index: usize) -> String {
        match self.summary.prompts.get(index) {
            Some(column) => name(column),
            None => format!("column {}", index + 1),
        }
    }
}

impl Place {
    fn of(row: &EvalRow, at: u64) -> Self {
        let (test, column, repeat) = (row.test_idx, row.prompt_idx, row.repeat);
        Self { test, column, repeat, verdict: row.verdict(), at }
    }
}

/// The column's name, as `[target] prompt`.
pub(super) fn name(column: &Column) -> String {
    let label = if column.label.is_empty() { &column.raw } else { &column.label };
    format!("[{}] {label}", column.provider)
}

fn open(run_log: &RunLog) -> io::Result<Option<BufReader<File>>> {
    match File::open(run_log.path()) {
        Ok(file) => Ok(Some(BufReader::with_capacity(1 << 16, file))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Hash that identifies a row within its run; saves memory over the full key.
fn identity(row: &EvalRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&row.key, row.test_idx, row.prompt_idx, row.repeat).hash(&mut hasher);
    hasher.finish()
}

#[derive(Default)]
struct Adder {
    totals: Totals,
    /// Case index and repetition counts of the current case and column.
    current: Option<(usize, Flaky)>,
}

impl Adder {
    fn add(&mut self, row: &EvalRow) {
        let verdict = row.verdict();
        let totals = &mut self.totals;
        totals.repeats = totals.repeats.max(row.repeat + 1);
        // The file may hold any number; limit the allocation.
        let index = row.prompt_idx.min(9_999);
        if totals.columns.len() <= index {
            totals.columns.resize_with(index + 1, ColumnTotals::default);
        }
        let column = &mut totals.columns[index];
        column.counts[verdict as usize] += 1;
        column.time_ms += row.latency_ms;
        column.cost += row.cost;
        if let (Verdict::Skipped, Some(why)) = (verdict, &row.skipped) {
            *totals.skipped.entry(why.clone()).or_default() += 1;
        } else {
            column.scores.push(small(row.score));
            column.latencies.push(small(row.latency_ms));
        }
        for graded in leaves(row.grading_result.as_ref()) {
            self.assertion(graded, verdict);
        }
        self.repetition(row, verdict);
    }

    fn assertion(&mut self, graded: &GradingResult, verdict: Verdict) {
        let kind = graded.assertion.get("type").and_then(Value::as_str).unwrap_or("assertion");
        let counts = self.totals.kinds.entry(kind.to_owned()).or_default();
        match &graded.skipped {
            Some(why) => {
                counts[2] += 1;
                if verdict != Verdict::Skipped {
                    *self.totals.untried.entry(why.clone()).or_default() += 1;
                }
            }
            None => counts[usize::from(!graded.pass)] += 1,
        }
    }

    fn repetition(&mut self, row: &EvalRow, verdict: Verdict) {
        let same = |(test, flaky): &(usize, Flaky)| {
            *test == row.test_idx && flaky.column == row.prompt_idx
        };
        if !self.current.as_ref().is_some_and(same) {
            self.settle();
            let flaky = Flaky { title: row.title(), column: row.prompt_idx, passes: 0, runs: 0 };
            self.current = Some((row.test_idx, flaky));
        }
        if let Some((_, flaky)) = &mut self.current
            && verdict != Verdict::Skipped
        {
            flaky.runs += 1;
            flaky.passes += usize::from(verdict == Verdict::Passed);
        }
    }

    fn settle(&mut self) {
        if let Some((_, flaky)) = self.current.take()
            && flaky.passes > 0
            && flaky.passes < flaky.runs
        {
            self.totals.flaky.push(flaky);
        }
    }

    fn finish(mut self, columns: usize) -> Totals {
        self.settle();
        let columns = columns.max(self.totals.columns.len());
        self.totals.columns.resize_with(columns, ColumnTotals::default);
        for column in &mut self.totals.columns {
            column.latencies.sort_by(f32::total_cmp);
        }
        self.totals
    }
}

/// The assertions of a row, including those inside sets.
pub(super) fn leaves(graded: Option<&GradingResult>) -> Vec<&GradingResult> {
    let parts = graded.and_then(|graded| graded.component_results.as_deref());
    let own = |part: &&GradingResult| {
        part.assertion.get("type").and_then(Value::as_str) != Some(Assertion::SET)
    };
    parts.unwrap_or_default().iter().filter(own).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "what is drawn needs no more digits")]
fn small(number: f64) -> f32 {
    number as f32
}
