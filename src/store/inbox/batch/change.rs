//! Edits and deletions of messages: stored like messages, and applied to the message that they
//! name. They are none of their own: nobody has written something new, so they are not counted, do
//! not open the window, and change no owner.
//!
//! A turn that has read what is deleted, be it as history, loses its lease, so that the customer gets
//! no answer to what he took back, and its conversation is claimed anew. So it does for an edit of
//! what it answers, as often as `domain::thread` allows. Nothing else is answered again; of an older
//! message later turns read the new words.

use super::{Arriving, Batch, OPTED_OUT, Scope, inbound_event, key, row};
use crate::domain::thread::Disposition;
use crate::domain::{Inbound, MessageId, NumberId};
use crate::store::inbox::ConversationEvent;
use crate::store::messages::ChangeEffects;
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
        // Whoever turns a question into STOP means it, also if the question has not come.
        let opts_out = at.policy.opts_out() && !message.imported && message.group.is_none();
        let disposition = if opts_out {
            Disposition::OptedOut
        } else {
            Disposition::Stored(event.no_answer_reason)
        };
        let state = Arriving {
            conversation: &conversation,
            disposition: &disposition,
            sent_at: event.sent_at,
            quotes: message.reply_to.clone(),
        };
        self.fresh.push(row(at, message, &state).values(&MessageId::generate(), self.workspace)?);
        self.seen.insert(known, None);
        self.taken[at.place].fresh += 1;
        self.settle_heard(conn, at, (message, original)).await?;
        if !opts_out {
            return Ok(());
        }
        let place = (at.number, &message.from);
        let (kept, disposition) =
            self.conversations.decide(place, |thread| thread.receive_edit(&event))?;
        if let Some(disposition) = disposition {
            kept.void = true;
            self.void(conn, &conversation, OPTED_OUT).await?;
            let state = Arriving { disposition: &disposition, ..state };
            self.apply_effects(conn, at, message, &state).await?;
            self.taken[at.place].events.insert(ConversationEvent { conversation, message: None });
        }
        Ok(())
    }

    /// Applies the changes that came before this message of a customer.
    pub(super) async fn settle_awaited(
        &mut self,
        conn: &mut Conn<'_>,
        at: &Scope<'_>,
        message: &Inbound,
    ) -> Result<()> {
        if self.awaits(at.number, &message.provider_id) {
            self.settle_heard(conn, at, (message, &message.provider_id)).await?;
        }
        Ok(())
    }

    /// Whether changes are stored of the message with this provider's id that are not applied.
    pub(super) fn awaits(&self, number: &NumberId, provider_id: &str) -> bool {
        self.awaited.contains(&key(number, provider_id))
    }

    /// Applies the changes of a customer's message, because of another or of the message itself.
    async fn settle_heard(
        &mut self,
        conn: &mut Conn<'_>,
        at: &Scope<'_>,
        (message, original): (&Inbound, &str),
    ) -> Result<()> {
        let applied = self.settle(conn, at.number, original).await?;
        let kept = self.conversations.at((at.number, &message.from))?;
        let conversation = kept.id.clone();
        // What came only now no turn has read.
        let runs = kept.runs() && message.provider_id != original;
        kept.void |= applied.is_deleted && runs;
        if let Some(deletion) = &applied.deletion {
            kept.forget_message(deletion);
        }
        if !applied.waited {
            if kept.void {
                let event = ConversationEvent { conversation, message: None };
                self.taken[at.place].events.insert(event);
            } else {
                self.unanswered.push(conversation);
            }
            return Ok(());
        }
        kept.void |=
            applied.still_waits && kept.thread.edit_waiting(&inbound_event(at, message), runs);
        // What was made an opt-out waits no longer, either.
        kept.void |= !applied.still_waits && runs;
        if !applied.any_waits {
            kept.thread.withdraw();
        }
        self.taken[at.place].events.insert(ConversationEvent { conversation, message: None });
        Ok(())
    }

    /// Applies what is stored of changes of this message, those of the batch included.
    pub(super) async fn settle(
        &mut self,
        conn: &mut Conn<'_>,
        number: &NumberId,
        original: &str,
    ) -> Result<ChangeEffects> {
        messages::insert_arrived(conn, &std::mem::take(&mut self.fresh)).await?;
        files::insert(conn, self.workspace, std::mem::take(&mut self.files)).await?;
        let applied = messages::apply_changes(conn, self.workspace, (number, original)).await?;
        Ok(applied.unwrap_or_else(|| {
            self.awaited.insert(key(number, original));
            ChangeEffects::default()
        }))
    }
}
