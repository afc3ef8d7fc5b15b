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
    /// the phone since is a colleague's. Returns how many messages the provider had.
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
        for delivery in self.in_order(number, deliveries).await? {
            // Groups, status broadcasts and what cannot be read has no id by which it is known.
            if !delivery.items.is_empty() {
                self.take_in(std::slice::from_ref(number), delivery).await?;
            }
        }
        Ok(count)
    }

    /// Keeps messages and echoes alone, and puts first what a colleague wrote on the phone after a
    /// message that is not known yet: the colleague then has the conversation, and the bot does not
    /// answer what is answered. Any other answer of long ago says nothing of who has it now.
    async fn in_order(
        &self,
        number: &Number,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Delivery>, LinkError> {
        let mut missed = HashSet::new();
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for mut delivery in deliveries {
            delivery.items.retain(|item| matches!(item.event, Event::Message(_) | Event::Echo(_)));
            let mut answers = false;
            for item in &mut delivery.items {
                match &mut item.event {
                    Event::Echo(echo) if !echo.imported => {
                        let is_answer = ids(&echo.to).any(|id| missed.contains(id));
                        answers |= is_answer;
                        echo.imported = !is_answer && now_ms() - echo.sent_at > TAKEOVER_MS;
                    }
                    Event::Message(message) => {
                        let known = self.store.customer_of(&number.id, &message.provider_id);
                        if known.await?.is_none() {
                            missed.extend(ids(&message.from).map(ToOwned::to_owned));
                        }
                    }
                    _ => {}
                }
            }
            if answers { first.push(delivery) } else { rest.push(delivery) }
        }
        first.extend(rest);
        Ok(first)
    }
}

/// What names a chat in one list.
fn ids(party: &Party) -> impl Iterator<Item = &str> {
    [&party.wa_id, &party.lid].into_iter().filter_map(|id| id.as_deref())
}
