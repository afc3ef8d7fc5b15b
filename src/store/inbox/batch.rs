//! Applies the items of a batch of webhooks in memory, then writes all of it with a few statements.

use std::collections::{HashMap, HashSet};

use super::conversations::Conversations;
use super::{Arrival, ConversationEvent, MessageKey, Offer, StoredMessage, TakeIn, TakenIn};
use crate::domain::intake::IntakePolicy;
use crate::domain::loop_guard;
use crate::domain::thread::{Disposition, InboundEvent};
use crate::domain::{
    Author, Content, ConversationId, Event, Inbound, MediaKind, MessageId, MessageKind,
    MessageState, NoteCode, NumberId, Status, WebhookId, WorkspaceId,
};
use crate::store::files::{self, FileContent, NewContent, NewFile};
use crate::store::signal::{self, Signal};
use crate::store::{Conn, Result, Rows, events, messages, now, outbox, storable, turns};

mod change;
mod echo;
mod effects;

/// The note on messages that are voided because the customer opted out.
pub(super) const OPTED_OUT: &str = NoteCode::OptedOut.text();
/// The note on the bot's queued messages that are voided when a person writes.
pub(super) const TAKEN: &str = NoteCode::PersonTookOver.text();
const MACHINE: &str = NoteCode::Machine.text();
/// How long the file of a message is left to the turn that hears it, in milliseconds, so that it is
/// not fetched twice.
const TURN_FETCHES_MS: i64 = 30_000;

/// Webhooks that are taken in together.
pub(super) struct Batch<'a> {
    workspace: &'a WorkspaceId,
    conversations: Conversations,
    seen: HashMap<MessageKey, Option<StoredMessage>>,
    /// Messages, by number and provider id, of which changes are stored that are not applied.
    awaited: HashSet<MessageKey>,
    fresh: Rows,
    consent_replies: Rows,
    files: Vec<NewFile>,
    statuses: Vec<(&'a NumberId, &'a Status)>,
    /// Conversations with new messages that the bot does not answer.
    unanswered: Vec<ConversationId>,
    taken: Vec<TakenIn>,
}

impl<'a> Batch<'a> {
    /// An empty batch for `count` webhooks.
    pub(super) fn new(
        workspace: &'a WorkspaceId,
        conversations: Conversations,
        (seen, awaited): (HashMap<MessageKey, Option<StoredMessage>>, HashSet<MessageKey>),
        count: usize,
    ) -> Self {
        let taken = vec![TakenIn::default(); count];
        let (fresh, consent_replies) = (Rows::default(), Rows::default());
        let (files, statuses, unanswered) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            workspace,
            conversations,
            seen,
            awaited,
            fresh,
            consent_replies,
            files,
            statuses,
            unanswered,
            taken,
        }
    }

    pub(super) async fn take(
        &mut self,
        conn: &mut Conn<'_>,
        (place, webhook, taken_in): (usize, &WebhookId, &TakeIn),
        arrival: &'a Arrival,
    ) -> Result<()> {
        let again = taken_in.again.is_some();
        match (&arrival.number, &arrival.item.event) {
            (Some(number), Event::Message(message)) => {
                let scope = Scope { place, number, policy: &arrival.policy, again };
                self.hear(conn, &scope, message).await
            }
            (Some(number), Event::Echo(echo)) => self.echo(conn, (place, number), echo).await,
            (Some(number), Event::Status(status)) => {
                self.statuses.push((number, status));
                Ok(())
            }
            // Was stored when the webhook came the first time.
            _ if again => Ok(()),
            (number, event) => {
                let (workspace, number) = (self.workspace, number.as_ref());
                let candidates = &taken_in.candidates;
                let at = events::Origin { workspace, webhook, number, candidates };
                events::keep(conn, &at, &arrival.item, event).await
            }
        }
    }

    async fn hear(&mut self, conn: &mut Conn<'_>, at: &Scope<'_>, message: &Inbound) -> Result<()> {
        if let Some(original) = message.content.changes() {
            return self.change(conn, at, (message, original)).await;
        }
        self.message(conn, at, message).await?;
        self.settle_awaited(conn, at, message).await
    }

    async fn message(
        &mut self,
        conn: &mut Conn<'_>,
        at: &Scope<'_>,
        message: &Inbound,
    ) -> Result<()> {
        if let Content::System { new_wa_id: phone, new_bsuid: bsuid, .. } = &message.content {
            let contacts = &mut self.conversations.contacts;
            contacts.rename(&message.from, phone.as_deref(), bsuid.as_deref());
        }
        let known = key(at.number, &message.provider_id);
        let mend = match self.seen.get(&known) {
            None => None,
            Some(Some(seen)) if at.again && seen.mends(&message.content) => Some(seen.id.clone()),
            Some(_) => {
                self.taken[at.place].repeated += 1;
                return Ok(());
            }
        };
        let event = inbound_event(at, message);
        let (kept, disposition) = self.conversations.hear((at.number, &message.from), &event)?;
        kept.closed |= disposition == Disposition::Waits { returned: true };
        kept.webhook_index = at.place;
        // A repaired message was counted when it came.
        kept.count_messages(i64::from(mend.is_none() && !message.imported));
        kept.heard |= mend.is_none() && opens_window(message);
        let conversation = kept.id.clone();
        if matches!(disposition, Disposition::OptedOut | Disposition::Machine(_)) {
            kept.void = true;
            let why = if disposition == Disposition::OptedOut { OPTED_OUT } else { MACHINE };
            self.void(conn, &conversation, why).await?;
        }
        let sent_at = event.sent_at;
        let quotes = self.quotes(conn, &conversation, message).await?;
        let disposition = &disposition;
        let state = Arriving { conversation: &conversation, disposition, sent_at, quotes };
        self.apply_effects(conn, at, message, &state).await?;
        let taken = &mut self.taken[at.place];
        if matches!(disposition, Disposition::Stored(_) | Disposition::Stale | Disposition::Paused)
        {
            self.unanswered.push(conversation.clone());
        } else {
            let waits = matches!(disposition, Disposition::Waits { .. }).then(|| known.1.clone());
            let conversation = conversation.clone();
            taken.events.insert(ConversationEvent { conversation, message: waits });
        }
        if let Some(id) = mend {
            taken.mended += 1;
            taken.repeated += 1;
            self.attach(MessageId::stored(id.clone()), at, (message, disposition));
            return messages::replace_content(conn, &id, &row(at, message, &state)).await;
        }
        taken.fresh += 1;
        self.seen.insert(known, None);
        let id = MessageId::generate();
        self.fresh.push(row(at, message, &state).values(&id, self.workspace)?);
        self.attach(id, at, (message, disposition));
        Ok(())
    }

    /// Collects the file of a message: its bytes, or that it is to be fetched.
    fn attach(
        &mut self,
        message: MessageId,
        at: &Scope<'_>,
        (inbound, disposition): (&Inbound, &Disposition),
    ) {
        if let Some(content) = file(inbound, disposition) {
            self.files.push(NewFile { message, number: at.number.clone(), content });
        }
    }

    /// Voids a conversation's waiting and queued messages, those of the batch included; later ones
    /// of the batch wait again.
    async fn void(
        &mut self,
        conn: &mut Conn<'_>,
        conversation: &ConversationId,
        why: &str,
    ) -> Result<()> {
        messages::insert_arrived(conn, &std::mem::take(&mut self.fresh)).await?;
        messages::void(conn, conversation, why).await
    }

    /// Writes the batch. Returns each webhook's result, with the turns claimed for it.
    pub(super) async fn store(
        mut self,
        conn: &mut Conn<'_>,
        offers: impl Iterator<Item = Offer>,
    ) -> Result<Vec<TakenIn>> {
        messages::insert_arrived(conn, &self.fresh).await?;
        files::insert(conn, self.workspace, std::mem::take(&mut self.files)).await?;
        let offers: Vec<Offer> = offers.collect();
        let most = |one: fn(&Offer) -> i64| offers.iter().map(one).max().unwrap_or_default();
        let reads = (most(|offer| offer.reads.0), most(|offer| offer.reads.1));
        let (places, claims): (Vec<_>, Vec<_>) =
            self.conversations.claim(offers, now()).into_iter().unzip();
        self.conversations.write_back(conn).await?;
        let said = turns::read_snapshots(conn, &claims, reads).await?;
        for ((place, claim), said) in places.into_iter().zip(claims).zip(said) {
            self.taken[place].claimed.push((claim, said));
        }
        outbox::insert(conn, &self.consent_replies).await?;
        let messages::StatusEffects { mut changed, lost_notices } =
            messages::apply_statuses(conn, self.workspace, &self.statuses).await?;
        changed.extend(self.unanswered);
        // A turn that runs in one of these conversations has to look again.
        let merged = self.conversations.contacts.merged().iter().cloned();
        let merged = merged.map(|conversation| ConversationEvent { conversation, message: None });
        if let Some(first) = self.taken.first_mut() {
            first.events.extend(merged);
        }
        let events = self.taken.iter().flat_map(|taken| taken.events.iter());
        let claimed: HashSet<&str> = self
            .taken
            .iter()
            .flat_map(|taken| &taken.claimed)
            .map(|(claim, _)| claim.id.as_str())
            .collect();
        let signals = events.map(|ConversationEvent { conversation, message }| {
            let ours = claimed.contains(conversation.as_str());
            // Another process may run a turn that has just lost its lease.
            let signal = if ours && message.is_some() { Signal::Changed } else { Signal::Event };
            signal(conversation.clone())
        });
        let signals = signals.chain(changed.iter().cloned().map(Signal::Changed));
        signal::notify_replicas(conn, self.workspace, signals).await?;
        if let Some(first) = self.taken.first_mut() {
            (first.changed, first.lost_notices) = (changed, lost_notices);
        }
        Ok(self.taken)
    }
}

/// The context of an incoming message.
struct Scope<'a> {
    place: usize,
    number: &'a NumberId,
    policy: &'a IntakePolicy,
    again: bool,
}

/// The decision on an incoming message.
struct Arriving<'a> {
    conversation: &'a ConversationId,
    disposition: &'a Disposition,
    sent_at: i64,
    /// The provider's id of the quoted message.
    quotes: Option<String>,
}

impl StoredMessage {
    /// Whether a message that could not be read, and was not answered, is now readable.
    fn mends(&self, content: &Content) -> bool {
        // A deleted one is no riddle.
        self.state == Some(MessageState::Stored)
            && self.kind != Some(MessageKind::Revoked)
            && self.kind != Some(content.kind())
            && content.wants_answer()
    }
}

fn key(number: &NumberId, provider_id: &str) -> MessageKey {
    (number.to_string(), storable(provider_id).into_owned())
}

/// The input of the decision on a message.
fn inbound_event<'s>(at: &Scope<'s>, message: &Inbound) -> InboundEvent<'s> {
    let moment = now();
    let sent_at = believed(message.sent_at, moment);
    InboundEvent {
        hash: loop_guard::typed_hash(&message.content),
        sent_at,
        now: moment,
        no_answer_reason: unanswerable(message),
        stale: moment - sent_at > at.policy.stale_ms,
        policy: at.policy,
    }
}

fn row<'m>(
    at: &'m Scope<'_>,
    message: &'m Inbound,
    state: &'m Arriving<'_>,
) -> messages::NewMessage<'m> {
    let note = match state.disposition {
        Disposition::Waits { .. } => None,
        Disposition::Stored(note) => *note,
        Disposition::Stale => Some(NoteCode::Stale.text()),
        Disposition::Paused => Some(NoteCode::BotPaused.text()),
        Disposition::OptedOut => Some(OPTED_OUT),
        Disposition::OptedIn => Some(NoteCode::OptedIn.text()),
        Disposition::Machine(_) => Some(MACHINE),
    };
    messages::NewMessage {
        conversation: state.conversation,
        number: at.number,
        author: Author::Customer,
        provider_id: &message.provider_id,
        content: &message.content,
        reply_to: state.quotes.as_deref(),
        referral: message.referral.as_ref(),
        state: if matches!(state.disposition, Disposition::Waits { .. }) {
            MessageState::Waiting
        } else {
            MessageState::Stored
        },
        note,
        faults: &message.faults,
        sent_at: state.sent_at,
    }
}

/// What is known of the file of a message; `None` if it has none, or none that is worth fetching:
/// files of imported messages mostly do not exist any more, and stickers say nothing.
fn file(message: &Inbound, disposition: &Disposition) -> Option<NewContent> {
    let Content::Media(media) = &message.content else { return None };
    if let Some(bytes) = media.bytes.clone() {
        let declared = media.mime_type.as_deref().unwrap_or_default();
        return Some(NewContent::Brought(FileContent::of(declared, &bytes)));
    }
    let somewhere = media.id.is_some() || media.url.is_some();
    if !somewhere || message.imported || media.kind == MediaKind::Sticker {
        return None;
    }
    let turn = matches!(disposition, Disposition::Waits { .. }) && media.kind.has_sound();
    Some(NewContent::Due(now() + if turn { TURN_FETCHES_MS } else { 0 }))
}

/// Whether it is a message of the customer's own to the number.
fn opens_window(message: &Inbound) -> bool {
    let written = !matches!(message.content, Content::System { .. });
    written && !message.imported && message.group.is_none()
}

/// Why a message is stored but never answered; `None` if it may be answered.
fn unanswerable(message: &Inbound) -> Option<&'static str> {
    if message.imported {
        Some(NoteCode::Imported.text())
    } else if message.group.is_some() {
        Some(NoteCode::Group.text())
    } else if !message.content.wants_answer() {
        Some(NoteCode::Nothing.text())
    } else {
        None
    }
}

/// When a message was written: the provider's time if it gives one, but not in the future.
fn believed(sent_at: i64, moment: i64) -> i64 {
    if sent_at > 0 { sent_at.min(moment) } else { moment }
}
