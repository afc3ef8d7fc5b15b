//! Files that a customer sends, as a model reads them: the text of a document, a picture.

use serde::{Deserialize, Serialize};

use super::file::Blob;

/// What the bot reads of a customer's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// A document's text, in pieces in reading order.
    Document(Vec<String>),
    /// The part of a document's text that was chosen before, for a replay.
    Excerpt(String),
    /// A picture.
    Picture(Picture),
}

/// A picture that a model can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The picture as JPEG; `None` in a replay, which asks no model.
    pub jpeg: Option<Blob>,
    /// What identifies it.
    pub identity: PictureIdentity,
}

/// Identifies a picture without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureIdentity {
    /// SHA-256 of the JPEG in hex.
    pub sha256: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// The text of a document as the prompt has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileText {
    /// The document's name.
    pub name: String,
    /// Its text, or those parts of a long one that fit the question.
    pub text: String,
}
