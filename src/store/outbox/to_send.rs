//! What a claimed message is: whether a template, a text, and what a person is asked about it.

use super::ToSend;
use crate::domain::Content;

impl ToSend {
    /// Whether it is a template, which WhatsApp takes outside the window, too.
    pub fn is_template(&self) -> bool {
        let content = self.content.as_deref().map(Content::stored);
        matches!(content, Some(Content::Template(_)))
    }

    /// Whether its text says all of it, so that a template with that text can stand for it.
    pub fn is_text(&self) -> bool {
        self.content.as_deref().is_none_or(|content| {
            matches!(Content::stored(content), Content::Choices(_) | Content::Link(_))
        })
    }

    /// What a person is asked about it: its text, what its file is called, or what it is.
    pub fn question(&self) -> String {
        let text = self.body.as_deref().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
        text.unwrap_or_else(|| match self.content.as_deref().map(Content::stored) {
            Some(Content::Media(media)) => {
                media.file_name.unwrap_or_else(|| media.kind.to_string())
            }
            Some(content) => content.description().unwrap_or_default(),
            None => String::new(),
        })
    }
}
