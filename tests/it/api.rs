//! The API from outside: authentication, errors, paging, the sandbox, and that no secret leaks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use frontdesk::config::Config;
use frontdesk::domain::stream::{RunEventName, SandboxEventName};
use futures::future::join_all;
use regex::Regex;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, Executor};

use crate::support::app::{Db, KEY, MAIN, SECRET, Setup, TestApp};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{batch, text_webhook};
use crate::support::openai::{last_message, written};

fn document() -> Value {
    serde_json::from_str(&frontdesk::http::openapi()).unwrap()
}

/// Returns the method and path of every operation, with values for the path parameters.
fn operations() -> Vec<(Method, String)> {
    let document = document();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{id}", "conv_01J")
            .replace("{agent}", "acme")
            .replace("{name}", "acme")
            .replace("{model}", "acme")
            .replace("{version}", "1")
            .replace("{role}", "chat");
        assert!(!path.contains('{'), "a parameter that this test does not know: {path}");
        // OpenAI-compatible operations answer with OpenAI's errors: completions.rs.
        if path.starts_with("/v1/") {
            continue;
        }
        for method in methods.as_object().unwrap().keys() {
            // Signing in needs no key: session.rs.
            if (path.as_str(), method.as_str()) == ("/api/v1/session", "post") {
                continue;
            }
            if let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) {
                found.push((method, path.clone()));
            }
        }
    }
    found
}

impl TestApp {
    async fn request(&self, (method, path): (Method, &str), key: Option<&str>) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap()
    }

    async fn post_raw(&self, path: &str, kind: Option<&str>, body: &str) -> Response {
        let mut request = self.http.post(format!("{}{path}", self.url)).bearer_auth(KEY);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        request.body(body.to_owned()).send().await.unwrap()
    }

    async fn sandbox(&self, body: &Value) -> (StatusCode, Value) {
        self.call("/sandbox/turns", body).await
    }

    /// Returns the count that a statement selects.
    async fn count(&self, sql: &'static str) -> i64 {
        let mut database = self.database().await;
        sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap()
    }

    async fn database(&self) -> sqlx::SqliteConnection {
        let url = format!("sqlite://{}/desk.db", self.home.path().display());
        sqlx::SqliteConnection::connect(&url).await.unwrap()
    }
}

/// Asserts that a response is a problem with this status and returns its detail.
async fn problem(response: Response, status: u16) -> String {
    let (path, got) = (response.url().path().to_owned(), response.status());
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{path}: {text}");
    assert_eq!(kind.as_deref(), Some("application/problem+json"), "{path}: {text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let code = body.get("code").map(|_| "code");
    let known: Vec<_> = ["status", "title", "detail"].into_iter().chain(code).collect();
    assert_eq!(keys, known, "{path}");
    assert_eq!(body["status"], status, "{path}");
    let canonical = StatusCode::from_u16(status).unwrap().canonical_reason();
    assert_eq!(body["title"].as_str(), canonical, "{path}");
    let detail = body["detail"].as_str().unwrap().to_owned();
    assert!(!detail.is_empty(), "{path}");
    detail
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_document_needs_the_key() {
    let app = TestApp::start().await;
    let operations = operations();
    assert!(operations.len() >= 13, "{operations:?}");
    for (method, path) in &operations {
        let more = format!("{KEY}-and-more");
        for key in [None, Some(""), Some("wrong"), Some(more.as_str()), Some(&KEY[..5])] {
            let response = app.request((method.clone(), path), key).await;
            assert_eq!(response.headers()["www-authenticate"], "Bearer", "{method} {path}");
            let detail = problem(response, 401).await;
            assert!(detail.contains("Authorization: Bearer"), "{detail}");
        }
        let response = app.request((method.clone(), path), Some(KEY)).await;
        assert_ne!(response.status(), 401, "{method} {path}");
    }
    let basic = app.http.get(format!("{}/api/v1/agents", app.url)).basic_auth("admin", Some(KEY));
    problem(basic.send().await.unwrap(), 401).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_shows_no_data() {
    let app = TestApp::start().await;
    app.deliver(&text_webhook(MAIN, "447700920001", "wamid.1", "A very private lamp")).await;
    app.settle().await;
    let conversation = app.conversation_with("447700920001").await;
    let page = format!("/conversations/{}", conversation["id"].as_str().unwrap());
    for (path, kind) in [
        ("/healthz", "text/plain; charset=utf-8"),
        ("/readyz", "text/plain; charset=utf-8"),
        ("/", "text/html; charset=utf-8"),
        ("/api/v1/openapi.json", "application/json"),
    ] {
        let response = app.request((Method::GET, path), None).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], kind, "{path}");
        let text = response.text().await.unwrap();
        for secret in ["private lamp", "447700920001", "Customer 0001", KEY, "acme", "Acme"] {
            assert!(!text.contains(secret), "{path} shows `{secret}`");
        }
    }
    for page in [page.as_str(), "/conversations/conv_%3Cscript%3Ealert(1)%3C%2Fscript%3E"] {
        let request = app.http.get(format!("{}{page}", app.url)).header("accept", "text/html");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{page}");
        let text = response.text().await.unwrap();
        for word in ["private lamp", "447700920001", "conv_", "alert"] {
            assert!(!text.contains(word), "{page} shows `{word}`");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_need_the_key() {
    let app = TestApp::start().await;
    problem(app.request((Method::GET, "/metrics"), None).await, 401).await;
    problem(app.request((Method::GET, "/metrics"), Some("wrong")).await, 401).await;
    let response = app.request((Method::GET, "/metrics"), Some(KEY)).await;
    assert_eq!(response.status(), 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_a_problem() {
    let app = TestApp::start().await;
    for path in ["/nothing", "/api/v1/nothing", "/api/v2/agents", "/webhooks/meta/a/b", "/%ff"] {
        problem(app.request((Method::GET, path), Some(KEY)).await, 404).await;
    }
    for path in ["sources", "answers", "documents", "settings"] {
        let path = format!("/api/v1/collections/nowhere/{path}");
        problem(app.request((Method::GET, path.as_str()), Some(KEY)).await, 404).await;
    }
    for (method, path) in [
        (Method::DELETE, "/api/v1/agents"),
        (Method::GET, "/api/v1/sandbox/turns"),
        (Method::POST, "/healthz"),
        (Method::PUT, "/webhooks/meta"),
    ] {
        problem(app.request((method, path), Some(KEY)).await, 405).await;
    }
    problem(app.request((Method::GET, "/webhooks/meta"), None).await, 403).await;
    problem(app.request((Method::POST, "/webhooks/carrier-pigeon"), None).await, 404).await;
    problem(app.request((Method::POST, "/webhooks/meta"), None).await, 401).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_a_problem_that_says_where() {
    let app = Setup::on(Db::Sqlite).with("[http]\nmax_body_bytes = 30000\n").start().await;
    let json = Some("application/json");
    for path in ["/api/v1/sandbox/turns", "/api/v1/knowledge/search"] {
        for (kind, body, status) in [
            (json, "{\"", 400),
            (json, "", 400),
            (json, "\u{0}", 400),
            (json, "[]", 422),
            (json, "{}", 422),
            (json, "{\"text\": 1, \"question\": 1}", 422),
            (json, "{\"text\": \"a\", \"question\": \"a\", \"more\": 1}", 422),
            (json, &format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)), 422),
            (Some("text/plain"), "{\"text\": \"a\", \"question\": \"a\"}", 415),
            (None, "{}", 415),
        ] {
            problem(app.post_raw(path, kind, body).await, status).await;
        }
        let large = format!("{{\"text\": \"{}\"}}", "a".repeat(40_000));
        problem(app.post_raw(path, json, &large).await, 413).await;
    }
    let detail = problem(app.post_raw("/api/v1/sandbox/turns", json, "{\"txet\": 1}").await, 422);
    let detail = detail.await;
    assert!(detail.contains("txet") && detail.contains("`text`"), "{detail}");
    for path in [
        "/api/v1/conversations?limit=many",
        "/api/v1/conversations?cursor=%2F%2F",
        "/api/v1/conversations?cursor=bm9wZQ",
        "/api/v1/escalations?open=perhaps",
        "/api/v1/events?alerts=7",
        "/api/v1/agents/%ff",
    ] {
        problem(app.request((Method::GET, path), Some(KEY)).await, 400).await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_another_kind_or_another_workspace_do_not_exist() {
    let app = TestApp::start().await;
    app.deliver(&text_webhook(MAIN, "447700920003", "wamid.1", "When do you open?")).await;
    app.settle().await;
    let thread = app.thread("447700920003").await;
    let mine = app.conversation_with("447700920003").await;
    let (conversation, turn) =
        (mine["id"].as_str().unwrap(), thread[1]["turn_id"].as_str().unwrap());
    let mut database = app.database().await;
    for sql in [
        "insert into workspaces values ('ws_other', 'Other', 0)",
        "insert into contacts (id, workspace_id, wa_id, bsuid, name, created_at, updated_at)
         select 'con_other', 'ws_other', '1', bsuid, 'Secret', 0, 0 from contacts limit 1",
        "insert into conversations (id, workspace_id, number_id, contact_id, owner, last_message_at, created_at, updated_at)
         select 'conv_other', 'ws_other', number_id, 'con_other', 'bot', 9e15, 0, 0 from conversations limit 1",
        "insert into turns select 'turn_other', 'ws_other', 'conv_other', agent_id, version_id, outcome, trace, 0, 0, 0, 0, null, null from turns limit 1",
    ] {
        database.execute(sql).await.unwrap();
    }
    let missing = [
        format!("/conversations/{turn}"),
        format!("/turns/{conversation}"),
        "/conversations/conv_other".into(),
        "/conversations/conv_other/messages".into(),
        "/conversations/conv_nobody/messages".into(),
        "/turns/turn_other".into(),
        "/turns/turn_nobody".into(),
        "/turns/'%20or%201=1".into(),
        "/agents/nobody".into(),
    ];
    for path in missing {
        let response = app.request((Method::GET, &format!("/api/v1{path}")), Some(KEY)).await;
        problem(response, 404).await;
    }
    for id in ["conv_other", "conv_nobody", turn] {
        let path = format!("/api/v1/conversations/{id}/resolve");
        problem(app.request((Method::POST, &path), Some(KEY)).await, 404).await;
    }
    let listed = app.get("/conversations").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["items"][0]["id"], conversation);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_walks_every_conversation_once() {
    let app = Setup::on(Db::Sqlite).extractive().start().await;
    let from = |n: usize| format!("4477009{n:05}");
    let hook = |n| text_webhook(MAIN, &from(n), &format!("wamid.{n}"), "Hello");
    let hooks: Vec<_> = (0..120).map(hook).collect();
    assert_eq!(app.deliver(&batch(&hooks)).await, 200);
    app.settle().await;
    for limit in [7, 40, 119, 120, 200] {
        let (mut seen, mut pages, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let page = app.get(&format!("/conversations?limit={limit}{cursor}")).await;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            seen.extend(items.iter().map(|one| one["wa_id"].as_str().unwrap().to_owned()));
            pages += 1;
            assert!(pages <= 120 / limit + 1, "{pages} pages of {limit}");
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        seen.sort();
        assert_eq!(seen, (0..120).map(from).collect::<Vec<_>>(), "pages of {limit}");
    }
    for (limit, items) in [("", 50), ("?limit=1", 1), ("?limit=200", 120)] {
        let page = app.get(&format!("/conversations{limit}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), items, "{limit}");
    }
    let people = app.get("/conversations?owner=person").await;
    assert_eq!(people["items"], json!([]));
    app.stop().await;
}

#[test]
fn the_openapi_document_is_the_accepted_one() {
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("openapi", frontdesk::http::openapi());
    });
}

/// Of two types with the same schema name, the document would show one in place of the other.
#[test]
fn no_two_types_have_the_same_schema_name() {
    let derived = Regex::new(
        r"(?s)#\[derive\([^)]*ToSchema[^)]*\)\](?<attributes>(?:\s*(?:#\[[^\n]*\]|///[^\n]*))*)\s*(?:pub(?:\([^)]*\))?\s+)?(?:struct|enum)\s+(?<name>\w+)",
    )
    .unwrap();
    let renamed = Regex::new(r"schema\(as = (\w+)").unwrap();
    let mut known: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            for found in derived.captures_iter(&std::fs::read_to_string(&entry).unwrap_or_default())
            {
                let name = renamed.captures(&found["attributes"]);
                let name = name.map_or_else(|| found["name"].to_owned(), |one| one[1].to_owned());
                let other = known.insert(name.clone(), entry.clone());
                assert_eq!(other, None, "{name} is also a schema in {}", entry.display());
            }
        }
    }
    assert!(known.len() > 150, "{}", known.len());
}

#[test]
fn every_reference_of_the_openapi_document_resolves() {
    let document = document();
    let mut pending = vec![&document];
    let mut references = 0;
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                    references += 1;
                }
                pending.extend(fields.values());
            }
            Value::Array(values) => pending.extend(values),
            _ => {}
        }
    }
    assert!(references > 20);
    let mut names = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
            names.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "two operations have the same name: {names:?}");
}

#[test]
fn the_openapi_document_tells_of_each_operation_what_can_be_answered() {
    let document = document();
    assert_eq!(document["servers"][0]["url"], "/");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = format!("{method} {path}");
            let summary = operation["summary"].as_str().unwrap_or_default();
            let length = summary.chars().count();
            assert!((1..=100).contains(&length) && !summary.contains('\n'), "{name}: {summary:?}");
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses {
                let said = response["description"].as_str().unwrap_or_default();
                assert!(!said.is_empty(), "{name}: {status} has no description");
            }
            let secured = operation.get("security").is_none();
            let has_body = operation.get("requestBody").is_some();
            let has_parameters = operation.get("parameters").is_some();
            for (status, can_happen) in [
                ("400", has_body || has_parameters),
                ("401", secured),
                ("403", secured && method != "get"),
                ("415", has_body),
                ("422", has_body),
            ] {
                assert!(!can_happen || responses.contains_key(status), "{name}: no {status}");
            }
            for response in responses.values().filter(|_| path.starts_with("/v1/")) {
                let reference = response["$ref"].as_str().unwrap_or_default();
                assert!(!reference.ends_with("/Problem"), "{name} answers in OpenAI's format");
            }
        }
    }
}

#[test]
fn the_openapi_document_has_the_schemas_of_streams_and_completions() {
    let document = document();
    let answered = |place: &str, kind: &str| {
        let (method, path) = place.split_once(' ').unwrap();
        let content = &document["paths"][path][method]["responses"]["200"]["content"];
        let reference = content[kind]["schema"]["$ref"].as_str();
        let reference = reference.unwrap_or_else(|| panic!("{place} has no schema of {kind}"));
        document.pointer(&reference[1..]).unwrap()
    };
    let names = |schema: &Value| -> Vec<String> {
        let all = schema["oneOf"].as_array().unwrap().iter();
        all.map(|one| one["properties"]["event"]["enum"][0].as_str().unwrap().to_owned()).collect()
    };
    let events = "text/event-stream";
    assert_eq!(names(answered("get /api/v1/evals/runs/{id}/events", events)), RunEventName::WORDS);
    let sandbox = names(answered("post /api/v1/sandbox/turns", events));
    let known: Vec<_> = SandboxEventName::WORDS.iter().filter(|name| **name != "error").collect();
    assert_eq!(sandbox.iter().collect::<Vec<_>>(), known);
    assert_eq!(names(answered("get /api/v1/live", events))[0], "hello");
    let chat = "post /v1/chat/completions";
    assert_eq!(answered(chat, events)["properties"]["choices"]["type"], "array");
    let completion = answered(chat, "application/json");
    for field in ["id", "object", "created", "model", "choices", "usage", "frontdesk"] {
        assert!(completion["properties"].get(field).is_some(), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_turn_is_the_real_pipeline_and_leaves_nothing_behind() {
    let app = TestApp::start().await;
    app.model.answer_with(|_| "We close at **13:00** [1].".into());
    let history = json!([
        {"speaker": "customer", "text": "Do you have blue lamps?"},
        {"speaker": "bot", "text": "Yes."},
        {"speaker": "person", "text": "Ana here, they are on sale."},
    ]);
    let body =
        json!({"agent": "acme", "text": "When do you close on Saturday?", "history": history});
    let (status, told) = app.sandbox(&body).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["outcome"], "answer");
    assert_eq!(told["bubbles"], json!(["We close at *13:00*.\n\n📄 _Opening hours_"]));
    assert_eq!(told["trace"]["retrieve"]["passages"][0]["chunk"]["source"], "hours.md");
    let asked = app.model.requests().remove(0);
    let said: Vec<_> = asked["messages"].as_array().unwrap()[1..]
        .iter()
        .map(|message| {
            let content = message["content"].as_str().unwrap();
            (message["role"].as_str().unwrap(), written(content))
        })
        .collect();
    let expected = [
        ("user", "Do you have blue lamps?"),
        ("assistant", "Yes.\n\n<colleague>\nAna here, they are on sale.\n</colleague>"),
        ("user", "When do you close on Saturday?"),
    ];
    assert_eq!(said, expected);

    let (_, called) = app.sandbox(&json!({"agent": "acme", "text": "I want a human"})).await;
    assert_eq!(called["outcome"], "hand_over");
    assert!(called["reason"].as_str().unwrap().contains("human"), "{called}");
    assert_eq!(called["reason_code"], json!({"kind": "keyword", "keyword": "human"}));
    assert_eq!(called["trace"]["escalate"]["matched_code"], called["reason_code"]);
    assert_eq!(called["bubbles"], json!(["A colleague will answer you here."]));

    assert_eq!(app.get("/conversations").await["items"], json!([]));
    assert_eq!(app.get("/escalations").await["items"], json!([]));
    for table in [
        "select count(*) from turns",
        "select count(*) from messages",
        "select count(*) from contacts",
        "select count(*) from webhooks",
    ] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    assert!(app.whatsapp.sent().is_empty() && app.whatsapp.read_receipts().is_empty());
    app.stop().await;
}

/// Returns the events of a stream: name and data.
fn events(stream: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for block in stream.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let Some(event) = field("event:") else { continue };
        let data = serde_json::from_str(field("data:").unwrap().trim()).unwrap();
        found.push((event.trim().to_owned(), data));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_sandbox_turn_is_heard_while_it_is_written() {
    let app = TestApp::start().await;
    let stream = async |answer: &str| {
        let answer = answer.to_owned();
        app.model.answer_with(move |_| answer.clone());
        let request = app.http.post(format!("{}/api/v1/sandbox/turns", app.url)).bearer_auth(KEY);
        let body = json!({"agent": "acme", "text": "When do you close on Saturday?"});
        let response = request.header("accept", "text/event-stream").json(&body).send().await;
        let response = response.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        events(&response.text().await.unwrap())
    };
    let words =
        "We close at 13:00 every Saturday, also in the holidays, and on Sunday we are closed";
    let mut told = stream(&format!("<think>Saturday.</think>{words} [1].")).await;
    let (name, done) = told.pop().unwrap();
    assert_eq!((name.as_str(), &done["outcome"]), ("done", &json!("answer")));
    assert!(told.len() > 1, "one piece is no stream: {told:?}");
    assert!(told.iter().all(|(name, _)| name == "text"));
    let heard: String = told.iter().map(|(_, piece)| piece.as_str().unwrap()).collect();
    let whole = done["bubbles"][0].as_str().unwrap();
    assert_eq!(heard.trim(), format!("{words}."));
    assert!(whole.starts_with(heard.trim()), "{heard:?} is not the beginning of {whole:?}");

    let told = stream("{\"intent\": \"hours\"}").await;
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["done"], "nothing in it was meant for the customer: {told:?}");
    assert_eq!(told[0].1["bubbles"], json!(["Something broke, please try again."]));
    assert_eq!(app.count("select count(*) from turns").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_tries_a_draft_without_publishing_it() {
    let app = TestApp::start().await;
    let draft =
        "---\nname: Draft Lamps\nknowledge: [bolt]\n---\nYou are a pirate of {{ agent }}.\n";
    let ask =
        |prompt: &str| json!({"agent": "acme", "text": "When are you open?", "prompt": prompt});
    let (status, told) = app.sandbox(&ask(draft)).await;
    assert_eq!(status, 200, "{told}");
    let request = app.model.requests().remove(0);
    let system = request["messages"][0]["content"].as_str().unwrap();
    assert!(system.starts_with("You are a pirate of Draft Lamps."), "{system}");
    let asked = last_message(&request);
    assert!(asked.contains("day and night") && !asked.contains("close at 18:00"), "{asked}");
    assert!(!app.get("/agents/acme").await["source"].as_str().unwrap().contains("pirate"));

    for (broken, line, word) in [
        ("---\nname: A\ntemprature: 1\n---\nHi\n", ":3", "temprature"),
        ("---\nname: A\n---\nHi\n{{ nobody }}\n", ":5", "known variables"),
        ("---\nname: A\nhandoff: { patterns: ['('] }\n---\nHi\n", ":3", "("),
        ("Hi", ":1", "---"),
        ("---\nname: A\nknowledge: [atlantis]\n---\nHi\n", "", "atlantis"),
    ] {
        let (status, told) = app.sandbox(&ask(broken)).await;
        let detail = told["detail"].as_str().unwrap();
        assert_eq!(status, 422, "{detail}");
        assert!(detail.contains(line) && detail.contains(word), "{detail}");
    }
    let (status, told) = app.sandbox(&json!({"agent": "nobody", "text": "Hi"})).await;
    let detail = told["detail"].as_str().unwrap();
    assert!(status == 404 && detail.contains("no such agent; there are: acme"), "{detail}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_api_says_holds_a_secret() {
    let app = TestApp::start().await;
    let quoted = Graph::error(190, &format!("Malformed access token {}", Graph::TOKEN));
    app.whatsapp.fail_next(1, &Failure::Status(401, quoted, None));
    app.deliver(&text_webhook(MAIN, "447700920004", "wamid.1", "When do you open?")).await;
    let main = loop {
        let numbers = app.get("/numbers").await;
        let mut numbers = numbers.as_array().unwrap().iter();
        let main = numbers.find(|number| number["slug"] == "main").unwrap().clone();
        if main["state"] == "stopped" {
            break main;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    // The message stays queued until a token works: nothing is given up.
    let message = loop {
        let message = app.thread("447700920004").await.pop().unwrap();
        if message["state"] == "queued" && !message["errors"].is_null() {
            break message;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(message["errors"][0]["code"], 190);
    assert_eq!(main["webhook_url"], "https://desk.example.com/webhooks/meta/main");

    let turn = format!("/api/v1/turns/{}", message["turn_id"].as_str().unwrap());
    let conversation = app.conversation_with("447700920004").await["id"].clone();
    let thread = format!("/api/v1/conversations/{}/messages", conversation.as_str().unwrap());
    let mut paths: Vec<String> = vec![turn, thread, "/metrics".into(), "/".into()];
    paths.extend(operations().into_iter().map(|(_, path)| path));
    // The live stream would never end.
    app.desk.notifier.end_live();
    let answers = paths.iter().map(async |path| {
        let got = app.request((Method::GET, path), Some(KEY)).await.text().await.unwrap();
        let posted = app.post_raw(path, Some("application/json"), "{\"text\": \"Hi\"}").await;
        let refused = app.request((Method::GET, path), Some("wrong")).await.text().await.unwrap();
        format!("{path}: {got}{}{refused}", posted.text().await.unwrap())
    });
    for text in join_all(answers).await {
        for secret in [Graph::TOKEN, SECRET, KEY, "verify-me", "sk-test"] {
            assert!(!text.contains(secret), "`{secret}` is in {text}");
        }
    }
}

#[test]
fn settings_do_not_show_their_secrets_when_they_are_printed() {
    let secrets = [
        "hush-admin",
        "hush-model",
        "hush-token",
        "hush-app",
        "hush-verify",
        "hush-box",
        "hush-db",
    ];
    let [admin, model, token, app, verify, sandbox, database] = secrets;
    let config = Config::from_toml(&format!(
        "[http]\nadmin_key = \"{admin}\"\n[store]\nurl = \"postgres://desk:{database}@db/desk\"\n
         [llm]\nkind = \"openai\"\napi_key = \"{model}\"\n[embed]\nkind = \"openai\"\napi_key = \"{model}\"\n
         [speech]\nkind = \"openai\"\napi_key = \"{model}\"\n
         [numbers.a]\nprovider = \"meta\"\nagent = \"x\"\nphone_number_id = \"1\"\n
         access_token = \"{token}\"\napp_secret = \"{app}\"\nverify_token = \"{verify}\"\n
         [numbers.b]\nprovider = \"sandbox\"\nagent = \"x\"\nsecret = \"{sandbox}\"\n"
    ));
    let printed = format!("{:?}", config.unwrap());
    assert!(printed.contains("phone_number_id"), "{printed}");
    for secret in secrets {
        assert!(!printed.contains(secret), "`{secret}` is in {printed}");
    }
}
