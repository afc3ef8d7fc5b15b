//! A turn: the messages waiting in a conversation, and what the pipeline decided about them.

use std::sync::Arc;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agent::Agent;
use super::attachment::{FileText, Picture};
use super::case_reason::TurnReason;
use super::event::Referral;
use super::id::{ConversationId, MessageId};
use super::message::{Author, Content};
use super::offers::Offers;
use super::time::Millis;

words! {
    /// Who may speak in a conversation.
    pub enum Owner {
        /// The bot answers.
        Bot = "bot",
        /// A person answers; the bot is silent.
        Person = "person",
        /// The conversation is closed; the customer's next message opens it for the bot.
        Nobody = "nobody",
    }
}

/// The messages that one run of the pipeline answers, which may be voice notes.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The conversation; `None` in the sandbox.
    pub conversation: Option<ConversationId>,
    /// The agent that answers.
    pub agent: Arc<Agent>,
    /// The customer's name, if known.
    pub contact: Option<String>,
    /// The waiting messages in the order they were written. Not empty.
    pub messages: Vec<WaitingMessage>,
    /// The earlier messages, oldest first.
    pub history: Vec<Line>,
    /// The current time, for `today` and `time` in the prompt.
    pub now: Millis,
}

impl Turn {
    /// Whether all its words stand below pictures or documents.
    pub fn has_only_captions(&self) -> bool {
        let mut worded =
            self.messages.iter().map(|said| &said.content).filter(|said| said.words().is_some());
        let is_caption =
            |said: &Content| matches!(said, Content::Media(_)) && said.recording().is_none();
        let hears = self.messages.iter().any(|said| said.content.recording().is_some());
        !hears && worded.next().is_some_and(is_caption) && worded.all(is_caption)
    }

    /// Returns what the customer's messages refer to, as lines of those who wrote it.
    pub fn referred(&self) -> Vec<Line> {
        let referrals = self.messages.iter().filter_map(|message| message.referral.as_ref());
        let referrals = referrals.map(Referral::text).filter(|text| !text.is_empty());
        let quoted = self.messages.iter().filter_map(|message| {
            let speaker = if message.quotes_customer() { Speaker::Customer } else { Speaker::Bot };
            Some(Line::new(speaker, message.quoted.as_deref()?))
        });
        referrals.map(|text| Line::new(Speaker::Bot, text)).chain(quoted).collect()
    }
}

/// A message of the turn.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingMessage {
    /// Its id; `None` in the sandbox.
    pub message: Option<MessageId>,
    /// Its content.
    pub content: Content,
    /// The transcript, if a voice note was transcribed before.
    pub transcript: Option<VoiceTranscript>,
    /// The text of the message that it quotes.
    pub quoted: Option<String>,
    /// Who wrote that message; `None` if that is not known.
    pub quoted_author: Option<Author>,
    /// The advertisement or post from which the customer wrote.
    pub referral: Option<Referral>,
}

impl WaitingMessage {
    /// A message outside of a conversation: without id, transcript and quote.
    pub fn of(content: Content) -> Self {
        Self {
            message: None,
            content,
            transcript: None,
            quoted: None,
            quoted_author: None,
            referral: None,
        }
    }

    /// Whether it quotes the customer himself. Anything else is taken for the business's.
    pub fn quotes_customer(&self) -> bool {
        self.quoted_author == Some(Author::Customer)
    }
}

/// The transcript of a voice note.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VoiceTranscript {
    /// The text. Not empty.
    pub text: String,
    /// Language, confidence, length and transcriber.
    pub heard: TranscriptDetails,
}

/// Where the transcript of a recording comes from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Heard)]
pub struct TranscriptDetails {
    /// ISO 639-1 code of the language, if it was recognised.
    pub language: Option<String>,
    /// Confidence in the words, 0 to 1, if known.
    pub confidence: Option<f32>,
    /// Length of the recording in seconds, if known.
    pub seconds: Option<f64>,
    /// What transcribed it: an adapter with its model, or `provider`.
    #[serde(default)]
    #[schema(required = true)]
    pub by: String,
    /// The original transcript, if a person corrected it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// When a person corrected it, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected_at: Option<i64>,
}

/// One earlier message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Who wrote it.
    pub speaker: Speaker,
    /// Its text, as the customer saw it.
    pub text: String,
    /// Its text with the citation marks that the customer did not see; empty if the line before
    /// has them all. `None` for a text without marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cited: Option<String>,
    /// The labels of the choices that it offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

impl Line {
    /// A line without citation marks and choices.
    pub fn new(speaker: Speaker, text: impl Into<String>) -> Self {
        Self { speaker, text: text.into(), cited: None, choices: Vec::new() }
    }
}

words! {
    /// Who wrote a message.
    pub enum Speaker {
        /// The customer.
        Customer = "customer",
        /// The bot.
        Bot = "bot",
        /// A member of staff.
        Person = "person",
    }
}

/// A turn with every message as text: the result of stage 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The customer's text; the messages of a burst are joined by line breaks. If there is none,
    /// the descriptions of what was sent. Not empty.
    pub text: String,
    /// Whether `text` is the customer's own.
    pub has_words: bool,
    /// Descriptions of messages that are more than text, such as a form or a place.
    pub descriptions: Vec<String>,
    /// Names of the files, each with whether it was read.
    pub file_notes: Vec<String>,
    /// The text of its documents.
    pub files: Vec<FileText>,
    /// Its pictures, for a model that sees.
    pub pictures: Vec<Picture>,
    /// ISO 639-1 code of the language, if speech recognition detected it.
    pub language: Option<String>,
    /// Whether any part was spoken.
    pub spoken: bool,
}

impl Question {
    /// A question of words alone, in an unknown language.
    pub fn written(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            has_words: true,
            descriptions: Vec::new(),
            file_notes: Vec::new(),
            files: Vec::new(),
            pictures: Vec::new(),
            language: None,
            spoken: false,
        }
    }

    /// Returns everything that the customer sent, as text.
    pub fn whole(&self) -> String {
        let words = self.has_words.then_some(self.text.as_str());
        words.into_iter().chain(self.beside()).collect::<Vec<_>>().join("\n")
    }

    /// Returns what was sent beside the words.
    pub fn beside(&self) -> impl Iterator<Item = &str> {
        self.descriptions.iter().chain(&self.file_notes).map(String::as_str)
    }

    /// Whether anything beside the words was read: a form, a document, a picture.
    pub fn has_more(&self) -> bool {
        let files = !self.files.is_empty() || !self.pictures.is_empty();
        files || !self.descriptions.is_empty()
    }
}

/// The pipeline's decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The customer gets a reply.
    Reply(Reply),
    /// The conversation goes to a person, and the customer is told.
    HandOver {
        /// Why.
        reason: TurnReason,
        /// The text for the customer.
        reply: String,
        /// The customer's question, for the person who takes over.
        question: String,
        /// What goes out beside the text.
        #[serde(flatten)]
        offers: Box<Offers>,
    },
    /// There is nothing to answer.
    Silence {
        /// Why not.
        why: String,
    },
}

/// A reply in Markdown; stage 7 formats it for WhatsApp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The text for the customer.
    pub text: String,
    /// The kind of reply.
    pub sort: ReplyKind,
    /// The passages that support it.
    pub citations: Vec<Citation>,
    /// What goes out beside the text.
    #[serde(flatten)]
    pub offers: Box<Offers>,
}

impl Reply {
    /// A text without citations and offers.
    pub fn plain(text: String, sort: ReplyKind) -> Self {
        Self { text, sort, citations: Vec::new(), offers: Box::default() }
    }
}

words! {
    /// The kind of reply that a customer gets.
    pub enum ReplyKind {
        /// An answer.
        Answer = "answer",
        /// A greeting.
        Greeting = "greeting",
        /// The documents do not answer.
        NoAnswer = "no_answer",
        /// An error inside frontdesk.
        Failure = "failure",
        /// A voice note could not be transcribed.
        VoiceFailure = "voice_failure",
        /// The message contains nothing that the bot can read.
        Unreadable = "unreadable",
    }
}

words! {
    /// The outcome of a turn.
    pub enum TurnOutcome {
        /// The customer got an answer.
        Answer = "answer",
        /// The customer got a greeting.
        Greeting = "greeting",
        /// The documents do not answer.
        NoAnswer = "no_answer",
        /// An error inside frontdesk.
        Failure = "failure",
        /// A voice note could not be transcribed.
        VoiceFailure = "voice_failure",
        /// The message contains nothing that the bot can read.
        Unreadable = "unreadable",
        /// The conversation went to a person.
        HandOver = "hand_over",
        /// There was nothing to answer.
        Silence = "silence",
    }
}

impl From<ReplyKind> for TurnOutcome {
    fn from(kind: ReplyKind) -> Self {
        match kind {
            ReplyKind::Answer => Self::Answer,
            ReplyKind::Greeting => Self::Greeting,
            ReplyKind::NoAnswer => Self::NoAnswer,
            ReplyKind::Failure => Self::Failure,
            ReplyKind::VoiceFailure => Self::VoiceFailure,
            ReplyKind::Unreadable => Self::Unreadable,
        }
    }
}

impl Outcome {
    /// The outcome as one word.
    pub fn kind(&self) -> TurnOutcome {
        match self {
            Self::Reply(reply) => reply.sort.into(),
            Self::HandOver { .. } => TurnOutcome::HandOver,
            Self::Silence { .. } => TurnOutcome::Silence,
        }
    }
}

/// A passage that supports a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Citation {
    /// Its citation mark in the reply: 1 is `[1]`.
    pub mark: usize,
    /// The document's title.
    pub title: String,
    /// The document's path within its collection.
    pub source: String,
    /// The headings above the passage.
    pub heading: String,
    /// Page, slide or sheet of the passage, in words, such as `page 3`; empty if the document has
    /// none.
    #[serde(default)]
    #[schema(required = true)]
    pub place: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_customer_wrote_is_quoted_as_his() {
        let quotes = |author: Option<Author>| WaitingMessage {
            quoted: Some("We open at nine.".into()),
            quoted_author: author,
            ..WaitingMessage::of(Content::Text { body: "And this?".into() })
        };
        assert!(quotes(Some(Author::Customer)).quotes_customer());
        for author in [None, Some(Author::Bot), Some(Author::Person), Some(Author::Notice)] {
            assert!(!quotes(author).quotes_customer(), "{author:?}");
        }
    }

    #[test]
    fn a_reply_is_the_same_in_its_turn() {
        for kind in ReplyKind::ALL {
            assert_eq!(TurnOutcome::from(*kind).as_str(), kind.as_str());
        }
    }
}
