//! The audit log: every operation that changes something leaves an entry, whoever did it and
//! however it ended. It holds no private data and cannot be written from outside.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::gate::command;
use crate::session::{Browser, link};
use crate::support::app::{KEY, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;
use crate::support::process;

/// Operations that write or spend but leave no entry; `http/audit.rs` gives the reasons.
const SILENT: &str = "check_pairing check_draft try_handoff search_knowledge see_conversation check_fields sync_templates list_endpoint_models test_model run_sandbox_turn complete_chat";

async fn log(app: &TestApp, query: &str) -> Vec<Value> {
    app.get(&format!("/audit?limit=200{query}")).await["items"].as_array().unwrap().clone()
}

async fn waits_for(app: &TestApp, query: &str, many: usize) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let all = log(app, query).await;
        if all.len() == many {
            return all;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{query}: not {many}: {all:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both! {
    async fn every_operation_that_writes_leaves_an_entry_also_when_it_is_refused(db) {
        let app = Setup::on(db).start().await;
        let document: Value = serde_json::from_str(&frontdesk::http::openapi()).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let Some(id) = operation["operationId"].as_str().filter(|_| method != "get") else { continue };
                // Signing in has no known user yet: tested below.
                if id == "sign_in" {
                    continue;
                }
                let filled: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part }).collect();
                let before = log(&app, "").await;
                let method: Method = method.to_uppercase().parse().unwrap();
                let request = app.http.request(method, format!("{}{}", app.url, filled.join("/")));
                let status = request.bearer_auth(KEY).json(&json!({})).send().await.unwrap().status();
                let silent = SILENT.split_whitespace().any(|word| word == id);
                let after = log(&app, "").await;
                assert_eq!(after.len() - before.len(), usize::from(!silent), "{id}: {status}");
                if silent {
                    continue;
                }
                let entry = &after[0];
                let outcome = if status.is_success() { "done" } else { "refused" };
                assert_eq!((&entry["actor"], &entry["outcome"]), (&json!("admin key"), &json!(outcome)), "{id}: {entry}");
                assert_eq!(entry["address"], "127.0.0.1", "{id}: {entry}");
                assert_ne!(entry["action"], "other", "{id}: {entry}");
            }
        }
        app.stop().await;
    }

    async fn what_a_person_does_is_written_down_without_what_is_private(db) {
        let app = Setup::on(db).start().await;
        let browser = Browser::of(&app).await;
        let phone = "447700950001";
        app.deliver(&text_webhook(MAIN, phone, "wamid.1", "human please")).await;
        app.settle().await;
        let id = app.conversation_with(phone).await["id"].as_str().unwrap().to_owned();
        let post = async |path: String, body: Value| {
            let request = browser.request(&app, Method::POST, &path).header("x-csrf-token", &browser.csrf);
            let response = request.header("idempotency-key", "once").json(&body).send().await.unwrap();
            assert!(response.status().is_success(), "{path}: {}", response.status());
            response.json::<Value>().await.unwrap_or_default()
        };
        post(format!("/conversations/{id}/take"), json!({})).await;
        post(format!("/conversations/{id}/messages"), json!({"text": "A very private lamp"})).await;
        app.settle().await;
        post(format!("/conversations/{id}/hand-back"), json!({})).await;
        let uploaded = post("/collections/acme/documents".into(), json!({"title": "Mrs Private", "text": "A private text"})).await;
        let answer = post("/collections/acme/answers".into(), json!({"phrasings": ["Private?"], "answer": "A private answer"})).await;
        let document = uploaded[0]["id"].as_str().unwrap();
        let end = browser.request(&app, Method::DELETE, &format!("/documents/{document}")).header("x-csrf-token", &browser.csrf);
        assert_eq!(end.send().await.unwrap().status(), 204);
        let out = browser.request(&app, Method::DELETE, "/session").header("x-csrf-token", &browser.csrf);
        assert_eq!(out.send().await.unwrap().status(), 204);

        let all = log(&app, "").await;
        let text = |key: &str, entry: &Value| entry[key].as_str().unwrap().to_owned();
        let done: Vec<_> = all.iter().rev().filter(|it| it["address"] == "127.0.0.1").map(|it| (text("action", it), text("subject", it))).collect();
        let session = text("subject", all.iter().find(|it| it["action"] == "session.started").unwrap());
        let wanted = [
            ("session.started", session.as_str()),
            ("conversation.taken", &id),
            ("message.written", &id),
            ("conversation.handed_back", &id),
            ("document.uploaded", "acme"),
            ("answer.created", &format!("acme/{}", answer["id"].as_str().unwrap())),
            ("document.removed", document),
            ("session.ended", ""),
        ];
        let wanted: Vec<_> = wanted.iter().map(|(action, subject)| ((*action).to_owned(), (*subject).to_owned())).collect();
        assert_eq!(done, wanted);
        let console = format!("console {session}");
        assert_eq!(log(&app, &format!("&actor={}", console.replace(' ', "%20"))).await.len(), wanted.len() - 1);
        let whole = Value::from(all).to_string();
        for private in ["rivate lamp", "rivate text", "rivate answer", "Mrs Private", phone, KEY, &browser.csrf, browser.cookie.split('=').nth(1).unwrap()] {
            assert!(!whole.contains(private), "`{private}` is in the audit log");
        }
        app.stop().await;
    }

    async fn who_hangs_up_keeps_nothing_out_of_the_log(db) {
        let app = Setup::on(db).extractive().start().await;
        let address = app.url.strip_prefix("http://").unwrap().to_owned();
        for number in 0..40 {
            let body = format!("{{\"slug\":\"gone-{number}\"}}");
            let request = format!(
                "POST /api/v1/collections HTTP/1.1\r\nhost: desk.example.com\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            // Resets the connection (RST), at a different moment each time.
            for _ in 0..number {
                tokio::task::yield_now().await;
            }
            stream.set_zero_linger().unwrap();
        }
        let began = Instant::now();
        loop {
            let made = app.get("/collections").await;
            let made: BTreeSet<_> = made.as_array().unwrap().iter().filter_map(|it| it["slug"].as_str().filter(|it| it.starts_with("gone-")).map(str::to_owned)).collect();
            let listed: BTreeSet<_> = log(&app, "&action=collection.created").await.iter().map(|it| it["subject"].as_str().unwrap().to_owned()).collect();
            if made == listed {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "made {made:?}, listed {listed:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        app.stop().await;
    }

    async fn nobody_fills_the_log_from_outside(db) {
        let app = Setup::on(db).extractive().start().await;
        let url = |path: &str| format!("{}/api/v1{path}", app.url);
        for _ in 0..60 {
            let wrong = app.http.get(url("/agents")).bearer_auth("wrong").send().await.unwrap();
            assert_eq!(wrong.status(), 401);
            let bad = app.http.post(url("/session")).json(&json!({"token": "wrong"})).send().await.unwrap();
            assert_eq!(bad.status(), 401);
            assert_eq!(app.http.get(url("/agents")).send().await.unwrap().status(), 401, "without a key it is no guess");
        }
        let listed = log(&app, "&outcome=refused").await;
        assert!((1..=3).contains(&listed.len()), "120 guesses within a minute or two: {listed:?}");
        assert_eq!((&listed.last().unwrap()["actor"], &listed.last().unwrap()["address"]), (&json!("unknown"), &json!("127.0.0.1")));
        let response = app.http.get(url("/agents")).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(response.status(), 200, "a proxy's address is not locked out");
        app.stop().await;
    }

    async fn the_log_is_filtered_paged_and_forgotten_in_time(db) {
        let app = Setup::on(db).extractive().start().await;
        for name in ["one", "two", "three"] {
            assert_eq!(app.call("/collections", &json!({"slug": name})).await.0, 201);
        }
        assert_eq!(app.call("/collections", &json!({"slug": "one"})).await.0, 409);
        let of = async |query: &str| log(&app, query).await.iter().map(|it| it["subject"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(of("&action=collection.created").await, ["", "three", "two", "one"]);
        assert_eq!(of("&action=collection.created&outcome=done").await, ["three", "two", "one"]);
        assert_eq!(of("&action=collection.created&subject=two").await, ["two"]);
        assert_eq!(of("&actor=nobody").await, Vec::<String>::new());
        let now = frontdesk::domain::time::now_ms();
        assert_eq!(of(&format!("&since={}", now + 60_000)).await, Vec::<String>::new());
        assert_eq!(of(&format!("&since={}&subject=one", now - 60_000)).await, ["one"]);
        for bad in ["action=agent.vanished", "outcome=perhaps", "since=x"] {
            let response = app.http.get(format!("{}/api/v1/audit?{bad}", app.url)).bearer_auth(KEY).send().await.unwrap();
            assert_eq!(response.status(), 400, "{bad}");
        }
        let first = app.get("/audit?action=collection.created&limit=3").await;
        let rest = app.get(&format!("/audit?action=collection.created&limit=3&cursor={}", first["next"].as_str().unwrap())).await;
        assert_eq!((rest["items"][0]["subject"].as_str(), rest["items"].as_array().unwrap().len()), (Some("one"), 1));

        let all = i64::try_from(log(&app, "").await.len()).unwrap();
        app.change("update audit_log set created_at = created_at - 86400000 where subject in ('one', 'two')").await;
        let other = app.desk.store.workspace("other").await.unwrap();
        assert_eq!(other.forget_audit(now, 1000).await.unwrap(), 0, "another workspace's");
        assert_eq!(app.desk.store.forget_audit(now - 3_600_000, 1).await.unwrap(), 1);
        assert_eq!(app.desk.store.forget_audit(now - 3_600_000, 1000).await.unwrap(), 1);
        assert_eq!(i64::try_from(log(&app, "").await.len()).unwrap(), all - 2);
        app.stop().await;
    }

    async fn commands_leave_entries_and_the_command_shows_them(db) {
        let app = Setup::on(db).extractive().start().await;
        let folder = app.home.path().join("knowledge/acme");
        let folder = folder.to_str().unwrap();
        let answer = app.call("/collections/acme/answers", &json!({"phrasings": ["Why?"], "answer": "So."})).await.1;
        let answer = answer["id"].as_str().unwrap();
        let gap = "gap_00000000000000000000000000";
        for (args, good, action, outcome) in [
            (&["sign-in"][..], true, "session.link_created", "done"),
            (&["learn", folder], true, "knowledge.learned", "done"),
            (&["answer", "add", "--collection", "acme", "--ask", "Where?", "Here."], true, "answer.created", "done"),
            (&["answer", "edit", answer, "--off"], true, "answer.changed", "done"),
            (&["answer", "remove", answer], true, "answer.removed", "done"),
            (&["gaps", "dismiss", gap], false, "gap.dismissed", "refused"),
            (&["inbox", "resolve", "conv_00000000000000000000000000"], false, "conversation.resolved", "refused"),
            (&["webhook", "replay", "--since", "1h"], true, "webhook.replayed", "done"),
            (&["source", "remove", "https://nowhere.invalid"], false, "source.removed", "refused"),
            (&["agent", "remove", "acme"], false, "agent.removed", "refused"),
            (&["agent", "rename", "nobody", "somebody"], false, "agent.renamed", "refused"),
            (&["collection", "remove", "acme"], false, "collection.removed", "refused"),
            (&["demo", "remove"], true, "demo.removed", "done"),
            (&["reindex"], true, "index.rebuilt", "done"),
            (&["apply"], true, "knowledge.learned", "done"),
            (&["sign-out", "--all"], true, "session.all_ended", "done"),
        ] {
            let query = format!("&action={action}&outcome={outcome}");
            let before = log(&app, &query).await.into_iter().filter(by_ada).count();
            let (ended, said) = command(&app, args).await;
            assert_eq!(ended, good, "{args:?}: {said}");
            let after = log(&app, &query).await.into_iter().filter(by_ada).count();
            assert_eq!(after, before + 1, "{args:?}: {said}");
        }
        for args in [&["answer", "list"][..], &["gaps"], &["inbox"], &["source"], &["versions", "acme"], &["agent"], &["collection"], &["doctor"]] {
            let before = log(&app, "").await.len();
            let (_, said) = command(&app, args).await;
            assert_eq!(log(&app, "").await.len(), before, "{args:?} only shows: {said}");
        }
        let shown = command(&app, &["audit", "--action", "answer.created"]).await;
        process::says(&shown, true, &["ada", "answer.created acme", "admin key from 127.0.0.1"]);
        assert!(!shown.1.contains("sign"), "{}", shown.1);
        process::says(&command(&app, &["audit", "--outcome", "refused"]).await, true, &["gap.dismissed", "[refused]"]);
        process::says(&command(&app, &["audit", "--since", "1h", "--subject", "nothing"]).await, true, &["nothing like that"]);
        process::says(&command(&app, &["audit", "--action", "agent.vanished"]).await, false, &["agent.vanished"]);
        // Without the log, a command still says why it failed.
        app.change("alter table audit_log rename to audit_log_gone").await;
        let ran = command(&app, &["gaps", "dismiss", gap]).await;
        app.change("alter table audit_log_gone rename to audit_log").await;
        process::says(&ran, false, &["there is no gap", "the audit log has no entry"]);
        app.stop().await;
    }

    async fn signing_in_and_out_is_written_down(db) {
        let app = Setup::on(db).extractive().start().await;
        let browser = Browser::of(&app).await;
        let token = link(&app).await;
        let out = browser.request(&app, Method::DELETE, "/sessions").header("x-csrf-token", &browser.csrf);
        let ended: Value = out.send().await.unwrap().json().await.unwrap();
        assert_eq!(ended, json!({"sessions": 1, "links": 1}));
        let entry = waits_for(&app, "&action=session.all_ended", 1).await.remove(0);
        assert_eq!(entry["detail"], json!({"sessions": 1, "links": 1}));
        let used = app.http.post(format!("{}/api/v1/session", app.url)).json(&json!({"token": token}));
        assert_eq!(used.send().await.unwrap().status(), 401);
        waits_for(&app, "&action=session.started&outcome=refused", 1).await;
        app.stop().await;
    }
}

fn by_ada(entry: &Value) -> bool {
    entry["actor"].as_str().unwrap().starts_with("ada")
}
