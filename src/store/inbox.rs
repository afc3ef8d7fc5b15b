//! Taking in webhooks: the body as it came, its messages once each, its statuses in rising order, its echoes, and
//! everything else. All of one webhook commits together; what many webhooks bring at once becomes a few statements.
//! Who answers a message is decided in `domain::thread`.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use sqlx::FromRow;

use super::batcher::BatchWrite;
use super::columns::LenientWord;
use super::turns::{Claim, ConversationSnapshot, Release};
use super::{Conn, Result, Rows, Store, messages, now, storable};
use crate::domain::thread::IntakePolicy;
use crate::domain::{
    Content, ConversationId, Event, Item, MessageKind, MessageState, NumberId, Party, ProviderKind,
    WebhookId, WorkspaceId,
};
use batch::Batch;
use conversations::{Conversations, Place};

mod batch;
mod conversations;
mod contacts;

/// A webhook to take in.
#[derive(Debug, Clone)]
pub struct TakeIn {
    /// The provider that sent it.
    pub provider: ProviderKind,
    /// The body as it came.
    pub body: Vec<u8>,
    /// Its items.
    pub items: Vec<Arrival>,
    /// Set when a stored webhook is taken in again: its id. Then what could not be read the first time is mended.
    pub again: Option<WebhookId>,
    /// How many of the conversations in which a message waits then the caller runs a turn of at once.
    pub turns: Offer,
}

/// Turns that the caller can run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offer {
    /// How many.
    pub most: usize,
    /// For how long each is claimed, in milliseconds.
    pub lease_ms: i64,
    /// How many waiting messages each may answer, and how many before them it looks at.
    pub reads: (i64, i64),
}

/// An item of a webhook.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The number that it is about; `None` for the account, or a number that is not ours.
    pub number: Option<NumberId>,
    /// What happened.
    pub item: Item,
    /// How a message is taken in.
    pub policy: IntakePolicy,
}

/// What a webhook brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Messages not seen before.
    pub fresh: usize,
    /// Messages that had been taken in already.
    pub repeated: usize,
    /// Messages of these that can be read now and could not before.
    pub mended: usize,
    /// Messages of ours that it put into the outbox.
    pub queued: usize,
    /// The conversations that were claimed for the turns that the caller offered to run, and what was said there.
    pub claimed: Vec<(Claim, ConversationSnapshot)>,
    /// What a running turn should know of.
    pub events: BTreeSet<ConversationEvent>,
    /// Conversations in which something happened that no turn has to know of: a message of ours was settled, or one came that the
    /// bot does not answer; by this webhook or one that was taken in with it.
    pub changed: BTreeSet<ConversationId>,
}

/// An event in a conversation that a running turn there has to hear of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConversationEvent {
    /// The conversation.
    pub conversation: ConversationId,
    /// The provider's id of the message that waits there now, if that is all.
    pub message: Option<String>,
}

impl Store {
    /// Takes in a webhook. When this returns, all of it is stored. Refuses at once when too many wait already.
    pub async fn take_in(&self, webhook: TakeIn) -> Result<TakenIn> {
        self.lines.webhooks.offer(webhook).await
    }
}

/// A person takes a conversation from the console, and writes in the same transaction if he `writes`: the bot's lease ends, and its
/// queue is emptied, as when he writes from the phone. False if there is no such conversation.
pub(super) async fn take_over(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (id, writes): (&ConversationId, bool),
) -> Result<bool> {
    let Some(mut conversations) = Conversations::of_one(conn, workspace, id).await? else {
        return Ok(false);
    };
    if let Some(kept) = conversations.only() {
        kept.take_over(if writes {
            conversations::PersonAction::Answered
        } else {
            conversations::PersonAction::Looked
        });
    }
    messages::void(conn, id, batch::TAKEN).await?;
    conversations.close(conn).await?;
    Ok(true)
}

#[async_trait]
impl BatchWrite for TakeIn {
    type Out = TakenIn;

    async fn run_all(
        all: &[Self],
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<TakenIn>> {
        let ids = keep_bodies(all, workspace, conn).await?;
        let (places, also) = places(all);
        let conversations = Conversations::open(conn, workspace, (&places, &also)).await?;
        let seen = seen(all, conn).await?;
        let mut batch = Batch::new(workspace, conversations, seen, all.len());
        for (webhook, arrival) in in_order(all) {
            batch.take(conn, (webhook, &ids[webhook], &all[webhook]), arrival).await?;
        }
        batch.store(conn, all.iter().map(|one| one.turns)).await
    }

    /// Turns that were claimed for a caller who is gone are for whoever looks for them.
    fn unheard(taken: TakenIn) -> Vec<Release> {
        let release = |(claim, _)| Release { claim, due: None, forget: true };
        taken.claimed.into_iter().map(release).collect()
    }
}

/// Items by customer, those of one customer in the order in which they came: two webhooks that bring the same ones wait
/// for each other, and never each for the other.
fn in_order(all: &[TakeIn]) -> Vec<(usize, &Arrival)> {
    let each = all.iter().enumerate();
    let mut items: Vec<_> =
        each.flat_map(|(n, one)| one.items.iter().map(move |i| (n, i))).collect();
    items.sort_by_key(|(_, arrival)| about(&arrival.item.event));
    items
}

/// What an event is about: the customer, or a message of ours.
fn about(event: &Event) -> &str {
    match event {
        Event::Status(status) => &status.provider_id,
        other => party(other).and_then(|p| p.wa_id.as_deref().or(p.bsuid.as_deref())).unwrap_or(""),
    }
}

fn party(event: &Event) -> Option<&Party> {
    match event {
        Event::Message(message) => Some(&message.from),
        Event::Echo(echo) => Some(&echo.to),
        _ => None,
    }
}

/// The conversations that webhooks are about, and ids that customers may get.
fn places(all: &[TakeIn]) -> (Vec<Place<'_>>, Vec<Party>) {
    let mut also = Vec::new();
    let mut places = Vec::new();
    for (_, arrival) in in_order(all) {
        if let (Some(number), Some(party)) = (&arrival.number, party(&arrival.item.event)) {
            places.push((number, party));
        }
        if let Event::Message(message) = &arrival.item.event
            && let Content::System { new_wa_id: wa_id, new_bsuid: bsuid, .. } = &message.content
        {
            let (wa_id, bsuid) = (wa_id.clone(), bsuid.clone());
            also.push(Party { wa_id, bsuid, ..Party::default() });
        }
    }
    (places, also)
}

async fn keep_bodies(
    all: &[TakeIn],
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
) -> Result<Vec<WebhookId>> {
    let (mut rows, mut ids) = (Rows::default(), Vec::with_capacity(all.len()));
    for one in all {
        if let Some(id) = &one.again {
            ids.push(id.clone());
            continue;
        }
        let id = WebhookId::generate();
        rows.push([
            id.as_str().into(),
            workspace.as_str().into(),
            one.provider.into(),
            one.body.clone().into(),
            now().into(),
        ]);
        ids.push(id);
    }
    let into = "insert into webhooks (id, workspace_id, provider, body, created_at)";
    conn.many(into, &rows, "").await?;
    Ok(ids)
}

/// A message that is stored already.
#[derive(FromRow)]
struct StoredMessage {
    number_id: String,
    provider_id: String,
    id: String,
    #[sqlx(try_from = "LenientWord<MessageState>")]
    state: Option<MessageState>,
    #[sqlx(try_from = "LenientWord<MessageKind>")]
    kind: Option<MessageKind>,
}

/// Which of these messages the numbers have seen, by number and provider id.
async fn seen(
    all: &[TakeIn],
    conn: &mut Conn<'_>,
) -> Result<HashMap<(String, String), Option<StoredMessage>>> {
    let mut rows = Rows::default();
    for arrival in all.iter().flat_map(|one| &one.items) {
        let id = match &arrival.item.event {
            Event::Message(message) => &message.provider_id,
            Event::Echo(echo) => &echo.provider_id,
            _ => continue,
        };
        if let Some(number) = &arrival.number {
            rows.push([number.as_str().into(), storable(id).into_owned().into()]);
        }
    }
    let before = "with asked (number_id, provider_id) as (";
    let after = ") select distinct m.number_id, m.provider_id, m.id, m.state, m.kind from asked cross join messages m
                 where m.number_id = asked.number_id and m.provider_id = asked.provider_id";
    let found = conn.many_rows::<StoredMessage>(before, &rows, after).await?;
    Ok(found.into_iter().map(|s| ((s.number_id.clone(), s.provider_id.clone()), Some(s))).collect())
}
