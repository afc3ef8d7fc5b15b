//! Reads the items of a webhook: messages, what the business wrote itself, edits, deletions and
//! statuses.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::super::json::{id, is_id, moment, text};
use super::super::jid::{self, Jid};
use super::{content, notice, whole};
use crate::domain::time::Millis;
use crate::domain::{Content, Delivery, Echo, Event, Fault, Inbound, Party, Referral, Status};

/// Alert: a message that cannot be read gets no answer, so a person should see it.
const UNREADABLE_MESSAGE: &str =
    "A message could not be read; it is kept as it came and was not answered.";

/// Fields of a key that name the other side of a chat, and those that name who wrote.
const CHAT: [&str; 3] = ["remoteJid", "remoteJidAlt", "previousRemoteJid"];
const SENDER: [&str; 5] =
    ["remoteJid", "remoteJidAlt", "previousRemoteJid", "senderPn", "senderLid"];
/// Fields of a key that name who wrote in a group.
const AUTHOR: [&str; 4] = ["participant", "participantAlt", "participantPn", "participantLid"];

/// Data shared by the items of a webhook.
pub(super) struct Webhook {
    /// Digits of the business's phone number; `None` before it is paired.
    pub(super) ours: Option<String>,
}

/// Who wrote something.
enum Writer {
    /// A customer, in a group or not.
    Customer(Party, Option<String>),
    /// Somebody of the business, to this customer.
    Business(Party),
}

impl Webhook {
    /// Reads a message. Requires only a key with an id and a chat.
    pub(super) fn message(&self, event: &str, message: &Value, imported: bool) -> Event {
        self.readable(event, message, imported).unwrap_or_else(|| {
            let told = (!imported).then_some(UNREADABLE_MESSAGE);
            notice::unreadable("unreadable_message", message, told)
        })
    }

    fn readable(&self, event: &str, message: &Value, imported: bool) -> Option<Event> {
        let key = message.get("key")?;
        let provider_id = id(key, "id")?;
        text(key, "remoteJid")?;
        if let Some(change) = content::change(message) {
            return Some(read_change(event, self.writer(key), change));
        }
        let (Some(writer), Some(content)) = (self.writer(key), content::of(message, &provider_id))
        else {
            return Some(notice::kept(event, message));
        };
        let sent_at = whole(message, "messageTimestamp").map_or(0, moment);
        Some(match writer {
            Writer::Business(to) => {
                Event::Echo(Box::new(Echo { provider_id, to, sent_at, content, imported }))
            }
            Writer::Customer(from, group) => Event::Message(Box::new(Inbound {
                provider_id,
                from: Party { name: text(message, "pushName"), ..from },
                sent_at,
                content,
                reply_to: context(message).and_then(|context| id(context, "stanzaId")),
                referral: context(message).and_then(referral),
                group,
                imported,
                faults: Vec::new(),
            })),
        })
    }

    /// Who wrote the message of a key; `None` if that is nobody whom this desk answers or listens
    /// to: a status, a channel, the business in a group or to itself.
    fn writer(&self, key: &Value) -> Option<Writer> {
        match Jid::of(&text(key, "remoteJid")?) {
            Jid::Broadcast => None,
            Jid::Group(_) if is_ours(key) => None,
            Jid::Group(group) => Some(Writer::Customer(jid::party(key, &AUTHOR)?, Some(group))),
            Jid::Phone(_) | Jid::Lid(_) if is_ours(key) => {
                let to = jid::party(key, &CHAT)?;
                (to.wa_id.is_none() || to.wa_id != self.ours).then_some(Writer::Business(to))
            }
            Jid::Phone(_) | Jid::Lid(_) => Some(Writer::Customer(jid::party(key, &SENDER)?, None)),
        }
    }

    /// Reads an edit or a deletion. The server passes on what the author's app wrote, so its key says
    /// what the author wants it to say: the event names nobody.
    pub(super) fn edit(change: &Value) -> Event {
        let nobody = Writer::Customer(Party::default(), None);
        read_change("messages.edited", Some(nobody), change)
    }

    /// Reads a deletion: the key of the message, alone or below `key`.
    pub(super) fn deletion(&self, data: &Value) -> Event {
        let key = data.get("key").filter(|key| key.is_object()).unwrap_or(data);
        let revoked = id(key, "id").and_then(|original| revoked(self.writer(key)?, original, 0));
        revoked.unwrap_or_else(|| notice::kept("messages.delete", data))
    }
}

/// Reads a protocol message. Other ones than edits and deletions, such as a new time after which
/// messages disappear, are only kept.
fn read_change(event: &str, writer: Option<Writer>, change: &Value) -> Event {
    let original = change.get("key").and_then(|key| id(key, "id"));
    let at = whole(change, "timestampMs").map_or(0, |at| moment(at / 1000));
    let read = |(writer, original): (Writer, String)| match text(change, "type").as_deref() {
        Some("REVOKE" | "0") => revoked(writer, original, at),
        Some("MESSAGE_EDIT" | "14") => {
            let new = change.get("editedMessage").unwrap_or(&Value::Null);
            let content = content::of_edit(new, &original).map(Box::new);
            let hash = hex::encode(&Sha256::digest(change.to_string())[..8]);
            let provider_id = format!("{original}:edit:{hash}");
            changed(writer, provider_id, (Content::Edited { original, content }, at))
        }
        _ => None,
    };
    writer.zip(original).and_then(read).unwrap_or_else(|| notice::kept(event, change))
}

fn revoked(writer: Writer, original: String, at: Millis) -> Option<Event> {
    changed(writer, format!("{original}:revoked"), (Content::Revoked { original }, at))
}

/// The event of a change. It has no id of its own: it gets one that is the same each time.
fn changed(
    writer: Writer,
    provider_id: String,
    (content, sent_at): (Content, Millis),
) -> Option<Event> {
    is_id(&provider_id).then(|| match writer {
        Writer::Business(to) => {
            Event::Echo(Box::new(Echo { provider_id, to, sent_at, content, imported: false }))
        }
        Writer::Customer(from, group) => Event::Message(Box::new(Inbound {
            provider_id,
            from,
            sent_at,
            content,
            reply_to: None,
            referral: None,
            group,
            imported: false,
            faults: Vec::new(),
        })),
    })
}

/// Whether the business wrote the message of a key.
fn is_ours(key: &Value) -> bool {
    match key.get("fromMe") {
        Some(Value::String(word)) => word == "true",
        other => other.and_then(Value::as_bool) == Some(true),
    }
}

/// Reads a status. One that is unknown says nothing: versions before 2.3.7 call an edit `DELETED`.
pub(super) fn status(data: &Value) -> Event {
    delivery(data).unwrap_or_else(|| notice::kept("messages.update", data))
}

/// `fromMe` does not count: it is wrong for numbers of the Cloud API behind the server.
fn delivery(data: &Value) -> Option<Event> {
    let of_key = || id(data.get("key")?, "id");
    let provider_id = id(data, "keyId").or_else(of_key)?;
    let delivery = match text(data, "status")?.to_ascii_uppercase().as_str() {
        "SERVER_ACK" | "SENT" | "2" => Delivery::Sent,
        "DELIVERY_ACK" | "DELIVERED" | "3" => Delivery::Delivered,
        "READ" | "PLAYED" | "4" | "5" => Delivery::Read,
        "ERROR" | "FAILED" | "0" => Delivery::Failed,
        _ => return None,
    };
    // Votes of a poll come with the status of the poll.
    if data.get("pollUpdates").is_some_and(|votes| !votes.is_null()) {
        return None;
    }
    let failed = delivery == Delivery::Failed;
    let fault = failed.then(|| Fault::ours("WhatsApp could not deliver the message"));
    Some(Event::Status(Box::new(Status {
        provider_id,
        delivery,
        at: 0,
        reference: None,
        recipient: jid::party(data, &CHAT).unwrap_or_default(),
        faults: fault.into_iter().collect(),
        window_closed: false,
        file_refused: false,
        pricing: None,
    })))
}

/// What a message refers to: beside it, or within its content.
fn context(message: &Value) -> Option<&Value> {
    let within = || {
        let inner = message.get("message")?.as_object()?;
        inner.get("contextInfo").or_else(|| inner.values().find_map(|kind| kind.get("contextInfo")))
    };
    message.get("contextInfo").filter(|context| context.is_object()).or_else(within)
}

/// The advertisement from which a customer wrote. Link previews of bots have the same shape, and no
/// source.
fn referral(context: &Value) -> Option<Referral> {
    let ad = context.get("externalAdReply")?;
    let source_id = text(ad, "sourceId");
    let click_id = text(ad, "ctwaClid");
    if source_id.is_none() && click_id.is_none() {
        return None;
    }
    let media_type = match text(ad, "mediaType").unwrap_or_default().to_ascii_uppercase().as_str() {
        "IMAGE" | "1" => Some("image".to_owned()),
        "VIDEO" | "2" => Some("video".to_owned()),
        _ => None,
    };
    Some(Referral {
        source_type: text(ad, "sourceType").map(|kind| kind.to_ascii_lowercase()),
        source_id,
        source_url: text(ad, "sourceUrl"),
        headline: text(ad, "title"),
        body: text(ad, "body"),
        welcome: text(ad, "greetingMessageBody"),
        media_type,
        media_url: ["mediaUrl", "originalImageUrl", "thumbnailUrl"]
            .into_iter()
            .find_map(|key| text(ad, key)),
        click_id,
    })
}
