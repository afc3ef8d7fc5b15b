//! Decodes the webhooks of Evolution: one event each, with one item or a list of them.
//!
//! One bad item never fails the others: what cannot be read is kept raw. The format is that of
//! versions 2.2 to 2.3; <https://github.com/EvolutionAPI/evolution-api> is its description.

mod content;
mod item;
mod notice;
mod vcard;

use frontdesk_words::words;
use serde_json::Value;

use super::super::{MalformedWebhook, json};
use super::jid::Jid;
use crate::domain::{Account, Event, Item};
use item::Webhook;

pub(super) use content::decoded;
pub(super) use notice::reason;

words! {
    /// An event of which something is read.
    enum EventName {
        /// A message came, or was written on the phone.
        MessagesUpsert = "messages.upsert",
        /// Old messages, after pairing.
        MessagesSet = "messages.set",
        /// The status of a message.
        MessagesUpdate = "messages.update",
        /// A message was edited or deleted.
        MessagesEdited = "messages.edited",
        /// A message was deleted.
        MessagesDelete = "messages.delete",
        /// A message went out through the server's API.
        SendMessage = "send.message",
        /// The connection to WhatsApp changed.
        ConnectionUpdate = "connection.update",
        /// A QR code waits for the phone, or was not scanned.
        QrcodeUpdated = "qrcode.updated",
        /// The instance was logged out.
        LogoutInstance = "logout.instance",
        /// The instance was removed.
        RemoveInstance = "remove.instance",
        /// A call.
        Call = "call",
    }
}

impl EventName {
    /// Whether its data is messages.
    fn is_of_messages(self) -> bool {
        use EventName::{Call, ConnectionUpdate, LogoutInstance, QrcodeUpdated, RemoveInstance};
        !matches!(self, ConnectionUpdate | QrcodeUpdated | LogoutInstance | RemoveInstance | Call)
    }
}

/// Decodes all items of a webhook.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Item>, MalformedWebhook> {
    let top = json::parse(body)?;
    let (Some(written), Some(instance)) = (json::text(&top, "event"), json::id(&top, "instance"))
    else {
        let why = "the body has no `event` and `instance`: it is no webhook of Evolution";
        return Err(MalformedWebhook(why.into()));
    };
    let event: Option<EventName> = spelled(&written).parse().ok();
    let ours = json::text(&top, "sender").and_then(|sender| match Jid::of(&sender) {
        Jid::Phone(phone) => Some(phone),
        _ => None,
    });
    let data = top.get("data").unwrap_or(&Value::Null);
    let is_whole = data.is_object() || data.is_array();
    if event.is_some_and(EventName::is_of_messages) && !is_whole {
        return Err(MalformedWebhook(format!("the webhook {written} has no `data`")));
    }
    let webhook = Webhook { ours: ours.clone() };
    let events = match event {
        Some(event) => webhook.events(event, data),
        None => vec![notice::kept(&spelled(&written), data)],
    };
    let account = Account { id: None, phone: ours };
    let item = |event| Item { number: Some(instance.clone()), account: account.clone(), event };
    Ok(events.into_iter().map(item).collect())
}

/// An event's name as webhooks spell it; settings write `MESSAGES_UPSERT`.
fn spelled(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace(['_', '-'], ".")
}

impl Webhook {
    fn events(&self, event: EventName, data: &Value) -> Vec<Event> {
        let items = data.as_array().map_or(std::slice::from_ref(data), Vec::as_slice).iter();
        match event {
            EventName::MessagesUpsert | EventName::SendMessage => {
                items.map(|message| self.message(event.as_str(), message, false)).collect()
            }
            EventName::MessagesSet => {
                items.map(|message| self.message(event.as_str(), message, true)).collect()
            }
            EventName::MessagesUpdate => items.map(item::status).collect(),
            EventName::MessagesEdited => items.map(Self::edit).collect(),
            EventName::MessagesDelete => items.map(|key| self.deletion(key)).collect(),
            EventName::ConnectionUpdate => vec![notice::connection(data)],
            EventName::QrcodeUpdated => vec![notice::qr_code(data)],
            EventName::LogoutInstance => vec![notice::logged_out(data)],
            EventName::RemoveInstance => vec![notice::removed(data)],
            EventName::Call => items.map(notice::call).collect(),
        }
    }
}

/// The body as it is stored: without the instance's key, which can be Meta's access token, without a QR
/// code, which links whoever scans it, and without files, which are stored beside their messages.
pub(super) fn stored_body(body: &[u8]) -> Vec<u8> {
    let Ok(mut top) = json::parse(body) else { return Vec::new() };
    if let Some(fields) = top.as_object_mut() {
        fields.remove("apikey");
    }
    without_files(&mut top);
    top.to_string().into_bytes()
}

/// Removes files in base64, and what is in a QR code. JSON of a webhook is at most 127 levels deep.
pub(super) fn without_files(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_files),
        Value::Object(fields) => {
            // A preview has a number for each byte.
            fields.retain(|name, value| {
                name != "jpegThumbnail" && (name != "base64" || !value.is_string())
            });
            if let Some(Value::Object(code)) = fields.get_mut("qrcode") {
                code.retain(|name, _| name == "instance");
            }
            fields.values_mut().for_each(without_files);
        }
        _ => {}
    }
}

/// An integer as JSON, as text, or as the two halves of a 64-bit number.
pub(super) fn whole(value: &Value, key: &str) -> Option<i64> {
    json::whole(value, key).or_else(|| {
        let halves = value.get(key)?;
        let (low, high) = (json::whole(halves, "low")?, json::whole(halves, "high")?);
        high.checked_mul(1 << 32)?.checked_add(low & 0xffff_ffff)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::super::test_data::{odd_values, replace, shared};
    use super::*;
    use crate::domain::{
        AlertCode, ChoiceSource, Content, Echo, Inbound, MediaKind, Party, Referral, Status,
        WarningChange,
    };

    /// One word per item: its content's kind, `status:<state>`, `echo:<kind>` or `other:<kind>`,
    /// with `!` for an alert.
    fn words(items: &[Item]) -> String {
        let word = |item: &Item| match &item.event {
            Event::Message(message) if message.imported => {
                format!("old:{}", message.content.kind())
            }
            Event::Message(message) if message.group.is_some() => {
                format!("group:{}", message.content.kind())
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

    fn names() -> Vec<String> {
        let index = shared("fixtures/evolution/INDEX.json").unwrap_or_else(|| b"{}".to_vec());
        let index: serde_json::Map<String, Value> = serde_json::from_slice(&index).unwrap();
        index.into_iter().map(|(name, _)| name).filter(|name| name.starts_with("in.")).collect()
    }

    fn fixture(name: &str) -> Option<Vec<Item>> {
        shared(&format!("fixtures/evolution/in.{name}.json")).map(|body| decode(&body).unwrap())
    }

    fn hook(event: &str, data: &Value) -> Vec<Item> {
        let body = json!({"event": event, "instance": "shop1", "data": data,
            "sender": "15550783881@s.whatsapp.net", "apikey": "secret-key"});
        decode(body.to_string().as_bytes()).unwrap()
    }

    /// A customer's message with this content.
    fn says(content: &Value) -> Vec<Item> {
        let key = json!({"remoteJid": "15550100001@s.whatsapp.net", "fromMe": false, "id": "3EB0"});
        hook("messages.upsert", &json!({"key": key, "message": content}))
    }

    fn message(items: &[Item]) -> &Inbound {
        match &items[0].event {
            Event::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    fn echo(items: &[Item]) -> &Echo {
        match &items[0].event {
            Event::Echo(echo) => echo,
            other => panic!("{other:?}"),
        }
    }

    fn status(items: &[Item]) -> &Status {
        match &items[0].event {
            Event::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    fn media(items: &[Item]) -> &crate::domain::Media {
        match &message(items).content {
            Content::Media(media) => media,
            other => panic!("{other:?}"),
        }
    }

    const TABLE: &[(&str, &str)] = &[
        ("edge.call.accept", "other:call"),
        ("edge.call.offer", "other:call"),
        ("edge.call.reject", "other:call"),
        ("edge.call.ringing", "other:call"),
        ("edge.call.terminate", "other:call"),
        ("edge.call.timeout", "other:call!"),
        ("edge.chats.upsert.array", "other:chats.upsert"),
        ("edge.connection.update.close_logged_out_401", "other:connection.update!"),
        ("edge.connection.update.connecting", "other:connection.update"),
        ("edge.connection.update.refused_qr_limit", "other:connection.update!"),
        ("edge.contacts.update.from_message", "other:contacts.update"),
        ("edge.group-participants.update.add", "other:group.participants.update"),
        ("edge.groups.upsert.array", "other:groups.upsert"),
        ("edge.labels.association.add", "other:labels.association"),
        ("edge.logout.instance", "other:logout.instance!"),
        ("edge.messages.delete", "revoked"),
        ("edge.messages.edited.edited_text", "edited"),
        ("edge.messages.edited.ephemeral_setting", "other:messages.edited"),
        ("edge.messages.edited.revoke_for_everyone", "revoked"),
        ("edge.messages.set.history_chunk_array", "old:text old:echo:text"),
        ("edge.messages.update.DELIVERY_ACK", "status:delivered"),
        ("edge.messages.update.ERROR", "status:failed"),
        ("edge.messages.update.PLAYED", "status:read"),
        ("edge.messages.update.READ", "status:read"),
        ("edge.messages.update.SERVER_ACK", "status:sent"),
        ("edge.messages.update.poll_votes", "other:messages.update"),
        ("edge.messages.upsert.ad_referral_external_ad_reply", "text"),
        ("edge.messages.upsert.append_old_message_after_reconnect", "text"),
        ("edge.messages.upsert.audio_file_not_ptt", "audio"),
        ("edge.messages.upsert.audio_voice_note_base64", "voice"),
        ("edge.messages.upsert.audio_voice_note_without_base64", "voice"),
        ("edge.messages.upsert.audio_with_s3_media_url_and_speech_to_text", "voice"),
        ("edge.messages.upsert.buttons_response", "choice"),
        ("edge.messages.upsert.contact", "contacts"),
        ("edge.messages.upsert.contacts_array", "contacts"),
        ("edge.messages.upsert.document", "document"),
        ("edge.messages.upsert.document_with_caption_unwrapped", "document"),
        ("edge.messages.upsert.ephemeral_text", "text"),
        ("edge.messages.upsert.from_me_typed_on_phone", "echo:text"),
        ("edge.messages.upsert.group_text_lid_participant", "group:text"),
        ("edge.messages.upsert.image_with_caption", "image"),
        ("edge.messages.upsert.interactive_response_native_flow", "choice"),
        ("edge.messages.upsert.lid_only_no_alt_223", "text"),
        ("edge.messages.upsert.list_response", "choice"),
        ("edge.messages.upsert.live_location", "location"),
        ("edge.messages.upsert.location", "location"),
        ("edge.messages.upsert.newsletter", "other:messages.upsert"),
        ("edge.messages.upsert.order_cart", "order"),
        ("edge.messages.upsert.poll_creation_v3", "unknown"),
        ("edge.messages.upsert.poll_vote", "choice"),
        ("edge.messages.upsert.reaction", "reaction"),
        ("edge.messages.upsert.reaction_removed", "reaction"),
        ("edge.messages.upsert.sender_pn_230", "text"),
        ("edge.messages.upsert.status_broadcast_story", "other:messages.upsert"),
        ("edge.messages.upsert.sticker", "sticker"),
        ("edge.messages.upsert.template_button_reply", "choice"),
        ("edge.messages.upsert.unknown_type", "unknown"),
        ("edge.messages.upsert.video", "video"),
        ("edge.messages.upsert.video_note_ptv", "video"),
        ("edge.messages.upsert.view_once_v2_image", "image"),
        ("edge.presence.update.composing", "other:presence.update"),
        ("edge.qrcode.updated.limit_reached", "other:qrcode.updated!"),
        ("edge.qrcode.updated.with_pairing_code", "other:qrcode.updated"),
        ("edge.send.message.text_api", "echo:text"),
        ("edge.status.instance.logged_out", "other:status.instance"),
        ("live236.chats.upsert.generic_channel.by_events", "other:chats.upsert"),
        ("live236.connection.update.connecting.baileys", "other:connection.update"),
        ("live236.contacts.upsert.cloud_channel", "other:contacts.upsert"),
        ("live236.contacts.upsert.generic_channel.by_events", "other:contacts.upsert"),
        ("live236.instance.create.baileys", "other:instance.create"),
        ("live236.instance.create.cloud_channel", "other:instance.create"),
        ("live236.instance.create.generic_channel", "other:instance.create"),
        ("live236.instance.delete.cloud_channel", "other:instance.delete"),
        ("live236.instance.delete.generic_channel.by_events", "other:instance.delete"),
        ("live236.messages.update.DELIVERED.cloud_channel", "status:delivered"),
        ("live236.messages.update.READ.cloud_channel", "status:read"),
        ("live236.messages.update.SENT.cloud_channel", "status:sent"),
        ("live236.messages.upsert.audioMessage.cloud_channel", "voice"),
        ("live236.messages.upsert.buttonMessage.cloud_channel", "choice"),
        ("live236.messages.upsert.conversation.cloud_channel", "text"),
        ("live236.messages.upsert.conversation.cloud_channel_2", "text"),
        ("live236.messages.upsert.conversation.generic_channel.by_events", "text"),
        ("live236.messages.upsert.imageMessage.cloud_channel", "image"),
        ("live236.messages.upsert.interactiveMessage.cloud_channel", "choice"),
        ("live236.messages.upsert.locationMessage.cloud_channel", "location"),
        ("live236.messages.upsert.reactionMessage.cloud_channel", "reaction"),
        ("live236.remove.instance.cloud_channel", "other:remove.instance!"),
        ("live236.remove.instance.generic_channel.by_events", "other:remove.instance!"),
        ("live236.send.message.conversation.cloud_channel", "echo:text"),
        ("live236.send.message.conversation.generic_channel.by_events", "echo:text"),
        ("public.connection.update.open", "other:connection.update"),
        ("public.messages.upsert.quoted_reply_flattened", "text"),
        ("public.messages.upsert.text.lid_addressing_with_byte_objects", "text"),
        ("public.messages.upsert.text.lid_rewritten_237", "text"),
        ("public.qrcode.updated", "other:qrcode.updated"),
    ];

    #[test]
    fn captured_webhooks_become_the_events_they_are() {
        for (name, expected) in TABLE {
            let Some(items) = fixture(name) else { return };
            assert_eq!(words(&items), *expected, "{name}");
        }
        let missing: Vec<_> = names()
            .into_iter()
            .filter(|name| !TABLE.iter().any(|(known, _)| name.strip_prefix("in.") == Some(known)))
            .collect();
        assert!(missing.is_empty(), "the table lacks {missing:?}");
    }

    #[test]
    fn every_item_is_of_its_instance_and_names_our_phone() {
        let items = says(&json!({"conversation": "Hi"}));
        assert_eq!(items[0].number.as_deref(), Some("shop1"));
        assert_eq!(items[0].account.phone.as_deref(), Some("15550783881"));
    }

    #[test]
    fn names_of_events_have_two_spellings_and_data_one_item_or_a_list() {
        let one = json!({"key": {"remoteJid": "15550100001@c.us", "id": "1"}, "message": {"conversation": "a"}});
        for event in ["messages.upsert", "MESSAGES_UPSERT", "messages-upsert"] {
            assert_eq!(words(&hook(event, &one)), "text", "{event}");
        }
        assert_eq!(words(&hook("messages.upsert", &json!([one, one]))), "text text");
        let ack = |status: Value| json!({"keyId": "3EB0", "status": status});
        let many = json!([
            ack(json!("READ")),
            ack(json!(3)),
            ack(json!("PENDING")),
            ack(json!("DELETED")),
            {}
        ]);
        assert_eq!(
            words(&hook("messages.update", &many)),
            "status:read status:delivered other:messages.update other:messages.update other:messages.update"
        );
    }

    #[test]
    fn a_customer_is_known_by_phone_and_lid() {
        for (name, phone, lid) in [
            (
                "public.messages.upsert.text.lid_addressing_with_byte_objects",
                Some("15550100001"),
                Some("111111111111101"),
            ),
            ("edge.messages.upsert.sender_pn_230", Some("15550100001"), Some("111111111111101")),
            ("edge.messages.upsert.lid_only_no_alt_223", None, Some("111111111111101")),
            (
                "edge.messages.upsert.group_text_lid_participant",
                Some("15550100001"),
                Some("111111111111101"),
            ),
            ("public.messages.upsert.text.lid_rewritten_237", Some("15550100001"), None),
        ] {
            let Some(items) = fixture(name) else { return };
            let from = &message(&items).from;
            assert_eq!((from.wa_id.as_deref(), from.lid.as_deref()), (phone, lid), "{name}");
            assert_eq!(from.name.as_deref(), Some("Test Contact"), "{name}");
        }
    }

    #[test]
    fn a_file_comes_with_its_bytes_or_is_named_to_be_fetched() {
        let Some(items) = fixture("edge.messages.upsert.audio_voice_note_base64") else { return };
        let voice = media(&items);
        assert_eq!((voice.kind, voice.id.as_deref()), (MediaKind::Voice, Some("3EB0A1")));
        assert!(voice.bytes.as_ref().unwrap().0.starts_with(b"OggS"));
        assert_eq!(voice.mime_type.as_deref(), Some("audio/ogg; codecs=opus"));
        assert!(
            voice.sha256.as_ref().is_some_and(|hash| hash.len() == 64 && hash.starts_with("072c"))
        );
        let items = fixture("edge.messages.upsert.image_with_caption").unwrap();
        assert_eq!(media(&items).caption.as_deref(), Some("what is this?"));
        assert_eq!((media(&items).id.as_deref(), &media(&items).bytes), (Some("3EB0A5"), &None));
        let items = fixture("edge.messages.upsert.document").unwrap();
        assert_eq!(media(&items).file_name.as_deref(), Some("invoice.pdf"));
        let items = fixture("live236.messages.upsert.imageMessage.cloud_channel").unwrap();
        assert_eq!(media(&items).mime_type.as_deref(), Some("image/jpeg"));
        for garbage in ["?", "", "data:image/png;base64,", "AAA"] {
            let items =
                says(&json!({"imageMessage": {"mimetype": "image/png"}, "base64": garbage}));
            assert_eq!(
                (media(&items).id.as_deref(), &media(&items).bytes),
                (Some("3EB0"), &None),
                "{garbage}"
            );
        }
        let wrapped =
            json!({"viewOnceMessageV2": {"message": {"imageMessage": {}}}, "base64": "AAAA"});
        assert!(media(&says(&wrapped)).bytes.is_some(), "beside the wrapper");
        let items = says(&json!({"imageMessage": {}, "base64": "data:image/png;base64,AAAA"}));
        assert_eq!(media(&items).bytes.as_ref().map(|bytes| bytes.0.len()), Some(3));
    }

    #[test]
    fn what_was_tapped_or_voted_for_is_a_choice() {
        let choice = |content: &Value| match &message(&says(content)).content {
            Content::Choice { id, title, source } => (id.clone(), title.clone(), *source),
            other => panic!("{other:?}"),
        };
        let row = json!({"listResponseMessage": {"title": "Sales", "singleSelectReply": {"selectedRowId": "r1"}}});
        assert_eq!(choice(&row), (Some("r1".into()), "Sales".into(), ChoiceSource::List));
        let tap = json!({"interactiveResponseMessage": {"nativeFlowResponseMessage": {"paramsJson": "{\"id\":\"y\",\"display_text\":\"Yes\"}"}}});
        assert_eq!(choice(&tap), (Some("y".into()), "Yes".into(), ChoiceSource::Button));
        let odd = json!({"interactiveResponseMessage": {"body": {"text": "Yes"}, "nativeFlowResponseMessage": {"paramsJson": "{"}}});
        assert_eq!(choice(&odd), (None, "Yes".into(), ChoiceSource::Button));
        let vote = json!({"pollUpdateMessage": {"vote": {"selectedOptions": ["Pizza", "Sushi"]}}});
        assert_eq!(choice(&vote).1, "Pizza, Sushi");
        let Some(items) = fixture("edge.messages.upsert.poll_vote") else { return };
        assert!(
            matches!(&message(&items).content, Content::Choice { title, .. } if title == "Pizza")
        );
        let items = fixture("live236.messages.upsert.buttonMessage.cloud_channel").unwrap();
        let tapped =
            Content::Choice { id: None, title: "Yes".into(), source: ChoiceSource::Template };
        assert_eq!(message(&items).content, tapped);
    }

    #[test]
    fn places_cards_and_baskets_are_read_whole() {
        let Some(items) = fixture("edge.messages.upsert.location") else { return };
        assert_eq!(
            message(&items).content.description().unwrap(),
            "Location: Shop, Rua 1, latitude -23.5, longitude -46.6"
        );
        let items = fixture("edge.messages.upsert.contacts_array").unwrap();
        let content = &message(&items).content;
        assert_eq!(
            content.description().unwrap(),
            "Contact cards: Ana, +1 555 010 0009, Bob, +1 555 010 0010"
        );
        let Content::Contacts { names, .. } = content else { panic!("{content:?}") };
        assert_eq!(names, &["Ana", "Bob"]);
        let items = fixture("edge.messages.upsert.order_cart").unwrap();
        let content = &message(&items).content;
        assert_eq!(content.description().unwrap(), "Basket: 2 × Shop at 12.5 USD, total 25 USD");
        assert_eq!(content.words(), Some("I want these"));
    }

    #[test]
    fn quotes_and_advertisements_are_named() {
        let Some(items) = fixture("public.messages.upsert.quoted_reply_flattened") else { return };
        assert_eq!(message(&items).reply_to.as_deref(), Some("AC00000000000000000000000000EE04"));
        assert_eq!(message(&items).sent_at, 1_785_100_400_000);
        let items = fixture("edge.messages.upsert.ad_referral_external_ad_reply").unwrap();
        let referral = message(&items).referral.as_ref().unwrap();
        assert_eq!(referral.text(), "Ad headline\nAd body");
        assert_eq!(
            (referral.source_type.as_deref(), referral.media_type.as_deref()),
            (Some("ad"), Some("image"))
        );
        let within = json!({"extendedTextMessage": {"text": "Hi", "contextInfo": {"stanzaId": "3EB0Q",
            "externalAdReply": {"title": "A preview", "mediaType": 1}}}});
        let items = says(&within);
        assert_eq!(message(&items).reply_to.as_deref(), Some("3EB0Q"));
        assert_eq!(message(&items).referral.as_ref().map(Referral::text), None, "a link preview");
    }

    #[test]
    fn what_the_business_wrote_is_an_echo_to_a_customer_alone() {
        let wrote = |chat: &str, event: &str| {
            let key = json!({"remoteJid": chat, "fromMe": true, "id": "3A", "participant": ""});
            hook(
                event,
                &json!({"key": key, "pushName": "Você", "message": {"conversation": "Hi"}, "messageTimestamp": {"low": 1_785_100_500, "high": 0, "unsigned": true}}),
            )
        };
        let items = wrote("15550100001:3@s.whatsapp.net", "messages.upsert");
        let echo = echo(&items);
        assert_eq!((echo.to.wa_id.as_deref(), &echo.to.name), (Some("15550100001"), &None));
        assert_eq!(echo.sent_at, 1_785_100_500_000);
        assert_eq!(words(&wrote("15550100001", "send.message")), "echo:text");
        for elsewhere in
            ["1-2@g.us", "status@broadcast", "1@newsletter", "15550783881@s.whatsapp.net"]
        {
            assert_eq!(
                words(&wrote(elsewhere, "messages.upsert")),
                "other:messages.upsert",
                "{elsewhere}"
            );
        }
        let signal = json!({"key": {"remoteJid": "15550100001@c.us", "fromMe": true, "id": "3A"},
            "message": {"protocolMessage": {"type": "APP_STATE_SYNC_KEY_SHARE"}}});
        assert_eq!(
            words(&hook("messages.upsert", &signal)),
            "other:messages.upsert",
            "nobody wrote it"
        );
    }

    #[test]
    fn an_edit_and_a_deletion_name_their_message_and_are_the_same_each_time() {
        let Some(items) = fixture("edge.messages.edited.edited_text") else { return };
        let edit = message(&items);
        let Content::Edited { original, content } = &edit.content else { panic!("{items:?}") };
        assert_eq!(original, "3EB0ORIG");
        assert_eq!(content.as_deref(), Some(&Content::Text { body: "corrected text".into() }));
        assert_eq!(edit.sent_at, 1_786_706_395_000);
        let again = fixture("edge.messages.edited.edited_text").unwrap();
        assert_eq!(message(&again).provider_id, edit.provider_id);
        let items = fixture("edge.messages.edited.revoke_for_everyone").unwrap();
        assert_eq!(message(&items).content, Content::Revoked { original: "3EB0ORIG".into() });
        let key = json!({"remoteJid": "15550100001@c.us", "fromMe": false, "id": "3EB0ORIG"});
        let deleted = hook("messages.delete", &json!({"id": "of the database", "key": key}));
        assert_eq!(
            message(&deleted).provider_id,
            message(&items).provider_id,
            "one deletion, told twice"
        );
        let change = json!({"key": {"id": "3EB0ORIG"}, "type": 14, "editedMessage": {"extendedTextMessage": {"text": "new"}}});
        let within = json!({"editedMessage": {"message": {"protocolMessage": change}}});
        assert_eq!(words(&says(&within)), "edited");
        let named = json!({"key": {"remoteJid": "15550783881@c.us", "fromMe": true, "id": "3EB0ORIG"}, "type": "REVOKE"});
        let items = hook("messages.edited", &named);
        assert_eq!(message(&items).from, Party::default(), "as its author names it");
        let own =
            json!({"key": {"remoteJid": "15550100001@c.us", "fromMe": true, "id": "3EB0ORIG"}});
        assert_eq!(words(&hook("messages.delete", &own)), "echo:revoked");
    }

    #[test]
    fn the_connection_raises_a_warning_and_opens_end_it() {
        let of = |state: &str, code: i64| {
            let data = json!({"instance": "shop1", "state": state, "statusReason": code});
            match hook("connection.update", &data).remove(0).event {
                Event::Other(other) => *other,
                other => panic!("{other:?}"),
            }
        };
        for (code, says) in [
            (401, "logged out"),
            (403, "blocked"),
            (440, "took the connection over"),
            (7, "ended the session"),
        ] {
            let other = of("close", code);
            let alert = other.alert.unwrap();
            assert_eq!(alert.code, AlertCode::NumberDisconnected);
            assert!(alert.text.contains(says) && alert.text.ends_with('.'), "{}", alert.text);
            assert!(matches!(other.warning, Some(WarningChange::Raised { until: None, .. })));
        }
        assert!(of("refused", 428).alert.is_some_and(|alert| alert.text.contains("QR code")));
        let open = of("open", 200);
        assert_eq!(open.warning, Some(WarningChange::Cleared { topic: "connection".into() }));
        assert_eq!(open.alert, None);
        assert_eq!((of("connecting", 200).warning, of("connecting", 428).alert), (None, None));
    }

    #[test]
    fn a_failed_status_says_so() {
        let Some(items) = fixture("edge.messages.update.ERROR") else { return };
        assert_eq!(
            (status(&items).provider_id.as_str(), status(&items).faults.len()),
            ("3EB0OUT", 1)
        );
        let items = fixture("live236.messages.update.SENT.cloud_channel").unwrap();
        assert_eq!(status(&items).recipient.wa_id.as_deref(), Some("5511999990001"));
    }

    #[test]
    fn what_is_stored_has_neither_the_key_nor_files() {
        let body = json!({"event": "messages.upsert", "instance": "shop1", "apikey": "EAAG-token",
            "data": [{"key": {"id": "1"}, "message": {"imageMessage": {"caption": "a"}, "base64": "AAAA"}}]});
        let stored = |body: &Value| -> Value {
            serde_json::from_slice(&stored_body(body.to_string().as_bytes())).unwrap()
        };
        let code = json!({"data": {"qrcode": {"instance": "shop1", "code": "2@abc", "pairingCode": "WZYEH1YY"}}});
        assert_eq!(stored(&code), json!({"data": {"qrcode": {"instance": "shop1"}}}));
        assert_eq!(
            stored(&body),
            json!({"event": "messages.upsert", "instance": "shop1",
                "data": [{"key": {"id": "1"}, "message": {"imageMessage": {"caption": "a"}}}]})
        );
        assert_eq!(stored_body(b"apikey"), b"", "what cannot be read is not kept");
        let channel = json!({"key": {"remoteJid": "1@newsletter", "id": "1"}, "message": {"base64": "AAAA", "imageMessage": {}}});
        let items = hook("messages.upsert", &channel);
        assert!(!format!("{items:?}").contains("AAAA"), "{items:?}");
        for name in names() {
            let body = shared(&format!("fixtures/evolution/{name}.json")).unwrap();
            let stored = String::from_utf8(stored_body(&body)).unwrap();
            assert!(
                !stored.contains("apikey") && !stored.contains("base64\":\""),
                "{name}: {stored}"
            );
            assert_eq!(
                decode(stored.as_bytes()).unwrap().len(),
                decode(&body).unwrap().len(),
                "{name}"
            );
        }
    }

    #[test]
    fn one_bad_item_never_loses_the_others() {
        let good = json!({"key": {"remoteJid": "15550100001@c.us", "id": "1"}, "message": {"conversation": "a"}});
        let bad = [
            json!(null),
            json!(7),
            json!([]),
            json!({}),
            json!({"key": {}}),
            json!({"key": {"id": "1"}}),
            json!({"key": {"id": "x".repeat(2000), "remoteJid": "15550100001@c.us"}}),
        ];
        let mut all = vec![good.clone()];
        all.extend(bad.iter().cloned());
        all.push(good);
        assert_eq!(
            words(&hook("messages.upsert", &all.into())),
            format!("text {} text", ["other:unreadable_message!"; 7].join(" "))
        );
        for odd in [
            json!({}),
            json!({"conversation": 5}),
            json!(null),
            json!("x"),
            json!({"imageMessage": "x"}),
        ] {
            assert_eq!(words(&says(&odd)), "unknown", "{odd}");
        }
    }

    #[test]
    fn a_body_of_another_shape_is_malformed() {
        for wrong in [
            "",
            "x",
            "7",
            "null",
            "[]",
            "{}",
            r#"{"event":"messages.upsert"}"#,
            r#"{"instance":"shop1","data":{}}"#,
            r#"{"event":"messages.upsert","instance":"shop1"}"#,
            r#"{"event":"messages.update","instance":"shop1","data":null}"#,
            r#"{"event":"send.message","instance":"shop1","data":"x"}"#,
        ] {
            assert!(decode(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let bare = r#"{"event":"logout.instance","instance":"shop1"}"#;
        assert_eq!(words(&decode(bare.as_bytes()).unwrap()), "other:logout.instance!");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>) {
            let _ = decode(&body);
            let _ = stored_body(&body);
        }

        #[test]
        fn no_card_makes_it_panic(card in ".{0,80}") {
            let _ = says(&json!({"contactMessage": {"vcard": card}}));
        }

        #[test]
        fn no_odd_value_makes_it_panic(which: usize, at in 1..80_usize, other in 0..8_usize) {
            let names = names();
            if names.is_empty() { return Ok(()) }
            let body = shared(&format!("fixtures/evolution/{}.json", names[which % names.len()])).unwrap();
            let mut tree: Value = serde_json::from_slice(&body).unwrap();
            replace(&mut tree, &mut at.clone(), &odd_values()[other]);
            let _ = decode(tree.to_string().as_bytes());
            let _ = stored_body(tree.to_string().as_bytes());
        }
    }
}
