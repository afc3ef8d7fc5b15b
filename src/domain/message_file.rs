//! Which messages are files, and which may be heard.

use super::filled_template::FilledHeader;
use super::media::{Media, MediaKind};
use super::message::{Content, MessageKind};

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
    /// The file of the message: of a template the one above its text.
    pub fn file(&self) -> Option<&Media> {
        match self {
            Self::Media(media) => Some(media),
            Self::Template(template) => match &template.header {
                Some(FilledHeader::File(media)) => Some(media),
                _ => None,
            },
            _ => None,
        }
    }

    /// The same message, as it is stored: the bytes of its file are beside it.
    #[must_use]
    pub fn without_bytes(mut self) -> Self {
        match &mut self {
            Self::Media(media) => media.bytes = None,
            Self::Template(template) => {
                if let Some(FilledHeader::File(media)) = &mut template.header {
                    media.bytes = None;
                }
            }
            _ => {}
        }
        self
    }

    /// The attached file that may contain speech: a voice note, an audio file or a video.
    pub fn recording(&self) -> Option<&Media> {
        let Self::Media(media) = self else { return None };
        media.kind.has_sound().then_some(media)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_in_its_message() {
        for kind in MediaKind::ALL {
            assert_eq!(MessageKind::from(*kind).as_str(), kind.as_str());
        }
    }
}
