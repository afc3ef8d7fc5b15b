//! Tapes of turns: what they were given, so that they can be run again.

use async_trait::async_trait;
use sqlx::FromRow;

use super::{Conn, LenientWord, Result, Store, Write, all, run};
use crate::domain::{TurnOutcome, WorkspaceId};

/// A turn that can be run again.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TapeRow {
    /// The turn.
    pub id: String,
    /// Its conversation.
    pub conversation_id: String,
    /// The agent that answered.
    pub agent: String,
    /// The prompt file that it answered under.
    pub source: String,
    /// That version's number, counted from 1.
    pub ordinal: i64,
    /// What became of it; none: another version's word.
    #[sqlx(try_from = "LenientWord<TurnOutcome>")]
    pub outcome: Option<TurnOutcome>,
    /// The trace as JSON.
    pub trace: String,
    /// What the turn was given, as JSON.
    pub tape: String,
    /// What it cost, in millionths of a dollar.
    pub cost_micros: i64,
    /// When it was committed.
    pub created_at: i64,
}

/// Which turns to run again.
#[derive(Debug, Clone, Default)]
pub struct TapeFilter<'a> {
    /// Those since a moment, milliseconds since 1970.
    pub since: i64,
    /// Those of one agent, by its short name.
    pub agent: Option<&'a str>,
    /// Those of one conversation.
    pub conversation: Option<&'a str>,
    /// One turn.
    pub turn: Option<&'a str>,
}

impl Store {
    /// Turns that were recorded, oldest first, at most `limit`, after a place in that order.
    pub async fn tapes(
        &self,
        wanted: &TapeFilter<'_>,
        after: Option<(i64, &str)>,
        limit: i64,
    ) -> Result<Vec<TapeRow>> {
        let workspace = self.workspace_id();
        let (at, id) = after.unwrap_or((i64::MIN, ""));
        self.read(async |conn| {
            let sql = "select t.id, t.conversation_id, a.slug as agent, v.source, v.ordinal, t.outcome, t.trace,
                       t.tape, t.cost_micros, t.created_at
                       from turns t join agents a on a.id = t.agent_id join prompt_versions v on v.id = t.version_id
                       where t.workspace_id = $1 and t.tape is not null and t.created_at >= $2
                       and (t.created_at > $3 or (t.created_at = $3 and t.id > $4))
                       and ($5 = '' or a.slug = $5) and ($6 = '' or t.conversation_id = $6) and ($7 = '' or t.id = $7)
                       order by t.created_at, t.id limit $8";
            let agent = wanted.agent.unwrap_or_default();
            let conversation = wanted.conversation.unwrap_or_default();
            let turn = wanted.turn.unwrap_or_default();
            all!(conn, TapeRow, sql, workspace.as_str(), wanted.since, at, id, agent, conversation, turn, limit)
        })
        .await
    }

    /// Forgets what was recorded of turns from before a moment, of at most `limit`; of how many.
    pub async fn forget_tapes(&self, before: i64, limit: i64) -> Result<u64> {
        self.apply(Forget { before, limit }).await
    }
}

struct Forget {
    before: i64,
    limit: i64,
}

#[async_trait]
impl Write for Forget {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql = "update turns set tape = null where id in (select id from turns
                   where workspace_id = $1 and tape is not null and created_at < $2
                   order by created_at limit $3)";
        run!(conn, sql, workspace.as_str(), self.before, self.limit)
    }
}
