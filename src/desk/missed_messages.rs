//! Takes in the messages whose webhooks may have been lost.

use std::collections::HashSet;
use std::sync::Arc;

use super::device_link::link_of;
use super::{Delivery, Desk, LinkError, Number};
use crate::domain::time::{Millis, now_ms};
use crate::domain::{Event, Party};

/// For how long a colleague who wrote on the phone has the conversation still, in milliseconds.
const TAKEOVER_MS: Millis = 30 * 60_000;

impl Desk {
    /// Takes in what a number's provider has since this moment, in which webhooks may have been lost.
    /// What is known already is dropped, as a repeated webhook is, and what a colleague answered on
    /// the phone since is not answered. Returns how many messages the provider had.
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
        let mut deliveries = Vec::with_capacity(count);
        for webhook in found.webhooks {
            match Delivery::of_poll(number, webhook) {
                Ok(delivery) => deliveries.push(delivery),
                Err(malformed) => {
                    tracing::warn!(%malformed, number = number.slug, "a message of the provider's list could not be read");
                }
            }
        }
        self.leave_answered(number, &mut deliveries).await?;
        for delivery in deliveries {
            // Groups, status broadcasts and what cannot be read has no id by which it is known.
            if !delivery.items.is_empty() {
                self.take_in(std::slice::from_ref(number), delivery).await?;
            }
        }
        Ok(count)
    }

    /// Marks as imported what a colleague answered on the phone, and the answers of long ago: those
    /// say nothing of who has the conversation now. Drops all but messages and echoes.
    async fn leave_answered(
        &self,
        number: &Number,
        deliveries: &mut [Delivery],
    ) -> Result<(), LinkError> {
        let mut answered = HashSet::new();
        for delivery in deliveries.iter_mut().rev() {
            delivery.items.retain(|item| matches!(item.event, Event::Message(_) | Event::Echo(_)));
            for item in &mut delivery.items {
                match &mut item.event {
                    Event::Echo(echo) if !echo.imported => {
                        if self.store.customer_of(&number.id, &echo.provider_id).await?.is_none() {
                            answered.insert(chat(&echo.to));
                        }
                        echo.imported = now_ms() - echo.sent_at > TAKEOVER_MS;
                    }
                    Event::Message(message) => {
                        message.imported |= answered.contains(&chat(&message.from));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// What names a chat in one list.
fn chat(party: &Party) -> Option<String> {
    party.wa_id.clone().or_else(|| party.lid.clone())
}
