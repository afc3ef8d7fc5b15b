//! What all fake servers share: startup and failure injection. Must not know what a server answers.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How a request fails.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Respond with an error: status, body (a JSON string is sent verbatim, as HTML), `Retry-After`
    /// in seconds.
    Status(u16, Value, Option<u64>),
    /// Wait, then answer as usual. Nothing is recorded when the caller disconnects first.
    Stall(Duration),
    /// Cut the connection without doing anything.
    Drop,
    /// Do and record what was requested, then cut the connection, so that the caller does not learn
    /// of it. A stream is cut half-way.
    AcceptThenDrop,
}

/// The planned failures that are not used up yet.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Vec<(Option<String>, Failure)>>);

impl Failures {
    /// Makes the next `n` requests fail; with a `key`, only the requests for that key.
    pub(crate) fn add(&self, n: usize, failure: &Failure, key: Option<&str>) {
        let planned = std::iter::repeat_n((key.map(str::to_owned), failure.clone()), n);
        self.0.lock().unwrap().extend(planned);
    }

    /// Forgets the planned failures.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }

    /// Takes the failure planned for a request and plays it up to the point where work is done:
    /// `Err` is the response, `Ok(true)` means do the work, then call [`cut`].
    pub(crate) async fn play(&self, key: &str) -> Result<bool, Refusal> {
        match self.take(key) {
            None => Ok(false),
            Some(failure) => failure.play().await,
        }
    }

    fn take(&self, key: &str) -> Option<Failure> {
        let mut planned = self.0.lock().unwrap();
        let meant =
            |(only, _): &(Option<String>, _)| only.as_deref().is_none_or(|only| only == key);
        let place = planned.iter().position(meant)?;
        Some(planned.remove(place).1)
    }
}

impl Failure {
    /// Plays the failure up to the point where work is done, like [`Failures::play`].
    pub(crate) async fn play(self) -> Result<bool, Refusal> {
        match self {
            Self::Status(status, body, wait) => Err(refusal(status, &body, wait)),
            Self::Stall(time) => {
                tokio::time::sleep(time).await;
                Ok(false)
            }
            Self::Drop => cut(),
            Self::AcceptThenDrop => Ok(true),
        }
    }
}

/// The delays and the failure of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    /// Delay before anything is done.
    pub(crate) before: Duration,
    /// Failure after that delay; `None` means success.
    pub(crate) failure: Option<Failure>,
    /// Delay between the work and the response.
    pub(crate) after: Duration,
}

/// Returns the conditions of a request from its body.
type Forecast = Box<dyn Fn(&Value) -> Weather + Send + Sync>;

/// The conditions of a server's requests when a test sets them per request.
#[derive(Default)]
pub(crate) struct Climate(Mutex<Option<Forecast>>);

impl Climate {
    /// From now on the closure decides the conditions of every request.
    pub(crate) fn set(&self, forecast: impl Fn(&Value) -> Weather + Send + Sync + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(forecast));
    }

    /// Returns the conditions of a request; `None` when no closure is set.
    pub(crate) fn conditions_for(&self, request: &Value) -> Option<Weather> {
        self.0.lock().unwrap().as_ref().map(|forecast| forecast(request))
    }
}

pub(crate) async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// Cuts the connection of the current request. Unwinding ends the connection's task without
/// printing a message.
pub(crate) fn cut() -> ! {
    std::panic::resume_unwind(Box::new("the connection is cut"))
}

/// An error response.
pub(crate) struct Refusal(Box<Response>);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// Returns an error response: status, body (a JSON string is sent verbatim, as HTML), `Retry-After`
/// in seconds.
pub(crate) fn refusal(status: u16, body: &Value, retry_after: Option<u64>) -> Refusal {
    Refusal(Box::new(response(status, body, retry_after)))
}

/// Returns a JSON response with status 200.
pub(crate) fn json(body: &Value) -> Response {
    response(200, body, None)
}

fn response(status: u16, body: &Value, retry_after: Option<u64>) -> Response {
    let (kind, text) = match body {
        Value::String(text) => ("text/html", text.clone()),
        json => ("application/json", json.to_string()),
    };
    let mut response = Response::builder().status(status).header("content-type", kind);
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(Body::from(text)).unwrap()
}

/// Listens on a free local port. Returns the listener and its URL without a trailing slash.
pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A server that runs until it is dropped.
pub(crate) struct Running(JoinHandle<()>);

impl Running {
    /// Serves in a background task of the test.
    pub(crate) fn serve(listener: TcpListener, router: Router) -> Self {
        Self(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
