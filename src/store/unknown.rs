//! Messages of ours of which nobody knows whether they went out: found when a process died while it sent, and decided
//! by the number's setting when no status event settles them.

use async_trait::async_trait;
use sqlx::FromRow;

use super::escalations::Case;
use super::{Conn, Result, Store, Write, all, now, run};
use crate::domain::{ConversationId, NumberId, Then, Unknown, WorkspaceId};

impl Store {
    /// Marks sends of a number that were begun and never recorded as `unknown`, to be decided after `wait_ms`; how many
    /// there were.
    pub async fn sweep_sends(&self, number: &NumberId, wait_ms: i64) -> Result<u64> {
        self.apply(Sweep { number: number.clone(), wait_ms }).await
    }

    /// Decides the messages of a number whose outcome stayed unknown for long enough; how many there were.
    pub async fn decide_unknown(&self, number: &NumberId, by: Unknown) -> Result<u64> {
        self.apply(Decide { number: number.clone(), by }).await
    }
}

struct Sweep {
    number: NumberId,
    wait_ms: i64,
}

#[async_trait]
impl Write for Sweep {
    type Out = u64;

    async fn run(&self, _: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql = "update messages set state = 'unknown', state_rank = 2, due_at = $3, lease_until = null, updated_at = $1,
                   note = 'the process ended while it was being sent'
                   where state = 'sending' and lease_until < $1 and number_id = $2";
        let moment = now();
        run!(conn, sql, moment, self.number.as_str(), moment + self.wait_ms)
    }
}

struct Decide {
    number: NumberId,
    by: Unknown,
}

#[derive(FromRow)]
struct Overdue {
    id: String,
    conversation_id: String,
    body: Option<String>,
}

#[async_trait]
impl Write for Decide {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        // A status event that comes late still settles what was dropped: its rank stays below `sent`.
        let overdue = match self.by.then {
            Then::Ask => self.ask(workspace, conn, 0).await?,
            Then::Resend => {
                let sql = "update messages set state = 'queued', state_rank = 0, due_at = $1, updated_at = $1,
                               resent = resent + 1, note = 'whether it was sent was unknown: it was sent again'
                           where state = 'unknown' and due_at <= $1 and number_id = $2 and resent < $3";
                let again = run!(conn, sql, now(), self.number.as_str(), self.by.times)?;
                // What stays unknown once more is a person's to decide; what falls due just now is not.
                again + self.ask(workspace, conn, self.by.times).await?
            }
            Then::Drop => {
                let sql = "update messages set state = 'failed', due_at = null, updated_at = $1,
                               note = 'whether it was sent is unknown: it was given up'
                           where state = 'unknown' and due_at <= $1 and number_id = $2";
                run!(conn, sql, now(), self.number.as_str())?
            }
        };
        Ok(overdue)
    }
}

impl Decide {
    /// Opens a case for what is overdue and was sent again so often.
    async fn ask(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>, resent: i64) -> Result<u64> {
        let sql = "update messages set due_at = null, updated_at = $1,
                       note = 'whether it was sent is unknown: a person was asked'
                   where state = 'unknown' and due_at <= $1 and number_id = $2 and resent >= $3
                   returning id, conversation_id, body";
        let overdue = all!(conn, Overdue, sql, now(), self.number.as_str(), resent)?;
        for message in &overdue {
            let case = Case {
                conversation: &ConversationId::stored(message.conversation_id.clone()),
                turn: None,
                reason: "it is not known whether this message of ours reached the customer",
                question: message.body.as_deref().unwrap_or(&message.id),
            };
            case.open(conn, workspace, false).await?;
        }
        Ok(overdue.len() as u64)
    }
}
