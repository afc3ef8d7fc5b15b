//! Files of messages, as providers name them.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::file::Blob;

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Media {
    /// The kind of file.
    pub kind: MediaKind,
    /// The provider's id of the file.
    pub id: Option<String>,
    /// Download URL, if the event contains one. Such URLs soon expire.
    pub url: Option<String>,
    /// MIME type, such as `audio/ogg; codecs=opus`.
    pub mime_type: Option<String>,
    /// SHA-256 as the provider wrote it (base64 or hex).
    pub sha256: Option<String>,
    /// The caption.
    pub caption: Option<String>,
    /// File name of a document.
    pub file_name: Option<String>,
    /// The provider's own transcript, if the number is set to use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// The file's bytes, if the event contains them. They are stored beside the message, not in it.
    #[serde(skip)]
    pub bytes: Option<Blob>,
}

words! {
    /// The kind of file in a media message.
    #[derive(Default)]
    pub enum MediaKind {
        /// A voice note, recorded in the chat.
        Voice = "voice",
        /// An audio file.
        Audio = "audio",
        /// An image.
        Image = "image",
        /// A video.
        Video = "video",
        /// Any other file.
        #[default]
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
    }
}
