//! Extractors for the path, the query and JSON bodies. Unreadable input and bodies beyond their
//! limits become problems, like every other error. Must not judge what values mean.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use frontdesk_words::UnknownWord;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use super::bounds::Operation;
use super::error::Problem;

/// The path parameters.
pub(super) struct Path<T>(pub(super) T);

/// The query parameters.
pub(super) struct Query<T>(pub(super) T);

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

/// A JSON body, or a form (`multipart/form-data`) with that JSON in the field `request` and a file
/// in the field `recording`.
pub(super) struct Form<T> {
    /// The JSON; parsed from an empty object if the form has none.
    pub(super) request: T,
    /// The field `recording`.
    pub(super) recording: Option<Upload>,
}

/// A file of a form.
pub(super) struct Upload {
    /// The content type that the form states.
    pub(super) mime_type: Option<String>,
    /// The content.
    pub(super) bytes: Vec<u8>,
}

/// Parses a word of a query. An empty value, which forms send for no choice, is `None`.
pub(super) fn word<'de, D, W>(query: D) -> Result<Option<W>, D::Error>
where
    D: Deserializer<'de>,
    W: FromStr<Err = UnknownWord>,
{
    let word = Option::<String>::deserialize(query)?;
    let word = word.filter(|word| !word.is_empty());
    word.map(|word| word.parse::<W>()).transpose().map_err(D::Error::custom)
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path(value) =
            read.map_err(|refused| Problem::unreadable(refused.status(), refused.body_text()))?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        let axum::extract::Query(value) =
            read.map_err(|refused| Problem::unreadable(refused.status(), refused.body_text()))?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bounds = parts.extensions.get::<Operation>().cloned();
        let copy = Request::from_parts(parts.clone(), body);
        let read = Bytes::from_request(copy, state).await;
        let bytes =
            read.map_err(|refused| Problem::unreadable(refused.status(), refused.body_text()))?;
        judge(bounds.as_ref(), &bytes)?;
        let request = Request::from_parts(parts, bytes.into());
        let read = axum::Json::from_request(request, state).await;
        let axum::Json(value) =
            read.map_err(|refused| Problem::unreadable(refused.status(), refused.body_text()))?;
        Ok(Self(value))
    }
}

/// Whether a body is a form with files.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let sort = headers.get(CONTENT_TYPE).and_then(|sort| sort.to_str().ok());
    sort.is_some_and(|sort| sort.trim_start().starts_with("multipart/form-data"))
}

/// Checks JSON against the operation's limits. Invalid JSON passes: the deserializer refuses it.
fn judge(bounds: Option<&Operation>, json: &[u8]) -> Result<(), Problem> {
    let value = serde_json::from_slice::<serde_json::Value>(json).ok();
    bounds.zip(value).map_or(Ok(()), |(bounds, value)| bounds.judge_body(&value))
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_form(request.headers()) {
            let Body(request) = Body::from_request(request, state).await?;
            return Ok(Self { request, recording: None });
        }
        let refused = |status, why| Problem::unreadable(status, why);
        let bounds = request.extensions().get::<Operation>().cloned();
        let form = Multipart::from_request(request, state).await;
        let mut form = form.map_err(|bad| refused(bad.status(), bad.body_text()))?;
        let (mut json, mut recording) = (None, None);
        loop {
            let field = form.next_field().await;
            let Some(field) = field.map_err(|bad| refused(bad.status(), bad.body_text()))? else {
                break;
            };
            let name = field.name().unwrap_or_default().to_owned();
            let mime_type = field.content_type().map(ToOwned::to_owned);
            if name == "request" && json.is_some() || name == "recording" && recording.is_some() {
                let why = format!("the form has the field `{name}` twice");
                return Err(refused(StatusCode::BAD_REQUEST, why));
            }
            let bytes =
                field.bytes().await.map_err(|bad| refused(bad.status(), bad.body_text()))?;
            match name.as_str() {
                "request" => json = Some(bytes),
                "recording" => recording = Some(Upload { mime_type, bytes: bytes.to_vec() }),
                other => {
                    let other: String = other.chars().take(100).collect();
                    let why = format!(
                        "the form has a field `{other}`; it takes `request` (JSON) and `recording` (a file)"
                    );
                    return Err(refused(StatusCode::BAD_REQUEST, why));
                }
            }
        }
        let json = json.as_deref().unwrap_or(b"{}");
        judge(bounds.as_ref(), json)?;
        let request = serde_json::from_slice(json).map_err(|bad| {
            refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("the field `request` cannot be read: {bad}"),
            )
        })?;
        Ok(Self { request, recording })
    }
}
