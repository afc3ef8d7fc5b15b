//! Stage 1: drop redeliveries, find the conversation, merge a burst into one turn.
//!
//! Dropping and finding happen in the one transaction that stores a webhook ([`Store::take_in`]); here a webhook's
//! items are given to the numbers they are about, and what waits in a conversation becomes a [`Turn`].

use std::sync::Arc;

use crate::domain::time::now_ms;
use crate::domain::{Agent, Content, Item, Line, MessageId, NumberId, Said, Speaker, Turn};
use crate::store::inbox::{Burst, TakeIn, TakenIn};
use crate::store::turns::{Claim, SpokenRow};
use crate::store::{Result, Store};

/// The most messages that one turn answers.
const MOST_MESSAGES: i64 = 50;

/// A verified and decoded webhook.
pub struct Webhook {
    /// The provider's name.
    pub provider: &'static str,
    /// The body as it came.
    pub body: Vec<u8>,
    /// Its items.
    pub items: Vec<Item>,
}

/// Stores a webhook. When this returns, all of it is on the disk and may be acknowledged.
pub async fn take_in(
    store: &Store,
    webhook: Webhook,
    burst: Burst,
    number_of: impl Fn(&str) -> Option<NumberId>,
) -> Result<TakenIn> {
    let give = |item: Item| (item.number.as_deref().and_then(&number_of), item);
    let items = webhook.items.into_iter().map(give).collect();
    store.take_in(TakeIn { provider: webhook.provider, body: webhook.body, items, burst }).await
}

/// A turn with the messages that it answers.
pub struct Gathered {
    /// The turn.
    pub turn: Turn,
    /// The provider's id of the last message that waits.
    pub last_provider_id: Option<String>,
    /// The ids of the messages that wait.
    pub messages: Vec<MessageId>,
}

/// Merges what waits in a conversation into one turn; `None` if nothing does.
pub async fn gather(store: &Store, claim: &Claim, agent: &Arc<Agent>) -> Result<Option<Gathered>> {
    let history = i64::try_from(agent.history).unwrap_or(i64::MAX);
    let said = store.said(claim, MOST_MESSAGES, history).await?;
    if said.waiting.is_empty() {
        return Ok(None);
    }
    let messages: Vec<_> =
        said.waiting.iter().map(|row| MessageId::stored(row.id.clone())).collect();
    let last_provider_id = said.waiting.last().and_then(|row| row.provider_id.clone());
    let turn = Turn {
        conversation: Some(claim.conversation()),
        agent: agent.clone(),
        contact: said.contact,
        said: said.waiting.into_iter().map(waiting).collect(),
        history: said.before.into_iter().filter_map(line).collect(),
        now: now_ms(),
    };
    Ok(Some(Gathered { turn, last_provider_id, messages }))
}

/// A message as the pipeline reads it. Content that cannot be read back is passed on as unknown, never dropped.
fn waiting(row: SpokenRow) -> Said {
    let content = serde_json::from_str(&row.content).unwrap_or_else(|error| {
        tracing::error!(%error, message = row.id, "a stored message cannot be read");
        Content::Unknown { kind: "unreadable".into(), raw: serde_json::Value::Null }
    });
    Said { message: Some(MessageId::stored(row.id)), content }
}

fn line(row: SpokenRow) -> Option<Line> {
    let speaker = match row.author.as_str() {
        "customer" => Speaker::Customer,
        "bot" => Speaker::Bot,
        _ => Speaker::Person,
    };
    row.transcript.or(row.body).map(|text| Line { speaker, text })
}
