//! OpenAI-compatible API: `POST /v1/chat/completions` and `GET /v1/models`. A request runs one turn
//! of the real pipeline, as in the sandbox: nothing is sent or stored, and the caller keeps the
//! history.

use std::convert::Infallible;
use std::sync::Arc;

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
use super::trial::Trial;
use crate::domain::time::now_ms;
use crate::domain::trial::TrialKind;
use crate::domain::{Content, Line, Outcome, Role, Speaker, Turn, WaitingMessage};
use crate::eval::drafts::draft_bot;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Body;
use crate::http::limits::ExpensivePermit;
use crate::pipeline::outbound::bubbles;
use crate::pipeline::{Bot, TurnResult};

mod format;

pub(super) use self::format::OpenAiError;
use self::format::{
    ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk, ChatDelta, ChatModel,
    ChatModelList, ChatOutcome, ChatReply, ChatUsage, OpenAiErrorBody,
};

/// Maximum size of an error body that is converted to OpenAI's format, in bytes.
const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;

/// A chat completion request in OpenAI's format. Model settings such as `temperature` are ignored:
/// the agent has its own.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatCompletionRequest)]
pub(super) struct Request {
    /// Short name of the agent, or one of its versions, such as `support@3`.
    model: String,
    /// The chat, oldest message first. The last `user` message is answered. `system` messages are
    /// ignored, because the agent has its own prompt; the others are at most 65,536 bytes together.
    messages: Vec<Message>,
    /// Whether to send the answer as events. Its text comes whole, because it is checked before it
    /// is sent.
    #[serde(default)]
    stream: bool,
    /// With `include_usage`, a last event reports the token usage.
    #[serde(default)]
    #[schema(value_type = Object)]
    stream_options: Value,
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
    let bot = bot(&web, &request.model).await?;
    check(&request.messages)?;
    let turn = build_turn(&bot, &request.messages)?;
    let trial = Trial::of(&web, (TrialKind::Completions, seat), (&bot, turn)).await?;
    if !request.stream {
        let answered = trial.run_detached(&web).await?;
        return Ok(Json(completion(&request.model, &bot, &answered)).into_response());
    }
    let usage = request.stream_options["include_usage"] == json!(true);
    let model = request.model;
    let events = futures::stream::once(async move {
        let data = match trial.run_detached(&web).await {
            Ok(answered) => event_data(&chunks(&model, &bot, &answered, usage)),
            Err(_) => {
                let error = openai_error("The turn broke.", "server_error", None);
                vec![serde_json::to_string(&error).unwrap_or_default()]
            }
        };
        let events = data.into_iter().map(|data| Ok::<_, Infallible>(Event::default().data(data)));
        futures::stream::iter(events)
    });
    Ok(Sse::new(events.flatten()).keep_alive(KeepAlive::default()).into_response())
}

/// Lists the agents in the format of OpenAI's model list.
#[utoipa::path(get, path = "/v1/models", operation_id = "list_models", tag = "completions",
    responses((status = 200, body = ChatModelList)))]
pub(super) async fn models(State(web): State<WebState>) -> Json<ChatModelList> {
    let one = |bot: Arc<Bot>| ChatModel {
        id: bot.agent.slug.clone(),
        object: "model",
        created: 0,
        owned_by: "frontdesk",
    };
    Json(ChatModelList {
        object: "list",
        data: web.desk.bots.all().into_iter().map(one).collect(),
    })
}

/// Finds an agent, or one of its versions, by model name.
async fn bot(web: &WebState, model: &str) -> Result<Arc<Bot>, Problem> {
    let (name, version) = match model.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (model, None),
    };
    let live = web.desk.bots.named(name).ok_or_else(|| Problem::not_found("agent"))?;
    let Some(version) = version else { return Ok(live) };
    let number = version
        .trim_start_matches('v')
        .parse()
        .map_err(|_| Problem::bad_request(format!("a version is a number, such as `{name}@3`")))?;
    let slug = &live.agent.slug;
    let found = web.desk.store.version(slug, number).await?;
    let found = found.ok_or_else(|| Problem::not_found("version"))?;
    draft_bot(&web.desk, slug, &found.source).await.map_err(Problem::unprocessable)
}

/// Refuses chats over the size limits: long texts are expensive. `system` messages do not count,
/// because they are ignored.
fn check(messages: &[Message]) -> Result<(), Problem> {
    let mut all = 0;
    for message in messages.iter().filter(|one| one.role() != Some(Role::System)) {
        let bytes = message.text()?.len();
        if message.role() == Some(Role::User) {
            check_length("A message", bytes, MAX_MESSAGE_BYTES)?;
        }
        all += bytes;
    }
    check_length("The chat", all, MAX_CHAT_BYTES)
}

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
    let skip = history.len().saturating_sub(bot.agent.history);
    Ok(Turn {
        conversation: None,
        agent: bot.agent.clone(),
        contact: None,
        messages: vec![WaitingMessage::of(Content::Text { body })],
        history: history.split_off(skip),
        now: now_ms(),
    })
}

/// An id of a completion, and the time of its making in seconds since 1970.
fn identity() -> (String, i64) {
    (format!("chatcmpl-{:016x}", getrandom::u64().unwrap_or_default()), now_ms() / 1_000)
}

fn usage(answered: &TurnResult) -> ChatUsage {
    let it = answered.trace.usage;
    let (read, written) = (it.input_tokens, it.output_tokens);
    ChatUsage { prompt_tokens: read, completion_tokens: written, total_tokens: read + written }
}

/// The `frontdesk` field: the outcome of the turn and the reason for a hand-off.
fn outcome_extension(answered: &TurnResult) -> ChatOutcome {
    let reason = match &answered.outcome {
        Outcome::HandOver { reason, .. } => Some(reason.to_string()),
        _ => None,
    };
    ChatOutcome { outcome: answered.outcome.kind(), reason }
}

fn text(bot: &Bot, answered: &TurnResult) -> String {
    bubbles(bot, &answered.outcome).join("\n\n")
}

fn completion(model: &str, bot: &Bot, answered: &TurnResult) -> ChatCompletion {
    let (id, created) = identity();
    let message =
        ChatReply { role: Role::Assistant, content: text(bot, answered), refusal: None };
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

/// The chunks of a streamed answer: role, text, stop, and the usage if requested.
fn chunks(
    model: &str,
    bot: &Bot,
    answered: &TurnResult,
    with_usage: bool,
) -> Vec<ChatCompletionChunk> {
    let (id, created) = identity();
    let chunk = |choices, usage| ChatCompletionChunk {
        id: id.clone(),
        object: "chat.completion.chunk",
        created,
        model: model.to_owned(),
        choices,
        usage,
    };
    let piece = |role, content, finish_reason| {
        let delta = ChatDelta { role, content };
        chunk(vec![ChatChunkChoice { index: 0, delta, finish_reason }], None)
    };
    let mut all = vec![
        piece(Some(Role::Assistant), Some(String::new()), None),
        piece(None, Some(text(bot, answered)), None),
        piece(None, None, Some("stop")),
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
