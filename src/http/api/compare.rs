//! Compares eval runs case by case.

use std::collections::{HashMap, HashSet};

use axum::Json;
use axum::extract::State;
use frontdesk_promptfoo::row::{EvalRow, Verdict};
use frontdesk_promptfoo::run_log::RunLog;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::evals::{Run, described, find_run, read_blocking};
use super::page::{Page, Paging};
use super::response::Answer;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Query;

/// Maximum number of runs in a comparison.
const MAX_RUNS: usize = 6;
/// Maximum length of an output or reason, in characters.
const MAX_OUTPUT_LEN: usize = 2000;

/// Runs to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CompareQuery {
    /// Ids of 1 to 6 runs, separated by commas.
    runs: String,
    /// Only cases whose verdict differs between the runs.
    #[serde(default)]
    changed: bool,
}

/// A comparison of runs, case by case.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunComparison {
    /// The runs, in the order requested.
    runs: Vec<Run>,
    /// The cases of this page, in the order of the suite.
    cases: Vec<ComparedCase>,
    /// Number of cases that match the request, on all pages.
    total: usize,
    /// Number of cases whose verdict differs between the runs.
    changed: usize,
    /// Cursor of the next page; null on the last page.
    next: Option<String>,
}

/// A case in the compared runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ComparedCase {
    /// Identifies the case within its suite, with its column and repetition.
    key: String,
    /// Title of the case.
    title: String,
    /// The column: the label of the target, or its id; if the target has several prompts, with the
    /// label of the prompt.
    column: String,
    /// The case in each run, in the order of `runs`; null for a run without it.
    cells: Vec<Option<Cell>>,
    /// Whether the verdicts differ.
    changed: bool,
}

/// A case in one run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ComparedCell)]
pub(super) struct Cell {
    /// The verdict.
    verdict: Verdict,
    /// Score, 0 to 1.
    score: f64,
    /// The first 2000 characters of the answer.
    output: String,
    /// Why it did not pass, at most 2000 characters; null if it passed.
    reason: Option<String>,
    /// How long the customer waited, in milliseconds.
    latency_ms: f64,
    /// Key of the row: `GET /evals/runs/{id}/rows?key=` returns the whole row, with its trace.
    row: String,
}

/// Compares runs of a suite, case by case.
#[utoipa::path(get, path = "/evals/compare", operation_id = "compare_runs", tag = "evals", params(CompareQuery, Paging),
    responses((status = 200, body = RunComparison), (status = 400, response = Problem), (status = 404, response = Problem)))]
pub(super) async fn compare(
    State(web): State<WebState>,
    Query(which): Query<CompareQuery>,
    Query(paging): Query<Paging>,
) -> Answer<RunComparison> {
    let ids: Vec<&str> = which.runs.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || ids.len() > MAX_RUNS {
        return Err(Problem::bad_request(format!(
            "`runs` are the ids of 1 to {MAX_RUNS} runs, with commas between."
        )));
    }
    let mut runs = Vec::new();
    for id in &ids {
        runs.push(find_run(&web, id).await?);
    }
    let run_logs: Vec<RunLog> = runs.iter().map(|row| web.jobs.run_log(&row.id)).collect();
    let from = paging.after()?.map_or(0, |(at, _)| usize::try_from(at).unwrap_or(0));
    let most = usize::try_from(paging.limit()).unwrap_or(1);
    let only_changed = which.changed;
    let page = read_blocking(move || {
        let mut table = Table::of(&run_logs)?;
        table.changed = table.cases.iter().filter(|case| case.changed()).count();
        table.cases.retain(|case| !only_changed || case.changed());
        table.page(&run_logs, (from, most))
    });
    let (cases, total, changed) = page.await?;
    let next = (from + cases.len() < total && !cases.is_empty()).then_some(from + cases.len());
    let next = next.and_then(|at| i64::try_from(at).ok());
    let runs = runs.into_iter().map(|row| described(&web, row)).collect();
    let next = Page::<()>::until(Vec::new(), next).next();
    Ok(Json(RunComparison { runs, cases, total, changed, next }))
}

/// The cases of the compared runs. Keeps only the verdict of each row: rows can be many and large.
struct Table {
    cases: Vec<Case>,
    /// Targets with several prompts.
    varied: HashSet<String>,
    changed: usize,
}

struct Case {
    key: String,
    place: (usize, usize, usize),
    title: String,
    target: String,
    prompt: String,
    verdicts: Vec<Option<Verdict>>,
}

impl Case {
    /// Whether the verdicts differ between the runs that have the case.
    fn changed(&self) -> bool {
        let mut known = self.verdicts.iter().flatten();
        let first = known.next();
        known.any(|verdict| Some(verdict) != first)
    }
}

impl Table {
    fn of(run_logs: &[RunLog]) -> std::io::Result<Self> {
        let mut by_key: HashMap<String, Case> = HashMap::new();
        for (at, run_log) in run_logs.iter().enumerate() {
            for row in run_log.rows()? {
                let row = row?;
                let case = by_key.entry(row.key.clone()).or_insert_with(|| Case {
                    key: row.key.clone(),
                    place: (row.test_idx, row.prompt_idx, row.repeat),
                    title: row.title(),
                    target: target(&row),
                    prompt: row.prompt["label"].as_str().unwrap_or_default().to_owned(),
                    verdicts: vec![None; run_logs.len()],
                });
                case.verdicts[at] = Some(row.verdict());
            }
        }
        let mut cases: Vec<Case> = by_key.into_values().collect();
        cases.sort_by(|a, b| (a.place, &a.key).cmp(&(b.place, &b.key)));
        let mut prompts: HashMap<&str, HashSet<&str>> = HashMap::new();
        for case in &cases {
            prompts.entry(&case.target).or_default().insert(&case.prompt);
        }
        let varied = prompts.into_iter().filter(|(_, prompts)| prompts.len() > 1);
        let varied = varied.map(|(target, _)| target.to_owned()).collect();
        Ok(Self { cases, varied, changed: 0 })
    }

    /// Reads the rows of one page of cases. Returns the page, the number of cases and the number of
    /// changed cases.
    fn page(
        self,
        run_logs: &[RunLog],
        (from, most): (usize, usize),
    ) -> std::io::Result<(Vec<ComparedCase>, usize, usize)> {
        let (total, changed) = (self.cases.len(), self.changed);
        let empty = |case: Case| ComparedCase {
            changed: case.changed(),
            key: case.key,
            title: case.title,
            column: column(case.target, &case.prompt, &self.varied),
            cells: run_logs.iter().map(|_| None).collect(),
        };
        let mut shown: Vec<_> = self.cases.into_iter().skip(from).take(most).map(empty).collect();
        let places: HashMap<String, usize> =
            shown.iter().enumerate().map(|(at, case)| (case.key.clone(), at)).collect();
        for (run, run_log) in run_logs.iter().enumerate() {
            for row in run_log.rows()? {
                let row = row?;
                if let Some(at) = places.get(&row.key) {
                    shown[*at].cells[run] = Some(Cell::from(row));
                }
            }
        }
        Ok((shown, total, changed))
    }
}

impl From<EvalRow> for Cell {
    fn from(row: EvalRow) -> Self {
        let verdict = row.verdict();
        let output = row.response.map(|response| match response.output {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        });
        let graded = row.grading_result.filter(|graded| !graded.pass).map(|graded| graded.reason);
        let reason = row.error.or(row.skipped).or(graded);
        Self {
            verdict,
            score: row.score,
            output: output.unwrap_or_default().chars().take(MAX_OUTPUT_LEN).collect(),
            reason: reason
                .filter(|_| verdict != Verdict::Passed)
                .map(|reason| reason.chars().take(MAX_OUTPUT_LEN).collect()),
            latency_ms: row.latency_ms,
            row: row.key,
        }
    }
}

/// Returns the column name: the target, with its prompt if it has several. As reports write it.
fn column(target: String, prompt: &str, varied: &HashSet<String>) -> String {
    if varied.contains(&target) { format!("[{target}] {prompt}") } else { target }
}

/// Returns the target's label, or its id.
fn target(row: &EvalRow) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names = [&row.provider["label"], &row.provider["id"]].map(text);
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_of_one_target_are_told_apart_by_their_prompts() {
        let folder = tempfile::tempdir().unwrap();
        let run_log = RunLog::at(folder.path().join("rows.jsonl"));
        for (at, (target, prompt)) in
            [("acme", "short"), ("acme", "long"), ("bolt", "short")].into_iter().enumerate()
        {
            let row = EvalRow {
                key: format!("case-{at}"),
                prompt_idx: at,
                prompt: json!({"raw": prompt, "label": prompt}),
                provider: json!({"id": format!("frontdesk:{target}"), "label": target}),
                ..EvalRow::default()
            };
            run_log.add(&row).unwrap();
        }
        let run_logs = [run_log];
        let (cases, ..) = Table::of(&run_logs).unwrap().page(&run_logs, (0, 9)).unwrap();
        let columns: Vec<_> = cases.iter().map(|case| case.column.as_str()).collect();
        assert_eq!(columns, ["[acme] short", "[acme] long", "bolt"]);
    }
}
