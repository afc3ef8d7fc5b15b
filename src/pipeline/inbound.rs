//! Stage 1: drops redeliveries, finds the conversation, merges a burst into one turn.
//!
//! Dropping and finding happen in the one transaction that stores a webhook ([`Store::take_in`]).
//! This file assigns a webhook's items to their numbers and makes a [`Turn`] of a conversation's
//! waiting messages.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use self::consent::Consent;
use super::bot::Bot;
use super::bounds::{cut_quote, truncate_to_limit};
use super::framing::without_sources_line;
use crate::domain::intake::{ConsentRequest, IntakePolicy};
use crate::domain::loop_guard::Limits;
use crate::domain::time::now_ms;
use crate::domain::{
    Agent, Author, Content, Direction, Event, Inbound, Item, Line, MessageId, MessageKind,
    NumberId, Other, ProviderKind, Speaker, Turn, VoiceTranscript, WaitingMessage, WebhookId,
};
use crate::store::inbox::{Arrival, Offer, TakeIn, TakenIn};
use crate::store::outbox;
use crate::store::turns::{self as store, Claim, SpokenRow};
use crate::store::warnings::Candidate;
use crate::store::{Result, Store};

pub(super) mod consent;
pub(super) mod gap;

/// Maximum messages that one turn answers.
const MAX_MESSAGES: i64 = 50;

/// Intake settings for all numbers.
#[derive(Debug, Clone, Copy)]
pub struct Intake {
    /// Quiet gap after a message, in milliseconds; longer after one that looks unfinished.
    pub gap_ms: i64,
    /// Maximum sum of all gaps of a burst, in milliseconds.
    pub most_ms: i64,
    /// Age above which messages are left to a person, in milliseconds.
    pub stale_ms: i64,
    /// Limits above which a sender is taken for a machine.
    pub limits: Limits,
}

/// A verified and decoded webhook.
pub struct Webhook {
    /// The provider that sent it.
    pub provider: ProviderKind,
    /// The body as it is stored: without a key or file that it brought.
    pub body: Vec<u8>,
    /// Its decoded items.
    pub items: Vec<Item>,
    /// The numbers that its events without a number may be about.
    pub candidates: Vec<Candidate>,
    /// Whether its numbers' secrets signed it: not so if a number takes unsigned webhooks.
    pub authenticated: bool,
    /// Id of the stored webhook that is taken in again; `None` for a new one.
    pub again: Option<WebhookId>,
    /// Turns that the caller can run at once.
    pub turns: Offer,
}

/// A number that messages come in on.
#[derive(Clone)]
pub struct InboundNumber {
    /// Its id.
    pub id: NumberId,
    /// The agent that answers on it; `None` if it has no version that can be used.
    pub bot: Option<Arc<Bot>>,
    /// Whether the bot is paused on it.
    pub paused: bool,
}

/// Stores a webhook. On return, it is on disk and may be acknowledged. `number_of` returns the
/// number for the provider's id.
pub async fn take_in(
    store: &Store,
    webhook: Webhook,
    intake: Intake,
    number_of: impl Fn(&str) -> Option<InboundNumber>,
) -> Result<TakenIn> {
    let Webhook { provider, body, items, candidates, authenticated, again, turns } = webhook;
    let mut history = 0;
    let give = |item: Item| {
        let number = item.number.as_deref().and_then(&number_of);
        let bot = number.as_ref().and_then(|number| number.bot.clone());
        history = history.max(bot.as_ref().map_or(0, |bot| bot.agent.history));
        let content = match &item.event {
            Event::Message(message) => Some(message.content.said()),
            _ => None,
        };
        let mut policy = intake_policy(&intake, bot.as_deref(), content);
        if let Some(consent) = &mut policy.consent {
            consent.practice = provider == ProviderKind::Sandbox;
        }
        policy.paused = number.as_ref().is_some_and(|number| number.paused);
        let number = number.map(|number| number.id);
        Arrival { number, item, policy, authenticated }
    };
    let mut items: Vec<_> = items.into_iter().map(give).collect();
    for arrival in &mut items {
        name_author(store, arrival).await?;
    }
    let turns =
        Offer { reads: (MAX_MESSAGES, i64::try_from(history).unwrap_or(i64::MAX)), ..turns };
    store.take_in(TakeIn { provider, body, items, candidates, again, turns }).await
}

/// Names the author of a change that names nobody: the customer who wrote the message it changes. Who
/// changes a message of the business is not known then: it could be the customer, so such a change, and
/// one without its message, is only kept.
async fn name_author(store: &Store, arrival: &mut Arrival) -> Result<()> {
    let Event::Message(change) = &arrival.item.event else { return Ok(()) };
    if change.from.ids().next().is_some() {
        return Ok(());
    }
    let named = match (&arrival.number, change.content.changes()) {
        (Some(number), Some(original)) => store.customer_of(number, original).await?,
        _ => None,
    };
    let kind = change.content.kind().to_string();
    let change = (**change).clone();
    arrival.item.event = match named {
        Some((from, Direction::In)) => Event::Message(Box::new(Inbound { from, ..change })),
        Some((_, Direction::Out)) | None => {
            Event::Other(Box::new(Other { kind, ..Other::default() }))
        }
    };
    Ok(())
}

/// Returns an event's intake policy, from the content of its message and the agent.
pub fn intake_policy(
    intake: &Intake,
    bot: Option<&Bot>,
    content: Option<&Content>,
) -> IntakePolicy {
    IntakePolicy {
        gap_ms: content.map_or(0, |content| gap::gap_ms(content, intake.gap_ms)),
        max_burst_ms: intake.most_ms,
        stale_ms: intake.stale_ms,
        return_ms: bot.map_or(0, |bot| bot.agent.handoff.return_minutes.saturating_mul(60_000)),
        paused: false,
        limits: intake.limits,
        consent: content.zip(bot).and_then(|(content, bot)| consent_request(content, &bot.agent)),
    }
}

/// Returns the opt-out or opt-in request if the message is the word for it.
pub fn consent_request(content: &Content, agent: &Agent) -> Option<ConsentRequest> {
    let (out, reply) = match consent::read(content.words()?, &agent.languages)? {
        Consent::OptOut => (true, agent.opt_out.reply.clone()),
        Consent::OptIn => (false, Some(agent.opt_out.welcome.clone())),
    };
    Some(ConsentRequest { out, reply, practice: false })
}

/// A turn that waits for its answer, with its messages.
pub struct PendingTurn {
    /// The turn.
    pub turn: Turn,
    /// Provider ids of the waiting messages, in order.
    pub provider_ids: Vec<String>,
    /// When the burst is over and the answer may be written, in Unix milliseconds.
    pub quiet_at: Option<i64>,
    /// Ids of the waiting messages.
    pub messages: Vec<MessageId>,
    /// Provider id of the last waiting voice note.
    pub voice: Option<String>,
    /// Whether reading the messages panicked: then the turn holds none of them, and must fail.
    pub unreadable: bool,
    /// When reading the conversation began, in Unix milliseconds. Not the turn's `now`, which is
    /// part of its recording.
    read_at: i64,
}

/// Reads these conversations' waiting messages and the last `history` ones before them, in order.
pub async fn read(
    store: &Store,
    claims: &[Claim],
    history: usize,
) -> Result<Vec<store::ConversationSnapshot>> {
    let history = i64::try_from(history).unwrap_or(i64::MAX);
    store.read_snapshots(claims, MAX_MESSAGES, history).await
}

/// Merges the waiting messages of a conversation into one turn; `None` if there are none.
pub async fn gather(
    store: &Store,
    claim: &Claim,
    agent: &Arc<Agent>,
) -> Result<Option<PendingTurn>> {
    let mut said = read(store, std::slice::from_ref(claim), agent.history).await?;
    Ok(said.pop().and_then(|said| merge(said, claim, agent)))
}

/// Like [`gather`], for a conversation that was [`read`] already; cuts the history for the agent.
/// Catches panics (`unreadable`): a turn that only aborts is run again forever.
pub fn merge(
    mut said: store::ConversationSnapshot,
    claim: &Claim,
    agent: &Arc<Agent>,
) -> Option<PendingTurn> {
    if said.waiting.is_empty() {
        return None;
    }
    said.before.drain(..said.before.len().saturating_sub(agent.history));
    let messages: Vec<_> =
        said.waiting.iter().map(|row| MessageId::stored(row.id.clone())).collect();
    let provider_ids = said.waiting.iter().filter_map(|row| row.provider_id.clone()).collect();
    let (quiet_at, read_at, contact) = (said.quiet_at, said.read_at, said.contact.take());
    let talk = catch_unwind(AssertUnwindSafe(|| Talk::read(said)));
    let unreadable = talk.is_err();
    let Talk { said, history, voice } = talk.unwrap_or_default();
    let turn = Turn {
        conversation: Some(claim.conversation()),
        agent: agent.clone(),
        contact,
        messages: said,
        history,
        now: now_ms(),
    };
    Some(PendingTurn { turn, provider_ids, quiet_at, messages, voice, unreadable, read_at })
}

/// The messages of a conversation as the pipeline reads them.
#[derive(Default)]
struct Talk {
    said: Vec<WaitingMessage>,
    history: Vec<Line>,
    /// Provider id of the last waiting voice note.
    voice: Option<String>,
}

impl Talk {
    fn read(rows: store::ConversationSnapshot) -> Self {
        crate::failpoint!("turn.merged");
        let ids: Vec<_> = rows.waiting.iter().map(|row| row.provider_id.clone()).collect();
        let said: Vec<_> = rows.waiting.into_iter().map(waiting).collect();
        let is_voice = |said: &WaitingMessage| said.content.kind() == MessageKind::Voice;
        let voice = said.iter().zip(ids).rev().find(|(said, _)| is_voice(said));
        let voice = voice.and_then(|(_, id)| id);
        let mut history: Vec<Line> = rows.before.into_iter().filter_map(line).collect();
        // The first part of a split answer has the whole text: without it, each has its own.
        for part in history.iter_mut().take_while(|line| line.cited.as_deref() == Some("")) {
            part.cited = None;
        }
        Self { said, history, voice }
    }
}

impl PendingTurn {
    /// Time since the conversation was read, in milliseconds.
    pub fn age_ms(&self) -> i64 {
        now_ms() - self.read_at
    }

    /// Whether it contains the message with this provider id.
    pub fn contains_message(&self, provider_id: &str) -> bool {
        self.provider_ids.iter().any(|one| one == provider_id)
    }

    /// Whether both have the same messages, and none was edited.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let contents = self.turn.messages.iter().map(|said| &said.content);
        self.messages == other.messages
            && contents.eq(other.turn.messages.iter().map(|said| &said.content))
    }

    /// Reuses the transcripts of an abandoned attempt.
    pub fn restore_transcripts(&mut self, heard: &[(MessageId, VoiceTranscript)]) {
        for said in &mut self.turn.messages {
            let known = heard.iter().find(|(message, _)| said.message.as_ref() == Some(message));
            if let Some((_, spoken)) = known {
                said.transcript.get_or_insert_with(|| spoken.clone());
            }
        }
    }
}

/// Converts a stored message. Content that cannot be parsed becomes unknown, it is never dropped.
fn waiting(row: SpokenRow) -> WaitingMessage {
    let (content, unreadable) = Content::read(&row.content);
    if let Some(error) = unreadable {
        tracing::error!(%error, message = row.id, "a stored message cannot be read");
    }
    let heard = row.heard.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let spoken =
        row.transcript.map(|text| VoiceTranscript { text, heard: heard.unwrap_or_default() });
    let referral = row.referral.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let quoted = row.quoted.map(|text| cut_quote(without_sources_line(&text)));
    let message = Some(MessageId::stored(row.id));
    let quoted_author = row.quoted_author;
    WaitingMessage { message, content, transcript: spoken, quoted, quoted_author, referral }
}

fn line(row: SpokenRow) -> Option<Line> {
    let speaker = match row.author? {
        Author::Customer => Speaker::Customer,
        Author::Bot | Author::FollowUp => Speaker::Bot,
        Author::Person | Author::Campaign => Speaker::Person,
        // Automatic messages are not part of the conversation.
        Author::Notice | Author::Consent => return None,
    };
    let cited = match speaker {
        Speaker::Bot => outbox::cited(&row.content),
        Speaker::Customer | Speaker::Person => None,
    };
    // A place that the bot sent beside its text: the line is that text, with its choices.
    if speaker == Speaker::Bot && row.content.starts_with(r#"{"type":"location""#) {
        return None;
    }
    let choices = choices(&row.content);
    let text = row.transcript.or_else(|| said(&row.content, row.body))?;
    Some(Line { cited, choices, ..Line::new(speaker, truncate_to_limit(&text)) })
}

/// Returns the labels of the choices that a stored message offers.
fn choices(content: &str) -> Vec<String> {
    if !content.starts_with(r#"{"type":"choices""#) {
        return Vec::new();
    }
    let Content::Choices(choices) = Content::stored(content) else { return Vec::new() };
    choices.titles()
}

/// Returns what a stored message says: its words, and the description of what is more than words.
fn said(content: &str, body: Option<String>) -> Option<String> {
    // Nearly all are text: those need not be parsed.
    if content.starts_with(r#"{"type":"text""#) {
        return body;
    }
    let content = Content::stored(content);
    let body = body.filter(|_| !matches!(content, Content::Form { .. }));
    let all: Vec<String> = body.into_iter().chain(content.description()).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AgentId;

    fn row(author: Option<Author>, content: &str) -> SpokenRow {
        SpokenRow {
            id: "msg_1".into(),
            provider_id: None,
            author,
            content: content.into(),
            body: Some("Hello.".into()),
            transcript: None,
            heard: None,
            state: None,
            contact: None,
            quiet_at: None,
            referral: None,
            quoted: None,
            quoted_author: None,
        }
    }

    #[test]
    fn what_was_read_long_ago_is_old_however_late_it_is_merged() {
        let prompt =
            crate::prompts::parse("acme.md", "---\nname: Acme\n---\nHello.\n").expect("good");
        let bot = prompt.bot(AgentId::generate(), None, Vec::new()).expect("ready");
        let claim = Claim {
            id: "conv_1".into(),
            number_id: "num_1".into(),
            contact_id: "contact_1".into(),
            lease_token: 1,
            attempts: 1,
        };
        let read_at = now_ms() - 1000;
        let waiting = vec![row(Some(Author::Customer), "{}")];
        let said = store::ConversationSnapshot {
            read_at,
            waiting,
            ..store::ConversationSnapshot::default()
        };
        let gathered = merge(said, &claim, &bot.agent).expect("something waits");
        assert!(gathered.age_ms() >= 1000, "{}", gathered.age_ms());
        assert!(gathered.turn.now >= read_at + 1000, "the turn itself is of now");
    }

    #[test]
    fn only_what_is_said_to_each_other_is_history() {
        for author in Author::ALL {
            let speaker = match author {
                Author::Customer => Some(Speaker::Customer),
                Author::Bot | Author::FollowUp => Some(Speaker::Bot),
                Author::Person | Author::Campaign => Some(Speaker::Person),
                Author::Notice | Author::Consent => None,
            };
            let line = line(row(Some(*author), "{}"));
            assert_eq!(line.map(|line| line.speaker), speaker, "{author}");
        }
        assert_eq!(line(row(None, "{}")), None, "an author of a newer version");
    }

    #[test]
    fn a_part_of_an_answer_whose_first_part_is_not_read_has_its_own_text() {
        let part = |cited: &str| {
            let content = serde_json::json!({"type": "text", "body": "Hello.", "cited": cited});
            row(Some(Author::Bot), &content.to_string())
        };
        let read = |before| {
            let rows =
                store::ConversationSnapshot { before, ..store::ConversationSnapshot::default() };
            Talk::read(rows).history.into_iter().map(|line| line.cited).collect::<Vec<_>>()
        };
        let (whole, nothing) = (Some("Hello. [1]".to_owned()), Some(String::new()));
        assert_eq!(read(vec![part("Hello. [1]"), part("")]), [whole.clone(), nothing]);
        assert_eq!(read(vec![part(""), part(""), part("Hello. [1]")]), [None, None, whole]);
    }

    #[test]
    fn a_quoted_message_is_cut_and_has_its_author() {
        let quoted = |text: String, author| {
            let row = SpokenRow {
                quoted: Some(text),
                quoted_author: Some(author),
                ..row(Some(Author::Customer), "{}")
            };
            waiting(row)
        };
        let long = quoted("x".repeat(20_000), Author::Customer);
        assert_eq!(
            (long.quoted.map(|text| text.len()), long.quoted_author),
            (Some(1000), Some(Author::Customer))
        );
        let sent =
            format!("We open at nine.\n\n{}", crate::pipeline::framing::sources_line("Hours"));
        let answer = quoted(sent, Author::Bot);
        assert_eq!(answer.quoted.as_deref(), Some("We open at nine."));
        assert!(!answer.quotes_customer());
    }

    #[test]
    fn what_cannot_be_read_back_waits_all_the_same() {
        let said = waiting(row(Some(Author::Customer), r#"{"type": "hologram"}"#));
        assert_eq!(said.message, Some(MessageId::stored("msg_1".into())));
        assert!(matches!(said.content, Content::Unknown { kind, .. } if kind == "hologram"));
    }
}
