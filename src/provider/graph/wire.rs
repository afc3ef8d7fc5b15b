//! Decodes Meta's webhook bodies: entries, their changes, and the items of each change.
//!
//! One bad item never fails the others: what cannot be read is kept raw. The format is documented
//! at <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/reference>.

mod content;
mod item;
mod notice;
mod health;

use serde_json::Value;

use super::super::{MalformedWebhook, json};
use crate::domain::time::Millis;
use crate::domain::{Account, Event, Item};

/// Data shared by the items of one change.
struct Change<'a> {
    /// Webhook field, such as `messages`.
    field: String,
    /// Digits of the business's phone number; `None` if the change names none.
    ours: Option<String>,
    /// The customers that the items refer to.
    contacts: &'a [Value],
}

/// Decodes all items of a webhook.
pub(in crate::provider) fn decode(body: &[u8]) -> Result<Vec<Item>, MalformedWebhook> {
    let top = json::parse(body)?;
    if top.get("entry").is_none() && top.get("object").is_none() {
        return Err(MalformedWebhook(
            "the body has neither `object` nor `entry`: it is no webhook of Meta".into(),
        ));
    }
    let mut items = Vec::new();
    for entry in json::list(&top, "entry") {
        let (changes, account) = (json::list(entry, "changes"), json::id(entry, "id"));
        for change in changes {
            let before = items.len();
            read_change(change, account.as_deref(), &mut items);
            date(&mut items[before..], json::time(entry, "time"));
        }
        if changes.is_empty() && entry.as_object().is_none_or(|fields| !fields.is_empty()) {
            items.push(Item {
                number: None,
                account: Account { id: account, phone: None },
                event: notice::unreadable("unreadable_entry", entry, None),
            });
        }
    }
    Ok(items)
}

/// Reads the lists of a change's value, under its field.
pub(in crate::provider) fn events(field: &str, value: &Value) -> Vec<Event> {
    let (field, contacts) = (field.to_owned(), json::list(value, "contacts"));
    Change { field, ours: None, contacts }.events(value)
}

/// Sets when events other than messages happened, which Meta says once for all of an entry.
fn date(items: &mut [Item], at: Millis) {
    for item in items {
        if let Event::Other(other) = &mut item.event {
            other.at = at;
        }
    }
}

fn read_change(source: &Value, account: Option<&str>, items: &mut Vec<Item>) {
    let account = |phone| Account { id: account.map(ToOwned::to_owned), phone };
    let Some(value) = source.get("value").filter(|value| value.is_object()) else {
        let event = notice::unreadable("unreadable_change", source, None);
        return items.push(Item { number: None, account: account(None), event });
    };
    let metadata = value.get("metadata").unwrap_or(&Value::Null);
    let number = json::text(metadata, "phone_number_id");
    let phone = json::text(metadata, "display_phone_number");
    let phone = phone.or_else(|| json::text(value, "display_phone_number"));
    let account = account(phone.map(|phone| digits(&phone)));
    let change = Change {
        field: json::text(source, "field").unwrap_or_else(|| "unknown".to_owned()),
        ours: json::text(metadata, "display_phone_number").map(|phone| digits(&phone)),
        contacts: json::list(value, "contacts"),
    };
    let events = change.events(value);
    let item = |event| Item { number: number.clone(), account: account.clone(), event };
    items.extend(events.into_iter().map(item));
}

impl Change<'_> {
    /// Any list may occur in any field: echoes, for example, also come in `messages`.
    fn events(&self, value: &Value) -> Vec<Event> {
        let list = |name| json::list(value, name).iter();
        let mut events = Vec::new();
        events.extend(list("messages").map(|message| self.message(message)));
        events.extend(list("statuses").map(|status| self.status(status)));
        events.extend(list("message_echoes").map(|echo| self.echo(echo)));
        for chunk in list("history") {
            self.history(chunk, &mut events);
        }
        for name in ["calls", "user_preferences", "groups", "state_sync"] {
            events.extend(list(name).map(|part| notice::part(name, part)));
        }
        events.extend(list("errors").map(notice::error));
        if events.is_empty() {
            events.push(notice::change(&self.field, value));
        }
        events
    }
}

fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::super::test_data::{odd_values, replace, shared};
    use super::*;
    use crate::domain::{ChoiceSource, Content, Delivery, Inbound, MediaKind, Referral, Status};

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

    fn fixture(name: &str) -> Option<Vec<Item>> {
        shared(&format!("fixtures/meta/in.{name}.json")).map(|body| decode(&body).unwrap())
    }

    fn names() -> Vec<String> {
        let index = shared("fixtures/meta/INDEX.json").unwrap_or_else(|| b"{}".to_vec());
        let index: serde_json::Map<String, Value> = serde_json::from_slice(&index).unwrap();
        index.into_iter().map(|(name, _)| name).filter(|name| name.starts_with("in.")).collect()
    }

    /// Decodes a webhook with this value in the field `messages`.
    fn hook(value: &Value) -> Vec<Item> {
        let body = json!({"object": "whatsapp_business_account",
            "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]});
        decode(body.to_string().as_bytes()).unwrap()
    }

    fn message(items: &[Item], at: usize) -> &Inbound {
        match &items[at].event {
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

    fn one(fields: &Value) -> Vec<Item> {
        let mut message = json!({"from": "1", "id": "w", "timestamp": "1760000000"});
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        hook(&json!({"messages": [message]}))
    }

    const TABLE: [(&str, &str); 72] = [
        ("chatwoot.bsuid_only", "text"),
        ("chatwoot.document_accented_filename", "document"),
        ("chatwoot.entry_is_object_not_array", ""),
        ("chatwoot.flow_reply_invalid_response_json", "form"),
        ("chatwoot.flow_reply_nested_json", "form"),
        ("chatwoot.image_with_errors_array_legacy_details", "image"),
        ("chatwoot.phone_and_bsuid", "text"),
        ("chatwoot.referral_video_ctwa", "text"),
        ("chatwoot.smb_echo_with_to_user_id", "echo:text"),
        ("edge.batch_two_entries_two_numbers", "text text text status:read status:delivered text"),
        ("edge.brazil_number_without_ninth_digit", "text"),
        ("edge.call_permission_reply", "call_permission"),
        ("edge.duplicate_message_in_one_post", "text text"),
        ("edge.group_status_with_participant", "status:read"),
        ("edge.no_contacts_no_profile", "text"),
        ("edge.prompt_injection_text", "text"),
        ("edge.request_welcome", "welcome"),
        ("edge.status_delivered_general_purpose_ai_pricing", "status:delivered"),
        ("edge.status_failed_131047", "status:failed"),
        ("edge.text_4096_chars", "text"),
        ("edge.text_empty_body", "text"),
        ("edge.text_unicode_rtl_emoji_zwj", "text"),
        ("edge.unknown_field", "other:brand_new_field"),
        ("edge.unknown_message_type", "unknown"),
        ("edge.user_changed_user_id", "system"),
        ("fbopenapi.Group_Create_Message", "other:groups"),
        ("fbopenapi.Unsupported_Message", "unsupported"),
        ("kapsoadapter.button_reply", "choice"),
        ("kapsoadapter.outbound_echo", "echo:text"),
        (
            "kapsosdk.every_field_in_one_post",
            "other:account_alerts! other:account_review_update other:account_update! \
             other:business_capability_update other:history other:message_template_components_update \
             other:message_template_quality_update! other:message_template_status_update text \
             status:delivered echo:text other:calls other:partner_solutions \
             other:payment_configuration_update other:phone_number_name_update \
             other:phone_number_quality_update! other:security! other:state_sync echo:text \
             other:template_category_update other:user_preferences",
        ),
        ("kapsosdk.mixed_messages_statuses_calls", "order sticker form status:sent other:calls!"),
        ("metadocs.account_alerts.1", "other:account_alerts!"),
        ("metadocs.audio.1.messages", "voice"),
        ("metadocs.business_scoped_user_ids.25.messages", "text"),
        ("metadocs.button.1.messages", "choice"),
        ("metadocs.contacts.1.messages", "contacts"),
        ("metadocs.group.1.messages", "text"),
        ("metadocs.interactive.1.messages", "choice"),
        ("metadocs.messages.0", "text"),
        ("metadocs.no_storage.5.messages", "other:errors!"),
        ("metadocs.onboarding_business_app_users.15.messages", "edited"),
        ("metadocs.order.1.messages", "order"),
        ("metadocs.reaction.1.messages", "reaction"),
        ("metadocs.smb_app_state_sync.1", "other:state_sync"),
        ("metadocs.smb_message_echoes.1", "echo:text"),
        ("metadocs.status.3.messages", "status:failed"),
        ("metadocs.unsupported.1.messages", "unsupported"),
        ("netflie.an_unknown_notification", "unknown"),
        ("pywa.account_update.account_restriction", "other:account_update!"),
        ("pywa.account_update.ad_account_linked", "other:account_update"),
        ("pywa.call_connect.user_initiated", "other:calls!"),
        ("pywa.call_connect.business_initiated", "other:calls"),
        ("pywa.call_status.call_status", "other:calls"),
        ("pywa.call_terminate.call_terminate", "other:calls other:errors!"),
        ("pywa.deleted_message.revoke", "revoked"),
        ("pywa.edited_message.image", "edited"),
        ("pywa.message.animated_sticker", "sticker"),
        ("pywa.message.audio", "audio"),
        ("pywa.message.chosen_location", "location"),
        ("pywa.message.interactive_message_with_err", "unknown other:errors!"),
        ("pywa.message.media_with_url", "image"),
        ("pywa.message.unreaction_no_emoji", "reaction"),
        ("pywa.message.video", "video"),
        ("pywa.message.voice", "voice"),
        ("pywa.message_status.played", "status:read"),
        ("pywa.message_status.with_tracker", "status:sent"),
        ("pywa.outgoing_message.delete", "echo:revoked"),
        ("pywa.outgoing_message.edit", "echo:edited"),
        ("pywa.system.phone_number_change", "system"),
        ("pywa.template_status_update.approved", "other:message_template_status_update"),
        ("pywa.template_status_update.rejected", "other:message_template_status_update!"),
        ("pywa.user_marketing_preferences.resume", "other:user_preferences"),
    ];

    #[test]
    fn captured_webhooks_become_the_events_they_are() {
        for (name, expected) in TABLE {
            let Some(items) = fixture(name) else { return };
            assert_eq!(words(&items), expected, "{name}");
        }
    }

    #[test]
    fn every_captured_webhook_is_read_without_loss() {
        for name in names() {
            let items = fixture(name.trim_start_matches("in.")).unwrap();
            let unread = items.iter().any(
                |item| matches!(&item.event, Event::Other(other) if other.kind.starts_with("unreadable")),
            );
            assert!(!unread, "{name}: {items:?}");
            assert!(!items.is_empty() || name.ends_with("entry_is_object_not_array"), "{name}");
        }
    }

    #[test]
    fn a_batch_keeps_order_and_numbers() {
        let Some(items) = fixture("edge.batch_two_entries_two_numbers") else { return };
        let seen: Vec<_> = items
            .iter()
            .filter_map(|item| match &item.event {
                Event::Message(m) => {
                    Some((item.number.as_deref()?, m.provider_id.as_str(), m.from.name.as_deref()?))
                }
                _ => None,
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("106540352242922", "wamid.B1", "A"),
                ("106540352242922", "wamid.B2", "B"),
                ("106540352242922", "wamid.B3", "A"),
                ("106540352242923", "wamid.B4", "C"),
            ]
        );
    }

    #[test]
    fn people_are_known_by_every_id_that_is_given() {
        let party = |name| fixture(name).map(|items| message(&items, 0).from.clone());
        let Some(only) = party("chatwoot.bsuid_only") else { return };
        assert_eq!((only.wa_id, only.bsuid.as_deref()), (None, Some("IN.2000000000000001")));
        assert_eq!(only.username.as_deref(), Some("testcontact"));
        let both = party("chatwoot.phone_and_bsuid").unwrap();
        assert_eq!(both.wa_id.as_deref(), Some("15550100001"));
        assert_eq!(both.bsuid.as_deref(), Some("IN.2000000000000001"));
        let linked = party("pywa.message.text").unwrap();
        assert_eq!(linked.bsuid.as_deref(), Some("US.13491208655302741918"), "from the contact");
        let slip = party("metadocs.business_scoped_user_ids.25.messages").unwrap();
        assert_eq!(slip.bsuid.as_deref(), Some("US.13491208655302741918"));
        assert_eq!(slip.username.as_deref(), Some("realsheenanelson"));
        let stranger = party("pywa.edited_message.image").unwrap();
        assert_eq!(stranger.bsuid, None, "another contact's id is not taken");
    }

    #[test]
    fn a_voice_note_has_what_is_needed_to_fetch_it() {
        let items = one(
            &json!({"type": "audio", "audio": {"id": 77, "mime_type": "audio/ogg; codecs=opus",
            "sha256": "wvq=", "url": "https://lookaside.fbsbx.com/x", "voice": true}}),
        );
        let media = message(&items, 0).content.recording().unwrap();
        assert_eq!(media.kind, MediaKind::Voice);
        assert_eq!((media.id.as_deref(), media.sha256.as_deref()), (Some("77"), Some("wvq=")));
        assert_eq!(media.url.as_deref(), Some("https://lookaside.fbsbx.com/x"));
    }

    #[test]
    fn choices_forms_and_reactions_keep_their_ids() {
        let content = |fields: &Value| message(&one(fields), 0).content.clone();
        let button = content(&json!({"type": "button", "button": {"text": "Stop"}}));
        let stop =
            Content::Choice { id: None, title: "Stop".into(), source: ChoiceSource::Template };
        assert_eq!(button, stop);
        let form = |written: &str| {
            content(&json!({"type": "interactive",
                "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": written}}}))
        };
        let response = |content| match content {
            Content::Form { response, .. } => response,
            other => panic!("{other:?}"),
        };
        assert_eq!(response(form(r#"{"rating":"5"}"#)), json!({"rating": "5"}));
        assert_eq!(response(form(r#"{"a":"x\u0000"}"#)), json!({"a": "x\u{fffd}"}));
        assert_eq!(response(form("{broken")), json!("{broken"));
        assert_eq!(response(form(&"[".repeat(10_000))), json!("[".repeat(10_000)));
        let gone =
            content(&json!({"type": "reaction", "reaction": {"message_id": "m", "emoji": ""}}));
        assert_eq!(gone, Content::Reaction { message_id: "m".into(), emoji: None });
        let welcome = content(&json!({"type": "request_welcome"}));
        assert_eq!(welcome, Content::Welcome {});
    }

    #[test]
    fn a_changed_number_is_told() {
        let Some(items) = fixture("pywa.system.phone_number_change") else { return };
        let Content::System { kind, new_wa_id, new_bsuid, .. } = &message(&items, 0).content else {
            panic!("{items:?}")
        };
        assert_eq!(kind, "user_changed_number");
        assert_eq!((new_wa_id.as_deref(), new_bsuid.as_deref()), (Some("972912345678"), None));
        let items = fixture("edge.user_changed_user_id").unwrap();
        let Content::System { new_bsuid, .. } = &message(&items, 0).content else {
            panic!("{items:?}")
        };
        assert_eq!(new_bsuid.as_deref(), Some("US.99991208655302741918"));
    }

    #[test]
    fn statuses_carry_reference_faults_price_and_person() {
        let items = hook(
            &json!({"statuses": [{"id": "w", "status": "failed", "timestamp": 1_760_000_000,
            "recipient_id": "15550100001", "biz_opaque_callback_data": "turn:1",
            "pricing": {"billable": true, "pricing_model": "PMP", "type": "regular", "category": "general_purpose_ai"},
            "errors": [{"code": "131047", "message": "Re-engagement", "error_data": {"details": "late"}}, 7]}]}),
        );
        let status = status(&items, 0);
        assert_eq!((status.delivery, status.at), (Delivery::Failed, 1_760_000_000_000));
        assert_eq!(status.reference.as_deref(), Some("turn:1"));
        assert_eq!(status.recipient.wa_id.as_deref(), Some("15550100001"));
        let fault = &status.faults[0];
        assert_eq!((fault.code, fault.title.as_str()), (131_047, "Re-engagement"));
        assert_eq!(fault.details.as_deref(), Some("late"));
        assert_eq!(status.faults.len(), 2);
        assert!(status.window_closed);
        let pricing = status.pricing.as_ref().unwrap();
        assert_eq!(
            (pricing.billable, pricing.category.as_deref()),
            (Some(true), Some("general_purpose_ai"))
        );
        assert_eq!(
            (pricing.model.as_deref(), pricing.kind.as_deref()),
            (Some("PMP"), Some("regular"))
        );
        assert_eq!(
            words(&hook(&json!({"statuses": [{"id": "w", "status": "warning"}]}))),
            "other:statuses"
        );
    }

    #[test]
    fn a_referral_is_read_whole_and_a_strange_one_hurts_nobody() {
        let items = one(&json!({"type": "text", "text": {"body": "More, please"}, "referral": {
            "source_url": "https://fb.me/x", "source_id": "12", "source_type": "ad", "headline": "Chat with us",
            "body": "Summer lamps are here!", "media_type": "video", "thumbnail_url": "https://a/t", "video_url": "https://a/v",
            "ctwa_clid": "Aff", "welcome_message": {"text": "How can we help?"}}}));
        let referral = message(&items, 0).referral.as_ref().unwrap();
        assert_eq!(referral.text(), "Chat with us\nSummer lamps are here!\nHow can we help?");
        assert_eq!(referral.source_type.as_deref(), Some("ad"));
        assert_eq!(
            (referral.media_url.as_deref(), referral.click_id.as_deref()),
            (Some("https://a/v"), Some("Aff"))
        );
        for strange in [json!(7), json!("ad"), json!([]), json!(null)] {
            let items = one(&json!({"type": "text", "text": {"body": "Hi"}, "referral": strange}));
            assert_eq!(message(&items, 0).referral, None, "{strange}");
        }
        let empty = one(
            &json!({"type": "text", "text": {"body": "Hi"}, "referral": {"welcome_message": 3}}),
        );
        assert_eq!(message(&empty, 0).referral.as_ref().map(Referral::text).as_deref(), Some(""));
        let Some(items) = fixture("metadocs.text.3.messages") else { return };
        assert!(message(&items, 0).referral.as_ref().unwrap().text().contains("Summer Succulents"));
    }

    #[test]
    fn a_group_is_named_and_its_status_is_the_participant_s() {
        let Some(items) = fixture("edge.group_status_with_participant") else { return };
        assert_eq!(status(&items, 0).recipient.wa_id.as_deref(), Some("15550100001"));
        let items = fixture("metadocs.group.1.messages").unwrap();
        assert!(message(&items, 0).group.is_some());
    }

    #[test]
    fn old_messages_and_our_own_side_of_them_are_marked() {
        let body = json!({"object": "x", "entry": [{"changes": [
            {"field": "history", "value": {
                "metadata": {"phone_number_id": "9", "display_phone_number": "+1 555-078-3881"},
                "history": [
                    {"metadata": {"phase": 0}, "threads": [{"id": "4477", "messages": [
                        {"from": "4477", "id": "a", "timestamp": "1739230955", "type": "text", "text": {"body": "hi"},
                            "history_context": {"status": "READ"}},
                        {"from": "15550783881", "to": "4477", "id": "b", "type": "text", "text": {"body": "ours"}},
                        {"from": "4477", "id": "c", "type": "media_placeholder"},
                        {"id": "d", "type": "text"}]}]},
                    {"errors": [{"code": 2_593_109, "title": "History sharing is off"}]}]}},
            {"field": "history", "value": {"metadata": {"phone_number_id": "9"},
                "messages": [{"from": "4477", "id": "c", "type": "image", "image": {"id": "1"}}]}}]}]});
        let items = decode(body.to_string().as_bytes()).unwrap();
        assert_eq!(
            words(&items),
            "old:text old:echo:text old:unknown other:unreadable_message other:history! old:image"
        );
        assert_eq!(message(&items, 0).from.wa_id.as_deref(), Some("4477"));
        let Event::Echo(ours) = &items[1].event else { panic!("{items:?}") };
        assert_eq!((ours.to.wa_id.as_deref(), &*ours.provider_id), (Some("4477"), "b"));
    }

    #[test]
    fn a_place_keeps_its_web_page() {
        let url = "https://maps.example.com/?cid=2";
        let place = json!({"latitude": 37.4, "longitude": -122.2, "name": "HQ", "url": url});
        let items = one(&json!({"type": "location", "location": place}));
        let Content::Location { url: kept, .. } = &message(&items, 0).content else {
            panic!("{items:?}")
        };
        assert_eq!(kept.as_deref(), Some(url));
    }

    #[test]
    fn one_bad_item_never_loses_the_others() {
        let good = json!({"from": "1", "id": "w", "type": "text", "text": {"body": "hi"}});
        let bad = [
            json!(null),
            json!(7),
            json!([]),
            json!({}),
            json!({"id": "w", "type": "text"}),
            json!({"from": "1", "type": "text"}),
            json!({"from": "1", "id": "w"}),
            json!({"from": {}, "id": "w", "type": "text"}),
        ];
        let mut messages = vec![good.clone()];
        messages.extend(bad.iter().cloned());
        messages.push(good);
        let items = hook(&json!({"metadata": "x", "contacts": 3, "messages": messages,
            "statuses": ["x", {"status": "read"}], "message_echoes": [{"id": "e", "type": "text"}]}));
        assert_eq!(
            words(&items),
            format!(
                "text {} text other:unreadable_status other:unreadable_status other:unreadable_echo!",
                ["other:unreadable_message!"; 8].join(" ")
            )
        );
        let odd = one(
            &json!({"type": "text", "text": {"body": 5}, "context": [], "timestamp": {}, "errors": "x"}),
        );
        assert_eq!(message(&odd, 0).content, Content::Text { body: "5".into() });
        assert_eq!(message(&odd, 0).sent_at, 0);
        assert_eq!(words(&one(&json!({"type": "text", "text": "hi"}))), "unknown");
    }

    #[test]
    fn a_body_of_another_shape_is_malformed_and_odd_envelopes_are_kept() {
        for wrong in [
            "",
            "x",
            "7",
            "null",
            "[]",
            "{}",
            "\"entry\"",
            r#"{"messages":[]}"#,
            "[{\"entry\":[]}]",
        ] {
            assert!(decode(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let deep = format!(r#"{{"entry":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(decode(deep.as_bytes()).is_err());
        for (odd, expected) in [
            (r#"{"object":"x"}"#, ""),
            (r#"{"entry":"x"}"#, "other:unreadable_entry"),
            (r#"{"entry":[{"id":"1","messaging":[]}]}"#, "other:unreadable_entry"),
            (r#"{"entry":{"changes":{"field":"f","value":{"a":1}}}}"#, "other:f"),
            (
                r#"{"entry":[{"changes":[{"field":"f"},3]}]}"#,
                "other:unreadable_change other:unreadable_change",
            ),
            (r#"{"entry":[{"changes":[{"value":{"messages":[]}}]}]}"#, "other:unknown"),
        ] {
            assert_eq!(words(&decode(odd.as_bytes()).unwrap()), expected, "{odd}");
        }
    }

    #[test]
    fn an_alert_is_one_sentence_whatever_meta_writes() {
        let items =
            hook(&json!({"errors": [{"code": 1, "title": format!("a\nb{}", "x".repeat(9000))}]}));
        let Event::Other(other) = &items[0].event else { panic!("{items:?}") };
        let alert = &other.alert.as_ref().unwrap().text;
        assert!(
            alert.starts_with("Meta reports error: 1: a b") && alert.ends_with("x."),
            "{alert}"
        );
        assert!(alert.len() < 300);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>) {
            let _ = decode(&body);
        }

        #[test]
        fn no_words_make_it_panic(id in ".{0,20}", kind in ".{0,20}", rest in ".{0,40}") {
            let message = format!(r#"{{"id":"{id}","from":"1","type":"{kind}","text":{{"body":"{rest}"}}}}"#);
            let _ = decode(format!(r#"{{"entry":[{{"changes":[{{"value":{{"messages":[{message}]}}}}]}}]}}"#).as_bytes());
        }

        #[test]
        fn no_damaged_webhook_makes_it_panic(which: usize, at: usize, byte: u8, cut: usize) {
            let names = names();
            if names.is_empty() { return Ok(()) }
            let mut body = shared(&format!("fixtures/meta/{}.json", names[which % names.len()])).unwrap();
            let at = at % body.len();
            body[at] = byte;
            let _ = decode(&body);
            body.truncate(cut % body.len());
            let _ = decode(&body);
        }

        #[test]
        fn no_odd_value_makes_it_fail(which: usize, at in 1..60_usize, other in 0..8_usize) {
            let names = names();
            if names.is_empty() { return Ok(()) }
            let body = shared(&format!("fixtures/meta/{}.json", names[which % names.len()])).unwrap();
            let mut tree: Value = serde_json::from_slice(&body).unwrap();
            replace(&mut tree, &mut at.clone(), &odd_values()[other]);
            prop_assert!(decode(tree.to_string().as_bytes()).is_ok());
        }
    }
}
