//! The link of a number to its phone: made, paired, watched and ended by the desk, over a fake Evolution
//! server.

use serde_json::{Value, json};

use crate::delivery::{owner, until};
use crate::support::app::{Db, Setup, TestApp, on_both};
use crate::support::evolution::{Evolution, message, text, webhook};
use crate::support::fake::Failure;
use crate::support::process::{run, says as prints};

const CUSTOMER: &str = "447700970401";

/// A desk with a number of an Evolution server, which it asks often. Returns the number's path.
async fn start(db: Db, more: &str) -> (TestApp, Evolution, String) {
    let server = Evolution::start().await;
    let settings = format!("[worker]\npoll_ms = 100\n{}{more}", server.number());
    let app = Setup::on(db).with(&settings).start().await;
    app.model.answer_with(|_| "We open at nine.".to_owned());
    let path = path_of(&app, "linked").await;
    (app, server, path)
}

async fn path_of(app: &TestApp, slug: &str) -> String {
    let numbers = app.get("/numbers").await;
    let number = numbers.as_array().unwrap().iter().find(|one| one["slug"] == slug).unwrap();
    format!("/numbers/{}", number["id"].as_str().unwrap())
}

async fn does(app: &TestApp, path: &str, what: &str, body: &Value) -> Value {
    let (status, answer) = app.call(&format!("{path}/{what}"), body).await;
    assert_eq!(status, 200, "{what}: {answer}");
    answer
}

async fn connection(app: &TestApp, path: &str) -> Value {
    app.get(path).await["connection"].clone()
}

/// Waits until the number stands so.
async fn stands(app: &TestApp, path: &str, state: &str, reason: Option<&str>) {
    let wanted = (json!(state), json!(reason));
    let what = format!("{state} {reason:?}");
    until(&what, async || {
        let found = connection(app, path).await;
        (found["state"].clone(), found["reason"].clone()) == wanted
    })
    .await;
}

async fn deliver(app: &TestApp, body: Vec<u8>) {
    let request = app.http.post(format!("{}/webhooks/evolution", app.url)).body(body);
    let request = request.header("authorization", format!("Bearer {}", Evolution::SECRET));
    assert_eq!(request.send().await.unwrap().status(), 200);
    app.settle().await;
}

/// The codes of the alerts, newest first.
async fn alerts(app: &TestApp) -> Vec<String> {
    let events = app.get("/events?alerts=true").await;
    let codes = events.as_array().unwrap().iter().map(|event| &event["code"]);
    codes.map(|code| code.as_str().unwrap().to_owned()).collect()
}

async fn audited(app: &TestApp, action: &str) -> usize {
    let entries = app.get("/audit?limit=200").await;
    let entries = entries["items"].as_array().unwrap();
    entries.iter().filter(|entry| entry["action"] == action).count()
}

on_both! {
    async fn a_number_is_made_paired_answers_and_is_logged_out_and_deleted(db) {
        let (app, server, path) = start(db, "call_message = \"Please write to us.\"\n").await;
        server.change(|instance| (instance.exists, instance.state) = (false, "close"));
        let begun = does(&app, &path, "connect", &json!({})).await;
        assert_eq!((&begun["state"], &begun["code"]), (&json!("pairing"), &Value::Null), "{begun}");
        let first = begun["qr"].as_str().unwrap().to_owned();
        assert!(first.contains("<svg") && !first.contains("2@qr"), "a picture: {first}");
        let made = server.instance();
        let slug_url = format!("{}/webhooks/evolution/linked", "https://desk.example.com");
        assert_eq!(made.webhook["url"], slug_url);
        assert_eq!(made.webhook["headers"]["authorization"], format!("Bearer {}", Evolution::SECRET));
        assert_eq!((&made.webhook["byEvents"], made.webhook["events"].as_array().unwrap().len()), (&json!(false), 11));
        let settings = (&made.settings["rejectCall"], &made.settings["msgCall"], &made.settings["alwaysOnline"]);
        assert_eq!(settings, (&json!(true), &json!("Please write to us."), &json!(true)), "others stay");
        server.change(|instance| instance.codes += 1);
        let next = does(&app, &path, "pairing", &json!({})).await;
        assert!(next["qr"].as_str().unwrap() != first, "a new code");
        assert_eq!(connection(&app, &path).await["state"], "pairing");
        server.set_connected(true);
        let done = does(&app, &path, "pairing", &json!({})).await;
        assert_eq!((&done["state"], &done["qr"]), (&json!("ready"), &Value::Null));
        deliver(&app, text(CUSTOMER, "3EB0L1", "When do you open?")).await;
        assert_eq!(server.sent().len(), 1);
        let refused = message(&format!("{CUSTOMER}@s.whatsapp.net"), true, "3A0001", &json!({"conversation": "Please write to us."}));
        deliver(&app, webhook("messages.upsert", &refused)).await;
        assert_eq!(owner(&app, CUSTOMER).await, "bot", "the server told a caller so, nobody took over");
        let gone = does(&app, &path, "logout", &json!({})).await;
        assert_eq!((&gone["connection"]["reason"], &gone["state"]), (&json!("logged_out"), &json!("at_risk")), "{gone}");
        assert!(gone["connection"]["todo"].as_str().unwrap().contains("scan the QR code"));
        let again = does(&app, &path, "connect", &json!({"phone": "+44 7700 900123"})).await;
        assert_eq!(again["code"], "WZYEH1Y1");
        assert_eq!(server.instance().phone.as_deref(), Some("447700900123"));
        let gone = does(&app, &path, "logout", &json!({"delete": true})).await;
        assert_eq!(gone["connection"]["reason"], "instance_removed");
        assert!(!server.instance().exists);
        let counts = [audited(&app, "number.connected").await, audited(&app, "number.logged_out").await];
        assert_eq!(counts, [2, 2]);
        app.stop().await;
    }

    async fn a_number_that_falls_off_is_noticed_without_a_webhook_and_sends_when_it_is_back(db) {
        let (app, server, path) = start(db, "").await;
        stands(&app, &path, "ready", None).await;
        server.change(|instance| (instance.state, instance.reason) = ("close", Some(403)));
        stands(&app, &path, "stopped", Some("blocked")).await;
        assert_eq!(alerts(&app).await, ["number_disconnected"]);
        let number = app.get(&path).await;
        assert_eq!((&number["state"], number["warnings"].as_array().unwrap().len()), (&json!("at_risk"), 1));
        deliver_waiting(&app).await;
        assert!(server.sent().is_empty());
        server.change(|instance| (instance.state, instance.reason) = ("open", None));
        stands(&app, &path, "ready", None).await;
        assert_eq!(app.get(&path).await["state"], "ready", "the warning is over");
        until("what waited is sent", async || server.sent().len() == 1).await;
        app.stop().await;
    }

    async fn what_was_written_while_no_webhook_came_is_answered_once_when_the_number_is_back(db) {
        let (app, server, path) = start(db, "").await;
        stands(&app, &path, "ready", None).await;
        let known = text_of(CUSTOMER, "3EB0K1", "When do you open?");
        deliver(&app, webhook("messages.upsert", &known)).await;
        server.store(&old(&text_of(CUSTOMER, "3EB0OLD", "From last week")));
        server.store(&known);
        server.change(|instance| (instance.state, instance.reason) = ("close", Some(428)));
        stands(&app, &path, "stopped", Some("ended")).await;
        // More than a page of the server's list.
        let others: Vec<_> = (0..70).map(|n| format!("4477009800{n:02}")).collect();
        for (n, other) in others.iter().enumerate() {
            server.store(&text_of(other, &format!("3EB0M{n}"), "When do you open?"));
        }
        server.store(&message(&format!("{CUSTOMER}@s.whatsapp.net"), true, "3A0099", &json!({"conversation": "I am on it"})));
        let helped = "447700970402";
        let gone = "447700970405";
        server.store(&text_of(gone, "3EB0G1", "STOP"));
        server.store(&message(&format!("{gone}@s.whatsapp.net"), true, "3A0101", &json!({"conversation": "As you wish"})));
        server.store(&text_of(helped, "3EB0S1", "When do you open?"));
        server.store(&message(&format!("{helped}@s.whatsapp.net"), true, "3A0100", &json!({"conversation": "At nine"})));
        server.change(|instance| (instance.state, instance.reason) = ("open", None));
        stands(&app, &path, "ready", None).await;
        until("all are answered", async || server.sent().len() > others.len()).await;
        app.settle().await;
        let mut to: Vec<_> = server.sent().into_iter().map(|sent| sent.number).collect();
        to.sort();
        let mut wanted = others.clone();
        wanted.push(CUSTOMER.to_owned());
        wanted.sort();
        assert_eq!(to, wanted, "each once, and nothing old");
        let texts: Vec<_> = app.thread(helped).await.iter().map(|one| one["text"].clone()).collect();
        assert_eq!(texts, ["When do you open?", "At nine"], "what a colleague answered on the phone is not answered");
        assert_eq!(owner(&app, helped).await, "person");
        let opted_out = app.conversation_with(gone).await["opted_out"].clone();
        assert_eq!(opted_out, true, "a STOP counts whoever wrote after it");
        until("a colleague wrote on the phone", async || owner(&app, CUSTOMER).await == "person").await;
        app.stop().await;
    }

    async fn what_was_written_while_the_desk_was_down_is_answered_though_a_webhook_came_first(db) {
        let (app, server, path) = start(db, "").await;
        until("all is known to have come in", async || {
            let rows = app.desk.store.number_connections().await.unwrap();
            rows.iter().any(|row| row.complete_until.is_some() && row.linked_at.is_some())
        })
        .await;
        let app = app.restart(|| server.store(&text_of(CUSTOMER, "3EB0R1", "When do you open?"))).await;
        let other = "447700970403";
        deliver(&app, text(other, "3EB0R2", "When do you open?")).await;
        until("both are answered", async || server.sent().len() == 2).await;
        let mut to: Vec<_> = server.sent().into_iter().map(|sent| sent.number).collect();
        to.sort();
        assert_eq!(to, [CUSTOMER, other]);
        assert_eq!(connection(&app, &path).await["state"], "ready");
        app.stop().await;
    }

    async fn a_list_that_is_none_leaves_the_gap_for_later(db) {
        let (app, server, path) = start(db, "").await;
        stands(&app, &path, "ready", None).await;
        server.change(|instance| (instance.state, instance.reason) = ("close", Some(428)));
        stands(&app, &path, "stopped", Some("ended")).await;
        server.store(&text_of(CUSTOMER, "3EB0H1", "When do you open?"));
        server.fail_list(&Failure::Status(200, json!("<html>Bad gateway</html>"), None));
        server.change(|instance| (instance.state, instance.reason) = ("open", None));
        until("it is read again", async || server.sent().len() == 1).await;
        app.stop().await;
    }

    async fn a_server_that_is_gone_is_told_of_once_and_comes_back(db) {
        let (app, server, path) = start(db, "").await;
        stands(&app, &path, "ready", None).await;
        server.fail_instance(100, &Failure::Drop);
        stands(&app, &path, "offline", Some("unreachable")).await;
        let since = connection(&app, &path).await["since"].clone();
        let asked = server.instance().asked;
        server.forget_instance_failures();
        stands(&app, &path, "ready", None).await;
        assert!(server.instance().asked > asked && since.is_i64());
        assert_eq!(alerts(&app).await, ["server_unreachable"], "one alert for all failures");
        app.stop().await;
    }

    async fn one_loss_has_one_alert_and_no_code_is_stored(db) {
        let (app, server, path) = start(db, "").await;
        stands(&app, &path, "ready", None).await;
        server.change(|instance| (instance.state, instance.reason) = ("close", Some(401)));
        deliver(&app, webhook("connection.update", &json!({"instance": "shop1", "state": "close", "statusReason": 401}))).await;
        deliver(&app, webhook("logout.instance", &Value::Null)).await;
        deliver(&app, webhook("status.instance", &json!({"instance": "shop1", "status": "closed"}))).await;
        assert_eq!(alerts(&app).await, ["number_disconnected"]);
        let since = connection(&app, &path).await;
        assert_eq!((&since["state"], &since["reason"]), (&json!("stopped"), &json!("logged_out")));
        let code = json!({"qrcode": {"instance": "shop1", "pairingCode": "WZYEH1YY", "code": "2@secret-code", "base64": "data:image/png;base64,iVBORw0KGgo="}});
        server.change(|instance| instance.state = "connecting");
        deliver(&app, webhook("qrcode.updated", &code)).await;
        assert_eq!(connection(&app, &path).await["state"], "pairing");
        let bodies = app.desk.store.webhooks_after(&(0, String::new()), 100).await.unwrap();
        let events = app.get("/events").await.to_string();
        for body in bodies.iter().map(|row| String::from_utf8_lossy(&row.body).into_owned()).chain([events]) {
            assert!(!body.contains("2@secret-code") && !body.contains("WZYEH1YY"), "{body}");
        }
        app.stop().await;
    }

    async fn what_cannot_be_linked_is_refused_with_what_to_do(db) {
        let (app, server, path) = start(db, "").await;
        let main = path_of(&app, "main").await;
        assert_eq!(app.get(&main).await["connection"], Value::Null);
        for what in ["connect", "pairing", "restart", "logout"] {
            let (status, body) = app.call(&format!("{main}/{what}"), &json!({})).await;
            assert_eq!(status, 409, "{what} {body}");
        }
        let (status, body) = app.call(&format!("{path}/connect"), &json!({"phone": "my phone"})).await;
        assert_eq!(status, 422, "{body}");
        server.change(|instance| (instance.exists, instance.state) = (false, "close"));
        let refusal = Evolution::error(401, "Unauthorized", json!("Unauthorized"));
        // The state is asked, then the instance is made.
        server.fail_create(&Failure::Status(401, refusal, None));
        let (status, body) = app.call(&format!("{path}/connect"), &json!({})).await;
        let said = body["detail"].as_str().unwrap();
        assert!(status == 502 && said.contains("global key") && !said.contains(Evolution::KEY), "{status} {said}");
        let (status, body) = app.call(&format!("{path}/restart"), &json!({})).await;
        assert_eq!(status, 502, "{body}");
        server.change(|instance| (instance.exists, instance.state) = (true, "close"));
        let (status, body) = app.call(&format!("{path}/restart"), &json!({})).await;
        assert!(status == 502 && body["detail"].as_str().unwrap().contains("nothing to restart"), "{body}");
        app.stop().await;
    }
}

/// A customer's text as the server stores it.
fn text_of(from: &str, id: &str, words: &str) -> Value {
    message(&format!("{from}@s.whatsapp.net"), false, id, &json!({"conversation": words}))
}

/// The same message, a week ago.
fn old(message: &Value) -> Value {
    let mut message = message.clone();
    message["messageTimestamp"] =
        (message["messageTimestamp"].as_i64().unwrap() - 7 * 86_400).into();
    message
}

/// A customer writes, and the answer waits.
async fn deliver_waiting(app: &TestApp) {
    let request = app.http.post(format!("{}/webhooks/evolution", app.url));
    let request = request.header("authorization", format!("Bearer {}", Evolution::SECRET));
    let body = text(CUSTOMER, "3EB0W1", "When do you open?");
    assert_eq!(request.body(body).send().await.unwrap().status(), 200);
    until("it waits", async || {
        let thread = app.thread(CUSTOMER).await;
        thread.last().is_some_and(|last| last["direction"] == "out" && last["state"] == "queued")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_links_a_number_in_the_terminal() {
    let (app, server, path) = start(Db::Sqlite, "").await;
    let home = app.home.path();
    let settings = Setup::on(Db::Sqlite).settings(home, "", &app.whatsapp, &app.model);
    std::fs::write(home.join("desk.toml"), format!("{settings}{}", server.number())).unwrap();
    let number = async |args: &[&str]| {
        let all: Vec<_> =
            ["number"].iter().chain(args).chain(&["--config", "desk.toml"]).copied().collect();
        run(home, &all, &[]).await
    };
    server.change(|instance| (instance.exists, instance.state) = (false, "close"));
    let scan = async {
        until("a code is shown", async || connection(&app, &path).await["state"] == "pairing")
            .await;
        server.set_connected(true);
    };
    let (linked, ()) =
        tokio::join!(number(&["connect", "linked", "--phone", "+447700900123"]), scan);
    prints(
        &linked,
        true,
        &["webhooks/evolution/linked", "WZYEH1Y1", "██", "is linked to WhatsApp"],
    );
    prints(&number(&["status", "linked"]).await, true, &["link: ready since"]);
    prints(&number(&["restart", "linked"]).await, true, &["starts anew"]);
    server.set_connected(true);
    prints(&number(&["logout", "linked", "--delete"]).await, true, &["instance is deleted"]);
    prints(&number(&["connect", "main"]).await, false, &["not linked to a phone"]);
    assert_eq!(connection(&app, &path).await["reason"], "instance_removed");
    app.stop().await;
}
