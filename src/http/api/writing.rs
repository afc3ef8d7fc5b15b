//! Messages that people write to a customer, and sending a message again.

use std::sync::Arc;

use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use self::kinds::{
    ChoicesReply, FlowReply, LinkReply, LocationReply, ProductsReply, ReactionReply,
};
use super::conversations;
use super::messages::Message;
use super::response::Answer;
use super::template_reply::{TemplateReply, connected};
use crate::domain::{AddressCard, Content, ConversationId, MessageId, ProblemCode};
use crate::http::WebState;
use crate::http::bounds::Operation;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, is_form};
use crate::http::note::Note;
use crate::http::server::Intake;
use crate::provider::abilities::{self, Abilities, UnfitFile};
use crate::store::staff_messages::{self, Again, Refusal, ReplyOutcome};

pub(super) mod kinds;

/// Maximum size of a form besides its file, in bytes.
const MAX_FORM_OVERHEAD_BYTES: usize = 64 * 1024;
/// Maximum length of a template in a form, in bytes.
const MAX_TEMPLATE_BYTES: usize = MAX_FORM_OVERHEAD_BYTES;
/// Maximum length of an idempotency key, in bytes.
const MAX_KEY_LEN: usize = 200;

/// A reply written by a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reply)]
#[expect(clippy::struct_field_names, reason = "the names are the API's")]
pub(super) struct Reply {
    /// The text, in WhatsApp's formatting.
    #[schema(max_length = 4096)]
    text: Option<String>,
    /// A template instead of a text: the only thing that WhatsApp takes outside the 24-hour window.
    template: Option<TemplateReply>,
    /// Choices below the text.
    choices: Option<ChoicesReply>,
    /// A button below the text.
    link: Option<LinkReply>,
    /// Products of a catalogue, below the text or without one.
    products: Option<ProductsReply>,
    /// A button below the text that opens a form (a WhatsApp Flow).
    flow: Option<FlowReply>,
    /// A location instead of a text.
    location: Option<LocationReply>,
    /// Address cards instead of a text.
    #[schema(max_items = 20)]
    contacts: Option<Vec<AddressCard>>,
    /// A reaction instead of a text.
    reaction: Option<ReactionReply>,
    /// Id of the quoted message, which must be of this conversation.
    reply_to: Option<String>,
}

/// A reply with a file, as a form.
#[derive(ToSchema)]
#[schema(as = FileReply)]
#[expect(dead_code, reason = "it describes the form to those who read the API's document")]
pub(super) struct FileReplyForm {
    /// The file, with its name. JPEG and PNG up to 5 MB are sent as pictures, MP4 and 3GP up to 16 MB
    /// as videos, OGG up to 16 MB as voice notes, MP3, M4A, AAC and AMR up to 16 MB as sound, and PDF,
    /// Word, Excel, PowerPoint and text, and what is too large for its kind, as documents.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
    /// The caption; sound has none.
    #[schema(max_length = 1024)]
    text: Option<String>,
    /// A template instead of a text, as JSON: the file then stands above its text.
    template: Option<TemplateReply>,
    /// Id of the quoted message, which must be of this conversation.
    reply_to: Option<String>,
}

/// Writes to the customer: a text, a template, another kind, or, as a form, a file. The conversation then belongs to a person: the bot is silent at once,
/// and its unsent messages are not sent. A repeated key returns the message of the first request
/// and sends nothing.
#[utoipa::path(post, path = "/conversations/{id}/messages", operation_id = "write_message", tag = "conversations",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, max_length = 200, description = "Anything that is new for each message, 1 to 200 characters")),
    request_body(content((Reply = "application/json"), (FileReplyForm = "multipart/form-data"))),
    responses((status = 201, body = Message), (status = 200, description = "It was made before, with this key", body = Message),
        (status = 400, response = Problem), (status = 404, response = Problem), (status = 409, response = Problem), (status = 413, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn write(
    State(web): State<WebState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<(StatusCode, Extension<Note>, Json<Message>), Problem> {
    let (id, key, window, content, reply_to) = if is_form(&headers) {
        // A large file is not read for nothing.
        let (id, number) = place(&web, &id).await?;
        let (key, window) = (key(&headers)?, web.desk.window(&number));
        let reply = FileReply::read(&web, request).await?;
        let (content, reply_to) = reply.content(&web, (&id, &number, &key)).await?;
        (id, key, window, content, reply_to)
    } else {
        let Body(reply) = Body::<Reply>::from_request(request, &web).await?;
        let (id, number) = place(&web, &id).await?;
        let (key, window) = (key(&headers)?, web.desk.window(&number));
        let (content, reply_to) = reply.content(&web, (&id, &number, &key)).await?;
        (id, key, window, content, reply_to)
    };
    let quotes = reply_to.map(|id| MessageId::parse(&id)).transpose();
    let quotes = quotes.map_err(|_| nothing_to_quote())?;
    let reply = staff_messages::Reply { conversation: id.clone(), key, content, quotes, window };
    let (status, message, took) = match web.desk.store.write(reply).await? {
        ReplyOutcome::Now { message, took } => (StatusCode::CREATED, message, took),
        ReplyOutcome::Before(message) => (StatusCode::OK, message, false),
        other => return Err(refused(&other)),
    };
    let id = web.desk.store.current_conversation(&id).await?;
    if status == StatusCode::CREATED {
        web.desk.notifier.conversation_event(&id, None);
        web.desk.notifier.wake_file_uploader();
        web.desk.notifier.wake_outbox();
    }
    let note = Note::on(id.as_str(), json!({"message": message.as_str(), "took": took}));
    Ok((status, note, Json(show(&web, &message).await?)))
}

/// The conversation as it is now, and its number.
async fn place(web: &WebState, id: &str) -> Result<(ConversationId, String), Problem> {
    let id = conversations::current_id(web, id).await?;
    let row = web.desk.store.conversation(&id).await?.ok_or_else(conversations::missing)?;
    Ok((id, row.number_id))
}

/// What a form holds.
#[derive(Default)]
struct FileReply {
    file: Option<(String, Vec<u8>)>,
    text: Option<String>,
    template: Option<TemplateReply>,
    reply_to: Option<String>,
}

impl FileReply {
    async fn read(web: &WebState, mut request: Request) -> Result<Self, Problem> {
        if let Some(intake) = request.extensions().get::<Arc<Intake>>() {
            intake.exempt_from_share();
        }
        let bounds = request.extensions().get::<Operation>().cloned();
        let most = max_file_bytes(web);
        DefaultBodyLimit::max(most.saturating_add(MAX_FORM_OVERHEAD_BYTES)).apply(&mut request);
        let unreadable = |bad: MultipartError| match bad.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(most),
            status => Problem::unreadable(status, bad.body_text()),
        };
        let form = Multipart::from_request(request, web).await;
        let mut form = form.map_err(|bad| Problem::unreadable(bad.status(), bad.body_text()))?;
        let mut read = Self::default();
        while let Some(field) = form.next_field().await.map_err(unreadable)? {
            let (name, file_name) =
                (field.name().unwrap_or_default().to_owned(), field.file_name().map(str::to_owned));
            let is_new = match (name.as_str(), file_name) {
                ("file", Some(file_name)) => {
                    let bytes = Vec::from(field.bytes().await.map_err(unreadable)?);
                    read.file.replace((file_name, bytes)).is_none()
                }
                ("text", None) => {
                    read.text.replace(field.text().await.map_err(unreadable)?).is_none()
                }
                ("template", None) => {
                    let json = field.text().await.map_err(unreadable)?;
                    read.template.replace(template_reply(bounds.as_ref(), &json)?).is_none()
                }
                ("reply_to", None) => {
                    read.reply_to.replace(field.text().await.map_err(unreadable)?).is_none()
                }
                _ => {
                    return Err(Problem::bad_request(
                        "The form takes the fields `file` (a file with its name), `text`, `template` and `reply_to`.",
                    ));
                }
            };
            if !is_new {
                return Err(Problem::bad_request(format!(
                    "The form has the field `{name}` twice: a message has one file."
                )));
            }
        }
        Ok(read)
    }

    /// The content to send, and the message to quote.
    async fn content(
        self,
        web: &WebState,
        (conversation, number, key): (&ConversationId, &str, &str),
    ) -> Result<(Content, Option<String>), Problem> {
        let Some((name, bytes)) = self.file else {
            return Err(Problem::unprocessable("The form has no field `file`."));
        };
        let most = max_file_bytes(web);
        if bytes.len() > most {
            return Err(too_large(most));
        }
        let template = self.template;
        let abilities = Abilities::of(connected(web, number)?.provider);
        let caption = self.text.unwrap_or_default();
        if template.is_some() && !caption.is_empty() {
            return Err(Problem::unprocessable("Give either `text` or `template` with the file."));
        }
        // Hashing a large file takes a while.
        let media = spawn_blocking(move || abilities.media(&name, bytes, &caption)).await;
        let media = media.map_err(|error| {
            tracing::error!(%error, "a file to send could not be described");
            Problem::broken("The file could not be read. The server's log says why.")
        })?;
        let media = media.map_err(|unfit| unfit_problem(&unfit))?;
        let content = match template {
            Some(template) => {
                template.content(web, (conversation, number, key), Some(media)).await?
            }
            None => Content::Media(media),
        };
        Ok((content, self.reply_to.filter(|id| !id.is_empty())))
    }
}

/// A template of a form, within the limits of the same in JSON.
fn template_reply(bounds: Option<&Operation>, json: &str) -> Result<TemplateReply, Problem> {
    let wrong = |why: String| Problem::unprocessable(format!("`template` is no template: {why}"));
    if json.len() > MAX_TEMPLATE_BYTES {
        return Err(wrong(format!("it has more than {MAX_TEMPLATE_BYTES} bytes")));
    }
    let read = serde_json::from_str::<Value>(json).map_err(|error| wrong(error.to_string()))?;
    bounds.map_or(Ok(()), |bounds| bounds.judge_body(&json!({"template": read})))?;
    serde_json::from_value(read).map_err(|error| wrong(error.to_string()))
}

/// Maximum size of a file to send, in bytes.
fn max_file_bytes(web: &WebState) -> usize {
    web.desk.max_file_bytes.min(web.settings.largest_file())
}

fn too_large(most: usize) -> Problem {
    let most = abilities::megabytes(most);
    let detail = format!(
        "The file is larger than {most}, which this desk takes ([worker] max_file_bytes, [http] max_bytes_in_flight)."
    );
    Problem::unreadable(StatusCode::PAYLOAD_TOO_LARGE, detail).coded(ProblemCode::FileTooLarge)
}

fn unfit_problem(unfit: &UnfitFile) -> Problem {
    let problem = Problem::unprocessable(unfit.to_string());
    match unfit {
        UnfitFile::Empty => problem.coded(ProblemCode::FileEmpty),
        UnfitFile::Type(_) => problem.coded(ProblemCode::FileType),
        UnfitFile::Size { .. } => problem.coded(ProblemCode::FileTooLarge),
        UnfitFile::Caption { .. } | UnfitFile::SoundCaption => problem,
    }
}

pub(super) fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::trim);
    let fits = |key: &&str| (1..=MAX_KEY_LEN).contains(&key.len());
    key.filter(fits).map(ToOwned::to_owned).ok_or_else(|| {
        Problem::bad_request(format!(
            "Send the header Idempotency-Key with something that is new for each message (a UUID, say), 1 to {MAX_KEY_LEN} \
             plain characters: with it, a request can be repeated and the message is sent once."
        ))
    })
}

pub(super) async fn show(web: &WebState, id: &MessageId) -> Result<Message, Problem> {
    let row = web.desk.store.message(id).await?;
    row.map(Message::from).ok_or_else(|| Problem::not_found("message"))
}

fn nothing_to_quote() -> Problem {
    Problem::unprocessable(
        "What is quoted or reacted to is not the id of a message of this conversation.",
    )
}

/// Explains why a reply was refused.
pub(super) fn refused(written: &ReplyOutcome) -> Problem {
    match written {
        ReplyOutcome::OtherWords => Problem::conflict(
            "Another message was written with this Idempotency-Key: use a new key for each message.",
        ),
        ReplyOutcome::NothingToQuote => nothing_to_quote(),
        ReplyOutcome::NotThereYet => Problem::unprocessable(
            "The message has not reached WhatsApp, so that it can neither be quoted nor reacted to.",
        ),
        ReplyOutcome::Refused(why) => refusal_problem(*why),
        ReplyOutcome::Nowhere | ReplyOutcome::Now { .. } | ReplyOutcome::Before(_) => {
            conversations::missing()
        }
    }
}

/// Explains why WhatsApp or the customer would refuse a message.
pub(super) fn refusal_problem(why: Refusal) -> Problem {
    let (code, detail) = match why {
        Refusal::WindowClosed => (
            ProblemCode::WindowClosed,
            "The 24-hour window is closed: WhatsApp takes what is written freely only after the customer writes again.",
        ),
        Refusal::OptedOut => (
            ProblemCode::OptedOut,
            "The customer asked not to be written to. He can be written to again when he writes the word that takes it back.",
        ),
        Refusal::NoAddress => (
            ProblemCode::NoWhatsappId,
            "The customer has no WhatsApp id that a message could go to.",
        ),
    };
    Problem::conflict(detail).coded(code)
}

/// Sends an outbound message again that failed, or of which it is unknown whether it was sent.
#[utoipa::path(post, path = "/messages/{id}/retry", operation_id = "retry_message", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Message), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn retry(State(web): State<WebState>, Path(id): Path<String>) -> Answer<Message> {
    let missing = || Problem::not_found("message");
    let id = MessageId::parse(&id).map_err(|_| missing())?;
    let place = web.desk.store.whereabouts(&id).await?.ok_or_else(missing)?;
    let window = web.desk.window(&place.number_id);
    match web.desk.store.send_again(&id, window).await? {
        Again::Queued => {}
        Again::Nowhere => return Err(missing()),
        Again::Refused(why) => return Err(refusal_problem(why)),
        Again::NotFailed => {
            return Err(Problem::conflict(
                "Only what failed, or of which nobody knows whether it was sent, is sent once more.",
            ));
        }
        Again::NothingToSend => {
            return Err(Problem::conflict(
                "Only what the bot wrote, or a person, is sent once more, and a file only while it is stored.",
            ));
        }
        Again::NotTheBots => {
            return Err(Problem::conflict(
                "A person has the conversation, and the bot is silent in it: write it yourself, or hand the conversation \
                 back first.",
            )
            .coded(ProblemCode::PersonHasConversation));
        }
    }
    web.desk.notifier.changed(&ConversationId::stored(place.conversation_id));
    web.desk.notifier.wake_file_uploader();
    web.desk.notifier.wake_outbox();
    Ok(Json(show(&web, &id).await?))
}
