//! What providers send: messages with their content, and files that are uploaded for them.

use std::time::Duration;

use crate::domain::{
    Blob, Choices, FilledTemplate, FlowButton, LinkButton, MediaKind, Party, Products,
};

/// A message to send.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingMessage {
    /// The recipient; another id is used if `wa_id` is missing.
    pub to: Party,
    /// What is sent.
    pub content: OutgoingContent,
    /// The provider's id of the quoted message.
    pub reply_to: Option<String>,
    /// Reference that status events return.
    pub reference: String,
}

/// The content of a message to send.
#[derive(Debug, Clone, PartialEq)]
pub enum OutgoingContent {
    /// Text in WhatsApp's formatting, at most 4,096 characters.
    Text(String),
    /// A file.
    File(OutgoingFile),
    /// A filled template, which is accepted outside the 24-hour window, too. The file above its text
    /// was uploaded, and has the provider's id of it.
    Template(FilledTemplate),
    /// Choices as reply buttons.
    Buttons(Choices),
    /// Choices as a list.
    List(Choices),
    /// A text with a button that opens a web page.
    Link(LinkButton),
    /// Products of a catalogue.
    Products(Products),
    /// A text with a button that opens a form; the answer has the message's reference as its token.
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
    },
    /// Address cards, with the names of Meta's format.
    Contacts(serde_json::Value),
    /// A reaction to a message.
    Reaction {
        /// The provider's id of the message.
        message_id: String,
        /// The emoji; empty to take it back.
        emoji: String,
    },
}

impl OutgoingContent {
    /// The text, if there is one; of a file the caption.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Template(template) => &template.text,
            Self::File(file) => file.caption.as_deref().unwrap_or_default(),
            Self::Buttons(choices) | Self::List(choices) => &choices.text,
            Self::Link(link) => &link.text,
            Self::Products(products) => &products.text,
            Self::Flow(flow) => &flow.text,
            Self::Location { .. } | Self::Contacts(_) | Self::Reaction { .. } => "",
        }
    }
}

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingFile {
    /// How it is shown.
    pub kind: MediaKind,
    /// Where the provider takes it from.
    pub source: FileSource,
    /// The caption; `None` for sound, which has none.
    pub caption: Option<String>,
    /// Name of a document.
    pub name: Option<String>,
}

/// Where a provider takes a file from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// From an upload, by the provider's id of it.
    Upload(String),
    /// From the message, which holds the file: the provider takes no uploads.
    Bytes {
        /// MIME type.
        mime_type: String,
        /// The file.
        bytes: Blob,
    },
}

/// A file to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUpload {
    /// MIME type.
    pub mime_type: String,
    /// File name.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A file that the provider stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedFile {
    /// The provider's id of it.
    pub media_id: String,
    /// How long messages can name it.
    pub valid_for: Duration,
}

/// A message that the provider accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The provider's id of the message.
    pub provider_id: String,
    /// The recipient's ids as the provider knows them.
    pub recipient: Party,
}
