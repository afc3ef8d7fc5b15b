//! Messages that people write: replies to a customer from the console, and sending a message again.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::conversations;
use super::messages::Message;
use super::response::Answer;
use crate::domain::time::now_ms;
use crate::domain::{ConversationId, MessageId, ProblemCode};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::http::note::Note;
use crate::pipeline::outbound::WINDOW_MS;
use crate::store::staff_messages::{self, Again, Refusal, ReplyOutcome, Window};

/// Maximum length of a message, in characters: WhatsApp's limit.
const MAX_LEN: usize = 4096;
/// Maximum length of an idempotency key, in bytes.
const MAX_KEY_LEN: usize = 200;

/// A reply written by a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reply)]
pub(super) struct Reply {
    /// The text, in WhatsApp's formatting.
    #[schema(max_length = 4096)]
    text: String,
    /// Id of the quoted message, which must be of this conversation.
    reply_to: Option<String>,
}

/// Writes to the customer. The conversation then belongs to a person: the bot is silent at once,
/// and its unsent messages are not sent. A repeated key returns the message of the first request
/// and sends nothing.
#[utoipa::path(post, path = "/conversations/{id}/messages", operation_id = "write_message", tag = "conversations",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, max_length = 200, description = "Anything that is new for each message, 1 to 200 characters")),
    request_body = Reply,
    responses((status = 201, body = Message), (status = 200, description = "It was made before, with this key", body = Message),
        (status = 400, response = Problem), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn write(
    State(web): State<WebState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(reply): Body<Reply>,
) -> Result<(StatusCode, Extension<Note>, Json<Message>), Problem> {
    let id = conversations::current_id(&web, &id).await?;
    let row = web.desk.store.conversation(&id).await?.ok_or_else(conversations::missing)?;
    let window = window(&web, &row.number_id);
    let reply = reply.read(id.clone(), (key(&headers)?, window))?;
    let (status, message, took) = match web.desk.store.write(reply).await? {
        ReplyOutcome::Now { message, took } => (StatusCode::CREATED, message, took),
        ReplyOutcome::Before(message) => (StatusCode::OK, message, false),
        other => return Err(refused(&other)),
    };
    let id = web.desk.store.current_conversation(&id).await?;
    if status == StatusCode::CREATED {
        web.desk.notifier.conversation_event(&id, None);
        web.desk.notifier.wake_outbox();
    }
    let note = Note::on(id.as_str(), json!({"message": message.as_str(), "took": took}));
    Ok((status, note, Json(show(&web, &message).await?)))
}

impl Reply {
    /// Validates the reply and converts it for the store.
    fn read(
        self,
        conversation: ConversationId,
        (key, window): (String, Window),
    ) -> Result<staff_messages::Reply, Problem> {
        let text = self.text.trim().to_owned();
        let letters = text.chars().count();
        if letters == 0 {
            return Err(Problem::unprocessable("`text` is empty: write something."));
        }
        if letters > MAX_LEN {
            return Err(Problem::unprocessable(format!(
                "`text` has {letters} characters, and WhatsApp takes {MAX_LEN}: write several messages."
            )));
        }
        let quotes = self.reply_to.map(|id| MessageId::parse(&id)).transpose();
        let quotes = quotes.map_err(|_| nothing_to_quote())?;
        Ok(staff_messages::Reply { conversation, key, text, quotes, window })
    }
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::trim);
    let fits = |key: &&str| (1..=MAX_KEY_LEN).contains(&key.len());
    key.filter(fits).map(ToOwned::to_owned).ok_or_else(|| {
        Problem::bad_request(format!(
            "Send the header Idempotency-Key with something that is new for each message (a UUID, say), 1 to {MAX_KEY_LEN} \
             plain characters: with it, a request can be repeated and the message is sent once."
        ))
    })
}

/// Returns the window in which WhatsApp takes free text on a number.
fn window(web: &WebState, number: &str) -> Window {
    let has_window = web.desk.number(number).is_some_and(|number| number.has_window);
    if has_window { Window::Since(now_ms() - WINDOW_MS) } else { Window::Always }
}

async fn show(web: &WebState, id: &MessageId) -> Result<Message, Problem> {
    let row = web.desk.store.message(id).await?;
    row.map(Message::from).ok_or_else(|| Problem::not_found("message"))
}

fn nothing_to_quote() -> Problem {
    Problem::unprocessable("`reply_to` is not the id of a message of this conversation.")
}

/// Explains why a reply was refused.
fn refused(written: &ReplyOutcome) -> Problem {
    match written {
        ReplyOutcome::OtherWords => Problem::conflict(
            "Another message was written with this Idempotency-Key: use a new key for each message.",
        ),
        ReplyOutcome::NothingToQuote => nothing_to_quote(),
        ReplyOutcome::NotThereYet => Problem::unprocessable(
            "The message of `reply_to` has not reached WhatsApp, so that it cannot be quoted.",
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
    let window = window(&web, &place.number_id);
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
                "Only text that the bot wrote, or a person, is sent once more.",
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
    web.desk.notifier.wake_outbox();
    Ok(Json(show(&web, &id).await?))
}
