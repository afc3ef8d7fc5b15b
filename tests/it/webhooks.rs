//! Webhook endpoints: who may post to them, and that everything Meta sends is stored as what it is.

use std::collections::{BTreeMap, HashSet};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::{Db, MAIN, SECOND, SECRET, SENDER_LIMITS_OFF, Setup, TestApp, on_both};
use crate::support::hooks::{all_captured, batch, message_webhook, shared, sign, text_webhook};

/// Returns the section of a number with its own app secret, or with none. Its provider cannot be
/// reached: what it has to send is never sent, so a test does not wait for it
/// ([`TestApp::stop_and_keep`]).
fn number(name: &str, id: &str, secret: Option<&str>) -> String {
    let secret = secret.map_or_else(String::new, |secret| format!("app_secret = \"{secret}\"\n"));
    format!(
        "[numbers.{name}]\nprovider = \"meta\"\nagent = \"acme\"\nphone_number_id = \"{id}\"\n\
         access_token = \"t\"\nverify_token = \"verify-{name}\"\nbase_url = \"http://127.0.0.1:1\"\n{secret}"
    )
}

async fn shake(app: &TestApp, path: &str, query: &[(&str, &str)]) -> (StatusCode, String, String) {
    let response =
        app.http.get(format!("{}{path}?{}", app.url, encoded(query))).send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (response.status(), kind, response.text().await.unwrap())
}

fn encoded(query: &[(&str, &str)]) -> String {
    query.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
}

fn hello<'a>(mode: &'a str, token: &'a str) -> [(&'a str, &'a str); 3] {
    [("hub.mode", mode), ("hub.verify_token", token), ("hub.challenge", "1158201444")]
}

/// Returns the webhook of a text that is too old to be answered.
fn old(number: &str, from: &str, id: &str, text: &str) -> Vec<u8> {
    let content = json!({"type": "text", "text": {"body": text}, "timestamp": "1600000000"});
    message_webhook(number, from, id, &content)
}

async fn is_stored(app: &TestApp, number: &str, text: &str) -> bool {
    let numbers = app.get("/numbers").await;
    let ours = numbers.as_array().unwrap().iter().find(|one| one["external_id"] == number);
    let id = ours.unwrap()["id"].clone();
    for (conversation, message) in everything(app).await {
        if conversation["number_id"] == id && message["text"] == text {
            return true;
        }
    }
    false
}

/// Returns every message with its conversation, read page by page from the API.
async fn everything(app: &TestApp) -> Vec<(Value, Value)> {
    let mut all = Vec::new();
    for conversation in pages(app, "/conversations?limit=200").await {
        let id = conversation["id"].as_str().unwrap();
        let messages = pages(app, &format!("/conversations/{id}/messages?limit=7")).await;
        all.extend(messages.into_iter().map(|message| (conversation.clone(), message)));
    }
    all
}

async fn pages(app: &TestApp, path: &str) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{path}{next}")).await;
        items.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return items,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_echoes_the_challenge_to_whoever_knows_the_verify_token() {
    let app = TestApp::start().await;
    for path in ["/webhooks/meta", "/webhooks/meta/main", "/webhooks/meta/second"] {
        let (status, kind, body) = shake(&app, path, &hello("subscribe", "verify-me")).await;
        assert_eq!((status.as_u16(), body.as_str()), (200, "1158201444"), "{path}");
        assert!(kind.starts_with("text/plain"), "{kind}");
        for (mode, token) in [
            ("subscribe", "verify-you"),
            ("subscribe", ""),
            ("subscribe", "verify-me2"),
            ("unsubscribe", "verify-me"),
            ("", "verify-me"),
        ] {
            let (status, kind, body) = shake(&app, path, &hello(mode, token)).await;
            assert_eq!(status, 403, "{path} {mode} {token}");
            assert_eq!(kind, "application/problem+json");
            assert!(!body.contains("1158201444") && !body.contains("verify-me"), "{body}");
        }
        assert_eq!(shake(&app, path, &[]).await.0, 403);
        assert_eq!(shake(&app, path, &hello("subscribe", "verify-me")[..2]).await.0, 403);
    }
    for path in [
        "/webhooks/meta/nobody",
        "/webhooks/evolution",
        "/webhooks/sandbox/main",
        "/webhooks/meta/main/x",
    ] {
        assert_eq!(shake(&app, path, &hello("subscribe", "verify-me")).await.0, 404, "{path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_numbers_own_address_knows_only_its_own_verify_token() {
    let own = [number("a", "501", Some("sa")), number("b", "502", Some("sb"))].concat();
    let app = Setup::on(Db::Sqlite).with(&own).start().await;
    for (path, token, status) in [
        ("/webhooks/meta/a", "verify-a", 200),
        ("/webhooks/meta/a", "verify-b", 403),
        ("/webhooks/meta/b", "verify-b", 200),
        ("/webhooks/meta", "verify-a", 200),
        ("/webhooks/meta", "verify-b", 200),
        ("/webhooks/meta", "verify-c", 403),
    ] {
        let answer = shake(&app, path, &hello("subscribe", token)).await;
        assert_eq!(answer.0.as_u16(), status, "{path} {token}");
    }
    app.stop().await;
}

on_both! {
    async fn a_webhook_that_is_not_rightly_signed_is_refused_and_leaves_nothing(db) {
        let app = Setup::on(db).start().await;
        let body = text_webhook(MAIN, "447700900101", "wamid.1", "When do you open?");
        let right = sign(SECRET, &body);
        let mut other = body.clone();
        other.push(b' ');
        let wrong = [
            None,
            Some(String::new()),
            Some("sha256=".into()),
            Some(right.trim_start_matches("sha256=").to_owned()),
            Some(right.replace("sha256=", "sha1=")),
            Some(right[..right.len() - 1].to_owned()),
            Some(right[..right.len() - 2].to_owned()),
            Some(format!("{right}00")),
            Some(sign("another-secret", &body)),
            Some(sign("", &body)),
            Some(sign(SECRET, &other)),
            Some(format!("sha256={}", "0".repeat(64))),
            Some(format!("sha256={}", "z".repeat(64))),
        ];
        for path in ["/webhooks/meta", "/webhooks/meta/main"] {
            for signature in &wrong {
                let status = app.post(path, &body, signature.as_deref()).await;
                assert_eq!(status, 401, "{path} {signature:?}");
            }
        }
        // Refused before it is parsed: the content does not matter.
        assert_eq!(app.post("/webhooks/meta", b"not JSON", None).await, 401);
        for path in ["/webhooks/meta/nobody", "/webhooks/evolution", "/webhooks/meta/main/x"] {
            assert_eq!(app.post(path, &body, Some(&right)).await, 404, "{path}");
        }
        assert_eq!(app.desk.store.webhooks().await.unwrap(), 0);
        assert_eq!(app.get("/conversations").await["items"], json!([]));
        assert_eq!(app.get("/events").await, json!([]));
        assert_eq!(app.post("/webhooks/meta/main", &body, Some(&right)).await, 200);
        assert_eq!(app.desk.store.webhooks().await.unwrap(), 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_signatures_are_the_ones_that_are_checked() {
    let Some(vectors) = shared("fixtures/signatures.json") else { return };
    let vectors: Vec<Value> = serde_json::from_str(&vectors).unwrap();
    let metas: Vec<_> = vectors.iter().filter(|vector| vector["provider"] == "meta").collect();
    assert!(metas.len() >= 2);
    for vector in metas {
        let get = |key: &str| vector[key].as_str().unwrap_or_default();
        let own = number("main", MAIN, Some(get("secret")));
        let app = Setup::on(Db::Sqlite).with(&own).start().await;
        let body = get("body_utf8").as_bytes();
        assert_eq!(get("header").to_lowercase(), "x-hub-signature-256");
        if !get("wrong_if_reserialised").is_empty() {
            let wrong = app.post("/webhooks/meta", body, Some(get("wrong_if_reserialised"))).await;
            assert_eq!(wrong, 401);
        }
        let status = app.post("/webhooks/meta/main", body, Some(get("value"))).await;
        if get("name") == "minimal_body" {
            assert_eq!(status, 400, "rightly signed, and no webhook of Meta's");
        } else {
            assert_eq!(status, 200, "{}", get("name"));
            assert_eq!(app.thread("16505551234").await[0]["text"], "café 👍 https://example.com");
            assert_eq!(app.conversation_with("16505551234").await["contact_name"], "José");
        }
        app.stop_and_keep().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_without_a_secret_takes_nothing_and_says_what_to_set() {
    let app = Setup::on(Db::Sqlite).with(&number("main", MAIN, None)).start().await;
    let body = text_webhook(MAIN, "447700900102", "wamid.1", "When do you open?");
    for signature in [None, Some(sign("", &body)), Some(sign(SECRET, &body))] {
        let mut request = app.http.post(format!("{}/webhooks/meta/main", app.url));
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let response = request.body(body.clone()).send().await.unwrap();
        assert_eq!(response.status(), 401);
        let problem: Value = response.json().await.unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("app_secret") && detail.contains("insecure = true"), "{detail}");
    }
    assert_eq!(app.desk.store.webhooks().await.unwrap(), 0);
    // Signed by another number's app, at the shared URL: it does not count for this number.
    assert_eq!(app.deliver(&body).await, 401);
    assert_eq!(app.desk.store.webhooks().await.unwrap(), 0);
    assert_eq!(app.get("/conversations").await["items"], json!([]));
    app.stop().await;
}

on_both! {
    async fn a_signature_speaks_only_for_the_numbers_of_its_own_secret(db) {
        let own =
            [number("main", MAIN, Some("secret-a")), number("second", SECOND, Some("secret-b"))]
                .concat();
        let app = Setup::on(db).with(&own).start().await;
        let forged = old(SECOND, "447700900103", "wamid.forged", "forged words");
        let signature = sign("secret-a", &forged);
        for path in ["/webhooks/meta/second", "/webhooks/evolution/main"] {
            assert_ne!(app.post(path, &forged, Some(&signature)).await, 200, "{path}");
        }
        assert_eq!(app.post("/webhooks/meta/second", &forged, Some(&signature)).await, 401);
        assert_eq!(app.desk.store.webhooks().await.unwrap(), 0);
        for path in ["/webhooks/meta", "/webhooks/meta/main"] {
            assert_eq!(app.post(path, &forged, Some(&signature)).await, 401, "{path}");
        }
        // Refused as a whole: Meta delivers it again, so that a mistyped secret can be corrected.
        let mixed = batch(&[old(MAIN, "447700900104", "wamid.mine", "my words"), forged.clone()]);
        let status = app.post("/webhooks/meta", &mixed, Some(&sign("secret-a", &mixed))).await;
        assert_eq!(status, 401);
        assert_eq!(app.desk.store.webhooks().await.unwrap(), 0);
        let mine = old(MAIN, "447700900104", "wamid.mine", "my words");
        assert_eq!(app.post("/webhooks/meta", &mine, Some(&sign("secret-a", &mine))).await, 200);
        assert!(
            is_stored(&app, MAIN, "my words").await
                && !is_stored(&app, SECOND, "forged words").await
        );
        // With the right secret the id is still free: the forgery did not use it up.
        assert_eq!(
            app.post("/webhooks/meta", &forged, Some(&sign("secret-b", &forged))).await,
            200
        );
        assert!(is_stored(&app, SECOND, "forged words").await);
        app.stop_and_keep().await;
    }

    async fn everything_that_meta_sends_is_stored_as_what_it_is(db) {
        let fixtures = all_captured("meta");
        if fixtures.is_empty() {
            return;
        }
        // All captures come from a few customers at once.
        let app = Setup::on(db).without_speech().with(SENDER_LIMITS_OFF).start().await;
        let mut found = BTreeMap::<String, Vec<String>>::new();
        let mut events = Events::default();
        let mut acknowledged = 0;
        for (name, payload) in &fixtures {
            let status = app.deliver(&ours(name, payload.clone())).await.as_u16();
            assert!(
                status == 200 || (status == 400 && name.contains("entry_is_object")),
                "{name}: {status}"
            );
            acknowledged += i64::from(status == 200);
            found.insert(name.clone(), events.new_ones(&app).await);
        }
        app.settle().await;
        assert_eq!(app.desk.store.webhooks().await.unwrap(), acknowledged);
        let mut kinds = BTreeMap::<String, usize>::new();
        for (_, message) in everything(&app).await {
            let (author, kind) =
                (message["author"].as_str().unwrap(), message["kind"].as_str().unwrap());
            if ["bot", "notice"].contains(&author) {
                // The few captures without a timestamp count as written now; their sender cannot be
                // written to, and the support contact is notified of that.
                continue;
            }
            let (name, _) = message["provider_id"]
                .as_str()
                .and_then(|id| id.split_once(':'))
                .unwrap_or_else(|| panic!("{message}"));
            assert!(message["content"].is_object(), "{message}");
            let word =
                if author == "customer" { kind.to_owned() } else { format!("{author}:{kind}") };
            assert_eq!(message["direction"], if author == "customer" { "in" } else { "out" });
            *kinds.entry(word.clone()).or_default() += 1;
            found.get_mut(name).unwrap().push(word);
        }
        assert!(app.received().iter().all(|(to, _)| to == "+15550009999"), "{:?}", app.received());
        for (name, expected) in KINDS {
            let words = found.get_mut(*name).unwrap_or_else(|| panic!("no fixture {name}"));
            words.sort();
            assert_eq!(words.join(" "), *expected, "{name}");
        }
        for kind in EVERY_KIND {
            assert!(kinds.contains_key(*kind), "no {kind} among {kinds:?}");
        }
        assert!(kinds.len() == EVERY_KIND.len(), "{kinds:?}");
        let silent = |name: &str| {
            name.contains("status") || name.contains("Status") || name.contains("entry_is_object")
        };
        for (name, words) in &found {
            assert!(!words.is_empty() || silent(name), "nothing is left of {name}");
        }
        app.stop().await;
    }
}

/// Returns a captured webhook rewritten for our number. Message ids name the capture, because many
/// captures share theirs.
fn ours(name: &str, mut payload: Value) -> Vec<u8> {
    adopt(name, &mut payload);
    payload.to_string().into_bytes()
}

fn adopt(name: &str, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| adopt(name, item)),
        Value::Object(fields) => {
            if let Some(id) = fields.get_mut("phone_number_id") {
                *id = MAIN.into();
            }
            for (key, value) in fields.iter_mut() {
                if ["messages", "message_echoes"].contains(&key.as_str()) {
                    for message in value.as_array_mut().into_iter().flatten() {
                        message["id"] = format!("{name}:{}", message["id"]).into();
                    }
                }
                adopt(name, value);
            }
        }
        _ => {}
    }
}

/// The ids of known events.
#[derive(Default)]
struct Events(HashSet<String>);

impl Events {
    /// Returns the kinds of the events since the last call, with `!` for an alert.
    async fn new_ones(&mut self, app: &TestApp) -> Vec<String> {
        let events = app.get("/events").await;
        let fresh = |event: &&Value| self.0.insert(event["id"].to_string());
        let fresh: Vec<_> = events.as_array().unwrap().iter().filter(fresh).collect();
        let alert = |event: &Value| if event["alert"].is_null() { "" } else { "!" };
        fresh.iter().map(|e| format!("event:{}{}", e["kind"].as_str().unwrap(), alert(e))).collect()
    }
}

/// What is stored for some captures: the kinds of messages (`person:` before an echo's), and
/// events.
const KINDS: &[(&str, &str)] = &[
    ("chatwoot.bsuid_only", "text"),
    ("chatwoot.document_accented_filename", "document"),
    ("chatwoot.flow_reply_invalid_response_json", "form"),
    ("chatwoot.flow_reply_nested_json", "form"),
    ("chatwoot.image_with_errors_array_legacy_details", "image"),
    ("chatwoot.smb_echo_with_to_user_id", "person:text"),
    ("edge.batch_two_entries_two_numbers", "text text text text"),
    ("edge.call_permission_reply", "call_permission"),
    ("edge.duplicate_message_in_one_post", "text"),
    ("edge.group_status_with_participant", ""),
    ("edge.no_contacts_no_profile", "text"),
    ("edge.request_welcome", "welcome"),
    ("edge.status_failed_131047", ""),
    ("edge.text_4096_chars", "text"),
    ("edge.text_empty_body", "text"),
    ("edge.text_unicode_rtl_emoji_zwj", "text"),
    ("edge.unknown_field", "event:brand_new_field"),
    ("edge.unknown_message_type", "unknown"),
    ("edge.user_changed_user_id", "system"),
    ("fbopenapi.Contact_Sharing_Message", "contacts"),
    ("fbopenapi.Group_Create_Message", "event:groups"),
    ("fbopenapi.Interactive_Button_Reply_Message", "choice"),
    ("fbopenapi.Interactive_List_Reply_Message", "choice"),
    ("fbopenapi.Location_Message", "location"),
    ("fbopenapi.Order_Message", "order"),
    ("fbopenapi.Unsupported_Message", "unsupported"),
    ("kapsoadapter.outbound_echo", "person:text"),
    ("kapsosdk.mixed_messages_statuses_calls", "event:calls! form order sticker"),
    ("metadocs.account_alerts.1", "event:account_alerts!"),
    ("metadocs.audio.1.messages", "voice"),
    ("metadocs.button.1.messages", "choice"),
    ("metadocs.no_storage.5.messages", "event:errors!"),
    ("metadocs.onboarding_business_app_users.15.messages", "edited"),
    ("metadocs.smb_app_state_sync.1", "event:state_sync"),
    ("metadocs.smb_message_echoes.1", "person:text"),
    ("metadocs.status.3.messages", ""),
    ("netflie.an_unknown_notification", "unknown"),
    ("pywa.account_update.account_deleted", "event:account_update!"),
    ("pywa.account_update.account_restriction", "event:account_update!"),
    ("pywa.account_update.ad_account_linked", "event:account_update"),
    ("pywa.call_connect.user_initiated", "event:calls!"),
    ("pywa.call_terminate.call_terminate", "event:calls event:errors!"),
    ("pywa.deleted_message.revoke", "revoked"),
    ("pywa.edited_message.image", "edited"),
    ("pywa.message.animated_sticker", "sticker"),
    ("pywa.message.audio", "audio"),
    ("pywa.message.interactive_message_with_err", "event:errors! unknown"),
    ("pywa.message.reaction", "reaction"),
    ("pywa.message.unreaction_no_emoji", "reaction"),
    ("pywa.message.video", "video"),
    ("pywa.message.voice", "voice"),
    ("pywa.message_status.played", ""),
    ("pywa.outgoing_message.delete", "person:revoked"),
    ("pywa.outgoing_message.edit", "person:edited"),
    ("pywa.system.phone_number_change", "system"),
    ("pywa.template_status_update.approved", "event:message_template_status_update"),
    ("pywa.template_status_update.rejected", "event:message_template_status_update!"),
    ("pywa.user_marketing_preferences.resume", "event:user_preferences"),
];

/// Every kind of message in the captures.
const EVERY_KIND: &[&str] = &[
    "text",
    "voice",
    "audio",
    "image",
    "video",
    "document",
    "sticker",
    "location",
    "contacts",
    "choice",
    "form",
    "reaction",
    "order",
    "system",
    "edited",
    "revoked",
    "unsupported",
    "unknown",
    "welcome",
    "call_permission",
    "person:text",
    "person:edited",
    "person:revoked",
];
