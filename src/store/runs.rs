//! Eval runs: their settings, state and summary. Their rows are in a journal, not here.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::{Conn, LenientWord, Result, Store, Write, all, first, now, run};
use crate::domain::{RunId, RunState, WorkspaceId};

/// An eval run.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RunRow {
    /// The id.
    pub id: String,
    /// The suite file.
    pub suite: String,
    /// The state.
    #[sqlx(try_from = "LenientWord<RunState>")]
    pub state: RunState,
    /// The settings as JSON.
    pub wanted: String,
    /// The summary as JSON, once it has ended.
    pub summary: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was queued.
    pub created_at: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// The replica that runs it and has its journal.
    pub holder: Option<String>,
}

const COLUMNS: &str = "id, suite, state, wanted, summary, error, created_at, finished_at, holder";
/// Condition for an active run; must match [`RunState::is_active`].
const ACTIVE: &str = formatcp!(
    "state in ('{}', '{}', '{}')",
    RunState::Queued.as_str(),
    RunState::Running.as_str(),
    RunState::Stopping.as_str()
);

impl Store {
    /// Queues a run for this replica.
    pub async fn queue_run(&self, suite: &str, wanted: String) -> Result<RunId> {
        let (id, holder) = (RunId::generate(), self.base.replica.clone());
        self.apply(Queue { id, suite: suite.to_owned(), wanted, holder }).await
    }

    /// Marks a run as running; false if it was stopped before.
    pub async fn begin_run(&self, id: &RunId) -> Result<bool> {
        let (id, to) = (id.as_str().to_owned(), RunState::Running);
        self.apply(Move { id, to, from: |state| state == RunState::Queued }).await
    }

    /// Requests that the replica of a run stops it; false if it has ended.
    pub async fn ask_run_to_stop(&self, id: &str) -> Result<bool> {
        let (id, to) = (id.to_owned(), RunState::Stopping);
        self.apply(Move { id, to, from: RunState::is_active }).await
    }

    /// Runs of this replica that are to be stopped.
    pub async fn runs_to_stop(&self) -> Result<Vec<String>> {
        let (workspace, replica) = (self.workspace_id(), self.base.replica.clone());
        let rows = self
            .read(async |conn| {
                let sql = "select id from eval_runs
                           where workspace_id = $1 and state = $3 and holder = $2";
                all!(conn, (String,), sql, workspace.as_str(), &replica, RunState::Stopping)
            })
            .await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Stores the result of a run.
    pub async fn end_run(
        &self,
        id: &RunId,
        state: RunState,
        (summary, error): (Option<String>, Option<String>),
    ) -> Result<()> {
        self.apply(End { id: id.clone(), state, summary, error }).await
    }

    /// Marks runs of dead processes as stopped. On SQLite these are all runs of other processes; on
    /// Postgres, runs of replicas without a heartbeat for `gone_ms`.
    pub async fn stop_lost_runs(&self, gone_ms: i64) -> Result<u64> {
        let shared = self.is_shared();
        self.apply(StopLost { replica: self.base.replica.clone(), shared, gone_ms }).await
    }

    /// Deletes ended runs, at most 1000, except the newest `keep`. Returns their ids.
    pub async fn forget_runs(&self, keep: i64) -> Result<Vec<String>> {
        self.apply(ForgetRuns { keep }).await
    }

    /// Returns one run.
    pub async fn eval_run(&self, id: &str) -> Result<Option<RunRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql =
                format!("select {COLUMNS} from eval_runs where workspace_id = $1 and id = $2");
            first!(conn, RunRow, sqlx::AssertSqlSafe(sql), workspace.as_str(), id)
        })
        .await
    }

    /// Runs that have not ended, of all replicas.
    pub async fn active_runs(&self) -> Result<Vec<RunRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql =
                format!("select {COLUMNS} from eval_runs where workspace_id = $1 and {ACTIVE}");
            all!(conn, RunRow, sqlx::AssertSqlSafe(sql), workspace.as_str())
        })
        .await
    }

    /// Runs, newest first, at most `limit`, before the given creation time and id.
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

struct Queue {
    id: RunId,
    suite: String,
    wanted: String,
    holder: String,
}

#[async_trait]
impl Write for Queue {
    type Out = RunId;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<RunId> {
        let sql =
            "insert into eval_runs (id, workspace_id, suite, state, wanted, created_at, holder)
                   values ($1, $2, $3, $7, $4, $5, $6)";
        let (id, suite, state) = (self.id.as_str(), &self.suite, RunState::Queued);
        run!(conn, sql, id, workspace.as_str(), suite, &self.wanted, now(), &self.holder, state)?;
        Ok(self.id.clone())
    }
}

struct Move {
    id: String,
    to: RunState,
    /// The states from which this change is allowed.
    from: fn(RunState) -> bool,
}

#[async_trait]
impl Write for Move {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "select state from eval_runs where workspace_id = $1 and id = $2";
        let found = first!(conn, (LenientWord<RunState>,), sql, workspace.as_str(), &self.id)?;
        // With a state unknown to this version, the run may have ended.
        let state: Option<RunState> = found.and_then(|(state,)| state.into());
        let Some(state) = state.filter(|state| (self.from)(*state)) else {
            return Ok(false);
        };
        let sql =
            "update eval_runs set state = $1 where workspace_id = $2 and id = $3 and state = $4";
        Ok(run!(conn, sql, self.to, workspace.as_str(), &self.id, state)? == 1)
    }
}

struct End {
    id: RunId,
    state: RunState,
    summary: Option<String>,
    error: Option<String>,
}

#[async_trait]
impl Write for End {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = format!(
            "update eval_runs set state = $1, summary = $2, error = $3, finished_at = $4
             where workspace_id = $5 and id = $6 and {ACTIVE}"
        );
        let (summary, error) = (self.summary.as_deref(), self.error.as_deref());
        let (workspace, id) = (workspace.as_str(), self.id.as_str());
        let sql = sqlx::AssertSqlSafe(sql);
        run!(conn, sql, self.state, summary, error, now(), workspace, id).map(|_| ())
    }
}

struct StopLost {
    replica: String,
    shared: bool,
    gone_ms: i64,
}

#[async_trait]
impl Write for StopLost {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let why = "the process that ran it ended";
        let alive_since = if self.shared { now() - self.gone_ms } else { i64::MAX };
        let sql = format!(
            "update eval_runs set state = $6, error = $1, finished_at = $2
             where workspace_id = $3 and {ACTIVE} and (holder is null or (holder <> $4 and holder not in
                 (select id from replicas where workspace_id = $3 and seen_at >= $5)))"
        );
        let (workspace, replica) = (workspace.as_str(), &self.replica);
        let (sql, state) = (sqlx::AssertSqlSafe(sql), RunState::Stopped);
        run!(conn, sql, why, now(), workspace, replica, alive_since, state)
    }
}

struct ForgetRuns {
    keep: i64,
}

#[async_trait]
impl Write for ForgetRuns {
    type Out = Vec<String>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<String>> {
        let sql = format!(
            "select id from eval_runs where workspace_id = $1 and not {ACTIVE}
             order by created_at desc, id desc limit 1000 offset $2"
        );
        let (workspace, sql) = (workspace.as_str(), sqlx::AssertSqlSafe(sql));
        let old = all!(conn, (String,), sql, workspace, self.keep)?;
        for (id,) in &old {
            run!(conn, "delete from eval_runs where workspace_id = $1 and id = $2", workspace, id)?;
        }
        Ok(old.into_iter().map(|row| row.0).collect())
    }
}
