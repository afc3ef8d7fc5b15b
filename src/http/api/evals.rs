//! Eval runs: starts them as jobs, lists, reads and stops them, and serves their reports.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use frontdesk_promptfoo::compare::Comparison;
use frontdesk_promptfoo::report;
use frontdesk_promptfoo::row::{EvalRow, Summary, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use super::response::{Answer, AuditedAnswer};
use super::suites::AcceptedScores;
use crate::domain::{RunId, RunState, What};
use crate::eval::agents::RunAgent;
use crate::eval::jobs::{Error, EvalRequest, Jobs, RunResult};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, Query};
use crate::http::note::Note;
use crate::store::runs::RunRow;

/// An eval run to start.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRun {
    /// The suite, as named by `GET /evals/suites`.
    #[schema(max_length = 500)]
    suite: String,
    /// Agent that `prompt` belongs to.
    #[schema(max_length = 500)]
    agent: Option<String>,
    /// Text of a prompt file to use instead of the agent's live version.
    #[schema(max_length = 200_000)]
    prompt: Option<String>,
    /// Number of times that each case is run.
    #[schema(minimum = 1, maximum = 100)]
    repeat: Option<usize>,
    /// Grader if the suite names none: `openai:MODEL` at the endpoint of `[llm]`, or one of the
    /// `targets` under `[evals]`.
    #[schema(max_length = 500)]
    grader: Option<String>,
    /// Number of cases that run at once.
    #[schema(minimum = 1, maximum = 32)]
    concurrency: Option<usize>,
    /// Only cases whose description matches this pattern.
    #[schema(max_length = 500)]
    pattern: Option<String>,
    /// Only the first cases, up to this number.
    #[schema(minimum = 1, maximum = 100_000)]
    first: Option<usize>,
    /// Only a random sample of this many cases.
    #[schema(minimum = 1, maximum = 100_000)]
    sample: Option<usize>,
    /// Only cases whose metadata has all of these: `key=value` each, at most 500 characters.
    #[serde(default)]
    #[schema(max_items = 20)]
    metadata: Vec<String>,
    /// Only cases that did not pass in the run with this id.
    #[schema(max_length = 500)]
    failing: Option<String>,
    /// What to compare with: the id of an earlier run, or a file of accepted scores next to the
    /// suites, such as `baseline.json`.
    #[schema(max_length = 500)]
    baseline: Option<String>,
}

impl From<NewRun> for EvalRequest {
    fn from(new: NewRun) -> Self {
        Self {
            suite: new.suite,
            agent: new.agent,
            prompt: new.prompt,
            repeat: new.repeat,
            grader: new.grader,
            concurrency: new.concurrency,
            pattern: new.pattern,
            first: new.first,
            sample: new.sample,
            metadata: new.metadata,
            failing: new.failing,
            baseline: new.baseline,
        }
    }
}

/// An eval run of a suite.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Run {
    /// Its id.
    id: String,
    /// Name of the suite.
    suite: String,
    /// State of the run.
    state: RunState,
    /// The request for the run; null if this version of frontdesk cannot read it.
    wanted: Option<EvalRequest>,
    /// Total number of rows; null if it is not known.
    total: Option<usize>,
    /// Rows so far, by verdict.
    counts: Option<Counts>,
    /// The results, in the format of the report; null until the run has ended, and in lists.
    summary: Option<Summary>,
    /// Comparison with the baseline.
    comparison: Option<Comparison>,
    /// The agents that answered, with their versions; empty until the run has ended.
    agents: Vec<RunAgent>,
    /// Why it failed or was stopped.
    error: Option<String>,
    /// When it was requested, milliseconds since 1970.
    created_at: i64,
    /// When it ended, milliseconds since 1970.
    finished_at: Option<i64>,
}

/// Number of rows by verdict.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(super) struct Counts {
    /// All assertions held.
    passed: usize,
    /// An assertion failed.
    failed: usize,
    /// There was no answer, or an assertion is invalid.
    errors: usize,
    /// The row could not be run.
    skipped: usize,
}

impl From<[usize; 4]> for Counts {
    fn from([passed, failed, errors, skipped]: [usize; 4]) -> Self {
        Self { passed, failed, errors, skipped }
    }
}

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        let known = Jobs::parse_result(&row);
        let counts = known.as_ref().map(|known| known.summary.counts());
        Self {
            wanted: serde_json::from_str(&row.wanted).ok(),
            total: counts.map(|counts| counts.iter().sum()),
            counts: counts.map(Counts::from),
            summary: None,
            agents: known.as_ref().map(|known| known.agents.clone()).unwrap_or_default(),
            comparison: known.and_then(|known| known.comparison),
            id: row.id,
            suite: row.suite,
            state: row.state,
            error: row.error,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

/// Builds the response for a run, with its live progress.
pub(super) fn described(web: &WebState, row: RunRow) -> Run {
    let summary = Jobs::parse_result(&row).map(|known| known.summary);
    let mut run = Run { summary, ..Run::from(row) };
    if let Some((total, counts)) = web.jobs.progress(&run.id).filter(|_| run.counts.is_none()) {
        (run.total, run.counts) = (Some(total), Some(counts.into()));
    }
    run
}

/// Starts a run. Two execute at once; others wait as `queued`.
#[utoipa::path(post, path = "/evals/runs", operation_id = "start_run", tag = "evals", request_body = NewRun,
    responses((status = 202, body = Run), (status = 404, response = Problem), (status = 422, response = Problem), (status = 429, response = Problem)))]
pub(super) async fn start(
    State(web): State<WebState>,
    Body(new): Body<NewRun>,
) -> Result<(StatusCode, Extension<Note>, Json<Run>), Problem> {
    let wanted = EvalRequest::from(new);
    wanted.check(web.jobs.policy().limits()).map_err(Problem::unprocessable)?;
    let suite = wanted.suite.clone();
    let id = web.jobs.start(wanted).await?;
    let note = Note::on(id.as_str(), json!({"suite": suite}));
    Ok((StatusCode::ACCEPTED, note, Json(described(&web, find_run(&web, id.as_str()).await?))))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Missing(why) => Self::missing(why),
            Error::Wrong(why) => Self::unprocessable(why),
            Error::Conflict(why) => Self::conflict(why),
            error @ (Error::Many | Error::Spent) => Self::too_many(error.to_string()),
            Error::Store(error) => error.into(),
        }
    }
}

/// Lists runs, newest first.
#[utoipa::path(get, path = "/evals/runs", operation_id = "list_runs", tag = "evals", params(Paging),
    responses((status = 200, body = Page<Run>), (status = 400, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Run>> {
    let (after, limit) = (paging.after()?, paging.limit());
    let after = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let rows = web.desk.store.eval_runs(after, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.created_at, &row.id))))
}

pub(super) async fn find_run(web: &WebState, id: &str) -> Result<RunRow, Problem> {
    let missing = || Problem::not_found("run");
    let id = RunId::parse(id).map_err(|_| missing())?;
    web.desk.store.eval_run(id.as_str()).await?.ok_or_else(missing)
}

/// Returns one run, with its progress and results.
#[utoipa::path(get, path = "/evals/runs/{id}", operation_id = "get_run", tag = "evals", params(("id" = String, Path)),
    responses((status = 200, body = Run), (status = 404, response = Problem)))]
pub(super) async fn one(State(web): State<WebState>, Path(id): Path<String>) -> Answer<Run> {
    let row = find_run(&web, &id).await?;
    Ok(Json(described(&web, row)))
}

/// Stops a run. Its rows so far are kept.
#[utoipa::path(delete, path = "/evals/runs/{id}", operation_id = "stop_run", tag = "evals", params(("id" = String, Path)),
    responses((status = 202, body = Run), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn stop(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    let row = find_run(&web, &id).await?;
    if !web.jobs.stop(&row.id).await? {
        return Err(Problem::conflict(format!("The run has ended already: it is {}.", row.state)));
    }
    Ok((StatusCode::ACCEPTED, Json(described(&web, find_run(&web, &id).await?))))
}

/// Accepts the scores of a run that is done as the baseline of its suite.
///
/// They are written to a file beside the suite, `NAME.baseline.json`, in place of earlier ones. The
/// run must be of the live version, on every case that the suite had, without errors; and no gate
/// may use the file.
#[utoipa::path(post, path = "/evals/runs/{id}/accept", operation_id = "accept_run", tag = "evals", params(("id" = String, Path)),
    responses((status = 200, body = AcceptedScores), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 422, response = Problem)))]
pub(super) async fn accept(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> AuditedAnswer<AcceptedScores> {
    let row = find_run(&web, &id).await?;
    let accepted = web.jobs.accept(&row).await?;
    web.desk.announce(What::Evals).await;
    let note = Note::on(&row.suite, json!({"run": row.id, "file": accepted.file}));
    Ok((note, Json(accepted.into())))
}

/// Filter for rows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RowsQuery {
    /// Only rows with this verdict.
    #[param(inline)]
    verdict: Option<Verdict>,
    /// Only the row with this key.
    key: Option<String>,
}

/// A row of a run, as a result of promptfoo's report, with `title` and `verdict` added.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RowView {
    #[serde(flatten)]
    row: EvalRow,
    /// Title of the case.
    title: String,
    /// The verdict.
    verdict: Verdict,
}

impl From<EvalRow> for RowView {
    fn from(row: EvalRow) -> Self {
        Self { title: row.title(), verdict: row.verdict(), row }
    }
}

/// Lists a run's rows in the order in which they finished, also while the run goes on.
#[utoipa::path(get, path = "/evals/runs/{id}/rows", operation_id = "list_run_rows", tag = "evals", params(("id" = String, Path), RowsQuery, Paging),
    responses((status = 200, body = Page<RowView>), (status = 400, response = Problem), (status = 404, response = Problem)))]
pub(super) async fn rows(
    State(web): State<WebState>,
    Path(id): Path<String>,
    Query(which): Query<RowsQuery>,
    Query(paging): Query<Paging>,
) -> Answer<Page<RowView>> {
    let row = find_run(&web, &id).await?;
    let from = paging.after()?.map_or(0, |(at, _)| u64::try_from(at).unwrap_or(0));
    let most = usize::try_from(paging.limit()).unwrap_or(1);
    let run_log = web.jobs.run_log(&row.id);
    let keep = move |row: &EvalRow| {
        which.verdict.is_none_or(|it| row.verdict() == it)
            && which.key.as_ref().is_none_or(|key| row.key == *key)
    };
    let page = read_blocking(move || run_log.page(from, most, keep)).await?;
    let more = page.0.len() == most;
    let next = i64::try_from(page.1).ok().filter(|_| more);
    let items = page.0.into_iter().map(|(_, row)| RowView::from(row));
    Ok(Json(Page::until(items.collect(), next)))
}

/// Reads a run log on a blocking thread.
pub(super) async fn read_blocking<T: Send + 'static>(
    read: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let read = tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other);
    read.and_then(|read| read).map_err(|error| {
        tracing::error!(%error, "the rows of a run cannot be read");
        Problem::broken("The run's rows cannot be read. The server's log says why.")
    })
}

/// Returns a run's report, in the format that its name says.
#[utoipa::path(get, path = "/evals/runs/{id}/{name}", operation_id = "get_report", tag = "evals",
    params(("id" = String, Path), ("name" = String, Path, description = "`report.html`, `report.json`, `report.junit.xml`, `report.csv` or `report.md`.")),
    responses((status = 200, description = "The report"), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn report(
    State(web): State<WebState>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let kinds = [
        ("report.html", "text/html; charset=utf-8"),
        ("report.json", "application/json"),
        ("report.junit.xml", "application/xml"),
        ("report.csv", "text/csv; charset=utf-8"),
        ("report.md", "text/markdown; charset=utf-8"),
    ];
    let row = find_run(&web, &id).await?;
    let kind = kinds.into_iter().find(|(known, _)| *known == name);
    let (_, kind) = kind.ok_or_else(|| {
        let known = kinds.map(|(name, _)| name).join(", ");
        Problem::missing(format!("There is no such report; there are: {known}."))
    })?;
    let Some(RunResult { summary, .. }) = Jobs::parse_result(&row) else {
        return Err(Problem::conflict(format!(
            "The run is {}, so there is no report; its rows so far are at /evals/runs/{id}/rows.",
            row.state
        )));
    };
    let run_log = web.jobs.run_log(&row.id);
    let bytes = read_blocking(move || {
        let folder = run_log.path().parent().unwrap_or(std::path::Path::new(".")).to_owned();
        let part = format!("{}.{:016x}.{name}", row.id, next_report_number());
        let file = folder.join(part);
        report::write(&file, &summary, &run_log).map_err(std::io::Error::other)?;
        let bytes = std::fs::read(&file);
        drop(std::fs::remove_file(&file));
        bytes
    });
    let headers = [
        (CONTENT_TYPE, kind),
        // Reports contain text of bots and customers, which must not run as a page of the desk.
        (
            CONTENT_SECURITY_POLICY,
            "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:",
        ),
    ];
    Ok((headers, bytes.await?).into_response())
}

/// Returns a number that concurrent reports do not share.
fn next_report_number() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_version_wrote_of_a_run_is_read() {
        let known = json!({"summary": {"id": "eval-1"}, "comparison": {"better": "many"}});
        let stored = RunRow {
            id: "run_1".into(),
            suite: "a.yaml".into(),
            state: RunState::Done,
            wanted: json!({"suite": "a.yaml", "repeat": 2, "colour": "red"}).to_string(),
            summary: Some(known.to_string()),
            error: None,
            created_at: 1,
            finished_at: Some(2),
            holder: None,
        };
        let run = Run::from(stored.clone());
        let wanted =
            EvalRequest { suite: "a.yaml".into(), repeat: Some(2), ..EvalRequest::default() };
        assert_eq!((run.wanted, run.comparison, run.total), (Some(wanted), None, Some(0)));
        // It must not look like a run of the whole suite, which somebody might repeat.
        let newer = RunRow { wanted: json!({"suite": ["a.yaml"]}).to_string(), ..stored };
        assert_eq!(Run::from(newer).wanted, None);
    }
}
