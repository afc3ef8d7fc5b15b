//! A small server that fakes WhatsApp, the model and the embeddings. Tells a waiting customer when
//! a reply arrives, and counts calls of each kind.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::data::Data;
use super::home::{HAND_OFF, NO_ANSWER};
use super::model;
use super::talk::talk;
use super::vectors::Vectors;
use crate::hook::wamid;

/// Kinds of calls and replies that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Requests for embeddings.
    Embed,
    /// Texts in them.
    Text,
    /// Questions rewritten for the search.
    Rewrite,
    /// Answers written by the model.
    Answer,
    /// Typing indicators.
    Typing,
    /// Messages sent to customers.
    Sent,
    /// Of these, the fixed text for no answer.
    NoAnswer,
    /// Of these, the fixed text of a hand-off.
    HandOff,
}

/// Number of calls of each kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Calls([u64; 8]);

impl Calls {
    pub(crate) fn of(self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] - earlier.0[at]))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] + other.0[at]))
    }
}

pub(crate) struct Fake {
    pub(crate) url: String,
    state: Arc<Shared>,
}

/// A reply as it arrived at WhatsApp.
pub(crate) struct Arrived {
    /// Time of arrival.
    pub(crate) at: Instant,
    /// Id assigned to the reply.
    pub(crate) id: String,
    /// The sender's reference, which is repeated in its status updates; empty if none was sent.
    pub(crate) reference: String,
    /// Whether a person takes over, so that no more answers come.
    pub(crate) is_hand_off: bool,
}

struct Shared {
    waiting: Mutex<HashMap<String, oneshot::Sender<Arrived>>>,
    vectors: Vectors,
    /// Percentage of the model's statements that are in other words than the passage's.
    reworded: u64,
    model_ms: AtomicU64,
    calls: [AtomicU64; 8],
}

impl Shared {
    fn count(&self, kind: Kind, number: usize) -> u64 {
        self.calls[kind as usize].fetch_add(number as u64, Ordering::Relaxed)
    }
}

impl Fake {
    /// Starts it. `reworded`: percentage of the model's statements that are in other words than the
    /// passage's.
    pub(crate) async fn start(data: &Data, reworded: u64) -> Self {
        let state = Arc::new(Shared {
            waiting: Mutex::default(),
            vectors: Vectors::new(data),
            reworded,
            model_ms: AtomicU64::new(0),
            calls: Default::default(),
        });
        let router = Router::new()
            .route("/v1/embeddings", post(embeddings))
            .route("/v1/chat/completions", post(chat))
            .route("/{version}/{number}/messages", post(messages))
            .route("/v1/models", get(|| async { "{\"data\":[]}" }))
            .layer(DefaultBodyLimit::disable())
            .with_state(state.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Makes the vectors of the first messages of a round, in conversations from this number.
    pub(crate) fn prepare(&self, data: &Data, first: usize, messages: usize) {
        let texts = (first..).flat_map(|number| talk(data, number));
        texts.take(messages).for_each(|text| self.state.vectors.prepare(&text));
    }

    /// Sets the response time of the model.
    pub(crate) fn think(&self, time: Duration) {
        self.state.model_ms.store(time.as_millis() as u64, Ordering::Relaxed);
    }

    /// Returns a receiver that resolves when a reply to this customer is sent.
    pub(crate) fn reply_to(&self, customer: &str) -> oneshot::Receiver<Arrived> {
        let (tell, told) = oneshot::channel();
        self.state.waiting.lock().expect("no panic").insert(format!("+{customer}"), tell);
        told
    }

    /// Returns the calls so far.
    pub(crate) fn calls(&self) -> Calls {
        Calls(std::array::from_fn(|at| self.state.calls[at].load(Ordering::Relaxed)))
    }
}

async fn embeddings(State(state): State<Arc<Shared>>, body: Bytes) -> impl IntoResponse {
    let (answer, texts) = state.vectors.answer(&body);
    state.count(Kind::Embed, 1);
    state.count(Kind::Text, texts);
    as_json(answer)
}

async fn chat(State(state): State<Arc<Shared>>, body: Bytes) -> impl IntoResponse {
    let request = serde_json::from_slice(&body).expect("a request");
    let written = model::write(&request, state.reworded);
    state.count(if written.is_rewrite { Kind::Rewrite } else { Kind::Answer }, 1);
    // A rewrite comes at once: what a reply takes beyond the model's time is the desk's own.
    let think = state.model_ms.load(Ordering::Relaxed);
    if think > 0 && !written.is_rewrite {
        tokio::time::sleep(Duration::from_millis(think)).await;
    }
    let (asked, told) = (written.prompt / 4, written.text.len() / 4 + 1);
    let content = serde_json::Value::from(written.text);
    as_json(format!(
        r#"{{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"finish_reason":"stop",
        "message":{{"role":"assistant","content":{content}}}}}],
        "usage":{{"prompt_tokens":{asked},"completion_tokens":{told},"total_tokens":{}}}}}"#,
        asked + told
    ))
}

/// A message to a customer, or a typing indicator.
#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    to: String,
    #[serde(default)]
    biz_opaque_callback_data: String,
    #[serde(default)]
    text: Text,
    typing_indicator: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Text {
    body: String,
}

async fn messages(State(state): State<Arc<Shared>>, body: Bytes) -> impl IntoResponse {
    let at = Instant::now();
    let message: Message = serde_json::from_slice(&body).expect("a message");
    if message.typing_indicator.is_some() {
        state.count(Kind::Typing, 1);
        return as_json(r#"{"success":true}"#.to_owned());
    }
    let count = state.count(Kind::Sent, 1) as usize;
    let is_hand_off = message.text.body.starts_with(HAND_OFF);
    if is_hand_off {
        state.count(Kind::HandOff, 1);
    } else if message.text.body.starts_with(NO_ANSWER) {
        state.count(Kind::NoAnswer, 1);
    }
    let id = wamid(count, &format!("OUT{count}"));
    let answer = json!({"messaging_product": "whatsapp", "messages": [{"id": &id}]}).to_string();
    if let Some(tell) = state.waiting.lock().expect("no panic").remove(&message.to) {
        let reference = message.biz_opaque_callback_data;
        let _ = tell.send(Arrived { at, id, reference, is_hand_off });
    }
    as_json(answer)
}

fn as_json(body: impl Into<axum::body::Body>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], body.into())
}
