//! Inserts messages into the outbox, either waiting or already claimed by the commit that writes
//! them.

use const_format::formatcp;
use serde::{Deserialize, Serialize};

use super::{Free, OUT, OutgoingRow, ToSend};
use crate::domain::{Author, Content, ConversationId, MessageState, TurnId, WorkspaceId};
use crate::store::bulk::Value;
use crate::store::{Conn, Result, Rows, now, storable, to_json};

/// A content with the bot's citation marks beside it, which only a later turn reads.
#[derive(Serialize)]
struct CitedContent<'a> {
    #[serde(flatten)]
    content: &'a Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    cited: Option<&'a str>,
}

/// The context of an outgoing message.
pub(in crate::store) struct OutboxEntry<'a> {
    pub(in crate::store) conversation: &'a ConversationId,
    pub(in crate::store) number: &'a str,
    pub(in crate::store) turn: Option<&'a TurnId>,
    pub(in crate::store) author: Author,
}

/// Returns the citation marks of a stored content: see [`OutgoingRow::cited`].
pub fn cited(content: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct CitedText {
        cited: Option<String>,
    }
    serde_json::from_str::<CitedText>(content).ok()?.cited
}

impl OutboxEntry<'_> {
    /// The row to insert. `part` is its index among the messages of one reply; `free` is set to
    /// claim it at once.
    pub(in crate::store) fn values(
        &self,
        workspace: &WorkspaceId,
        message: &OutgoingRow,
        (part, free): (usize, Option<&Free>),
    ) -> Result<[Value; 20]> {
        let (body, moment) = (message.text(), now());
        let cited = message.cited.as_deref().map(storable);
        let content = CitedContent { content: &message.content, cited: cited.as_deref() };
        let content = to_json(&content)?;
        let (state, attempts) =
            if free.is_some() { (MessageState::Sending, 1) } else { (MessageState::Queued, 0) };
        Ok([
            message.id.as_str().into(),
            workspace.as_str().into(),
            self.conversation.as_str().into(),
            self.number.into(),
            self.author.into(),
            message.content.kind().into(),
            content.into(),
            Some(body).filter(|body| !body.is_empty()).into(),
            message.reply_to.as_deref().into(),
            self.turn.map(TurnId::as_str).into(),
            i64::try_from(part).unwrap_or(i64::MAX).into(),
            moment.into(),
            moment.into(),
            moment.into(),
            moment.into(),
            state.into(),
            state.rank().into(),
            attempts.into(),
            free.map(|free| free.lease_until).into(),
            free.map(|_| moment).into(),
        ])
    }

    /// The message to send, once the row of [`Self::values`] is stored.
    pub(in crate::store) fn to_send(&self, message: &OutgoingRow, free: &Free) -> ToSend {
        ToSend {
            id: message.id.to_string(),
            conversation_id: self.conversation.to_string(),
            number_id: self.number.to_owned(),
            author: self.author,
            body: Some(message.text().to_owned()),
            content: match &message.content {
                Content::Text { .. } => None,
                content => serde_json::to_string(content).ok(),
            },
            reply_to: message.reply_to.clone(),
            attempts: 1,
            lease_until: free.lease_until,
            wa_id: free.wa_id.clone(),
            bsuid: free.bsuid.clone(),
            lid: free.lid.clone(),
            opted_out_at: free.opted_out_at,
            owner: free.owner,
            last_inbound_at: free.last_inbound_at,
            window_closed_at: free.window_closed_at,
            // Replies go to customers.
            to_staff: 0,
            outdated: 0,
            // Its commit saw that the bot is not.
            paused: 0,
        }
    }
}

pub(in crate::store) async fn insert(conn: &mut Conn<'_>, rows: &Rows) -> Result<()> {
    let before = "with v (id, workspace_id, conversation_id, number_id, author, kind, content, body, reply_to, turn_id, part,
        sent_at, created_at, updated_at, due_at, state, state_rank, attempts, lease_until, left_at) as (";
    let after = formatcp!(
        ") insert into messages (id, workspace_id, conversation_id, number_id, direction, author, kind, content,
            body, reply_to, turn_id, part, sent_at, created_at, updated_at, due_at, state, state_rank, attempts,
            lease_until, left_at)
        select v.id, v.workspace_id, v.conversation_id, v.number_id, '{OUT}', v.author, v.kind, v.content, v.body,
            v.reply_to, v.turn_id, v.part, v.sent_at, v.created_at, v.updated_at, v.due_at, v.state, v.state_rank,
            v.attempts, v.lease_until, v.left_at
        from v"
    );
    conn.many(before, rows, after).await.map(|_| ())
}
