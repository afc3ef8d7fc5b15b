//! Messages that people of the business wrote outside this system: from the phone or another tool,
//! and the business's own side of an import.

use super::super::conversations::PersonAction;
use super::{Batch, ConversationEvent, TAKEN, believed, key};
use crate::domain::{
    Author, ConversationId, Echo, MessageId, MessageState, NoteCode, NumberId, Party,
};
use crate::store::{Conn, Result, messages, now};

impl Batch<'_> {
    /// A person wrote to the customer outside this system: the conversation becomes a person's. Not
    /// so if they edited or deleted what they had written before, which says nothing new.
    pub(super) async fn echo(
        &mut self,
        conn: &mut Conn<'_>,
        (place, number): (usize, &NumberId),
        echo: &Echo,
    ) -> Result<()> {
        let known = key(number, &echo.provider_id);
        if self.seen.contains_key(&known) {
            return Ok(());
        }
        let of = (place, number, &echo.to);
        if echo.imported {
            return self.import(conn, of, echo).await;
        }
        let kept = self.conversations.at((number, &echo.to))?;
        // An echo of an own message that arrived before its send was recorded.
        if messages::match_echo(conn, &kept.id, echo).await? {
            kept.spoken = true;
            self.seen.insert(known, None);
            return Ok(());
        }
        let conversation = kept.id.clone();
        let row = echo_row((&conversation, number), echo, NoteCode::WrittenElsewhere);
        self.fresh.push(row.values(&MessageId::generate(), self.workspace)?);
        self.seen.insert(known, None);
        if let Some(original) = echo.content.changes()
            && self.settle(conn, of, original).await?
        {
            return Ok(());
        }
        self.conversations.at((number, &echo.to))?.take_over(PersonAction::Answered);
        self.void(conn, &conversation, TAKEN).await?;
        self.taken[place].events.insert(ConversationEvent { conversation, message: None });
        self.settle_awaited(conn, of, &echo.provider_id).await
    }

    /// Stores an old message of the business. It says nothing about who has the conversation now.
    async fn import(
        &mut self,
        conn: &mut Conn<'_>,
        of: (usize, &NumberId, &Party),
        echo: &Echo,
    ) -> Result<()> {
        let (_, number, customer) = of;
        let kept = self.conversations.at((number, customer))?;
        kept.spoken = true;
        let conversation = kept.id.clone();
        let row = echo_row((&conversation, number), echo, NoteCode::Imported);
        self.fresh.push(row.values(&MessageId::generate(), self.workspace)?);
        self.seen.insert(key(number, &echo.provider_id), None);
        self.unanswered.push(conversation);
        if let Some(original) = echo.content.changes() {
            self.settle(conn, of, original).await?;
        }
        self.settle_awaited(conn, of, &echo.provider_id).await
    }
}

/// The row of a message that a person of the business wrote elsewhere.
fn echo_row<'m>(
    (conversation, number): (&'m ConversationId, &'m NumberId),
    echo: &'m Echo,
    note: NoteCode,
) -> messages::NewMessage<'m> {
    messages::NewMessage {
        conversation,
        number,
        author: Author::Person,
        provider_id: &echo.provider_id,
        content: &echo.content,
        reply_to: None,
        referral: None,
        state: MessageState::Sent,
        note: Some(note.text()),
        faults: &[],
        sent_at: believed(echo.sent_at, now()),
    }
}
