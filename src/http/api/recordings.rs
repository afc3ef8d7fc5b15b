//! Recordings of customers: plays them, and corrects transcripts.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::messages::Message;
use super::response::Answer;
use crate::domain::MessageId;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};

/// A corrected transcript.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Correction)]
pub(super) struct Correction {
    /// The words that were really said.
    text: String,
}

/// Returns the voice note, audio file or video of a message as the customer sent it, while it is
/// kept.
#[utoipa::path(get, path = "/messages/{id}/recording", operation_id = "get_recording", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, response = Problem)))]
pub(super) async fn file(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = MessageId::parse(&id).map_err(|_| Problem::not_found("recording"))?;
    let kept = web.desk.store.file(&id).await?;
    let kept = kept.ok_or_else(|| Problem::not_found("recording"))?;
    // The customer chose the type: only types that a browser plays are passed on.
    let plays = kept.mime_type.starts_with("audio/") || kept.mime_type.starts_with("video/");
    let sort = HeaderValue::from_str(&kept.mime_type).ok().filter(|_| plays);
    let sort = sort.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (CONTENT_TYPE, sort),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"recording\"")),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    Ok((headers, kept.bytes).into_response())
}

/// Replaces a transcript with a person's correction. Later turns use it; nothing is answered again.
#[utoipa::path(put, path = "/messages/{id}/transcript", operation_id = "correct_transcript", tag = "conversations", params(("id" = String, Path)),
    request_body = Correction,
    responses((status = 200, body = Message), (status = 404, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn correct(
    State(web): State<WebState>,
    Path(id): Path<String>,
    Body(correction): Body<Correction>,
) -> Answer<Message> {
    let missing = || Problem::not_found("recording");
    let id = MessageId::parse(&id).map_err(|_| missing())?;
    let text = correction.text.trim();
    if text.is_empty() {
        return Err(Problem::unprocessable("`text` is empty: write what was said"));
    }
    if !web.desk.store.correct(&id, text).await? {
        return Err(missing());
    }
    let row = web.desk.store.message(&id).await?.ok_or_else(missing)?;
    Ok(Json(row.into()))
}
