//! Qdrant calls: timeouts, retries, and error messages. Does not know what is requested.

use std::future::Future;
use std::time::Duration;

use qdrant_client::{Qdrant, QdrantError};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep, timeout};

use super::settings::Settings;
use crate::index::Error;

/// Delay after the first failure; it doubles after each further one.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// Maximum delay between two attempts.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(5);
/// Connect timeout.
const CONNECT: Duration = Duration::from_secs(5);

/// gRPC status codes that are handled separately.
mod code {
    pub(super) const CANCELLED: i32 = 1;
    pub(super) const UNKNOWN: i32 = 2;
    pub(super) const DEADLINE_EXCEEDED: i32 = 4;
    pub(super) const NOT_FOUND: i32 = 5;
    pub(super) const ALREADY_EXISTS: i32 = 6;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const ABORTED: i32 = 10;
    pub(super) const UNIMPLEMENTED: i32 = 12;
    pub(super) const INTERNAL: i32 = 13;
    pub(super) const UNAVAILABLE: i32 = 14;
    pub(super) const UNAUTHENTICATED: i32 = 16;
}

/// Client of one Qdrant server or cluster, with retries.
pub(super) struct QdrantClient {
    client: Qdrant,
    url: String,
    search: Duration,
    write: Duration,
}

/// Timeout class of a call.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// A customer waits: the search timeout.
    Search,
    /// Nobody waits: the write timeout.
    Write,
}

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// What happened and what to do about it.
    pub(super) words: String,
    /// Whether the collection does not exist.
    pub(super) missing: bool,
    /// Whether the collection exists already.
    pub(super) exists: bool,
    /// Minimum delay before a retry; `None` if a retry cannot help.
    retry_after: Option<Duration>,
}

impl QdrantClient {
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        let key = settings.api_key.expose_secret();
        let mut config = Qdrant::from_url(&settings.url);
        config.check_compatibility = false;
        config.timeout = settings.write_timeout().max(settings.timeout());
        config.connect_timeout = CONNECT;
        config.keep_alive_while_idle = true;
        config.api_key = (!key.is_empty()).then(|| key.to_owned());
        let client = config.build().map_err(|error| format!("url: {error}"))?;
        let (search, write) = (settings.timeout(), settings.write_timeout());
        Ok(Self { client, url: settings.url.clone(), search, write })
    }

    /// The server's URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Calls Qdrant, and retries transient failures with growing delays until the timeout. An
    /// attempt gets at most half of the timeout, so that one that hangs leaves time for another.
    pub(super) async fn call<'a, T, F>(
        &'a self,
        patience: Patience,
        ask: impl Fn(&'a Qdrant) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, QdrantError>> + 'a,
    {
        let whole = match patience {
            Patience::Search => self.search,
            Patience::Write => self.write,
        };
        let end = Instant::now() + whole;
        let mut wait = FIRST_WAIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let failure = match timeout(left.min(whole / 2), ask(&self.client)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Failure::from(error),
                Err(_) => Failure::passing(format!("no answer within {} ms", whole.as_millis())),
            };
            let Some(asked) = failure.retry_after else { return Err(failure) };
            let pause = asked.max(wait);
            if Instant::now() + pause >= end {
                return Err(failure);
            }
            tracing::debug!(why = failure.words, "Qdrant is asked again");
            sleep(pause).await;
            wait = (wait * 2).min(MAX_RETRY_DELAY);
        }
    }
}

impl Failure {
    fn passing(words: String) -> Self {
        Self { words, missing: false, exists: false, retry_after: Some(Duration::ZERO) }
    }

    fn lasting(words: String) -> Self {
        Self { words, missing: false, exists: false, retry_after: None }
    }
}

impl From<QdrantError> for Failure {
    fn from(error: QdrantError) -> Self {
        let (status, again) = match error {
            QdrantError::ResponseError { status } => (status, Duration::ZERO),
            QdrantError::ResourceExhaustedError { status, retry_after_seconds } => {
                (status, Duration::from_secs(retry_after_seconds))
            }
            other => return Self::lasting(other.to_string()),
        };
        let (code, message) = (i32::from(status.code()), status.message());
        match code {
            code::CANCELLED | code::DEADLINE_EXCEEDED => {
                Self::passing(format!("no answer in time: {message}"))
            }
            code::UNAVAILABLE | code::ABORTED => Self::passing(message.to_owned()),
            code::RESOURCE_EXHAUSTED => Self {
                retry_after: Some(again),
                ..Self::passing(format!("it has too much to do: {message}"))
            },
            // Transport errors, as opposed to errors that Qdrant itself reports.
            code::INTERNAL | code::UNKNOWN if is_transport(message) => {
                Self::passing(format!("it cannot be reached: {message}"))
            }
            code::PERMISSION_DENIED | code::UNAUTHENTICATED => {
                Self::lasting(format!("Qdrant refuses the key ({message}): set [index] api_key"))
            }
            code::UNIMPLEMENTED => Self::lasting(format!(
                "this Qdrant is too old ({message}): version 1.16 or later is needed"
            )),
            code::NOT_FOUND => Self { missing: true, ..Self::lasting(message.to_owned()) },
            code::ALREADY_EXISTS => Self { exists: true, ..Self::lasting(message.to_owned()) },
            _ if message.contains("already exists") => {
                Self { exists: true, ..Self::lasting(message.to_owned()) }
            }
            _ => Self::lasting(format!("Qdrant refuses: {message}")),
        }
    }
}

fn is_transport(message: &str) -> bool {
    ["Failed to connect", "transport", "h2 protocol", "connection"]
        .iter()
        .any(|sign| message.contains(sign))
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(failure.words)
    }
}
