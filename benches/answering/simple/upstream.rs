//! A small server that fakes WhatsApp and the model. Answers at once or after the model's time, and
//! notifies a waiting customer when a reply is sent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::DIMS;
use crate::hook::wamid;

pub(crate) struct Upstream {
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
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<HashMap<String, oneshot::Sender<Arrived>>>,
    model_ms: AtomicU64,
    answered: AtomicU64,
    sent: AtomicUsize,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Shared::default());
        let router = Router::new()
            .route("/v1/embeddings", post(embeddings))
            .route("/v1/chat/completions", post(chat))
            .route("/{version}/{number}/messages", post(messages))
            .route("/v1/models", get(|| async { "{\"data\":[]}" }))
            .with_state(state.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
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

    /// Returns the number of sent messages.
    pub(crate) fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::Relaxed) as u64
    }

    /// Returns the number of requests to the model.
    pub(crate) fn answered(&self) -> u64 {
        self.state.answered.load(Ordering::Relaxed)
    }
}

/// Returns the same vector for every text: the search costs the same for every question.
async fn embeddings(body: Bytes) -> impl IntoResponse {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let count = asked["input"].as_array().map_or(1, Vec::len);
    let vector: Vec<f32> = (0..DIMS).map(|i| ((i * 37) % 97) as f32 / 97.0).collect();
    let data: Vec<_> =
        (0..count).map(|index| json!({"index": index, "embedding": vector})).collect();
    as_json(&json!({"data": data, "usage": {"prompt_tokens": 9, "total_tokens": 9}}))
}

async fn chat(State(state): State<Arc<Shared>>) -> impl IntoResponse {
    state.answered.fetch_add(1, Ordering::Relaxed);
    let think = state.model_ms.load(Ordering::Relaxed);
    if think > 0 {
        tokio::time::sleep(Duration::from_millis(think)).await;
    }
    as_json(&json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "We close at **18:00** on weekdays [1]."}}],
        "usage": {"prompt_tokens": 700, "completion_tokens": 12, "total_tokens": 712},
    }))
}

async fn messages(State(state): State<Arc<Shared>>, body: Bytes) -> impl IntoResponse {
    let at = Instant::now();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| message[key].as_str().unwrap_or_default();
    let count = state.sent.fetch_add(1, Ordering::Relaxed);
    let id = wamid(count, &format!("OUT{count}"));
    let answer = as_json(&json!({"messaging_product": "whatsapp", "messages": [{"id": &id}]}));
    if let Some(tell) = state.waiting.lock().expect("no panic").remove(text("to")) {
        let reference = text("biz_opaque_callback_data").to_owned();
        let _ = tell.send(Arrived { at, id, reference });
    }
    answer
}

fn as_json(body: &Value) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, "application/json")], body.to_string())
}
