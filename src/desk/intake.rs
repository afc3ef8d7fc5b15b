//! The way in: takes in what a provider delivered, once it is verified and decoded, however it came.
//! What is stored is acknowledged by the caller, never before.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::HeaderMap;
use tracing::Instrument;

use super::{Desk, Number};
use crate::domain::{Account, Event, Item, ProviderKind, What};
use crate::metrics::{MESSAGES_IN, MESSAGES_UNKNOWN_NUMBER, NOTICES_LOST, WEBHOOKS};
use crate::pipeline::inbound::{self, InboundNumber, Webhook};
use crate::provider::{self, MalformedWebhook};
use crate::spans;
use crate::store::inbox::Offer;
use crate::store::warnings::Candidate;
use crate::store::{self, Result};

/// What a provider delivered: a webhook, or the answer to a poll.
pub struct Delivery {
    /// The provider.
    pub provider: ProviderKind,
    /// The body as it is stored: without a key or file that it brought.
    pub body: Vec<u8>,
    /// Its decoded items.
    pub items: Vec<Item>,
    /// The numbers that its events without a number may be about.
    pub candidates: Vec<Candidate>,
    /// Whether its numbers' secrets signed it: not so if a number takes unsigned webhooks.
    pub authenticated: bool,
    /// How it came.
    pub source: DeliverySource,
}

/// How a delivery came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliverySource {
    /// As a webhook.
    Webhook,
    /// As the answer to a poll: it says nothing about webhooks.
    Poll,
}

impl Delivery {
    /// A practice message. `body` is a webhook in the provider's format.
    pub fn of_practice(
        number: &Number,
        body: Vec<u8>,
    ) -> std::result::Result<Self, MalformedWebhook> {
        Self::of(number, body, (false, DeliverySource::Webhook))
    }

    /// What a poll of the number's provider found. `body` is a webhook in the provider's format.
    pub(super) fn of_poll(
        number: &Number,
        body: Vec<u8>,
    ) -> std::result::Result<Self, MalformedWebhook> {
        Self::of(number, body, (true, DeliverySource::Poll))
    }

    fn of(
        number: &Number,
        body: Vec<u8>,
        (authenticated, source): (bool, DeliverySource),
    ) -> std::result::Result<Self, MalformedWebhook> {
        let headers = HeaderMap::new();
        let items = number.client.decode(&headers, &body)?;
        let body = provider::stored_body(number.provider, &headers, body);
        let (provider, candidates) = (number.provider, Vec::new());
        Ok(Self { provider, body, items, candidates, authenticated, source })
    }
}

/// The numbers, by the provider's ids of them.
type Answers = HashMap<String, InboundNumber>;

impl Desk {
    /// Stores a delivery, for the connected numbers that its items are for, and starts the turns that
    /// were claimed with it. On return, it is on disk and may be acknowledged.
    pub async fn take_in(
        self: &Arc<Self>,
        numbers: &[Arc<Number>],
        delivery: Delivery,
    ) -> Result<()> {
        let Delivery { provider, body, mut items, candidates, authenticated, source } = delivery;
        mark_tests(numbers, &mut items);
        let answers = |number: &Arc<Number>| {
            (number.client.external_id().to_owned(), self.inbound_number(number))
        };
        let answers: Answers = numbers.iter().map(answers).collect();
        let wrote: Vec<bool> = numbers.iter().map(|number| wrote(number, &items)).collect();
        log_unknown_numbers(provider, numbers, &items);
        let named: Vec<_> =
            numbers.iter().filter_map(|number| new_account(number, &items)).collect();
        let warns = items.iter().any(|item| is_of_account(&item.event));
        let turns = Offer::default();
        let webhook =
            Webhook { provider, body, items, candidates, authenticated, again: None, turns };
        // A separate task that completes even if the provider disconnects: a turn that is claimed
        // with the webhook must run.
        let taking = take(Arc::clone(self), webhook, answers);
        let taking = tokio::spawn(Box::pin(taking).in_current_span());
        taking.await.unwrap_or_else(|broken| Err(store::Error::Failed(broken.to_string())))?;
        if source == DeliverySource::Webhook {
            WEBHOOKS.one();
            for (number, wrote) in numbers.iter().zip(wrote) {
                number.activity.record_webhook(wrote);
            }
        }
        self.learn_accounts(named).await;
        if warns {
            self.announce(What::Numbers).await;
            // A restriction may be over.
            self.notifier.wake_outbox();
        }
        Ok(())
    }

    /// Returns the connected numbers of a provider that items are for.
    pub fn numbers_for(&self, provider: ProviderKind, items: &[Item]) -> Vec<Arc<Number>> {
        let about = |number: &Arc<Number>| {
            items.iter().any(|item| item.number.as_deref() == Some(number.client.external_id()))
        };
        let mut numbers = self.numbers_of(provider);
        numbers.retain(about);
        numbers
    }

    /// Records accounts, so that an event of an account finds its numbers. What fails is tried again
    /// with the next webhook.
    async fn learn_accounts(&self, accounts: Vec<(Arc<Number>, Account)>) {
        for (number, account) in accounts {
            match self.store.record_number_account(&number.id, account.clone()).await {
                Ok(()) => number.activity.learn_account(account),
                Err(error) => tracing::warn!(%error, "a number's account could not be stored"),
            }
        }
    }
}

/// Stores a webhook, and starts the turns that were claimed with it.
async fn take(desk: Arc<Desk>, mut webhook: Webhook, answers: Answers) -> Result<()> {
    let (store, wake) = (&desk.store, &desk.notifier);
    let count = webhook.items.len();
    let messages = |item: &&Item| matches!(item.event, Event::Message(_));
    let places = wake.reserve_turn_slots(webhook.items.iter().filter(messages).count());
    webhook.turns = places.offer();
    let number_of = |external: &str| answers.get(external).cloned();
    let span = spans::inbound();
    let taken = inbound::take_in(store, webhook, desk.intake, number_of);
    let taken = span.around(taken).await;
    span.ended(if taken.is_ok() { "stored" } else { "failed" });
    let taken = taken?;
    crate::failpoint!("webhook.stored");
    for event in &taken.events {
        if taken.claimed.iter().any(|(claim, _)| claim.id == event.conversation.as_str()) {
            wake.changed(&event.conversation);
        } else {
            wake.conversation_event(&event.conversation, event.message.as_deref());
        }
    }
    for claim in wake.start_turns(places, taken.claimed) {
        // If the release fails, the lease expires and polling finds the conversation.
        if let Err(error) = store.release_turn(&claim, None, true).await {
            tracing::warn!(%error, conversation = claim.id, "a turn that could not begin was not let go");
        }
    }
    for conversation in &taken.changed {
        wake.changed(conversation);
    }
    if taken.queued > 0 {
        wake.wake_outbox();
    }
    if taken.lost_notices > 0 {
        NOTICES_LOST.add(taken.lost_notices as u64);
        desk.announce(What::Escalations).await;
    }
    MESSAGES_IN.add(taken.fresh as u64);
    tracing::debug!(count, fresh = taken.fresh, repeated = taken.repeated, "a webhook was stored");
    Ok(())
}

/// Logs and counts what a signed webhook brings for numbers that are not connected here. It is
/// stored, and nobody answers it.
fn log_unknown_numbers(provider: ProviderKind, ours: &[Arc<Number>], items: &[Item]) {
    let mut unknown = BTreeMap::<&str, (u64, u64)>::new();
    for item in items {
        let Some(number) = item.number.as_deref() else { continue };
        if ours.iter().any(|known| known.client.external_id() == number) {
            continue;
        }
        let (messages, others) = unknown.entry(number).or_default();
        let count = if matches!(item.event, Event::Message(_)) { messages } else { others };
        *count += 1;
    }
    for (number, (messages, others)) in unknown {
        MESSAGES_UNKNOWN_NUMBER.add(messages);
        if messages > 0 {
            tracing::warn!(
                %provider,
                unknown = number,
                messages,
                "messages for the number {number} are not answered: it is not connected here. Add it in the console, or under [numbers]"
            );
        } else {
            tracing::debug!(%provider, unknown = number, others, "events of a number that is not connected here");
        }
    }
}

/// Marks the echoes of test messages: they say nothing about who has a conversation.
fn mark_tests(numbers: &[Arc<Number>], items: &mut [Item]) {
    for item in items {
        if let Event::Echo(echo) = &mut item.event {
            echo.imported |= numbers.iter().any(|number| number.activity.is_test(echo));
        }
    }
}

/// Whether the items include a customer's message to the number.
fn wrote(number: &Number, items: &[Item]) -> bool {
    let ours = |item: &&Item| item.number.as_deref() == Some(number.client.external_id());
    items.iter().filter(ours).any(|item| matches!(item.event, Event::Message(_)))
}

/// Whether an event is of interest for the numbers of its account: an operator should see it, or it
/// changes a warning, a template, a number's link or its health.
pub fn is_of_account(event: &Event) -> bool {
    matches!(event, Event::Other(other)
        if other.alert.is_some() || other.warning.is_some() || other.template.is_some() || other.connection.is_some()
            || !other.health.is_empty())
}

/// The account that a webhook names for a number, if this process does not know it yet.
fn new_account(number: &Arc<Number>, items: &[Item]) -> Option<(Arc<Number>, Account)> {
    let ours =
        items.iter().find(|item| item.number.as_deref() == Some(number.client.external_id()))?;
    let account = ours.account.clone();
    let known = account == Account::default() || number.activity.knows_account(&account);
    (!known).then(|| (number.clone(), account))
}
