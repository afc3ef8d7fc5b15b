//! Number of prompts that models generated per day. Knows neither the limit nor the model; costs
//! are in `trials`.

use async_trait::async_trait;

use super::{Conn, Result, Store, Write, first, now, run};
use crate::domain::WorkspaceId;
use crate::domain::time::{DAY_MS, Millis};

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

    /// Counts one more prompt for today. Returns the day, for [`Store::uncount_prompt`]; `None` if
    /// the limit is reached.
    pub async fn count_prompt(&self, limit: i64) -> Result<Option<Millis>> {
        let day = today();
        Ok(self.apply(Count { day, limit }).await?.then_some(day))
    }

    /// Subtracts a prompt that was counted on this day and not generated.
    pub async fn uncount_prompt(&self, day: Millis) -> Result<()> {
        self.apply(Uncount { day }).await
    }
}

/// Start of the day (UTC), in Unix milliseconds.
fn today() -> Millis {
    let moment = now();
    moment - moment.rem_euclid(DAY_MS)
}

struct Count {
    day: Millis,
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
    day: Millis,
}

#[async_trait]
impl Write for Uncount {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update prompts_written set asked = asked - 1 where workspace_id = $1 and day = $2 and asked > 0";
        run!(conn, sql, workspace.as_str(), self.day).map(drop)
    }
}
