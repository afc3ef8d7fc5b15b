//! Trace of a turn: what each stage saw, decided and used, and how long it took.

use std::sync::Arc;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::case_reason::TurnReason;
use super::knowledge::Passage;
use super::prompt::{ChatMessage, Usage};
use super::turn::{Citation, TranscriptDetails};

/// What each stage of one turn saw, decided and used, and how long it took. A stage that did not
/// run is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Trace {
    /// Stage 2: transcription.
    pub transcribe: Option<TranscribeTrace>,
    /// Stage 3: hand-off rules.
    pub escalate: Option<EscalateTrace>,
    /// Before stage 4: curated answers.
    #[serde(default)]
    pub curated: Option<CuratedTrace>,
    /// Stage 4: retrieval.
    pub retrieve: Option<RetrieveTrace>,
    /// Stage 5: prompt.
    pub prompt: Option<PromptTrace>,
    /// Stage 6: reply.
    pub reply: Option<ReplyTrace>,
    /// What goes out beside the text, and what was asked for and left out; null if nothing was asked
    /// for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offers: Option<OffersTrace>,
    /// Tokens and cost of the whole turn.
    pub usage: Usage,
    /// Duration of the whole turn, in milliseconds.
    pub total_ms: f64,
}

/// Stage 2: all messages of the turn as text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct TranscribeTrace {
    /// The question: every message as text.
    pub question: String,
    /// Descriptions of the messages that are more than text, and notes on their files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub descriptions: Vec<String>,
    /// Language that speech recognition detected, if any.
    pub language: Option<String>,
    /// One entry for each voice note.
    pub notes: Vec<VoiceNoteTrace>,
    /// One entry for each picture and document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<AttachmentTrace>,
    /// Size of the whole question in bytes, if only its beginning was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_bytes: Option<usize>,
    /// Duration in milliseconds.
    pub took_ms: f64,
}

/// The reading of one picture or document of a customer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct AttachmentTrace {
    /// The message's id in frontdesk.
    pub message: Option<String>,
    /// The document's name, or `Picture`.
    pub name: String,
    /// Length of a document's text in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub characters: Option<usize>,
    /// Width in pixels of the picture that the model was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Its height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Why it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The transcription of one voice note.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct VoiceNoteTrace {
    /// The message's id in frontdesk.
    pub message: Option<String>,
    /// The transcript; `None` with the reason in `error`.
    pub transcript: Option<String>,
    /// Where the transcript comes from: language, confidence, length and transcriber.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<TranscriptDetails>,
    /// Why there is no transcript.
    pub error: Option<String>,
}

/// Stage 3: whether a hand-off rule matched.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct EscalateTrace {
    /// How many rules were tried.
    pub rules: usize,
    /// The rule that matched, in words.
    pub matched: Option<String>,
    /// The same as a code with its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_code: Option<TurnReason>,
    /// Duration in milliseconds.
    pub took_ms: f64,
}

/// Before stage 4: whether a curated answer matches the question.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct CuratedTrace {
    /// How many curated answers were searched.
    pub answers: usize,
    /// The nearest answer, if any is near.
    pub nearest: Option<NearestAnswer>,
    /// Why it was not used; `None` if it was used, or if there is none.
    pub refused: Option<String>,
    /// Why the question's embedding is missing, if it is.
    pub error: Option<String>,
    /// Duration in milliseconds.
    pub took_ms: f64,
}

/// The curated answer nearest to a question.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct NearestAnswer {
    /// The answer's id.
    pub answer: String,
    /// Its phrasing nearest to the question.
    pub phrasing: String,
    /// Similarity, 0 to 1; 1 means the same words.
    pub score: f32,
    /// Similarity of the words alone, 0 to 1.
    pub words: f32,
    /// Cosine of the embeddings, when they were compared.
    pub meaning: Option<f32>,
    /// Similarity of the next best other answer, 0 to 1.
    pub second: f32,
    /// The similarity needed to use the answer.
    pub threshold: f32,
}

/// Stage 4: what retrieval found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RetrieveTrace {
    /// The search query.
    pub query: String,
    /// ISO 639-1 code of the question's language, if it was detected.
    #[serde(default)]
    pub language: Option<String>,
    /// Every text that was searched for, and where it comes from.
    #[serde(default)]
    #[schema(required = true)]
    pub searched: Vec<SearchText>,
    /// The model's rewrite of the question, if one was requested.
    #[serde(default)]
    pub rewrite: Option<RewriteTrace>,
    /// What the reranker did, if there is one.
    #[serde(default)]
    pub rerank: Option<RerankTrace>,
    /// The embedding model, or `None` if only words were compared.
    pub embedder: Option<String>,
    /// The best passages with all their scores.
    #[schema(value_type = Vec<Passage>)]
    pub passages: Arc<[Passage]>,
    /// Probability that the documents found hold the answer, 0 to 1.
    pub confidence: f32,
    /// From this probability on (0 to 1) the bot answers: the agent's, or else the model's; 0 if the
    /// model decides. `None` if the turn ended before, and in turns of earlier versions, whose
    /// confidence was no probability.
    #[serde(default)]
    pub threshold: Option<f32>,
    /// Why a search leg is missing, if one is.
    pub error: Option<String>,
    /// Duration in milliseconds, embedding included.
    pub took_ms: f64,
    /// Duration of the embedding alone, in milliseconds.
    pub embed_ms: f64,
}

/// A text that was searched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchText {
    /// The text.
    pub text: String,
    /// Where it comes from.
    pub how: SearchOrigin,
    /// Weight of its results beside those of the other texts, 0 and up.
    pub weight: f32,
    /// Probability that its results answer the question, 0 to 1.
    pub confidence: f32,
}

words! {
    /// Where a search text comes from.
    pub enum SearchOrigin {
        /// The question as the customer wrote or said it.
        Asked = "asked",
        /// The question joined with the previous one, by rule.
        Context = "context",
        /// The previous question, because this one depends on it.
        Before = "before",
        /// Rewritten by a model so that it can be understood on its own.
        Rewritten = "rewritten",
        /// Translated by a model into the language of the documents.
        Translated = "translated",
    }
}

/// A model's rewrite of a question, used only for the search.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RewriteTrace {
    /// The model.
    pub model: String,
    /// The model's raw output.
    pub raw: String,
    /// Why the output cannot be used, if it cannot.
    pub error: Option<String>,
    /// Tokens and cost; also part of the turn's usage.
    pub usage: Usage,
    /// Duration in milliseconds.
    pub took_ms: f64,
}

/// What a reranker did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RerankTrace {
    /// The reranker's name.
    pub by: String,
    /// How many passages it was given.
    pub passages: usize,
    /// Why the passages kept their order, if they did.
    pub error: Option<String>,
    /// Duration in milliseconds.
    pub took_ms: f64,
}

/// Stage 5: the prompt sent to the model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct PromptTrace {
    /// The messages.
    pub messages: Vec<ChatMessage>,
    /// Size in tokens; 0 for a model that only quotes.
    pub tokens: u32,
    /// The most tokens that would have fitted.
    pub budget: u32,
    /// How many earlier messages were left out.
    pub dropped_history: usize,
    /// How many passages were left out.
    pub dropped_passages: usize,
    /// Duration in milliseconds.
    pub took_ms: f64,
}

/// Stage 6: the model's output, and the changes made to it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ReplyTrace {
    /// The model that answered.
    pub model: String,
    /// The model's raw output.
    pub raw: String,
    /// What was removed or changed, in words.
    pub repairs: Vec<String>,
    /// Failed attempts, in words.
    pub errors: Vec<String>,
    /// Whether the model called a person.
    #[serde(default)]
    #[schema(required = true)]
    pub calls_person: bool,
    /// The passages that support the reply, if it is an answer.
    #[serde(default)]
    #[schema(required = true)]
    pub citations: Vec<Citation>,
    /// Whether the passages support its statements; `None` if that was not checked.
    #[serde(default)]
    pub checked: Option<GroundingTrace>,
    /// The spending limit that restricted the model call, in words.
    #[serde(default)]
    pub budget: Option<String>,
    /// Why the documents are quoted in place of the model's answer, in words; `None` if they are not.
    #[serde(default)]
    pub stand_in: Option<String>,
    /// Duration in milliseconds.
    pub took_ms: f64,
}

/// What the marks of a text ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct OffersTrace {
    /// The names of the files that go out.
    pub files: Vec<String>,
    /// The names of the places that go out.
    pub locations: Vec<String>,
    /// What is left out, and why, in words.
    pub left_out: Vec<String>,
}

/// Stage 6: whether the passages support a reply's statements.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct GroundingTrace {
    /// One verdict for each statement, in the reply's order.
    pub verdicts: Vec<StatementVerdict>,
    /// How well the whole reply is supported, 0 to 1.
    pub score: f32,
    /// At or above this score (0 to 1) a statement counts as supported.
    pub threshold: f32,
    /// Below this score (0 to 1) a statement held the reply back; 0 if none could.
    #[serde(default)]
    #[schema(required = true)]
    pub hold_below: f32,
    /// What was done about unsupported statements, in words; empty if there were none.
    pub action: String,
    /// The embedding model used, or `None` if only words were compared.
    pub embedder: Option<String>,
    /// The model used as judge, if any.
    pub judge: Option<String>,
    /// Why the embedder or the judge failed, if it did.
    pub error: Option<String>,
    /// Duration in milliseconds.
    pub took_ms: f64,
}

/// The verdict on one statement of a reply.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct StatementVerdict {
    /// The statement.
    pub text: String,
    /// Whether it is supported, or needs no support.
    pub supported: bool,
    /// How well it is supported, 0 to 1; `None` if it needs no support.
    pub score: Option<f32>,
    /// Citation mark of the passage that supports it best: 1 is `[1]`.
    pub passage: Option<usize>,
    /// The citation marks that followed it.
    pub cited: Vec<usize>,
    /// The reason, in words.
    pub why: String,
}
