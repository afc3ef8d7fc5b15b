//! The models for embeddings, speech and reranking, and those of single agents, as they are chosen
//! while the desk runs: used at once, or once the documents are embedded; and never half.

use std::time::{Duration, Instant};

use frontdesk::domain::{ModelProvider, ModelTask};
use frontdesk::embed::Purpose;
use frontdesk::index::{Query, Settings};
use frontdesk::knowledge::{Library, SilentProgress, SourceFolder};
use frontdesk::models::ModelSetting;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::delivery::until;
use crate::embedding::tiny::BERT;
use crate::support::app::{Db, KEY, MAIN, SECOND, Setup, TestApp, on_both, write_home_files};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{Note, text_webhook, voice_webhook};
use crate::support::openai::OpenAi;
use crate::support::postgres::Postgres;
use crate::support::process::{Process, run, says};

const QUESTION: &str = "On Saturday, when do you close?";
const SECRETS: &str = "11111111111111111111111111111111111111111111111111111111111111aa";
/// Time limit for what happens in the background.
const TIMEOUT: Duration = Duration::from_secs(20);

fn setup(db: Db) -> Setup {
    Setup::on(db).with(&format!("[secrets]\nkey = \"{SECRETS}\""))
}

fn at(url: &str, model: &str) -> Value {
    json!({"provider": "compatible", "base_url": url, "model": model, "key": "sk-own"})
}

async fn ask(app: &TestApp, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/settings/models/{path}", app.url);
    let response = app.http.request(method, url).bearer_auth(KEY).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn set(app: &TestApp, path: &str, body: &Value) -> Value {
    let (status, told) = ask(app, Method::PUT, path, body).await;
    assert_eq!(status, 200, "{path}: {told}");
    told
}

async fn unset(app: &TestApp, path: &str) {
    assert_eq!(ask(app, Method::DELETE, path, &Value::Null).await.0, 204, "{path}");
}

fn part(settings: &Value, task: &str) -> Value {
    let parts = settings["parts"].as_array().unwrap();
    parts.iter().find(|part| part["task"] == task).unwrap().clone()
}

async fn part_now(app: &TestApp, task: &str) -> Value {
    part(&app.get("/settings/models").await, task)
}

/// Waits until a model does a task.
async fn wait_for(app: &TestApp, task: &str, name: &str) {
    let started = Instant::now();
    loop {
        let now = part_now(app, task).await;
        let is_named = now["name"].as_str().unwrap_or_default().starts_with(name);
        if is_named && now["name"].is_null() == name.is_empty() && now["pending"].is_null() {
            return;
        }
        assert!(started.elapsed() < TIMEOUT, "not {name} but {now}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn write(app: &TestApp, number: &str, customer: u8, text: &str) {
    let from = format!("4477009300{customer:02}");
    app.deliver(&text_webhook(number, &from, &format!("wamid.{customer}"), text)).await;
    app.settle().await;
}

fn asked_for(server: &OpenAi, text: &str) -> usize {
    server.embedded().iter().filter(|request| request.to_string().contains(text)).count()
}

on_both! {
    async fn another_embedder_is_used_when_it_has_embedded_the_documents(db) {
        let app = setup(db).start().await;
        assert_eq!(part_now(&app, "embeddings").await["origin"], "configuration");
        let own = OpenAi::start().await;
        own.fail_next_at("/v1/embeddings", 1, &Failure::Status(401, json!("no"), None));
        set(&app, "embeddings", &at(&own.url, "one")).await;
        let started = Instant::now();
        while own.request_count() == 0 {
            assert!(started.elapsed() < TIMEOUT, "the documents are not embedded");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut now = part_now(&app, "embeddings").await;
        while now["pending"]["failure"].is_null() {
            assert!(started.elapsed() < TIMEOUT, "the failure is told: {now}");
            tokio::time::sleep(Duration::from_millis(5)).await;
            now = part_now(&app, "embeddings").await;
        }
        assert_eq!((&now["name"], &now["pending"]["done"]), (&json!("openai/fake/default"), &json!(0)), "{now}");
        assert!(now["pending"]["name"].as_str().unwrap().starts_with("openai/one/"), "{now}");
        assert!(now["pending"]["total"].as_i64() > Some(0), "{now}");
        write(&app, MAIN, 1, QUESTION).await;
        assert_eq!((asked_for(&app.model, QUESTION), asked_for(&own, QUESTION)), (1, 0), "the old one searches");

        // The next choice goes on where the first one failed, and learns nothing twice.
        set(&app, "embeddings", &at(&own.url, "two")).await;
        wait_for(&app, "embeddings", "openai/two/").await;
        write(&app, MAIN, 2, "When do you close on Sunday?").await;
        assert_eq!((asked_for(&app.model, "on Sunday?"), asked_for(&own, "on Sunday?")), (0, 1));
        let body = json!({"question": "Do you have spare valves?", "collections": ["acme"]});
        let (status, found) = app.call("/knowledge/search", &body).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        assert!(found.to_string().contains("\"dense\":0"), "its vectors are searched: {found}");
        let (before, passages) = (own.embedded().len(), app.model.embedded().len());
        std::fs::write(app.home.path().join("knowledge/acme/valves.md"), "# Valves\n\nA valve costs four euros.").unwrap();
        for folder in SourceFolder::find(&app.home.path().join("knowledge"), None).unwrap() {
            app.desk.library.learn_changes(folder, &SilentProgress).await.unwrap();
        }
        assert!(own.embedded().len() > before && app.model.embedded().len() == passages, "new documents are its own");

        // The configuration's vectors are still there but for the new document's.
        unset(&app, "embeddings").await;
        wait_for(&app, "embeddings", "openai/fake/default").await;
        assert_eq!(part_now(&app, "embeddings").await["origin"], "configuration");
        assert_eq!(app.model.embedded().len(), passages + 1, "one request for the new document");
        set(&app, "embeddings", &json!({"provider": "off"})).await;
        wait_for(&app, "embeddings", "").await;
        assert_eq!(part_now(&app, "embeddings").await["origin"], "console");
        write(&app, MAIN, 3, "And on holidays?").await;
        assert_eq!((asked_for(&app.model, "holidays"), asked_for(&own, "holidays")), (0, 0));
        app.stop().await;
    }

    async fn nothing_more_is_sent_to_an_embedder_that_is_no_longer_wanted(db) {
        let app = setup(db).start().await;
        let own = OpenAi::start().await;
        own.fail_next_at("/v1/embeddings", 1, &Failure::Stall(Duration::from_mins(10)));
        set(&app, "embeddings", &at(&own.url, "one")).await;
        until("the documents are embedded", async || own.request_count() > 0).await;
        let other = OpenAi::start().await;
        set(&app, "embeddings", &at(&other.url, "two")).await;
        // It does not wait for the first one.
        wait_for(&app, "embeddings", "openai/two/").await;
        assert_eq!((own.request_count(), own.embedded().len()), (1, 0));
        app.stop().await;
    }

    async fn speech_and_reranker_change_between_two_messages(db) {
        let app = setup(db).start().await;
        let own = OpenAi::start().await;
        app.whatsapp.put_media("77", b"OggS-saturday", "audio/ogg");
        for server in [&app.model, &own] {
            server.put_transcript(b"OggS-saturday", QUESTION, "english");
        }
        let hear = async |customer: u8| {
            let note = Note { media_id: "77", bytes: b"OggS-saturday" };
            let from = format!("4477009400{customer:02}");
            app.deliver(&voice_webhook(MAIN, &from, &format!("wamid.v{customer}"), note)).await;
            app.settle().await;
        };
        hear(1).await;
        assert_eq!((app.model.recorded().len(), own.recorded().len()), (1, 0));
        set(&app, "speech", &at(&own.url, "ears")).await;
        set(&app, "reranking", &at(&own.url, "ranks")).await;
        assert_eq!(part_now(&app, "speech").await["name"], "openai/ears");
        hear(2).await;
        assert_eq!((app.model.recorded().len(), own.recorded().len()), (1, 1));
        let ranked = own.rerank_requests().len();
        assert!(ranked > 0, "the passages are ranked");
        // An agent can have its own, or none.
        set(&app, "reranking?agent=bolt", &json!({"provider": "off"})).await;
        write(&app, MAIN, 3, QUESTION).await;
        assert!(own.rerank_requests().len() > ranked, "it is the other agent's");
        set(&app, "reranking?agent=acme", &json!({"provider": "off"})).await;
        let ranked = own.rerank_requests().len();
        write(&app, MAIN, 4, QUESTION).await;
        assert_eq!(own.rerank_requests().len(), ranked);
        unset(&app, "reranking?agent=acme").await;
        let ranked = own.rerank_requests().len();
        write(&app, MAIN, 5, QUESTION).await;
        assert!(own.rerank_requests().len() > ranked);
        set(&app, "speech?agent=acme", &at(&app.model.url, "its-own")).await;
        hear(6).await;
        assert_eq!((app.model.recorded().len(), own.recorded().len()), (2, 1));
        unset(&app, "speech").await;
        unset(&app, "speech?agent=acme").await;
        hear(7).await;
        assert_eq!((app.model.recorded().len(), own.recorded().len()), (3, 1));
        app.stop().await;
    }

    async fn an_agent_has_a_model_of_its_own_until_it_is_removed(db) {
        let app = setup(db).start().await;
        let own = OpenAi::start().await;
        own.answer_with(|_| "From its own model, at 13:00 [1].".into());
        app.model.answer_with(|_| "From the workspace, at 13:00 [1].".into());
        let now = set(&app, "chat?agent=acme", &at(&own.url, "mine")).await;
        let acme = now["agents"].as_array().unwrap().iter().find(|one| one["slug"] == "acme").unwrap();
        assert_eq!((&acme["choices"][0]["role"], &acme["choices"][0]["chosen"]["model"]), (&json!("chat"), &json!("mine")));
        assert_eq!((&now["chosen"], acme["choices"].to_string().contains("sk-own")), (&Value::Null, false));
        write(&app, MAIN, 1, QUESTION).await;
        assert!(app.received().pop().unwrap().1.contains("From its own model"));
        assert_eq!(own.requests().pop().unwrap()["model"], "mine");
        write(&app, SECOND, 2, QUESTION).await;
        assert!(!app.received().pop().unwrap().1.contains("From its own model"));
        assert!(app.get("/audit").await.to_string().contains("\"chat/agt_"), "the log says whose");
        unset(&app, "chat?agent=acme").await;
        write(&app, MAIN, 3, QUESTION).await;
        assert!(app.received().pop().unwrap().1.contains("From the workspace"));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_embeds_later_is_searched_then() {
    let app = setup(Db::Sqlite).start().await;
    let own = OpenAi::start().await;
    let chosen = ModelSetting {
        provider: ModelProvider::Compatible,
        base_url: own.url.clone(),
        model: "one".into(),
        api_key: None,
        trusted: true,
    };
    // A process that has the new embedder already, while another one learned with the old one.
    let embedder = app.config.embed.chosen(&chosen).build(&app.config.models).unwrap();
    let index = Settings::Memory {}.build(None).unwrap();
    let (store, knowledge) = (app.desk.store.clone(), app.config.knowledge.clone());
    let library = Library::new(store, index.clone(), embedder.clone(), knowledge);
    library.sync_index().await.unwrap();
    let acme = app.desk.store.collection("acme").await.unwrap();
    let vectors = embedder.embed(&[QUESTION.to_owned()], Purpose::Query).await.unwrap();
    let found = async || {
        let collections = std::slice::from_ref(&acme);
        let (text, vector) = (QUESTION, Some(vectors[0].as_slice()));
        let query = Query { collections, text, language: None, vector, limit: 5 };
        index.search(&query).await.unwrap().dense.len()
    };
    assert_eq!(found().await, 0, "by words alone");
    assert!(!library.embedding_progress().await.unwrap().is_empty());
    // The other one embeds for the new embedder, but its own index needs nothing of it.
    app.desk.library.backfill_with(&*embedder, &SilentProgress).await.unwrap();
    library.sync_index().await.unwrap();
    assert_eq!(found().await, 0, "no revision says so");
    assert!(library.embedding_progress().await.unwrap().is_empty());
    library.sync_index().await.unwrap();
    assert!(found().await > 0, "what is there by now is loaded");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_uses_what_was_chosen_and_never_asks_what_it_replaces() {
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    let (whatsapp, model, own) =
        (Graph::start().await, OpenAi::start().await, OpenAi::start().await);
    let settings = Setup::on(Db::Sqlite).settings(home.path(), "", &whatsapp, &model);
    std::fs::write(home.path().join("desk.toml"), &settings).unwrap();
    let cli = async |args: &[&str]| {
        let all = [&["--config", "desk.toml"], args].concat();
        run(home.path(), &all, &[]).await
    };
    let desk = Process::begin(home.path());
    desk.wait_ready().await;
    desk.kill().await;
    let args =
        ["models", "set", "embeddings", "--provider", "compatible", "--model", "one", "--url"];
    let chosen = [&args[..], &[own.url.as_str()]].concat();
    says(&cli(&chosen).await, true, &["as soon as it has embedded", "frontdesk reindex"]);
    says(&cli(&["models", "show"]).await, true, &["openai/one/", "acme: 0 of"]);
    let before = model.embedded().len();
    own.fail_next_at("/v1/embeddings", 1, &Failure::Status(401, json!("no"), None));
    says(&cli(&["reindex"]).await, false, &["401"]);
    // With documents that it has not embedded, questions go to it or to nobody.
    let desk = Process::begin(home.path());
    desk.wait_ready().await;
    let started = Instant::now();
    while !cli(&["models", "show"]).await.1.contains("openai/one/")
        || cli(&["models", "show"]).await.1.contains("passages are embedded")
    {
        assert!(started.elapsed() < TIMEOUT, "{}", cli(&["models", "show"]).await.1);
    }
    assert_eq!(model.embedded().len(), before, "the configuration's is not asked");
    desk.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_uses_the_new_embedder() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    let (whatsapp, model, own) =
        (Graph::start().await, OpenAi::start().await, OpenAi::start().await);
    let settings = Setup::on(Db::Postgres).settings(home.path(), &url, &whatsapp, &model);
    let settings = format!("[secrets]\nkey = \"{SECRETS}\"\n{settings}");
    std::fs::write(home.path().join("desk.toml"), &settings).unwrap();
    let (one, other) = (Process::begin(home.path()), Process::begin(home.path()));
    one.wait_ready().await;
    other.wait_ready().await;
    let http = reqwest::Client::new();
    let body = at(&own.url, "one");
    let put = http.put(format!("{}/api/v1/settings/models/embeddings", one.url));
    assert!(put.bearer_auth(KEY).json(&body).send().await.unwrap().status().is_success());
    for process in [&one, &other] {
        let started = Instant::now();
        loop {
            let get = http.get(format!("{}/api/v1/settings/models", process.url)).bearer_auth(KEY);
            let now: Value = get.send().await.unwrap().json().await.unwrap();
            let now = part(&now, "embeddings");
            if now["name"].as_str().unwrap_or_default().starts_with("openai/one/") {
                break;
            }
            assert!(started.elapsed() < TIMEOUT, "{now}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    one.kill().await;
    other.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_what_to_do() {
    let prompt = "---\nname: Bolt\nmodel: gpt-4o\nknowledge: [bolt]\n---\nAnswer.\n";
    let app = setup(Db::Sqlite).file("prompts/bolt.md", prompt).start().await;
    let own = OpenAi::start().await;
    for (path, body, status, says) in [
        ("embeddings?agent=acme", at(&own.url, "x"), 422, "Agents share"),
        ("speech", json!({"provider": "cohere", "model": "x", "key": "k"}), 422, "azure"),
        ("chat", json!({"provider": "local", "model": "x"}), 422, "ollama"),
        ("reranking", json!({"provider": "cohere", "model": "rerank-v3.5"}), 422, "key"),
        ("embeddings", json!({"provider": "local", "model": "no-such"}), 422, "download"),
        ("embeddings", json!({"provider": "local", "model": "../../etc"}), 422, "no name"),
        ("embeddings", at(&own.url, ""), 422, "`model`"),
        ("reranking", json!({"provider": "tei", "model": ""}), 422, "address"),
        ("question_answering", at(&own.url, "x"), 400, "reranking"),
        ("chat?agent=nobody", at(&own.url, "x"), 404, "agent"),
        ("chat?agent=bolt", at(&own.url, "x"), 409, "gpt-4o"),
    ] {
        let (got, told) = ask(&app, Method::PUT, path, &body).await;
        assert_eq!(got, status, "{path}: {told}");
        assert!(told["detail"].as_str().unwrap_or_default().contains(says), "{path}: {told}");
    }
    assert_eq!(
        (own.request_count(), &app.get("/settings/models").await["chosen"]),
        (0, &Value::Null)
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_the_agents_settings_name_wins_over_its_choice() {
    let prompt = "---\nname: Bolt\nmodel: gpt-4o\nknowledge: [bolt]\n---\nAnswer.\n";
    let app = setup(Db::Sqlite).file("prompts/bolt.md", prompt).start().await;
    let own = OpenAi::start().await;
    let body = json!({"provider": "compatible", "base_url": own.url, "model": "mine", "key": ""});
    set(&app, "chat?agent=acme", &body).await;
    // As if its settings had named no model when it was chosen.
    let bolt = "update model_choices set agent_id = (select id from agents where slug = 'bolt')";
    assert_eq!(app.change(bolt).await, 1);
    app.desk.reload_models().await.unwrap();
    write(&app, SECOND, 1, "Which bolts do you have?").await;
    assert_eq!(
        (own.chat_count(), app.model.requests().pop().unwrap()["model"].as_str()),
        (0, Some("gpt-4o"))
    );
    let agents = app.get("/settings/models").await["agents"].take();
    let bolt = agents.as_array().unwrap().iter().find(|one| one["slug"] == "bolt").unwrap();
    assert_eq!(bolt["choices"][0]["is_overruled"], json!(true), "{bolt}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_is_tried_before_it_is_used_and_says_what_came() {
    let app = TestApp::start().await;
    let own = OpenAi::start().await;
    let test = async |role: &str, body: Value| {
        let (status, told) = app.call(&format!("/settings/models/{role}/test"), &body).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        told
    };
    let vectors = test("embeddings", at(&own.url, "fake")).await;
    assert_eq!(
        (&vectors["failure"], &vectors["dimensions"]),
        (&Value::Null, &json!(256)),
        "{vectors}"
    );
    // The fake prefers passages with the last word of its name.
    for (model, right) in [("for-saturdays", true), ("for-parcels", false)] {
        let ranked = test("reranking", at(&own.url, model)).await;
        assert_eq!(ranked["ranks_right"], json!(right), "{ranked}");
    }
    // The fake knows no recording but those that it was given.
    let deaf = test("speech", at(&own.url, "fake")).await;
    assert_eq!((&deaf["answer"], deaf["failure"].is_object()), (&Value::Null, true), "{deaf}");
    assert_eq!(own.recorded().len(), 1);
    let wrong = test("embeddings", at("http://127.0.0.1:9/v1", "fake")).await;
    assert_eq!(wrong["failure"]["problem"], "unreachable", "{wrong}");
    let listed = app.call("/settings/models/embeddings/list", &at(&own.url, "")).await.1;
    assert!(listed["models"].to_string().contains("embed"), "{listed}");
    assert!(!listed["models"].to_string().contains("gpt-4o\""), "{listed}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_the_machine_is_used_at_once() {
    let models = tempfile::tempdir().unwrap();
    let made = BERT.make();
    copy(&made.home.path().join("tiny"), &models.path().join("mini"));
    let folder = format!("[models]\nfolder = {:?}", models.path().display().to_string());
    let app = setup(Db::Sqlite).extractive().with(&folder).start().await;
    assert_eq!(part_now(&app, "embeddings").await["origin"], "off");
    set(&app, "embeddings", &json!({"provider": "local", "model": "mini"})).await;
    let started = Instant::now();
    while part_now(&app, "embeddings").await["name"].is_null() {
        assert!(started.elapsed() < TIMEOUT, "{}", part_now(&app, "embeddings").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let name = part_now(&app, "embeddings").await["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("local/"), "{name}");
    let local = app.get("/settings/models").await["local"].take();
    let mini = local.as_array().unwrap().iter().find(|one| one["name"] == "mini").unwrap().clone();
    assert_eq!(mini["in_use"], json!(true), "{mini}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_was_fetched_is_used_where_the_configuration_names_none() {
    let models = tempfile::tempdir().unwrap();
    let settings = format!(
        "[models]\nfolder = {:?}\n[embed]\nkind = \"auto\"",
        models.path().display().to_string()
    );
    let app = setup(Db::Sqlite).extractive().with(&settings).start().await;
    assert_eq!(part_now(&app, "embeddings").await["origin"], "off");
    copy(&BERT.make().home.path().join("tiny"), &models.path().join("mini"));
    // As a download does when it has come to its end.
    app.desk.local_models.fetched.note(ModelTask::Embeddings);
    app.desk.reload_models().await.unwrap();
    let started = Instant::now();
    while part_now(&app, "embeddings").await["origin"] != "found" {
        assert!(started.elapsed() < TIMEOUT, "{}", part_now(&app, "embeddings").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.stop().await;
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
