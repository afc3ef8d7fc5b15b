//! The model that is chosen in the console or the terminal: it answers from the next turn on, in
//! every process, until it is removed; its key goes to its address alone, and nobody sees it.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::session::Browser;
use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, change, on_both, write_home_files};
use crate::support::graph::Graph;
use crate::support::hooks::text_webhook;
use crate::support::hub::Hub;
use crate::support::openai::OpenAi;
use crate::support::postgres::Postgres;
use crate::support::process::{Process, run, says};

/// The key for secrets in the database.
const SECRETS: &str = "11111111111111111111111111111111111111111111111111111111111111aa";
const SECRET: &str = "sk-of-the-shop-0123456789";
const CHAT: &str = "/settings/models/chat";
const QUESTION: &str = "On Saturday, when do you close?";
/// Time limit for another process to follow.
const TIMEOUT: Duration = Duration::from_secs(20);

async fn desk(db: Db) -> TestApp {
    Setup::on(db).with(&format!("[secrets]\nkey = \"{SECRETS}\"")).start().await
}

/// A model server of the shop, which wants its key.
async fn server(says: &'static str) -> OpenAi {
    let server = OpenAi::start().await;
    server.require_key(SECRET);
    server.answer_with(move |_| says.into());
    server
}

fn draft(url: &str, more: Value) -> Value {
    let mut draft = json!({"provider": "compatible", "base_url": url, "model": "gpt-4o-mini"});
    if let (Some(draft), Value::Object(more)) = (draft.as_object_mut(), more) {
        draft.extend(more);
    }
    draft
}

/// Sends a request to the API with the key and returns the status and the body.
async fn ask(url: &str, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let http = reqwest::Client::new();
    let request = http.request(method, format!("{url}/api/v1{path}")).bearer_auth(KEY);
    let response = request.json(body).send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap_or_default())
}

async fn set(app: &TestApp, body: &Value) -> (StatusCode, Value) {
    ask(&app.url, Method::PUT, CHAT, body).await
}

/// Delivers the question of a new customer and returns the reply.
async fn reply(app: &TestApp, number: u8) -> String {
    let customer = format!("4477009200{number:02}");
    app.deliver(&text_webhook(MAIN, &customer, &format!("wamid.{number}"), QUESTION)).await;
    app.settle().await;
    app.received().pop().unwrap().1
}

/// Asks the sandbox of a process. Returns the reply.
async fn try_out(url: &str) -> String {
    let body = json!({"agent": "acme", "text": QUESTION});
    let (status, turn) = ask(url, Method::POST, "/sandbox/turns", &body).await;
    assert_eq!(status, StatusCode::OK, "{turn}");
    turn["bubbles"].to_string()
}

/// Waits until the sandbox of a process answers so.
async fn wait_for(url: &str, words: &str) {
    let started = Instant::now();
    loop {
        let said = try_out(url).await;
        if said.contains(words) {
            return;
        }
        assert!(started.elapsed() < TIMEOUT, "not `{words}` but {said}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn code(answer: &Value) -> &str {
    answer["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

on_both! {
    async fn a_model_answers_from_when_it_is_set_until_it_is_removed(db) {
        let app = desk(db).await;
        app.model.answer_with(|_| "From the configuration, at 13:00 [1].".into());
        let own = server("From the console, at 13:00 [1].").await;
        let before = app.get("/settings/models").await;
        assert_eq!((&before["chosen"], &before["answering"]["origin"]), (&Value::Null, &json!("configured")));
        assert!(reply(&app, 1).await.contains("From the configuration"));

        let wanted = draft(&own.url, json!({"key": SECRET}));
        let (status, listed) = app.call(&format!("{CHAT}/list"), &wanted).await;
        assert_eq!((status, &listed["failure"]), (StatusCode::OK, &Value::Null), "{listed}");
        assert!(listed["models"].as_array().unwrap().contains(&json!("gpt-4o-mini")), "{listed}");
        let (status, tried) = app.call(&format!("{CHAT}/test"), &wanted).await;
        assert_eq!((status, &tried["answer"]), (StatusCode::OK, &json!("From the console, at 13:00 [1].")), "{tried}");
        assert!(tried["took_ms"].is_u64() && tried["tokens"][1].as_u64() > Some(0), "{tried}");
        assert_eq!(tried["cost_micros"], Value::Null, "no price is known");
        assert!(reply(&app, 2).await.contains("From the configuration"), "a trial changes nothing");

        // A turn keeps the model with which it began.
        app.model.hold();
        let asked = app.model.chat_count();
        app.deliver(&text_webhook(MAIN, "447700920003", "wamid.3", QUESTION)).await;
        while app.model.chat_count() == asked {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let (status, now) = set(&app, &wanted).await;
        assert_eq!(status, StatusCode::OK, "{now}");
        assert_eq!(now["chosen"], json!({"provider": "compatible", "base_url": own.url, "model": "gpt-4o-mini", "has_key": true, "problem": null}));
        assert_eq!((&now["answering"]["origin"], &now["answering"]["url"]), (&json!("console"), &json!(own.url)));
        app.model.release();
        app.settle().await;
        assert!(app.received().pop().unwrap().1.contains("From the configuration"));
        assert!(reply(&app, 4).await.contains("From the console"));

        assert_eq!(ask(&app.url, Method::DELETE, CHAT, &json!({})).await.0, StatusCode::NO_CONTENT);
        assert!(reply(&app, 5).await.contains("From the configuration"));
        let log = app.get("/audit?subject=chat").await;
        let done: Vec<_> = log["items"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
        assert_eq!(done, ["model.removed", "model.set"], "{log}");
        assert_eq!(log["items"][1]["detail"]["base_url"], own.url);
        app.stop().await;
    }

    async fn a_key_goes_to_its_own_address_alone(db) {
        let app = desk(db).await;
        let own = server("From the console, at 13:00 [1].").await;
        let thief = OpenAi::start().await;
        thief.answer_with(|_| "From a thief, at 13:00 [1].".into());
        assert_eq!(set(&app, &draft(&own.url, json!({"key": SECRET}))).await.0, StatusCode::OK);
        for (method, path) in [(Method::PUT, ""), (Method::POST, "/list"), (Method::POST, "/test")] {
            for url in [&thief.url, &own.url.replace("/v1", "/v2")] {
                let path = format!("{CHAT}{path}");
                let (status, refused) = ask(&app.url, method.clone(), &path, &draft(url, json!({}))).await;
                assert_eq!((status.as_u16(), code(&refused)), (422, "key_required"), "{path} {url}");
            }
        }
        assert_eq!(thief.request_count(), 0);
        // Somebody who can write to the database does not get it either.
        app.change(&format!("update model_choices set base_url = '{}'", thief.url)).await;
        app.desk.reload_models().await.unwrap();
        let now = app.get("/settings/models").await;
        assert!(now["chosen"]["problem"].is_string(), "{now}");
        let said = reply(&app, 1).await;
        assert!(!said.contains("From"), "no model is asked: {said}");
        assert_eq!((thief.request_count(), app.model.chat_count()), (0, 0));
        app.change(&format!("update model_choices set base_url = '{}'", own.url)).await;
        // Another model at the same address keeps it, in whatever spelling.
        let spelt = own.url.replace("127.0.0.1", "LOCALHOST");
        let (status, now) = set(&app, &draft(&spelt, json!({"model": "gpt-4.1-mini"}))).await;
        assert_eq!((status, &now["chosen"]["has_key"]), (StatusCode::OK, &json!(true)), "{now}");
        assert!(reply(&app, 2).await.contains("From the console"));
        assert_eq!(own.requests().pop().unwrap()["model"], "gpt-4.1-mini");
        // Without one, the other address gets none.
        assert_eq!(set(&app, &draft(&thief.url, json!({"key": ""}))).await.0, StatusCode::OK);
        assert!(reply(&app, 3).await.contains("From a thief"));
        for provider in ["openai", "azure"] {
            let keyless = json!({"provider": provider, "base_url": if provider == "azure" { "https://shop.openai.azure.com" } else { "" }, "key": ""});
            let (status, refused) = set(&app, &draft("", keyless)).await;
            assert_eq!((status.as_u16(), code(&refused)), (422, "key_required"), "{provider}");
        }
        app.stop().await;
    }

    async fn only_the_owner_names_private_addresses(db) {
        let app = desk(db).await;
        let private = OpenAi::start().await;
        private.answer_with(|_| "From inside, at 13:00 [1].".into());
        let browser = Browser::of(&app).await;
        let person = async |method: Method, path: &str, body: Value| {
            let request = browser.request(&app, method, path).header("x-csrf-token", &browser.csrf);
            let response = request.json(&body).send().await.unwrap();
            (response.status().as_u16(), response.json::<Value>().await.unwrap_or_default())
        };
        let named = private.url.replace("127.0.0.1", "localhost");
        for role in ["embeddings", "speech", "reranking", "chat?agent=acme"] {
            let (status, refused) = person(Method::PUT, &format!("/settings/models/{role}"), draft(&private.url, json!({"key": "sk-1"}))).await;
            assert_eq!((status, code(&refused)), (403, "private_address"), "{role}");
        }
        for url in [&private.url, &named, "https://10.1.2.3/v1", "https://[::1]/v1", "http://192.168.0.1/v1"] {
            for (method, path) in [(Method::PUT, ""), (Method::POST, "/list"), (Method::POST, "/test")] {
                for provider in ["compatible", "ollama", "azure"] {
                    let body = draft(url, json!({"provider": provider, "key": "sk-1"}));
                    let (status, refused) = person(method.clone(), &format!("{CHAT}{path}"), body).await;
                    assert_eq!((status, code(&refused)), (403, "private_address"), "{provider} {url}");
                }
            }
        }
        for url in ["http://169.254.169.254/latest", "https://[fd00:ec2::254]/v1", "ftp://x/v1", "https://a:b@x.example/v1", "http://8.8.8.8/v1"] {
            let (status, refused) = person(Method::POST, &format!("{CHAT}/list"), draft(url, json!({}))).await;
            assert_eq!((status, code(&refused)), (422, "wrong_address"), "{url}");
        }
        let metadata = draft("http://169.254.169.254/latest", json!({}));
        assert_eq!(set(&app, &metadata).await.0, StatusCode::UNPROCESSABLE_ENTITY, "nor does the owner");
        assert_eq!(private.request_count(), 0);
        // What the configuration has the desk call is no secret place; its key stays its own.
        app.model.require_key("sk-test");
        let (status, listed) = person(Method::POST, &format!("{CHAT}/list"), draft(&app.model.url, json!({"key": "sk-wrong"}))).await;
        assert_eq!((status, &listed["failure"]["problem"]), (200, &json!("key_refused")), "{listed}");
        assert!(!listed.to_string().contains("sk-"), "{listed}");
        // What the owner named, others may go on with.
        assert_eq!(set(&app, &draft(&private.url, json!({}))).await.0, StatusCode::OK);
        let (status, now) = person(Method::PUT, CHAT, draft(&private.url, json!({"model": "gpt-4.1-mini"}))).await;
        assert_eq!((status, &now["chosen"]["model"]), (200, &json!("gpt-4.1-mini")), "{now}");
        assert!(reply(&app, 1).await.contains("From inside"));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_says_why_and_what_to_check() {
    let app = TestApp::start().await;
    let own = server("x").await;
    for (url, key, problem) in [
        (own.url.clone(), "sk-wrong-one", "key_refused"),
        (own.url.replace("/v1", "/v9"), SECRET, "not_found"),
        ("http://127.0.0.1:9/v1".to_owned(), SECRET, "unreachable"),
    ] {
        let wanted = draft(&url, json!({"key": key}));
        for path in ["list", "test"] {
            let (status, told) = app.call(&format!("{CHAT}/{path}"), &wanted).await;
            assert_eq!(
                (status, &told["failure"]["problem"]),
                (StatusCode::OK, &json!(problem)),
                "{told}"
            );
            assert!(!told.to_string().contains(key), "{told}");
        }
    }
    for (body, status) in [
        (json!({"provider": "mine", "model": "x"}), 422),
        (draft(&own.url, json!({"model": " ", "key": SECRET})), 422),
        (draft(&own.url, json!({"model": "a\u{7}", "key": SECRET})), 422),
        (draft(&own.url, json!({"key": "sk-\n1"})), 422),
        (draft(&own.url, json!({"more": 1})), 422),
    ] {
        let (got, told) = set(&app, &body).await;
        assert_eq!(got.as_u16(), status, "{told}");
    }
    assert_eq!(app.get("/settings/models").await["chosen"], Value::Null);
    app.stop().await;
}

/// Writes the settings of a desk and starts it with everything in its log.
async fn process(home: &std::path::Path, settings: &str) -> Process {
    std::fs::write(home.join("desk.toml"), settings).unwrap();
    let process = Process::begin_with(home, &[("FRONTDESK__LOG__LEVEL", "trace")]);
    process.wait_ready().await;
    process
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_sets_it_the_desk_follows_and_nobody_sees_the_key() {
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
    let own = server("From the terminal, at 13:00 [1].").await;
    let settings = Setup::on(Db::Sqlite).extractive().settings(home.path(), "", &whatsapp, &model);
    let desk = process(home.path(), &settings).await;
    assert!(!try_out(&desk.url).await.contains("From the terminal"));
    let wanted = draft(&own.url, json!({"key": SECRET}));
    let (status, told) = ask(&desk.url, Method::PUT, CHAT, &wanted).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    wait_for(&desk.url, "From the terminal").await;
    let cli = async |args: &[&str]| {
        let all = [&["--config", "desk.toml", "models"], args].concat();
        run(home.path(), &all, &[]).await
    };
    says(&cli(&["show"]).await, true, &["gpt-4o-mini", &own.url, "with a key", "embeddings"]);
    says(&cli(&["test"]).await, true, &["From the terminal", "ms", "[llm.prices]"]);
    says(&cli(&["unset", "chat"]).await, true, &["configuration"]);
    wait_for(&desk.url, "13:00").await;
    let args = ["set", "chat", "--provider", "compatible", "--model", "gpt-4.1-mini", "--url"];
    let keyless = [&args[..], &[own.url.as_str()]].concat();
    says(&cli(&keyless).await, true, &["gpt-4.1-mini", "from the next turn on"]);
    says(&cli(&["test"]).await, false, &["401"]);
    says(&cli(&["set", "chat", "--provider", "mine", "--model", "x"]).await, false, &["ollama"]);
    let (status, _) = ask(&desk.url, Method::PUT, CHAT, &wanted).await;
    assert_eq!(status, StatusCode::OK);
    wait_for(&desk.url, "From the terminal").await;

    let mut seen = String::new();
    for path in [
        "/settings/models",
        "/status",
        "/audit",
        "/models",
        "/events",
        "/overview",
        "/openapi.json",
    ] {
        seen.push_str(&ask(&desk.url, Method::GET, path, &json!({})).await.1.to_string());
    }
    seen.push_str(&cli(&["show"]).await.1);
    seen.push_str(&run(home.path(), &["--config", "desk.toml", "audit"], &[]).await.1);
    assert!(seen.contains("model.set") && !seen.contains(SECRET), "{seen}");
    desk.kill().await;
    for file in std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().path()) {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!found, "the key is in {}", file.display());
    }
    // A start without the key for secrets says so, and sends customers' messages nowhere else.
    std::fs::remove_file(home.path().join("secrets.key")).unwrap();
    let desk = process(home.path(), &settings).await;
    let (_, now) = ask(&desk.url, Method::GET, "/settings/models", &json!({})).await;
    assert!(now["chosen"]["problem"].as_str().unwrap().contains("secrets.key"), "{now}");
    assert!(try_out(&desk.url).await.contains("13:00"));
    desk.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_follows() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
    let own = server("From the console, at 13:00 [1].").await;
    let settings =
        Setup::on(Db::Postgres).extractive().settings(home.path(), &url, &whatsapp, &model);
    let settings = format!("[secrets]\nkey = \"{SECRETS}\"\n{settings}");
    let one = process(home.path(), &settings).await;
    let other = process(home.path(), &settings).await;
    let wanted = draft(&own.url, json!({"key": SECRET}));
    assert_eq!(ask(&one.url, Method::PUT, CHAT, &wanted).await.0, StatusCode::OK);
    assert!(try_out(&one.url).await.contains("From the console"), "the own process at once");
    wait_for(&other.url, "From the console").await;
    assert_eq!(ask(&other.url, Method::DELETE, CHAT, &json!({})).await.0, StatusCode::NO_CONTENT);
    let started = Instant::now();
    while try_out(&one.url).await.contains("From the console") {
        assert!(started.elapsed() < TIMEOUT, "the other process does not follow");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Its row is gone, the key with it.
    assert_eq!(change(home.path(), &url, "update model_choices set model = 'x'").await, 0);
    one.kill().await;
    other.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_model_is_fetched_with_progress_and_cancelled() {
    let weights = vec![7; 3_000_000];
    let files: Vec<(&str, &[u8])> = vec![
        ("config.json", b"{}"),
        ("modules.json", b"{}"),
        ("1_Pooling/config.json", b"{}"),
        ("tokenizer.json", b"{}"),
        ("model.safetensors", &weights),
    ];
    let hub = Hub::start(&files).await;
    let models = tempfile::tempdir().unwrap();
    let folder = models.path().display().to_string();
    let setup = Setup::on(Db::Sqlite)
        .extractive()
        .with(&format!("[models]\nfolder = {folder:?}\nhub_url = {:?}", hub.url));
    let app = setup.start().await;
    let named = async |name: &str| {
        let all = app.get("/settings/models").await["local"].take();
        let found = all.as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
        found.unwrap_or_else(|| panic!("no {name} in {all}"))
    };
    let before = named("multilingual-e5-small").await;
    assert_eq!((&before["installed"], &before["received"]), (&json!(false), &Value::Null));
    assert_eq!((&before["bytes"], &before["task"]), (&json!(490_000_000), &json!("embeddings")));
    let path = "/settings/models/local/multilingual-e5-small";
    assert_eq!(app.call("/settings/models/local/no-such", &json!({})).await.0, 404);
    assert_eq!(ask(&app.url, Method::DELETE, path, &json!({})).await.0, 404, "none runs");
    // The connection breaks off again and again: the download goes on until it is cancelled.
    for _ in 0..50 {
        hub.cut_after(1_000);
    }
    assert_eq!(app.call(path, &json!({})).await.0, 202);
    assert_eq!(app.call(path, &json!({})).await.0, 202, "once is enough");
    let started = Instant::now();
    while named("multilingual-e5-small").await["received"].as_u64() < Some(1_004) {
        assert!(
            started.elapsed() < TIMEOUT,
            "nothing comes: {}",
            named("multilingual-e5-small").await
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ask(&app.url, Method::DELETE, path, &json!({})).await.0, 204);
    let after = named("multilingual-e5-small").await;
    assert_eq!((&after["received"], &after["failure"]), (&Value::Null, &Value::Null), "{after}");
    let asked = hub.asked().len();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(hub.asked().len(), asked, "nothing is fetched any more");
    // Files that are not those of the catalog are no model.
    let other = "/settings/models/local/ms-marco-MiniLM-L6-v2";
    assert_eq!(app.call(other, &json!({})).await.0, 202);
    while named("ms-marco-MiniLM-L6-v2").await["failure"].is_null() {
        assert!(started.elapsed() < TIMEOUT, "{}", named("ms-marco-MiniLM-L6-v2").await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let log = app.get("/audit?outcome=done").await.to_string();
    assert!(log.contains("model.fetched") && log.contains("model.fetch_cancelled"), "{log}");
    app.stop().await;
}
