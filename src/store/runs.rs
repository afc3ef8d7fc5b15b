//! Runs of evals: what is wanted, how far they are, and what is known of them beside their rows, which are in a journal.

use async_trait::async_trait;
use sqlx::FromRow;

use super::{Conn, Result, Store, Write, all, first, now, run};
use crate::domain::{RunId, WorkspaceId};

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// The suite's file.
    pub suite: String,
    /// `running`, `done`, `failed` or `stopped`.
    pub state: String,
    /// How it is to be run, as JSON.
    pub wanted: String,
    /// What is known of it, as JSON, once it ended.
    pub summary: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began.
    pub created_at: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
}

const COLUMNS: &str = "id, suite, state, wanted, summary, error, created_at, finished_at";

impl Store {
    /// Writes down a run that begins.
    pub async fn begin_run(&self, suite: &str, wanted: String) -> Result<RunId> {
        self.apply(Begin { id: RunId::generate(), suite: suite.to_owned(), wanted }).await
    }

    /// Writes down how a run ended.
    pub async fn end_run(
        &self,
        id: &RunId,
        state: &'static str,
        (summary, error): (Option<String>, Option<String>),
    ) -> Result<()> {
        self.apply(End { id: id.clone(), state, summary, error }).await
    }

    /// Runs that a process left when it died: they are stopped.
    pub async fn stop_runs(&self) -> Result<u64> {
        self.apply(StopAll).await
    }

    /// One run.
    pub async fn eval_run(&self, id: &str) -> Result<Option<RunRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql =
                format!("select {COLUMNS} from eval_runs where workspace_id = $1 and id = $2");
            first!(conn, RunRow, sqlx::AssertSqlSafe(sql), workspace.as_str(), id)
        })
        .await
    }

    /// Runs, newest first, at most `limit`, from before one.
    pub async fn eval_runs(&self, before: Option<(i64, &str)>, limit: i64) -> Result<Vec<RunRow>> {
        let workspace = self.workspace_id();
        let (at, id) = before.unwrap_or((i64::MAX, ""));
        self.read(async |conn| {
            let sql = format!(
                "select {COLUMNS} from eval_runs where workspace_id = $1
                 and (created_at < $2 or (created_at = $2 and id < $3)) order by created_at desc, id desc limit $4"
            );
            all!(conn, RunRow, sqlx::AssertSqlSafe(sql), workspace.as_str(), at, id, limit)
        })
        .await
    }
}

struct Begin {
    id: RunId,
    suite: String,
    wanted: String,
}

#[async_trait]
impl Write for Begin {
    type Out = RunId;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<RunId> {
        let sql = "insert into eval_runs (id, workspace_id, suite, state, wanted, created_at)
                   values ($1, $2, $3, 'running', $4, $5)";
        run!(conn, sql, self.id.as_str(), workspace.as_str(), &self.suite, &self.wanted, now())?;
        Ok(self.id.clone())
    }
}

struct End {
    id: RunId,
    state: &'static str,
    summary: Option<String>,
    error: Option<String>,
}

#[async_trait]
impl Write for End {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update eval_runs set state = $1, summary = $2, error = $3, finished_at = $4
                   where workspace_id = $5 and id = $6 and state = 'running'";
        let (summary, error) = (self.summary.as_deref(), self.error.as_deref());
        run!(conn, sql, self.state, summary, error, now(), workspace.as_str(), self.id.as_str())
            .map(|_| ())
    }
}

struct StopAll;

#[async_trait]
impl Write for StopAll {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql =
            "update eval_runs set state = 'stopped', error = 'the process ended', finished_at = $1
                   where workspace_id = $2 and state = 'running'";
        run!(conn, sql, now(), workspace.as_str())
    }
}
