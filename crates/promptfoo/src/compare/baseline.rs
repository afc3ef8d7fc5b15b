//! The scores of a run to compare others with: a small file of accepted scores, or an earlier
//! report or run log.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::row::{EvalRow, Summary, Verdict};
use crate::run_log::RunLog;

const VERSION: u32 = 1;

/// The score of each case of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Version of the file format: 1.
    pub version: u32,
    /// Id of the run that the scores come from.
    #[serde(default)]
    pub run: String,
    /// Name of the suite.
    #[serde(default)]
    pub suite: String,
    /// One entry for each case and column, in order.
    pub cases: Vec<AcceptedScore>,
}

/// The score of a case in a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AcceptedScore {
    /// Key of the case's first row.
    pub key: String,
    /// Title of the case.
    pub title: String,
    /// The column, as `[target] prompt`.
    pub column: String,
    /// The score; the mean over repetitions.
    pub score: f64,
    /// Whether every repetition passed.
    pub pass: bool,
    /// Why the case was skipped; `None` when it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// The failure reason.
    #[serde(default, skip_serializing)]
    pub why: String,
}

/// Why a baseline cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: the baseline cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The file has none of the supported formats.
    #[error(
        "{}: {why}; a baseline is a file of accepted scores, a JSON report (-o report.json), a JSONL report or a run log",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The run log cannot be read, or the baseline cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
}

impl Baseline {
    /// Reads accepted scores, or extracts them from a report or run log.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(failed)?;
        let wrong = |why: String| Error::Shape { path: path.to_owned(), why };
        match serde_json::from_str::<Shape>(&text) {
            Ok(Shape { version: Some(VERSION), cases: Some(cases), run, suite, .. }) => {
                Ok(Self { version: VERSION, run, suite, cases })
            }
            Ok(Shape { version: Some(version), cases: Some(_), .. }) => {
                Err(wrong(format!("its version is {version}, and this program knows {VERSION}")))
            }
            Ok(Shape { results: Some(results), eval_id, .. }) => Ok(results.baseline(eval_id)),
            // A run log of one row is also a single JSON value.
            _ => lines(&text).map_err(wrong),
        }
    }

    /// Extracts the scores from a run's rows.
    pub fn of(summary: &Summary, run_log: &RunLog) -> Result<Self, Error> {
        let failed = |source| Error::File { path: run_log.path().to_owned(), source };
        let mut cases = Cases::default();
        for row in run_log.rows().map_err(failed)? {
            let row = row.map_err(failed)?;
            let column = column(&summary.prompts, row.prompt_idx);
            cases.add(&Light::of(&row), &column);
        }
        Ok(cases.baseline(summary.id.clone(), summary.suite.clone()))
    }

    /// Writes a file of accepted scores, one case a line, so that diffs are readable.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let json = |value: &Value| value.to_string();
        let mut text = format!(
            "{{\n\"version\": {VERSION},\n\"run\": {},\n\"suite\": {},\n\"cases\": [",
            json(&Value::from(self.run.as_str())),
            json(&Value::from(self.suite.as_str()))
        );
        for (index, case) in self.cases.iter().enumerate() {
            text.push_str(if index == 0 { "\n" } else { ",\n" });
            text.push_str(&serde_json::to_string(case).map_err(|error| failed(error.into()))?);
        }
        text.push_str("\n]\n}\n");
        fs::write(path, text).map_err(failed)
    }
}

/// Union of the supported files that are one JSON value.
#[derive(Deserialize)]
struct Shape {
    version: Option<u32>,
    #[serde(default)]
    run: String,
    #[serde(default)]
    suite: String,
    cases: Option<Vec<AcceptedScore>>,
    results: Option<Report>,
    #[serde(default, rename = "evalId")]
    eval_id: String,
}

/// The parts of a report that a baseline needs.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    prompts: Vec<crate::row::Column>,
    results: Vec<Light>,
}

impl Report {
    fn baseline(self, id: String) -> Baseline {
        let mut cases = Cases::default();
        for row in &self.results {
            cases.add(row, &column(&self.prompts, row.prompt_idx));
        }
        cases.baseline(id, String::new())
    }
}

/// The parts of a row that a baseline needs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Light {
    key: String,
    test_idx: usize,
    prompt_idx: usize,
    repeat: usize,
    success: bool,
    score: f64,
    failure_reason: u8,
    error: Option<String>,
    skipped: Option<String>,
    vars: Map<String, Value>,
    test_case: Value,
    prompt: Value,
    provider: Value,
}

impl Light {
    fn of(row: &EvalRow) -> Self {
        Self {
            key: row.key.clone(),
            test_idx: row.test_idx,
            prompt_idx: row.prompt_idx,
            repeat: row.repeat,
            success: row.success,
            score: row.score,
            failure_reason: row.failure_reason,
            error: row.error.clone(),
            skipped: row.skipped.clone(),
            vars: row.vars.clone(),
            test_case: row.test_case.clone(),
            prompt: row.prompt.clone(),
            provider: row.provider.clone(),
        }
    }

    /// A partial row, complete enough for its title and verdict.
    fn row(&self) -> EvalRow {
        EvalRow {
            success: self.success,
            failure_reason: self.failure_reason,
            skipped: self.skipped.clone(),
            vars: self.vars.clone(),
            test_case: self.test_case.clone(),
            ..EvalRow::default()
        }
    }
}

/// Reads a file of one row a line.
fn lines(text: &str) -> Result<Baseline, String> {
    let mut cases = Cases::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        // A crash may truncate the last line.
        let Ok(row) = serde_json::from_str::<Light>(line) else { continue };
        let field =
            |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let label = field(&row.prompt, "label").unwrap_or_default();
        let named = field(&row.provider, "label").filter(|label| !label.is_empty());
        let provider = named.or_else(|| field(&row.provider, "id")).unwrap_or_default();
        if row.key.is_empty() && row.vars.is_empty() && row.test_case.is_null() {
            continue;
        }
        cases.add(&row, &format!("[{provider}] {label}"));
    }
    if cases.found.is_empty() {
        return Err("there is no row and no accepted score in it".into());
    }
    Ok(cases.baseline(String::new(), String::new()))
}

fn column(columns: &[crate::row::Column], index: usize) -> String {
    columns.get(index).map_or_else(
        || format!("column {}", index + 1),
        |it| format!("[{}] {}", it.provider, if it.label.is_empty() { &it.raw } else { &it.label }),
    )
}

/// Cases by test and column, each with its repetitions.
#[derive(Default)]
struct Cases {
    found: HashMap<(usize, usize), RepeatedCase>,
}

#[derive(Default)]
struct RepeatedCase {
    accepted: AcceptedScore,
    /// The lowest repetition seen; it provides the key.
    first: usize,
    /// Score and verdict by repetition, so that a retry counts once; `None` when skipped.
    scores: HashMap<usize, Option<(f64, bool)>>,
}

impl Cases {
    fn add(&mut self, light: &Light, column: &str) {
        let row = light.row();
        let case = self.found.entry((light.test_idx, light.prompt_idx)).or_default();
        if case.scores.is_empty() || light.repeat < case.first {
            case.first = light.repeat;
            case.accepted.key.clone_from(&light.key);
        }
        case.accepted.title = row.title();
        column.clone_into(&mut case.accepted.column);
        let verdict = row.verdict();
        let tried =
            (verdict != Verdict::Skipped).then_some((light.score, verdict == Verdict::Passed));
        match (&light.skipped, &light.error) {
            (Some(why), _) if verdict == Verdict::Skipped => {
                case.accepted.skipped = Some(why.clone());
            }
            (_, Some(why)) => case.accepted.why.clone_from(why),
            _ => {}
        }
        case.scores.insert(light.repeat, tried);
    }

    fn baseline(self, run: String, suite: String) -> Baseline {
        let mut cases: Vec<_> = self.found.into_iter().collect();
        cases.sort_by_key(|(place, _)| *place);
        let cases = cases.into_iter().map(|(_, case)| case.accepted()).collect();
        Baseline { version: VERSION, run, suite, cases }
    }
}

impl RepeatedCase {
    fn accepted(self) -> AcceptedScore {
        let tried: Vec<(f64, bool)> = self.scores.into_values().flatten().collect();
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let many = tried.len().max(1) as f64;
        let mut accepted = self.accepted;
        // An empty sum is -0.0; adding 0.0 removes the sign.
        accepted.score = tried.iter().map(|(score, _)| score).sum::<f64>() / many + 0.0;
        accepted.pass = !tried.is_empty() && tried.iter().all(|(_, pass)| *pass);
        if !tried.is_empty() {
            accepted.skipped = None;
        }
        accepted
    }
}
