//! A number of an Evolution server, over real HTTP: what customers write and send, what goes out to
//! them, who has the conversation, and what a broken server costs.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::delivery::{cases, owner, until};
use crate::support::app::{Db, KEY, Setup, TestApp, on_both};
use crate::support::evolution::{
    Evolution, SentMessage, from_customer, message, status, text, webhook,
};
use crate::support::fake::Failure;

const CUSTOMER: &str = "447700970301";
const CHAT: &str = "447700970301@s.whatsapp.net";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123";

/// A desk with a number of an Evolution server, whose model knows one sentence.
async fn start(db: Db) -> (TestApp, Evolution) {
    let server = Evolution::start().await;
    let app = Setup::on(db).with(&server.number()).start().await;
    app.model.answer_with(|_| "We open at nine.".to_owned());
    (app, server)
}

async fn post(app: &TestApp, body: Vec<u8>, authorization: Option<&str>) -> u16 {
    let mut request = app.http.post(format!("{}/webhooks/evolution", app.url)).body(body);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    request.send().await.unwrap().status().as_u16()
}

/// Delivers a webhook as the server does.
async fn deliver(app: &TestApp, body: Vec<u8>) {
    let bearer = format!("Bearer {}", Evolution::SECRET);
    assert_eq!(post(app, body, Some(&bearer)).await, 200);
}

/// Lets the model take its time with the next answer, so that typing is shown before.
fn thinks(app: &TestApp) {
    app.model.fail_next(1, &Failure::Stall(Duration::from_millis(1500)));
}

/// Delivers a webhook and waits until nothing is left to do.
async fn takes(app: &TestApp, body: Vec<u8>) {
    deliver(app, body).await;
    app.settle().await;
}

/// The texts that customers got.
fn got(server: &Evolution) -> Vec<String> {
    server.sent().into_iter().map(|sent| sent.text).collect()
}

/// The stored bodies of webhooks.
async fn bodies(app: &TestApp) -> Vec<String> {
    let rows = app.desk.store.webhooks_after(&(0, String::new()), 100).await.unwrap();
    rows.into_iter().map(|row| String::from_utf8(row.body).unwrap()).collect()
}

/// Lets a customer write, be answered, and returns the conversation.
async fn begun(app: &TestApp) -> String {
    takes(app, text(CUSTOMER, "3EB0FIRST", "When do you open?")).await;
    app.conversation_with(CUSTOMER).await["id"].as_str().unwrap().to_owned()
}

/// A person sends something, and the desk is done with it.
async fn sends(app: &TestApp, conversation: &str, key: &str, body: &Value) -> Value {
    let url = format!("{}/api/v1/conversations/{conversation}/messages", app.url);
    let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", key);
    let response = request.json(body).send().await.unwrap();
    assert_eq!(response.status(), 201);
    response.json().await.unwrap()
}

async fn sends_file(
    app: &TestApp,
    conversation: &str,
    (name, bytes): (&'static str, &[u8]),
    caption: &'static str,
) {
    let url = format!("{}/api/v1/conversations/{conversation}/messages", app.url);
    let part = Part::bytes(bytes.to_vec()).file_name(name);
    let form = Form::new().part("file", part).text("text", caption);
    let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", name);
    assert_eq!(request.multipart(form).send().await.unwrap().status(), 201);
}

async fn hands_back(app: &TestApp, conversation: &str) {
    let (status, _) = app.call(&format!("/conversations/{conversation}/resolve"), &json!({})).await;
    assert_eq!(status, 200);
    app.settle().await;
}

async fn last(app: &TestApp) -> Value {
    app.thread(CUSTOMER).await.pop().unwrap()
}

async fn bytes_of(app: &TestApp, message: &Value) -> (u16, Vec<u8>) {
    let id = message["id"].as_str().unwrap();
    let request = app.http.get(format!("{}/api/v1/messages/{id}/media", app.url)).bearer_auth(KEY);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

/// The echoes of what was sent through the server: one as sent, one as on the phone.
fn echoes(sent: &SentMessage) -> [Vec<u8>; 2] {
    ["send.message", "messages.upsert"].map(|event| webhook(event, &sent.stored))
}

on_both! {
    async fn a_customer_is_answered_once_however_often_the_webhook_comes(db) {
        let (app, server) = start(db).await;
        let hook = text(CUSTOMER, "3EB0A1", "When do you open?");
        thinks(&app);
        deliver(&app, hook.clone()).await;
        deliver(&app, hook.clone()).await;
        app.settle().await;
        takes(&app, hook).await;
        let sent = server.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!((sent[0].method.as_str(), sent[0].number.as_str()), ("sendText", CUSTOMER));
        assert!(sent[0].text.contains("We open at nine."), "{sent:?}");
        let conversation = app.conversation_with(CUSTOMER).await;
        assert_eq!((&conversation["owner"], &conversation["contact_name"]), (&json!("bot"), &json!("Ana")));
        let chats = server.chats();
        let read = json!({"readMessages": [{"remoteJid": CHAT, "fromMe": false, "id": "3EB0A1"}]});
        assert_eq!(chats[0], ("markMessageAsRead".to_owned(), read));
        for body in bodies(&app).await {
            assert!(!body.contains("apikey") && !body.contains(Evolution::KEY), "{body}");
        }
        app.stop().await;
    }

    async fn what_the_bot_sent_is_no_takeover_and_what_a_colleague_typed_is_one(db) {
        let (app, server) = start(db).await;
        begun(&app).await;
        for echo in echoes(&server.sent()[0]) {
            takes(&app, echo).await;
        }
        assert_eq!((owner(&app, CUSTOMER).await, app.thread(CUSTOMER).await.len()), ("bot".to_owned(), 2));
        let typed = message(CHAT, true, "3A0001", &json!({"conversation": "I will take it from here"}));
        takes(&app, webhook("messages.upsert", &typed)).await;
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        takes(&app, text(CUSTOMER, "3EB0A2", "And on Sunday?")).await;
        assert_eq!(server.sent().len(), 1, "the bot is silent");
        app.stop().await;
    }

    async fn the_echo_of_a_test_message_is_no_takeover(db) {
        let (app, server) = start(db).await;
        let numbers = app.get("/numbers").await;
        let linked = numbers.as_array().unwrap().iter().find(|one| one["slug"] == "linked").unwrap();
        let path = format!("/numbers/{}/test", linked["id"].as_str().unwrap());
        let (status, tried) = app.call(&path, &json!({"to": format!("+{CUSTOMER}")})).await;
        assert_eq!((status.as_u16(), &tried["ok"]), (200, &json!(true)), "{tried}");
        for echo in echoes(&server.sent()[0]) {
            takes(&app, echo).await;
        }
        begun(&app).await;
        assert_eq!((owner(&app, CUSTOMER).await, server.sent().len()), ("bot".to_owned(), 2));
        app.stop().await;
    }

    async fn an_echo_settles_what_was_sent_and_not_answered(db) {
        let (app, server) = start(db).await;
        let id = begun(&app).await;
        let choices = json!({"text": "Which size?", "choices": {"options": [{"title": "Small"}, {"title": "Large"}]}});
        server.fail_next(1, &Failure::AcceptThenDrop);
        sends(&app, &id, "k1", &choices).await;
        until("it is unknown", async || last(&app).await["state"] == "unknown").await;
        takes(&app, webhook("send.message", &server.sent()[1].stored)).await;
        assert_eq!((&last(&app).await["state"], app.thread(CUSTOMER).await.len()), (&json!("sent"), 3));
        server.fail_next(1, &Failure::AcceptThenDrop);
        sends_file(&app, &id, ("shop.png", PNG), "").await;
        until("it is unknown", async || last(&app).await["state"] == "unknown").await;
        takes(&app, webhook("send.message", &server.sent()[2].stored)).await;
        let picture = last(&app).await;
        assert_eq!((&picture["state"], &picture["provider_id"]), (&json!("sent"), &json!(server.sent()[2].id)));
        assert_eq!(app.thread(CUSTOMER).await.len(), 4, "nothing is there twice");
        app.stop().await;
    }

    async fn a_picture_from_the_phone_settles_no_other_one(db) {
        let (app, server) = start(db).await;
        let id = begun(&app).await;
        let closed = Evolution::error(500, "Internal Server Error", "Connection Closed".into());
        server.fail_next(3, &Failure::Status(500, closed, None));
        sends_file(&app, &id, ("shop.png", PNG), "").await;
        until("it waits for another attempt", async || {
            let last = last(&app).await;
            last["state"] == "queued" && last["errors"].as_array().is_some_and(|errors| !errors.is_empty())
        })
        .await;
        let taken = json!({"imageMessage": {"mimetype": "image/jpeg"}});
        takes(&app, webhook("messages.upsert", &message(CHAT, true, "3EB0PHONE", &taken))).await;
        until("it leaves", async || server.sent().len() == 2).await;
        app.settle().await;
        let thread = app.thread(CUSTOMER).await;
        let ids: Vec<_> = thread.iter().map(|one| one["provider_id"].as_str().unwrap_or_default()).collect();
        assert!(ids.contains(&"3EB0PHONE") && ids.contains(&server.sent()[1].id.as_str()), "{thread:?}");
        app.stop().await;
    }

    async fn a_voice_note_is_heard_as_it_comes_and_a_picture_is_fetched(db) {
        let (app, server) = start(db).await;
        let voice = b"OggS brought".as_slice();
        app.model.put_transcript(voice, "Can I return a lamp?", "english");
        let note = json!({"audioMessage": {"mimetype": "audio/ogg; codecs=opus", "ptt": true}, "base64": STANDARD.encode(voice)});
        takes(&app, from_customer(CUSTOMER, "3EB0V", &note)).await;
        let heard = app.thread(CUSTOMER).await.remove(0);
        assert_eq!((&heard["kind"], &heard["transcript"]), (&json!("voice"), &json!("Can I return a lamp?")), "{heard}");
        assert_eq!(bytes_of(&app, &heard).await, (200, voice.to_vec()));
        assert_eq!(server.sent().len(), 1);
        assert!(bodies(&app).await.iter().all(|body| !body.contains("base64")), "a file is stored once");
        for (id, base64) in [("3EB0P1", None), ("3EB0P2", Some("garbage?")), ("3EB0P3", Some(""))] {
            server.put_file(id, PNG);
            let mut picture = json!({"imageMessage": {"mimetype": "image/png"}});
            if let Some(base64) = base64 {
                picture["base64"] = base64.into();
            }
            takes(&app, from_customer(CUSTOMER, id, &picture)).await;
            let picture = app.thread(CUSTOMER).await.into_iter().find(|one| one["provider_id"] == id).unwrap();
            until("it is fetched", async || bytes_of(&app, &picture).await == (200, PNG.to_vec())).await;
        }
        let gone = json!({"imageMessage": {"mimetype": "image/png"}});
        takes(&app, from_customer(CUSTOMER, "3EB0P4", &gone)).await;
        until("it is given up", async || {
            let thread = app.thread(CUSTOMER).await;
            thread.iter().any(|one| one["provider_id"] == "3EB0P4" && one["media"]["state"] == "gone")
        }).await;
        app.stop().await;
    }

    async fn a_person_sends_files_places_cards_and_reactions(db) {
        let (app, server) = start(db).await;
        let id = begun(&app).await;
        server.fail_next(1, &Failure::Status(500, Evolution::error(500, "Internal Server Error", "Connection Closed".into()), None));
        sends_file(&app, &id, ("menu.pdf", b"%PDF-1.7 the menu"), "Our menu").await;
        app.settle().await;
        sends_file(&app, &id, ("note.ogg", b"OggS....OpusHead"), "").await;
        app.settle().await;
        let first = app.thread(CUSTOMER).await[0]["id"].clone();
        for (key, body) in [
            ("k1", json!({"location": {"latitude": 51.5, "longitude": -0.12, "name": "Acme"}})),
            ("k2", json!({"contacts": [{"name": "Ana Silva", "phones": ["+447700900123"]}]})),
            ("k3", json!({"reaction": {"message": first, "emoji": "👍"}})),
            ("k4", json!({"text": "As I said.", "reply_to": first})),
        ] {
            sends(&app, &id, key, &body).await;
            app.settle().await;
        }
        let sent: Vec<_> = server.sent().into_iter().skip(1).map(|sent| (sent.method, sent.body)).collect();
        let want = [
            ("sendMedia", json!({"number": CUSTOMER, "mediatype": "document", "mimetype": "application/pdf", "fileName": "menu.pdf",
                "caption": "Our menu", "media": STANDARD.encode(b"%PDF-1.7 the menu")})),
            ("sendWhatsAppAudio", json!({"number": CUSTOMER, "audio": STANDARD.encode(b"OggS....OpusHead"), "encoding": false})),
            ("sendLocation", json!({"number": CUSTOMER, "latitude": 51.5, "longitude": -0.12, "name": "Acme", "address": ""})),
            ("sendContact", json!({"number": CUSTOMER, "contact": [{"fullName": "Ana Silva", "phoneNumber": "+447700900123"}]})),
            ("sendReaction", json!({"key": {"remoteJid": CHAT, "fromMe": false, "id": "3EB0FIRST"}, "reaction": "👍"})),
            ("sendText", json!({"number": CUSTOMER, "text": "As I said.", "linkPreview": false, "quoted": {"key": {"id": "3EB0FIRST"}}})),
        ];
        assert_eq!(sent, want.map(|(method, body)| (method.to_owned(), body)));
        assert_eq!(cases(&app).await.len(), 0);
        app.stop().await;
    }

    async fn choices_go_out_as_numbers_and_the_answer_is_the_choice(db) {
        let (app, server) = start(db).await;
        let id = begun(&app).await;
        sends(&app, &id, "k1", &json!({"text": "Which size?", "choices": {"options": [{"title": "Small"}, {"title": "Large"}]}})).await;
        hands_back(&app, &id).await;
        assert_eq!(got(&server).last().unwrap(), "Which size?\n\n1. Small\n2. Large");
        takes(&app, text(CUSTOMER, "3EB0C", "2")).await;
        let turn = last(&app).await["turn_id"].as_str().unwrap().to_owned();
        let trace = app.get(&format!("/turns/{turn}")).await["trace"].clone();
        assert_eq!(trace["transcribe"]["question"], "Large", "{trace}");
        app.stop().await;
    }

    async fn statuses_settle_a_message_and_one_that_failed_is_a_case(db) {
        let (app, server) = start(db).await;
        begun(&app).await;
        let first = server.sent().remove(0).id;
        for (word, state) in [("PENDING", "sent"), ("DELIVERY_ACK", "delivered"), ("DELETED", "delivered"), ("READ", "read"), ("SERVER_ACK", "read")] {
            takes(&app, status(&first, CUSTOMER, word)).await;
            assert_eq!(last(&app).await["state"], state, "{word}");
        }
        takes(&app, text(CUSTOMER, "3EB0S", "And on Sunday?")).await;
        let second = server.sent().pop().unwrap().id;
        takes(&app, status(&second, CUSTOMER, "ERROR")).await;
        assert_eq!((&last(&app).await["state"], cases(&app).await.len()), (&json!("failed"), 1));
        takes(&app, status("3EB0S", CUSTOMER, "READ")).await;
        let theirs = app.thread(CUSTOMER).await.into_iter().find(|one| one["provider_id"] == "3EB0S").unwrap();
        assert_eq!(theirs["direction"], "in", "what we read of theirs changes nothing: {theirs}");
        assert_eq!(theirs["state"], "answered");
        app.stop().await;
    }

    async fn a_customer_who_hides_the_phone_is_answered_and_is_the_same_one_when_it_is_known(db) {
        let (app, server) = start(db).await;
        let said = json!({"conversation": "When do you open?"});
        let mut hidden = message("111111111111101@lid", false, "3EB0H1", &said);
        hidden["key"]["remoteJidAlt"] = Value::Null;
        thinks(&app);
        takes(&app, webhook("messages.upsert", &hidden)).await;
        let sent = server.sent();
        assert_eq!((sent.len(), sent[0].number.as_str()), (1, "111111111111101@lid"));
        let typing = server.chats().into_iter().find(|(method, _)| method == "sendPresence").unwrap().1;
        assert_eq!(typing["number"], "111111111111101@lid");
        for echo in echoes(&sent[0]) {
            takes(&app, echo).await;
        }
        let mut known = message("111111111111101@lid", false, "3EB0H2", &said);
        known["key"]["remoteJidAlt"] = CHAT.into();
        takes(&app, webhook("messages.upsert", &known)).await;
        assert_eq!(server.sent()[1].number, CUSTOMER);
        assert_eq!((app.thread(CUSTOMER).await.len(), owner(&app, CUSTOMER).await), (4, "bot".to_owned()));
        app.stop().await;
    }

    async fn groups_broadcasts_and_old_messages_are_not_answered(db) {
        let (app, server) = start(db).await;
        let said = json!({"conversation": "When do you open?"});
        let mut group = message("120363000000000001@g.us", false, "3EB0G", &said);
        group["key"]["participant"] = "111111111111101@lid".into();
        group["key"]["participantAlt"] = CHAT.into();
        let mut story = message("status@broadcast", false, "3EB0T", &said);
        story["key"]["participant"] = CHAT.into();
        let channel = message("1203630@newsletter", false, "3EB0N", &said);
        let nobody = message("120363000000000001@g.us", false, "3EB0U", &said);
        for data in [&group, &story, &channel, &nobody] {
            takes(&app, webhook("messages.upsert", data)).await;
        }
        takes(&app, webhook("messages.set", &json!([message(CHAT, false, "3EB0O", &said)]))).await;
        let mut late = message(CHAT, false, "3EB0L", &said);
        late["messageTimestamp"] = 1_700_000_000.into();
        takes(&app, webhook("messages.upsert", &late)).await;
        assert!(server.sent().is_empty(), "{:?}", got(&server));
        let ids: Vec<_> = app.thread(CUSTOMER).await.into_iter().map(|one| one["provider_id"].clone()).collect();
        assert_eq!((ids.len(), ids.contains(&json!("3EB0T"))), (3, false), "{ids:?}");
        app.stop().await;
    }

    async fn edits_and_deletions_change_what_was_said(db) {
        let (app, server) = start(db).await;
        takes(&app, text(CUSTOMER, "3EB0E", "When do you opne?")).await;
        let key = json!({"remoteJid": CHAT, "fromMe": false, "id": "3EB0E"});
        let edit = json!({"key": key, "type": "MESSAGE_EDIT", "editedMessage": {"conversation": "When do you open?"},
            "timestampMs": frontdesk::domain::time::now_ms()});
        takes(&app, webhook("messages.edited", &edit)).await;
        takes(&app, webhook("messages.edited", &edit)).await;
        let first = app.thread(CUSTOMER).await.remove(0);
        assert_eq!(first["text"], "When do you open?", "{first}");
        // To its author, a message is `fromMe` and in the chat with us.
        let own = json!({"key": {"remoteJid": "15550783881@s.whatsapp.net", "fromMe": true, "id": "3EB0E"}, "type": 14,
            "editedMessage": {"conversation": "When do you close?"}, "timestampMs": frontdesk::domain::time::now_ms() + 5_000});
        takes(&app, webhook("messages.edited", &own)).await;
        assert_eq!(app.thread(CUSTOMER).await[0]["text"], "When do you close?");
        let answer = server.sent().remove(0);
        let ours = json!({"key": {"remoteJid": CHAT, "fromMe": true, "id": answer.id}, "type": 14,
            "editedMessage": {"conversation": "At eight."}, "timestampMs": frontdesk::domain::time::now_ms()});
        takes(&app, webhook("messages.edited", &ours)).await;
        let thread = app.thread(CUSTOMER).await;
        assert_eq!(thread[1]["text"], json!(answer.text), "a customer's app could say so: {thread:?}");
        // Nor does it speak for another phone.
        let other = "447700960998";
        let stop = json!({"key": {"remoteJid": format!("{other}@s.whatsapp.net"), "fromMe": false, "id": "3EB0X"}, "type": 14,
            "editedMessage": {"conversation": "STOP"}, "timestampMs": frontdesk::domain::time::now_ms()});
        takes(&app, webhook("messages.edited", &stop)).await;
        assert!(!app.get("/conversations").await.to_string().contains(other));
        let strange = json!({"key": {"remoteJid": CHAT, "fromMe": true, "id": "nobody's"}, "type": 0});
        takes(&app, webhook("messages.edited", &strange)).await;
        takes(&app, webhook("messages.delete", &key)).await;
        let first = app.thread(CUSTOMER).await.remove(0);
        assert!(first["deleted_at"].is_number() && first["text"] != "When do you open?", "{first}");
        app.stop().await;
    }

    async fn who_has_not_the_secret_and_what_is_no_webhook_leave_no_trace(db) {
        let (app, _server) = start(db).await;
        let hook = || text(CUSTOMER, "3EB0X", "Hi");
        let right = format!("Bearer {}", Evolution::SECRET);
        for wrong in [None, Some("Bearer wrong"), Some("Bearer "), Some(Evolution::SECRET), Some(Evolution::KEY)] {
            assert_eq!(post(&app, hook(), wrong).await, 401, "{wrong:?}");
        }
        for body in ["{}", "<html>", r#"{"event":"messages.upsert","instance":"shop1"}"#, r#"{"event":"messages.upsert","data":{}}"#] {
            assert_eq!(post(&app, body.into(), Some(&right)).await, 400, "{body}");
        }
        assert!(bodies(&app).await.is_empty());
        // A file of some megabytes is more than another provider may send.
        let picture = json!({"imageMessage": {"mimetype": "image/png"}, "base64": STANDARD.encode(vec![7; 5 << 20])});
        takes(&app, from_customer(CUSTOMER, "3EB0Y", &picture)).await;
        assert_eq!(bytes_of(&app, &app.thread(CUSTOMER).await[0]).await.1.len(), 5 << 20);
        assert!(bodies(&app).await[0].len() < 2_000);
        app.stop().await;
    }

    async fn a_broken_server_loses_no_message_and_sends_none_twice(db) {
        let (app, server) = start(db).await;
        let id = begun(&app).await;
        for (key, failure) in [
            ("html", Failure::Status(503, "<html>busy</html>".into(), None)),
            ("closed", Failure::Status(500, Evolution::error(500, "Internal Server Error", "Connection Closed".into()), None)),
        ] {
            server.fail_next(1, &failure);
            sends(&app, &id, key, &json!({"text": key})).await;
            app.settle().await;
            assert_eq!(got(&server).last().unwrap(), key);
        }
        for (key, failure) in [
            ("gateway", Failure::Status(502, "<html>bad gateway</html>".into(), None)),
            ("login", Failure::Status(200, "<html>log in</html>".into(), None)),
            ("database", Failure::Status(400, Evolution::error(400, "Bad Request", json!(["PrismaClientKnownRequestError"])), None)),
        ] {
            server.fail_next(1, &failure);
            sends(&app, &id, key, &json!({"text": key})).await;
            until(key, async || last(&app).await["state"] == "unknown").await;
        }
        assert_eq!(got(&server).len(), 3, "what may have gone out is not sent again");
        server.add_stranger(CUSTOMER);
        sends(&app, &id, "stranger", &json!({"text": "Hi"})).await;
        until("it failed", async || last(&app).await["state"] == "failed").await;
        assert!(last(&app).await["errors"].to_string().contains("not on WhatsApp"), "{}", last(&app).await);
        app.stop().await;
    }

    async fn a_number_that_is_logged_out_is_at_risk_until_it_is_connected(db) {
        let (app, server) = start(db).await;
        let number = async || {
            let numbers = app.get("/numbers").await;
            numbers.as_array().unwrap().iter().find(|one| one["slug"] == "linked").unwrap().clone()
        };
        server.set_connected(false);
        let closed = json!({"instance": "shop1", "state": "close", "statusReason": 401});
        takes(&app, webhook("connection.update", &closed)).await;
        let now = number().await;
        assert_eq!((&now["state"], &now["warnings"][0]["code"]), (&json!("at_risk"), &json!("number_disconnected")), "{now}");
        let alert = app.get("/events?alerts=true").await[0].clone();
        assert!(alert["alert"].as_str().unwrap().contains("logged out"), "{alert}");
        assert!(alert["todo"].as_str().unwrap().contains("Connect it on its page"), "{alert}");
        deliver(&app, text(CUSTOMER, "3EB0D", "When do you open?")).await;
        until("its answer waits", async || app.thread(CUSTOMER).await.len() == 2).await;
        server.set_connected(true);
        takes(&app, webhook("connection.update", &json!({"instance": "shop1", "state": "open", "statusReason": 200}))).await;
        assert_eq!((&number().await["state"], server.sent().len()), (&json!("ready"), 1));
        assert_eq!(number().await["display"], "+15550783881");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_asks_the_server_and_proposes_the_secret() {
    let key = "1".repeat(64);
    let server = Evolution::start().await;
    let setup = Setup::on(Db::Sqlite).extractive().with(&format!("[secrets]\nkey = \"{key}\""));
    let app = setup.with("[providers]\nallowed_hosts = [\"127.0.0.1\"]").start().await;
    let (status, draft) = app.call("/numbers/draft", &json!({"provider": "evolution"})).await;
    assert_eq!(
        (status.as_u16(), &draft["verify_token"], &draft["id"]),
        (200, &Value::Null, &Value::Null)
    );
    let secret = draft["webhook_secret"].as_str().unwrap();
    assert!(
        secret.len() >= 16
            && draft["callback_url"].as_str().unwrap().ends_with("/webhooks/evolution")
    );
    let fields = |instance: &str, key: &str| json!({"fields": {"server_url": server.url, "instance": instance, "api_key": key}});
    let check = async |fields: Value| app.call("/providers/evolution/check", &fields).await.1;
    let found = check(fields(Evolution::INSTANCE, Evolution::KEY)).await;
    assert_eq!(
        (&found["found"], &found["display"], &found["verified_name"]),
        (&json!(true), &json!("+15550783881"), &json!("Fake Business")),
        "{found}"
    );
    assert!(!found.to_string().contains(Evolution::KEY), "{found}");
    server.set_connected(false);
    let found = check(fields(Evolution::INSTANCE, Evolution::KEY)).await;
    assert!(found["message"].as_str().unwrap().contains("QR code"), "{found}");
    let wrong = check(fields("nope", Evolution::KEY)).await;
    assert_eq!(
        (&wrong["found"], &wrong["fields"]["instance"]["ok"]),
        (&json!(false), &json!(true)),
        "{wrong}"
    );
    assert!(wrong["message"].as_str().unwrap().contains("no instance of this name yet"), "{wrong}");
    let wrong = check(fields(Evolution::INSTANCE, "another-key")).await;
    assert_eq!(wrong["fields"]["api_key"]["ok"], false, "{wrong}");
    let plain = json!({"fields": {"server_url": "http://evo.example.com"}, "field": "server_url"});
    let wrong = check(plain).await;
    assert!(
        wrong["fields"]["server_url"]["message"].as_str().unwrap().contains("https"),
        "{wrong}"
    );
    app.stop().await;
}
