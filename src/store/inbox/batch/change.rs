//! Edits and deletions of messages: stored like messages, and applied to the message that they
//! name. They are none of their own: nobody has written something new, so they are not counted, do
//! not open the window, and change no owner.
//!
//! A turn that has read what is changed now loses its lease, so that the customer gets no answer to
//! what he took back, and its conversation is claimed anew. Nothing else is answered again.

use super::{Arriving, Batch, OPTED_OUT, Scope, inbound_event, key, row};
use crate::domain::thread::Disposition;
use crate::domain::{ConversationId, Inbound, MessageId, NumberId, Party};
use crate::store::inbox::ConversationEvent;
use crate::store::{Conn, Result, files, messages};

impl Batch<'_> {
    /// A customer edited or deleted a message.
    pub(super) async fn change(
        &mut self,
        conn: &mut Conn<'_>,
        at: &Scope<'_>,
        (message, original): (&Inbound, &str),
    ) -> Result<()> {
        let known = key(at.number, &message.provider_id);
        if self.seen.contains_key(&known) {
            self.taken[at.place].repeated += 1;
            return Ok(());
        }
        let kept = self.conversations.at((at.number, &message.from))?;
        kept.webhook_index = at.place;
        let conversation = kept.id.clone();
        let event = inbound_event(at, message);
        let disposition = Disposition::Stored(event.no_answer_reason);
        let state = Arriving {
            conversation: &conversation,
            disposition: &disposition,
            sent_at: event.sent_at,
        };
        self.fresh.push(row(at, message, &state).values(&MessageId::generate(), self.workspace)?);
        self.seen.insert(known, None);
        self.taken[at.place].fresh += 1;
        let place = (at.place, at.number, &message.from);
        if !self.settle(conn, place, original).await? {
            self.unanswered.push(conversation);
            return Ok(());
        }
        if message.imported || message.group.is_some() {
            return Ok(());
        }
        // Whoever turns a question into STOP means it.
        let (kept, disposition) = self
            .conversations
            .decide((at.number, &message.from), |thread| thread.receive_edit(&event))?;
        if let Some(disposition) = disposition {
            kept.void = true;
            self.void(conn, &conversation, OPTED_OUT).await?;
            let state = Arriving { disposition: &disposition, ..state };
            self.apply_effects(conn, at, message, &state).await?;
        }
        Ok(())
    }

    /// Applies the changes that came before this message.
    pub(super) async fn settle_awaited(
        &mut self,
        conn: &mut Conn<'_>,
        of: (usize, &NumberId, &Party),
        provider_id: &str,
    ) -> Result<()> {
        if self.awaited.contains(&key(of.1, provider_id)) {
            self.settle(conn, of, provider_id).await?;
        }
        Ok(())
    }

    /// Applies what is stored of changes of this message, those of the batch included. False if
    /// none can be applied: they wait for the message.
    pub(super) async fn settle(
        &mut self,
        conn: &mut Conn<'_>,
        (place, number, party): (usize, &NumberId, &Party),
        original: &str,
    ) -> Result<bool> {
        messages::insert_arrived(conn, &std::mem::take(&mut self.fresh)).await?;
        files::insert(conn, self.workspace, std::mem::take(&mut self.files)).await?;
        let applied = messages::apply_changes(conn, self.workspace, (number, original)).await?;
        let Some(applied) = applied else {
            self.awaited.insert(key(number, original));
            return Ok(false);
        };
        let kept = self.conversations.at((number, party))?;
        let conversation: ConversationId = kept.id.clone();
        if !applied.waited {
            self.unanswered.push(conversation);
            return Ok(true);
        }
        kept.void = true;
        if !applied.waits {
            kept.thread.withdraw();
        }
        self.taken[place].events.insert(ConversationEvent { conversation, message: None });
        Ok(true)
    }
}
