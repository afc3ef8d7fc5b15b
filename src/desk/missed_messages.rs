//! Takes in the messages whose webhooks may have been lost.

use std::sync::Arc;

use super::device_link::link_of;
use super::{Delivery, Desk, LinkError, Number};
use crate::domain::Event;
use crate::domain::time::{Millis, now_ms};

/// For how long a colleague who wrote on the phone has the conversation still, in milliseconds.
const TAKEOVER_MS: Millis = 30 * 60_000;

impl Desk {
    /// Takes in what a number's provider has since this moment, in which webhooks may have been lost.
    /// What is known already is dropped, as a repeated webhook is, and what a colleague answered on
    /// the phone since is a colleague's. Returns how many chats the provider had of
    /// that time.
    pub async fn take_in_missed(
        self: &Arc<Self>,
        number: &Arc<Number>,
        since: Millis,
    ) -> Result<usize, LinkError> {
        let found = link_of(number)?.messages_since(since).await?;
        let count = found.webhooks.len();
        if !found.is_complete {
            tracing::warn!(
                number = number.slug,
                count,
                "the provider's list of messages is longer than is read: what is older than these is not taken in"
            );
        }
        for webhook in found.webhooks {
            let mut delivery = match Delivery::of_poll(number, webhook) {
                Ok(delivery) => delivery,
                Err(malformed) => {
                    tracing::warn!(%malformed, number = number.slug, "a chat of the provider's list could not be read");
                    continue;
                }
            };
            self.judge_echoes(number, &mut delivery).await?;
            // Groups, status broadcasts and what cannot be read has no id by which it is known.
            if !delivery.items.is_empty() {
                self.take_in(std::slice::from_ref(number), delivery).await?;
            }
        }
        Ok(count)
    }

    /// Keeps messages and echoes of a chat alone. What a colleague wrote on the phone after a message
    /// that is not known yet takes the conversation over, in the same commit as that message, which the
    /// bot then does not answer. Any other answer of long ago says nothing of who has it now.
    async fn judge_echoes(
        &self,
        number: &Number,
        delivery: &mut Delivery,
    ) -> Result<(), LinkError> {
        delivery.items.retain(|item| matches!(item.event, Event::Message(_) | Event::Echo(_)));
        let mut is_answer = false;
        for item in &mut delivery.items {
            match &mut item.event {
                Event::Echo(echo) if !echo.imported => {
                    echo.imported = !is_answer && now_ms() - echo.sent_at > TAKEOVER_MS;
                }
                Event::Message(message) => {
                    let known = self.store.customer_of(&number.id, &message.provider_id).await?;
                    is_answer |= known.is_none();
                }
                _ => {}
            }
        }
        Ok(())
    }
}
