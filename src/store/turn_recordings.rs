//! Recorded inputs of turns, from which they can be replayed.

use async_trait::async_trait;
use sqlx::FromRow;

use super::{Conn, LenientWord, Result, Store, Write, all, run};
use crate::domain::{TurnOutcome, WorkspaceId};

/// A turn that can be replayed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TurnRecordingRow {
    /// The turn.
    pub id: String,
    /// Its conversation.
    pub conversation_id: String,
    /// The agent that answered.
    pub agent: String,
    /// The prompt file of the version that answered.
    pub source: String,
    /// That version's number, from 1.
    pub ordinal: i64,
    /// The outcome; `None` if the stored word is unknown to this version.
    #[sqlx(try_from = "LenientWord<TurnOutcome>")]
    pub outcome: Option<TurnOutcome>,
    /// The trace as JSON.
    pub trace: String,
    /// The recorded inputs as JSON.
    pub tape: String,
    /// Cost, in millionths of a dollar.
    pub cost_micros: i64,
    /// When it was committed.
    pub created_at: i64,
}

/// Filters of the turns to replay.
#[derive(Debug, Clone, Default)]
pub struct TurnRecordingFilter<'a> {
    /// Only turns since this time, in milliseconds since 1970.
    pub since: i64,
    /// Only turns of the agent with this short name.
    pub agent: Option<&'a str>,
    /// Only turns of this conversation.
    pub conversation: Option<&'a str>,
    /// Only this turn.
    pub turn: Option<&'a str>,
}

impl Store {
    /// Recorded turns, oldest first, at most `limit`, after the given time and id.
    pub async fn tapes(
        &self,
        wanted: &TurnRecordingFilter<'_>,
        after: Option<(i64, &str)>,
        limit: i64,
    ) -> Result<Vec<TurnRecordingRow>> {
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
            all!(conn, TurnRecordingRow, sql, workspace.as_str(), wanted.since, at, id, agent, conversation, turn, limit)
        })
        .await
    }

    /// Deletes the recorded inputs of turns from before a time, at most `limit`. Returns the number
    /// of turns.
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
