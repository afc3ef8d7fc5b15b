//! Converts a scripted customer's messages into the content that a provider would deliver.

use std::path::Path;

use frontdesk_promptfoo::policy::Policy;
use serde_json::Value;

use super::within;
use crate::domain::{
    Author, Blob, ChoiceSource, Content, Media, MediaKind, Speaker, WaitingMessage,
};

pub(super) fn text(body: &str) -> Vec<WaitingMessage> {
    vec![WaitingMessage::of(Content::Text { body: body.to_owned() })]
}

/// Converts messages of one burst: texts, files such as `{voice: FILE, transcript}` and `{image:
/// FILE, caption}`, and what WhatsApp carries beside them, such as `{location: {name}}`. With
/// `quotes`, any of them quotes a message.
pub(super) fn messages(
    says: &[Value],
    files: (&Policy, &Path),
) -> Result<Vec<WaitingMessage>, String> {
    let message = |one: &Value| {
        let message = WaitingMessage::of(content(one, files)?);
        let Some(quotes) = one.get("quotes") else { return Ok(message) };
        let (author, text) = quoted(quotes)?;
        Ok(WaitingMessage { quoted: Some(text), quoted_author: Some(author), ..message })
    };
    says.iter().map(message).collect()
}

/// Reads a quoted message: a text of the bot, or `{SPEAKER: TEXT}` as in a history.
fn quoted(quotes: &Value) -> Result<(Author, String), String> {
    if let Some(text) = quotes.as_str() {
        return Ok((Author::Bot, text.to_owned()));
    }
    let said = Speaker::ALL.iter().find_map(|speaker| {
        let author = match speaker {
            Speaker::Customer => Author::Customer,
            Speaker::Bot => Author::Bot,
            Speaker::Person => Author::Person,
        };
        Some((author, quotes.get(speaker.as_str())?.as_str()?.to_owned()))
    });
    said.ok_or_else(|| {
        format!("`quotes` has {quotes}; it wants a text, or `customer: …`, `bot: …` or `person: …`")
    })
}

fn content(says: &Value, (policy, base): (&Policy, &Path)) -> Result<Content, String> {
    if let Some(body) = says.as_str() {
        return Ok(Content::Text { body: body.to_owned() });
    }
    let field = |name: &str| says.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    if let Some(body) = field("text") {
        return Ok(Content::Text { body });
    }
    if let Some(described) = described(says)? {
        return Ok(described);
    }
    let kinds = [
        MediaKind::Voice,
        MediaKind::Audio,
        MediaKind::Video,
        MediaKind::Image,
        MediaKind::Document,
    ];
    let Some(kind) = kinds.into_iter().find(|kind| says.get(kind.as_str()).is_some()) else {
        return match says {
            Value::Number(_) | Value::Bool(_) => Ok(Content::Text { body: says.to_string() }),
            _ => Err(format!(
                "{says} is no message: a text, or an object with `text`, `voice`, `audio`, `video`, `image`, `document`, `location`, `form`, `order`, `contacts` or `choice`"
            )),
        };
    };
    let file = field(kind.as_str()).ok_or_else(|| format!("`{kind}` names a file"))?;
    let path = within(base, &file);
    let bytes = policy
        .bytes(&path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(Content::Media(Media {
        kind,
        mime_type: field("mime_type"),
        caption: field("caption"),
        transcript: field("transcript"),
        file_name: path.file_name().map(|name| name.to_string_lossy().into_owned()),
        bytes: Some(Blob(bytes.into())),
        ..Media::default()
    }))
}

/// Converts a message without a file: `{location: {name, address, latitude, longitude}}`, `{form:
/// {FIELD: VALUE}}`, `{order: {text, product_items}}`, `{contacts: [CARD]}` or `{choice: TITLE,
/// source: list}`; without a `source`, a button was tapped. Cards and items are written as Meta
/// sends them.
fn described(says: &Value) -> Result<Option<Content>, String> {
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    if let Some(place) = says.get("location") {
        let degrees = |name: &str| place.get(name).and_then(Value::as_f64).unwrap_or_default();
        return Ok(Some(Content::Location {
            latitude: degrees("latitude"),
            longitude: degrees("longitude"),
            name: text(place, "name"),
            address: text(place, "address"),
            url: text(place, "url"),
        }));
    }
    if let Some(response) = says.get("form") {
        let (name, body) = (text(says, "name"), None);
        return Ok(Some(Content::Form { name, body, response: response.clone() }));
    }
    if let Some(order) = says.get("order") {
        return Ok(Some(Content::Order { text: text(order, "text"), order: order.clone() }));
    }
    if let Some(cards) = says.get("contacts") {
        return Ok(Some(Content::Contacts { names: Vec::new(), cards: cards.clone() }));
    }
    let Some(title) = text(says, "choice") else { return Ok(None) };
    let source = match text(says, "source") {
        Some(word) => word.parse().map_err(|_| {
            format!("`source` is `{word}`, it takes one of {}", ChoiceSource::WORDS.join(", "))
        })?,
        None => ChoiceSource::Button,
    };
    Ok(Some(Content::Choice { id: text(says, "id"), title, source }))
}
