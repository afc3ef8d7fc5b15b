//! Test support: a small HTTP server that plays a script, one act for each request, and records the
//! requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use secrecy::SecretString;
use serde_json::Value;

use super::Access;

/// Response to one request. The last act of a script is repeated.
#[derive(Clone)]
pub enum Act {
    /// Responds with status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Sends this part of an event stream, then cuts the connection.
    Cut(String),
    /// Sends this part of an event stream, then nothing more.
    Hang(String),
    /// Never responds.
    Stall,
}

/// A request that the server received.
#[derive(Clone)]
pub struct ReceivedRequest {
    /// Path, such as `/v1/chat/completions`.
    pub path: String,
    /// `authorization` header.
    pub key: Option<String>,
    /// Body.
    pub body: Bytes,
}

/// A test server that plays a script.
pub struct ScriptedServer {
    /// Its `base_url`.
    pub url: String,
    stage: Arc<ScriptState>,
}

struct ScriptState {
    acts: Mutex<VecDeque<Act>>,
    heard: Mutex<Vec<ReceivedRequest>>,
}

impl Act {
    /// Responds with this JSON.
    pub fn say(body: &str) -> Self {
        Self::refuse(200, &[("content-type", "application/json")], body)
    }

    /// Responds with these events.
    pub fn stream(body: &str) -> Self {
        Self::refuse(200, &[("content-type", "text/event-stream")], body)
    }

    /// Responds with a status, headers and a body.
    pub fn refuse(status: u16, headers: &[(&'static str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self::Answer(status, headers, body.to_owned())
    }

    async fn play(self) -> Response {
        match self {
            Self::Answer(status, headers, body) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(body)).unwrap()
            }
            Self::Cut(begun) => {
                // An immediate error would cut the connection before the first bytes are sent.
                let cut = async {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    Err(std::io::Error::other("cut"))
                };
                let begun = futures::stream::iter([Ok(begun)]);
                let cut = futures::StreamExt::chain(begun, futures::stream::once(cut));
                events(Body::from_stream(cut))
            }
            Self::Hang(begun) => {
                let begun = futures::stream::iter([Ok::<_, std::io::Error>(begun)]);
                let hang = futures::StreamExt::chain(begun, futures::stream::pending());
                events(Body::from_stream(hang))
            }
            Self::Stall => std::future::pending().await,
        }
    }
}

fn events(body: Body) -> Response {
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

impl ScriptedServer {
    /// Starts the server on a free local port; it stops with the runtime.
    pub async fn start(acts: Vec<Act>) -> Self {
        crypto();
        let stage =
            Arc::new(ScriptState { acts: Mutex::new(acts.into()), heard: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&stage));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, stage }
    }

    /// Requests received so far.
    pub fn received_requests(&self) -> Vec<ReceivedRequest> {
        self.stage.heard.lock().unwrap().clone()
    }

    /// Bodies received so far, as JSON.
    pub fn bodies(&self) -> Vec<Value> {
        let read =
            |heard: &ReceivedRequest| serde_json::from_slice(&heard.body).unwrap_or_default();
        self.received_requests().iter().map(read).collect()
    }
}

async fn answer(
    State(stage): State<Arc<ScriptState>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get("authorization").map(|key| key.to_str().unwrap().to_owned());
    stage.heard.lock().unwrap().push(ReceivedRequest { path: uri.path().to_owned(), key, body });
    let act = {
        let mut acts = stage.acts.lock().unwrap();
        if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() }
    };
    act.unwrap().play().await
}

/// Access to a test server, with a key that must never be shown.
pub fn access(base_url: &str) -> Access {
    Access {
        base_url: base_url.to_owned(),
        api_key: Some(SecretString::from("sk-top-secret")),
        timeout_ms: 20_000,
        attempt_ms: 5000,
        retries: 3,
        retry_cap_ms: 20_000,
    }
}

/// Installs the TLS crypto provider, as the program does at startup.
pub fn crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Attempt timeout: enough to detect a stalled server, short enough for a test.
pub const SOON: Duration = Duration::from_millis(150);
