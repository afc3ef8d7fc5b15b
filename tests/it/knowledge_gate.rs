//! The gate of knowledge: every path that changes what agents answer from goes through it. A new
//! path without a decision here fails.

use std::time::{Duration, Instant};

use frontdesk::domain::{DocumentState, SourceKind, SourceState};
use frontdesk::store::sources::NewSource;
use reqwest::Method;
use serde_json::{Value, json};

use crate::gate::{command, gated, prompt};
use crate::support::app::{KEY, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;
use crate::support::process;

/// The [`GUARDED`] operations that are tried first: they are also refused when the gate cannot be
/// tried.
const TRIED: &[&str] =
    &["create_answer", "change_answer", "answer_gap", "remove_answer", "remove_document"];

/// Operations that change the content of a collection: if a gate guards it they are tried, or
/// refused unless forced.
const GUARDED: &[&str] = &[
    "create_answer",
    "change_answer",
    "answer_gap",
    "set_collection_settings",
    "upload_documents",
    "retry_document",
    "add_source",
    "refresh_source",
    // Removals come last.
    "remove_answer",
    "remove_document",
    "remove_source",
];

/// Operations that write but do not change what a gated agent answers from. A collection that an
/// agent uses cannot be removed; a new one is empty and unused; prompts pass the gate of their
/// agent.
const FREE: &str = "create_collection rename_collection remove_collection remove_demo dismiss_gap search_knowledge create_agent generate_prompt check_draft try_handoff \
    rename_agent remove_agent publish_version hand_back_conversation write_message start_conversation create_campaign remove_campaign add_recipients test_campaign start_campaign stop_campaign resolve_conversation see_conversation take_conversation resolve_escalation save_case remove_case \
    start_run stop_run accept_run retry_message correct_transcript add_number draft_number remove_number change_number connect_number check_pairing restart_number log_out_number pause_number resume_number try_number check_fields sync_templates create_template delete_template \
    set_model remove_model list_endpoint_models test_model fetch_local_model cancel_local_model \
    run_sandbox_turn sign_in sign_out sign_out_everywhere complete_chat";

/// Commands, and whether they change the content of a collection. `apply` and `learn` of folders
/// are tried first (`gate`).
const COMMANDS: &[(&str, bool)] = &[
    ("learn", true),
    ("source", true),
    ("answer", true),
    ("gaps", true),
    ("apply", true),
    ("serve", true),
    ("demo", true),
    ("agent", false),
    // Only of a collection that no agent uses.
    ("collection", false),
    ("sign-in", false),
    ("sign-out", false),
    ("chat", false),
    ("reindex", false),
    ("search", false),
    ("transcribe", false),
    ("eval", false),
    ("replay", false),
    ("cases", false),
    ("redteam", false),
    ("publish", false),
    ("versions", false),
    ("audit", false),
    ("alerts", false),
    ("inbox", false),
    ("number", false),
    ("templates", false),
    ("campaign", false),
    ("webhook", false),
    ("models", false),
    ("doctor", false),
    ("config", false),
    ("licenses", false),
    ("help", false),
];

/// A collection guarded by a gate, with the ids of its objects.
struct Guarded {
    app: TestApp,
    answer: String,
    document: String,
    source: String,
    gap: String,
}

impl Guarded {
    async fn start(db: crate::support::app::Db) -> Self {
        let app = Setup::on(db).extractive().start().await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let answer = json!({"phrasings": ["Do you sell bulbs?"], "answer": "Yes."});
        let answer = text(&app.call("/collections/acme/answers", &answer).await.1["id"]);
        let (_, taken) = app
            .call(
                "/collections/acme/documents",
                &json!({"title": "Parking", "text": "You can park behind the shop."}),
            )
            .await;
        let document = text(&taken[0]["id"]);
        let began = Instant::now();
        while app.get(&format!("/documents/{document}")).await["state"] != "ready" {
            assert!(began.elapsed() < Duration::from_secs(20), "it is not learned");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let source = app
            .desk
            .store
            .add_source(source(&app, "https://example.com/help", None).await)
            .await
            .unwrap();
        app.deliver(&text_webhook(MAIN, "447700940001", "wamid.gap", "Do you rent submarines?"))
            .await;
        app.settle().await;
        let gap = text(&app.get("/gaps").await["items"][0]["id"]);
        let gated = "---\nname: Acme\nknowledge: [acme]\ngate: {suite: none.yaml, knowledge: true}\n---\nHi.\n";
        let (status, said) =
            app.call("/agents/acme/publish", &json!({"source": gated, "force": true})).await;
        assert_eq!(status, 200, "{said}");
        Self { app, answer, document, source: source.to_string(), gap }
    }

    /// Returns a request that changes the content of the collection.
    fn change(&self, operation: &str) -> (Method, String, Value) {
        let Self { answer, document, source, gap, .. } = self;
        let written = json!({"phrasings": ["Where can I park?"], "answer": "Nowhere."});
        match operation {
            "create_answer" => (Method::POST, "/collections/acme/answers".into(), written),
            "change_answer" => (
                Method::PATCH,
                format!("/collections/acme/answers/{answer}"),
                json!({"answer": "No."}),
            ),
            "remove_answer" => {
                (Method::DELETE, format!("/collections/acme/answers/{answer}"), Value::Null)
            }
            "answer_gap" => (
                Method::POST,
                format!("/gaps/{gap}/answer"),
                json!({"answer": "Only yellow ones."}),
            ),
            "set_collection_settings" => (
                Method::PUT,
                "/collections/acme/settings".into(),
                json!({"search": {"ngram": 0.9}}),
            ),
            "upload_documents" => (
                Method::POST,
                "/collections/acme/documents".into(),
                json!({"title": "Prices", "text": "All is free."}),
            ),
            "remove_document" => (Method::DELETE, format!("/documents/{document}"), Value::Null),
            "retry_document" => (Method::POST, format!("/documents/{document}/retry"), Value::Null),
            "add_source" => (
                Method::POST,
                "/collections/acme/sources".into(),
                json!({"url": "https://example.com/more"}),
            ),
            "remove_source" => {
                (Method::DELETE, format!("/collections/acme/sources/{source}"), Value::Null)
            }
            "refresh_source" => {
                (Method::POST, format!("/collections/acme/sources/{source}/refresh"), Value::Null)
            }
            other => panic!("how does {other} change a collection?"),
        }
    }

    async fn ask(
        &self,
        (method, path, body): &(Method, String, Value),
        query: &str,
    ) -> (u16, Value) {
        let request =
            self.app.http.request(method.clone(), format!("{}/api/v1{path}{query}", self.app.url));
        let request = request.bearer_auth(KEY);
        let request = if body.is_null() { request } else { request.json(body) };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    /// Returns the whole content of the collection.
    async fn holds(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for path in ["answers", "documents", "settings", "sources"] {
            all.push(self.app.get(&format!("/collections/acme/{path}")).await);
        }
        all
    }

    async fn written(&self, action: &str) -> Vec<Value> {
        self.app.get(&format!("/audit?action={action}&limit=200")).await["items"]
            .as_array()
            .unwrap()
            .clone()
    }
}

async fn source(app: &TestApp, url: &str, due_at: Option<i64>) -> NewSource {
    NewSource {
        collection: app.desk.store.collection("acme").await.unwrap(),
        url: url.into(),
        kind: SourceKind::Page,
        settings: r#"{"depth":0,"pages":1}"#.into(),
        every_minutes: None,
        due_at,
    }
}

#[test]
fn every_operation_that_writes_is_decided() {
    let document: Value = serde_json::from_str(&frontdesk::http::openapi()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(id) = operation["operationId"].as_str().filter(|_| method != "get") else {
                continue;
            };
            let free = FREE.split_whitespace().any(|word| word == id);
            let guarded = GUARDED.contains(&id);
            assert!(
                free != guarded,
                "{method} {path} ({id}): does it change what agents answer from?"
            );
            let parameters = operation["parameters"].to_string();
            assert_eq!(
                guarded,
                parameters.contains("\"force\""),
                "{id}: what is guarded can be forced"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_is_decided() {
    let home = tempfile::tempdir().unwrap();
    let (good, help) = process::run(home.path(), &["--help"], &[]).await;
    assert!(good, "{help}");
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let named: Vec<&str> = commands
        .lines()
        .filter_map(|line| {
            line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   "))
        })
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for name in &named {
        assert!(
            COMMANDS.iter().any(|(known, _)| known == name),
            "does `{name}` change what agents answer from?"
        );
    }
}

on_both! {
    async fn on_every_way_the_gate_is_asked_and_what_is_forced_is_written_down(db) {
        let desk = Guarded::start(db).await;
        let before = desk.holds().await;
        for operation in GUARDED {
            let change = desk.change(operation);
            let (status, said) = desk.ask(&change, "").await;
            assert_eq!(status, 409, "{operation}: {said}");
            let detail = said["detail"].as_str().unwrap();
            let way = if TRIED.contains(operation) { "could not be tried" } else { "frontdesk learn" };
            for word in ["The gate of acme", way, "?force=true"] {
                assert!(detail.contains(word), "{operation}: no `{word}` in {detail}");
            }
            assert_eq!(desk.ask(&change, "?force=perhaps").await.0, 400, "{operation}");
        }
        assert_eq!(desk.holds().await, before, "what was refused changed something");
        let refused = desk.written("knowledge.refused").await;
        assert_eq!(refused.len(), GUARDED.len(), "{refused:?}");
        assert!(refused.iter().all(|entry| entry["outcome"] == "refused" && entry["subject"] == "acme" && entry["actor"] == "admin key"), "{refused:?}");

        for (at, operation) in GUARDED.iter().enumerate() {
            let before = desk.holds().await;
            let (status, said) = desk.ask(&desk.change(operation), "?force=true").await;
            assert!((200..300).contains(&status), "{operation}: {status} {said}");
            assert_eq!(desk.written("knowledge.forced").await.len(), at + 1, "{operation}");
            if !["retry_document", "refresh_source"].contains(operation) {
                assert_ne!(desk.holds().await, before, "{operation} changed nothing");
            }
        }
        desk.app.stop().await;
    }

    async fn an_answer_that_makes_it_worse_is_refused_and_another_is_taken(db) {
        let (app, gate) = gated(db, "").await;
        let strict = prompt(&gate.replace('}', ", knowledge: true}"), "Second.");
        let (status, said) = app.call("/agents/acme/publish", &json!({"source": strict})).await;
        assert_eq!(status, 200, "{said}");
        let wrong = json!({"phrasings": ["When do you close on Saturday?"], "answer": "At noon."});
        let (status, said) = app.call("/collections/acme/answers", &wrong).await;
        assert_eq!(status, 409, "{said}");
        let detail = said["detail"].as_str().unwrap();
        for word in ["The gate of acme", "saturday", "worse", "Nothing was changed", "?force=true"] {
            assert!(detail.contains(word), "no `{word}` in {detail}");
        }
        assert_eq!(said["verdict"]["gates"][0]["agent"], "acme", "{said}");
        assert_eq!(app.get("/collections/acme/answers").await["items"], json!([]));
        let ask = json!({"agent": "acme", "text": "When do you close on Saturday?"});
        assert!(app.call("/sandbox/turns", &ask).await.1.to_string().contains("13:00"));

        let right = json!({"phrasings": ["Do you sell bulbs?"], "answer": "Yes, of every kind."});
        let (status, made) = app.call("/collections/acme/answers", &right).await;
        assert_eq!(status, 200, "{made}");
        let told = app.call("/sandbox/turns", &json!({"agent": "acme", "text": "Do you sell bulbs?"})).await.1;
        assert!(told.to_string().contains("of every kind"), "{told}");
        // A change is tried as well, and with force the wrong answer is accepted.
        let answer = format!("/collections/acme/answers/{}", made["id"].as_str().unwrap());
        let change = |query: &str| app.http.patch(format!("{}/api/v1{answer}{query}", app.url)).bearer_auth(KEY).json(&wrong).send();
        assert_eq!(change("").await.unwrap().status(), 409);
        assert_eq!(change("?force=true").await.unwrap().status(), 200);
        assert!(app.call("/sandbox/turns", &ask).await.1.to_string().contains("At noon"));
        // The agent is better without it: the removal is allowed.
        let remove = app.http.delete(format!("{}/api/v1{answer}", app.url)).bearer_auth(KEY);
        assert_eq!(remove.send().await.unwrap().status(), 200);

        let of = async |action: &str| app.get(&format!("/audit?action={action}&subject=acme")).await["items"].as_array().unwrap().len();
        assert_eq!((of("knowledge.refused").await, of("knowledge.learned").await, of("knowledge.forced").await), (2, 2, 1));
        let draft = app.desk.store.collection("acme@draft").await.unwrap();
        let left = app.desk.store.documents(&draft, 0).await.unwrap();
        assert!(left.iter().all(|row| row.state == DocumentState::Removed), "{left:?}");
        assert!(app.desk.store.answers(&draft, None, 100).await.unwrap().is_empty());
        app.stop().await;
    }

    async fn what_is_tried_beside_a_collection_is_nobodys_to_change(db) {
        let desk = Guarded::start(db).await;
        desk.app.desk.store.collection("acme@draft").await.unwrap();
        for path in ["/collections/acme@draft/answers", "/collections/acme@draft/documents"] {
            let body = if path.ends_with("answers") {
                json!({"phrasings": ["Where?"], "answer": "Here."})
            } else {
                json!({"title": "Prices", "text": "All is free."})
            };
            for query in ["", "?force=true"] {
                let (status, said) = desk.app.call(&format!("{path}{query}"), &body).await;
                assert_eq!(status, 409, "{path}{query}");
                assert!(!said.to_string().contains("force"), "it cannot be forced: {said}");
            }
        }
        let entries = desk.app.get("/audit?subject=acme@draft&outcome=refused").await;
        assert_eq!(entries["items"].as_array().unwrap().len(), 4, "{entries}");
        desk.app.stop().await;
    }

    async fn a_source_of_a_guarded_collection_is_not_read_by_itself(db) {
        let desk = Guarded::start(db).await;
        let before = desk.app.get("/collections/acme/documents").await;
        let due = source(&desk.app, "https://example.com/due", Some(1)).await;
        let id = desk.app.desk.store.add_source(due).await.unwrap();
        let began = Instant::now();
        let row = loop {
            let row = desk.app.desk.store.source(&id).await.unwrap().unwrap();
            if row.state != SourceState::Waiting {
                break row;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{row:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!((row.state, row.due_at), (SourceState::Failed, None));
        assert!(row.error.as_deref().unwrap().contains("The gate of acme"), "{row:?}");
        assert_eq!(desk.app.get("/collections/acme/documents").await, before);
        desk.app.stop().await;
    }

    async fn commands_ask_the_gate_too(db) {
        let desk = Guarded::start(db).await;
        let before = desk.holds().await;
        let (answer, gap, source) = (&desk.answer, &desk.gap, &desk.source);
        // A URL that cannot be reached: with force the read is attempted.
        let ways: &[&[&str]] = &[
            &["answer", "add", "--collection", "acme", "--ask", "Where?", "Here."],
            &["answer", "edit", answer, "--off"],
            &["gaps", "answer", gap, "Only yellow ones."],
            &["learn", "https://nowhere.invalid/help", "--collection", "acme"],
            &["source", "refresh", source],
            &["answer", "remove", answer],
            &["source", "remove", source],
        ];
        for way in ways {
            let ran = command(&desk.app, way).await;
            process::says(&ran, false, &["The gate of acme", "--force"]);
        }
        assert_eq!(desk.holds().await, before);
        assert_eq!(desk.written("knowledge.refused").await.len(), ways.len());
        for (at, way) in ways.iter().enumerate() {
            let (good, said) = command(&desk.app, &[way, &["--force"][..]].concat()).await;
            let reads = way.contains(&"refresh") || way[0] == "learn";
            assert!(good || reads, "{way:?}: {said}");
            assert_eq!(desk.written("knowledge.forced").await.len(), at + 1, "{way:?}: {said}");
        }
        let forced = desk.written("knowledge.forced").await;
        assert!(forced.iter().all(|entry| entry["actor"].as_str().unwrap().starts_with("ada")), "{forced:?}");
        desk.app.stop().await;
    }
}
