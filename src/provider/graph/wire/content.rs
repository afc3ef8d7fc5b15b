//! Converts Meta's message types. A message of an unknown type, or without its content, is kept
//! raw.

use serde_json::Value;

use super::super::super::json::{id, number, parse, string, text};
use crate::domain::{ChoiceSource, Content, Media, MediaKind};

/// Reads the content of a message, or of an edit's new message, of the given type.
pub(super) fn read(kind: &str, message: &Value) -> Content {
    let own = message.get(kind).unwrap_or(&Value::Null);
    known(kind, own)
        .unwrap_or_else(|| Content::Unknown { kind: kind.to_owned(), raw: message.clone() })
}

fn known(kind: &str, own: &Value) -> Option<Content> {
    match kind {
        "text" => string(own, "body").map(|body| Content::Text { body }),
        "audio" if is_voice(own) => media(MediaKind::Voice, own),
        "audio" => media(MediaKind::Audio, own),
        "image" => media(MediaKind::Image, own),
        "video" => media(MediaKind::Video, own),
        "document" => media(MediaKind::Document, own),
        "sticker" => media(MediaKind::Sticker, own),
        "location" => location(own),
        "contacts" => contacts(own),
        "interactive" => interactive(own),
        "button" => choice(text(own, "payload"), text(own, "text"), ChoiceSource::Template),
        "reaction" => text(own, "message_id")
            .map(|message_id| Content::Reaction { message_id, emoji: text(own, "emoji") }),
        "order" if own.is_object() => {
            Some(Content::Order { text: text(own, "text"), order: own.clone() })
        }
        "system" => system(own),
        "edit" => edit(own),
        "revoke" => text(own, "original_message_id").map(|original| Content::Revoked { original }),
        "request_welcome" => Some(Content::Welcome {}),
        "unsupported" => Some(Content::Unsupported { kind: text(own, "type") }),
        _ => None,
    }
}

fn is_voice(audio: &Value) -> bool {
    audio.get("voice").and_then(Value::as_bool) == Some(true)
}

fn media(kind: MediaKind, file: &Value) -> Option<Content> {
    file.is_object().then(|| {
        Content::Media(Media {
            kind,
            id: text(file, "id"),
            url: text(file, "url"),
            mime_type: text(file, "mime_type"),
            sha256: text(file, "sha256"),
            caption: text(file, "caption"),
            file_name: text(file, "filename"),
            ..Media::default()
        })
    })
}

fn location(place: &Value) -> Option<Content> {
    Some(Content::Location {
        latitude: number(place, "latitude")?,
        longitude: number(place, "longitude")?,
        name: text(place, "name"),
        address: text(place, "address"),
        url: text(place, "url"),
    })
}

fn contacts(cards: &Value) -> Option<Content> {
    let name = |card: &Value| {
        let name = card.get("name")?;
        text(name, "formatted_name").or_else(|| text(name, "first_name"))
    };
    let list = cards.as_array()?;
    Some(Content::Contacts { names: list.iter().filter_map(name).collect(), cards: cards.clone() })
}

fn interactive(own: &Value) -> Option<Content> {
    let kind = own.get("type")?.as_str()?;
    let reply = own.get(kind)?;
    match kind {
        "button_reply" => choice(text(reply, "id"), text(reply, "title"), ChoiceSource::Button),
        "list_reply" => choice(text(reply, "id"), text(reply, "title"), ChoiceSource::List),
        "nfm_reply" if reply.is_object() => Some(Content::Form {
            name: text(reply, "name"),
            body: text(reply, "body"),
            response: response(reply),
        }),
        "call_permission_reply" => {
            text(reply, "response").map(|response| Content::CallPermission { response })
        }
        _ => None,
    }
}

/// A choice without a title shows its id, which this business assigned.
fn choice(id: Option<String>, title: Option<String>, source: ChoiceSource) -> Option<Content> {
    let title = title.or_else(|| id.clone())?;
    Some(Content::Choice { id, title, source })
}

/// A form's answers, which Meta sends as JSON inside a string.
fn response(reply: &Value) -> Value {
    match reply.get("response_json") {
        Some(Value::String(written)) => {
            parse(written.as_bytes()).unwrap_or_else(|_| Value::String(written.clone()))
        }
        Some(other) => other.clone(),
        None => Value::Null,
    }
}

fn system(notice: &Value) -> Option<Content> {
    notice.is_object().then(|| Content::System {
        kind: text(notice, "type").unwrap_or_else(|| "unknown".to_owned()),
        body: text(notice, "body"),
        new_wa_id: id(notice, "wa_id").or_else(|| id(notice, "new_wa_id")),
        new_bsuid: id(notice, "user_id"),
    })
}

fn edit(own: &Value) -> Option<Content> {
    let content = own.get("message").and_then(|message| {
        let kind = text(message, "type")?;
        Some(Box::new(read(&kind, message)))
    });
    Some(Content::Edited { original: text(own, "original_message_id")?, content })
}
