//! The outbox: claiming messages to send, in order within a conversation, and recording how each ended.
//!
//! A message whose send was begun and never recorded (the process died) becomes `unknown` when its lease ends: it is
//! not sent again; the provider's status event, which carries our reference, settles it.

use async_trait::async_trait;
use sqlx::FromRow;

use super::{Conn, Result, Store, Write, all, now, run, storable, to_json};
use crate::domain::{Fault, MessageId, WorkspaceId};

/// A message that this process may send.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ToSend {
    /// Its id.
    pub id: String,
    /// The conversation.
    pub conversation_id: String,
    /// The number to send from.
    pub number_id: String,
    /// `bot`, `person` or `notice`.
    pub author: String,
    /// The words.
    pub body: Option<String>,
    /// The provider's id of the message that it quotes.
    pub reply_to: Option<String>,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// The customer's phone, digits only.
    pub wa_id: Option<String>,
    /// The customer's business-scoped id.
    pub bsuid: Option<String>,
    /// Who may speak in the conversation.
    pub owner: String,
    /// When the customer last wrote.
    pub last_inbound_at: Option<i64>,
}

/// How a send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The provider took it, under this id.
    Sent(String),
    /// Try again at this moment.
    Again(i64, Fault),
    /// It may have gone out.
    Unknown(Fault),
    /// It will not go out.
    Failed(Fault),
}

impl Store {
    /// Claims messages to send for `lease_ms`, the oldest unsent of each conversation, with whom they go to.
    pub async fn claim_sends(&self, limit: i64, lease_ms: i64) -> Result<Vec<ToSend>> {
        self.apply(ClaimSends { limit, lease_ms }).await
    }

    /// Records how a send ended; true if the conversation's next message can go.
    pub async fn record_send(&self, message: &ToSend, ended: Ended) -> Result<()> {
        self.apply(RecordSend { id: MessageId::stored(message.id.clone()), ended }).await
    }

    /// Marks sends that were begun and never recorded as `unknown`; how many there were.
    pub async fn sweep_sends(&self) -> Result<u64> {
        self.apply(Sweep).await
    }
}

struct ClaimSends {
    limit: i64,
    lease_ms: i64,
}

#[async_trait]
impl Write for ClaimSends {
    type Out = Vec<ToSend>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<ToSend>> {
        macro_rules! claim {
            ($lock:literal) => {
                concat!(
                    "update messages set state = 'sending', state_rank = 1, lease_until = $2, attempts = attempts + 1
                     where id in (select m.id from messages m where m.state = 'queued' and m.due_at <= $1 and m.workspace_id = $4
                         and not exists (select 1 from messages e where e.conversation_id = m.conversation_id
                             and e.state in ('queued', 'sending')
                             and (e.created_at, e.part, e.id) < (m.created_at, m.part, m.id))
                         order by m.due_at, m.id limit $3 ", $lock, ")
                     returning id, conversation_id, number_id, author, body, reply_to, attempts,
                         (select c.wa_id from conversations v join contacts c on c.id = v.contact_id
                          where v.id = messages.conversation_id) as wa_id,
                         (select c.bsuid from conversations v join contacts c on c.id = v.contact_id
                          where v.id = messages.conversation_id) as bsuid,
                         (select v.owner from conversations v where v.id = messages.conversation_id) as owner,
                         (select v.last_inbound_at from conversations v where v.id = messages.conversation_id)
                             as last_inbound_at"
                )
            };
        }
        let sql = conn.claiming(claim!(""), claim!("for update skip locked"));
        let moment = now();
        all!(conn, ToSend, sql, moment, moment + self.lease_ms, self.limit, workspace.as_str())
    }
}

struct RecordSend {
    id: MessageId,
    ended: Ended,
}

#[async_trait]
impl Write for RecordSend {
    type Out = ();

    async fn run(&self, _: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let (id, moment) = (self.id.as_str(), now());
        // A status event may have settled the message before this record: then only the id is filled in.
        match &self.ended {
            Ended::Sent(provider_id) => {
                let sql = "update messages set provider_id = coalesce(provider_id, $2), lease_until = null, due_at = null,
                           state = case when state_rank < 3 then 'sent' else state end,
                           state_rank = case when state_rank < 3 then 3 else state_rank end, updated_at = $3
                           where id = $1";
                run!(conn, sql, id, storable(provider_id), moment)
            }
            Ended::Again(due, fault) => {
                let sql = "update messages set state = 'queued', state_rank = 0, due_at = $2, lease_until = null,
                           error = $3, updated_at = $4 where id = $1 and state = 'sending'";
                run!(conn, sql, id, due, to_json(&[fault])?, moment)
            }
            Ended::Unknown(fault) => {
                let sql = "update messages set state = 'unknown', state_rank = 2, due_at = null, lease_until = null,
                           error = $2, updated_at = $3 where id = $1 and state = 'sending'";
                run!(conn, sql, id, to_json(&[fault])?, moment)
            }
            Ended::Failed(fault) => {
                let sql = "update messages set state = 'failed', state_rank = 9, due_at = null, lease_until = null,
                           error = $2, note = $4, updated_at = $3 where id = $1 and state = 'sending'";
                run!(conn, sql, id, to_json(&[fault])?, moment, &fault.title)
            }
        }
        .map(|_| ())
    }
}

struct Sweep;

#[async_trait]
impl Write for Sweep {
    type Out = u64;

    async fn run(&self, _: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql = "update messages set state = 'unknown', state_rank = 2, due_at = null, lease_until = null, updated_at = $1,
                   note = 'the process ended while it was being sent' where state = 'sending' and lease_until < $1";
        run!(conn, sql, now())
    }
}
