//! The first message of a conversation that the business begins.

use async_trait::async_trait;
use const_format::formatcp;

use super::identities::{IS_PARTY, Ids, has_opted_out};
use super::inbox::outreach::Outreach;
use super::staff_messages::{Refusal, Reply, ReplyOutcome, Window, WriteReply};
use super::{Conn, Result, Store, Write, first};
use crate::domain::{Content, ConversationId, NumberId, Owner, Party, WorkspaceId};

/// A message to a customer with whom there may be no conversation yet.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstMessage {
    /// The number that writes.
    pub number: NumberId,
    /// The customer.
    pub to: Party,
    /// The idempotency key: a message with the same key to this customer is sent once.
    pub key: String,
    /// A filled template, or a text where the number has no window.
    pub content: Content,
    /// The customer service window of the number.
    pub window: Window,
    /// Whether the customer agreed to be written to.
    pub opt_in: OptIn,
    /// Whether the person who writes takes the conversation: the bot is then silent in it.
    pub takes_over: bool,
}

/// Whether a customer agreed to be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptIn {
    /// It has to be on record, or the customer wrote to the number.
    Known,
    /// They did, here: that is recorded.
    Given(String),
    /// They are the one who asks for a test message.
    Test,
}

/// The result of beginning a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstMessageOutcome {
    /// The message is in the outbox of this conversation, or was before.
    Written(ConversationId, ReplyOutcome),
    /// WhatsApp or the customer would refuse it.
    Refused(Refusal),
    /// The customer never wrote to the number, and nobody recorded that they agreed.
    OptInRequired,
}

impl Store {
    /// Queues a message to a customer, in their conversation with the number or a new one. Records
    /// that they agreed.
    pub async fn write_first(&self, message: FirstMessage) -> Result<FirstMessageOutcome> {
        self.apply(message).await
    }

    /// The conversation of a number with a customer.
    pub async fn conversation_with(
        &self,
        number: &NumberId,
        to: &Party,
    ) -> Result<Option<ConversationId>> {
        let workspace = self.workspace_id();
        let row = self
            .read(async |conn| {
                let sql = formatcp!(
                    "select v.id from contact_identities i join conversations v on v.contact_id = i.contact_id
                     where {IS_PARTY} and v.number_id = $6 order by case when i.value = $2 then 0 else 1 end limit 1"
                );
                let Ids { phone, other, bsuid, lid } = Ids::of(to);
                let (space, number) = (workspace.as_str(), number.as_str());
                first!(conn, (ConversationId,), sql, space, phone, other, bsuid, lid, number)
            })
            .await?;
        Ok(row.map(|row| row.0))
    }
}

#[async_trait]
impl Write for FirstMessage {
    type Out = FirstMessageOutcome;

    async fn run(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<FirstMessageOutcome> {
        if has_opted_out(conn, workspace, &self.to).await? {
            return Ok(FirstMessageOutcome::Refused(Refusal::OptedOut));
        }
        if self.opt_in == OptIn::Known && !self.has_agreed(workspace, conn).await? {
            return Ok(FirstMessageOutcome::OptInRequired);
        }
        let outreach = Outreach {
            number: &self.number,
            parties: std::slice::from_ref(&self.to),
            owner: Owner::INITIAL,
            opt_in: match &self.opt_in {
                OptIn::Given(source) => Some(source),
                OptIn::Known | OptIn::Test => None,
            },
            has_window: self.window != Window::Always,
        };
        let opened = outreach.open(workspace, conn).await?;
        let Some(id) = opened.into_iter().next().map(|one| one.id) else {
            return Ok(FirstMessageOutcome::OptInRequired);
        };
        let Self { key, content, window, .. } = self.clone();
        let reply = Reply { conversation: id.clone(), key, content, quotes: None, window };
        let message = WriteReply { reply };
        let written = message.write_in(conn, workspace, (&id, self.takes_over)).await?;
        Ok(FirstMessageOutcome::Written(id, written))
    }
}

impl FirstMessage {
    /// Whether the customer agreed before, or wrote to the number.
    async fn has_agreed(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = formatcp!(
            "select c.id from contact_identities i join contacts c on c.id = i.contact_id
             where {IS_PARTY} and (c.opted_in_at is not null or exists (select 1 from conversations v
                 where v.contact_id = c.id and v.number_id = $6 and v.last_inbound_at is not null))"
        );
        let Ids { phone, other, bsuid, lid } = Ids::of(&self.to);
        let (space, number) = (workspace.as_str(), self.number.as_str());
        Ok(first!(conn, (String,), sql, space, phone, other, bsuid, lid, number)?.is_some())
    }
}
