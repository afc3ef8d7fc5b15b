//! One row of a run: a case, a prompt and a target, once. Rows are written to a journal while the run goes on, one a line,
//! so that a run of any size needs little memory and goes on after it was stopped; reports read them from there.

use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::result::{GradingResult, Response, Tokens};

/// Bytes of rows that are written at once.
const BUFFER: usize = 64 * 1024;
/// The longest that a row waits to be written while others follow.
const FLUSH: Duration = Duration::from_secs(1);

/// A case with a prompt and a target, once. In promptfoo's shape, and what we know beyond that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunRow)]
pub struct EvalRow {
    /// Names it within its suite: the same case, prompt, target and repetition have the same key in every run.
    pub key: String,
    /// The case, counted from 0, after matrices and scenarios were multiplied out.
    pub test_idx: usize,
    /// The column: a prompt with a target, counted from 0.
    pub prompt_idx: usize,
    /// Which repetition, counted from 0.
    pub repeat: usize,
    /// Whether everything held.
    pub success: bool,
    /// The weighted mean of the assertions' scores.
    pub score: f64,
    /// Scores by metric.
    pub named_scores: Map<String, Value>,
    /// What became of the assertions; `None` when there is nothing to try them on.
    pub grading_result: Option<GradingResult>,
    /// 0: nothing failed, 1: an assertion, 2: an error.
    pub failure_reason: u8,
    /// What failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it could not be tried. A skipped row never passes, and is not counted as a failure either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What the customer waited, in milliseconds.
    pub latency_ms: f64,
    /// Dollars, with what graders cost.
    pub cost: f64,
    /// Tokens of the target.
    pub token_usage: Tokens,
    /// `{raw, label}`: the prompt as it was sent.
    pub prompt: Value,
    /// The target: `{id, label}`.
    pub provider: Value,
    /// What it answered.
    pub response: Option<Response>,
    /// The case as it is written, merged.
    pub test_case: Value,
    /// The variables.
    pub vars: Map<String, Value>,
    /// What is said of the case.
    pub metadata: Map<String, Value>,
}

impl EvalRow {
    /// What the case is called: its description, else its variables in a line.
    pub fn title(&self) -> String {
        if let Some(description) = self.test_case.get("description").and_then(Value::as_str) {
            return description.to_owned();
        }
        let pairs = self.vars.iter().map(|(name, value)| match value {
            Value::String(text) => format!("{name}: {text}"),
            other => format!("{name}: {other}"),
        });
        pairs.collect::<Vec<_>>().join(", ")
    }

    /// How it ended.
    pub fn verdict(&self) -> Verdict {
        match (self.success, &self.skipped, self.failure_reason) {
            (true, ..) => Verdict::Passed,
            (false, Some(_), _) => Verdict::Skipped,
            (false, None, 2) => Verdict::Error,
            (false, None, _) => Verdict::Failed,
        }
    }
}

words! {
    /// How a row ended, in the order in which counts of rows stand.
    #[schema(as = RowVerdict)]
    pub enum Verdict {
        /// Everything held.
        Passed = "passed",
        /// Something did not.
        Failed = "failed",
        /// There is no answer, or an assertion is wrong.
        Error = "error",
        /// It could not be tried here.
        Skipped = "skipped",
    }
}

/// One column of a run: a prompt with a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunColumn)]
pub struct Column {
    /// The prompt's template.
    pub raw: String,
    /// The prompt's label.
    pub label: String,
    /// The target's name.
    pub provider: String,
    /// What came of it.
    pub metrics: Metrics,
}

/// What came of a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunMetrics)]
pub struct Metrics {
    /// The sum of the rows' scores.
    pub score: f64,
    /// Rows that passed.
    pub test_pass_count: usize,
    /// Rows that failed.
    pub test_fail_count: usize,
    /// Rows that are errors.
    pub test_error_count: usize,
    /// Rows that could not be tried.
    pub test_skip_count: usize,
    /// Assertions that passed.
    pub assert_pass_count: usize,
    /// Assertions that failed.
    pub assert_fail_count: usize,
    /// Milliseconds of all rows together.
    pub total_latency_ms: f64,
    /// Tokens.
    pub token_usage: Tokens,
    /// Sums of the scores by metric, and derived metrics.
    pub named_scores: Map<String, Value>,
    /// How many rows have each named score.
    pub named_scores_count: Map<String, Value>,
    /// Dollars.
    pub cost: f64,
}

/// What is known of a run beside its rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunSummary)]
pub struct Summary {
    /// Its id: `eval-` and when it began.
    pub id: String,
    /// When it began, milliseconds since 1970.
    pub started_at: i64,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// The suite's file.
    pub suite: String,
    /// What the suite says of itself.
    pub description: String,
    /// The columns.
    pub prompts: Vec<Column>,
    /// The names of all variables, in order.
    pub vars: Vec<String>,
    /// What the graders used.
    pub grader_tokens: Tokens,
    /// What the graders cost, in dollars.
    pub grader_cost: f64,
    /// Whether every row was run: false when it was stopped or ran out of time.
    pub complete: bool,
    /// Why it was stopped, where a bound did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The configuration as it was read.
    pub config: Value,
    /// What else was measured, such as retrieval: `{title, columns, rows}` each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
}

impl Summary {
    /// Rows by how they ended: passed, failed, errors, skipped.
    pub fn counts(&self) -> [usize; 4] {
        self.prompts.iter().fold([0; 4], |[a, b, c, d], column| {
            let it = &column.metrics;
            [
                a + it.test_pass_count,
                b + it.test_fail_count,
                c + it.test_error_count,
                d + it.test_skip_count,
            ]
        })
    }
}

/// A table in a report, beside the rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ReportTable)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The columns' heads.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

/// The rows of a run in a file: one JSON object per line, in the order in which they ended.
#[derive(Debug, Clone)]
pub struct RunLog {
    path: PathBuf,
}

impl RunLog {
    /// The log at a path; the file need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Locks it for one run until the lock is dropped: two runs that write into one log would spoil it.
    pub fn claim(&self) -> io::Result<RunLogLock> {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(name)?;
        match file.try_lock() {
            Ok(()) => Ok(RunLogLock(file)),
            Err(TryLockError::Error(error)) => Err(error),
            Err(TryLockError::WouldBlock) => {
                let what = "another run of this suite is under way: wait for it, or stop it";
                Err(io::Error::new(io::ErrorKind::ResourceBusy, what))
            }
        }
    }

    /// Adds a row.
    pub fn add(&self, row: &EvalRow) -> io::Result<()> {
        let mut appender = self.append(true)?;
        appender.add(row)?;
        appender.finish()
    }

    /// Opens it for many rows. A line that a crash cut off is taken away, so that the next row has a line of its own; without
    /// `keep`, all that is in it is.
    pub fn append(&self, keep: bool) -> io::Result<RunLogWriter> {
        let mut file =
            File::options().create(true).read(true).write(true).truncate(false).open(&self.path)?;
        let end = if keep { whole_lines(&mut file)? } else { 0 };
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(RunLogWriter { file, flushed: Instant::now(), size: end })
    }

    /// Reads the rows, one at a time. There are none where there is no file.
    pub fn rows(&self) -> io::Result<impl Iterator<Item = io::Result<EvalRow>> + use<>> {
        let file = match File::open(&self.path) {
            Ok(file) => Some(BufReader::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let lines = file.into_iter().flat_map(BufRead::lines);
        Ok(lines.filter_map(|line| match line {
            // A half-written line belongs to a row that is run again.
            Ok(line) => serde_json::from_str(&line).ok().map(Ok),
            Err(error) => Some(Err(error)),
        }))
    }

    /// Rows from a byte on, at most `most` of those that `keep` lets through, each with the byte after it; and the byte to go on
    /// from. A line that is still being written is left for later.
    pub fn page(
        &self,
        from: u64,
        most: usize,
        keep: impl Fn(&EvalRow) -> bool,
    ) -> io::Result<(Vec<(u64, EvalRow)>, u64)> {
        let mut file = match File::open(&self.path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), from)),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(from))?;
        let (mut rows, mut at, mut line) = (Vec::new(), from, Vec::new());
        while rows.len() < most {
            line.clear();
            file.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            at += line.len() as u64;
            if let Ok(row) = serde_json::from_slice::<EvalRow>(&line)
                && keep(&row)
            {
                rows.push((at, row));
            }
        }
        Ok((rows, at))
    }
}

/// Exclusive use of a run log; released on drop.
#[derive(Debug)]
#[expect(dead_code, reason = "the file is held for its lock")]
pub struct RunLogLock(File);

/// Appends rows to a run log.
#[derive(Debug)]
pub struct RunLogWriter {
    file: BufWriter<File>,
    flushed: Instant,
    size: u64,
}

impl RunLogWriter {
    /// Adds a row. It is in the file a second later at the latest, when rows go on coming.
    pub fn add(&mut self, row: &EvalRow) -> io::Result<()> {
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.size += line.len() as u64;
        if self.flushed.elapsed() >= FLUSH {
            self.file.flush()?;
            self.flushed = Instant::now();
        }
        Ok(())
    }

    /// Size of the log, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Writes what is left.
    pub fn finish(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// How many bytes of a file are whole lines.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = [0; 4096];
    while end > 0 {
        let size = end.min(block.len() as u64);
        file.seek(SeekFrom::Start(end - size))?;
        let part = &mut block[..usize::try_from(size).unwrap_or(0)];
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(end - size + at as u64 + 1);
        }
        end -= size;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_for_one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let journal = RunLog::at(folder.path().join("rows.jsonl"));
        let claim = journal.claim().unwrap();
        assert!(journal.claim().unwrap_err().to_string().contains("another run"));
        drop(claim);
        journal.claim().unwrap();
    }

    #[test]
    fn a_line_that_was_cut_off_spoils_neither_reading_nor_writing() {
        let folder = tempfile::tempdir().unwrap();
        let journal = RunLog::at(folder.path().join("rows.jsonl"));
        let row = |key: &str| EvalRow { key: key.into(), ..EvalRow::default() };
        journal.add(&row("a")).unwrap();
        journal.add(&row("b")).unwrap();
        let text = std::fs::read_to_string(journal.path()).unwrap();
        let long = "x".repeat(9000);
        std::fs::write(journal.path(), format!("{}{{\"key\": \"{long}", &text[..text.len() - 20]))
            .unwrap();
        let keys = || journal.rows().unwrap().map(|row| row.unwrap().key).collect::<Vec<_>>();
        assert_eq!(keys(), ["a"]);
        journal.add(&row("c")).unwrap();
        assert_eq!(keys(), ["a", "c"]);
        journal.append(false).unwrap();
        assert!(keys().is_empty());
    }
}
