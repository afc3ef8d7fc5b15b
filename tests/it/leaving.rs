//! Leaving: agents and collections are removed and renamed, unless something uses them, and the demo
//! shop goes with one command and stays away.

use std::path::Path;

use frontdesk::app::App;
use frontdesk::config::Config;
use frontdesk::desk::demo::{DemoRemoval, is_prompt};
use frontdesk::domain::{AnswerContent, CollectionId, CollectionOrigin, RunState, SourceId};
use frontdesk::knowledge::web::{SourceReader, SourceRequest};
use frontdesk::knowledge::{SilentProgress, SourceFolder};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;
use crate::support::process::{Process, run, says};

const PROMPT: &str = "---\nname: Temp\nknowledge: [temp]\n---\nYou are a clerk.\n";

impl TestApp {
    /// Sends a request with the key and returns the status and the body.
    async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        let response = request.bearer_auth(KEY).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    /// Sends a request that is refused with 409, and returns why.
    async fn is_used(&self, method: Method, path: &str, body: &Value) -> String {
        let (status, problem) = self.send(method, path, body).await;
        assert_eq!(status, 409, "{path}: {problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }

    async fn create_temp(&self) {
        let (status, agent) =
            self.call("/agents", &json!({"slug": "temp", "source": PROMPT})).await;
        assert_eq!(status, 201, "{agent}");
    }
}

on_both! {
    async fn a_collection_has_a_title_for_people_and_keeps_its_name(db) {
        let app = Setup::on(db).start().await;
        let (status, said) = app.send(Method::PATCH, "/collections/acme", &json!({"title": " Lamps \n\u{202e}& shades "})).await;
        assert_eq!((status, &said["title"], &said["slug"]), (200, &json!("Lamps & shades"), &json!("acme")), "{said}");
        let log = app.get("/audit?action=collection.renamed").await;
        assert_eq!((&log["items"][0]["subject"], &log["items"][0]["detail"]["before"]), (&json!("acme"), &json!("")), "{log}");
        assert_eq!(app.send(Method::PATCH, "/collections/acme", &json!({"title": "x".repeat(61)})).await.0, 422);
        assert_eq!(app.send(Method::PATCH, "/collections/none", &json!({"title": "x"})).await.0, 404);
        let (status, _) = app.call("/collections", &json!({"slug": "temp"})).await;
        assert_eq!(status, 201);
        assert_eq!(app.send(Method::PATCH, "/collections/temp", &json!({"title": "For now"})).await.0, 200);
        // Another collection with the name of a removed one has none of its title.
        assert_eq!(app.send(Method::DELETE, "/collections/temp", &Value::Null).await.0, 204);
        let (status, again) = app.call("/collections", &json!({"slug": "temp"})).await;
        assert_eq!((status.as_u16(), &again["title"]), (201, &Value::Null), "{again}");
        let (_, said) = app.send(Method::PATCH, "/collections/acme", &json!({"title": ""})).await;
        assert_eq!(said["title"], Value::Null);
        app.stop().await;
    }

    async fn an_agent_that_nothing_uses_can_be_removed_and_its_history_is_kept(db) {
        let app = Setup::on(db).start().await;
        app.deliver(&text_webhook(MAIN, "447700990001", "wamid.1", "When do you close?")).await;
        app.settle().await;
        let why = app.is_used(Method::DELETE, "/agents/acme", &Value::Null).await;
        assert!(why.contains("numbers") && why.contains("main"), "{why}");

        app.create_temp().await;
        let wanted = json!({"suite": "any.yaml", "agent": "temp"}).to_string();
        let run = app.desk.store.queue_run("any.yaml", wanted).await.unwrap();
        let why = app.is_used(Method::DELETE, "/agents/temp", &Value::Null).await;
        assert!(why.contains("any.yaml") && why.contains("stop it"), "{why}");
        app.desk.store.end_run(&run, RunState::Stopped, (None, None)).await.unwrap();

        let why = app.is_used(Method::DELETE, "/collections/temp", &Value::Null).await;
        assert!(why.contains("temp"), "{why}");
        assert_eq!(app.send(Method::DELETE, "/agents/temp", &Value::Null).await.0, 204);
        assert_eq!(app.send(Method::DELETE, "/agents/temp", &Value::Null).await.0, 404);
        assert_eq!(app.send(Method::GET, "/agents/temp", &Value::Null).await.0, 404);
        let (status, _) = app.call("/sandbox/turns", &json!({"agent": "temp", "text": "Hi"})).await;
        assert_eq!(status, 404, "it does not answer any more");
        let versions = app.get("/agents/temp/versions").await;
        assert_eq!(versions["items"][0]["source"], PROMPT);
        assert_eq!(app.get("/agents/temp/versions/1").await["live"], false);
        assert_eq!(app.send(Method::DELETE, "/collections/temp", &Value::Null).await.0, 204);

        // The name is free, and its versions go on.
        app.create_temp().await;
        assert_eq!(app.get("/agents/temp").await["version"], 1);
        assert_eq!(app.send(Method::DELETE, "/agents/temp", &Value::Null).await.0, 204);
        let (status, back) = app.call("/agents/temp/publish", &json!({"version": 1})).await;
        assert_eq!((status.as_u16(), &back["changed"]), (200, &json!(true)), "{back}");
        assert_eq!(app.thread("447700990001").await.len(), 2);
        app.stop().await;
    }

    async fn an_agent_on_a_number_of_another_desk_is_removed_and_renamed_by_force_alone(db) {
        let app = Setup::on(db).start().await;
        app.create_temp().await;
        // As if another desk had the number in its configuration file.
        let now = frontdesk::domain::time::now_ms();
        let moved = format!("update numbers set agent_id = (select id from agents where slug = 'temp'), slug = 'elsewhere', last_inbound_at = {now} where slug = 'second'");
        assert_eq!(app.change(&moved).await, 1);
        let why = app.is_used(Method::DELETE, "/agents/temp", &Value::Null).await;
        assert!(why.contains("elsewhere") && why.contains("--force"), "{why}");
        let why = app.is_used(Method::PATCH, "/agents/temp", &json!({"slug": "clerk"})).await;
        assert!(why.contains("elsewhere"), "{why}");
        let row = app.desk.agent("temp").await.unwrap();
        app.desk.rename_agent(&row, "clerk", true).await.unwrap();
        let row = app.desk.agent("clerk").await.unwrap();
        app.desk.remove_agent(&row, true).await.unwrap();
        app.stop().await;
    }

    async fn an_agent_is_renamed_unless_something_names_it(db) {
        let app = Setup::on(db).start().await;
        app.create_temp().await;
        let named = |slug: &str| json!({"slug": slug});
        let (status, agent) = app.send(Method::PATCH, "/agents/temp", &named("clerk")).await;
        assert_eq!((status, &agent["slug"]), (200, &json!("clerk")), "{agent}");
        let (status, _) = app.call("/sandbox/turns", &json!({"agent": "clerk", "text": "Hi"})).await;
        assert_eq!(status, 200);
        assert_eq!(app.send(Method::GET, "/agents/temp", &Value::Null).await.0, 404);
        for wrong in ["Clerk", "a b", "", "generate", "-a"] {
            let (status, problem) = app.send(Method::PATCH, "/agents/clerk", &named(wrong)).await;
            assert_eq!(status, 422, "{wrong}: {problem}");
        }
        let why = app.is_used(Method::PATCH, "/agents/clerk", &named("acme")).await;
        assert!(why.contains("another name"), "{why}");
        let why = app.is_used(Method::PATCH, "/agents/acme", &named("other")).await;
        assert!(why.contains("prompt file"), "{why}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_agent_comes_back_with_a_changed_prompt_file_only() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("prompts/clerk.md");
    std::fs::create_dir(home.path().join("prompts")).unwrap();
    std::fs::write(&file, "---\nname: Clerk\n---\nYou are a clerk.\n").unwrap();
    let app = demo(home.path()).await;
    assert_eq!(app.jobs.remove_agent("clerk", false).await.unwrap(), "clerk");
    drop(app);
    assert!(demo(home.path()).await.desk.bots.all().is_empty());
    let gated = "---\nname: Clerk\ngate: { suite: gone.yaml }\n---\nYou are a busy clerk.\n";
    std::fs::write(&file, gated).unwrap();
    assert!(demo(home.path()).await.desk.bots.all().is_empty(), "its gate comes first");
    std::fs::write(&file, "---\nname: Clerk\n---\nYou are a busy clerk.\n").unwrap();
    assert_eq!(demo(home.path()).await.desk.bots.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_stays_when_the_demo_is_removed_and_is_the_owners_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let app = demo(home.path()).await;
    app.learn(&SilentProgress).await.unwrap();
    let id = app.desk.store.collection("saltmarsh").await.unwrap();
    let file = home.path().join("kites.md");
    std::fs::write(&file, "# Kites\n\nWe sell kites.\n").unwrap();
    let mut found = SourceFolder::find(&file, Some("saltmarsh")).unwrap();
    app.desk.library.learn_changes(found.remove(0), &SilentProgress).await.unwrap();
    let removed = app.jobs.remove_demo().await.unwrap();
    assert_eq!(removed.kept, ["saltmarsh"]);
    assert_eq!(app.desk.library.origin("saltmarsh"), CollectionOrigin::Console);
    drop(app);

    let app = demo(home.path()).await;
    assert_eq!(app.learn(&SilentProgress).await.unwrap().learned, 0);
    assert_eq!(app.desk.library.origin("saltmarsh"), CollectionOrigin::Console);
    let rows = app.desk.store.documents(&id, 0).await.unwrap();
    let left: Vec<_> = rows.iter().filter(|row| row.chunks > 0).map(|row| &row.path).collect();
    assert_eq!(left, ["kites.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_website_and_a_changed_document_of_the_owner_stay_when_the_demo_goes() {
    let home = tempfile::tempdir().unwrap();
    let app = demo(home.path()).await;
    app.learn(&SilentProgress).await.unwrap();
    let id = app.desk.store.collection("saltmarsh").await.unwrap();
    let own = home.path().join("warranty.md");
    std::fs::write(&own, "# Warranty\n\nOurs is ten years.\n").unwrap();
    let mut found = SourceFolder::find(&own, Some("saltmarsh")).unwrap();
    app.desk.library.learn_changes(found.remove(0), &SilentProgress).await.unwrap();
    let removed = app.jobs.remove_demo().await.unwrap();
    assert_eq!(removed.kept, ["saltmarsh"]);
    let rows = app.desk.store.documents(&id, 0).await.unwrap();
    let left: Vec<_> = rows.iter().filter(|row| row.chunks > 0).map(|row| &row.path).collect();
    assert_eq!(left, ["warranty.md"]);
    app.desk
        .library
        .remove_document(&rows.iter().find(|row| row.chunks > 0).unwrap().id)
        .await
        .unwrap();

    // A site that was not read yet holds no document.
    let site = SourceRequest { url: "https://kites.example/".into(), ..SourceRequest::default() };
    app.desk.library.add_source("saltmarsh", &site, SourceReader::Desk).await.unwrap();
    assert!(!app.desk.store.remove_empty_collection(&id).await.unwrap());
    let sources = app.desk.library.sources(&id).await.unwrap();
    app.desk.library.remove_source(&SourceId::stored(sources[0].id.clone())).await.unwrap();
    assert!(app.desk.store.remove_empty_collection(&id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_agent_stays_where_its_documents_are_the_owners() {
    let home = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    copy(&root.join("prompts"), &home.path().join("prompts"));
    std::fs::create_dir_all(home.path().join("knowledge/saltmarsh")).unwrap();
    std::fs::write(home.path().join("knowledge/saltmarsh/own.md"), "# Own\n\nWe sell kites.\n")
        .unwrap();
    let app = demo(home.path()).await;
    app.learn(&SilentProgress).await.unwrap();
    let removed = app.jobs.remove_demo().await.unwrap();
    assert_eq!(
        (removed.kept_agents.as_slice(), removed.documents),
        (&["saltmarsh".to_owned()][..], 0)
    );
    assert_eq!(app.desk.bots.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_removes_the_demo_and_its_name_is_free_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let settings =
        "[log]\nlevel = \"warn\"\n[llm]\nkind = \"extractive\"\n[embed]\nkind = \"off\"\n";
    std::fs::write(home.path().join("desk.toml"), settings).unwrap();
    let process = Process::start(home.path()).await;
    let key = std::fs::read_to_string(home.path().join("data/admin.key")).unwrap();
    let key = key.trim();
    let http = reqwest::Client::new();
    let ask = async |method: Method, path: &str| {
        let request = http.request(method, format!("{}/api/v1{path}", process.url));
        let response = request.bearer_auth(key).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap_or_default())
    };
    assert_eq!(ask(Method::GET, "/status").await.1["demo"], true);
    let (status, removed) = ask(Method::DELETE, "/demo").await;
    assert_eq!(
        (status, &removed["agents"], &removed["kept"]),
        (200, &json!(["saltmarsh"]), &json!([])),
        "{removed}"
    );
    assert_eq!(ask(Method::GET, "/status").await.1["demo"], false);
    let audit = ask(Method::GET, "/audit").await.1;
    let entry = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["action"] == "demo.removed")
        .unwrap();
    assert_eq!(
        (&entry["subject"], &entry["outcome"]),
        (&json!("saltmarsh"), &json!("done")),
        "{entry}"
    );
    // A collection of this name is the owner's now.
    let request = http.post(format!("{}/api/v1/collections", process.url)).bearer_auth(key);
    assert_eq!(request.json(&json!({"slug": "saltmarsh"})).send().await.unwrap().status(), 201);
    assert_eq!(ask(Method::GET, "/status").await.1["demo"], false);
    let (status, removed) = ask(Method::DELETE, "/demo").await;
    assert_eq!((status, &removed["documents"]), (200, &json!(0)), "{removed}");
    assert!(process.stop().await);
}

/// Copies the files of a folder and of its folders.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (entry, is_dir) = entry.map(|it| (it.path(), it.path().is_dir())).unwrap();
        let to = to.join(entry.file_name().unwrap());
        if is_dir {
            copy(&entry, &to);
        } else {
            std::fs::copy(&entry, &to).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_recognised_in_a_checkout_until_its_files_are_changed() {
    let home = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["prompts", "knowledge"] {
        copy(&root.join(folder), &home.path().join(folder));
    }
    let app = demo(home.path()).await;
    app.learn(&SilentProgress).await.unwrap();
    assert_eq!(app.desk.library.origin("saltmarsh"), CollectionOrigin::Demo);
    let removed = app.jobs.remove_demo().await.unwrap();
    assert_eq!((removed.agents.as_slice(), removed.kept.len()), (&["saltmarsh".to_owned()][..], 0));
    assert!(removed.documents >= 40, "{removed:?}");
    drop(app);

    let app = demo(home.path()).await;
    assert_eq!(app.learn(&SilentProgress).await.unwrap().learned, 0);
    assert!(app.desk.bots.all().is_empty());
    drop(app);

    // A file beside the demo's makes the folder the owner's; a changed prompt makes the agent.
    std::fs::write(
        home.path().join("knowledge/saltmarsh/own.md"),
        "# Own

We sell kites.
",
    )
    .unwrap();
    let app = demo(home.path()).await;
    assert!(app.learn(&SilentProgress).await.unwrap().learned >= 40);
    assert_eq!(app.desk.library.origin("saltmarsh"), CollectionOrigin::Folder);
    assert!(app.desk.bots.all().is_empty());
    assert_eq!(app.jobs.remove_demo().await.unwrap(), DemoRemoval::default());
    drop(app);
    let prompt = home.path().join("prompts/saltmarsh.md");
    let changed = format!("{}\nBe brief.\n", std::fs::read_to_string(&prompt).unwrap());
    std::fs::write(&prompt, changed).unwrap();
    assert_eq!(demo(home.path()).await.desk.bots.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_prompt_brings_a_removed_copy_of_the_demo_back() {
    let home = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["prompts", "knowledge"] {
        copy(&root.join(folder), &home.path().join(folder));
    }
    let app = demo(home.path()).await;
    app.learn(&SilentProgress).await.unwrap();
    app.jobs.remove_demo().await.unwrap();
    drop(app);
    let prompt = home.path().join("prompts/saltmarsh.md");
    let unchanged = std::fs::read_to_string(&prompt).unwrap();
    assert!(is_prompt("some/where/saltmarsh.md", &unchanged) && !is_prompt("saltmarsh.md", "x"));
    std::fs::write(&prompt, format!("{unchanged}\nBe brief.\n")).unwrap();
    let app = demo(home.path()).await;
    assert!(app.learn(&SilentProgress).await.unwrap().learned >= 40, "its documents come with it");
    assert_eq!(app.desk.library.origin("saltmarsh"), CollectionOrigin::Folder);
    assert_eq!(app.desk.bots.all().len(), 1);
}

/// The demo shop, or what the folder has instead, on data in a folder.
async fn demo(home: &Path) -> App {
    let home = home.display();
    let config = Config::from_toml(&format!(
        "[store]\npath = \"{home}/demo.db\"\n[llm]\nkind = \"extractive\"\n[embed]\nkind = \"off\"\n[files]\nprompts = \"{home}/prompts\"\nknowledge = \"{home}/knowledge\"\n"
    ));
    App::assemble(config.unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_that_was_removed_stays_away() {
    let home = tempfile::tempdir().unwrap();
    let app = demo(home.path()).await;
    let learned = app.learn(&SilentProgress).await.unwrap();
    let removed = app.jobs.remove_demo().await.unwrap();
    assert_eq!(removed.agents, ["saltmarsh"]);
    assert!(removed.documents >= 40 && removed.kept.is_empty(), "{removed:?}");
    assert_eq!(removed.passages, i64::try_from(learned.chunks).unwrap());
    assert_eq!(app.desk.store.collections().await.unwrap(), []);
    drop(app);

    let again = demo(home.path()).await;
    let learned = again.learn(&SilentProgress).await.unwrap();
    assert_eq!((learned.learned, learned.failed.len()), (0, 0));
    assert!(again.desk.bots.all().is_empty());
    assert_eq!(again.jobs.remove_demo().await.unwrap(), DemoRemoval::default());

    // Its collection has no folder any more, for no check.
    let own = "---\nname: Own\nknowledge: [saltmarsh]\n---\nHi\n";
    let wrong = again.check_knowledge("own.md", own).await.unwrap_err();
    assert!(wrong.to_string().contains("knowledge names saltmarsh"), "{wrong}");
    again.desk.store.publish("own", own, "own").await.unwrap();
    drop(again);
    let settings = "[store]\npath = \"demo.db\"\n[embed]\nkind = \"off\"\n";
    std::fs::write(home.path().join("frontdesk.toml"), settings).unwrap();
    let doctor = run(home.path(), &["doctor"], &[]).await;
    says(&doctor, false, &["own answers from saltmarsh, which is empty and has no folder"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_demo_what_the_owner_removed_stays_away_and_what_he_added_stays() {
    let home = tempfile::tempdir().unwrap();
    let app = demo(home.path()).await;
    app.learn(&SilentProgress).await.unwrap();
    let id = app.desk.store.collection("saltmarsh").await.unwrap();
    let holds = async |app: &App, id: &CollectionId| {
        let rows = app.desk.store.documents(id, 0).await.unwrap();
        rows.into_iter().filter(|row| row.chunks > 0).collect::<Vec<_>>()
    };
    let before = holds(&app, &id).await;
    app.desk.library.remove_document(&before[0].id).await.unwrap();
    drop(app);

    let again = demo(home.path()).await;
    again.learn(&SilentProgress).await.unwrap();
    let after = holds(&again, &id).await;
    assert_eq!(after.len(), before.len() - 1);
    assert!(after.iter().all(|row| row.path != before[0].path));

    let answer = AnswerContent {
        phrasings: vec!["Do you sell kites?".into()],
        body: "No.".into(),
        language: None,
        enabled: true,
    };
    again.desk.store.answers_of_file(&id, "mine.yaml", vec![answer]).await.unwrap();
    let removed = again.jobs.remove_demo().await.unwrap();
    assert_eq!(removed.kept, ["saltmarsh"]);
    assert!(holds(&again, &id).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_demo_what_became_the_owners_stays_with_its_documents() {
    let home = tempfile::tempdir().unwrap();
    let app = demo(home.path()).await;
    let learned = app.learn(&SilentProgress).await.unwrap();
    let row = app.desk.store.agents().await.unwrap().remove(0);
    let changed = format!("{}\nBe brief.\n", row.source);
    app.desk.store.publish("saltmarsh", &changed, "changed").await.unwrap();
    drop(app);

    let app = demo(home.path()).await;
    let removed = app.jobs.remove_demo().await.unwrap();
    assert_eq!((removed.agents.len(), removed.documents), (0, 0), "{removed:?}");
    assert_eq!(removed.kept_agents, ["saltmarsh"]);
    assert_eq!(removed.kept, ["saltmarsh"]);
    let id = app.desk.store.collection("saltmarsh").await.unwrap();
    let rows = app.desk.store.documents(&id, 0).await.unwrap();
    let chunks: i64 = rows.iter().map(|row| row.chunks).sum();
    assert_eq!(usize::try_from(chunks).unwrap(), learned.chunks);

    // With the agent gone nothing uses them.
    app.jobs.remove_agent("saltmarsh", false).await.unwrap();
    let removed = app.jobs.remove_demo().await.unwrap();
    assert!(removed.documents >= 40 && removed.kept.is_empty(), "{removed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_and_collections_are_listed_and_removed_by_commands() {
    let app = TestApp::start().await;
    app.create_temp().await;
    let home = app.home.path();
    let settings = Setup::on(Db::Sqlite).settings(home, "", &app.whatsapp, &app.model);
    std::fs::write(home.join("frontdesk.toml"), settings).unwrap();
    let listed = run(home, &["agent"], &[]).await;
    says(&listed, true, &["acme  version 1, numbers: ", "temp  version 1, numbers: none"]);
    says(&run(home, &["agent", "remove", "acme"], &[]).await, false, &["main", "another agent"]);
    says(
        &run(home, &["agent", "rename", "temp", "clerk"], &[]).await,
        true,
        &["temp is clerk now"],
    );
    says(&run(home, &["collection"], &[]).await, true, &["acme  2 documents", "temp  0 documents"]);
    let used = run(home, &["collection", "remove", "temp"], &[]).await;
    says(&used, false, &["`temp` is answered from by: clerk"]);
    let back = "frontdesk publish clerk --version 1";
    says(&run(home, &["agent", "remove", "clerk"], &[]).await, true, &["clerk is removed", back]);
    let none = run(home, &["agent", "remove", "clerk"], &[]).await;
    says(&none, false, &["no such agent", "`frontdesk agent`"]);
    let args: Vec<_> = back.split(' ').skip(1).collect();
    says(&run(home, &args, &[]).await, true, &["version 1 answers customers now"]);
    says(&run(home, &["agent", "remove", "clerk"], &[]).await, true, &["clerk is removed"]);
    says(&run(home, &["collection", "remove", "temp"], &[]).await, true, &["temp is removed"]);
    says(&run(home, &["collection", "remove", "temp"], &[]).await, false, &["no collection temp"]);
    // The desk that runs follows.
    app.desk.reload_agents().await.unwrap();
    assert_eq!(app.send(Method::GET, "/agents/clerk", &Value::Null).await.0, 404);
    app.stop().await;
}
