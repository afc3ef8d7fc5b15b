//! Messages that people of the business wrote outside this system: from the phone or another tool,
//! and the business's own side of an import.

use super::super::loaded::PersonAction;
use super::{Batch, ConversationEvent, TAKEN, believed, key};
use crate::domain::{Author, ConversationId, Echo, MessageId, MessageState, NoteCode, NumberId};
use crate::store::{Conn, Result, messages, now};

impl Batch<'_> {
    /// A person wrote to the customer outside this system: the conversation becomes a person's.
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
        if let Some(original) = echo.content.changes() {
            return self.change_own(conn, number, (echo, original)).await;
        }
        let kept = self.conversations.at((number, &echo.to))?;
        // An echo of an own message that arrived before its send was recorded, or of one whose outcome
        // is unknown.
        if messages::match_echo(conn, &kept.id, echo).await? {
            kept.spoken = true;
            self.seen.insert(known, None);
            return self.settle_echoed(conn, number, echo).await;
        }
        if echo.imported {
            return self.import(conn, number, echo).await;
        }
        kept.take_over(PersonAction::Answered);
        let conversation = kept.id.clone();
        let row = echo_row((&conversation, number), echo, NoteCode::WrittenElsewhere);
        self.fresh.push(row.values(&MessageId::generate(), self.workspace)?);
        self.seen.insert(known, None);
        self.void(conn, &conversation, TAKEN).await?;
        self.taken[place].events.insert(ConversationEvent { conversation, message: None });
        self.settle_echoed(conn, number, echo).await
    }

    /// The business edited or deleted what it had sent, be it the bot's: WhatsApp lets nobody
    /// change another's message. It says nothing new, so nobody takes the conversation over.
    async fn change_own(
        &mut self,
        conn: &mut Conn<'_>,
        number: &NumberId,
        (echo, original): (&Echo, &str),
    ) -> Result<()> {
        let kept = self.conversations.at((number, &echo.to))?;
        let (conversation, runs) = (kept.id.clone(), kept.runs());
        let note = if echo.imported { NoteCode::Imported } else { NoteCode::WrittenElsewhere };
        let row = echo_row((&conversation, number), echo, note);
        self.fresh.push(row.values(&MessageId::generate(), self.workspace)?);
        self.seen.insert(key(number, &echo.provider_id), None);
        self.unanswered.push(conversation);
        let applied = self.settle(conn, number, original).await?;
        let kept = self.conversations.at((number, &echo.to))?;
        kept.void |= applied.is_deleted && runs;
        Ok(())
    }

    /// Applies the changes that came before this message of the business.
    async fn settle_echoed(
        &mut self,
        conn: &mut Conn<'_>,
        number: &NumberId,
        echo: &Echo,
    ) -> Result<()> {
        if self.awaits(number, &echo.provider_id) {
            self.settle(conn, number, &echo.provider_id).await?;
        }
        Ok(())
    }

    /// Stores an old message of the business. It says nothing about who has the conversation now.
    async fn import(&mut self, conn: &mut Conn<'_>, number: &NumberId, echo: &Echo) -> Result<()> {
        let kept = self.conversations.at((number, &echo.to))?;
        kept.spoken = true;
        let conversation = kept.id.clone();
        let row = echo_row((&conversation, number), echo, NoteCode::Imported);
        self.fresh.push(row.values(&MessageId::generate(), self.workspace)?);
        self.seen.insert(key(number, &echo.provider_id), None);
        self.unanswered.push(conversation);
        self.settle_echoed(conn, number, echo).await
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
