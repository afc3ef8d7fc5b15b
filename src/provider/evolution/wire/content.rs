//! Converts the content of messages. A message of an unknown type, or without its content, is kept
//! raw.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::super::json::{number, parse, string, text};
use super::{vcard, whole, without_files};
use crate::domain::{Blob, ChoiceSource, Content, Media, MediaKind};

/// Maximum messages that are wrapped around a content.
const MAX_WRAPPERS: usize = 8;
/// Contents that hold the message itself.
const WRAPPERS: [&str; 10] = [
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "editedMessage",
    "deviceSentMessage",
    "groupMentionedMessage",
    "botInvokeMessage",
    "lottieStickerMessage",
];
/// What stands beside a content and is none.
const BESIDE: [&str; 6] = [
    "messageContextInfo",
    "contextInfo",
    "base64",
    "mediaUrl",
    "speechToText",
    "deviceListMetadata",
];
/// What WhatsApp's clients tell each other: nobody wrote it, and it says nothing.
const SIGNALS: [&str; 9] = [
    "protocolMessage",
    "senderKeyDistributionMessage",
    "fastRatchetKeySenderKeyDistributionMessage",
    "albumMessage",
    "pinInChatMessage",
    "keepInChatMessage",
    "stickerSyncRmrMessage",
    "callLogMesssage",
    "placeholderMessage",
];

/// A content within its wrappers.
struct Inner<'a> {
    /// Its type, as WhatsApp calls it.
    kind: &'a str,
    own: &'a Value,
    /// The file in base64, which stands beside it or beside a wrapper.
    base64: Option<&'a str>,
}

/// The edit or deletion that a message is; such a message is nothing else.
pub(super) fn change(message: &Value) -> Option<&Value> {
    let inner = unwrapped(message.get("message")?, "protocolMessage");
    (inner.kind == "protocolMessage").then_some(inner.own)
}

/// Reads the content of a message; `None` if it has none for people.
pub(super) fn of(message: &Value, id: &str) -> Option<Content> {
    let named = text(message, "messageType").unwrap_or_else(|| "unknown".to_owned());
    let raw = || {
        let mut raw = message.clone();
        without_files(&mut raw);
        Content::Unknown { kind: named.clone(), raw }
    };
    let inner = unwrapped(message.get("message").unwrap_or(&Value::Null), &named);
    if SIGNALS.contains(&inner.kind) {
        return None;
    }
    let content = match (
        named.as_str(),
        message.get("message").and_then(|inner| string(inner, "conversation")),
    ) {
        // The Cloud API behind the server: of what was tapped only the label comes.
        ("buttonMessage", Some(title)) => choice(None, Some(title), ChoiceSource::Template),
        ("interactiveMessage", Some(title)) => choice(None, Some(title), ChoiceSource::Button),
        _ => known(&inner, id).or_else(|| vote(message, &inner)),
    };
    Some(content.unwrap_or_else(raw))
}

/// Reads the new content of an edited message with this id; `None` if it cannot be read.
pub(super) fn of_edit(new: &Value, id: &str) -> Option<Content> {
    known(&unwrapped(new, ""), id)
}

/// Takes a message out of its wrappers. `named` is the type that the message says it is of.
fn unwrapped<'a>(message: &'a Value, named: &str) -> Inner<'a> {
    let mut inner = Inner { kind: "unknown", own: message, base64: None };
    for _ in 0..MAX_WRAPPERS {
        let Some(fields) = inner.own.as_object() else { return inner };
        let base64 = fields.get("base64").and_then(Value::as_str);
        inner.base64 = inner.base64.or(base64);
        let is_content = |(name, value): &(&String, &Value)| {
            !BESIDE.contains(&name.as_str()) && !value.is_null()
        };
        let of_type = fields.get_key_value(named).filter(is_content);
        // Keys for a group's messages come beside a message.
        let is_key = |name: &str| name.ends_with("enderKeyDistributionMessage");
        let first = || {
            let mut contents = fields.iter().filter(is_content);
            let first = contents.next()?;
            if is_key(first.0) { contents.next().or(Some(first)) } else { Some(first) }
        };
        let Some((kind, own)) = of_type.or_else(first) else { return inner };
        (inner.kind, inner.own) = (kind, own);
        match own.get("message").filter(|_| WRAPPERS.contains(&kind.as_str())) {
            Some(message) => inner.own = message,
            None => return inner,
        }
    }
    inner
}

fn known(inner: &Inner<'_>, id: &str) -> Option<Content> {
    let own = inner.own;
    let file = |kind| media(kind, inner, id);
    match inner.kind {
        "conversation" => own.as_str().map(|body| Content::Text { body: body.to_owned() }),
        "extendedTextMessage" => string(own, "text").map(|body| Content::Text { body }),
        "audioMessage" if is_voice(own) => file(MediaKind::Voice),
        "audioMessage" => file(MediaKind::Audio),
        "imageMessage" => file(MediaKind::Image),
        "videoMessage" | "ptvMessage" => file(MediaKind::Video),
        "documentMessage" => file(MediaKind::Document),
        "stickerMessage" => file(MediaKind::Sticker),
        "locationMessage" | "liveLocationMessage" => location(own),
        "contactMessage" => Some(contacts(std::slice::from_ref(own))),
        "contactsArrayMessage" => own.get("contacts")?.as_array().map(|cards| contacts(cards)),
        "buttonsResponseMessage" => choice(
            text(own, "selectedButtonId"),
            text(own, "selectedDisplayText"),
            ChoiceSource::Button,
        ),
        "templateButtonReplyMessage" => choice(
            text(own, "selectedId"),
            text(own, "selectedDisplayText"),
            ChoiceSource::Template,
        ),
        "listResponseMessage" => {
            let row = own.get("singleSelectReply").and_then(|row| text(row, "selectedRowId"));
            choice(row, text(own, "title"), ChoiceSource::List)
        }
        "interactiveResponseMessage" => native_flow(own),
        "reactionMessage" => {
            let message_id = text(own.get("key")?, "id")?;
            Some(Content::Reaction { message_id, emoji: text(own, "text") })
        }
        "orderMessage" if own.is_object() => Some(order(own)),
        _ => None,
    }
}

fn is_voice(audio: &Value) -> bool {
    ["ptt", "voice"].iter().any(|key| audio.get(key).and_then(Value::as_bool) == Some(true))
}

/// A file. Its id is that of its message, by which the server decrypts it.
fn media(kind: MediaKind, inner: &Inner<'_>, id: &str) -> Option<Content> {
    let file = inner.own;
    file.is_object().then(|| {
        Content::Media(Media {
            kind,
            id: Some(id.to_owned()),
            mime_type: text(file, "mimetype").or_else(|| text(file, "mime_type")),
            sha256: hash(file),
            caption: text(file, "caption"),
            file_name: ["fileName", "filename", "title"]
                .into_iter()
                .find_map(|key| text(file, key)),
            bytes: inner.base64.and_then(decoded).map(|bytes| Blob(bytes.into())),
            ..Media::default()
        })
    })
}

/// A file in base64; `None` if it is none, so that it is fetched.
pub(in super::super) fn decoded(base64: &str) -> Option<Vec<u8>> {
    let plain = base64.trim();
    let plain = plain.split_once(";base64,").map_or(plain, |(_, plain)| plain);
    STANDARD.decode(plain).ok().filter(|bytes| !bytes.is_empty())
}

/// The SHA-256 of a file, whose bytes come as an object by their places, or as base64.
fn hash(file: &Value) -> Option<String> {
    let bytes = file.get("fileSha256")?;
    let Some(places) = bytes.as_object() else { return text(file, "fileSha256") };
    let byte = |place: usize| {
        let byte = places.get(place.to_string().as_str())?.as_u64()?;
        u8::try_from(byte).ok()
    };
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    bytes.map(hex::encode)
}

fn location(place: &Value) -> Option<Content> {
    Some(Content::Location {
        latitude: number(place, "degreesLatitude")?,
        longitude: number(place, "degreesLongitude")?,
        name: text(place, "name").or_else(|| text(place, "caption")),
        address: text(place, "address"),
        url: text(place, "url"),
    })
}

fn contacts(cards: &[Value]) -> Content {
    let card = |card: &Value| {
        let vcard = string(card, "vcard").unwrap_or_default();
        vcard::card(text(card, "displayName").as_deref(), &vcard)
    };
    let (names, cards): (Vec<_>, Vec<_>) = cards.iter().map(card).unzip();
    Content::Contacts { names: names.into_iter().flatten().collect(), cards: Value::Array(cards) }
}

/// A choice without a label shows its id, which this business assigned.
fn choice(id: Option<String>, title: Option<String>, source: ChoiceSource) -> Option<Content> {
    let title = title.or_else(|| id.clone())?;
    Some(Content::Choice { id, title, source })
}

/// The answer to buttons of the newer kind, whose parameters are JSON inside a string.
fn native_flow(own: &Value) -> Option<Content> {
    let reply = own.get("nativeFlowResponseMessage")?;
    let written = text(reply, "paramsJson").unwrap_or_default();
    let parameters = parse(written.as_bytes()).unwrap_or_default();
    let shown = own.get("body").and_then(|body| text(body, "text"));
    let title = shown.or_else(|| text(&parameters, "display_text"));
    choice(text(&parameters, "id"), title, ChoiceSource::Button)
}

/// A vote in a poll is a choice. Where its options are still encrypted, the tally says what they
/// are: in a chat of two nobody else votes.
fn vote(message: &Value, inner: &Inner<'_>) -> Option<Content> {
    if inner.kind != "pollUpdateMessage" {
        return None;
    }
    let options = inner.own.get("vote").and_then(|vote| vote.get("selectedOptions"));
    let named = options.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut titles: Vec<&str> = named.collect();
    if titles.is_empty() {
        let tally = message.get("pollUpdates").and_then(Value::as_array).into_iter().flatten();
        let voted = |option: &&Value| {
            option.get("voters").and_then(Value::as_array).is_some_and(|voters| !voters.is_empty())
        };
        titles = tally.filter(voted).filter_map(|option| option.get("name")?.as_str()).collect();
    }
    let title = titles.join(", ");
    choice(None, Some(title).filter(|title| !title.is_empty()), ChoiceSource::List)
}

/// A shopping cart: WhatsApp tells how many products it has and their price, not which they are.
fn order(own: &Value) -> Content {
    let currency = text(own, "totalCurrencyCode").unwrap_or_default();
    let title = text(own, "orderTitle").unwrap_or_else(|| "products".to_owned());
    let count = whole(own, "itemCount").unwrap_or(1).max(1);
    let mut item = json!({"product_retailer_id": title, "quantity": count, "currency": currency});
    if let Some(thousandths) = whole(own, "totalAmount1000") {
        #[expect(clippy::cast_precision_loss, reason = "a price has fewer digits")]
        let price = thousandths as f64 / 1000.0 / count as f64;
        item["item_price"] = json!(price);
    }
    let order = json!({"order_id": text(own, "orderId"), "product_items": [item]});
    Content::Order { text: text(own, "message"), order }
}
