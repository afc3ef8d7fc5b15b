//! Costs of trials: all model calls that no customer caused. Knows no limit.

use async_trait::async_trait;
use sqlx::FromRow;

use super::{Conn, Result, Store, Write, first, now, run};
use crate::domain::trial::TrialKind;
use crate::domain::{Usage, WorkspaceId};

/// Length of the interval by which costs are summed, in milliseconds. A day starts on such an
/// interval in every time zone.
const BUCKET_MS: i64 = 15 * 60_000;

/// Trials of one kind in a time span.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TrialTotals {
    /// The kind of trial.
    pub kind: TrialKind,
    /// Number of trials.
    pub runs: i64,
    /// Input tokens.
    pub input_tokens: i64,
    /// Output tokens.
    pub output_tokens: i64,
    /// Cost, in millionths of a dollar.
    pub cost_micros: i64,
}

impl Store {
    /// Adds a trial with its usage.
    pub async fn count_trial(&self, kind: TrialKind, usage: Usage) -> Result<()> {
        self.apply(Count { kind, usage, since: now() - now().rem_euclid(BUCKET_MS) }).await
    }

    /// Cost of the trials and of the customers' turns since a moment, in millionths of a dollar.
    pub async fn trials_and_turns_since(&self, moment: i64) -> Result<(i64, i64)> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select (select cast(coalesce(sum(cost_micros), 0) as bigint) from trials
                               where workspace_id = $1 and since >= $2),
                              (select cast(coalesce(sum(cost_micros), 0) as bigint) from turns
                               where workspace_id = $1 and created_at >= $2)";
            let sums = first!(conn, (i64, i64), sql, workspace.as_str(), moment)?;
            Ok(sums.unwrap_or_default())
        })
        .await
    }
}

struct Count {
    kind: TrialKind,
    usage: Usage,
    since: i64,
}

#[async_trait]
impl Write for Count {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let Usage { input_tokens, output_tokens, cost_micros } = self.usage;
        let sql = "insert into trials (workspace_id, since, kind, runs, input_tokens, output_tokens, cost_micros)
                   values ($1, $2, $3, 1, $4, $5, $6)
                   on conflict (workspace_id, since, kind) do update set
                       runs = trials.runs + 1,
                       input_tokens = trials.input_tokens + excluded.input_tokens,
                       output_tokens = trials.output_tokens + excluded.output_tokens,
                       cost_micros = trials.cost_micros + excluded.cost_micros";
        let (workspace, cost) = (workspace.as_str(), number(cost_micros));
        let tokens = (number(input_tokens), number(output_tokens));
        run!(conn, sql, workspace, self.since, self.kind, tokens.0, tokens.1, cost).map(drop)
    }
}
