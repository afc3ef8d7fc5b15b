//! Conversations that the business begins.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::conversations::{self, Conversation};
use super::messages::Message;
use super::template_reply::{self, TemplateReply};
use super::writing;
use crate::desk::Number;
use crate::domain::{ConversationId, Party, ProblemCode, phone};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Body;
use crate::http::note::Note;
use crate::store::first_messages::{FirstMessage, FirstMessageOutcome, OptIn};
use crate::store::staff_messages::ReplyOutcome;

/// A message to a customer with whom there may be no conversation yet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewConversation {
    /// Id of the number that writes.
    number_id: String,
    /// The customer's phone number with its country code, such as `+44 7700 900123`.
    #[schema(max_length = 40)]
    phone: String,
    /// The customer's name, if it is known.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// The template: WhatsApp takes nothing else from a business that writes first.
    template: Option<TemplateReply>,
    /// A text instead, where the number's provider has no 24-hour window.
    #[schema(max_length = 4096)]
    text: Option<String>,
    /// Where and how the customer agreed to be written to, such as `Order form, 2026-11-02`. Required
    /// unless that is on record, or the customer has written to the number.
    #[schema(max_length = 300)]
    opt_in: Option<String>,
    /// Whether the conversation then belongs to a person: else the bot answers what the customer
    /// replies.
    #[serde(default)]
    take_over: bool,
}

/// A conversation that the business began, and its message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StartedConversation {
    /// The conversation.
    conversation: Conversation,
    /// The message, in the outbox.
    message: Message,
}

/// Begins a conversation: writes to a customer who need not have written before. If there is a
/// conversation with the customer, the message goes there. A repeated key returns the message of the
/// first request and sends nothing.
#[utoipa::path(post, path = "/conversations", operation_id = "start_conversation", tag = "conversations",
    params(("Idempotency-Key" = String, Header, max_length = 200, description = "Anything that is new for each message, 1 to 200 characters")),
    request_body = NewConversation,
    responses((status = 201, body = StartedConversation), (status = 200, description = "It was made before, with this key", body = StartedConversation),
        (status = 400, response = Problem), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn start(
    State(web): State<WebState>,
    headers: HeaderMap,
    Body(new): Body<NewConversation>,
) -> Result<(StatusCode, Extension<Note>, Json<StartedConversation>), Problem> {
    super::numbers::view::row(&web, &new.number_id).await?;
    let key = writing::key(&headers)?;
    let number = template_reply::connected(&web, &new.number_id)?;
    let wa_id = phone::wa_id(&new.phone).ok_or_else(phone_problem)?;
    let to = Party { wa_id: Some(wa_id), name: new.name.clone(), ..Party::default() };
    let content = match (&new.text, &new.template) {
        (None, Some(template)) => {
            let open = web.desk.store.conversation_with(&number.id, &to).await?;
            let before = match &open {
                Some(open) => template.written(&web, (open, &key), None).await?,
                None => None,
            };
            match before {
                Some(before) => before,
                None => template.filled(&web, &number, None).await?,
            }
        }
        (Some(text), None) if !number.has_window => writing::kinds::text_content(text)?,
        (Some(_), None) => {
            return Err(Problem::unprocessable(
                "WhatsApp takes only a template from a business that writes first: give `template`, not `text`.",
            ));
        }
        _ => return Err(Problem::unprocessable("Give either `template` or `text`.")),
    };
    let given = new.opt_in.as_deref().map(str::trim).filter(|source| !source.is_empty());
    let opt_in = given.map_or(OptIn::Known, |source| OptIn::Given(source.to_owned()));
    let message = FirstMessage {
        window: web.desk.window(number.id.as_str()),
        number: number.id.clone(),
        to,
        key,
        content,
        opt_in,
        takes_over: new.take_over,
    };
    let (status, id, started) = write(&web, message).await?;
    let note =
        Note::on(id.as_str(), json!({"message": started.message.id(), "number": number.slug}));
    Ok((status, note, Json(started)))
}

/// Explains what a phone number looks like.
pub(super) fn phone_problem() -> Problem {
    Problem::unprocessable(
        "`phone` is a phone number with its country code, such as +44 7700 900123.",
    )
    .coded(ProblemCode::WrongPhone)
}

/// Queues a first message. Returns 201, or 200 if it was queued before.
pub(super) async fn write(
    web: &WebState,
    message: FirstMessage,
) -> Result<(StatusCode, ConversationId, StartedConversation), Problem> {
    let (id, outcome) = match web.desk.store.write_first(message).await? {
        FirstMessageOutcome::Written(id, outcome) => (id, outcome),
        FirstMessageOutcome::Refused(why) => return Err(writing::refusal_problem(why)),
        FirstMessageOutcome::OptInRequired => {
            return Err(Problem::unprocessable(
                "The customer has never written to this number, and nobody recorded that they agreed to be written to: say in `opt_in` where they did.",
            )
            .coded(ProblemCode::OptInRequired));
        }
    };
    let (status, message) = match outcome {
        ReplyOutcome::Now { message, .. } => (StatusCode::CREATED, message),
        ReplyOutcome::Before(message) => (StatusCode::OK, message),
        other => return Err(writing::refused(&other)),
    };
    if status == StatusCode::CREATED {
        web.desk.notifier.conversation_event(&id, None);
        web.desk.notifier.wake_outbox();
    }
    let conversation = conversations::read(web, &id).await?;
    let message = writing::show(web, &message).await?;
    Ok((status, id, StartedConversation { conversation, message }))
}

/// The number of a request, if it has templates.
pub(super) fn with_templates(number: &Number) -> Result<(), Problem> {
    match number.client.template_catalog() {
        Some(_) => Ok(()),
        None => Err(Problem::unprocessable(
            "This number's provider has no message templates: a campaign needs one.",
        )),
    }
}
