//! Which messages are files, and which may be heard.

use super::message::{MediaKind, MessageKind};

impl MessageKind {
    /// Whether it is a file.
    pub fn is_file(self) -> bool {
        matches!(self, Self::Image | Self::Document | Self::Sticker) || self.has_sound()
    }

    /// Whether it may contain speech.
    pub fn has_sound(self) -> bool {
        matches!(self, Self::Voice | Self::Audio | Self::Video)
    }
}

impl MediaKind {
    /// Whether it may contain speech.
    pub fn has_sound(self) -> bool {
        MessageKind::from(self).has_sound()
    }
}
