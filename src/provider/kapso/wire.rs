//! Decodes Kapso's webhooks of version 2: one event each, or a batch of one kind. A message in them is Meta's,
//! with Kapso's words beside it.
//!
//! One bad event never fails the others: what cannot be read is kept raw. The format is documented at
//! <https://docs.kapso.ai/docs/platform/webhooks/overview>.

mod message;

use frontdesk_words::words;
use http::HeaderMap;
use serde_json::{Value, json};

use super::super::{MalformedWebhook, graph, json};
use crate::domain::{Account, Event, Item, Other};
use message::MessageEvent;

/// Header that names the event: of most events, nothing in the body does.
const EVENT: &str = "x-webhook-event";
/// Header of a batch.
const BATCH: &str = "x-webhook-batch";
/// Maximum length of an event's name, in bytes.
const MAX_NAME_LEN: usize = 100;

words! {
    /// An event of a message.
    enum EventName {
        /// A customer's message came.
        Received = "whatsapp.message.received",
        /// A message of the business was sent.
        Sent = "whatsapp.message.sent",
        /// A message of the business is on the customer's phone.
        Delivered = "whatsapp.message.delivered",
        /// A message of the business was read.
        Read = "whatsapp.message.read",
        /// A message of the business will not arrive.
        Failed = "whatsapp.message.failed",
    }
}

/// Decodes all items of a webhook. `transcripts`: whether Kapso's transcripts are used.
pub(super) fn decode(
    headers: &HeaderMap,
    body: &[u8],
    transcripts: bool,
) -> Result<Vec<Item>, MalformedWebhook> {
    let top = json::parse(body)?;
    let has = |key: &str| top.get(key).is_some();
    if has("entry") || has("object") {
        // A webhook of the kind `meta`: as Meta sent it.
        return graph::decode(body);
    }
    let name = named(headers)
        .or_else(|| json::id(&top, "event"))
        .or_else(|| json::id(&top, "type"))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty());
    let data = top.get("data").and_then(Value::as_array);
    let is_batch =
        is_batch(headers) || top.get("batch") == Some(&Value::Bool(true)) || data.is_some();
    let is_event = ["message", "conversation", "phone_number_id"].into_iter().any(has);
    if !top.is_object() || !(name.is_some() || is_batch || is_event) {
        return Err(MalformedWebhook(
            "the body holds no event and no header names one: it is no webhook of Kapso".into(),
        ));
    }
    let events = match data {
        Some(events) => events.as_slice(),
        // Nothing is in it.
        None if is_batch => return Ok(vec![item(&top, kept(name.as_deref(), &top))]),
        None => std::slice::from_ref(&top),
    };
    Ok(events.iter().flat_map(|event| items(event, name.as_deref(), transcripts)).collect())
}

/// The body as it is stored: with what its headers say.
pub(super) fn stored_body(headers: &HeaderMap, body: Vec<u8>) -> Vec<u8> {
    let (name, is_batch) = (named(headers), is_batch(headers));
    let Ok(Value::Object(mut top)) = json::parse(&body) else { return body };
    if (name.is_none() && !is_batch) || top.contains_key("entry") || top.contains_key("object") {
        return body;
    }
    top.extend(name.map(|name| ("event".to_owned(), name.into())));
    top.extend(is_batch.then(|| ("batch".to_owned(), true.into())));
    Value::Object(top).to_string().into_bytes()
}

/// The event that the headers name.
fn named(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(EVENT)?.to_str().ok()?.trim();
    (!name.is_empty() && name.len() <= MAX_NAME_LEN).then(|| name.to_owned())
}

fn is_batch(headers: &HeaderMap) -> bool {
    headers.get(BATCH).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

/// The items of one event.
fn items(event: &Value, name: Option<&str>, transcripts: bool) -> Vec<Item> {
    let known: Option<EventName> = name.and_then(|name| name.parse().ok());
    let is_of_message = known.is_some() || name.is_none();
    let events = match MessageEvent::of(event, known).filter(|_| is_of_message) {
        Some(message) => message.events(transcripts),
        // A customer's message that is not there: somebody should look.
        None if known == Some(EventName::Received) => {
            graph::events("messages", &json!({"messages": [event]}))
        }
        None => vec![kept(name, event)],
    };
    events.into_iter().map(|read| item(event, read)).collect()
}

/// Kapso names the number beside the message, and in it.
fn item(event: &Value, read: Event) -> Item {
    let places = ["", "/conversation", "/message/kapso"];
    let number = places.into_iter().find_map(|at| json::id(event.pointer(at)?, "phone_number_id"));
    Item { number, account: Account::default(), event: read }
}

/// An event that is only kept.
fn kept(name: Option<&str>, event: &Value) -> Event {
    let (kind, payload) = (name.unwrap_or("event").to_owned(), event.clone());
    Event::Other(Box::new(Other { kind, payload, ..Other::default() }))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::super::super::test_data::{odd_values, replace, shared};
    use super::*;
    use crate::domain::{AlertCode, Content, Delivery, Inbound, MediaKind, Party, Status};

    /// One word per item: its content's kind, `status:<state>`, `echo:<kind>` or `other:<kind>`,
    /// with `!` for an alert.
    fn words(items: &[Item]) -> String {
        let word = |item: &Item| match &item.event {
            Event::Message(message) if message.imported => {
                format!("old:{}", message.content.kind())
            }
            Event::Message(message) => message.content.kind().to_string(),
            Event::Status(status) => format!("status:{}", status.delivery.as_str()),
            Event::Echo(echo) if echo.imported => format!("old:echo:{}", echo.content.kind()),
            Event::Echo(echo) => format!("echo:{}", echo.content.kind()),
            Event::Other(other) if other.alert.is_some() => format!("other:{}!", other.kind),
            Event::Other(other) => format!("other:{}", other.kind),
        };
        items.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    fn headers(event: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !event.is_empty() {
            headers.insert(EVENT, HeaderValue::from_str(event).unwrap());
        }
        headers
    }

    fn names() -> Vec<String> {
        let index = shared("fixtures/kapso/INDEX.json").unwrap_or_else(|| b"{}".to_vec());
        let index: serde_json::Map<String, Value> = serde_json::from_slice(&index).unwrap();
        index.into_iter().map(|(name, _)| name).filter(|name| name.starts_with("in.")).collect()
    }

    fn fixture(name: &str) -> Option<Value> {
        let body = shared(&format!("fixtures/kapso/in.{name}.json"))?;
        Some(serde_json::from_slice(&body).unwrap())
    }

    /// Decodes a webhook, and what is stored of it, which has to say the same.
    fn read(event: &str, body: &Value) -> Vec<Item> {
        let (headers, body) = (headers(event), body.to_string().into_bytes());
        let items = decode(&headers, &body, true).unwrap();
        let stored = stored_body(&headers, body);
        let again = decode(&HeaderMap::new(), &stored, true).unwrap();
        assert_eq!(words(&items), words(&again), "{}", String::from_utf8_lossy(&stored));
        items
    }

    /// A fragment, which is a message alone, in the rest of its webhook.
    fn whole(mut body: Value) -> Value {
        if body.get("conversation").is_none() {
            body["conversation"] = json!({"phone_number": "+1 (555) 123-4567"});
            body["phone_number_id"] = "123456789012345".into();
            if body["message"].get("id").is_none() {
                body["message"]["id"] = "wamid.F".into();
            }
        }
        body
    }

    /// A message with this, from or to the customer.
    fn message(fields: &Value) -> Value {
        let mut message = json!({"id": "wamid.1", "timestamp": "1760000000", "type": "text",
            "text": {"body": "Hi"}, "from": "15551234567"});
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({"message": message, "conversation": {"phone_number": "+15551234567"}, "phone_number_id": "1"})
    }

    fn inbound(items: &[Item]) -> &Inbound {
        match &items[0].event {
            Event::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    fn status(items: &[Item], at: usize) -> &Status {
        match &items[at].event {
            Event::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    const RECEIVED: &str = "whatsapp.message.received";
    const SENT: &str = "whatsapp.message.sent";

    /// Name, event in the header, and what is read.
    const TABLE: &[(&str, &str, &str)] = &[
        ("adapter.message_received_with_event_in_body", "", "text"),
        ("edge.batch_three_messages", RECEIVED, "text text text"),
        ("edge.bsuid_only_message", RECEIVED, "text"),
        ("edge.business_app_echo_outbound", SENT, "status:sent echo:text"),
        ("edge.message_received_without_contact_name_or_kapso_conversation", RECEIVED, "text"),
        ("skills.audio_messages", RECEIVED, "voice"),
        ("skills.interactive_messages", RECEIVED, "choice"),
        ("skills.location_messages", RECEIVED, "location"),
        ("skills.media_messages_image_video_document", RECEIVED, "image"),
        ("skills.reaction_messages", RECEIVED, "reaction"),
        ("skills.template_messages", SENT, "status:sent echo:unknown"),
        (
            "skills.whatsapp_conversation_created",
            "whatsapp.conversation.created",
            "other:whatsapp.conversation.created",
        ),
        (
            "skills.whatsapp_conversation_ended",
            "whatsapp.conversation.ended",
            "other:whatsapp.conversation.ended",
        ),
        (
            "skills.whatsapp_conversation_inactive",
            "whatsapp.conversation.inactive",
            "other:whatsapp.conversation.inactive",
        ),
        (
            "skills.whatsapp_message_delivered",
            "whatsapp.message.delivered",
            "status:sent status:delivered",
        ),
        ("skills.whatsapp_message_failed", "whatsapp.message.failed", "status:sent status:failed"),
        ("skills.whatsapp_message_received", RECEIVED, "text"),
        ("skills.whatsapp_message_sent", SENT, "status:sent echo:text"),
        (
            "skills.whatsapp_phone_number_created",
            "whatsapp.phone_number.created",
            "other:whatsapp.phone_number.created",
        ),
        ("skills.workflow_execution_failed", "", "other:workflow.execution.failed"),
        ("skills.workflow_execution_handoff", "", "other:workflow.execution.handoff"),
    ];

    #[test]
    fn captured_webhooks_become_the_events_they_are() {
        for (name, event, expected) in TABLE {
            let Some(body) = fixture(name) else { return };
            let body = if body.get("message").is_some() { whole(body) } else { body };
            assert_eq!(words(&read(event, &body)), *expected, "{name}");
        }
        let tried: Vec<_> = TABLE.iter().map(|(name, ..)| format!("in.{name}")).collect();
        for name in names() {
            assert!(tried.contains(&name), "{name} is in no line of the table");
        }
    }

    #[test]
    fn without_a_header_the_body_says_what_happened() {
        for (name, expected) in [
            ("skills.whatsapp_message_received", "text"),
            ("skills.whatsapp_message_sent", "status:sent echo:text"),
            ("skills.whatsapp_message_delivered", "status:sent status:delivered"),
            ("skills.whatsapp_message_failed", "status:sent status:failed"),
            ("edge.batch_three_messages", "text text text"),
            ("edge.business_app_echo_outbound", "status:sent echo:text"),
            ("skills.whatsapp_conversation_ended", "other:event"),
        ] {
            let Some(body) = fixture(name) else { return };
            assert_eq!(words(&read("", &body)), expected, "{name}");
        }
    }

    #[test]
    fn the_number_the_customer_and_the_time_are_read() {
        let Some(body) = fixture("skills.whatsapp_message_received") else { return };
        let items = read(RECEIVED, &body);
        assert_eq!(items[0].number.as_deref(), Some("123456789012345"));
        let message = inbound(&items);
        assert_eq!(
            (message.provider_id.as_str(), message.sent_at),
            ("wamid.123", 1_730_092_800_000)
        );
        let known = |name: &str| inbound(&read(RECEIVED, &fixture(name).unwrap())).from.clone();
        let phone = |id: &str, name: Option<&str>| Party {
            wa_id: Some(id.into()),
            name: name.map(Into::into),
            ..Party::default()
        };
        assert_eq!(message.from, phone("15551234567", Some("John Doe")), "from the conversation");
        let nameless = "edge.message_received_without_contact_name_or_kapso_conversation";
        assert_eq!(known(nameless), phone("15551234567", None));
        let adapter = "adapter.message_received_with_event_in_body";
        assert_eq!(known(adapter), phone("15551234567", Some("Jane Doe")));
        let only = known("edge.bsuid_only_message");
        let bsuid = Some("US.13491208655302741918".to_owned());
        let username = Some("someone".to_owned());
        assert_eq!(only, Party { bsuid, username, ..Party::default() });
    }

    #[test]
    fn a_business_scoped_id_is_read_wherever_it_stands() {
        let id = "US.1349";
        let from = |fields: Value, conversation: Value| {
            let mut body = message(&fields);
            body["conversation"] = conversation;
            inbound(&read(RECEIVED, &body)).from.clone()
        };
        let both =
            Party { wa_id: Some("15551234567".into()), bsuid: Some(id.into()), ..Party::default() };
        for (fields, conversation) in [
            (json!({"from_user_id": id}), json!({})),
            (json!({"business_scoped_user_id": id}), json!({})),
            (json!({"kapso": {"business_scoped_user_id": id}}), json!({})),
            (json!({}), json!({"business_scoped_user_id": id})),
            (json!({"from": id}), json!({"phone_number": "+1 (555) 123-4567"})),
        ] {
            assert_eq!(from(fields.clone(), conversation), both, "{fields}");
        }
        let nobody = message(&json!({"from": null}));
        let mut nobody = nobody.clone();
        nobody["conversation"] = json!({"phone_number": ""});
        assert_eq!(words(&read(RECEIVED, &nobody)), "other:unreadable_message!");
    }

    #[test]
    fn what_the_business_wrote_is_never_a_customer_s_whatever_the_header_says() {
        let out = |more: Value| {
            let mut kapso = json!({"direction": "outbound", "status": "sent"});
            kapso.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            message(&json!({"kapso": kapso, "from": "15550783881", "to": "15551234567"}))
        };
        for event in ["", RECEIVED, SENT] {
            assert_eq!(words(&read(event, &out(json!({})))), "status:sent echo:text", "{event}");
        }
        let mut choices = out(json!({}));
        choices["message"]["type"] = "interactive".into();
        choices["message"]["interactive"] =
            json!({"type": "button", "body": {"text": "Which one?"}});
        let items = read(SENT, &choices);
        let Event::Echo(echo) = &items[1].event else { panic!("{items:?}") };
        assert_eq!(echo.content.words(), Some("Which one?"), "by which an own message is known");
        let items = read(SENT, &out(json!({"origin": "business_app"})));
        let Event::Echo(echo) = &items[1].event else { panic!("{items:?}") };
        assert_eq!(echo.to.wa_id.as_deref(), Some("15551234567"));
        let theirs = message(&json!({"kapso": {"direction": "inbound"}}));
        assert_eq!(words(&read(SENT, &theirs)), "text", "the signed body says whose it is");
        // Our reference comes back: it is ours, though its send is not recorded yet.
        let referred =
            json!([{"id": "wamid.1", "status": "sent", "biz_opaque_callback_data": "msg_1"}]);
        let items = read(SENT, &out(json!({"statuses": referred})));
        assert_eq!(words(&items), "status:sent");
        assert_eq!(status(&items, 0).reference.as_deref(), Some("msg_1"));
    }

    #[test]
    fn an_import_is_imported_from_both_sides() {
        let of = |direction: &str| {
            message(
                &json!({"to": "15551234567", "kapso": {"direction": direction, "origin": "history_sync"}}),
            )
        };
        assert_eq!(words(&read(RECEIVED, &of("inbound"))), "old:text");
        assert_eq!(words(&read(SENT, &of("outbound"))), "old:echo:text");
    }

    #[test]
    fn a_status_is_what_meta_says_or_what_the_event_is() {
        let Some(body) = fixture("skills.whatsapp_message_failed") else { return };
        let items = read("whatsapp.message.failed", &body);
        let failed = status(&items, 1);
        assert_eq!((failed.delivery, failed.faults[0].code), (Delivery::Failed, 131_047));
        assert!(failed.window_closed);
        assert_eq!(failed.recipient.wa_id.as_deref(), Some("15551234567"));
        let bare = message(&json!({"kapso": {"direction": "outbound"}}));
        let items = read("whatsapp.message.read", &bare);
        assert_eq!(words(&items), "status:read");
        let late = message(&json!({"kapso": {"direction": "outbound", "status": "delivered"}}));
        assert_eq!(
            words(&read(SENT, &late)),
            "status:delivered echo:text",
            "sent, and more by now"
        );
        let replayed = read("whatsapp.message.failed", &late);
        assert_eq!(words(&replayed), "status:delivered", "the header is not signed");
        let read = status(&items, 0);
        assert_eq!((read.provider_id.as_str(), read.at), ("wamid.1", 1_760_000_000_000));
    }

    #[test]
    fn a_recording_has_kapso_s_transcript_and_its_file() {
        let Some(body) = fixture("skills.audio_messages") else { return };
        let body = whole(body);
        let media = |transcripts| {
            let body = body.to_string().into_bytes();
            let items = decode(&headers(RECEIVED), &body, transcripts).unwrap();
            let Content::Media(media) = &inbound(&items).content else { panic!("{items:?}") };
            media.clone()
        };
        let heard = media(true);
        assert_eq!(heard.transcript.as_deref(), Some("Hello, I need help with my order"));
        assert_eq!((heard.kind, heard.id.as_deref()), (MediaKind::Voice, Some("media_id_456")));
        assert_eq!(heard.mime_type.as_deref(), Some("audio/ogg"));
        assert_eq!(heard.url.as_deref(), Some("https://api.kapso.ai/media/..."));
        assert_eq!(media(false).transcript, None);
        let file = json!({"type": "document", "kapso": {"media_url": "https://api.kapso.ai/media/1",
            "media_data": {"content_type": "application/pdf", "filename": "menu.pdf"}}});
        let items = read(RECEIVED, &message(&file));
        let Content::Media(media) = &inbound(&items).content else { panic!("{items:?}") };
        assert_eq!(
            (media.kind, media.file_name.as_deref()),
            (MediaKind::Document, Some("menu.pdf"))
        );
        let file = json!({"type": "audio", "audio": {"id": "1", "voice": false, "mime_type": "audio/ogg"}});
        assert_eq!(words(&read(RECEIVED, &message(&file))), "audio");
    }

    #[test]
    fn a_batch_without_data_is_kept_and_nothing_else() {
        let mut marked = headers(RECEIVED);
        marked.insert(HeaderName::from_static(BATCH), HeaderValue::from_static("true"));
        for body in [json!({}), json!({"data": null}), json!({"data": "x", "message": {}})] {
            let body = body.to_string().into_bytes();
            let items = decode(&marked, &body, true).unwrap();
            assert_eq!(words(&items), "other:whatsapp.message.received");
            let stored = stored_body(&marked, body);
            let again = decode(&HeaderMap::new(), &stored, true).unwrap();
            assert_eq!(words(&again), words(&items));
        }
        assert_eq!(
            words(&read(RECEIVED, &json!({"batch": true}))),
            "other:whatsapp.message.received"
        );
        assert_eq!(read(RECEIVED, &json!({"batch": true, "data": []})), []);
        let half = json!({"data": [message(&json!({})), null, 5, {"message": {"type": "text"}}]});
        let unread = "other:unreadable_message!";
        assert_eq!(words(&read(RECEIVED, &half)), format!("text {unread} {unread} {unread}"));
    }

    #[test]
    fn a_message_that_is_not_there_is_an_alert() {
        let items = read(RECEIVED, &json!({"phone_number_id": "1"}));
        let Event::Other(other) = &items[0].event else { panic!("{items:?}") };
        assert_eq!(other.alert.as_ref().unwrap().code, AlertCode::MessageUnreadable);
        assert_eq!(items[0].number.as_deref(), Some("1"));
        let sent = read(SENT, &json!({"phone_number_id": "1"}));
        assert_eq!(words(&sent), "other:whatsapp.message.sent");
        let wrapped = json!({"event": RECEIVED, "data": {"message": {"content": "Hi"}}});
        assert_eq!(words(&read("", &wrapped)), "other:unreadable_message!", "another version");
    }

    #[test]
    fn meta_s_own_webhooks_are_read_as_they_are() {
        let Some(body) = shared("fixtures/meta/in.pywa.message.text.json") else { return };
        let items = decode(&headers("messages"), &body, true).unwrap();
        assert_eq!(words(&items), "text");
        assert_eq!(stored_body(&headers("messages"), body.clone()), body, "stored as it came");
        let stored = stored_body(&HeaderMap::new(), b"not JSON".to_vec());
        assert_eq!(stored, b"not JSON");
    }

    #[test]
    fn an_event_that_is_new_is_kept_under_its_name() {
        let name = "whatsapp.meta_business_agent.handover";
        assert_eq!(words(&read(name, &message(&json!({})))), format!("other:{name}"));
        for wrong in ["{}", "[]", "null", "3", "\"whatsapp\""] {
            assert!(decode(&HeaderMap::new(), wrong.as_bytes(), true).is_err(), "{wrong}");
        }
        assert!(decode(&headers(RECEIVED), b"[]", true).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>) {
            let _ = decode(&headers(RECEIVED), &body, true);
            let _ = stored_body(&headers(RECEIVED), body);
        }

        #[test]
        fn no_odd_value_makes_it_fail(which: usize, at in 1..60_usize, other in 0..8_usize, event in 0..3_usize) {
            let names = names();
            if names.is_empty() { return Ok(()) }
            let mut tree = fixture(names[which % names.len()].trim_start_matches("in.")).unwrap();
            replace(&mut tree, &mut at.clone(), &odd_values()[other]);
            let event = headers([RECEIVED, SENT, "whatsapp.message.read"][event]);
            prop_assert!(decode(&event, tree.to_string().as_bytes(), true).is_ok());
        }
    }
}
