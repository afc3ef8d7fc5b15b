//! Transport of one request: sends it once, reads the response within a size limit and turns every
//! error into a [`Failure`], because the client library would lose the status and `retry-after`.
//! Must not retry.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_openai::middleware::HttpRequestFactory;
use futures::{Stream, StreamExt, TryStreamExt};
use http::header::CONTENT_TYPE;
use reqwest::{Body, Response};
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::failure::Failure;

/// Maximum size of a response, in bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;
/// Maximum bytes read of an error response.
const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;
/// End marker of an event stream.
const DONE: &[u8] = b"[DONE]";

/// Sends requests, each once.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) http: reqwest::Client,
    pub(super) key: SecretString,
    pub(super) shape: ResponseShape,
}

/// Expected format of a response.
#[derive(Clone, Copy)]
pub(super) enum ResponseShape {
    /// One JSON body.
    Whole,
    /// As server-sent events.
    Stream,
}

impl tower_service::Service<HttpRequestFactory> for Exchange {
    type Response = Response;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let exchange = self.clone();
        Box::pin(async move { exchange.send(request).await })
    }
}

impl Exchange {
    async fn send(&self, request: HttpRequestFactory) -> Result<Response, Failure> {
        self.send_once(request.build().await?).await
    }

    /// Sends one request and reads its response.
    pub(super) async fn send_once(&self, request: reqwest::Request) -> Result<Response, Failure> {
        let sent = self.http.execute(request).await;
        let response = sent.map_err(|error| Failure::of_transport(&error))?;
        let status = response.status();
        if !status.is_success() {
            let headers = response.headers().clone();
            let body = read(response, MAX_ERROR_BODY_BYTES).await.unwrap_or_default();
            return Err(Failure::of_status(status, &headers, &body, &self.key));
        }
        match self.shape {
            ResponseShape::Whole => {
                Ok(Response::from(http::Response::new(self.whole(response).await?)))
            }
            ResponseShape::Stream if is_json(&response) => {
                let body = self.whole(response).await?;
                Ok(Response::from(http::Response::new(as_event(body))))
            }
            ResponseShape::Stream => {
                let body = Body::wrap_stream(until_done(response.bytes_stream()));
                Ok(Response::from(http::Response::new(body)))
            }
        }
    }

    /// Returns the body of a response if it is JSON and not an error.
    async fn whole(&self, response: Response) -> Result<Vec<u8>, Failure> {
        let body = read(response, MAX_RESPONSE_BYTES).await?;
        if body.trim_ascii_start().first() != Some(&b'{') {
            return match serde_json::from_slice::<IgnoredAny>(&body) {
                Ok(_) => Ok(body),
                Err(_) => Err(Failure::transient_failure("the answer is not JSON: check base_url")),
            };
        }
        let fields: std::collections::HashMap<String, &RawValue> = serde_json::from_slice(&body)
            .map_err(|_| Failure::transient_failure("the answer is not JSON: check base_url"))?;
        let error = fields.get("error").map(|error| serde_json::from_str::<Value>(error.get()));
        match error {
            Some(Ok(error)) if !error.is_null() => Err(Failure::of_error_object(&error, &self.key)),
            _ => Ok(body),
        }
    }
}

pub(super) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| Failure::of_transport(&error))?;
        let Some(chunk) = chunk else { return Ok(body) };
        if body.len() + chunk.len() > limit {
            return Err(Failure::transient_failure(format!(
                "the answer is longer than {limit} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().starts_with("application/json"))
}

/// Wraps a whole response as the only event of a stream, for servers that do not stream. Line
/// breaks in JSON occur only between tokens, so a space can replace them.
fn as_event(body: Vec<u8>) -> Vec<u8> {
    let json = body.into_iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
    b"data: ".iter().copied().chain(json).chain(*b"\n\ndata: [DONE]\n\n").collect()
}

/// Forwards a stream and adds an error if it ends before the end marker: a server that dies
/// half-way may close the connection cleanly.
fn until_done<B, E>(
    stream: impl Stream<Item = Result<B, E>>,
) -> impl Stream<Item = Result<B, std::io::Error>>
where
    B: AsRef<[u8]>,
    E: std::error::Error + Send + Sync + 'static,
{
    let pieces = stream.map_err(std::io::Error::other).map(Some);
    let pieces = pieces.chain(futures::stream::once(std::future::ready(None)));
    pieces.scan(Vec::new(), |tail: &mut Vec<u8>, piece| {
        let passed = match piece {
            Some(Ok(piece)) => {
                tail.extend_from_slice(piece.as_ref());
                let old = tail.len().saturating_sub(DONE.len() + 8);
                tail.drain(..old);
                Some(Ok(piece))
            }
            Some(Err(error)) => Some(Err(error)),
            None if tail.windows(DONE.len()).any(|window| window == DONE) => None,
            None => Some(Err(std::io::Error::other("the stream ended before its end mark"))),
        };
        std::future::ready(passed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ends_well(pieces: &[&'static str]) -> bool {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece)).collect();
        let passed: Vec<_> = until_done(futures::stream::iter(pieces)).collect().await;
        passed.iter().all(Result::is_ok)
    }

    #[tokio::test]
    async fn a_stream_without_its_end_mark_ends_with_an_error() {
        assert!(ends_well(&["data: {}\n\n", "data: [DONE]\n\n"]).await);
        assert!(ends_well(&["data: [DO", "NE]", "\r\n\r\n"]).await);
        assert!(!ends_well(&["data: {}\n\n"]).await);
        assert!(!ends_well(&[]).await);
    }

    #[test]
    fn a_whole_answer_becomes_one_event() {
        let event = as_event(b"{\n \"a\":\r\n1}".to_vec());
        assert_eq!(String::from_utf8(event).unwrap(), "data: {  \"a\":  1}\n\ndata: [DONE]\n\n");
    }
}
