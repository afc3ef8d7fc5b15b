//! Numbers added in the console: they work at once, in every process, until they are removed; and
//! nobody sees their secrets.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use frontdesk::domain::MessageState;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::delivery::until;
use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both, write_home_files};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{sign, text_webhook};
use crate::support::openai::OpenAi;
use crate::support::postgres::Postgres;
use crate::support::process::Process;

/// Phone number id of the added number.
const ADDED: &str = "303030303030303";
/// Two different keys for secrets.
const ONE_KEY: &str = "11111111111111111111111111111111111111111111111111111111111111aa";
const OTHER_KEY: &str = "22222222222222222222222222222222222222222222222222222222222222bb";
const CUSTOMER: &str = "447700960001";
const VERIFY: &str = "verify-token-of-the-console-1";
/// Time limit for another process to follow.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Starts a desk whose numbers may call the fake Graph API.
async fn desk(db: Db) -> TestApp {
    let setup = Setup::on(db).extractive().with("[providers]\nallow_base_url = true");
    setup.with(&format!("[secrets]\nkey = \"{ONE_KEY}\"")).start().await
}

fn fields(graph: &str) -> Value {
    json!({"phone_number_id": ADDED, "access_token": Graph::TOKEN, "app_secret": Graph::APP_SECRET,
        "verify_token": VERIFY, "base_url": graph})
}

fn number(graph: &str) -> Value {
    json!({"slug": "desk", "provider": "meta", "agent": "acme", "fields": fields(graph)})
}

/// Sends any request to the API and returns the status and the body.
async fn ask(url: &str, (method, path): (&str, &str), body: Option<&Value>) -> (StatusCode, Value) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let http = reqwest::Client::new();
    let mut request = http.request(method, format!("{url}/api/v1{path}")).bearer_auth(KEY);
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap_or_default())
}

/// Delivers a customer's message, signed with the app secret of the added number. Returns the
/// status.
async fn write(url: &str, path: &str, (id, text): (&str, &str)) -> StatusCode {
    let body = text_webhook(ADDED, CUSTOMER, id, text);
    let signature = sign(Graph::APP_SECRET, &body);
    let request = reqwest::Client::new().post(format!("{url}{path}"));
    let request = request.header("x-hub-signature-256", signature).body(body);
    request.send().await.unwrap().status()
}

async fn shake(url: &str, token: &str) -> (StatusCode, String) {
    let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=4711");
    let response = reqwest::get(format!("{url}/webhooks/meta?{query}")).await.unwrap();
    (response.status(), response.text().await.unwrap())
}

fn detail(answer: &Value) -> &str {
    answer["detail"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

/// Returns the number with this name.
fn named<'a>(numbers: &'a Value, slug: &str) -> &'a Value {
    let found = numbers.as_array().unwrap().iter().find(|one| one["slug"] == slug);
    found.unwrap_or_else(|| panic!("no {slug} in {numbers}"))
}

on_both! {
    async fn a_number_works_from_when_it_is_added_until_it_is_removed(db) {
        let app = desk(db).await;
        let (status, draft) = app.call("/numbers/draft", &json!({"provider": "meta"})).await;
        assert_eq!((status, &draft["callback_url"]), (StatusCode::OK, &json!("https://desk.example.com/webhooks/meta")));
        let path = format!("/numbers/{}/handshake", draft["id"].as_str().unwrap());
        assert_eq!(app.get(&path).await["verified_at"], Value::Null);
        assert_eq!(shake(&app.url, "a-guess").await.0, StatusCode::FORBIDDEN);
        let token = draft["verify_token"].as_str().unwrap();
        assert_eq!(shake(&app.url, token).await, (StatusCode::OK, "4711".into()), "before the number is there");
        assert!(app.get(&path).await["verified_at"].is_i64());

        assert_eq!(write(&app.url, "/webhooks/meta/desk", ("wamid.0", "hi")).await, StatusCode::NOT_FOUND);
        let mut wanted = number(&app.whatsapp.url);
        wanted["fields"]["verify_token"] = token.into();
        let (status, added) = app.call("/numbers", &wanted).await;
        assert_eq!(status, StatusCode::CREATED, "{added}");
        assert_eq!((&added["from"], &added["state"], &added["agent"]), (&json!("console"), &json!("ready"), &json!("acme")));
        assert_eq!((&added["display"], &added["verified_name"]), (&json!("+1 555-078-3881"), &json!("Fake Business")));
        assert!(added["verified_at"].is_i64(), "the draft's handshake is the number's");
        assert_eq!((&added["fields"]["app_secret"], &added["fields"]["access_token"]), (&json!("••••cdef"), &json!("••••")));
        assert_eq!(shake(&app.url, token).await.0, StatusCode::OK);

        let id = added["id"].as_str().unwrap();
        assert_eq!(write(&app.url, "/webhooks/meta", ("wamid.1", "When do you close on Saturday?")).await, StatusCode::OK);
        app.settle().await;
        let sent = app.whatsapp.sent();
        assert!(!sent.is_empty() && sent.iter().all(|one| one.number == ADDED), "{sent:?}");
        assert!(sent.iter().any(|one| one.text.contains("13:00")), "{sent:?}");
        let numbers = app.get("/numbers").await;
        for moment in ["last_inbound_at", "last_sent_at", "last_webhook_at"] {
            assert!(named(&numbers, "desk")[moment].is_i64(), "{moment}: {numbers}");
        }
        assert_eq!(named(&numbers, "main")["from"], "file");
        assert_eq!(named(&numbers, "main")["fields"], json!({}));

        let (status, changed) = ask(&app.url, ("PATCH", &format!("/numbers/{id}")), Some(&json!({"agent": "bolt"}))).await;
        assert_eq!((status, &changed["agent"]), (StatusCode::OK, &json!("bolt")), "{changed}");
        let before = sent.len();
        assert_eq!(write(&app.url, "/webhooks/meta/desk", ("wamid.2", "Is the gym open at night?")).await, StatusCode::OK);
        app.settle().await;
        let later = app.whatsapp.sent_after(before);
        assert!(later.iter().any(|one| one.text.contains("day and night")), "{later:?}");

        assert_eq!(ask(&app.url, ("DELETE", &format!("/numbers/{id}")), None).await.0, StatusCode::NO_CONTENT);
        assert_eq!(write(&app.url, "/webhooks/meta/desk", ("wamid.3", "hello?")).await, StatusCode::NOT_FOUND);
        assert_eq!(shake(&app.url, token).await.0, StatusCode::OK, "the draft's token goes on for its day");
        let numbers = app.get("/numbers").await;
        assert!(numbers.as_array().unwrap().iter().all(|one| one["slug"] != "desk"), "{numbers}");
        assert!(app.thread(CUSTOMER).await.len() >= 4, "what was said can be read");
        let (status, again) = app.call("/numbers", &number(&app.whatsapp.url)).await;
        assert_eq!((status, &again["id"]), (StatusCode::CREATED, &added["id"]), "its conversations go on");
        assert!(again["last_webhook_at"].is_null(), "it was not called with its new secrets yet: {again}");
        let log = app.get("/audit?outcome=done&subject=desk").await;
        let done: Vec<_> = log["items"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
        assert_eq!(done, ["number.added", "number.removed", "number.changed", "number.added"]);
        app.stop().await;
    }

    async fn what_was_still_to_be_said_is_not_said_after_the_number_is_gone(db) {
        let app = desk(db).await;
        let (_, added) = app.call("/numbers", &number(&app.whatsapp.url)).await;
        app.whatsapp.fail_next_to("+447700960001", 50, &Failure::Status(500, Graph::error(2, "later"), None));
        write(&app.url, "/webhooks/meta", ("wamid.1", "When do you close on Saturday?")).await;
        let started = Instant::now();
        while app.whatsapp.tried().is_empty() {
            assert!(started.elapsed() < TIMEOUT);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let path = format!("/numbers/{}", added["id"].as_str().unwrap());
        assert_eq!(ask(&app.url, ("DELETE", &path), None).await.0, StatusCode::NO_CONTENT);
        app.settle().await;
        app.call("/numbers", &number(&app.whatsapp.url)).await;
        app.settle().await;
        assert_eq!(app.whatsapp.sent_count(), 0);
        let thread = app.thread(CUSTOMER).await;
        assert!(thread.iter().filter(|one| one["direction"] == "out").all(|one| one["state"] == "failed"), "{thread:?}");
        app.stop().await;
    }

    async fn what_a_removed_number_did_not_send_has_failed_for_good(db) {
        let app = desk(db).await;
        let (_, added) = app.call("/numbers", &number(&app.whatsapp.url)).await;
        let later = Failure::Status(500, Graph::error(2, "later"), Some(60));
        app.whatsapp.fail_next_to("+447700960001", 1, &later);
        write(&app.url, "/webhooks/meta", ("wamid.1", "When do you close on Saturday?")).await;
        until("it waits to be sent again", async || {
            let tried = !app.whatsapp.tried().is_empty();
            tried && app.thread(CUSTOMER).await.last().is_some_and(|one| one["state"] == "queued")
        })
        .await;
        let waits = "update messages set state = 'waiting' where direction = 'in'";
        assert_eq!(app.change(waits).await, 1);
        let path = format!("/numbers/{}", added["id"].as_str().unwrap());
        assert_eq!(ask(&app.url, ("DELETE", &path), None).await.0, StatusCode::NO_CONTENT);
        let waiting = "update messages set note = note where state = 'waiting'";
        assert_eq!(app.change(waiting).await, 0, "a merge would wake it");
        let failed = "update messages set note = note where state = 'failed'";
        assert_eq!(app.change(failed).await, 1);
        let revivable = format!("{failed} and state_rank < {}", MessageState::Failed.rank());
        assert_eq!(app.change(&revivable).await, 0, "a late status would revive it");
        app.stop().await;
    }

    async fn what_is_taken_or_wrong_is_refused_with_what_to_do(db) {
        let app = desk(db).await;
        let graph = &app.whatsapp.url;
        let with = |path: &str, value: Value| {
            let mut wanted = number(graph);
            *wanted.pointer_mut(path).unwrap() = value;
            wanted
        };
        for (wanted, status, says) in [
            (with("/slug", json!("main")), 409, "name already"),
            (with("/fields/phone_number_id", json!(MAIN)), 409, "connected already"),
            (with("/slug", json!("Über uns")), 422, "small letters"),
            (with("/provider", json!("telegram")), 422, "`meta`, `evolution`, `kapso`, `sandbox`"),
            (with("/agent", json!("nobody")), 404, "agent"),
            (with("/fields/phone_number_id", json!("+44 7700 900123")), 422, "phone number itself"),
            (with("/fields/phone_number_id", json!("404040404040404")), 422, "no number with this id"),
            (with("/fields/access_token", json!("another-token")), 422, "does not know this token"),
            (with("/fields/app_secret", json!("ffffffffffffffffffffffffffffffff")), 422, "App settings"),
            (with("/fields/app_secret", json!("")), 422, "App secret is missing"),
            (with("/fields/base_url", json!("file:///etc")), 422, "address"),
            (with("/fields", json!({"nonsense": "x"})), 422, "nonsense"),
        ] {
            let (got, answer) = app.call("/numbers", &wanted).await;
            assert_eq!(got.as_u16(), status, "{wanted}: {answer}");
            assert!(detail(&answer).contains(says), "{says}: {answer}");
        }
        let (status, answer) = app.call("/numbers/draft", &json!({"provider": "telegram"})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(detail(&answer).contains("`meta`, `evolution`, `kapso`, `sandbox`"), "{answer}");
        assert_eq!(app.call("/numbers", &number(graph)).await.0, StatusCode::CREATED);
        let (status, answer) = app.call("/numbers", &with("/slug", json!("twice"))).await;
        assert_eq!((status, detail(&answer).contains("desk")), (StatusCode::CONFLICT, true), "{answer}");
        let numbers = app.get("/numbers").await;
        let main = format!("/numbers/{}", named(&numbers, "main")["id"].as_str().unwrap());
        for method in ["PATCH", "DELETE"] {
            let body = (method == "PATCH").then(|| json!({"agent": "bolt"}));
            let (status, answer) = ask(&app.url, (method, &main), body.as_ref()).await;
            assert_eq!(status, StatusCode::CONFLICT);
            assert!(detail(&answer).contains("[numbers.main]"), "{answer}");
        }
        let ours = format!("/numbers/{}", named(&numbers, "desk")["id"].as_str().unwrap());
        let other = json!({"fields": {"phone_number_id": "505050505050505"}});
        assert_eq!(ask(&app.url, ("PATCH", &ours), Some(&other)).await.0, StatusCode::CONFLICT);
        let masked = json!({"fields": {"app_secret": "••••cdef", "coexistence": "true"}});
        let (status, changed) = ask(&app.url, ("PATCH", &ours), Some(&masked)).await;
        assert_eq!((status, &changed["fields"]["coexistence"]), (StatusCode::OK, &json!("true")), "{changed}");
        assert_eq!(write(&app.url, "/webhooks/meta/desk", ("wamid.1", "hi")).await, StatusCode::OK, "the secret stayed");
        for path in ["/numbers/num_01J", "/numbers/num_01J/handshake"] {
            assert_eq!(ask(&app.url, ("GET", path), None).await.0, StatusCode::NOT_FOUND);
        }
        app.stop().await;
    }

    async fn a_practice_number_is_added_without_meta_and_fills_the_inbox(db) {
        let app = desk(db).await;
        let (status, draft) = app.call("/numbers/draft", &json!({"provider": "sandbox"})).await;
        assert_eq!((status, &draft["verify_token"]), (StatusCode::OK, &Value::Null), "{draft}");
        assert_eq!(draft["callback_url"], "https://desk.example.com/webhooks/sandbox");
        let fields = json!({"id": "practice", "secret": "a-secret-of-mine"});
        let wanted = json!({"slug": "practice", "provider": "sandbox", "agent": "acme", "fields": fields});
        let (status, added) = app.call("/numbers", &wanted).await;
        assert_eq!((status, &added["state"]), (StatusCode::CREATED, &json!("ready")), "{added}");
        let practises = async |text: &str| {
            let body = json!({"messages": [{"from": CUSTOMER, "text": text}]}).to_string();
            let request = reqwest::Client::new().post(format!("{}/webhooks/sandbox/practice", app.url));
            let signature = sign("a-secret-of-mine", body.as_bytes());
            let request = request.header("x-frontdesk-signature", signature).body(body);
            assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
            app.settle().await;
        };
        practises("STOP").await;
        assert_eq!(app.conversation_with(CUSTOMER).await["opted_out"], false, "it may be a real customer's phone");
        let thread = app.thread(CUSTOMER).await;
        let notes: Vec<_> = thread.iter().map(|one| &one["note_code"]).collect();
        assert_eq!(notes, ["practice_opt_out"], "it is no question either: {thread:?}");
        practises("When do you close on Saturday?").await;
        let thread = app.thread(CUSTOMER).await;
        assert!(thread.iter().any(|one| one["direction"] == "out"), "{thread:?}");
        // The console writes as a customer without knowing how to sign.
        let path = format!("/numbers/{}/test", added["id"].as_str().unwrap());
        let said = json!({"to": "+44 7700 960003", "text": "Do you sell lamps?", "incoming": true});
        let (status, tried) = app.call(&path, &said).await;
        assert_eq!((status, &tried["ok"]), (StatusCode::OK, &json!(true)), "{tried}");
        app.settle().await;
        assert!(app.thread("447700960003").await.len() >= 2);
        let numbers = app.get("/numbers").await;
        let real = named(&numbers, "main")["id"].as_str().unwrap().to_owned();
        let (status, refused) = app.call(&format!("/numbers/{real}/test"), &said).await;
        assert_eq!((status, detail(&refused).contains("practice")), (StatusCode::UNPROCESSABLE_ENTITY, true), "{refused}");
        app.stop().await;
    }

    async fn a_number_of_the_console_has_the_fallback_template(db) {
        let app = desk(db).await;
        let mut wanted = number(&app.whatsapp.url);
        wanted["fields"]["template.name"] = "come_back".into();
        let (status, answer) = app.call("/numbers", &wanted).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert!(detail(&answer).contains("template language"), "{answer}");
        wanted["fields"]["template.language"] = "en_US".into();
        wanted["fields"]["template.with_text"] = "true".into();
        let (status, added) = app.call("/numbers", &wanted).await;
        assert_eq!((status, &added["fields"]["template.name"]), (StatusCode::CREATED, &json!("come_back")), "{added}");
        let number = app.desk.number(added["id"].as_str().unwrap()).unwrap();
        let template = number.sending.template.clone().unwrap();
        assert_eq!((&*template.name, &*template.language, template.with_text), ("come_back", "en_US", true));
        let meta = &app.get("/providers").await[0];
        let steps = meta["steps"].to_string();
        assert!(steps.contains("smb_message_echoes") && steps.contains("subscribed_apps"), "{steps}");
        app.stop().await;
    }

    async fn a_test_message_goes_through_the_provider_and_never_to_who_opted_out(db) {
        let app = desk(db).await;
        let (_, added) = app.call("/numbers", &number(&app.whatsapp.url)).await;
        let path = format!("/numbers/{}/test", added["id"].as_str().unwrap());
        let (status, tried) = app.call(&path, &json!({"to": "+44 7700 960002", "template": true})).await;
        assert_eq!((status, &tried["ok"]), (StatusCode::OK, &json!(true)), "{tried}");
        assert_eq!((&tried["code"], &tried["fault"]), (&json!("accepted"), &Value::Null), "{tried}");
        let sent = app.whatsapp.sent();
        assert_eq!((sent[0].to.as_str(), sent[0].number.as_str()), ("+447700960002", ADDED));
        assert_eq!(sent[0].template.as_ref().unwrap().name, "hello_world");
        let (status, _) = app.call(&path, &json!({"to": "+44 7700 960002"})).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "not as fast as one can click");
        for (to, text) in [("12", "x"), ("not a phone", "x"), ("+447700960002", &*"x".repeat(1001))] {
            let (status, _) = app.call(&path, &json!({"to": to, "text": text})).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{to}");
        }
        assert_eq!(write(&app.url, "/webhooks/meta", ("wamid.1", "STOP")).await, StatusCode::OK);
        app.settle().await;
        app.change("update contacts set opted_out_at = 1").await;
        let before = app.whatsapp.sent_count();
        let (status, answer) = app.call(&path, &json!({"to": CUSTOMER})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{answer}");
        assert_eq!(app.whatsapp.sent_count(), before);
        let log = app.get("/audit?outcome=done").await;
        assert_eq!((&log["items"][0]["action"], &log["items"][0]["detail"]["ok"]), (&json!("number.tried"), &json!(true)));
        assert!(!log.to_string().contains("447700960002"), "{log}");
        app.stop().await;
    }

    async fn a_form_is_judged_field_by_field_and_by_the_provider(db) {
        let app = desk(db).await;
        let providers = app.get("/providers").await;
        let names: Vec<_> = providers.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["meta", "evolution", "kapso", "sandbox"]);
        let meta = &providers[0];
        assert!(meta["steps"].as_array().unwrap().iter().any(|one| one["shows"] == json!(["callback_url", "verify_token"])));
        assert_eq!(meta["fields"][1]["kind"], "secret");
        let check = async |body: Value| app.call("/providers/meta/check", &body).await.1;
        let one = check(json!({"fields": {"phone_number_id": "12"}, "field": "phone_number_id"})).await;
        assert_eq!((&one["fields"]["phone_number_id"]["ok"], &one["asked"]), (&json!(false), &json!(false)));
        assert_eq!(one["fields"].as_object().unwrap().len(), 1);
        let graph = &app.whatsapp.url;
        let good = check(json!({"fields": fields(graph)})).await;
        assert_eq!((&good["asked"], &good["verified_name"]), (&json!(true), &json!("Fake Business")), "{good}");
        assert!(good["fields"].as_object().unwrap().values().all(|one| one["ok"] == true), "{good}");
        for (field, value) in [
            ("phone_number_id", "404040404040404"),
            ("access_token", "another-token"),
            ("app_secret", "ffffffffffffffffffffffffffffffff"),
        ] {
            let mut written = fields(graph);
            written[field] = value.into();
            let judged = check(json!({"fields": written})).await;
            assert_eq!(judged["fields"][field]["ok"], false, "{judged}");
            assert!(!judged.to_string().contains(value), "{judged}");
        }
        let nowhere = check(json!({"fields": fields("http://127.0.0.1:1")})).await;
        assert!(nowhere["message"].as_str().unwrap().contains("could not be reached"), "{nowhere}");
        let (_, added) = app.call("/numbers", &number(graph)).await;
        let kept = check(json!({"fields": {"access_token": "••••"}, "number": added["id"]})).await;
        assert_eq!((&kept["asked"], &kept["verified_name"]), (&json!(true), &json!("Fake Business")), "{kept}");
        let (status, _) = app.call("/providers/telegram/check", &json!({"fields": {}})).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_key_goes_to_no_other_address_than_its_own() {
    let app = desk(Db::Sqlite).await;
    let (_, added) = app.call("/numbers", &number(&app.whatsapp.url)).await;
    let path = format!("/numbers/{}", added["id"].as_str().unwrap());
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = format!("http://{}", other.local_addr().unwrap());
    let moved = json!({"fields": {"base_url": there, "access_token": "••••"}});
    let (status, answer) = ask(&app.url, ("PATCH", &path), Some(&moved)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(detail(&answer).contains("enter the access token again"), "{answer}");
    let check = json!({"fields": moved["fields"], "number": added["id"]});
    let (_, checked) = app.call("/providers/meta/check", &check).await;
    assert_eq!(checked["fields"]["access_token"]["ok"], false, "{checked}");
    let called = tokio::time::timeout(Duration::from_millis(300), other.accept()).await;
    assert!(called.is_err(), "it was called");
    // Whoever knows the secrets may move them, but not to an address of the machine's cloud.
    let (status, answer) =
        ask(&app.url, ("PATCH", &path), Some(&json!({"fields": fields("http://169.254.169.254")})))
            .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        detail(&answer).contains("never connected to")
            && !detail(&answer).contains("allowed_hosts"),
        "{answer}"
    );
    // Nor in two steps. The secrets that only check webhooks stay where they are.
    let none = json!({"fields": {"base_url": ""}});
    assert_eq!(ask(&app.url, ("PATCH", &path), Some(&none)).await.0, StatusCode::OK);
    let (status, _) = ask(&app.url, ("PATCH", &path), Some(&moved)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let graph = Graph::start().await;
    let known = json!({"fields": {"base_url": graph.url, "access_token": Graph::TOKEN}});
    assert_eq!(ask(&app.url, ("PATCH", &path), Some(&known)).await.0, StatusCode::OK);
    app.stop().await;
    let allowed = "[providers]\nallowed_hosts = [\"127.0.0.1\"]";
    let app = Setup::on(Db::Sqlite).extractive().with(allowed).start().await;
    let guard = app.desk.numbers.limits().guard();
    assert!(guard.permits(&"http://127.0.0.1:1/".parse().unwrap()).await.is_ok());
    assert!(guard.permits(&"http://10.0.0.5:1/".parse().unwrap()).await.is_err());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_is_not_called_unless_the_configuration_says_so() {
    let app = Setup::on(Db::Sqlite).extractive().start().await;
    let (status, answer) = app.call("/numbers", &number(&app.whatsapp.url)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(detail(&answer).contains("allow_base_url"), "{answer}");
    let body = json!({"fields": fields("http://169.254.169.254")});
    assert_eq!(app.call("/providers/meta/check", &body).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!app.get("/providers").await.to_string().contains("base_url"));
    let practice = json!({"slug": "practice", "provider": "sandbox", "agent": "acme",
        "fields": {"id": "practice", "insecure": "true"}});
    assert_eq!(app.call("/numbers", &practice).await.0, StatusCode::CREATED);
    let body = json!({"messages": [{"from": CUSTOMER, "text": "When do you close on Saturday?"}]});
    let status = app.post("/webhooks/sandbox/practice", body.to_string().as_bytes(), None).await;
    assert_eq!(status, StatusCode::OK);
    app.settle().await;
    assert!(app.thread(CUSTOMER).await.iter().any(|one| one["state"] == "sent"));
    app.stop().await;
}

/// What outlives a process.
struct Place {
    home: TempDir,
    whatsapp: Graph,
    _model: OpenAi,
    settings: String,
}

impl Place {
    async fn new(db: Db) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_home_files(home.path());
        let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
        let store = db.url().await;
        let settings = Setup::on(db).extractive().settings(home.path(), &store, &whatsapp, &model);
        let settings = format!("[providers]\nallow_base_url = true\n{settings}");
        std::fs::write(home.path().join("desk.toml"), &settings).unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        Self { home, whatsapp, _model: model, settings }
    }

    async fn start(&self, environment: &[(&str, &str)]) -> Process {
        let process = Process::begin_with(self.home.path(), environment);
        process.wait_ready().await;
        process
    }

    async fn answered(&self, by: &Process, id: &str) {
        let before = self.whatsapp.sent_count();
        let asked = ("When do you close on Saturday?", TIMEOUT);
        assert_eq!(write(&by.url, "/webhooks/meta/desk", (id, asked.0)).await, StatusCode::OK);
        assert!(self.whatsapp.wait_sent(before + 1, asked.1).await, "{id} was not answered");
    }
}

/// Returns the content of every file in a folder, by name.
fn files(folder: &Path) -> HashMap<String, Vec<u8>> {
    let mut files = HashMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_file() {
            files.insert(path.display().to_string(), std::fs::read(path).unwrap());
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_survive_restarts_and_nobody_sees_them() {
    let place = Place::new(Db::Sqlite).await;
    let loud = [("FRONTDESK__LOG__LEVEL", "trace")];
    let first = place.start(&loud).await;
    let (status, added) =
        ask(&first.url, ("POST", "/numbers"), Some(&number(&place.whatsapp.url))).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
    place.answered(&first, "wamid.1").await;
    first.kill().await;
    let second = place.start(&loud).await;
    place.answered(&second, "wamid.2").await;
    let path = format!("/numbers/{}", added["id"].as_str().unwrap());
    let mut seen = String::new();
    for path in ["/numbers", &path, "/audit", "/events", "/providers", "/conversations"] {
        seen.push_str(&ask(&second.url, ("GET", path), None).await.1.to_string());
    }
    let body = json!({"fields": {}, "number": added["id"]});
    seen.push_str(
        &ask(&second.url, ("POST", "/providers/meta/check"), Some(&body)).await.1.to_string(),
    );
    let test = json!({"to": "+447700960009"});
    seen.push_str(
        &ask(&second.url, ("POST", &format!("{path}/test")), Some(&test)).await.1.to_string(),
    );
    let mut places = files(place.home.path());
    let key = places.keys().find(|name| name.ends_with("secrets.key")).unwrap().clone();
    let key = String::from_utf8(places.remove(&key).unwrap()).unwrap();
    places.insert("the API".into(), seen.into_bytes());
    // The settings file holds the configured numbers, which use the same token.
    places.retain(|name, _| !name.ends_with("desk.toml"));
    assert!(places.keys().any(|name| name.ends_with("desk.log")));
    assert!(places.keys().any(|name| name.ends_with("desk.db")));
    for (name, bytes) in &places {
        for secret in [Graph::TOKEN, Graph::APP_SECRET, VERIFY, &key] {
            let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
            let around = found.map(|at| {
                let from = at.saturating_sub(150);
                String::from_utf8_lossy(&bytes[from..(at + 20).min(bytes.len())]).into_owned()
            });
            assert_eq!(around, None, "{secret} is in {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_stops_the_number_alone_and_says_why() {
    let place = Place::new(Db::Sqlite).await;
    let first = place.start(&[("FRONTDESK__SECRETS__KEY", ONE_KEY)]).await;
    let (_, added) =
        ask(&first.url, ("POST", "/numbers"), Some(&number(&place.whatsapp.url))).await;
    first.kill().await;
    let second = place.start(&[("FRONTDESK__SECRETS__KEY", OTHER_KEY)]).await;
    let (_, numbers) = ask(&second.url, ("GET", "/numbers"), None).await;
    let stopped = named(&numbers, "desk");
    assert_eq!(stopped["state"], "stopped", "{stopped}");
    assert!(stopped["state_reason"].as_str().unwrap().contains("another key"), "{stopped}");
    assert_eq!(named(&numbers, "main")["state"], "ready");
    assert_eq!(
        write(&second.url, "/webhooks/meta/desk", ("wamid.1", "hi")).await,
        StatusCode::SERVICE_UNAVAILABLE,
        "its provider sends again"
    );
    let path = format!("/numbers/{}", added["id"].as_str().unwrap());
    let part = json!({"fields": {"access_token": Graph::TOKEN}});
    let (status, answer) = ask(&second.url, ("PATCH", &path), Some(&part)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    let whole = json!({"fields": fields(&place.whatsapp.url)});
    let (status, mended) = ask(&second.url, ("PATCH", &path), Some(&whole)).await;
    assert_eq!((status, &mended["state"]), (StatusCode::OK, &json!("ready")), "{mended}");
    place.answered(&second, "wamid.2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_the_file_goes_first_and_the_other_says_so() {
    let place = Place::new(Db::Sqlite).await;
    let first = place.start(&[]).await;
    ask(&first.url, ("POST", "/numbers"), Some(&number(&place.whatsapp.url))).await;
    place.answered(&first, "wamid.1").await;
    first.kill().await;
    let file = "[numbers.desk]\nprovider = \"sandbox\"\nagent = \"bolt\"\ninsecure = true\n";
    std::fs::write(place.home.path().join("desk.toml"), format!("{}{file}", place.settings))
        .unwrap();
    let second = place.start(&[]).await;
    let (_, numbers) = ask(&second.url, ("GET", "/numbers"), None).await;
    let (from, both): (Vec<_>, Vec<_>) = numbers
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["slug"] == "desk")
        .partition(|one| one["from"] == "file");
    assert_eq!((from.len(), both.len()), (1, 1), "{numbers}");
    assert_eq!((&from[0]["state"], &from[0]["provider"]), (&json!("ready"), &json!("sandbox")));
    assert_eq!(both[0]["state"], "stopped");
    assert!(both[0]["state_reason"].as_str().unwrap().contains("[numbers.desk]"), "{numbers}");
    assert_eq!(both[0]["state_code"], json!({"kind": "same_name", "slug": "desk"}));
    second.kill().await;
    std::fs::write(place.home.path().join("desk.toml"), &place.settings).unwrap();
    let third = place.start(&[]).await;
    place.answered(&third, "wamid.2").await;
    let (_, numbers) = ask(&third.url, ("GET", "/numbers"), None).await;
    assert_eq!(named(&numbers, "desk")["state"], "ready", "{numbers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_follows() {
    if Postgres::shared().is_none() {
        return;
    }
    let place = Place::new(Db::Postgres).await;
    let (one, other) = (place.start(&[]).await, place.start(&[]).await);
    let wanted = number(&place.whatsapp.url);
    let (status, answer) = ask(&one.url, ("POST", "/numbers"), Some(&wanted)).await;
    assert_eq!(status, StatusCode::CONFLICT, "each machine would make a key of its own");
    assert!(detail(&answer).contains("[secrets] key"), "{answer}");
    one.kill().await;
    other.kill().await;
    let key = [("FRONTDESK__SECRETS__KEY", ONE_KEY)];
    let (one, other) = (place.start(&key).await, place.start(&key).await);
    let (status, added) = ask(&one.url, ("POST", "/numbers"), Some(&wanted)).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
    let wait = async |wanted: StatusCode, id: &str| {
        let started = Instant::now();
        while write(&other.url, "/webhooks/meta/desk", (id, "When do you open?")).await != wanted {
            assert!(started.elapsed() < TIMEOUT, "the other replica does not follow");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    wait(StatusCode::OK, "wamid.1").await;
    assert!(place.whatsapp.wait_sent(1, TIMEOUT).await);
    let path = format!("/numbers/{}", added["id"].as_str().unwrap());
    assert_eq!(ask(&one.url, ("DELETE", &path), None).await.0, StatusCode::NO_CONTENT);
    wait(StatusCode::NOT_FOUND, "wamid.2").await;
}
