//! The sandbox: runs a turn of the real pipeline. Nothing is sent or stored, and the caller keeps
//! the history.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use utoipa::ToSchema;

use super::knowledge::named;
use super::length::{MAX_CHAT_BYTES, MAX_MESSAGE_BYTES, check_length};
use super::trial::{Trial, TrialResult, read_state, unknown_agent, write_state};
use crate::domain::stream::SandboxEventName;
use crate::domain::thread::Thread;
use crate::domain::time::now_ms;
use crate::domain::trial::{TrialKind, TrialOutcome};
use crate::domain::{
    AgentId, Blob, CaseReason, Citation, Content, Line, Media, MediaKind, Owner, Speaker, Trace,
    Turn, WaitingMessage,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Form, Upload};
use crate::http::limits::ExpensivePermit;
use crate::pipeline::Bot;
use crate::prompts;

/// A message to the bot.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SandboxMessage)]
pub(super) struct Request {
    /// Id or short name of the agent; default: the first one, by short name. With a `prompt` it
    /// need not exist yet.
    agent: Option<String>,
    /// The customer's message, or the caption of the recording. At most 16,384 bytes.
    #[serde(default)]
    #[schema(max_length = 16384)]
    text: String,
    /// Earlier messages, oldest first. At most 65,536 bytes together.
    #[serde(default)]
    history: Vec<Earlier>,
    /// Text of a prompt file to use instead of the agent's live version.
    #[schema(max_length = 200_000)]
    prompt: Option<String>,
    /// The `state` of the turn before this one; without it a conversation begins, with this
    /// history.
    #[schema(max_length = 4_000)]
    state: Option<String>,
    /// Whether a person resolves the conversation before this message: the bot answers again.
    #[serde(default)]
    resolve: bool,
}

impl Request {
    /// Refuses texts over the size limits: long texts are expensive.
    fn check(&self) -> Result<(), Problem> {
        check_length("`text`", self.text.len(), MAX_MESSAGE_BYTES)?;
        let history = self.history.iter().map(|earlier| earlier.text.len()).sum();
        check_length("`history`", history, MAX_CHAT_BYTES)
    }

    /// Returns the conversation before this message.
    fn thread(&self) -> Result<Thread, Problem> {
        let mut thread = read_state(self.state.as_deref())?;
        if self.resolve {
            thread.give_back();
        }
        Ok(thread)
    }
}

/// A message with a recording, as a form.
#[derive(ToSchema)]
#[schema(as = SandboxForm)]
#[expect(dead_code, reason = "it describes the form to those who read the API's document")]
pub(super) struct TurnForm {
    /// The message without the recording, as JSON.
    request: Request,
    /// The recording, in any format that customers send.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    recording: Vec<u8>,
}

/// An earlier message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EarlierMessage)]
pub(super) struct Earlier {
    /// Who wrote it.
    speaker: Speaker,
    /// Its text.
    text: String,
}

impl From<Line> for Earlier {
    fn from(line: Line) -> Self {
        Self { speaker: line.speaker, text: line.text }
    }
}

impl From<Earlier> for Line {
    fn from(earlier: Earlier) -> Self {
        Self::new(earlier.speaker, earlier.text)
    }
}

/// Result of a sandbox turn.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SandboxOutcome)]
#[expect(clippy::struct_field_names, reason = "the API's word for it")]
pub(super) struct Outcome {
    /// Outcome of the turn.
    outcome: TrialOutcome,
    /// Messages that the customer would get, in WhatsApp's formatting; of a file or place its name.
    bubbles: Vec<String>,
    /// The labels of the choices that the customer could tap; the last message has them as numbered lines.
    choices: Vec<String>,
    /// Passages that the answer is based on.
    citations: Vec<Citation>,
    /// Why a person would be called, or why the bot says nothing; null otherwise.
    reason: Option<String>,
    /// Why a person would be called, as a code with its values; null otherwise.
    reason_code: Option<CaseReason>,
    /// What each stage saw, decided and used, and how long it took. Without stages if the message
    /// did not reach the pipeline, such as an opt-out.
    trace: Trace,
    /// Who may speak after this turn. A person keeps the conversation until a message with
    /// `resolve`.
    owner: Owner,
    /// Whether the customer opted out; an opt-in word, such as START, ends that.
    opted_out: bool,
    /// State of the conversation after this turn: send it with the next message as it is.
    state: String,
}

/// Runs one turn. As towards a customer, an opt-out is confirmed and obeyed, and after a hand-off the
/// bot is silent: the caller keeps the `state` between turns. With `Accept: text/event-stream` the answer is streamed: `text` events with a
/// piece each, then one `done` event with the result. As a form (`multipart/form-data`) it also
/// takes a voice note: this JSON in the field `request`, the file in the field `recording`.
#[utoipa::path(post, path = "/sandbox/turns", operation_id = "run_sandbox_turn", tag = "sandbox",
    request_body(content((Request = "application/json"), (TurnForm = "multipart/form-data"))),
    responses((status = 200, description = "The outcome; with `Accept: text/event-stream`, events.",
            content((Outcome = "application/json"), (SandboxEvent = "text/event-stream"))),
        (status = 404, response = Problem), (status = 422, response = Problem), (status = 429, response = Problem)))]
pub(super) async fn turn(
    State(web): State<WebState>,
    Extension(seat): Extension<ExpensivePermit>,
    headers: HeaderMap,
    Form { request, recording }: Form<Request>,
) -> Result<Response, Problem> {
    request.check()?;
    if recording.is_none() && request.text.trim().is_empty() {
        return Err(Problem::unprocessable(
            "say something: `text` is empty and there is no `recording`",
        ));
    }
    let thread = request.thread()?;
    let bot = bot(&web, &request).await?;
    let turn = build_turn(&bot, request, recording);
    let trial = Trial::of(&web, (TrialKind::Sandbox, seat), (&bot, turn, thread)).await?;
    let streamed = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if streamed {
        return Ok(stream(web, trial).into_response());
    }
    let answered = trial.run_detached(&web).await?;
    Ok(Json(Outcome::from(answered)).into_response())
}

async fn bot(web: &WebState, request: &Request) -> Result<Arc<Bot>, Problem> {
    let live = match &request.agent {
        Some(name) => web.desk.bots.named(name),
        None => web.desk.bots.all().into_iter().next(),
    };
    let Some(source) = &request.prompt else {
        return live.ok_or_else(|| unknown_agent(web));
    };
    // An agent that is not published yet can be tried, too.
    let slug = live.as_ref().map_or("draft", |live| live.agent.slug.as_str());
    let file = format!("{slug}.md");
    let draft =
        prompts::parse(&file, source).map_err(|wrong| Problem::unprocessable(wrong.to_string()))?;
    let knowledge =
        if draft.knowledge.is_empty() { Vec::new() } else { named(web, &draft.knowledge).await? };
    let id = live.map_or_else(AgentId::generate, |live| live.agent.id.clone());
    let bot = draft.bot(id, None, knowledge);
    bot.map(Arc::new).map_err(Problem::unprocessable)
}

fn build_turn(bot: &Bot, request: Request, recording: Option<Upload>) -> Turn {
    let content = match recording {
        Some(Upload { mime_type, bytes }) => Content::Media(Media {
            kind: MediaKind::Voice,
            mime_type,
            caption: Some(request.text).filter(|text| !text.trim().is_empty()),
            bytes: Some(Blob(bytes.into())),
            ..Media::default()
        }),
        None => Content::Text { body: request.text },
    };
    let all: Vec<Line> = request.history.into_iter().map(Line::from).collect();
    let skip = all.len().saturating_sub(bot.agent.history);
    Turn {
        conversation: None,
        agent: bot.agent.clone(),
        contact: None,
        messages: vec![WaitingMessage::of(content)],
        history: all.into_iter().skip(skip).collect(),
        now: now_ms(),
    }
}

/// A server-sent event of a sandbox turn: its name, and its data as JSON.
#[derive(Serialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub(super) enum SandboxEvent {
    /// The next part of the answer.
    Text(String),
    /// The complete outcome: the last event.
    Done(Box<Outcome>),
}

fn stream(
    web: WebState,
    trial: Trial,
) -> Sse<impl futures::Stream<Item = Result<Event, Infallible>>> {
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        // Sending fails if the caller disconnected; the turn still runs to its end.
        let hear = |piece: &str| drop(tell.send(SandboxEvent::Text(piece.to_owned())));
        let answered = trial.run(&web, Some(&hear)).await;
        drop(tell.send(SandboxEvent::Done(Box::new(answered.into()))));
    });
    Sse::new(events(told)).keep_alive(KeepAlive::default())
}

fn events(
    told: UnboundedReceiver<SandboxEvent>,
) -> impl futures::Stream<Item = Result<Event, Infallible>> {
    let next = |mut told: UnboundedReceiver<SandboxEvent>| async {
        told.recv().await.map(|one| (one, told))
    };
    futures::stream::unfold(told, next).map(|told| {
        let named = |name: SandboxEventName| Event::default().event(name.as_str());
        let event = match told {
            SandboxEvent::Text(piece) => named(SandboxEventName::Text).json_data(piece),
            SandboxEvent::Done(outcome) => named(SandboxEventName::Done).json_data(outcome),
        };
        Ok(event.unwrap_or_else(|error| named(SandboxEventName::Error).data(error.to_string())))
    })
}

impl From<TrialResult> for Outcome {
    fn from(answered: TrialResult) -> Self {
        let TrialResult { outcome, bubbles, choices, citations, reason, trace, thread } = answered;
        Self {
            outcome,
            bubbles,
            choices,
            citations,
            reason_code: reason.as_deref().and_then(CaseReason::of),
            reason,
            trace,
            owner: thread.owner,
            opted_out: thread.opted_out_at.is_some(),
            state: write_state(&thread),
        }
    }
}
