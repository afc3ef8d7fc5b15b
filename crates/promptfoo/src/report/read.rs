//! Reads a run for its reports: where each row is in the run log, in the order of the cases, and what adds up over all of them.
//! Keeps a few numbers a row, never a row.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, ErrorKind};

use serde_json::Value;

use crate::result::GradingResult;
use crate::row::{Column, EvalRow, Summary, Verdict};
use crate::run_log::RunLog;
use crate::suite::Assertion;

/// A run, ready to be reported.
pub(super) struct Run<'a> {
    /// What is known beside the rows.
    pub(super) summary: &'a Summary,
    /// What adds up over the rows.
    pub(super) totals: Totals,
    log: &'a RunLog,
    places: Vec<Place>,
}

/// Where a row is, and what decides whether a report wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The case, counted from 0.
    pub(super) test: usize,
    /// The column, counted from 0.
    pub(super) column: usize,
    /// The repetition, counted from 0.
    pub(super) repeat: usize,
    /// How it ended.
    pub(super) verdict: Verdict,
    at: u64,
}

/// What adds up over the rows.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// By column.
    pub(super) columns: Vec<ColumnTotals>,
    /// Why rows were skipped, and how many.
    pub(super) skipped: BTreeMap<String, usize>,
    /// Why single assertions were skipped in rows that were tried, and how many.
    pub(super) untried: BTreeMap<String, usize>,
    /// How often each case was run; 1 where nothing is repeated.
    pub(super) repeats: usize,
    /// Cases that passed sometimes and not always: title, column, how often, of how many.
    pub(super) flaky: Vec<Flaky>,
    /// Assertions by type: passed, failed, skipped.
    pub(super) kinds: BTreeMap<String, [usize; 3]>,
    /// Whether any case has a description.
    pub(super) described: bool,
}

/// A case that passed sometimes and not always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaky {
    /// The case's title.
    pub(super) title: String,
    /// Its column.
    pub(super) column: usize,
    /// How often it passed.
    pub(super) passes: usize,
    /// How often it was tried.
    pub(super) runs: usize,
}

/// What adds up over the rows of a column.
#[derive(Debug, Default, Clone)]
pub(super) struct ColumnTotals {
    /// Passed, failed, errors, skipped.
    pub(super) counts: [usize; 4],
    /// The scores of the rows that were tried.
    pub(super) scores: Vec<f32>,
    /// Milliseconds of the rows that were tried, ascending.
    pub(super) latencies: Vec<f32>,
    /// Milliseconds of all rows.
    pub(super) time_ms: f64,
    /// Dollars of all rows.
    pub(super) cost: f64,
}

impl ColumnTotals {
    /// The mean score of the rows that were tried.
    pub(super) fn mean(&self) -> Option<f64> {
        let sum: f64 = self.scores.iter().copied().map(f64::from).sum();
        (!self.scores.is_empty()).then(|| sum / count(self.scores.len()))
    }

    /// The share of the rows that were tried which passed, 0 to 1.
    pub(super) fn pass_rate(&self) -> Option<f64> {
        pass_rate(self.counts)
    }
}

/// The share of the rows that were tried which passed, 0 to 1; `None` when none was tried.
pub(super) fn pass_rate([passed, failed, errors, _]: [usize; 4]) -> Option<f64> {
    let tried = passed + failed + errors;
    (tried > 0).then(|| count(passed) / count(tried))
}

/// The value below which a share of ascending values is (nearest rank).
pub(super) fn percentile(ascending: &[f32], share: f64) -> Option<f64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    let rank = (share * count(ascending.len())).ceil() as usize;
    ascending.get(rank.saturating_sub(1)).copied().map(f64::from)
}

/// A number of things, to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn count(number: usize) -> f64 {
    number as f64
}

impl<'a> Run<'a> {
    /// Reads the run log once.
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
                // A row that was run again is in the run log twice: the last counts.
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

    /// The rows that a report wants, in the order of the cases, one at a time.
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

    /// How many rows ended each way: passed, failed, errors, skipped. Counted in the run log.
    pub(super) fn counts(&self) -> [usize; 4] {
        self.totals.columns.iter().fold([0; 4], |sum, column| {
            std::array::from_fn(|index| sum[index] + column.counts[index])
        })
    }

    /// How a column is called: `[target] prompt`.
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

/// How a column is called: `[target] prompt`.
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

/// What names a row within its run, in eight bytes.
fn identity(row: &EvalRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&row.key, row.test_idx, row.prompt_idx, row.repeat).hash(&mut hasher);
    hasher.finish()
}

/// Adds rows up.
#[derive(Default)]
struct Adder {
    totals: Totals,
    /// The case and column that the last rows were of, with how often it passed and was tried.
    current: Option<(usize, Flaky)>,
}

impl Adder {
    fn add(&mut self, row: &EvalRow) {
        let verdict = row.verdict();
        let totals = &mut self.totals;
        totals.repeats = totals.repeats.max(row.repeat + 1);
        // What comes from a file is not to be trusted with a size.
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

/// The assertions of a row, those of sets included.
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
