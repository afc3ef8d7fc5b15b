//! Edits and deletions of messages: what a message is after them. Pure: the store finds the message
//! and checks that the change is its author's.
//!
//! As on a phone, a change is no message of its own. An edit that comes before the answer changes
//! the question. One that comes after it changes what the bot knows, and is not answered again. What
//! was deleted is not used any more, and not answered if it still waits.

use super::media::Media;
use super::message::Content;
use super::time::Millis;

/// What a message is now, whatever it was first.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentContent {
    /// Its content. Of a deleted message, [`Content::Revoked`] with its own id.
    pub content: Content,
    /// When it was last edited, according to the provider.
    pub edited_at: Option<Millis>,
    /// When it was deleted, according to the provider.
    pub deleted_at: Option<Millis>,
}

impl CurrentContent {
    /// Applies an edit or a deletion that was made at this time. Of several edits the last one
    /// holds, in whatever order they come, and a deletion holds for good. False, without an effect,
    /// for an edit that cannot be read or would make another kind of message of it.
    pub fn apply(&mut self, change: &Content, at: Millis) -> bool {
        match change {
            Content::Revoked { .. } => {
                self.deleted_at.get_or_insert(at);
                self.content = change.clone();
                true
            }
            Content::Edited { .. } if self.deleted_at.is_some() => true,
            Content::Edited { content: Some(new), .. } => self.edit(new, at),
            _ => false,
        }
    }

    fn edit(&mut self, new: &Content, at: Millis) -> bool {
        if new.kind() != self.content.kind() || !new.wants_answer() {
            return false;
        }
        if self.edited_at.is_none_or(|last| last <= at) {
            self.content = match (new, &self.content) {
                (Content::Media(new), Content::Media(old)) => Content::Media(captioned(new, old)),
                _ => new.clone(),
            };
            self.edited_at = Some(at);
        }
        true
    }
}

/// A file whose caption was edited. What the edit does not repeat of the file is still true.
fn captioned(new: &Media, old: &Media) -> Media {
    let Media { kind, id, url, mime_type, sha256, caption, file_name, transcript, bytes } =
        new.clone();
    Media {
        kind,
        id: id.or_else(|| old.id.clone()),
        url: url.or_else(|| old.url.clone()),
        mime_type: mime_type.or_else(|| old.mime_type.clone()),
        sha256: sha256.or_else(|| old.sha256.clone()),
        caption,
        file_name: file_name.or_else(|| old.file_name.clone()),
        transcript: transcript.or_else(|| old.transcript.clone()),
        bytes,
    }
}

impl Content {
    /// The provider's id of the message that this one edits or deletes.
    pub fn changes(&self) -> Option<&str> {
        match self {
            Self::Edited { original, .. } | Self::Revoked { original } => Some(original),
            _ => None,
        }
    }

    /// Whether this version cannot read it; a later one may.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Unsupported { .. })
    }

    /// What is said with it: of an edit, the new content.
    pub fn said(&self) -> &Self {
        match self {
            Self::Edited { content: Some(new), .. } => new,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MediaKind;

    fn text(body: &str) -> Content {
        Content::Text { body: body.into() }
    }

    fn edit(new: Content) -> Content {
        Content::Edited { original: "wamid.1".into(), content: Some(Box::new(new)) }
    }

    fn first(content: Content) -> CurrentContent {
        CurrentContent { content, edited_at: None, deleted_at: None }
    }

    #[test]
    fn the_last_edit_holds_in_whatever_order_they_come() {
        let edits = [(edit(text("b")), 1000), (edit(text("c")), 2000), (edit(text("d")), 3000)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let mut message = first(text("a"));
            for place in order {
                assert!(message.apply(&edits[place].0, edits[place].1));
            }
            assert_eq!((message.content, message.edited_at), (text("d"), Some(3000)), "{order:?}");
        }
    }

    #[test]
    fn a_deletion_holds_for_good() {
        let deleted = Content::Revoked { original: "wamid.1".into() };
        for later in [edit(text("b")), edit(Content::Unsupported { kind: None }), deleted.clone()] {
            let mut message = first(text("a"));
            assert!(message.apply(&deleted, 2000) && message.apply(&later, 3000));
            assert_eq!((message.content, message.deleted_at), (deleted.clone(), Some(2000)));
        }
    }

    #[test]
    fn an_edit_that_says_nothing_or_something_of_another_kind_changes_nothing() {
        let nothing = Content::Edited { original: "wamid.1".into(), content: None };
        let picture = Content::Media(Media { kind: MediaKind::Image, ..Media::default() });
        for change in [nothing, edit(text(" ")), edit(picture), edit(edit(text("b"))), text("b")] {
            let mut message = first(text("a"));
            assert!(!message.apply(&change, 1000), "{change:?}");
            assert_eq!(message, first(text("a")));
        }
    }

    #[test]
    fn a_new_caption_keeps_what_it_does_not_say_of_the_file() {
        let media = |id: Option<&str>, name: Option<&str>, caption: &str| {
            Content::Media(Media {
                kind: MediaKind::Document,
                id: id.map(Into::into),
                file_name: name.map(Into::into),
                caption: Some(caption.into()),
                ..Media::default()
            })
        };
        let mut message = first(media(Some("m1"), Some("offer.pdf"), "old"));
        assert!(message.apply(&edit(media(Some("m2"), None, "new")), 1000));
        assert_eq!(message.content, media(Some("m2"), Some("offer.pdf"), "new"));
        assert!(message.apply(&edit(media(None, None, "newer")), 2000));
        assert_eq!(message.content, media(Some("m2"), Some("offer.pdf"), "newer"));
    }
}
