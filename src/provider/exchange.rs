//! One HTTP exchange with a provider: reads the response, and decides whether a request that got none
//! may have been sent. Knows no provider's format.

use std::time::Duration;

use frontdesk_endpoint::address::AddressError;
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::{Class, Error, json};
use crate::domain::Fault;

/// Maximum size of a response, in bytes; real ones have a few hundred.
pub(super) const MAX_LEN: usize = 1024 * 1024;

/// A response, successful or not.
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// Wait that the server asks for.
    pub(super) retry_after: Option<Duration>,
    /// The body; null if it is no JSON.
    pub(super) body: Value,
}

/// Why a request got no response.
pub(super) enum RequestError {
    /// The connection failed.
    Before(String),
    /// The request was sent, or may have been.
    After(String),
    /// It leads to an address that is not connected to.
    Refused(AddressError),
}

/// Sends a request and reads the response.
pub(super) async fn send_request(request: RequestBuilder) -> Result<Answer, RequestError> {
    send_request_within(request, MAX_LEN).await
}

/// Sends a request and reads a response of at most `limit` bytes.
pub(super) async fn send_request_within(
    request: RequestBuilder,
    limit: usize,
) -> Result<Answer, RequestError> {
    let response = request.send().await?;
    let status = response.status();
    let retry_after = retry_after(&response);
    let body = match read(response, limit).await {
        Ok(bytes) => json::parse(&bytes).unwrap_or_default(),
        // A refusal needs no body. A success does: it holds the message id.
        Err(_) if !status.is_success() => Value::Null,
        Err(error) => return Err(RequestError::After(error.to_string())),
    };
    Ok(Answer { status: status.as_u16(), retry_after, body })
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(BodyError::TooLong(limit));
    }
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(piece) =
        response.chunk().await.map_err(|error| BodyError::Broken(reason(error)))?
    {
        if body.len() + piece.len() > limit {
            return Err(BodyError::TooLong(limit));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// It is larger than this limit, in bytes.
    #[error("it is larger than {0} bytes")]
    TooLong(usize),
    /// The connection broke.
    #[error("the answer broke off: {0}")]
    Broken(String),
}

impl From<RequestError> for Error {
    fn from(lost: RequestError) -> Self {
        match lost {
            RequestError::Before(why) => Self::NotSent(why),
            RequestError::After(why) => Self::Unknown(why),
            RequestError::Refused(refused) => refused.into(),
        }
    }
}

impl RequestError {
    /// Converts the error of a read-only request, which is always safe to retry.
    pub(super) fn of_read_only(self) -> Error {
        match self {
            Self::Before(why) | Self::After(why) => Error::NotSent(why),
            Self::Refused(refused) => refused.into(),
        }
    }
}

impl From<reqwest::Error> for RequestError {
    fn from(error: reqwest::Error) -> Self {
        if let Some(refused) = frontdesk_endpoint::refusal(&error) {
            return Self::Refused(refused.clone());
        }
        let before = error.is_connect() || error.is_builder();
        let why = reason(error);
        if before { Self::Before(why) } else { Self::After(why) }
    }
}

/// Error text without the URL: a file's URL grants access to it.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() && !error.is_connect() {
        return "no answer in time".to_owned();
    }
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    format!("{error}: {deepest}")
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A refusal with a message of this program.
pub(super) fn refused(class: Class, why: impl Into<String>) -> Error {
    Error::Refused { class, fault: Fault::ours(why), retry_after: None }
}
