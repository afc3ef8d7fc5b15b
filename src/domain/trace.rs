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
    /// Before stage 4.
    #[serde(default)]
    pub curated: Option<Consulted>,
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

/// Before stage 4: whether a curated answer is to just this question.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Consulted {
    /// How many answers there are.
    pub answers: usize,
    /// The nearest one, when any came near.
    pub nearest: Option<Nearest>,
    /// Why it was not given; `None` when it was, or when there is none.
    pub refused: Option<String>,
    /// Why the embedding is missing, when it is.
    pub error: Option<String>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// The curated answer that is nearest to a question.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Nearest {
    /// The answer.
    pub answer: String,
    /// The phrasing that comes nearest.
    pub phrasing: String,
    /// How near, 0 to 1; 1: the same words.
    pub score: f32,
    /// How near the words alone are, 0 to 1.
    pub words: f32,
    /// Cosine of the embeddings, when they were compared.
    pub meaning: Option<f32>,
    /// How near the next other answer is, 0 to 1.
    pub second: f32,
    /// How near it has to be.
    pub threshold: f32,
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
    /// Which limit on money decided what was asked, in words.
    #[serde(default)]
    pub budget: Option<String>,
    /// Milliseconds.
    pub took_ms: f64,
}
