//! The content of a message, independent of its provider.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::filled_template::FilledTemplate;
use super::flow::FlowButton;
use super::interactive::{Choices, LinkButton};
use super::media::{Media, MediaKind};
use super::products::Products;

/// The content of a message. An unknown type is kept raw and never guessed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        body: String,
    },
    /// A file: voice note, audio, image, video, document or sticker.
    Media(Media),
    /// A template that WhatsApp approved, filled.
    Template(FilledTemplate),
    /// Choices that are offered, as reply buttons or a list.
    Choices(Choices),
    /// A text with a button that opens a web page.
    Link(LinkButton),
    /// Products of a catalogue.
    Products(Products),
    /// A text with a button that opens a form (a WhatsApp Flow).
    Flow(FlowButton),
    /// A location.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// The place's name.
        name: Option<String>,
        /// The place's address.
        address: Option<String>,
        /// The place's web page.
        url: Option<String>,
    },
    /// Address cards.
    Contacts {
        /// The names on the cards.
        names: Vec<String>,
        /// The cards as the provider sent them.
        cards: Value,
    },
    /// A tapped button or list row.
    Choice {
        /// The id that frontdesk gave the choice, if the provider returns it.
        id: Option<String>,
        /// Its label.
        title: String,
        /// What was tapped.
        source: ChoiceSource,
    },
    /// A completed form (a WhatsApp Flow).
    Form {
        /// The form's name.
        name: Option<String>,
        /// What the chat shows for it.
        body: Option<String>,
        /// The answers as JSON, or as raw text if they are not JSON.
        response: Value,
    },
    /// An emoji reaction to a message, or its removal.
    Reaction {
        /// The provider's id of the message.
        message_id: String,
        /// The emoji; `None` when it was removed.
        emoji: Option<String>,
    },
    /// A shopping cart.
    Order {
        /// The customer's text with it.
        text: Option<String>,
        /// The order as the provider sent it.
        order: Value,
    },
    /// A notice from WhatsApp, such as a changed phone number.
    System {
        /// The notice's type.
        kind: String,
        /// Its text.
        body: Option<String>,
        /// The contact's new phone (`wa_id`), if it changed.
        new_wa_id: Option<String>,
        /// The contact's new business-scoped id, if it changed.
        new_bsuid: Option<String>,
    },
    /// A message that was edited after it was sent.
    Edited {
        /// The provider's id of the edited message.
        original: String,
        /// Its new content.
        #[schema(no_recursion)]
        content: Option<Box<Content>>,
    },
    /// A message that its sender deleted.
    Revoked {
        /// The provider's id of the deleted message.
        original: String,
    },
    /// The customer opened the chat for the first time and wrote nothing.
    Welcome {},
    /// A reply to a call permission request.
    CallPermission {
        /// `accept` or `reject`.
        response: String,
    },
    /// A type that the provider itself does not support.
    Unsupported {
        /// The original type, if the provider names it.
        kind: Option<String>,
    },
    /// A type that frontdesk does not know, kept as received.
    Unknown {
        /// The provider's name of the type.
        kind: String,
        /// The whole message.
        raw: Value,
    },
}

words! {
    /// What was tapped.
    pub enum ChoiceSource {
        /// A reply button.
        Button = "button",
        /// A row of a list.
        List = "list",
        /// A quick reply on a template.
        Template = "template",
    }
}

words! {
    /// The kind of a message.
    pub enum MessageKind {
        /// Plain text.
        Text = "text",
        /// A voice note, recorded in the chat.
        Voice = "voice",
        /// An audio file.
        Audio = "audio",
        /// An image.
        Image = "image",
        /// A video.
        Video = "video",
        /// Any other file.
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
        /// A template that WhatsApp approved.
        Template = "template",
        /// Choices that are offered.
        Choices = "choices",
        /// A text with a button that opens a web page.
        Link = "link",
        /// Products of a catalogue.
        Products = "products",
        /// A text with a button that opens a form.
        Flow = "flow",
        /// A location.
        Location = "location",
        /// Address cards.
        Contacts = "contacts",
        /// A tapped button or list row.
        Choice = "choice",
        /// A filled-in form.
        Form = "form",
        /// An emoji reaction, or its removal.
        Reaction = "reaction",
        /// A shopping cart.
        Order = "order",
        /// A notice from WhatsApp.
        System = "system",
        /// A message that was edited after it was sent.
        Edited = "edited",
        /// A message that its sender deleted.
        Revoked = "revoked",
        /// The customer opened the chat for the first time and wrote nothing.
        Welcome = "welcome",
        /// A reply to a call permission request.
        CallPermission = "call_permission",
        /// A type that the provider itself does not support.
        Unsupported = "unsupported",
        /// A type that frontdesk does not know.
        Unknown = "unknown",
    }
}

words! {
    /// Whether a message came in or goes out.
    pub enum Direction {
        /// From the customer.
        In = "in",
        /// To the customer.
        Out = "out",
    }
}

words! {
    /// Who wrote a message.
    pub enum Author {
        /// The customer.
        Customer = "customer",
        /// The bot.
        Bot = "bot",
        /// A member of staff.
        Person = "person",
        /// Sent by frontdesk: that a person was called, or a note to a support contact.
        Notice = "notice",
        /// Sent by frontdesk: the confirmation of an opt-out or opt-in.
        Consent = "consent",
        /// Sent by frontdesk: a campaign's template.
        Campaign = "campaign",
        /// The bot, to a customer who stayed silent after its reply.
        FollowUp = "follow_up",
    }
}

words! {
    /// Processing or delivery state of a message.
    pub enum MessageState {
        /// Inbound: waits for its turn.
        Waiting = "waiting",
        /// Inbound: its turn is over.
        Answered = "answered",
        /// Inbound: stored and never answered.
        Stored = "stored",
        /// Outbound: in the outbox.
        Queued = "queued",
        /// Outbound: a process is sending it.
        Sending = "sending",
        /// Outbound: unknown whether it was sent.
        Unknown = "unknown",
        /// Outbound: the provider sent it.
        Sent = "sent",
        /// Outbound: on the customer's phone.
        Delivered = "delivered",
        /// Outbound: read (for a voice note: played).
        Read = "read",
        /// Outbound: will not arrive.
        Failed = "failed",
    }
}

impl MessageState {
    /// Rank of the state: an outbound message only ever moves to a state of higher rank. Inbound
    /// states all have 0.
    pub const fn rank(self) -> i64 {
        match self {
            Self::Waiting | Self::Answered | Self::Stored | Self::Queued => 0,
            Self::Sending => 1,
            Self::Unknown => 2,
            Self::Sent => 3,
            Self::Delivered => 5,
            Self::Read => 6,
            Self::Failed => 9,
        }
    }
}

impl Content {
    /// Reads a stored content. What this version cannot read becomes [`Content::Unknown`].
    pub fn stored(text: &str) -> Self {
        Self::read(text).0
    }

    /// Like [`Content::stored`], and also returns why this version cannot read it.
    pub fn read(text: &str) -> (Self, Option<serde_json::Error>) {
        serde_json::from_str(text).map_or_else(
            |error| {
                let raw: Value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
                let kind = Value::as_str(&raw["type"]).unwrap_or_default().to_owned();
                (Self::Unknown { kind, raw }, Some(error))
            },
            |content| (content, None),
        )
    }

    /// The message kind, as the database and the API show it.
    pub fn kind(&self) -> MessageKind {
        match self {
            Self::Text { .. } => MessageKind::Text,
            Self::Media(media) => media.kind.into(),
            Self::Template(_) => MessageKind::Template,
            Self::Choices(_) => MessageKind::Choices,
            Self::Link(_) => MessageKind::Link,
            Self::Products(_) => MessageKind::Products,
            Self::Flow(_) => MessageKind::Flow,
            Self::Location { .. } => MessageKind::Location,
            Self::Contacts { .. } => MessageKind::Contacts,
            Self::Choice { .. } => MessageKind::Choice,
            Self::Form { .. } => MessageKind::Form,
            Self::Reaction { .. } => MessageKind::Reaction,
            Self::Order { .. } => MessageKind::Order,
            Self::System { .. } => MessageKind::System,
            Self::Edited { .. } => MessageKind::Edited,
            Self::Revoked { .. } => MessageKind::Revoked,
            Self::Welcome {} => MessageKind::Welcome,
            Self::CallPermission { .. } => MessageKind::CallPermission,
            Self::Unsupported { .. } => MessageKind::Unsupported,
            Self::Unknown { .. } => MessageKind::Unknown,
        }
    }

    /// The text in the message, if any. What a chat shows for a form is not.
    pub fn words(&self) -> Option<&str> {
        let words = match self {
            Self::Text { body } => Some(body.as_str()),
            Self::Media(media) => media.caption.as_deref(),
            Self::Template(template) => Some(template.text.as_str()),
            Self::Choices(choices) => Some(choices.text.as_str()),
            Self::Link(link) => Some(link.text.as_str()),
            Self::Products(products) => Some(products.text.as_str()),
            Self::Flow(flow) => Some(flow.text.as_str()),
            Self::Choice { title, .. } => Some(title.as_str()),
            Self::Order { text, .. } => text.as_deref(),
            _ => None,
        };
        words.map(str::trim).filter(|words| !words.is_empty())
    }

    /// Whether the message calls for an answer. Reactions, stickers, platform notices and changes
    /// of earlier messages are stored and shown, but never answered.
    pub fn wants_answer(&self) -> bool {
        match self {
            Self::Text { body } => !body.trim().is_empty(),
            Self::Media(media) => media.kind != MediaKind::Sticker,
            Self::Choice { .. }
            | Self::Form { .. }
            | Self::Order { .. }
            | Self::Location { .. }
            | Self::Contacts { .. } => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_stored_is_read_as_it_was_written_and_what_cannot_be_read_is_shown() {
        let choice =
            Content::Choice { id: None, title: "Yes".into(), source: ChoiceSource::Template };
        assert_eq!(Content::stored(&serde_json::to_string(&choice).unwrap()), choice);
        let newer = json!({"type": "hologram", "size": 3});
        let shown = Content::stored(&newer.to_string());
        assert_eq!(shown, Content::Unknown { kind: "hologram".into(), raw: newer });
        let why = Content::read(r#"{"type": "hologram"}"#).1.unwrap().to_string();
        assert!(why.contains("hologram"), "{why}");
        let raw = Value::from("not JSON");
        assert_eq!(Content::stored("not JSON"), Content::Unknown { kind: String::new(), raw });
    }
}
