//! Messages of a conversation.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::conversations;
use super::page::{Page, Paging};
use super::response::Answer;
use crate::domain::{
    Author, Content, Direction, Fault, FileState, Media, MediaKind, MessageKind, MessageState,
    NoteCode, Pricing, Referral, TranscriptDetails,
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
    /// Whether it is inbound or outbound.
    direction: Direction,
    /// Who wrote it.
    author: Author,
    /// The provider's id of the message.
    provider_id: Option<String>,
    /// Kind of content.
    kind: MessageKind,
    /// The whole content: after an edit the new one, after a deletion `revoked`. Content that this
    /// version cannot read has the type `unknown`, with the original in `raw`.
    content: Content,
    /// Text of the message.
    text: Option<String>,
    /// Transcript of a voice note.
    transcript: Option<String>,
    /// Where the transcript comes from; null if there is none or this version cannot read it.
    heard: Option<TranscriptDetails>,
    /// The provider's id of the quoted message.
    reply_to: Option<String>,
    /// State of the message.
    state: MessageState,
    /// Why it was not answered or not sent.
    note: Option<String>,
    /// The same as a code; null for the provider's own words.
    note_code: Option<NoteCode>,
    /// Id of the turn that answered or produced it.
    turn_id: Option<String>,
    /// When it was written, milliseconds since 1970.
    sent_at: i64,
    /// Errors of the message; null if there are none or this version cannot read them.
    errors: Option<Vec<Fault>>,
    /// The advertisement or post from which the customer wrote; null if there is none or this
    /// version cannot read it.
    referral: Option<Referral>,
    /// What WhatsApp charges for it; null if it is not known or this version cannot read it.
    pricing: Option<Pricing>,
    /// When its author last edited it, milliseconds since 1970; null if never.
    edited_at: Option<i64>,
    /// The text that it had first; null if it was not edited, had none, or was deleted.
    original_text: Option<String>,
    /// When its author deleted it, milliseconds since 1970; null if it was not. Its words and its
    /// file are not available any more.
    deleted_at: Option<i64>,
    /// The file in it, available at `GET /messages/{id}/media`.
    media: Option<MessageFile>,
}

/// A file of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageFile {
    /// Kind of file.
    kind: MediaKind,
    /// Media type, as the sender declares it.
    mime_type: Option<String>,
    /// Name of a document.
    name: Option<String>,
    /// Whether it is stored here. Null: it is fetched from WhatsApp when it is opened, as stickers
    /// and imported messages are.
    state: Option<FileState>,
    /// Size in bytes; null until it was fetched.
    size: Option<i64>,
    /// Why it is not stored, in the provider's words.
    reason: Option<String>,
}

impl Message {
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        let content = Content::stored(&row.content);
        let mut media = MessageFile::of(&content);
        if let Some(file) = &mut media {
            (file.state, file.size, file.reason) = (row.file_state, row.file_size, row.file_reason);
        }
        let original = row.original.as_deref().filter(|_| row.deleted_at.is_none());
        let original_text =
            original.and_then(|text| Content::stored(text).words().map(ToOwned::to_owned));
        Self {
            id: row.id.to_string(),
            direction: row.direction,
            author: row.author,
            provider_id: row.provider_id,
            kind: row.kind,
            content,
            text: row.body,
            transcript: row.transcript,
            // One message that another version wrote must not hide the whole conversation.
            heard: row.heard.and_then(|text| serde_json::from_str(&text).ok()),
            reply_to: row.reply_to,
            state: row.state,
            note_code: row.note.as_deref().and_then(NoteCode::of),
            note: row.note,
            turn_id: row.turn_id,
            sent_at: row.sent_at,
            errors: row.error.and_then(|text| serde_json::from_str(&text).ok()),
            referral: row.referral.and_then(|text| serde_json::from_str(&text).ok()),
            pricing: row.pricing.and_then(|text| serde_json::from_str(&text).ok()),
            edited_at: row.edited_at.filter(|_| row.deleted_at.is_none()),
            original_text,
            deleted_at: row.deleted_at,
            media,
        }
    }
}

impl MessageFile {
    fn of(content: &Content) -> Option<Self> {
        let Media { kind, mime_type, file_name, .. } = content.file()?;
        let (mime_type, name) = (mime_type.clone(), file_name.clone());
        Some(Self { kind: *kind, mime_type, name, state: None, size: None, reason: None })
    }
}

/// Lists a conversation's messages, newest first. An edit or a deletion shows on its message, and
/// is listed as a message of its own only if the message is not known.
#[utoipa::path(get, path = "/conversations/{id}/messages", operation_id = "list_messages", tag = "conversations", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<Message>), (status = 404, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Message>> {
    let id = conversations::current_id(&web, &id).await?;
    web.desk.store.conversation(&id).await?.ok_or_else(conversations::missing)?;
    let (after, limit) = (paging.after()?, paging.limit());
    let rows = web.desk.store.thread(&id, after, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.sent_at, row.id.as_str()))))
}
