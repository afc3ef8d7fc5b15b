//! A turn: what was waiting in a conversation, and what the pipeline made of it.

use std::sync::Arc;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agent::Agent;
use super::id::{ConversationId, MessageId};
use super::message::Content;
use super::time::Millis;

words! {
    /// Who may speak in a conversation. Nobody: it is closed.
    pub enum Owner {
        /// The bot answers.
        Bot = "bot",
        /// A person answers; the bot is silent.
        Person = "person",
        /// The conversation is closed; the customer's next message opens it for the bot.
        Nobody = "nobody",
    }
}

/// The messages that one run of the pipeline answers. It may hold voice.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The conversation; `None` in the sandbox.
    pub conversation: Option<ConversationId>,
    /// The agent that answers.
    pub agent: Arc<Agent>,
    /// The customer's name, when it is known.
    pub contact: Option<String>,
    /// What was waiting, in the order in which it was written. Not empty.
    pub said: Vec<WaitingMessage>,
    /// What was said before, oldest first.
    pub history: Vec<Line>,
    /// The moment for `today` and `time` in the prompt.
    pub now: Millis,
}

/// A message of the turn.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingMessage {
    /// Its id; `None` in the sandbox.
    pub message: Option<MessageId>,
    /// What it holds.
    pub content: Content,
    /// What a voice note says, when it was transcribed before.
    pub heard: Option<VoiceTranscript>,
}

/// The transcript of a voice note.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VoiceTranscript {
    /// The words. Not empty.
    pub text: String,
    /// How they came to be known.
    pub heard: TranscriptDetails,
}

/// How the words of a recording came to be known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Heard)]
pub struct TranscriptDetails {
    /// ISO 639-1 code of the language, when it was recognised.
    pub language: Option<String>,
    /// How sure the words are, from 0 to 1, where that is known.
    pub confidence: Option<f32>,
    /// How long the recording is, where that is known.
    pub seconds: Option<f64>,
    /// What transcribed it: an adapter with its model, or `provider`.
    #[serde(default)]
    #[schema(required = true)]
    pub by: String,
    /// What was understood at first, where a person corrected it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// When a person corrected it, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected_at: Option<i64>,
}

/// One earlier message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Who said it.
    pub speaker: Speaker,
    /// What was said.
    pub text: String,
}

words! {
    /// Who said something.
    pub enum Speaker {
        /// The customer.
        Customer = "customer",
        /// The bot.
        Bot = "bot",
        /// A person of the business.
        Person = "person",
    }
}

/// A turn of which every message is text: what stage 2 returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What the customer said, the messages of a burst joined by line breaks. Not empty.
    pub text: String,
    /// ISO 639-1 code of the language, when speech recognition told it.
    pub language: Option<String>,
    /// Whether any of it was spoken.
    pub spoken: bool,
}

/// What the pipeline decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The customer gets a reply.
    Reply(Reply),
    /// The conversation goes to a person, and the customer is told so.
    HandOver {
        /// Why.
        reason: Reason,
        /// What the customer gets.
        reply: String,
        /// What the customer asked, for the person who is called.
        question: String,
    },
    /// There was nothing to answer.
    Silence {
        /// Why not.
        why: String,
    },
}

/// A reply, as Markdown; stage 7 makes it fit for WhatsApp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What the customer gets.
    pub text: String,
    /// What sort of reply it is.
    pub sort: ReplyKind,
    /// The passages it rests on.
    pub citations: Vec<Citation>,
}

words! {
    /// What sort of reply a customer gets.
    pub enum ReplyKind {
        /// An answer.
        Answer = "answer",
        /// A hello.
        Greeting = "greeting",
        /// The documents do not answer.
        NoAnswer = "no_answer",
        /// Something of ours broke.
        Failure = "failure",
        /// A voice note could not be understood.
        VoiceFailure = "voice_failure",
        /// The message held nothing that the bot can read.
        Unreadable = "unreadable",
    }
}

words! {
    /// What became of a turn.
    pub enum TurnOutcome {
        /// The customer got an answer.
        Answer = "answer",
        /// The customer got a hello.
        Greeting = "greeting",
        /// The documents do not answer.
        NoAnswer = "no_answer",
        /// Something of ours broke.
        Failure = "failure",
        /// A voice note could not be understood.
        VoiceFailure = "voice_failure",
        /// The message held nothing that the bot can read.
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
    /// The outcome in one word.
    pub fn kind(&self) -> TurnOutcome {
        match self {
            Self::Reply(reply) => reply.sort.into(),
            Self::HandOver { .. } => TurnOutcome::HandOver,
            Self::Silence { .. } => TurnOutcome::Silence,
        }
    }
}

/// A passage that a reply rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Citation {
    /// Its mark in the reply: 1 is `[1]`.
    pub mark: usize,
    /// The document's title.
    pub title: String,
    /// The document's path within its collection.
    pub source: String,
    /// The headings above the passage.
    pub heading: String,
    /// Page, slide or sheet that the passage is on, in words, such as `page 3`; empty where a document has none.
    #[serde(default)]
    #[schema(required = true)]
    pub place: String,
}

/// Why a conversation goes to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// The customer used a hand-off word.
    Keyword {
        /// The word or phrase of the rule.
        keyword: String,
    },
    /// The message matched a hand-off pattern.
    Pattern {
        /// The expression of the rule.
        pattern: String,
    },
    /// The money for models is used up, and the documents' own sentences hold no answer.
    Budget {},
    /// The agent's prompt cannot be used: its template takes too much.
    Prompt {
        /// What is wrong with it.
        problem: String,
    },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keyword { keyword } => write!(f, "the customer said “{keyword}”"),
            Self::Pattern { pattern } => write!(f, "the message matched the pattern `{pattern}`"),
            Self::Budget {} => f.write_str(
                "the day's money for models is used up, and the documents hold no plain answer",
            ),
            Self::Prompt { problem } => write!(f, "the bot's prompt cannot be used: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_the_same_in_its_turn() {
        for kind in ReplyKind::ALL {
            assert_eq!(TurnOutcome::from(*kind).as_str(), kind.as_str());
        }
    }
}
