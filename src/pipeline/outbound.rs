//! Stage 7: turns the outcome into outbox rows, in one transaction with the turn: formatted for
//! WhatsApp, split, and with the hand-off's notices. Sends nothing: the outbox dispatcher does.

use self::cited::with_marks;
use self::format::for_whatsapp;
use self::split::split;
use super::bot::Bot;
use super::choices;
use super::framing::sources_line;
use super::gaps::mask_personal_data;
use super::inbound::PendingTurn;
use super::language::language_of;
use super::turn_result::TurnResult;
use crate::domain::label::{MAX_REASON_LEN, MAX_TITLE_LEN, display_name, one_line, visible};
use crate::domain::{
    Content, ConversationId, FollowUp, FollowUpPlan, Line, MessageId, Offers, Outcome, Reply,
    ReplyKind, Speaker, Trace, TurnId, TurnReason, VoiceTranscript, WaitingMessage, time,
};
use crate::llm::asks_nothing;
use crate::store::escalations::UnnotifiedCase;
use crate::store::finish::{Escalation, FinishedTurn};
use crate::store::outbox::OutgoingRow;
use crate::store::storable;
use crate::store::turns::Claim;

mod cited;
pub(super) mod format;
pub(super) mod split;

/// Maximum length of a WhatsApp message. The bot's are split by UTF-16 units, the stricter reading
/// of Meta's "characters"; people's are counted in characters.
pub const MAX_MESSAGE_LEN: usize = 4096;
/// What stands before the name of a file or place where it is shown as text.
const FILE_SIGN: &str = "📎";
const LOCATION_SIGN: &str = "📍";
/// Maximum texts per reply; WhatsApp limits how many a recipient gets per minute.
const MAX_PARTS: usize = 5;
/// Time after the customer's last message in which WhatsApp accepts free text, in milliseconds.
pub const WINDOW_MS: i64 = time::DAY_MS;

/// Input of stage 7 beside the outcome.
pub struct Place<'a> {
    /// The lease.
    pub claim: Claim,
    /// The answered turn and its messages.
    pub gathered: &'a PendingTurn,
    /// Public base URL of this installation, for links.
    pub base_url: &'a str,
}

/// Builds the rows for an outcome.
pub fn plan(bot: &Bot, place: Place<'_>, answered: &TurnResult) -> FinishedTurn {
    let id = TurnId::generate();
    let escalation = match &answered.outcome {
        Outcome::Reply(reply) if reply.sort == ReplyKind::Failure => {
            let (reason, question) = (&TurnReason::Failure {}, asked(&place, answered));
            let case = Case { reason, question: &question, hands_over: false };
            Some(case.open(bot, &place))
        }
        Outcome::HandOver { reason, question, .. } => {
            let case = Case { reason, question, hands_over: true };
            Some(case.open(bot, &place))
        }
        Outcome::Reply(_) | Outcome::Silence { .. } => None,
    };
    let contents = contents(bot, &answered.outcome);
    let cited = cited(answered, contents.len());
    let row = |(content, cited)| OutgoingRow { cited, ..OutgoingRow::of(content) };
    let texts = contents.into_iter().zip(cited).map(row);
    let beside = offers(&answered.outcome).into_iter().flat_map(Offers::messages);
    let mut replies: Vec<_> = texts.chain(beside.map(OutgoingRow::of)).collect();
    if let Some(first) = replies.first_mut().filter(|_| bot.agent.voice.quote) {
        first.reply_to.clone_from(&place.gathered.voice);
    }
    FinishedTurn {
        id,
        agent: bot.agent.id.clone(),
        version: bot.agent.version.clone(),
        outcome: answered.outcome.kind(),
        answered: transcribed(place.gathered, &answered.transcripts),
        replies,
        unanswered: unanswered(&place.gathered.turn.messages, answered),
        escalation,
        send: None,
        follow_up: follow_up(bot, place.gathered, answered),
        usage: answered.trace.usage,
        trace: json(&answered.trace),
        tape: None,
        claim: place.claim,
    }
}

/// Plans what follows the reply if the customer stays silent. A failure has a case, which waits for
/// a person.
fn follow_up(bot: &Bot, gathered: &PendingTurn, answered: &TurnResult) -> Option<FollowUpPlan> {
    let settings = &bot.agent.follow_up;
    let Outcome::Reply(reply) = &answered.outcome else { return None };
    if reply.sort == ReplyKind::Failure || *settings == FollowUp::default() {
        return None;
    }
    let (heard, sought) = (answered.trace.transcribe.as_ref(), answered.trace.retrieve.as_ref());
    let courtesy = heard.is_some_and(|heard| asks_nothing(&heard.question));
    let language = sought.and_then(|sought| sought.language.clone());
    let language = language.or_else(|| language_of(&gathered.turn));
    FollowUpPlan::of(settings, reply.sort == ReplyKind::Answer && !courtesy, language.as_deref())
}

/// Returns what the customer asked: as the pipeline read it, or else as typed.
fn asked(place: &Place<'_>, answered: &TurnResult) -> String {
    let heard = answered.trace.transcribe.as_ref().map(|heard| heard.question.clone());
    let heard = chosen(answered).or(heard);
    heard.filter(|question| !question.is_empty()).unwrap_or_else(|| {
        let typed = place.gathered.turn.messages.iter().filter_map(|said| said.content.words());
        typed.collect::<Vec<_>>().join("\n")
    })
}

/// The choice that the customer made with a number, which says nothing by itself.
fn chosen(answered: &TurnResult) -> Option<String> {
    let (heard, sought) = (answered.trace.transcribe.as_ref()?, answered.trace.retrieve.as_ref()?);
    let is_number = !heard.question.chars().any(char::is_alphabetic);
    (is_number && sought.query != heard.question).then(|| sought.query.clone())
}

/// Returns the question without personal data if nothing was found that answers it. Captions are
/// about a picture, and words about a basket, which no document answers; courtesies ask nothing.
fn unanswered(said: &[WaitingMessage], answered: &TurnResult) -> Option<String> {
    let nothing = match &answered.outcome {
        Outcome::Reply(reply) => reply.sort == ReplyKind::NoAnswer,
        Outcome::HandOver { reason, .. } => {
            matches!(reason, TurnReason::Budget {} | TurnReason::Model { unanswered: true })
        }
        Outcome::Silence { .. } => false,
    };
    let heard = answered.trace.transcribe.as_ref().filter(|_| nothing)?;
    let is_more = |one: &&WaitingMessage| {
        matches!(one.content, Content::Media(_)) || one.content.description().is_some()
    };
    let asked = if said.iter().any(|one| is_more(&one)) {
        let typed = said.iter().filter(|one| !is_more(one));
        let typed = typed.filter_map(|one| one.content.words());
        let spoken = heard.notes.iter().filter_map(|note| note.transcript.as_deref());
        typed.chain(spoken).collect::<Vec<_>>().join("\n")
    } else {
        chosen(answered).unwrap_or_else(|| heard.question.clone())
    };
    Some(mask_personal_data(&asked)).filter(|_| !asks_nothing(&asked))
}

/// Returns a turn's texts as later turns see them in their history.
pub fn history(bot: &Bot, answered: &TurnResult) -> Vec<Line> {
    let contents = contents(bot, &answered.outcome);
    let cited = cited(answered, contents.len());
    let line = |(content, cited): (Content, _)| {
        let choices = match &content {
            Content::Choices(choices) => choices.titles(),
            _ => Vec::new(),
        };
        Line { cited, choices, ..Line::new(Speaker::Bot, text(content)) }
    };
    contents.into_iter().zip(cited).map(line).collect()
}

/// Returns what a history has in place of each of so many parts: the whole text with its marks for
/// the first, nothing for the others. `None` for a text without marks.
fn cited(answered: &TurnResult, parts: usize) -> Vec<Option<String>> {
    let written = answered.trace.reply.as_ref();
    let marked = match &answered.outcome {
        Outcome::Reply(reply) => written.and_then(|written| {
            let marked = for_whatsapp(&with_marks(reply, &written.raw)?);
            let whole = |choices| text(choices::below(&marked, choices));
            Some(reply.offers.choices.as_deref().map(whole).unwrap_or(marked.clone()))
        }),
        Outcome::HandOver { .. } | Outcome::Silence { .. } => None,
    };
    let Some(marked) = marked else { return vec![None; parts] };
    let mut cited = vec![Some(String::new()); parts];
    if let Some(first) = cited.first_mut() {
        *first = Some(marked);
    }
    cited
}

/// Returns an outcome's messages as the customer gets them: texts, then the names of files and places.
pub fn bubbles(bot: &Bot, outcome: &Outcome) -> Vec<String> {
    let texts = contents(bot, outcome).into_iter().map(text);
    let beside = offers(outcome).into_iter().flat_map(Offers::messages);
    texts.chain(beside.map(|content| shown(&content))).collect()
}

/// Names a file or a place that goes out.
fn shown(content: &Content) -> String {
    match content {
        Content::Media(media) => {
            format!("{FILE_SIGN} {}", media.file_name.as_deref().unwrap_or(media.kind.as_str()))
        }
        Content::Location { name, address, .. } => {
            let words: Vec<&str> =
                [name, address].into_iter().flatten().map(String::as_str).collect();
            format!("{LOCATION_SIGN} {}", words.join(", "))
        }
        content => text(content.clone()),
    }
}

/// What goes out beside the texts of an outcome.
fn offers(outcome: &Outcome) -> Option<&Offers> {
    match outcome {
        Outcome::Reply(Reply { offers, .. }) | Outcome::HandOver { offers, .. } => Some(&**offers),
        Outcome::Silence { .. } => None,
    }
}

/// Returns an outcome's texts. Choices are below the last one.
fn contents(bot: &Bot, outcome: &Outcome) -> Vec<Content> {
    let mut texts = match outcome {
        Outcome::Reply(reply) => parts(bot, reply),
        Outcome::HandOver { reply, .. } => split(&for_whatsapp(reply), MAX_MESSAGE_LEN),
        Outcome::Silence { .. } => Vec::new(),
    };
    let choices = offers(outcome).and_then(|offers| offers.choices.as_deref());
    let offer = choices.and_then(|choices| Some(choices::below(&texts.pop()?, choices)));
    texts.into_iter().map(|body| Content::Text { body }).chain(offer).collect()
}

/// The text of a message.
fn text(content: Content) -> String {
    OutgoingRow::of(content).text().to_owned()
}

fn parts(bot: &Bot, reply: &Reply) -> Vec<String> {
    let mut text = for_whatsapp(&reply.text);
    if bot.agent.sources && !reply.citations.is_empty() {
        text.push_str(&sources(reply));
    }
    let mut parts = split(&text, MAX_MESSAGE_LEN);
    if parts.is_empty() {
        // Formatting may leave nothing, for example of a single divider line: never stay silent.
        let language = bot.agent.languages.first().map(String::as_str);
        parts = split(&for_whatsapp(bot.agent.texts.failure.to(language)), MAX_MESSAGE_LEN);
    }
    parts.truncate(MAX_PARTS);
    parts
}

/// Returns the cited documents, each once with its pages, without words that need translation.
fn sources(reply: &Reply) -> String {
    let mut named: Vec<(&str, Vec<String>)> = Vec::new();
    for citation in &reply.citations {
        let title = citation.title.as_str();
        let at = named.iter().position(|(other, _)| *other == title).unwrap_or(named.len());
        if at == named.len() {
            named.push((title, Vec::new()));
        }
        let place = place(&citation.place);
        if !place.is_empty() && place != title && !named[at].1.contains(&place) {
            named[at].1.push(place);
        }
    }
    let told = named.into_iter().map(|(title, places)| {
        let (title, places) =
            (one_line(title, MAX_TITLE_LEN), one_line(&places.join(", "), MAX_TITLE_LEN));
        if places.is_empty() { title } else { format!("{title} ({places})") }
    });
    format!("\n\n{}", sources_line(&told.collect::<Vec<_>>().join(" · ")))
}

/// Formats a passage's place without words: `p. 3`, the number of a slide, the name of a sheet.
fn place(place: &str) -> String {
    match place.split_once(' ') {
        Some(("page", number)) => format!("p. {number}"),
        Some(("slide" | "sheet", name)) => name.to_owned(),
        _ => place.to_owned(),
    }
}

/// Serializes a trace. Cannot fail: JSON writes a score that is not a number as null.
fn json(trace: &Trace) -> String {
    let text = serde_json::to_string(trace).unwrap_or_default();
    storable(&text).into_owned()
}

fn transcribed(
    gathered: &PendingTurn,
    transcripts: &[(MessageId, VoiceTranscript)],
) -> Vec<(MessageId, Option<VoiceTranscript>)> {
    let transcript = |id: &MessageId| {
        transcripts.iter().find(|(message, _)| message == id).map(|(_, spoken)| spoken.clone())
    };
    gathered.messages.iter().map(|id| (id.clone(), transcript(id))).collect()
}

struct Case<'a> {
    reason: &'a TurnReason,
    question: &'a str,
    hands_over: bool,
}

impl Case<'_> {
    fn open(&self, bot: &Bot, place: &Place<'_>) -> Escalation {
        let conversation = place.claim.conversation();
        let notice = Notice {
            reason: &self.reason.to_string(),
            question: self.question,
            contact: place.gathered.turn.contact.as_deref(),
            link: link(place.base_url, &conversation),
        };
        Escalation {
            reason: self.reason.clone().into(),
            question: self.question.to_owned(),
            hands_over: self.hands_over,
            notices: notice.to_all(bot),
        }
    }
}

/// Returns the notices about a case opened outside of a turn, each as phone digits and text.
pub fn notices(bot: &Bot, case: &UnnotifiedCase, base_url: &str) -> Vec<(String, String)> {
    let notice = Notice {
        reason: &case.reason,
        question: &case.question,
        contact: case.contact.as_deref(),
        link: link(base_url, &ConversationId::stored(case.conversation_id.clone())),
    };
    notice.to_all(bot)
}

struct Notice<'a> {
    reason: &'a str,
    question: &'a str,
    contact: Option<&'a str>,
    link: String,
}

impl Notice<'_> {
    fn to_all(&self, bot: &Bot) -> Vec<(String, String)> {
        let text = self.text(bot);
        let digits =
            |phone: &String| phone.chars().filter(char::is_ascii_digit).collect::<String>();
        bot.agent.handoff.notify.iter().map(|phone| (digits(phone), text.clone())).collect()
    }

    fn text(&self, bot: &Bot) -> String {
        let customer = self.contact.map(display_name).filter(|name| !name.is_empty());
        let customer = customer.unwrap_or_else(|| "A customer".into());
        let question: String = visible(self.question).chars().take(1000).collect();
        format!(
            "🙋 *{}*: {customer} needs a person.\nWhy: {}\n\n> {}\n\n{}",
            bot.agent.name,
            one_line(self.reason, MAX_REASON_LEN),
            question.replace('\n', "\n> "),
            self.link
        )
    }
}

/// Returns the URL at which a person sees the conversation.
fn link(base_url: &str, conversation: &ConversationId) -> String {
    format!("{}/conversations/{conversation}", base_url.trim_end_matches('/'))
}
