//! Bodies of requests to `/messages`, in Meta's format.

use serde::Serialize;
use serde_json::Value;

use super::super::{FileSource, OutgoingContent, OutgoingFile, OutgoingMessage};
use super::interactive::Interactive;
use super::template_message::TemplateMessage;
use crate::domain::MediaKind;

/// A message of any kind.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(flatten)]
    body: Body<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    biz_opaque_callback_data: &'a str,
}

/// What is sent, under the name of its type.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Body<'a> {
    Text { text: Text<'a> },
    Image { image: File<'a> },
    Video { video: File<'a> },
    Audio { audio: File<'a> },
    Document { document: File<'a> },
    Sticker { sticker: File<'a> },
    Template { template: TemplateMessage<'a> },
    Interactive { interactive: Interactive<'a> },
    Location { location: Location<'a> },
    Contacts { contacts: &'a Value },
    Reaction { reaction: Reaction<'a> },
}

#[derive(Serialize)]
struct Text<'a> {
    body: &'a str,
    preview_url: bool,
}

#[derive(Serialize)]
struct Location<'a> {
    latitude: f64,
    longitude: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
}

#[derive(Serialize)]
struct Reaction<'a> {
    message_id: &'a str,
    /// Empty to take it back.
    emoji: &'a str,
}

/// A file that was uploaded.
#[derive(Serialize)]
struct File<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    /// Shown as a voice note.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    voice: bool,
}

#[derive(Serialize)]
struct Context<'a> {
    message_id: &'a str,
}

/// Marks a message as read and shows the typing indicator.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are Meta's")]
pub(super) struct Typing<'a> {
    messaging_product: &'static str,
    status: &'static str,
    message_id: &'a str,
    typing_indicator: Indicator,
}

#[derive(Serialize)]
struct Indicator {
    r#type: &'static str,
}

impl<'a> Message<'a> {
    /// Converts a message; `None` if it has no recipient, or a file that was not uploaded.
    ///
    /// The phone number keeps its `+`: without it Meta may prepend the business's country code, and
    /// the message reaches a stranger.
    pub(super) fn new(outgoing: &'a OutgoingMessage) -> Option<Self> {
        let given = |id: &'a Option<String>| id.as_deref().filter(|id| !id.is_empty());
        let to = given(&outgoing.to.wa_id).map(|id| format!("+{}", id.trim_start_matches('+')));
        let recipient = given(&outgoing.to.bsuid).filter(|_| to.is_none());
        let body = Body::of(&outgoing.content, &outgoing.reference)?;
        (to.is_some() || recipient.is_some()).then(|| Self {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to,
            recipient,
            body,
            context: outgoing.reply_to.as_deref().map(|message_id| Context { message_id }),
            biz_opaque_callback_data: &outgoing.reference,
        })
    }
}

impl<'a> Body<'a> {
    /// The body of a message with this reference.
    fn of(content: &'a OutgoingContent, reference: &'a str) -> Option<Self> {
        Some(match content {
            OutgoingContent::Text(text) => {
                Self::Text { text: Text { body: text, preview_url: false } }
            }
            OutgoingContent::Template(filled) => Self::Template { template: filled.into() },
            OutgoingContent::File(file) => Self::file(file)?,
            OutgoingContent::Buttons(choices) => {
                Self::Interactive { interactive: Interactive::buttons(choices) }
            }
            OutgoingContent::List(choices) => {
                Self::Interactive { interactive: Interactive::list(choices) }
            }
            OutgoingContent::Link(link) => {
                Self::Interactive { interactive: Interactive::link(link) }
            }
            OutgoingContent::Products(products) => {
                Self::Interactive { interactive: Interactive::products(products) }
            }
            OutgoingContent::Flow(flow) => {
                Self::Interactive { interactive: Interactive::flow(flow, reference) }
            }
            OutgoingContent::Location { latitude, longitude, name, address } => {
                let (name, address) = (name.as_deref(), address.as_deref());
                let location =
                    Location { latitude: *latitude, longitude: *longitude, name, address };
                Self::Location { location }
            }
            OutgoingContent::Contacts(contacts) => Self::Contacts { contacts },
            OutgoingContent::Reaction { message_id, emoji } => {
                Self::Reaction { reaction: Reaction { message_id, emoji } }
            }
        })
    }

    /// Only documents have a name, and sound has no caption.
    fn file(file: &'a OutgoingFile) -> Option<Self> {
        let FileSource::Upload(id) = &file.source else { return None };
        let bare = File { id, caption: None, filename: None, voice: false };
        let caption = file.caption.as_deref();
        Some(match file.kind {
            MediaKind::Image => Self::Image { image: File { caption, ..bare } },
            MediaKind::Video => Self::Video { video: File { caption, ..bare } },
            MediaKind::Audio => Self::Audio { audio: bare },
            MediaKind::Voice => Self::Audio { audio: File { voice: true, ..bare } },
            MediaKind::Document => Self::Document {
                document: File { caption, filename: file.name.as_deref(), ..bare },
            },
            MediaKind::Sticker => Self::Sticker { sticker: bare },
        })
    }
}

impl<'a> Typing<'a> {
    /// For the customer's message with this id.
    pub(super) fn new(message_id: &'a str) -> Self {
        Self {
            messaging_product: "whatsapp",
            status: "read",
            message_id,
            typing_indicator: Indicator { r#type: "text" },
        }
    }
}
