//! Messages of ours of which nobody knows whether they went out: found when a process died while it sent, and decided
//! by the number's setting when no status event settles them.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::escalations::Case;
use super::words::message_state::{FAILED, QUEUED, SENDING, UNKNOWN};
use super::{Conn, Result, Store, Write, all, now, run};
use crate::domain::{
    ConversationId, MessageId, MessageState, NumberId, Then, Unknown, WorkspaceId,
};

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
        let sql = formatcp!(
            "update messages set state = '{UNKNOWN}', state_rank = {rank}, due_at = $3, lease_until = null, updated_at = $1,
                 note = 'the process ended while it was being sent'
             where state = '{SENDING}' and lease_until < $1 and number_id = $2",
            rank = MessageState::Unknown.rank()
        );
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
    id: MessageId,
    conversation_id: ConversationId,
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
                let sql = formatcp!(
                    "update messages set state = '{QUEUED}', state_rank = {rank}, due_at = $1, updated_at = $1,
                         resent = resent + 1, note = 'whether it was sent was unknown: it was sent again'
                     where state = '{UNKNOWN}' and due_at <= $1 and number_id = $2 and resent < $3",
                    rank = MessageState::Queued.rank()
                );
                let again = run!(conn, sql, now(), self.number.as_str(), self.by.times)?;
                // What stays unknown once more is a person's to decide; what falls due just now is not.
                again + self.ask(workspace, conn, self.by.times).await?
            }
            Then::Drop => {
                let sql = formatcp!(
                    "update messages set state = '{FAILED}', due_at = null, updated_at = $1,
                         note = 'whether it was sent is unknown: it was given up'
                     where state = '{UNKNOWN}' and due_at <= $1 and number_id = $2"
                );
                run!(conn, sql, now(), self.number.as_str())?
            }
        };
        Ok(overdue)
    }
}

impl Decide {
    /// Opens a case for what is overdue and was sent again so often.
    async fn ask(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>, resent: i64) -> Result<u64> {
        let sql = formatcp!(
            "update messages set due_at = null, updated_at = $1,
                 note = 'whether it was sent is unknown: a person was asked'
             where state = '{UNKNOWN}' and due_at <= $1 and number_id = $2 and resent >= $3
             returning id, conversation_id, body"
        );
        let overdue = all!(conn, Overdue, sql, now(), self.number.as_str(), resent)?;
        for message in &overdue {
            let case = Case {
                conversation: &message.conversation_id,
                turn: None,
                reason: "it is not known whether this message of ours reached the customer",
                question: message.body.as_deref().unwrap_or(message.id.as_str()),
            };
            case.open(conn, workspace, false).await?;
        }
        Ok(overdue.len() as u64)
    }
}
