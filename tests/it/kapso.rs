//! A number at Kapso, over real HTTP: what customers write and send, what goes out to them, who has the
//! conversation, and what is refused.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::delivery::{cases, owner, until};
use crate::support::app::{Db, KEY, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::hooks::sign;
use crate::support::kapso::{
    Kapso, RECEIVED, SENT, batch, from_business, from_customer, status, text,
};

const CUSTOMER: &str = "447700970401";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123";

/// A desk with a number at Kapso, whose model knows one sentence.
async fn start(db: Db) -> (TestApp, Kapso) {
    let server = Kapso::start().await;
    let app = Setup::on(db).with(&server.number()).start().await;
    app.model.answer_with(|_| "We open at nine.".to_owned());
    (app, server)
}

/// Posts a webhook with these headers, and returns the status.
async fn post(app: &TestApp, body: &Value, headers: &[(&str, &str)]) -> u16 {
    let mut request = app.http.post(format!("{}/webhooks/kapso", app.url)).body(body.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

/// The signature of a body, as Kapso writes it.
fn signature(body: &Value) -> String {
    sign(Kapso::SECRET, body.to_string().as_bytes()).replace("sha256=", "")
}

/// Delivers an event as Kapso does, and waits until nothing is left to do.
async fn takes(app: &TestApp, event: &str, body: &Value) {
    let signed = signature(body);
    let headers = [
        ("x-webhook-event", event),
        ("x-webhook-signature", signed.as_str()),
        ("x-webhook-payload-version", "v2"),
        ("x-idempotency-key", "0191f6a2"),
    ];
    assert_eq!(post(app, body, &headers).await, 200);
    app.settle().await;
}

/// The texts that customers got.
fn got(server: &Kapso) -> Vec<String> {
    server.sent().into_iter().map(|sent| sent.text).collect()
}

/// The stored bodies of webhooks.
async fn bodies(app: &TestApp) -> Vec<Value> {
    let rows = app.desk.store.webhooks_after(&(0, String::new()), 100).await.unwrap();
    rows.into_iter().map(|row| serde_json::from_slice(&row.body).unwrap()).collect()
}

/// Lets a customer write, be answered, and returns the conversation.
async fn begun(app: &TestApp) -> String {
    takes(app, RECEIVED, &text(CUSTOMER, "wamid.FIRST", "When do you open?")).await;
    app.conversation_with(CUSTOMER).await["id"].as_str().unwrap().to_owned()
}

/// A person sends a text, and the desk is done with it.
async fn sends(app: &TestApp, conversation: &str, words: &str) {
    let url = format!("{}/api/v1/conversations/{conversation}/messages", app.url);
    let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", words);
    assert_eq!(request.json(&json!({"text": words})).send().await.unwrap().status(), 201);
}

async fn last(app: &TestApp) -> Value {
    app.thread(CUSTOMER).await.pop().unwrap()
}

async fn by_id(app: &TestApp, id: &str) -> Value {
    app.thread(CUSTOMER).await.into_iter().find(|one| one["provider_id"] == id).unwrap()
}

async fn bytes_of(app: &TestApp, message: &Value) -> (u16, Vec<u8>) {
    let id = message["id"].as_str().unwrap();
    let request = app.http.get(format!("{}/api/v1/messages/{id}/media", app.url)).bearer_auth(KEY);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

on_both! {
    async fn a_customer_is_answered_once_however_often_the_webhook_comes(db) {
        let (app, server) = start(db).await;
        // An answer that is there at once shows no typing.
        app.model.delay(Duration::from_millis(200));
        let hook = text(CUSTOMER, "wamid.A1", "When do you open?");
        for _ in 0..3 {
            takes(&app, RECEIVED, &hook).await;
        }
        let sent = server.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!((sent[0].number.as_str(), sent[0].to.as_str()), (Kapso::NUMBER, "+447700970401"));
        assert!(sent[0].text.contains("We open at nine."), "{sent:?}");
        let conversation = app.conversation_with(CUSTOMER).await;
        assert_eq!((&conversation["owner"], &conversation["contact_name"]), (&json!("bot"), &json!("Ana")));
        until("it is read", async || {
            server.read_receipts().iter().any(|one| one.message_id == "wamid.A1" && one.writing)
        }).await;
        for body in bodies(&app).await {
            assert_eq!(body["event"], RECEIVED, "what the header says is stored: {body}");
        }
        app.stop().await;
    }

    async fn a_batch_is_taken_in_whole_and_once(db) {
        let (app, server) = start(db).await;
        let three = ["hi", "are you there", "When do you open?"];
        let events: Vec<_> = three.iter().zip(1..).map(|(words, n)| text(CUSTOMER, &format!("wamid.B{n}"), words)).collect();
        let hook = batch(&events);
        takes(&app, RECEIVED, &hook).await;
        let answers = server.sent().len();
        assert!((1..=3).contains(&answers), "{answers}");
        takes(&app, RECEIVED, &hook).await;
        takes(&app, RECEIVED, &events[1]).await;
        let thread = app.thread(CUSTOMER).await;
        let wrote: Vec<_> = thread.iter().filter(|one| one["direction"] == "in").map(|one| one["text"].as_str().unwrap()).collect();
        assert_eq!((wrote, server.sent().len()), (three.to_vec(), answers));
        app.stop().await;
    }

    async fn what_the_bot_sent_is_no_takeover_and_what_a_colleague_typed_is_one(db) {
        let (app, server) = start(db).await;
        begun(&app).await;
        let own = server.sent().remove(0);
        takes(&app, SENT, &status(&own, "sent")).await;
        assert_eq!((owner(&app, CUSTOMER).await, app.thread(CUSTOMER).await.len()), ("bot".to_owned(), 2));
        takes(&app, "whatsapp.message.delivered", &status(&own, "delivered")).await;
        takes(&app, "whatsapp.message.read", &status(&own, "read")).await;
        takes(&app, "whatsapp.message.delivered", &status(&own, "delivered")).await;
        assert_eq!((&last(&app).await["state"], owner(&app, CUSTOMER).await), (&json!("read"), "bot".to_owned()));
        let app_origin = json!({"origin": "business_app"});
        takes(&app, SENT, &from_business(CUSTOMER, "wamid.APP", "I will take it from here", &app_origin)).await;
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        takes(&app, RECEIVED, &text(CUSTOMER, "wamid.A2", "And on Sunday?")).await;
        assert_eq!(server.sent().len(), 1, "the bot is silent");
        app.stop().await;
    }

    async fn an_echo_that_comes_before_its_send_is_recorded_is_no_takeover(db) {
        let (app, server) = start(db).await;
        server.delay_response(Duration::from_millis(700));
        for (n, reference) in [(1, false), (2, true)] {
            let hook = text(CUSTOMER, &format!("wamid.E{n}"), "When do you open?");
            let signed = signature(&hook);
            assert_eq!(post(&app, &hook, &[("x-webhook-signature", &signed)]).await, 200);
            until("Kapso has it", async || server.sent().len() == n).await;
            let own = server.sent().pop().unwrap();
            let mut echo = status(&own, "sent");
            if reference {
                // Its text alone would not say whose it is.
                echo["message"]["text"]["body"] = "changed on the way".into();
                echo["message"]["kapso"]["statuses"][0]["biz_opaque_callback_data"] = own.reference.clone().into();
            }
            takes(&app, SENT, &echo).await;
            assert_eq!((owner(&app, CUSTOMER).await, app.thread(CUSTOMER).await.len()), ("bot".to_owned(), 2 * n));
            assert_eq!(last(&app).await["provider_id"], own.id);
        }
        app.stop().await;
    }

    async fn an_import_is_stored_and_answered_by_nobody(db) {
        let (app, server) = start(db).await;
        let old = json!({"origin": "history_sync"});
        let mut theirs = text(CUSTOMER, "wamid.OLD1", "Do you sell lamps?");
        theirs["message"]["kapso"]["origin"] = "history_sync".into();
        takes(&app, RECEIVED, &theirs).await;
        takes(&app, SENT, &from_business(CUSTOMER, "wamid.OLD2", "We do", &old)).await;
        assert_eq!((server.sent().len(), app.thread(CUSTOMER).await.len()), (0, 2));
        begun(&app).await;
        assert_eq!((server.sent().len(), owner(&app, CUSTOMER).await), (1, "bot".to_owned()));
        app.stop().await;
    }

    async fn a_webhook_counts_with_the_right_signature_alone(db) {
        let (app, server) = start(db).await;
        let hook = text(CUSTOMER, "wamid.S1", "When do you open?");
        let right = signature(&hook);
        let other = sign("another secret", hook.to_string().as_bytes());
        let other_body = signature(&text(CUSTOMER, "wamid.S2", "When do you open?"));
        for wrong in [&other, &other_body, "", "sha256=", &right[2..], &format!("sha1={right}")] {
            let headers = [("x-webhook-event", RECEIVED), ("x-webhook-signature", wrong)];
            assert_eq!(post(&app, &hook, &headers).await, 401, "{wrong}");
        }
        assert_eq!(post(&app, &hook, &[("x-webhook-event", RECEIVED)]).await, 401, "none");
        assert_eq!(post(&app, &hook, &[("x-hub-signature-256", &format!("sha256={right}"))]).await, 401);
        assert_eq!((bodies(&app).await.len(), server.sent().len()), (0, 0));
        let upper = right.to_uppercase();
        for signed in [format!("sha256={right}"), right, upper] {
            assert_eq!(post(&app, &hook, &[("x-webhook-signature", &signed)]).await, 200, "{signed}");
        }
        app.settle().await;
        assert_eq!(server.sent().len(), 1);
        app.stop().await;
    }

    async fn what_holds_no_message_is_kept_and_answered_by_nobody(db) {
        let (app, server) = start(db).await;
        let empty = json!({});
        let signed = signature(&empty);
        assert_eq!(post(&app, &empty, &[("x-webhook-signature", &signed)]).await, 400, "no event");
        takes(&app, RECEIVED, &empty).await;
        let batched = json!({"type": RECEIVED, "batch": true});
        takes(&app, RECEIVED, &batched).await;
        let headers = [("x-webhook-signature", signed.as_str()), ("x-webhook-batch", "true")];
        assert_eq!(post(&app, &empty, &headers).await, 200);
        let ended = json!({"conversation": {"id": "conv_1", "status": "ended"}, "phone_number_id": Kapso::NUMBER});
        takes(&app, "whatsapp.conversation.ended", &ended).await;
        takes(&app, "workflow.execution.handoff", &json!({"event": "workflow.execution.handoff"})).await;
        assert_eq!((server.sent().len(), bodies(&app).await.len()), (0, 5));
        let alerts = app.get("/events?alerts=true").await;
        let unread = alerts.as_array().unwrap();
        assert_eq!(unread.iter().filter(|one| one["kind"] == "unreadable_message").count(), 1, "{alerts}");
        app.stop().await;
    }

    async fn a_conflict_is_tried_again_and_a_lost_answer_is_not(db) {
        let (app, server) = start(db).await;
        let busy = Kapso::words("Another message is being sent in this conversation. Please retry.");
        server.fail_next_to(&format!("+{CUSTOMER}"), 1, &Failure::Status(409, busy, None));
        let id = begun(&app).await;
        assert_eq!((server.sent().len(), server.tried().len()), (1, 2));
        assert_eq!((&last(&app).await["state"], cases(&app).await.len()), (&json!("sent"), 0));
        server.fail_next_to(&format!("+{CUSTOMER}"), 1, &Failure::Status(504, Kapso::words("Kapso proxy timeout"), None));
        sends(&app, &id, "As I said.").await;
        until("it is unknown", async || last(&app).await["state"] == "unknown").await;
        assert_eq!((server.sent().len(), server.tried().len()), (1, 3), "it may have gone out");
        // It has: Kapso's webhook says so, with our reference.
        let mut lost = server.tried().pop().unwrap();
        "wamid.LOST".clone_into(&mut lost.id);
        let mut hook = status(&lost, "sent");
        hook["message"]["kapso"]["statuses"][0]["biz_opaque_callback_data"] = lost.reference.clone().into();
        takes(&app, SENT, &hook).await;
        let settled = last(&app).await;
        assert_eq!((&settled["state"], &settled["provider_id"]), (&json!("sent"), &json!("wamid.LOST")));
        assert_eq!(app.thread(CUSTOMER).await.len(), 3, "nothing is there twice");
        app.stop().await;
    }

    async fn a_failed_message_is_a_case_and_a_wrong_key_stops_the_number(db) {
        let (app, server) = start(db).await;
        begun(&app).await;
        let own = server.sent().remove(0);
        let mut hook = status(&own, "failed");
        hook["message"]["kapso"]["statuses"][0]["errors"] = json!([{"code": 131_026, "title": "Undeliverable"}]);
        takes(&app, "whatsapp.message.failed", &hook).await;
        assert_eq!((&last(&app).await["state"], cases(&app).await.len()), (&json!("failed"), 1));
        let quoting = Kapso::words(&format!("{} is no key", Kapso::KEY));
        // Only the message: that it is read and typing is shown goes to nobody by name.
        server.fail_next_to(&format!("+{CUSTOMER}"), 1, &Failure::Status(401, quoting, None));
        let hook = text(CUSTOMER, "wamid.F2", "And on Sunday?");
        let signed = signature(&hook);
        assert_eq!(post(&app, &hook, &[("x-webhook-signature", &signed)]).await, 200);
        until("it stops", async || {
            let numbers = app.get("/numbers").await;
            let number = numbers.as_array().unwrap().iter().find(|one| one["slug"] == "kapso").unwrap();
            assert!(!number.to_string().contains(Kapso::KEY), "{number}");
            number["state"] == "stopped"
        }).await;
        // Its queue waits for a key that works.
        app.stop_and_keep().await;
    }

    async fn pictures_come_in_and_go_out(db) {
        let (app, server) = start(db).await;
        let id = begun(&app).await;
        server.put_media("88", PNG, "image/png");
        let kapso_file = json!({"direction": "inbound", "has_media": true, "media_url": "https://elsewhere.example/88",
            "media_data": {"url": "https://elsewhere.example/88", "content_type": "image/png", "filename": "lamp.png"}});
        let picture = json!({"type": "image", "image": {"id": "88", "caption": "This one"}, "kapso": kapso_file});
        takes(&app, RECEIVED, &from_customer(CUSTOMER, "wamid.P1", &picture)).await;
        let shown = by_id(&app, "wamid.P1").await;
        until("it is fetched", async || bytes_of(&app, &shown).await == (200, PNG.to_vec())).await;
        assert_eq!(server.media_requests(), ["where 88", "file 88"], "from Kapso, with the key");
        // Without an id the address counts, which has to be Kapso's.
        let far = json!({"type": "image", "kapso": kapso_file});
        takes(&app, RECEIVED, &from_customer(CUSTOMER, "wamid.P2", &far)).await;
        until("it is given up", async || by_id(&app, "wamid.P2").await["media"]["state"] == "refused").await;

        let part = Part::bytes(PNG.to_vec()).file_name("shop.png");
        let form = Form::new().part("file", part).text("text", "Our shop");
        let url = format!("{}/api/v1/conversations/{id}/messages", app.url);
        let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", "k1");
        assert_eq!(request.multipart(form).send().await.unwrap().status(), 201);
        until("it left", async || last(&app).await["state"] == "sent").await;
        let sent = server.sent().pop().unwrap();
        let file = sent.file.unwrap();
        assert_eq!((sent.text.as_str(), file.kind.as_str(), &file.upload.bytes[..]), ("Our shop", "image", PNG));
        app.stop().await;
    }

    async fn kapso_s_transcript_is_what_a_voice_note_says(db) {
        let (app, server) = start(db).await;
        let kapso = json!({"direction": "inbound", "has_media": true, "transcript": {"text": "When do you open?"},
            "media_data": {"content_type": "audio/ogg", "filename": "voice.ogg"}});
        let note = json!({"type": "audio", "audio": {"id": "89"}, "kapso": kapso});
        takes(&app, RECEIVED, &from_customer(CUSTOMER, "wamid.V1", &note)).await;
        let heard = by_id(&app, "wamid.V1").await;
        assert_eq!((&heard["kind"], &heard["transcript"]), (&json!("voice"), &json!("When do you open?")), "{heard}");
        assert!(got(&server)[0].contains("We open at nine."));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_asks_kapso_and_proposes_the_secret() {
    let key = "1".repeat(64);
    let server = Kapso::start().await;
    let setup = Setup::on(Db::Sqlite).extractive().with(&format!("[secrets]\nkey = \"{key}\""));
    let app = setup.with("[providers]\nallow_base_url = true").start().await;
    let (status, draft) = app.call("/numbers/draft", &json!({"provider": "kapso"})).await;
    assert_eq!((status.as_u16(), &draft["verify_token"]), (200, &Value::Null));
    assert!(draft["webhook_secret"].as_str().is_some_and(|secret| secret.len() >= 16), "{draft}");
    assert!(draft["callback_url"].as_str().unwrap().ends_with("/webhooks/kapso"));
    let check = async |number: &str, key: &str| {
        let fields =
            json!({"fields": {"phone_number_id": number, "api_key": key, "base_url": server.url}});
        app.call("/providers/kapso/check", &fields).await.1
    };
    let found = check(Kapso::NUMBER, Kapso::KEY).await;
    assert_eq!(
        (&found["found"], &found["display"], &found["verified_name"]),
        (&json!(true), &json!("+1 555-078-3881"), &json!("Fake Business")),
        "{found}"
    );
    assert!(!found.to_string().contains(Kapso::KEY), "{found}");
    let wrong = check("404000000000000", Kapso::KEY).await;
    assert_eq!(wrong["fields"]["phone_number_id"]["ok"], false, "{wrong}");
    let wrong = check(Kapso::NUMBER, "another-key-of-kapso").await;
    assert_eq!(wrong["fields"]["api_key"]["ok"], false, "{wrong}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_come_through_the_proxy() {
    let (app, server) = start(Db::Sqlite).await;
    let body = json!({"type": "BODY", "text": "Hello {{1}}"});
    let template = json!({"id": "1", "name": "come_back", "language": "en_US", "status": "APPROVED",
        "category": "UTILITY", "components": [body]});
    server.set_templates(Kapso::ACCOUNT, &json!([template]));
    let numbers = app.get("/numbers").await;
    let number = numbers.as_array().unwrap().iter().find(|one| one["slug"] == "kapso").unwrap();
    let path = format!("/numbers/{}/templates/sync", number["id"].as_str().unwrap());
    let (status, read) = app.call(&path, &json!({})).await;
    assert_eq!(
        (status.as_u16(), &read["templates"][0]["name"]),
        (200, &json!("come_back")),
        "{read}"
    );
    app.stop().await;
}
