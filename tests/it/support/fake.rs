//! What every fake server shares: how it starts and how it is told to fail. Must not know what a server answers.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How a request is to fail.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Refuse: status, body (a JSON string is sent as it is, as HTML), seconds for `Retry-After`.
    Status(u16, Value, Option<u64>),
    /// Wait this long, then answer as usual. Nothing is recorded when the caller goes away before.
    Stall(Duration),
    /// Cut the connection and do nothing.
    Drop,
    /// Do and record what was asked, then cut the connection: the caller does not learn of it. A stream is cut
    /// half-way.
    AcceptThenDrop,
}

/// The failures that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Vec<(Option<String>, Failure)>>);

impl Failures {
    /// Lets the next `n` requests fail; only those for `key` where one is given.
    pub(crate) fn add(&self, n: usize, failure: &Failure, key: Option<&str>) {
        let planned = std::iter::repeat_n((key.map(str::to_owned), failure.clone()), n);
        self.0.lock().unwrap().extend(planned);
    }

    /// Takes the failure that is meant for a request, and plays it up to the point where work would be done:
    /// `Err` is the answer, `Ok(true)` asks to do the work and then [`cut`].
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
    /// Plays it up to the point where work would be done, as [`Failures::play`] does.
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

/// What one request meets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    /// How long it waits before anything is done.
    pub(crate) before: Duration,
    /// How it fails then, if it does.
    pub(crate) failure: Option<Failure>,
    /// How long the answer waits after the work was done.
    pub(crate) after: Duration,
}

/// Says what each request meets, by its body.
type Forecast = Box<dyn Fn(&Value) -> Weather + Send + Sync>;

/// The weather of a server that is not told what to do request by request.
#[derive(Default)]
pub(crate) struct Climate(Mutex<Option<Forecast>>);

impl Climate {
    /// From now on every request meets what the closure says.
    pub(crate) fn set(&self, forecast: impl Fn(&Value) -> Weather + Send + Sync + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(forecast));
    }

    /// What a request meets; `None` where no weather is set.
    pub(crate) fn meet(&self, request: &Value) -> Option<Weather> {
        self.0.lock().unwrap().as_ref().map(|forecast| forecast(request))
    }
}

/// Waits, where there is something to wait for.
pub(crate) async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// Cuts the connection of the request that is being answered: unwinding ends the task of the connection, without a
/// message on the terminal.
pub(crate) fn cut() -> ! {
    std::panic::resume_unwind(Box::new("the connection is cut"))
}

/// A refusal as a server words it.
pub(crate) struct Refusal(Box<Response>);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// A refusal: status, body (a JSON string is sent as it is, as HTML), seconds for `Retry-After`.
pub(crate) fn refusal(status: u16, body: &Value, retry_after: Option<u64>) -> Refusal {
    Refusal(Box::new(response(status, body, retry_after)))
}

/// A JSON answer.
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

/// An open port of this machine, and its address without a slash at the end.
pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A server that runs until this is dropped.
pub(crate) struct Running(JoinHandle<()>);

impl Running {
    /// Serves in the background of the running test.
    pub(crate) fn serve(listener: TcpListener, router: Router) -> Self {
        Self(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
