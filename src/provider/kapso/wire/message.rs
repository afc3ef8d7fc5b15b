//! Reads the events of messages: completes Meta's message with what Kapso says beside it, and lets Meta's
//! reader read it.

use frontdesk_words::words;
use serde_json::{Value, json};

use super::super::super::graph;
use super::super::super::json::{list, text};
use super::EventName;
use crate::domain::{Content, Delivery, Event, MediaKind};

/// Key of our reference in a status.
const REFERENCE: &str = "biz_opaque_callback_data";

words! {
    /// Whose a message is.
    enum MessageDirection {
        /// A customer's.
        Inbound = "inbound",
        /// The business's.
        Outbound = "outbound",
    }
}

words! {
    /// Where a message comes from.
    enum MessageOrigin {
        /// From Meta's API.
        CloudApi = "cloud_api",
        /// From the Business app on the phone.
        BusinessApp = "business_app",
        /// From the chats that the Business app handed over: it is old.
        HistorySync = "history_sync",
    }
}

/// An event of a message.
pub(super) struct MessageEvent<'a> {
    name: Option<EventName>,
    message: &'a Value,
    kapso: &'a Value,
    conversation: &'a Value,
}

impl EventName {
    /// What it says of a message of the business.
    fn delivery(self) -> Option<Delivery> {
        match self {
            Self::Received => None,
            Self::Sent => Some(Delivery::Sent),
            Self::Delivered => Some(Delivery::Delivered),
            Self::Read => Some(Delivery::Read),
            Self::Failed => Some(Delivery::Failed),
        }
    }
}

impl<'a> MessageEvent<'a> {
    /// The event of this name; `None` if it has no message.
    pub(super) fn of(event: &'a Value, name: Option<EventName>) -> Option<Self> {
        let message = event.get("message").filter(|message| message.is_object())?;
        let kapso = message.get("kapso").unwrap_or(&Value::Null);
        let conversation = event.get("conversation").unwrap_or(&Value::Null);
        Some(Self { name, message, kapso, conversation })
    }

    /// Everything that it says.
    pub(super) fn events(&self, transcripts: bool) -> Vec<Event> {
        if self.is_outbound() { self.outbound() } else { self.inbound(transcripts) }
    }

    /// Whether the business wrote it. The body decides where it can: the header is not signed.
    fn is_outbound(&self) -> bool {
        let direction: Option<MessageDirection> =
            text(self.kapso, "direction").and_then(|word| word.parse().ok());
        match direction {
            Some(direction) => direction == MessageDirection::Outbound,
            None => self.name.map_or(self.said().is_some(), |name| name != EventName::Received),
        }
    }

    /// The status that the event is about, if any. The body decides here, too.
    fn delivery(&self) -> Option<Delivery> {
        self.said().or_else(|| self.name.and_then(EventName::delivery))
    }

    /// The status beside the message.
    fn said(&self) -> Option<Delivery> {
        text(self.kapso, "status")?.parse().ok()
    }

    fn inbound(&self, transcripts: bool) -> Vec<Event> {
        let field = if self.is_imported() { "history" } else { "messages" };
        let mut message = self.between(["from", "from_user_id"]);
        // It would say that the business wrote an old message.
        set(&mut message, "to", None);
        self.complete_file(&mut message);
        as_recording(&mut message);
        let transcript = self.kapso.get("transcript").and_then(|one| text(one, "text"));
        let mut events = graph::events(
            field,
            &json!({"messages": [message], "contacts": [self.contact("from")]}),
        );
        for event in &mut events {
            if let Event::Message(message) = event
                && let Content::Media(media) = &mut message.content
            {
                media.transcript = transcript.clone().filter(|_| transcripts);
            }
        }
        events
    }

    /// A message of the business: its statuses, and, once it was sent, the message itself.
    fn outbound(&self) -> Vec<Event> {
        let mut message = self.between(["to", "to_user_id"]);
        self.complete_file(&mut message);
        as_text(&mut message);
        let contacts = json!([self.contact("to")]);
        if self.is_imported() {
            message["history_context"] = json!({"from_me": true});
            return graph::events("history", &json!({"messages": [message], "contacts": contacts}));
        }
        let statuses = self.statuses(message.get("to"));
        let is_new = self.name == Some(EventName::Sent)
            || self.delivery().is_none_or(|delivery| delivery == Delivery::Sent);
        // What comes with a reference was sent by a program: nobody took the conversation over.
        let is_written = is_new && !statuses.iter().any(|status| text(status, REFERENCE).is_some());
        let mut value = json!({"statuses": statuses, "contacts": contacts});
        if is_written {
            value["message_echoes"] = json!([message]);
        }
        graph::events("messages", &value)
    }

    /// Meta's statuses so far, with the one that the event is about.
    fn statuses(&self, recipient: Option<&Value>) -> Vec<Value> {
        let mut all = list(self.kapso, "statuses").to_vec();
        let is_listed = |delivery: Delivery| {
            all.iter().any(|one| text(one, "status").as_deref() == Some(delivery.as_str()))
        };
        if let Some(delivery) = self.delivery().filter(|delivery| !is_listed(*delivery)) {
            let of = |key: &str| self.message.get(key);
            all.push(json!({
                "id": of("id"), "status": delivery.as_str(), "timestamp": of("timestamp"),
                "recipient_id": recipient, "errors": of("errors"),
            }));
        }
        all
    }

    fn is_imported(&self) -> bool {
        let origin: Option<MessageOrigin> =
            text(self.kapso, "origin").and_then(|word| word.parse().ok());
        origin == Some(MessageOrigin::HistorySync)
    }

    /// The message with the customer's ids under these keys: Kapso may name them beside it alone, and
    /// writes phones as people do.
    fn between(&self, [phone_key, bsuid_key]: [&str; 2]) -> Value {
        let mut message = self.message.clone();
        let (phone, bsuid) = self.customer(phone_key);
        set(&mut message, phone_key, phone);
        set(&mut message, bsuid_key, bsuid);
        message
    }

    /// The customer's phone in digits, and business-scoped id.
    fn customer(&self, key: &str) -> (Option<String>, Option<String>) {
        let own = |key: &str| text(self.message, key);
        let written =
            [own(key), text(self.conversation, "phone_number"), text(self.kapso, "phone_number")];
        let written = || written.iter().flatten();
        let bsuid = own(&format!("{key}_user_id"))
            .or_else(|| own("business_scoped_user_id"))
            .or_else(|| text(self.kapso, "business_scoped_user_id"))
            .or_else(|| text(self.conversation, "business_scoped_user_id"))
            .or_else(|| written().find(|id| !is_phone(id) && id.contains('.')).cloned());
        let digits = |phone: &String| phone.chars().filter(char::is_ascii_digit).collect();
        (written().find(|id| is_phone(id)).map(digits), bsuid)
    }

    /// The customer, as Meta's webhooks describe them.
    fn contact(&self, key: &str) -> Value {
        let (phone, bsuid) = self.customer(key);
        let at_conversation = self.conversation.get("kapso").unwrap_or(&Value::Null);
        let places = [at_conversation, self.kapso, self.conversation];
        let find = |key: &str| places.into_iter().find_map(|place| text(place, key));
        let username = text(self.message, "username").or_else(|| find("username"));
        let profile = json!({"name": find("contact_name"), "username": username});
        json!({"wa_id": phone, "user_id": bsuid, "profile": profile})
    }

    /// Completes the message's file: Kapso has it at an address of its own.
    fn complete_file(&self, message: &mut Value) {
        let kind = text(message, "type").filter(|kind| kind.parse::<MediaKind>().is_ok());
        let Some((kind, fields)) = kind.zip(message.as_object_mut()) else { return };
        let data = self.kapso.get("media_data").unwrap_or(&Value::Null);
        let url = text(self.kapso, "media_url").or_else(|| text(data, "url"));
        let file = fields.entry(kind.as_str()).or_insert(Value::Null);
        if url.is_some() && !file.is_object() {
            *file = json!({});
        }
        let name = text(data, "filename").filter(|_| kind == MediaKind::Document.as_str());
        for (key, value) in
            [("url", url), ("mime_type", text(data, "content_type")), ("filename", name)]
        {
            if value.is_some() && file.get(key).is_none() {
                set(file, key, value);
            }
        }
    }
}

/// Marks a customer's OGG file as recorded in the chat: nothing says so, and such files hardly come
/// otherwise.
fn as_recording(message: &mut Value) {
    let Some(file) = message.get_mut(MediaKind::Audio.as_str()).filter(|file| file.is_object())
    else {
        return;
    };
    let is_ogg = text(file, "mime_type").is_some_and(|mime| mime.starts_with("audio/ogg"));
    if is_ogg && file.get("voice").is_none() {
        file["voice"] = true.into();
    }
}

/// Writes what can be tapped as its text, by which an own message is known.
fn as_text(message: &mut Value) {
    if let Some(words) = message.pointer("/interactive/body/text").cloned() {
        message["type"] = "text".into();
        message["text"] = json!({"body": words});
    }
}

/// Sets the text under a key of an object, or removes it.
fn set(object: &mut Value, key: &str, text: Option<String>) {
    let Some(fields) = object.as_object_mut() else { return };
    match text {
        Some(text) => fields.insert(key.to_owned(), text.into()),
        None => fields.remove(key),
    };
}

/// Whether this is a phone number, however it is written.
fn is_phone(id: &str) -> bool {
    let is_of_phone = |byte: u8| byte.is_ascii_digit() || b"+ ()-.".contains(&byte);
    id.bytes().all(is_of_phone) && id.bytes().any(|byte| byte.is_ascii_digit())
}
