//! Test support: a small server for the tests of whoever asks endpoints: plays a script, one act a request, and remembers what it heard.

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

/// What the server does with one request. The last act of a script is played again and again.
#[derive(Clone)]
pub enum Act {
    /// Answers: status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Sends this much of a stream of events and cuts the connection.
    Cut(String),
    /// Sends this much of a stream of events and then nothing more.
    Hang(String),
    /// Never answers.
    Stall,
}

/// A request that the server received.
#[derive(Clone)]
pub struct ReceivedRequest {
    /// Its path, such as `/v1/chat/completions`.
    pub path: String,
    /// Its `authorization` header.
    pub key: Option<String>,
    /// Its body.
    pub body: Bytes,
}

/// A server that answers by its script.
pub struct ScriptedServer {
    /// The `base_url` to reach it by.
    pub url: String,
    stage: Arc<ScriptState>,
}

struct ScriptState {
    acts: Mutex<VecDeque<Act>>,
    heard: Mutex<Vec<ReceivedRequest>>,
}

impl Act {
    /// Answers with this JSON.
    pub fn say(body: &str) -> Self {
        Self::refuse(200, &[("content-type", "application/json")], body)
    }

    /// Answers with these events.
    pub fn stream(body: &str) -> Self {
        Self::refuse(200, &[("content-type", "text/event-stream")], body)
    }

    /// Answers with a status, headers and a body.
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
                // An error right away would cut the connection before the first bytes are on the wire.
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
    /// Starts it on a free port of this machine; it ends with the runtime.
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

    /// The requests so far.
    pub fn heard(&self) -> Vec<ReceivedRequest> {
        self.stage.heard.lock().unwrap().clone()
    }

    /// The bodies heard, as JSON.
    pub fn bodies(&self) -> Vec<Value> {
        let read =
            |heard: &ReceivedRequest| serde_json::from_slice(&heard.body).unwrap_or_default();
        self.heard().iter().map(read).collect()
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

/// Access to a scripted server, with a key that must never be told.
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

/// Chooses the cryptography, as the program does when it starts.
pub fn crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Long enough for a stalled server to be noticed, short enough for a test.
pub const SOON: Duration = Duration::from_millis(150);
