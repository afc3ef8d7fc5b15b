//! The authorization matrix: every operation of the OpenAPI document and every other route, for
//! every kind of caller. A refused request changes nothing; a new route without a row here fails.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use frontdesk::domain::{
    AnswerContent, CampaignTemplate, CollectionId, ProviderKind, RecipientFields, SourceKind,
};
use frontdesk::store::answers::NewAnswer;
use frontdesk::store::campaigns::NewCampaign;
use frontdesk::store::campaigns::recipients::NewRecipient;
use frontdesk::store::sources::NewSource;
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::session::Browser;
use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;
use crate::support::store::connect;

/// Operations that only read.
const READS: &str = "list_agents get_generate_state get_agent list_versions get_version list_audit list_collections list_answers get_answer \
    list_documents get_collection_settings list_sources list_conversations count_conversations get_conversation list_messages get_document \
    list_chunks list_escalations compare_runs list_runs get_run watch_run list_run_rows get_report list_suites list_events list_gaps get_gap \
    live get_media get_recording list_known_models list_numbers get_number list_templates number_handshake overview list_providers get_session get_status \
    get_turn get_model_settings suggest_agent list_sample_questions get_original list_cases list_campaigns get_campaign list_recipients get_campaign_results";
/// Operations that write or spend.
const WRITES: &str = "create_agent generate_prompt check_draft try_handoff publish_version rename_agent remove_agent remove_demo create_collection rename_collection remove_collection create_answer \
    remove_answer change_answer upload_documents set_collection_settings add_source remove_source refresh_source hand_back_conversation \
    write_message start_conversation create_campaign remove_campaign add_recipients test_campaign start_campaign stop_campaign resolve_conversation see_conversation take_conversation remove_document retry_document resolve_escalation save_case remove_case \
    start_run stop_run accept_run answer_gap dismiss_gap search_knowledge retry_message correct_transcript add_number draft_number remove_number \
    change_number connect_number check_pairing restart_number log_out_number pause_number resume_number try_number check_fields sync_templates create_template delete_template run_sandbox_turn set_model remove_model list_endpoint_models test_model fetch_local_model cancel_local_model sign_out sign_out_everywhere";
/// OpenAI-compatible operations: two reads and a write, refused with OpenAI's errors.
const COMPLETIONS: [&str; 3] = ["list_models", "get_model", "complete_chat"];
/// The only operation without authentication: it takes a link.
const SIGN_IN: &str = "sign_in";

/// Routes outside the OpenAPI document, in all files of `http`.
const OTHERS: &[&str] = &[
    "/api/v1/openapi.json",
    "/webhooks/{provider}",
    "/webhooks/{provider}/{number}",
    "/metrics",
    "/healthz",
    "/readyz",
    "/",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Read,
    Write,
    CompletionsRead,
    CompletionsWrite,
    SignIn,
}

/// The credentials of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Nobody,
    WrongKey,
    KeyAndMore,
    Basic,
    BadCookie,
    WrongKeyWithCookie,
    NoCsrf,
    WrongCsrf,
    CrossSite,
    ForeignOrigin,
    Cookie,
    Key,
}

use Caller::{
    BadCookie, Basic, Cookie, CrossSite, ForeignOrigin, Key, KeyAndMore, NoCsrf, Nobody, WrongCsrf,
    WrongKey, WrongKeyWithCookie,
};

const CALLERS: [Caller; 12] = [
    Nobody,
    WrongKey,
    KeyAndMore,
    Basic,
    BadCookie,
    WrongKeyWithCookie,
    NoCsrf,
    WrongCsrf,
    CrossSite,
    ForeignOrigin,
    Cookie,
    Key,
];

/// Returns the status of the refusal; `None` when the caller is allowed.
fn refusal(class: Class, caller: Caller) -> Option<u16> {
    let reads = matches!(class, Class::Read | Class::CompletionsRead);
    match (class, caller) {
        // A cross-site page cannot sign in; without a link nobody signs in, whatever other
        // credentials are present.
        (Class::SignIn, CrossSite | ForeignOrigin) => Some(403),
        (Class::SignIn, _)
        | (_, Nobody | WrongKey | KeyAndMore | Basic | BadCookie | WrongKeyWithCookie) => Some(401),
        (_, NoCsrf | WrongCsrf | CrossSite | ForeignOrigin) if !reads => Some(403),
        _ => None,
    }
}

#[derive(Debug)]
struct Operation {
    id: String,
    method: Method,
    path: String,
    class: Class,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&frontdesk::http::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let Some(id) = operation["operationId"].as_str() else { continue };
            let listed = |words: &str| words.split_whitespace().any(|word| word == id);
            let class = match () {
                () if listed(READS) => Class::Read,
                () if listed(WRITES) => Class::Write,
                () if COMPLETIONS[..2].contains(&id) => Class::CompletionsRead,
                () if id == COMPLETIONS[2] => Class::CompletionsWrite,
                () if id == SIGN_IN => Class::SignIn,
                () => panic!("{method} {path} ({id}) has no row: who may do it?"),
            };
            let safe = method == Method::GET;
            let read = matches!(class, Class::Read | Class::CompletionsRead);
            assert_eq!(safe, read, "{method} {path} ({id}) is of another class");
            all.push(Operation { id: id.to_owned(), method, path: path.clone(), class });
        }
    }
    all
}

/// Returns a path with its parameters filled in.
fn filled(path: &str, with: impl Fn(&str, &str) -> String) -> String {
    let mut made = Vec::new();
    let mut noun = "";
    for part in path.split('/') {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        made.push(name.map_or_else(|| part.to_owned(), |name| with(noun, name)));
        noun = part;
    }
    made.join("/")
}

fn ask(
    app: &TestApp,
    operation: &Operation,
    (path, browser, caller): (&str, &Browser, Caller),
) -> RequestBuilder {
    let request = app.http.request(operation.method.clone(), format!("{}{path}", app.url));
    let request = match operation.class {
        Class::Read | Class::CompletionsRead => request,
        Class::SignIn => request.json(&json!({"token": "no-such-link"})),
        _ => request.json(&json!({})),
    };
    let cookie = |request: RequestBuilder| request.header("cookie", &browser.cookie);
    let console = |request| cookie(request).header("x-csrf-token", &browser.csrf);
    match caller {
        Nobody => request,
        WrongKey => request.bearer_auth("wrong"),
        KeyAndMore => request.bearer_auth(format!("{KEY}x")),
        Basic => request.basic_auth("admin", Some(KEY)),
        BadCookie => request.header("cookie", format!("{}x", browser.cookie)),
        WrongKeyWithCookie => console(request).bearer_auth("wrong"),
        NoCsrf => cookie(request),
        WrongCsrf => cookie(request).header("x-csrf-token", "wrong"),
        CrossSite => console(request).header("sec-fetch-site", "cross-site"),
        ForeignOrigin => console(request).header("origin", "https://evil.example"),
        Cookie => console(request),
        Key => request.bearer_auth(KEY),
    }
}

/// Returns the content of each table, except what changes by itself and the log of refusals.
async fn content(app: &TestApp) -> Vec<(String, String)> {
    let url = app.config.store.url.expose_secret();
    let restless = ["replicas", "holds", "_sqlx_migrations"];
    let mut content = Vec::new();
    if url.is_empty() {
        let file = format!("sqlite://{}", app.home.path().join("desk.db").display());
        let mut database = SqliteConnection::connect(&file).await.unwrap();
        let sql = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name";
        let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut database).await.unwrap();
        for table in tables {
            let columns = AssertSqlSafe(format!("select name from pragma_table_info('{table}')"));
            let columns: Vec<String> =
                sqlx::query_scalar(columns).fetch_all(&mut database).await.unwrap();
            let row = columns
                .iter()
                .map(|column| format!("quote(\"{column}\")"))
                .collect::<Vec<_>>()
                .join(" || ',' || ");
            let only = if table == "audit_log" {
                "where action not in ('key.refused', 'session.started')"
            } else {
                ""
            };
            let sql = format!(
                "select coalesce(group_concat(x, ';'), '') from (select {row} as x from \"{table}\" {only} order by 1)"
            );
            let text: String =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut database).await.unwrap();
            content.push((table, text));
        }
    } else {
        let mut database = PgConnection::connect(url).await.unwrap();
        let sql = "select tablename::text from pg_tables where schemaname = 'public' order by 1";
        let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut database).await.unwrap();
        for table in tables {
            let only = if table == "audit_log" {
                "where action not in ('key.refused', 'session.started')"
            } else {
                ""
            };
            let sql = format!(
                "select coalesce(string_agg(t::text, ';' order by t::text), '') from \"{table}\" t {only}"
            );
            let text: String =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut database).await.unwrap();
            content.push((table, text));
        }
    }
    content.retain(|(table, _)| !restless.contains(&table.as_str()));
    assert!(content.len() > 20, "{content:?}");
    content
}

/// Starts a desk with an object for every kind of id: a conversation with its message and turn, a
/// document, an answer, a source, a case, a run.
async fn furnished(db: Db) -> (TestApp, impl Fn(&str, &str) -> String) {
    let app = Setup::on(db).start().await;
    app.deliver(&text_webhook(MAIN, "447700930001", "wamid.1", "human please")).await;
    app.settle().await;
    // A number's `last_sent_at` is written with a delay, by no request.
    let noted = "update numbers set last_sent_at = last_sent_at where last_sent_at > 0";
    while app.change(noted).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let answer = json!({"phrasings": ["When?"], "answer": "At nine."});
    assert_eq!(app.call("/collections/acme/answers", &answer).await.0, 200);
    let conversation =
        app.conversation_with("447700930001").await["id"].as_str().unwrap().to_owned();
    let first = |page: Value| page["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    let ids = [
        ("conversations", conversation.clone()),
        ("messages", first(app.get(&format!("/conversations/{conversation}/messages")).await)),
        ("documents", first(app.get("/collections/acme/documents").await)),
        ("answers", first(app.get("/collections/acme/answers").await)),
        ("escalations", first(app.get("/escalations").await)),
        ("numbers", app.get("/numbers").await[0]["id"].as_str().unwrap().to_owned()),
    ];
    assert!(ids.iter().all(|(_, id)| !id.is_empty()), "{ids:?}");
    let with = move |noun: &str, name: &str| {
        let known =
            ids.iter().find(|(it, _)| *it == noun && name == "id").map(|(_, id)| id.clone());
        known.unwrap_or_else(|| if name == "version" { "1".into() } else { "acme".into() })
    };
    (app, with)
}

on_both! {
    async fn every_operation_lets_in_whom_it_should_and_the_others_change_nothing(db) {
        let (app, with) = furnished(db).await;
        let mut browser = Browser::of(&app).await;
        let operations = operations();
        assert!(operations.len() > 70, "{operations:?}");
        // First the refused callers, on objects that exist.
        let before = content(&app).await;
        for operation in &operations {
            let path = filled(&operation.path, &with);
            for caller in CALLERS {
                let Some(wanted) = refusal(operation.class, caller) else { continue };
                let response = ask(&app, operation, (&path, &browser, caller)).send().await.unwrap();
                let what = format!("{caller:?} {} {path} ({})", operation.method, operation.id);
                assert_eq!(response.status().as_u16(), wanted, "{what}");
                assert!(!response.headers().contains_key("set-cookie"), "{what}");
                let body: Value = response.json().await.unwrap();
                let detail = match operation.class {
                    Class::CompletionsRead | Class::CompletionsWrite => &body["error"]["message"],
                    _ => &body["detail"],
                };
                assert!(detail.as_str().is_some_and(|why| !why.is_empty()), "{what}: {body}");
            }
        }
        for ((table, was), (_, is)) in before.iter().zip(content(&app).await) {
            assert_eq!(*was, is, "somebody who was refused changed {table}");
        }
        // Then the allowed callers, on objects that do not exist.
        for operation in &operations {
            let path = filled(&operation.path, |_, _| "nothing".into());
            for caller in CALLERS.into_iter().filter(|caller| refusal(operation.class, *caller).is_none()) {
                if operation.id.starts_with("sign_out") {
                    browser = Browser::of(&app).await;
                }
                let response = ask(&app, operation, (&path, &browser, caller)).send().await.unwrap();
                let status = response.status().as_u16();
                let what = format!("{caller:?} {} {path} ({}): {status}", operation.method, operation.id);
                assert!(status != 401 && status != 403 && status < 500, "{what}");
            }
            if operation.id.starts_with("sign_out") {
                browser = Browser::of(&app).await;
            }
        }
        app.stop().await;
    }

    async fn an_id_of_another_workspace_is_not_found(db) {
        let (app, _) = furnished(db).await;
        let other = app.desk.store.workspace("other").await.unwrap();
        let collection: CollectionId = other.collection("acme").await.unwrap();
        let curated = AnswerContent { phrasings: vec!["Theirs?".into()], body: "Theirs.".into(), language: None, enabled: true };
        let answer = NewAnswer { collection: collection.clone(), curated, author: "them".into() };
        let answer = other.add_answer(answer).await.unwrap().unwrap().to_string();
        let source = NewSource {
            collection: collection.clone(),
            url: "https://theirs.example/".into(),
            kind: SourceKind::Page,
            settings: "{}".into(),
            every_minutes: None,
            due_at: None,
        };
        let source = other.add_source(source).await.unwrap().to_string();
        let run = other.queue_run("theirs.yaml", "{}".into()).await.unwrap().to_string();
        let draft = other.draft_number(ProviderKind::Meta, "hash".into()).await.unwrap();
        let version = other.publish("theirs", "---\nname: Theirs\n---\nx\n", "hash").await.unwrap();
        let number = connect(&other, ("theirs", "447700900555"), &version.agent).await;
        let template = CampaignTemplate { name: "t".into(), language: "en".into(), values: Vec::new() };
        let campaign = NewCampaign { number, name: "Theirs".into(), template, opt_in: "Form".into(), pace: None };
        let campaign = other.create_campaign(campaign).await.unwrap();
        let customer = NewRecipient { wa_id: "447700930009".into(), name: None, fields: RecipientFields::new() };
        other.add_recipients(&campaign, vec![customer]).await.unwrap();
        let before = content(&app).await;
        for (method, path) in [
            ("GET", format!("/collections/acme/answers/{answer}")),
            ("PATCH", format!("/collections/acme/answers/{answer}")),
            ("DELETE", format!("/collections/acme/answers/{answer}")),
            ("DELETE", format!("/collections/acme/sources/{source}")),
            ("POST", format!("/collections/acme/sources/{source}/refresh")),
            ("GET", format!("/collections/{}/settings", collection.as_str())),
            ("PUT", format!("/collections/{}/settings", collection.as_str())),
            ("GET", format!("/collections/{}/documents", collection.as_str())),
            ("DELETE", format!("/collections/{}", collection.as_str())),
            ("GET", format!("/evals/runs/{run}")),
            ("GET", format!("/evals/runs/{run}/rows")),
            ("GET", format!("/evals/runs/{run}/report.json")),
            ("DELETE", format!("/evals/runs/{run}")),
            ("GET", format!("/campaigns/{campaign}")),
            ("DELETE", format!("/campaigns/{campaign}")),
            ("GET", format!("/campaigns/{campaign}/recipients")),
            ("GET", format!("/campaigns/{campaign}/results")),
            ("POST", format!("/campaigns/{campaign}/start")),
            ("POST", format!("/campaigns/{campaign}/stop")),
            ("GET", format!("/numbers/{draft}/handshake")),
            ("GET", "/agents/theirs".to_owned()),
            ("GET", "/agents/theirs/versions/1".to_owned()),
            ("POST", "/agents/theirs/publish".to_owned()),
        ] {
            let request = app.http.request(method.parse().unwrap(), format!("{}/api/v1{path}", app.url));
            let body = match method {
                "PATCH" => json!({"enabled": false}),
                "PUT" => json!({}),
                _ if path.starts_with("/campaigns") => json!({}),
                _ => json!({"version": 1}),
            };
            let request = request.bearer_auth(KEY).json(&body);
            assert_eq!(request.send().await.unwrap().status(), 404, "{method} {path}");
        }
        for path in ["/agents", "/collections", "/evals/runs"] {
            assert!(!app.get(path).await.to_string().contains("theirs"), "{path}");
        }
        let unchanged = |content: Vec<(String, String)>| content.into_iter().filter(|(table, _)| table != "audit_log").collect::<Vec<_>>();
        assert_eq!(unchanged(before), unchanged(content(&app).await));
        app.stop().await;
    }

    async fn what_is_outside_of_the_document_is_known_and_lets_in_whom_it_should(db) {
        let mut found = BTreeSet::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http"), &mut found);
        let known: BTreeSet<_> = OTHERS.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(found, known, "a route that is neither in the OpenAPI document nor listed here");

        let (app, _) = furnished(db).await;
        let browser = Browser::of(&app).await;
        let before = content(&app).await;
        let body = text_webhook(MAIN, "447700930001", "wamid.unsigned", "hello?");
        // Neither the API key nor a browser session counts as a signature.
        for caller in CALLERS {
            for (method, path, wanted) in [
                ("GET", "/healthz", 200),
                ("GET", "/readyz", 200),
                ("GET", "/", 200),
                ("GET", "/api/v1/openapi.json", 200),
                ("GET", "/api/v1/nothing", 404),
                ("POST", "/api/v1/nothing", 404),
                ("GET", "/metrics", if caller == Key { 200 } else { 401 }),
                ("GET", "/webhooks/meta?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1", 403),
                ("POST", "/webhooks/meta", 401),
                ("POST", "/webhooks/meta/main", 401),
            ] {
                let operation = Operation { id: String::new(), method: method.parse().unwrap(), path: path.into(), class: Class::Read };
                let request = ask(&app, &operation, (path, &browser, caller));
                let request = if path.starts_with("/webhooks") && method == "POST" { request.body(body.clone()) } else { request };
                assert_eq!(request.send().await.unwrap().status().as_u16(), wanted, "{caller:?} {method} {path}");
            }
        }
        assert_eq!(before, content(&app).await);
        app.stop().await;
    }
}

/// Collects the paths of `.route("…")` in the sources.
fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            for word in [".route(", ".route_service(", ".nest_service(", ".nest(\"/"] {
                let nested = |rest: &&str| !(word == ".nest(\"/" && rest.starts_with("api/v1"));
                for rest in text.split(word).skip(1).filter(nested) {
                    let route =
                        rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                    found.insert(route.unwrap_or("a route that is not written out").to_owned());
                }
            }
        }
    }
}
