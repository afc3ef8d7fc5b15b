//! A fake server of models on this machine, which lists them as Ollama does. Must not pool
//! connections: a stopped server is gone at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::fake::{Running, json as answer};

/// The fake server, on its port until it is dropped.
pub(crate) struct Ollama {
    pub(crate) port: u16,
    state: Arc<Shared>,
    _running: Running,
}

struct Shared {
    models: Vec<&'static str>,
    requests: Mutex<Vec<(String, Value)>>,
}

impl Ollama {
    /// Starts the server with these models on a port of its own.
    pub(crate) async fn start(models: &[&'static str]) -> Self {
        Self::start_on(0, models).await
    }

    /// Starts the server on a port.
    pub(crate) async fn start_on(port: u16, models: &[&'static str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Shared { models: models.to_vec(), requests: Mutex::default() });
        let router = Router::new().fallback(respond).with_state(Arc::clone(&state));
        Self { port, state, _running: Running::serve(listener, router) }
    }

    /// Stops the server. From then on connections are refused.
    pub(crate) async fn stop(self) {
        let port = self.port;
        drop(self);
        while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// URL of its API.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Returns the bodies of the requests to a path, in order.
    pub(crate) fn requests(&self, path: &str) -> Vec<Value> {
        let all = self.state.requests.lock().unwrap();
        all.iter().filter(|(to, _)| to == path).map(|(_, body)| body.clone()).collect()
    }

    /// Returns the number of requests to any path.
    pub(crate) fn count(&self) -> usize {
        self.state.requests.lock().unwrap().len()
    }
}

async fn respond(State(state): State<Arc<Shared>>, uri: Uri, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    state.requests.lock().unwrap().push((uri.path().to_owned(), body.clone()));
    let model = |id: &&str| json!({"id": id, "object": "model", "created": 1_760_000_000, "owned_by": "library"});
    let known = state.models.iter().any(|model| body["model"] == *model);
    let mut response = match uri.path() {
        "/v1/models" => {
            let models: Vec<Value> = state.models.iter().map(model).collect();
            answer(&json!({"object": "list", "data": models}))
        }
        "/v1/chat/completions" if known => {
            let message = json!({"role": "assistant", "content": "LLAMA: at one [1]."});
            answer(&json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
            }))
        }
        _ => {
            let mut missing = answer(&json!({"error": {"message": "model not found"}}));
            *missing.status_mut() = axum::http::StatusCode::NOT_FOUND;
            missing
        }
    };
    response.headers_mut().insert("connection", "close".parse().unwrap());
    response
}
