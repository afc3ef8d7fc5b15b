//! What a run scored, to compare others with: a small file of accepted scores, or a whole earlier report or run log.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::row::{EvalRow, Summary, Verdict};
use crate::run_log::RunLog;

/// The version of the file.
const VERSION: u32 = 1;

/// What each case of a run scored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The version of this shape: 1.
    pub version: u32,
    /// The run that it was taken from.
    #[serde(default)]
    pub run: String,
    /// The suite that it was a run of.
    #[serde(default)]
    pub suite: String,
    /// The cases, in order, once for each column.
    pub cases: Vec<AcceptedScore>,
}

/// What a case scored in a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AcceptedScore {
    /// The key of its (first) row.
    pub key: String,
    /// What it is called.
    pub title: String,
    /// The column: `[target] prompt`.
    pub column: String,
    /// Its score; the mean where it was run several times.
    pub score: f64,
    /// Whether it passed every time.
    pub pass: bool,
    /// Why it could not be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What failed.
    #[serde(default, skip_serializing)]
    pub why: String,
}

/// Why there is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: the baseline cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is none of what can be compared with.
    #[error(
        "{}: {why}; a baseline is a file of accepted scores, a JSON report (-o report.json), a JSONL report or a journal",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The run's run log cannot be read, or the baseline not be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Baseline {
    /// Reads accepted scores, or what a whole earlier report or run log says.
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
            // A run log of one row is JSON, too.
            _ => lines(&text).map_err(wrong),
        }
    }

    /// What a run scored, row by row.
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

    /// Writes it as a file of accepted scores, a case a line so that a change of it is read easily.
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

/// Any of the files that are one JSON value.
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

/// A report, as far as it says what was scored.
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

/// A row, as far as it says what was scored.
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

    /// What the row is, where title and verdict are asked for.
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

/// Rows one a line.
fn lines(text: &str) -> Result<Baseline, String> {
    let mut cases = Cases::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        // A line that was cut off by a crash is no row.
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

/// Cases, each with its repetitions.
#[derive(Default)]
struct Cases {
    found: HashMap<(usize, usize), RepeatedCase>,
}

#[derive(Default)]
struct RepeatedCase {
    accepted: AcceptedScore,
    /// The repetition that gave the key.
    first: usize,
    /// By repetition: a row that was run again counts once. `None` where it could not be tried.
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
        // The sum of nothing is -0.
        accepted.score = tried.iter().map(|(score, _)| score).sum::<f64>() / many + 0.0;
        accepted.pass = !tried.is_empty() && tried.iter().all(|(_, pass)| *pass);
        if !tried.is_empty() {
            accepted.skipped = None;
        }
        accepted
    }
}
