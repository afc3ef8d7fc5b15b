//! WhatsApp and the model in one small server: answers at once (or after the model's time), and tells the asker when a
//! reply to him was sent.

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
use super::hook::wamid;

/// The running server.
pub(crate) struct Upstream {
    /// Its address.
    pub(crate) url: String,
    state: Arc<Shared>,
}

/// A reply as it arrived at WhatsApp.
pub(crate) struct Arrived {
    /// When.
    pub(crate) at: Instant,
    /// The id that it was given.
    pub(crate) id: String,
    /// What the sender wants to hear again in the news of it; empty where it sent none.
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

    /// How long the model thinks from now on.
    pub(crate) fn think(&self, time: Duration) {
        self.state.model_ms.store(time.as_millis() as u64, Ordering::Relaxed);
    }

    /// Resolves when a reply to this customer was sent.
    pub(crate) fn reply_to(&self, customer: &str) -> oneshot::Receiver<Arrived> {
        let (tell, told) = oneshot::channel();
        self.state.waiting.lock().expect("no panic").insert(format!("+{customer}"), tell);
        told
    }

    /// How many messages were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::Relaxed) as u64
    }

    /// How many times the model was asked.
    pub(crate) fn answered(&self) -> u64 {
        self.state.answered.load(Ordering::Relaxed)
    }
}

/// One vector for every text: the search over the passages costs the same whatever is asked.
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
