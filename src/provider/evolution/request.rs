//! Requests that send something, in Evolution's format.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::exchange::refused;
use super::super::{Class, Error, FileSource, OutgoingContent, OutgoingFile, OutgoingMessage};
use super::jid;
use crate::domain::label::one_line;
use crate::domain::{MediaKind, Party};

/// Maximum length of a name on an address card, in characters.
const MAX_NAME_LEN: usize = 200;

/// A request to the server: the method's two names, before that of the instance, and the body.
pub(super) struct Call {
    pub(super) method: [&'static str; 2],
    pub(super) body: Value,
    /// Size of the file in it, in bytes.
    pub(super) file_len: usize,
}

impl Call {
    /// Converts a message. The error says what the provider cannot send.
    pub(super) fn of(outgoing: &OutgoingMessage) -> Result<Self, Error> {
        let OutgoingMessage { to, content, reply_to, .. } = outgoing;
        let number = jid::number(to)
            .ok_or_else(|| refused(Class::OurFault, "the message has no recipient"))?;
        let mut call = match content {
            OutgoingContent::Text(text) => {
                Self::message("sendText", json!({"text": text, "linkPreview": false}))
            }
            OutgoingContent::File(file) => Self::file(file)?,
            OutgoingContent::Location { latitude, longitude, name, address } => {
                // The server wants all four.
                let (name, address) = (name.as_deref(), address.as_deref());
                let place = json!({"latitude": latitude, "longitude": longitude,
                    "name": name.unwrap_or_default(), "address": address.unwrap_or_default()});
                Self::message("sendLocation", place)
            }
            OutgoingContent::Contacts(cards) => {
                Self::message("sendContact", json!({"contact": contacts(cards)?}))
            }
            OutgoingContent::Reaction { message_id, emoji } => {
                return reaction(to, message_id, emoji);
            }
            OutgoingContent::Template(_)
            | OutgoingContent::Buttons(_)
            | OutgoingContent::List(_)
            | OutgoingContent::Link(_)
            | OutgoingContent::Products(_)
            | OutgoingContent::Flow(_) => return Err(unable("such a message")),
        };
        call.body["number"] = number.into();
        if let Some(quoted) = reply_to {
            call.body["quoted"] = json!({"key": {"id": quoted}});
        }
        Ok(call)
    }

    fn message(method: &'static str, body: Value) -> Self {
        Self { method: ["message", method], body, file_len: 0 }
    }

    /// A file goes with its message, in base64. A voice note is OGG with Opus already: the server need
    /// not convert it.
    fn file(file: &OutgoingFile) -> Result<Self, Error> {
        let FileSource::Bytes { mime_type, bytes } = &file.source else {
            return Err(unable("an uploaded file"));
        };
        let file_len = bytes.0.len();
        let base64 = STANDARD.encode(&bytes.0);
        let kind = match file.kind {
            MediaKind::Voice => {
                let body = json!({"audio": base64, "encoding": false});
                return Ok(Self { file_len, ..Self::message("sendWhatsAppAudio", body) });
            }
            MediaKind::Image => "image",
            MediaKind::Video => "video",
            MediaKind::Audio => "audio",
            MediaKind::Document => "document",
            MediaKind::Sticker => return Err(unable("a sticker")),
        };
        let mut body = json!({"mediatype": kind, "mimetype": mime_type, "media": base64,
            "fileName": file.name.as_deref().unwrap_or(kind)});
        if let Some(caption) = &file.caption {
            body["caption"] = caption.as_str().into();
        }
        Ok(Self { file_len, ..Self::message("sendMedia", body) })
    }
}

/// A request that shows the typing indicator for a time.
pub(super) fn typing(number: &str, shown_ms: u64) -> Call {
    let body = json!({"number": number, "presence": "composing", "delay": shown_ms});
    Call { method: ["chat", "sendPresence"], body, file_len: 0 }
}

/// A request that marks a customer's message as read. The server knows messages by the phone alone.
pub(super) fn read(phone: &str, message: &str) -> Call {
    let key = json!({"remoteJid": jid::of_phone(phone), "fromMe": false, "id": message});
    Call {
        method: ["chat", "markMessageAsRead"],
        body: json!({"readMessages": [key]}),
        file_len: 0,
    }
}

/// A request for the file of a message.
pub(super) fn file_of(message: &str) -> Call {
    let body = json!({"message": {"key": {"id": message}}, "convertToMp4": false});
    Call { method: ["chat", "getBase64FromMediaMessage"], body, file_len: 0 }
}

/// A reaction names its message by chat and id.
fn reaction(to: &Party, message: &str, emoji: &str) -> Result<Call, Error> {
    let number =
        jid::number(to).ok_or_else(|| refused(Class::OurFault, "the message has no recipient"))?;
    let chat = if number.contains('@') { number } else { jid::of_phone(&number) };
    let key = json!({"remoteJid": chat, "fromMe": false, "id": message});
    Ok(Call::message("sendReaction", json!({"key": key, "reaction": emoji})))
}

/// Address cards: the server makes a vCard of each, with one phone.
fn contacts(cards: &Value) -> Result<Vec<Value>, Error> {
    let mut contacts = Vec::new();
    for card in cards.as_array().into_iter().flatten() {
        let text = |path| card.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let name = one_line(text("/name/formatted_name"), MAX_NAME_LEN);
        let phones = card.get("phones").and_then(Value::as_array).into_iter().flatten();
        let phones = phones.filter_map(|phone| phone.get("phone").and_then(Value::as_str));
        contacts.extend(phones.map(|phone| {
            let phone = one_line(phone, MAX_NAME_LEN);
            json!({"fullName": name, "phoneNumber": phone})
        }));
    }
    // The server refuses the same card twice.
    contacts.dedup();
    if contacts.is_empty() {
        return Err(unable("an address card without a phone number"));
    }
    Ok(contacts)
}

fn unable(what: &str) -> Error {
    refused(Class::OurFault, format!("Evolution cannot send {what}: write it as a text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Blob;

    fn body(content: OutgoingContent, reply_to: Option<&str>) -> (String, Value) {
        let to = Party { wa_id: Some("15550100001".into()), ..Party::default() };
        let reply_to = reply_to.map(str::to_owned);
        let call = Call::of(&OutgoingMessage { to, content, reply_to, reference: "r".into() });
        let call = call.unwrap_or_else(|error| panic!("{error}"));
        (call.method.join("/"), call.body)
    }

    fn file(kind: MediaKind, name: Option<&str>, caption: Option<&str>) -> OutgoingContent {
        let bytes = Blob(b"abc".to_vec().into());
        let source = FileSource::Bytes { mime_type: "a/b".into(), bytes };
        let (name, caption) = (name.map(str::to_owned), caption.map(str::to_owned));
        OutgoingContent::File(OutgoingFile { kind, source, caption, name })
    }

    #[test]
    fn every_kind_has_the_fields_that_the_server_wants() {
        let place =
            OutgoingContent::Location { latitude: 1.5, longitude: -2.0, name: None, address: None };
        let react = OutgoingContent::Reaction { message_id: "3EB0".into(), emoji: "👍".into() };
        let cards = json!([{"name": {"formatted_name": "Ana\nSilva"}, "phones": [{"phone": "+44 7700 900123"}, {"phone": "+447700900124"}]}]);
        let number = "15550100001";
        for (content, quoted, method, wanted) in [
            (
                OutgoingContent::Text("Hi".into()),
                Some("3EB0"),
                "message/sendText",
                json!({"number": number, "text": "Hi", "linkPreview": false, "quoted": {"key": {"id": "3EB0"}}}),
            ),
            (
                file(MediaKind::Document, Some("a.pdf"), Some("Menu")),
                None,
                "message/sendMedia",
                json!({"number": number, "mediatype": "document", "mimetype": "a/b", "media": "YWJj", "fileName": "a.pdf", "caption": "Menu"}),
            ),
            (
                file(MediaKind::Image, None, None),
                None,
                "message/sendMedia",
                json!({"number": number, "mediatype": "image", "mimetype": "a/b", "media": "YWJj", "fileName": "image"}),
            ),
            (
                file(MediaKind::Voice, None, None),
                None,
                "message/sendWhatsAppAudio",
                json!({"number": number, "audio": "YWJj", "encoding": false}),
            ),
            (
                place,
                None,
                "message/sendLocation",
                json!({"number": number, "latitude": 1.5, "longitude": -2.0, "name": "", "address": ""}),
            ),
            (
                OutgoingContent::Contacts(cards),
                None,
                "message/sendContact",
                json!({"number": number, "contact": [
                {"fullName": "Ana Silva", "phoneNumber": "+44 7700 900123"},
                {"fullName": "Ana Silva", "phoneNumber": "+447700900124"}]}),
            ),
            (
                react,
                None,
                "message/sendReaction",
                json!({"key": {"remoteJid": "15550100001@s.whatsapp.net", "fromMe": false, "id": "3EB0"}, "reaction": "👍"}),
            ),
        ] {
            assert_eq!(body(content, quoted), (method.to_owned(), wanted));
        }
    }

    #[test]
    fn a_customer_without_a_phone_is_addressed_by_the_lid() {
        let to = Party { lid: Some("111111111111101".into()), ..Party::default() };
        let send = |to: Party, content| {
            Call::of(&OutgoingMessage { to, content, reply_to: None, reference: String::new() })
        };
        let text = || OutgoingContent::Text("Hi".into());
        let call = send(to.clone(), text()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(call.body["number"], "111111111111101@lid");
        let react = OutgoingContent::Reaction { message_id: "3".into(), emoji: String::new() };
        let call = send(to, react).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(call.body["key"]["remoteJid"], "111111111111101@lid");
        for (to, content) in [
            (Party::default(), text()),
            (
                Party { lid: Some("1".into()), ..Party::default() },
                OutgoingContent::Contacts(json!([{"name": {"formatted_name": "A"}, "phones": []}])),
            ),
        ] {
            let refused = send(to, content).err();
            assert!(
                matches!(refused, Some(Error::Refused { class: Class::OurFault, .. })),
                "{refused:?}"
            );
        }
    }
}
