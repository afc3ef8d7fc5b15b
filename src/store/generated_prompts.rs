//! Number of prompts that models generated per day. Knows neither the limit nor the model; costs
//! are in `trials`.

use async_trait::async_trait;

use super::{Conn, Result, Store, Write, first, now, run};
use crate::domain::WorkspaceId;
use crate::domain::time::DAY_MS;

impl Store {
    /// Number of prompts generated today (UTC).
    pub async fn prompts_written(&self) -> Result<i64> {
        let (workspace, day) = (self.workspace_id(), today());
        self.read(async |conn| {
            let sql = "select asked from prompts_written where workspace_id = $1 and day = $2";
            Ok(first!(conn, (i64,), sql, workspace.as_str(), day)?.map_or(0, |row| row.0))
        })
        .await
    }

    /// Counts one more prompt for today, unless the limit is reached. Returns whether it was
    /// counted.
    pub async fn count_prompt(&self, limit: i64) -> Result<bool> {
        self.apply(Count { day: today(), limit }).await
    }

    /// Subtracts a counted prompt that was not generated.
    pub async fn uncount_prompt(&self) -> Result<()> {
        self.apply(Uncount { day: today() }).await
    }
}

/// Start of the day (UTC), in Unix milliseconds.
fn today() -> i64 {
    now() - now().rem_euclid(DAY_MS)
}

struct Count {
    day: i64,
    limit: i64,
}

#[async_trait]
impl Write for Count {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "insert into prompts_written (workspace_id, day, asked) values ($1, $2, 0)
                   on conflict (workspace_id, day) do nothing";
        run!(conn, sql, workspace.as_str(), self.day)?;
        let sql = "update prompts_written set asked = asked + 1 where workspace_id = $1 and day = $2 and asked < $3";
        Ok(run!(conn, sql, workspace.as_str(), self.day, self.limit)? == 1)
    }
}

struct Uncount {
    day: i64,
}

#[async_trait]
impl Write for Uncount {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update prompts_written set asked = asked - 1 where workspace_id = $1 and day = $2 and asked > 0";
        run!(conn, sql, workspace.as_str(), self.day).map(drop)
    }
}
