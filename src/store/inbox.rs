//! Takes in webhooks: the raw body, each message once, statuses in ascending rank, echoes, and
//! everything else. One webhook commits atomically; many webhooks at once are combined into a few
//! statements. `domain::thread` decides who answers a message.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use sqlx::FromRow;

use super::batcher::BatchWrite;
use super::columns::LenientWord;
use super::turns::{Claim, ConversationSnapshot, Release};
use super::warnings::Candidate;
use super::writer::Urgency;
use super::{Conn, Result, Rows, Store, messages, now, storable};
use crate::domain::Owner;
use crate::domain::intake::IntakePolicy;
use crate::domain::{
    Content, ConversationId, Event, Item, MessageKind, MessageState, NumberId, Party, ProviderKind,
    WebhookId, WorkspaceId,
};
use batch::Batch;
use conversations::{Conversations, Place};

mod batch;
mod conversations;
pub(super) mod outreach;
mod loaded;
mod contacts;
mod thread_columns;
pub(super) mod merge;

/// A webhook to take in.
#[derive(Debug, Clone)]
pub struct TakeIn {
    /// The provider that sent it.
    pub provider: ProviderKind,
    /// The body as it is stored.
    pub body: Vec<u8>,
    /// Its parsed items.
    pub items: Vec<Arrival>,
    /// The numbers that its events without a number may be about.
    pub candidates: Vec<Candidate>,
    /// The id of a stored webhook that is taken in again, to repair messages that could not be read
    /// the first time; `None` for a new one.
    pub again: Option<WebhookId>,
    /// How many turns the caller can run at once for the conversations that are due afterwards.
    pub turns: Offer,
}

/// Capacity of the caller to run turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offer {
    /// Maximum number of turns.
    pub most: usize,
    /// Lease of each turn, in milliseconds.
    pub lease_ms: i64,
    /// Maximum waiting messages that a turn answers, and earlier messages that it reads.
    pub reads: (i64, i64),
}

/// One item of a webhook.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The number concerned; `None` for the account, or for a number that is not connected.
    pub number: Option<NumberId>,
    /// The event.
    pub item: Item,
    /// The policy for a message.
    pub policy: IntakePolicy,
    /// Whether the number's secret signed it. Only then two contacts become one because of it.
    pub authenticated: bool,
}

/// The result of taking in a webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Messages not seen before.
    pub fresh: usize,
    /// Messages that were stored before.
    pub repeated: usize,
    /// Messages of `repeated` that are readable now and were not before.
    pub mended: usize,
    /// Messages added to the outbox.
    pub queued: usize,
    /// Conversations claimed for the caller's turns, with their messages.
    pub claimed: Vec<(Claim, ConversationSnapshot)>,
    /// Events that a running turn must react to.
    pub events: BTreeSet<ConversationEvent>,
    /// Conversations that changed without an event for a running turn: an outgoing message got its
    /// final status, or a message came that the bot does not answer. Covers all webhooks of the
    /// batch.
    pub changed: BTreeSet<ConversationId>,
    /// Notices to support contacts that failed. Covers all webhooks of the batch.
    pub lost_notices: usize,
}

/// An event that a running turn of the conversation must react to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConversationEvent {
    /// The conversation.
    pub conversation: ConversationId,
    /// The provider's id of a message that now waits there; `None` for any other event.
    pub message: Option<String>,
}

impl Store {
    /// Takes in a webhook. All of it is durable when this returns. Fails at once if the queue is
    /// full.
    pub async fn take_in(&self, webhook: TakeIn) -> Result<TakenIn> {
        self.lines.webhooks.offer(webhook).await
    }
}

/// A person takes a conversation over in the console; `writes` says that they send a message in the
/// same transaction. As with a message from the phone, this ends the bot's lease and empties its
/// queue. False if the conversation does not exist.
pub(super) async fn take_over(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (id, writes): (&ConversationId, bool),
) -> Result<Option<Owner>> {
    let Some(mut conversations) = Conversations::of_one(conn, workspace, id).await? else {
        return Ok(None);
    };
    let mut before = None;
    if let Some(kept) = conversations.only() {
        before = Some(kept.thread.owner);
        kept.take_over(if writes {
            loaded::PersonAction::Answered
        } else {
            loaded::PersonAction::Looked
        });
    }
    messages::void(conn, id, batch::TAKEN).await?;
    conversations.write_back(conn).await?;
    Ok(before)
}

#[async_trait]
impl BatchWrite for TakeIn {
    type Out = TakenIn;

    /// After the turns: a message that came during one may then be claimed for the next.
    const RANK: u8 = 2;

    async fn run_all(
        all: &[Self],
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<TakenIn>> {
        let ids = keep_bodies(all, workspace, conn).await?;
        let targets = target_conversations(all);
        let conversations = Conversations::open(conn, workspace, &targets).await?;
        let known = find_stored(all, conn).await?;
        let mut batch = Batch::new(workspace, conversations, known, all.len());
        for (webhook, arrival) in in_order(all) {
            batch.take(conn, (webhook, &ids[webhook], &all[webhook]), arrival).await?;
        }
        batch.store(conn, all.iter().map(|one| one.turns)).await
    }

    /// A provider does not mind if a status is acknowledged some milliseconds later.
    fn urgency(&self) -> Urgency {
        let is_status = |arrival: &Arrival| matches!(arrival.item.event, Event::Status(_));
        if self.items.iter().all(is_status) { Urgency::Soon } else { Urgency::Now }
    }

    /// Releases turns that were claimed for a caller who is gone, so that another worker takes
    /// them.
    fn undelivered_claims(taken: TakenIn) -> Vec<Release> {
        let release = |(claim, _)| Release { claim, due: None, forget: true };
        taken.claimed.into_iter().map(release).collect()
    }
}

/// Items sorted by customer, in order of arrival within each. The fixed order keeps two batches
/// with the same customers from a deadlock.
fn in_order(all: &[TakeIn]) -> Vec<(usize, &Arrival)> {
    let each = all.iter().enumerate();
    let mut items: Vec<_> =
        each.flat_map(|(n, one)| one.items.iter().map(move |i| (n, i))).collect();
    items.sort_by_key(|(_, arrival)| about(&arrival.item.event));
    items
}

/// The sort key: the customer's id, or the provider's id of an outgoing message.
fn about(event: &Event) -> &str {
    match event {
        Event::Status(status) => &status.provider_id,
        other => party(other).and_then(|party| party.ids().next()).map_or("", |(_, id)| id),
    }
}

fn party(event: &Event) -> Option<&Party> {
    match event {
        Event::Message(message) => Some(&message.from),
        Event::Echo(echo) => Some(&echo.to),
        _ => None,
    }
}

/// What the webhooks concern.
struct Targets<'a> {
    /// The conversations.
    places: Vec<Place<'a>>,
    /// Customers whose ids are known to be theirs.
    authenticated: Vec<&'a Party>,
    /// Ids that customers may change to.
    also: Vec<Party>,
    /// Who owns conversations that do not exist yet.
    new_owner: Owner,
}

impl Targets<'_> {
    fn new(new_owner: Owner) -> Self {
        Self { places: Vec::new(), authenticated: Vec::new(), also: Vec::new(), new_owner }
    }
}

fn target_conversations(all: &[TakeIn]) -> Targets<'_> {
    let mut targets = Targets::new(Owner::INITIAL);
    for (_, arrival) in in_order(all) {
        if let (Some(number), Some(party)) = (&arrival.number, party(&arrival.item.event)) {
            targets.places.push((number, party));
            targets.authenticated.extend(arrival.authenticated.then_some(party));
        }
        if let Event::Message(message) = &arrival.item.event
            && let Content::System { new_wa_id: wa_id, new_bsuid: bsuid, .. } = &message.content
        {
            let (wa_id, bsuid) = (wa_id.clone(), bsuid.clone());
            targets.also.push(Party { wa_id, bsuid, ..Party::default() });
        }
    }
    targets
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

#[derive(FromRow)]
struct StoredMessage {
    number_id: String,
    provider_id: String,
    id: String,
    #[sqlx(try_from = "LenientWord<MessageState>")]
    state: Option<MessageState>,
    #[sqlx(try_from = "LenientWord<MessageKind>")]
    kind: Option<MessageKind>,
    /// 1 if this is not the message, but a change of it that is not applied.
    awaits: i64,
}

/// A number and a provider's id of a message there.
type MessageKey = (String, String);

/// The messages that are already stored, and those of which changes are stored that are not applied.
async fn find_stored(
    all: &[TakeIn],
    conn: &mut Conn<'_>,
) -> Result<(HashMap<MessageKey, Option<StoredMessage>>, HashSet<MessageKey>)> {
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
    let after = ") select distinct m.number_id, m.provider_id, m.id, m.state, m.kind, cast(0 as bigint) as awaits
                     from asked cross join messages m
                     where m.number_id = asked.number_id and m.provider_id = asked.provider_id
                 union all select m.number_id, m.changes, m.id, m.state, m.kind, cast(1 as bigint)
                     from asked cross join messages m
                     where m.number_id = asked.number_id and m.changes = asked.provider_id and m.changed_id is null";
    let found = conn.many_rows::<StoredMessage>(before, &rows, after).await?;
    let place = |row: &StoredMessage| (row.number_id.clone(), row.provider_id.clone());
    let (awaits, stored): (Vec<_>, Vec<_>) = found.into_iter().partition(|row| row.awaits == 1);
    let stored = stored.into_iter().map(|row| (place(&row), Some(row))).collect();
    Ok((stored, awaits.iter().map(place).collect()))
}
