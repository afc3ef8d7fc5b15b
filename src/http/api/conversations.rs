//! Conversations: reading them, and giving them back to the bot.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use super::page::{Page, Paging};
use crate::domain::{ConversationId, What};
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::{Path, Query};
use crate::store::conversations::ConversationRow;
use crate::store::messages::MessageRow;

/// A conversation of a customer with one number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Conversation {
    /// Its id.
    id: String,
    /// The number.
    number_id: String,
    /// The customer.
    contact_id: String,
    /// The customer's name.
    contact_name: Option<String>,
    /// The customer's phone, digits only.
    wa_id: Option<String>,
    /// The customer's business-scoped id.
    bsuid: Option<String>,
    /// Who may speak: `bot`, `person` or `nobody`.
    owner: String,
    /// When the customer last wrote, milliseconds since 1970.
    last_inbound_at: Option<i64>,
    /// When anybody last wrote, milliseconds since 1970.
    last_message_at: i64,
}

impl From<ConversationRow> for Conversation {
    fn from(row: ConversationRow) -> Self {
        Self {
            id: row.id,
            number_id: row.number_id,
            contact_id: row.contact_id,
            contact_name: row.contact_name,
            wa_id: row.wa_id,
            bsuid: row.bsuid,
            owner: row.owner,
            last_inbound_at: row.last_inbound_at,
            last_message_at: row.last_message_at,
        }
    }
}

/// A message of a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Message {
    /// Its id.
    id: String,
    /// `in` or `out`.
    direction: String,
    /// `customer`, `bot`, `person` or `notice`.
    author: String,
    /// The provider's id.
    provider_id: Option<String>,
    /// What it holds, as one word: `text`, `voice`, `image`, `unsupported` …
    kind: String,
    /// What it holds, whole.
    content: Value,
    /// The words in it.
    text: Option<String>,
    /// What a voice note says.
    transcript: Option<String>,
    /// How its words came to be known: `language`, `confidence` from 0 to 1, `seconds`, `by`, and where a person corrected
    /// it `first` and `corrected_at`.
    heard: Option<Value>,
    /// The provider's id of the message that it quotes.
    reply_to: Option<String>,
    /// Inbound: `waiting`, `answered`, `stored`. Outbound: `queued`, `sending`, `sent`, `delivered`, `read`, `failed`, `unknown`.
    state: String,
    /// Why it was not answered, or not sent.
    note: Option<String>,
    /// The turn that answered it or made it.
    turn_id: Option<String>,
    /// When it was written, milliseconds since 1970.
    sent_at: i64,
    /// What went wrong with it.
    errors: Option<Value>,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        let read = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self {
            id: row.id,
            direction: row.direction,
            author: row.author,
            provider_id: row.provider_id,
            kind: row.kind,
            content: read(row.content),
            text: row.body,
            transcript: row.transcript,
            heard: row.heard.map(read),
            reply_to: row.reply_to,
            state: row.state,
            note: row.note,
            turn_id: row.turn_id,
            sent_at: row.sent_at,
            errors: row.error.map(read),
        }
    }
}

/// Which conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only those owned by `bot`, `person` or `nobody`.
    owner: Option<String>,
}

/// Conversations, the most recent first.
#[utoipa::path(get, path = "/conversations", operation_id = "list_conversations", tag = "conversations", params(Filter, Paging),
    responses((status = 200, body = Page<Conversation>), (status = 400, response = Problem)))]
pub(super) async fn list(
    State(web): State<Shared>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Conversation>> {
    let (after, limit) = (paging.after()?, paging.limit());
    let rows = web.desk.store.conversations(filter.owner.as_deref(), after, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.last_message_at, &row.id))))
}

/// One conversation.
#[utoipa::path(get, path = "/conversations/{id}", operation_id = "get_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn one(State(web): State<Shared>, Path(id): Path<String>) -> Answer<Conversation> {
    let row = web.desk.store.conversation(&read(&id)?).await?;
    row.map(|row| Json(row.into())).ok_or_else(missing)
}

/// A conversation's messages, newest first.
#[utoipa::path(get, path = "/conversations/{id}/messages", operation_id = "list_messages", tag = "conversations", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<Message>), (status = 404, response = Problem)))]
pub(super) async fn messages(
    State(web): State<Shared>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Message>> {
    let id = read(&id)?;
    web.desk.store.conversation(&id).await?.ok_or_else(missing)?;
    let (after, limit) = (paging.after()?, paging.limit());
    let rows = web.desk.store.thread(&id, after, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.sent_at, &row.id))))
}

/// Gives a conversation back to the bot and closes its open cases.
#[utoipa::path(post, path = "/conversations/{id}/resolve", operation_id = "resolve_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn resolve(
    State(web): State<Shared>,
    Path(id): Path<String>,
) -> Answer<Conversation> {
    let id = read(&id)?;
    if !web.desk.store.resolve(&id).await? {
        return Err(missing());
    }
    web.desk.wake.changed(&id);
    web.desk.announce(What::Escalations).await;
    let row = web.desk.store.conversation(&id).await?;
    row.map(|row| Json(row.into())).ok_or_else(missing)
}

fn read(id: &str) -> Result<ConversationId, Problem> {
    ConversationId::parse(id).map_err(|_| missing())
}

fn missing() -> Problem {
    Problem::not_found("conversation")
}
