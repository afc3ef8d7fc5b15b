//! Messages: reading a conversation.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::conversations;
use super::page::{Page, Paging};
use super::response::Answer;
use crate::domain::{
    Author, Content, Direction, Fault, Media, MediaKind, MessageKind, MessageState,
    TranscriptDetails,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Path, Query};
use crate::store::messages::MessageRow;

/// A message of a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Message {
    /// Its id.
    id: String,
    /// Whether it came in or goes out.
    direction: Direction,
    /// Who wrote it.
    author: Author,
    /// The provider's id.
    provider_id: Option<String>,
    /// What it holds, in one word.
    kind: MessageKind,
    /// What it holds, whole. What this version cannot read is of the type `unknown`, with all of it in `raw`.
    content: Content,
    /// The words in it.
    text: Option<String>,
    /// What a voice note says.
    transcript: Option<String>,
    /// How its words came to be known; null where another version wrote what this one cannot read.
    heard: Option<TranscriptDetails>,
    /// The provider's id of the message that it quotes.
    reply_to: Option<String>,
    /// How far it got.
    state: MessageState,
    /// Why it was not answered, or not sent.
    note: Option<String>,
    /// The turn that answered it or made it.
    turn_id: Option<String>,
    /// When it was written, milliseconds since 1970.
    sent_at: i64,
    /// What went wrong with it; null where another version wrote what this one cannot read.
    errors: Option<Vec<Fault>>,
    /// The file in it: `GET /messages/{id}/media` gives it.
    media: Option<MessageFile>,
}

/// A file of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageFile {
    /// What sort of file it is.
    kind: MediaKind,
    /// Its type, as the sender says.
    mime_type: Option<String>,
    /// Its name, of a document.
    name: Option<String>,
    /// Its size in bytes, where it is known.
    size: Option<i64>,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        let content = Content::stored(&row.content);
        let media = MessageFile::of(&content);
        Self {
            id: row.id.to_string(),
            direction: row.direction,
            author: row.author,
            provider_id: row.provider_id,
            kind: row.kind,
            content,
            text: row.body,
            transcript: row.transcript,
            // One message that another version wrote otherwise must not hide its thread.
            heard: row.heard.and_then(|text| serde_json::from_str(&text).ok()),
            reply_to: row.reply_to,
            state: row.state,
            note: row.note,
            turn_id: row.turn_id,
            sent_at: row.sent_at,
            errors: row.error.and_then(|text| serde_json::from_str(&text).ok()),
            media,
        }
    }
}

impl MessageFile {
    /// The file in a message's content.
    fn of(content: &Content) -> Option<Self> {
        let Content::Media(Media { kind, mime_type, file_name, .. }) = content else { return None };
        let (mime_type, name) = (mime_type.clone(), file_name.clone());
        Some(Self { kind: *kind, mime_type, name, size: None })
    }
}

/// A conversation's messages, newest first.
#[utoipa::path(get, path = "/conversations/{id}/messages", operation_id = "list_messages", tag = "conversations", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<Message>), (status = 404, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Message>> {
    let id = conversations::read(&id)?;
    web.desk.store.conversation(&id).await?.ok_or_else(conversations::missing)?;
    let (after, limit) = (paging.after()?, paging.limit());
    let rows = web.desk.store.thread(&id, after, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.sent_at, row.id.as_str()))))
}
