//! Records how sends ended, many at once.

use async_trait::async_trait;
use const_format::formatcp;

use super::{PROVIDER_ID, SENT_RANK, SendResult};
use crate::domain::{ConversationId, MessageState, WorkspaceId};
use crate::store::batcher::BatchWrite;
use crate::store::signal::{self, Signal};
use crate::store::words::message_state::{SENDING, SENT};
use crate::store::writer::Urgency;
use crate::store::{Conn, Result, Rows, now, run, storable, to_json};

/// The result of a send. Only the holder of the message's lease records a failure.
pub(in crate::store) struct RecordSend {
    pub(super) id: String,
    pub(super) conversation: ConversationId,
    pub(super) attempts: i64,
    pub(super) ended: SendResult,
}

#[async_trait]
impl BatchWrite for RecordSend {
    type Out = ();

    /// Before the turns: a reply can then leave at once, because none before it is on its way.
    const RANK: u8 = 0;

    /// The customer has the message already.
    fn urgency(&self) -> Urgency {
        match self.ended {
            SendResult::Sent(_) => Urgency::Soon,
            _ => Urgency::Now,
        }
    }

    async fn run_all(
        all: &[Self],
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<()>> {
        let (mut sent, moment) = (Rows::default(), now());
        for one in all {
            if let SendResult::Sent(provider_id) = &one.ended {
                let id = one.id.as_str().into();
                sent.push([id, storable(provider_id).into_owned().into(), moment.into()]);
            } else {
                one.record(conn).await?;
            }
        }
        // If a status event already settled the message, only the id is filled in.
        let before = "with v (id, provider_id, moment) as (";
        conn.hold(before, &sent, "v join messages r on r.id = v.id").await?;
        let after = formatcp!(
            ") update messages set provider_id = {PROVIDER_ID}, lease_until = null, due_at = null,
                state = case when state_rank < {SENT_RANK} then '{SENT}' else state end,
                state_rank = case when state_rank < {SENT_RANK} then {SENT_RANK} else state_rank end, updated_at = v.moment
            from v where messages.id = v.id"
        );
        conn.many(before, &sent, after).await?;
        let told = all.iter().map(|one| Signal::Changed(one.conversation.clone()));
        signal::notify_replicas(conn, workspace, told).await?;
        Ok(vec![(); all.len()])
    }
}

impl RecordSend {
    async fn record(&self, conn: &mut Conn<'_>) -> Result<()> {
        let (state, due, fault) = match &self.ended {
            SendResult::Again(due, fault) => (MessageState::Queued, Some(*due), fault),
            SendResult::Unknown(due, fault) => (MessageState::Unknown, Some(*due), fault),
            SendResult::Failed(fault) => (MessageState::Failed, None, fault),
            SendResult::Sent(_) => return Ok(()),
        };
        let note = matches!(self.ended, SendResult::Failed(_)).then_some(fault.title.as_str());
        let sql = formatcp!(
            "update messages set state = $2, state_rank = $3, due_at = $4, lease_until = null, error = $5,
                 note = coalesce($6, note), updated_at = $7
             where id = $1 and state = '{SENDING}' and attempts = $8"
        );
        let (error, note) = (to_json(&[fault])?, note.map(storable));
        let rank = state.rank();
        run!(conn, sql, &self.id, state, rank, due, error, note, now(), self.attempts).map(|_| ())
    }
}
