//! OpenAI-compatible API: `POST /v1/chat/completions`. A request runs one turn of the real pipeline,
//! as in the sandbox: nothing is sent or stored, and the caller keeps the history.

use std::convert::Infallible;

use axum::body::to_bytes;
use axum::extract::{Request as Call, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::length::{MAX_CHAT_BYTES, MAX_MESSAGE_BYTES, check_length};
use super::models::find_bot;
use super::openai::{
    ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk, ChatDelta, ChatOutcome,
    ChatReply, ChatUsage, OpenAiError, OpenAiErrorBody,
};
use super::trial::{Trial, TrialResult, read_state, replay, write_state};
use crate::domain::time::now_ms;
use crate::domain::trial::TrialKind;
use crate::domain::{Content, Line, Role, Speaker, Turn, WaitingMessage};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Body;
use crate::http::limits::ExpensivePermit;
use crate::pipeline::Bot;

/// Maximum size of an error body that is converted to OpenAI's format, in bytes.
const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;

/// A chat completion request in OpenAI's format. Model settings such as `temperature` are ignored:
/// the agent has its own. What would change the shape of the answer is refused.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatCompletionRequest)]
pub(super) struct Request {
    /// Short name of the agent, or one of its versions, such as `support@3`.
    model: String,
    /// The chat, oldest message first. The last `user` message is answered; after an opt-out or a
    /// hand-off in the messages before it, with an empty text. The messages of `user` and
    /// `assistant` are at most 65,536 bytes together. Those of other roles are ignored: the agent
    /// has its own prompt.
    messages: Vec<Message>,
    /// Whether to send the answer as events: one with the whole text, not a word at a time, because
    /// an answer is checked before it is sent.
    #[serde(default)]
    stream: bool,
    /// Number of answers: 1.
    #[schema(minimum = 1, maximum = 128)]
    n: Option<u64>,
    /// Refused unless empty: an agent calls no tools of its caller.
    #[serde(default)]
    #[schema(value_type = Vec<Object>, max_items = 1_000)]
    tools: Value,
    /// Refused unless empty, as `tools`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>, max_items = 1_000)]
    functions: Value,
    /// Only `{"type": "text"}`: the answers are texts for customers.
    #[serde(default)]
    #[schema(value_type = Object)]
    response_format: Value,
    /// What OpenAI's format has no field for.
    #[serde(default)]
    frontdesk: Extras,
    /// With `include_usage`, a last event reports the token usage.
    #[serde(default)]
    #[schema(value_type = Object)]
    stream_options: Value,
}

/// What OpenAI's format has no field for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatExtras)]
pub(super) struct Extras {
    /// The `frontdesk.state` of the answer before this message. Without it the state is derived
    /// from `messages`, where a hand-off in the model's own words cannot be seen.
    #[schema(max_length = 4_000)]
    state: Option<String>,
    /// Whether a person resolves the conversation before the last message: the bot answers again
    /// after a hand-off. Later requests do not need it once the bot's answer is in `messages`, or
    /// with the `state` of that answer.
    #[serde(default)]
    resolve: bool,
}

/// A chat message.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatMessage)]
pub(super) struct Message {
    /// `user`, `assistant` or `system`. Messages with another role are ignored.
    role: String,
    /// The text, or a list of parts of the type `text`.
    content: Option<ChatContent>,
}

/// Content of a chat message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "`content` must be a text, or a list of parts of the type `text`")]
pub(super) enum ChatContent {
    /// A plain text.
    Text(ChatText),
    /// A list of parts.
    Parts(Vec<ChatPart>),
}

/// Text of a chat message. The limit is high for `system` messages, which are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(max_length = 1_000_000)]
pub(super) struct ChatText(String);

/// A part of a chat message.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChatPart {
    /// Text of a part of the type `text`. A part without text is refused, except in `system`
    /// messages.
    #[schema(max_length = 1_000_000)]
    text: Option<String>,
}

impl Request {
    /// Refuses what would change the shape of the answer: who asks for it relies on it.
    fn check(&self) -> Result<(), Problem> {
        let asks = |field: &Value| {
            !field.is_null() && field.as_array().is_none_or(|items| !items.is_empty())
        };
        if asks(&self.tools) || asks(&self.functions) {
            return Err(Problem::bad_request(
                "`tools` and `functions` are not supported: an agent calls no tools of its caller; leave them out",
            ));
        }
        if self.n.is_some_and(|n| n != 1) {
            return Err(Problem::bad_request("`n` must be 1: a customer gets one answer"));
        }
        let format = &self.response_format;
        if !format.is_null() && format["type"] != json!("text") {
            return Err(Problem::bad_request(
                "`response_format` must be {\"type\": \"text\"}: the answers are texts for customers",
            ));
        }
        Ok(())
    }
}

impl Message {
    /// The role, if it is a known one.
    fn role(&self) -> Option<Role> {
        self.role.parse().ok()
    }

    fn text(&self) -> Result<String, Problem> {
        match &self.content {
            None => Ok(String::new()),
            Some(ChatContent::Text(ChatText(text))) => Ok(text.clone()),
            Some(ChatContent::Parts(parts)) => {
                let texts: Option<Vec<_>> = parts.iter().map(|part| part.text.as_deref()).collect();
                texts.map(|texts| texts.join("\n")).ok_or_else(invalid_content)
            }
        }
    }
}

fn invalid_content() -> Problem {
    Problem::bad_request("`content` must be a text, or a list of parts of the type `text`")
}

/// Answers a chat with an agent, in the format of OpenAI's API. With `stream` the answer comes as
/// events.
#[utoipa::path(post, path = "/v1/chat/completions", operation_id = "complete_chat", tag = "completions", request_body = Request,
    responses((status = 200, description = "The completion; its `frontdesk` says what became of the turn. With `stream`, its chunks.",
            content((ChatCompletion = "application/json"), (ChatCompletionChunk = "text/event-stream"))),
        (status = 404, response = OpenAiError), (status = 429, response = OpenAiError)))]
pub(super) async fn chat(
    State(web): State<WebState>,
    Extension(seat): Extension<ExpensivePermit>,
    Body(request): Body<Request>,
) -> Result<Response, Problem> {
    request.check()?;
    check(&request.messages)?;
    let bot = find_bot(&web, &request.model).await?;
    let (mut turn, last) = (build_turn(&bot, &request.messages)?, bot.agent.history);
    let mut thread = match &request.frontdesk.state {
        Some(state) => read_state(Some(state))?,
        None => replay(&web.desk.intake, &bot, &turn.history),
    };
    turn.history.drain(..turn.history.len().saturating_sub(last));
    if request.frontdesk.resolve {
        thread.give_back();
    }
    let trial = Trial::of(&web, (TrialKind::Completions, seat), (&bot, turn, thread)).await?;
    if !request.stream {
        let answered = trial.run_detached(&web).await?;
        return Ok(Json(completion(&request.model, &answered)).into_response());
    }
    let usage = request.stream_options["include_usage"] == json!(true);
    let model = request.model;
    let events = futures::stream::once(async move {
        let data = if let Ok(answered) = trial.run_detached(&web).await {
            event_data(&chunks(&model, &answered, usage))
        } else {
            let error = openai_error("The turn broke.", "server_error", None);
            vec![serde_json::to_string(&error).unwrap_or_default()]
        };
        let events = data.into_iter().map(|data| Ok::<_, Infallible>(Event::default().data(data)));
        futures::stream::iter(events)
    });
    Ok(Sse::new(events.flatten()).keep_alive(KeepAlive::default()).into_response())
}

/// Refuses chats over the size limits: long texts are expensive. Messages that are ignored do not
/// count.
fn check(messages: &[Message]) -> Result<(), Problem> {
    let mut all = 0;
    for message in messages.iter().filter(|one| !matches!(one.role(), Some(Role::System) | None)) {
        let bytes = message.text()?.len();
        if message.role() == Some(Role::User) {
            check_length("A message", bytes, MAX_MESSAGE_BYTES)?;
        }
        all += bytes;
    }
    check_length("The chat", all, MAX_CHAT_BYTES)
}

/// Builds the turn, with the whole history.
fn build_turn(bot: &Bot, messages: &[Message]) -> Result<Turn, Problem> {
    let last = messages.iter().rposition(|one| one.role() == Some(Role::User));
    let last = last.ok_or_else(|| {
        Problem::bad_request(format!("`messages` has none of the role `{}`", Role::User))
    })?;
    let body = messages[last].text()?;
    if body.trim().is_empty() {
        return Err(Problem::bad_request("the last message of the user says nothing"));
    }
    let mut history = Vec::new();
    for one in &messages[..last] {
        let speaker = match one.role() {
            Some(Role::User) => Speaker::Customer,
            Some(Role::Assistant) => Speaker::Bot,
            Some(Role::System) | None => continue,
        };
        history.push(Line::new(speaker, one.text()?));
    }
    Ok(Turn {
        conversation: None,
        agent: bot.agent.clone(),
        contact: None,
        messages: vec![WaitingMessage::of(Content::Text { body })],
        history,
        now: now_ms(),
    })
}

/// An id of a completion, and the time of its making in seconds since 1970.
fn identity() -> (String, i64) {
    (format!("chatcmpl-{:016x}", getrandom::u64().unwrap_or_default()), now_ms() / 1_000)
}

fn usage(answered: &TrialResult) -> ChatUsage {
    let it = answered.trace.usage;
    let (read, written) = (it.input_tokens, it.output_tokens);
    ChatUsage { prompt_tokens: read, completion_tokens: written, total_tokens: read + written }
}

/// The `frontdesk` field.
fn outcome_extension(answered: &TrialResult) -> ChatOutcome {
    let TrialResult { outcome, reason, citations, thread, .. } = answered;
    ChatOutcome {
        outcome: *outcome,
        reason: reason.clone(),
        owner: thread.owner,
        state: write_state(thread),
        citations: citations.clone(),
    }
}

fn text(answered: &TrialResult) -> String {
    answered.bubbles.join("\n\n")
}

fn completion(model: &str, answered: &TrialResult) -> ChatCompletion {
    let (id, created) = identity();
    let message = ChatReply { role: Role::Assistant, content: text(answered), refusal: None };
    ChatCompletion {
        id,
        object: "chat.completion",
        created,
        model: model.to_owned(),
        choices: vec![ChatChoice { index: 0, message, logprobs: None, finish_reason: "stop" }],
        usage: usage(answered),
        frontdesk: outcome_extension(answered),
    }
}

/// The chunks of a streamed answer: role, the whole text, stop with the `frontdesk` field, and the
/// usage if requested.
fn chunks(model: &str, answered: &TrialResult, with_usage: bool) -> Vec<ChatCompletionChunk> {
    let (id, created) = identity();
    let chunk = |choices, usage| ChatCompletionChunk {
        id: id.clone(),
        object: "chat.completion.chunk",
        created,
        model: model.to_owned(),
        choices,
        usage,
        frontdesk: None,
    };
    let piece = |role, content, finish_reason| {
        let delta = ChatDelta { role, content };
        chunk(vec![ChatChunkChoice { index: 0, delta, finish_reason }], None)
    };
    let stop = ChatCompletionChunk {
        frontdesk: Some(outcome_extension(answered)),
        ..piece(None, None, Some("stop"))
    };
    let mut all = vec![
        piece(Some(Role::Assistant), Some(String::new()), None),
        piece(None, Some(text(answered)), None),
        stop,
    ];
    if with_usage {
        all.push(chunk(Vec::new(), Some(usage(answered))));
    }
    all
}

/// The data of the events of a streamed answer.
fn event_data(chunks: &[ChatCompletionChunk]) -> Vec<String> {
    let written = |chunk: &ChatCompletionChunk| serde_json::to_string(chunk).unwrap_or_default();
    chunks.iter().map(written).chain(["[DONE]".to_owned()]).collect()
}

/// Middleware that converts errors under `/v1/` to OpenAI's format.
pub(super) async fn convert_errors_to_openai(call: Call, next: Next) -> Response {
    let theirs = call.uri().path().starts_with("/v1/");
    let response = next.run(call).await;
    let status = response.status();
    if !theirs || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ERROR_BODY_BYTES).await.unwrap_or_default();
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let message = problem["detail"].as_str().unwrap_or("The request was refused.");
    let (kind, code) = match status {
        StatusCode::UNAUTHORIZED => ("invalid_request_error", Some("invalid_api_key")),
        StatusCode::NOT_FOUND => ("invalid_request_error", Some("model_not_found")),
        // With `Retry-After` a rate limit was hit; without it a budget is used up.
        StatusCode::TOO_MANY_REQUESTS if parts.headers.contains_key(RETRY_AFTER) => {
            ("requests", Some("rate_limit_exceeded"))
        }
        StatusCode::TOO_MANY_REQUESTS => ("insufficient_quota", Some("insufficient_quota")),
        status if status.is_server_error() => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    let error = openai_error(message, kind, code);
    parts.headers.remove(CONTENT_TYPE);
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    (parts.status, parts.headers, Json(error)).into_response()
}

fn openai_error(message: &str, kind: &'static str, code: Option<&'static str>) -> OpenAiError {
    OpenAiError { error: OpenAiErrorBody { message: message.to_owned(), kind, param: None, code } }
}
