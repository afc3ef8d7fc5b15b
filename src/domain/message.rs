//! What a message holds, whichever provider it came through.

use std::fmt;
use std::sync::Arc;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What a message holds. A type that we do not know is kept raw, never guessed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Plain words.
    Text {
        /// The words.
        body: String,
    },
    /// A file: voice note, audio, image, video, document or sticker.
    Media(Media),
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// The place's name.
        name: Option<String>,
        /// The place's address.
        address: Option<String>,
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
        /// Our id of the choice, where the provider returns it.
        id: Option<String>,
        /// The words on it.
        title: String,
        /// What was tapped.
        source: ChoiceSource,
    },
    /// A filled-in form (a WhatsApp flow).
    Form {
        /// The form's name.
        name: Option<String>,
        /// What the chat shows for it.
        body: Option<String>,
        /// The answers: JSON where they are JSON, else the text as it came.
        response: Value,
    },
    /// An emoji put on a message, or taken away.
    Reaction {
        /// The message reacted to, by the provider's id.
        message_id: String,
        /// The emoji; `None` when it was removed.
        emoji: Option<String>,
    },
    /// A shopping basket.
    Order {
        /// What the customer wrote with it.
        text: Option<String>,
        /// The order as the provider sent it.
        order: Value,
    },
    /// A notice of the platform, such as a changed number.
    System {
        /// The notice's type.
        kind: String,
        /// Its words.
        body: Option<String>,
        /// The contact's new phone (`wa_id`), when that is what changed.
        new_wa_id: Option<String>,
        /// The contact's new business-scoped id, when that is what changed.
        new_bsuid: Option<String>,
    },
    /// A message whose text was changed after it was sent.
    Edited {
        /// The message that was changed, by the provider's id.
        original: String,
        /// What it holds now.
        #[schema(no_recursion)]
        content: Option<Box<Content>>,
    },
    /// A message that its sender deleted.
    Revoked {
        /// The message that was deleted, by the provider's id.
        original: String,
    },
    /// The customer opened the chat for the first time and wrote nothing.
    Welcome {},
    /// An answer to a request to be called.
    CallPermission {
        /// `accept` or `reject`.
        response: String,
    },
    /// A type that the provider itself could not pass on.
    Unsupported {
        /// What it was, when the provider says.
        kind: Option<String>,
    },
    /// A type that we do not know; kept as it came.
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

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Media {
    /// What sort of file it is.
    pub kind: MediaKind,
    /// The provider's id of the file.
    pub id: Option<String>,
    /// Where it can be fetched, when the provider said so in the event. Such addresses soon expire.
    pub url: Option<String>,
    /// Its type, such as `audio/ogg; codecs=opus`.
    pub mime_type: Option<String>,
    /// SHA-256 as the provider wrote it (base64 or hex).
    pub sha256: Option<String>,
    /// The words under it.
    pub caption: Option<String>,
    /// Its name, of a document.
    pub file_name: Option<String>,
    /// What was said in it as the provider's own speech recognition understood it, where the number takes that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// The file itself, where the provider sent it in the event. It is stored beside the message, not in it.
    #[serde(skip)]
    pub bytes: Option<Blob>,
}

/// A file's bytes, shared. Shown by their number, never by what they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(pub Arc<[u8]>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

words! {
    /// What sort of file a media message holds.
    #[derive(Default)]
    pub enum MediaKind {
        /// A voice note, recorded in the chat.
        Voice = "voice",
        /// An audio file.
        Audio = "audio",
        /// A picture.
        Image = "image",
        /// A film.
        Video = "video",
        /// Any other file.
        #[default]
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
    }
}

words! {
    /// What a message holds, in one word.
    pub enum MessageKind {
        /// Plain words.
        Text = "text",
        /// A voice note, recorded in the chat.
        Voice = "voice",
        /// An audio file.
        Audio = "audio",
        /// A picture.
        Image = "image",
        /// A film.
        Video = "video",
        /// Any other file.
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
        /// A place.
        Location = "location",
        /// Address cards.
        Contacts = "contacts",
        /// A tapped button or list row.
        Choice = "choice",
        /// A filled-in form.
        Form = "form",
        /// An emoji put on a message, or taken away.
        Reaction = "reaction",
        /// A shopping basket.
        Order = "order",
        /// A notice of the platform.
        System = "system",
        /// A message whose text was changed after it was sent.
        Edited = "edited",
        /// A message that its sender deleted.
        Revoked = "revoked",
        /// The customer opened the chat for the first time and wrote nothing.
        Welcome = "welcome",
        /// An answer to a request to be called.
        CallPermission = "call_permission",
        /// A type that the provider itself could not pass on.
        Unsupported = "unsupported",
        /// A type that we do not know.
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
        /// A person of the business.
        Person = "person",
        /// The desk itself: that a person was called, or a note to a support contact.
        Notice = "notice",
        /// The desk itself: the one answer to an opt-out or to its taking back.
        Consent = "consent",
    }
}

words! {
    /// How far a message got.
    pub enum MessageState {
        /// Of a customer: it waits for its turn.
        Waiting = "waiting",
        /// Of a customer: its turn is over.
        Answered = "answered",
        /// Of a customer: it is kept, and nothing answers it.
        Stored = "stored",
        /// Ours: in the outbox.
        Queued = "queued",
        /// Ours: a process sends it.
        Sending = "sending",
        /// Ours: whether it went out is not known.
        Unknown = "unknown",
        /// Ours: left the provider.
        Sent = "sent",
        /// Ours: on the customer's phone.
        Delivered = "delivered",
        /// Ours: seen (or, of a voice note, played).
        Read = "read",
        /// Ours: will not arrive.
        Failed = "failed",
    }
}

impl MessageState {
    /// Where the state stands: a message's state only ever gives way to a higher one. What came from a customer has none.
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

impl From<MediaKind> for MessageKind {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Voice => Self::Voice,
            MediaKind::Audio => Self::Audio,
            MediaKind::Image => Self::Image,
            MediaKind::Video => Self::Video,
            MediaKind::Document => Self::Document,
            MediaKind::Sticker => Self::Sticker,
        }
    }
}

impl Content {
    /// A content as it was stored. What this version cannot read is shown as it is, as content of an unknown type.
    pub fn stored(text: &str) -> Self {
        Self::read(text).0
    }

    /// The same, and where this version cannot read it, why not.
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

    /// The kind, as the database and the API show it.
    pub fn kind(&self) -> MessageKind {
        match self {
            Self::Text { .. } => MessageKind::Text,
            Self::Media(media) => media.kind.into(),
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

    /// The words of the customer in it, if there are any.
    pub fn words(&self) -> Option<&str> {
        let words = match self {
            Self::Text { body } => Some(body.as_str()),
            Self::Media(media) => media.caption.as_deref(),
            Self::Choice { title, .. } => Some(title.as_str()),
            Self::Form { body, .. } => body.as_deref(),
            Self::Order { text, .. } => text.as_deref(),
            _ => None,
        };
        words.map(str::trim).filter(|words| !words.is_empty())
    }

    /// Whether a customer who sent this waits for an answer. Reactions, stickers, notices of the platform and
    /// changes of earlier messages are stored and shown, never answered.
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

    /// The recording in it, if there is one that may hold speech: a voice note, an audio file or a video.
    pub fn recording(&self) -> Option<&Media> {
        match self {
            Self::Media(media) if media.kind.has_sound() => Some(media),
            _ => None,
        }
    }
}

impl MessageKind {
    /// Whether somebody may be heard in it.
    pub fn has_sound(self) -> bool {
        matches!(self, Self::Voice | Self::Audio | Self::Video)
    }
}

impl MediaKind {
    /// Whether somebody may be heard in it.
    pub fn has_sound(self) -> bool {
        MessageKind::from(self).has_sound()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_is_the_same_in_its_message() {
        for kind in MediaKind::ALL {
            assert_eq!(MessageKind::from(*kind).as_str(), kind.as_str());
        }
    }

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
