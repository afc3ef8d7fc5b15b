//! A turn's trace: what each stage saw, decided, took and used.

use std::sync::Arc;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::knowledge::Passage;
use super::prompt::{ChatMessage, Usage};
use super::turn::{Citation, TranscriptDetails};

/// What each stage of one turn saw, decided, took and used. A stage that did not run is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Trace {
    /// Stage 2.
    pub transcribe: Option<TranscribeTrace>,
    /// Stage 3.
    pub escalate: Option<EscalateTrace>,
    /// Before stage 4.
    #[serde(default)]
    pub curated: Option<CuratedTrace>,
    /// Stage 4.
    pub retrieve: Option<RetrieveTrace>,
    /// Stage 5.
    pub prompt: Option<PromptTrace>,
    /// Stage 6.
    pub reply: Option<ReplyTrace>,
    /// Tokens and money of the whole turn.
    pub usage: Usage,
    /// The whole turn, in milliseconds.
    pub total_ms: f64,
}

/// Stage 2: what the messages say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct TranscribeTrace {
    /// The question, every message as text.
    pub question: String,
    /// Language of the speech, when told.
    pub language: Option<String>,
    /// One for each voice note.
    pub notes: Vec<VoiceNoteTrace>,
    /// How long the whole was, in bytes, where only its beginning was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_bytes: Option<usize>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// What became of one voice note.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct VoiceNoteTrace {
    /// The message, by our id.
    pub message: Option<String>,
    /// What was said, or `None` with the reason in `error`.
    pub transcript: Option<String>,
    /// How the words came to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<TranscriptDetails>,
    /// Why there is no transcript.
    pub error: Option<String>,
}

/// Stage 3: whether a rule called a person.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct EscalateTrace {
    /// How many rules were tried.
    pub rules: usize,
    /// The rule that matched, in words.
    pub matched: Option<String>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// Before stage 4: whether a curated answer is to just this question.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct CuratedTrace {
    /// How many answers there are.
    pub answers: usize,
    /// The nearest one, when any came near.
    pub nearest: Option<NearestAnswer>,
    /// Why it was not given; `None` when it was, or when there is none.
    pub refused: Option<String>,
    /// Why the embedding is missing, when it is.
    pub error: Option<String>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// The curated answer that is nearest to a question.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct NearestAnswer {
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RetrieveTrace {
    /// What was searched for.
    pub query: String,
    /// ISO 639-1 code of the question's language, when it could be told.
    #[serde(default)]
    pub language: Option<String>,
    /// Every text that was searched for, and how it was made.
    #[serde(default)]
    #[schema(required = true)]
    pub searched: Vec<SearchText>,
    /// What a model made of the question, when one was asked.
    #[serde(default)]
    pub rewrite: Option<RewriteTrace>,
    /// What a reranker did, when there is one.
    #[serde(default)]
    pub rerank: Option<RerankTrace>,
    /// The embedding model, or `None` when only words were compared.
    pub embedder: Option<String>,
    /// The best passages with all their scores.
    #[schema(value_type = Vec<Passage>)]
    pub passages: Arc<[Passage]>,
    /// How sure we are that the passages answer, 0 to 1.
    pub confidence: f32,
    /// Why a leg is missing, when one is.
    pub error: Option<String>,
    /// Milliseconds, and of these for the embedding.
    pub took_ms: f64,
    /// Milliseconds for the embedding alone.
    pub embed_ms: f64,
}

/// One text that was searched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchText {
    /// The text.
    pub text: String,
    /// How it was made.
    pub how: SearchOrigin,
    /// How much what it found counts beside the others, 0 and up.
    pub weight: f32,
    /// How sure we are that what it found answers, 0 to 1.
    pub confidence: f32,
}

words! {
    /// How a text to search for was made.
    pub enum SearchOrigin {
        /// As the customer wrote or said it.
        Asked = "asked",
        /// With the question before it, by rule.
        Context = "context",
        /// The question before it, because this one leans on that.
        Before = "before",
        /// Made complete by a model.
        Rewritten = "rewritten",
        /// Put in the language of the documents by a model.
        Translated = "translated",
    }
}

/// What a model made of a question, for the search alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RewriteTrace {
    /// The model.
    pub model: String,
    /// What it wrote, as it is.
    pub raw: String,
    /// Why that is no use, when it is none.
    pub error: Option<String>,
    /// What it used; in the turn's usage, too.
    pub usage: Usage,
    /// Milliseconds.
    pub took_ms: f64,
}

/// What a reranker did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RerankTrace {
    /// The reranker.
    pub by: String,
    /// How many passages it was shown.
    pub passages: usize,
    /// Why the passages stayed in their order, when they did.
    pub error: Option<String>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// Stage 5: what the model is shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct PromptTrace {
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ReplyTrace {
    /// The model that answered.
    pub model: String,
    /// What it wrote.
    pub raw: String,
    /// What had to be taken out or changed, in words.
    pub repairs: Vec<String>,
    /// Failed attempts, in words.
    pub errors: Vec<String>,
    /// The passages that the reply rests on, where it is an answer.
    #[serde(default)]
    #[schema(required = true)]
    pub citations: Vec<Citation>,
    /// Whether its statements rest on the passages; `None` when that was not checked.
    #[serde(default)]
    pub checked: Option<GroundingTrace>,
    /// Which limit on money decided what was asked, in words.
    #[serde(default)]
    pub budget: Option<String>,
    /// Milliseconds.
    pub took_ms: f64,
}

/// Stage 6: whether a reply's statements rest on the passages.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct GroundingTrace {
    /// One for each statement, in their order.
    pub verdicts: Vec<StatementVerdict>,
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct StatementVerdict {
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
