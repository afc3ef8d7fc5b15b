//! Runs beside each other: case by case, what each run made of it.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use super::evals::Run;
use super::page::Paging;
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::Query;

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The ids of 1 to 6 runs, with commas between.
    runs: String,
    /// Only cases whose verdict is not the same in all of the runs.
    #[serde(default)]
    changed: bool,
}

/// Runs, and their cases beside each other.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunComparison {
    /// The runs, in the order in which they were asked for.
    runs: Vec<Run>,
    /// The cases of this page, in the order of the suite.
    cases: Vec<ComparedCase>,
    /// How many cases there are in all, of those that were asked for.
    total: usize,
    /// How many of all cases have not the same verdict in all runs.
    changed: usize,
    /// The cursor of the next page; none on the last.
    next: Option<String>,
}

/// A case in several runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ComparedCase {
    /// Names it within its suite, with its column and repetition.
    key: String,
    /// What it is called.
    title: String,
    /// The column: the prompt's label or the target, where there are several.
    column: String,
    /// What each run made of it, in the runs' order; null where it was not run.
    cells: Vec<Option<Cell>>,
    /// Whether the verdicts differ.
    changed: bool,
}

/// A case in one run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ComparedCell)]
pub(super) struct Cell {
    /// `passed`, `failed`, `error` or `skipped`.
    verdict: String,
    /// 0 to 1.
    score: f64,
    /// What was answered, its first 2000 characters.
    output: String,
    /// Why it did not pass.
    reason: Option<String>,
    /// What the customer waited, in milliseconds.
    latency_ms: f64,
    /// Names the row: `GET /evals/runs/{id}/rows?key=` gives all of it, with its trace.
    row: String,
}

/// Runs of a suite beside each other, case by case.
#[utoipa::path(get, path = "/evals/compare", operation_id = "compare_runs", tag = "evals", params(Which, Paging),
    responses((status = 200, body = RunComparison), (status = 400, response = Problem), (status = 404, response = Problem)))]
pub(super) async fn compare(
    State(web): State<Shared>,
    Query(which): Query<Which>,
    Query(paging): Query<Paging>,
) -> Answer<RunComparison> {
    drop((web, which.runs, which.changed, paging));
    Err(Problem::broken("not yet"))
}
