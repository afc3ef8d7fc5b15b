//! A turn's trace: what each stage saw, decided, took and used.

use serde::{Deserialize, Serialize};

use super::knowledge::Passage;
use super::prompt::{ChatMessage, Usage};

/// What each stage of one turn saw, decided, took and used. A stage that did not run is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Trace {
    /// Stage 2.
    pub transcribe: Option<Transcribed>,
    /// Stage 3.
    pub escalate: Option<Escalated>,
    /// Stage 4.
    pub retrieve: Option<Retrieved>,
    /// Stage 5.
    pub prompt: Option<Composed>,
    /// Stage 6.
    pub reply: Option<Written>,
    /// Tokens and money of the whole turn.
    pub usage: Usage,
    /// The whole turn, in milliseconds.
    pub total_ms: f64,
}

/// Stage 2: what the messages say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transcribed {
    /// The question, every message as text.
    pub question: String,
    /// Language of the speech, when told.
    pub language: Option<String>,
    /// One for each voice note.
    pub notes: Vec<Note>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// What became of one voice note.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Note {
    /// The message, by our id.
    pub message: Option<String>,
    /// What was said, or `None` with the reason in `error`.
    pub transcript: Option<String>,
    /// Why there is no transcript.
    pub error: Option<String>,
}

/// Stage 3: whether a rule called a person.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Escalated {
    /// How many rules were tried.
    pub rules: usize,
    /// The rule that matched, in words.
    pub matched: Option<String>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// Stage 4: what was found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Retrieved {
    /// What was searched for.
    pub query: String,
    /// The embedding model, or `None` when only words were compared.
    pub embedder: Option<String>,
    /// The best passages with all their scores.
    pub passages: std::sync::Arc<[Passage]>,
    /// How sure we are that the passages answer, 0 to 1.
    pub confidence: f32,
    /// Why a leg is missing, when one is.
    pub error: Option<String>,
    /// Milliseconds, and of these for the embedding.
    pub took_ms: f64,
    /// Milliseconds for the embedding alone.
    pub embed_ms: f64,
}

/// Stage 5: what the model is shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Composed {
    /// The messages.
    pub messages: Vec<ChatMessage>,
    /// Their size in tokens; 0 when nothing had to be counted.
    pub tokens: u32,
    /// The most that would have fitted.
    pub budget: u32,
    /// How many earlier messages were left out.
    pub dropped_history: usize,
    /// How many passages were left out.
    pub dropped_passages: usize,
    /// Milliseconds.
    pub took_ms: f64,
}

/// Stage 6: what the model wrote, and what was made of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Written {
    /// The model that answered.
    pub model: String,
    /// What it wrote.
    pub raw: String,
    /// What had to be taken out or changed, in words.
    pub repairs: Vec<String>,
    /// Failed attempts, in words.
    pub errors: Vec<String>,
    /// Whether its statements rest on the passages; `None` when that was not checked.
    #[serde(default)]
    pub checked: Option<Checked>,
    /// Which limit on money decided what was asked, in words.
    #[serde(default)]
    pub budget: Option<String>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// Stage 6: whether a reply's statements rest on the passages.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Checked {
    /// One for each statement, in their order.
    pub verdicts: Vec<Verdict>,
    /// How well the whole reply is supported, 0 to 1.
    pub score: f32,
    /// At or above this score (0 to 1) a statement counts as supported.
    pub threshold: f32,
    /// What was done about unsupported statements, in words; empty when there were none.
    pub action: String,
    /// The embedding model that helped, or `None` when only words were compared.
    pub embedder: Option<String>,
    /// The model that judged, when one did.
    pub judge: Option<String>,
    /// Why the embedder or the judge did not help, when one was asked.
    pub error: Option<String>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// What is to be said about one statement of a reply.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// The statement.
    pub text: String,
    /// Whether it is supported, or needs no support.
    pub supported: bool,
    /// How well it is supported, 0 to 1; `None` when it needs no support.
    pub score: Option<f32>,
    /// The mark of the passage that supports it best: 1 is `[1]`.
    pub passage: Option<usize>,
    /// The marks that stood behind it.
    pub cited: Vec<usize>,
    /// Why, in words.
    pub why: String,
}
