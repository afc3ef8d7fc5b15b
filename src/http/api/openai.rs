//! OpenAI's format of completions, their chunks and errors.

use serde::Serialize;
use utoipa::{ToResponse, ToSchema};

use crate::domain::trial::TrialOutcome;
use crate::domain::{Citation, Owner, Role};

/// A chat completion in OpenAI's format.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChatCompletion {
    /// Its id.
    pub(super) id: String,
    /// Always `chat.completion`.
    pub(super) object: &'static str,
    /// When it was made, seconds since 1970.
    pub(super) created: i64,
    /// The model that the request named.
    pub(super) model: String,
    /// The answer: always one choice.
    pub(super) choices: Vec<ChatChoice>,
    /// The tokens of all model calls of the turn.
    pub(super) usage: ChatUsage,
    /// What OpenAI's format has no place for.
    pub(super) frontdesk: ChatOutcome,
}

/// The answer of a chat completion.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChatChoice {
    /// Always 0.
    pub(super) index: u32,
    /// The answer.
    pub(super) message: ChatReply,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    pub(super) logprobs: Option<()>,
    /// Always `stop`.
    pub(super) finish_reason: &'static str,
}

/// The message of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChatReply {
    /// Always `assistant`.
    pub(super) role: Role,
    /// The messages that the customer would get, with an empty line between them.
    pub(super) content: String,
    /// Always null.
    pub(super) refusal: Option<String>,
}

/// Tokens of a turn.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "OpenAI's names")]
pub(super) struct ChatUsage {
    /// Tokens that models read.
    pub(super) prompt_tokens: u64,
    /// Tokens that models wrote.
    pub(super) completion_tokens: u64,
    /// Both together.
    pub(super) total_tokens: u64,
}

/// What became of the turn behind a chat completion.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ChatOutcome {
    /// Outcome of the turn.
    pub(super) outcome: TrialOutcome,
    /// Why a person would be called, or why the bot says nothing; null in other cases.
    pub(super) reason: Option<String>,
    /// Who has the conversation after it.
    pub(super) owner: Owner,
    /// State of the conversation after it: send it as `frontdesk.state` with the next message.
    pub(super) state: String,
    /// The passages that the answer cites.
    pub(super) citations: Vec<Citation>,
}

/// The data of an event of a streamed chat completion, in OpenAI's format. The last event's data is
/// `[DONE]`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChatCompletionChunk {
    /// The completion's id, the same in all chunks.
    pub(super) id: String,
    /// Always `chat.completion.chunk`.
    pub(super) object: &'static str,
    /// When the completion was made, seconds since 1970.
    pub(super) created: i64,
    /// The model that the request named.
    pub(super) model: String,
    /// One choice; none in the chunk with the usage.
    pub(super) choices: Vec<ChatChunkChoice>,
    /// The tokens of all model calls, in the last chunk and if the request asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<ChatUsage>,
    /// What OpenAI's format has no place for, in the chunk with the `finish_reason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) frontdesk: Option<ChatOutcome>,
}

/// A piece of the answer of a streamed chat completion.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChatChunkChoice {
    /// Always 0.
    pub(super) index: u32,
    /// The piece.
    pub(super) delta: ChatDelta,
    /// `stop` in the last piece, else null.
    pub(super) finish_reason: Option<&'static str>,
}

/// What a piece adds to the answer.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct ChatDelta {
    /// The role, in the first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    /// Text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<String>,
}

/// A request that was not fulfilled, in OpenAI's format.
#[derive(Debug, Serialize, ToSchema, ToResponse)]
pub(super) struct OpenAiError {
    /// What went wrong.
    #[schema(inline)]
    pub(super) error: OpenAiErrorBody,
}

/// What went wrong with a request, in OpenAI's format.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenAiErrorBody {
    /// What went wrong, and what to do.
    pub(super) message: String,
    /// The kind of error, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// Always null.
    pub(super) param: Option<String>,
    /// The error as a word, if OpenAI's API has one for it.
    pub(super) code: Option<&'static str>,
}
