//! The gate: a worse version is refused on every path, a better one goes live, and a forced one is
//! logged. Nothing of it reaches a customer.

use std::path::Path;
use std::time::{Duration, Instant};

use frontdesk::app::App;
use frontdesk::desk::BuildBotError;
use frontdesk::domain::{AgentId, DocumentState, VersionId};
use frontdesk::knowledge::SilentProgress;
use frontdesk::store::agents::AgentRow;
use serde_json::{Value, json};

use crate::support::app::{Db, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;
use crate::support::openai::question;
use crate::support::process;

const SUITE: &str = "providers: [\"frontdesk:acme\"]
tests:
- description: saturday
  vars: {message: When do you close on Saturday?}
  assert: [{type: icontains, value: \"13:00\"}]
- description: returns
  vars: {message: Can I return a lamp?}
  assert: [{type: icontains, value: 30 days}]
";

/// Returns a prompt file with this gate.
pub(crate) fn prompt(gate: &str, words: &str) -> String {
    let gate = if gate.is_empty() { String::new() } else { format!("gate: {gate}\n") };
    format!("---\nname: Acme Lamps\nknowledge: [acme]\nsources: false\n{gate}---\n{words}\n")
}

/// Starts a desk whose agent acme has a gate; the model answers correctly unless its prompt says
/// BAD.
pub(crate) async fn gated(db: Db, more: &str) -> (TestApp, String) {
    let app = Setup::on(db).with(more).start().await;
    let suites = app.config.files.suites.clone();
    std::fs::create_dir_all(&suites).unwrap();
    std::fs::write(suites.join("acme.yaml"), SUITE).unwrap();
    app.model.answer_with(|request| {
        let all = request["messages"].to_string();
        let last = question(request);
        match () {
            () if all.contains("BAD") => "Who knows.".into(),
            () if last.contains("return") => "Within 30 days [1].".into(),
            () if all.contains("GREAT") => "At 13:00 sharp [1].".into(),
            () => "At 13:00 [1].".into(),
        }
    });
    let gate = format!("{{suite: \"{}\"}}", suites.join("acme.yaml").display());
    let (status, said) =
        app.call("/agents/acme/publish", &json!({"source": prompt(&gate, "First.")})).await;
    assert_eq!((status.as_u16(), &said["version"]), (200, &json!(2)), "{said}");
    (app, gate)
}

async fn publish(app: &TestApp, body: Value) -> (u16, Value) {
    let (status, said) = app.call("/agents/acme/publish", &body).await;
    (status.as_u16(), said)
}

async fn live(app: &TestApp) -> i64 {
    app.get("/agents/acme").await["version"].as_i64().unwrap()
}

/// Runs the binary next to the running desk, on its database.
pub(crate) async fn command(app: &TestApp, args: &[&str]) -> (bool, String) {
    let home = app.home.path();
    let setup = Setup::on(Db::Sqlite);
    let store = secrecy::ExposeSecret::expose_secret(&app.config.store.url);
    let toml = setup.settings(home, store, &app.whatsapp, &app.model);
    std::fs::write(home.join("frontdesk.toml"), toml).unwrap();
    process::run(home, args, &[("USER", "ada")]).await
}

fn write(home: &Path, file: &str, text: &str) {
    std::fs::write(home.join(file), text).unwrap();
}

on_both! {
    async fn a_removed_agent_comes_back_through_its_gate(db) {
        let (app, gate) = gated(db, "").await;
        app.desk.store.remove_agent(&AgentId::stored(app.get("/agents/acme").await["id"].as_str().unwrap().to_owned())).await.unwrap();
        app.desk.reload_agents().await.unwrap();
        let (status, said) = app.call("/agents", &json!({"slug": "acme", "source": prompt("", "BAD")})).await;
        assert_eq!(status, 409, "{said}");
        assert!(said["detail"].as_str().unwrap().contains("publish a version"), "{said}");
        for source in [prompt("", "BAD"), prompt(&gate, "BAD")] {
            let (status, said) = publish(&app, json!({"source": source})).await;
            assert_eq!(status, 409, "{said}");
            let detail = said["detail"].as_str().unwrap();
            assert!(detail.contains("2 cases are worse") && detail.contains("stays removed"), "{said}");
        }
        let (status, said) = publish(&app, json!({"source": prompt(&gate, "GREAT")})).await;
        assert_eq!((status, &said["changed"], &said["verdict"]["passed"]), (200, &json!(true), &json!(true)), "{said}");
        assert_eq!(live(&app).await, 3);
        app.stop().await;
    }

    async fn a_version_without_anything_to_answer_from_is_refused(db) {
        let app = Setup::on(db).start().await;
        let source = "---\nname: Acme\nknowledge: []\n---\nHi\n";
        let (status, said) = publish(&app, json!({"source": source})).await;
        assert_eq!(status, 422, "{said}");
        assert!(said["detail"].as_str().unwrap().contains("knowledge is empty"), "{said}");
        let (status, said) = app.call("/agents", &json!({"slug": "other", "source": source})).await;
        assert_eq!(status, 422, "{said}");
        let (_, checked) = app.call("/agents/other/check", &json!({"source": source})).await;
        assert_eq!((&checked["ok"], &checked["error"]["line"]), (&json!(false), &json!(3)), "{checked}");
        app.stop().await;
    }

    async fn what_is_worse_is_refused_what_is_better_goes_live_and_no_customer_hears_of_it(db) {
        let (app, gate) = gated(db, "").await;
        let (status, said) = publish(&app, json!({"source": prompt(&gate, "BAD")})).await;
        assert_eq!(status, 409, "{said}");
        let detail = said["detail"].as_str().unwrap();
        for word in ["2 cases are worse", "saturday", "\"force\": true", "Version 2 goes on"] {
            assert!(detail.contains(word), "no `{word}` in {detail}");
        }
        assert_eq!((&said["verdict"]["passed"], &said["verdict"]["comparison"]["worse"]), (&json!(false), &json!(2)));
        assert_eq!(live(&app).await, 2);

        let (status, said) = publish(&app, json!({"source": prompt(&gate, "GREAT"), "dry_run": true})).await;
        assert_eq!((status, &said["version"], &said["verdict"]["passed"]), (200, &json!(2), &json!(true)), "{said}");
        assert_eq!(live(&app).await, 2);
        let (status, said) = publish(&app, json!({"source": prompt(&gate, "GREAT")})).await;
        assert_eq!((status, &said["version"], &said["changed"]), (200, &json!(3), &json!(true)), "{said}");

        // A version without a gate must pass the live version's gate.
        let (status, said) = publish(&app, json!({"source": prompt("", "BAD")})).await;
        assert_eq!(status, 409, "{said}");
        let (status, said) = publish(&app, json!({"source": prompt(&gate, "BAD"), "force": true})).await;
        assert_eq!((status, &said["version"], &said["verdict"]["passed"]), (200, &json!(4), &json!(false)), "{said}");
        let log = app.get("/audit?actor=admin%20key").await;
        let actions: Vec<_> = log["items"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["agent.forced", "agent.refused", "agent.published", "agent.refused", "agent.published"]);
        let forced = &log["items"][0];
        assert_eq!((&forced["actor"], &forced["subject"], &forced["detail"]["version"]), (&json!("admin key"), &json!("acme"), &json!(4)));
        assert!(forced["detail"]["gate"]["reason"].as_str().unwrap().contains("worse"), "{forced}");
        assert_eq!(app.received(), [], "a customer heard of it");

        // Back to a better version, and a customer gets its answer.
        let (status, said) = publish(&app, json!({"version": 3})).await;
        assert_eq!((status, &said["version"]), (200, &json!(3)), "{said}");
        app.deliver(&text_webhook(MAIN, "447700900501", "wamid.1", "When do you close on Saturday?")).await;
        app.settle().await;
        assert_eq!(app.received(), [("+447700900501".to_owned(), "At 13:00 sharp.".to_owned())]);

        let page = app.get("/agents/acme/versions?limit=3").await;
        let shown = |page: &Value| page["items"].as_array().unwrap().iter().map(|it| (it["version"].as_i64().unwrap(), it["live"].as_bool().unwrap())).collect::<Vec<_>>();
        assert_eq!(shown(&page), [(4, false), (3, true), (2, false)]);
        let rest = app.get(&format!("/agents/acme/versions?limit=3&cursor={}", page["next"].as_str().unwrap())).await;
        assert_eq!((shown(&rest), &rest["next"]), (vec![(1, false)], &Value::Null));
        assert!(app.get("/agents/acme/versions/2").await["source"].as_str().unwrap().contains("First."));
        app.stop().await;
    }

    async fn a_version_says_who_published_it_and_why(db) {
        let app = Setup::on(db).start().await;
        let first = app.get("/agents/acme/versions/1").await;
        assert_eq!((&first["author"], &first["note"]), (&json!("prompt file"), &Value::Null));
        let source = prompt("", "Second.");
        let (status, said) = publish(&app, json!({"source": source, "note": " Opening hours\n\u{202e}of \u{1b}[1mwinter "})).await;
        assert_eq!(status, 200, "{said}");
        let second = app.get("/agents/acme/versions/2").await;
        assert_eq!((&second["author"], &second["note"]), (&json!("admin key"), &json!("Opening hours of [1mwinter")));
        // Nothing is published of a note that is too long, and a roll-back keeps the first author.
        let (status, said) = publish(&app, json!({"source": prompt("", "Third."), "note": "x".repeat(301)})).await;
        assert_eq!(status, 422, "{said}");
        assert_eq!(publish(&app, json!({"version": 1})).await.0, 200);
        assert_eq!(app.get("/agents/acme/versions/1").await["note"], Value::Null);
        assert_eq!(publish(&app, json!({"version": 2})).await.0, 200);
        assert_eq!(app.get("/agents/acme/versions/2").await["note"], "Opening hours of [1mwinter", "a note is lost");
        // What is said of going back stands in the audit log.
        assert_eq!(publish(&app, json!({"version": 1, "note": "Back: winter is over"})).await.0, 200);
        let back = app.get("/agents/acme/versions/1").await;
        assert_eq!((&back["author"], &back["note"]), (&json!("prompt file"), &Value::Null));
        let log = app.get("/audit?action=agent.published&limit=1").await;
        assert_eq!(log["items"][0]["detail"]["note"], "Back: winter is over", "{log}");
        app.stop().await;
    }

    async fn a_rubric_of_a_gate_is_judged_though_nobody_names_a_grader(db) {
        let (app, gate) = gated(db, "").await;
        let suite = SUITE.replace("{type: icontains, value: \"13:00\"}", "{type: llm-rubric, value: It says an hour}");
        assert_ne!(suite, SUITE);
        std::fs::write(app.config.files.suites.join("acme.yaml"), suite).unwrap();
        app.model.answer_with(|request| {
            let all = request["messages"].to_string();
            let last = question(request);
            match () {
                () if all.contains("It says an hour") => json!({"pass": all.contains("13:00"), "reason": "graded"}).to_string(),
                () if all.contains("BAD") => "Who knows.".into(),
                () if last.contains("return") => "Within 30 days [1].".into(),
                () => "At 13:00 [1].".into(),
            }
        });
        let (status, said) = publish(&app, json!({"source": prompt(&gate, "BAD")})).await;
        assert_eq!((status, &said["verdict"]["comparison"]["worse"]), (409, &json!(2)), "{said}");
        let (status, said) = publish(&app, json!({"source": prompt(&gate, "Second.")})).await;
        assert_eq!((status, &said["verdict"]["passed"]), (200, &json!(true)), "{said}");
        app.stop().await;
    }

    async fn a_gate_that_cannot_be_tried_refuses_and_says_why(db) {
        let (app, _) = gated(db, "").await;
        let broken = app.home.path().join("suites/broken.yaml");
        std::fs::write(&broken, "providers: [echo\n").unwrap();
        for (suite, words) in [("/nowhere/none.yaml", "none.yaml"), (broken.to_str().unwrap(), "broken.yaml")] {
            let gate = format!("{{suite: \"{suite}\"}}");
            let first = publish(&app, json!({"source": prompt(&gate, suite), "force": true})).await;
            assert_eq!(first.0, 200, "{}", first.1);
            let (status, said) = publish(&app, json!({"source": prompt(&gate, "Next.")})).await;
            assert_eq!(status, 409, "{said}");
            let detail = said["detail"].as_str().unwrap();
            assert!(detail.contains("could not be tried") && detail.contains(words), "{detail}");
        }
        for (body, status, words) in [
            (json!({"source": "no header"}), 422, "acme.md:1"),
            (json!({}), 422, "either"),
            (json!({"source": "x", "version": 1}), 422, "either"),
            (json!({"version": 99}), 404, "version"),
        ] {
            let (got, said) = publish(&app, body).await;
            assert_eq!(got, status, "{said}");
            assert!(said["detail"].as_str().unwrap().contains(words), "{said}");
        }
        assert_eq!(app.call("/agents/nobody/publish", &json!({"version": 1})).await.0, 404);
        app.stop().await;
    }

    async fn what_replaces_a_version_that_cannot_be_used_passes_the_gate_of_that_version(db) {
        let (app, gate) = gated(db, "").await;
        let home = app.home.path();
        // As stored by an earlier frontdesk, which had no bounds.
        let outdate = async |words: &str| {
            let name = "name: Acme Lamps";
            let sql = format!("update prompt_versions set source = replace(source, '{name}', '{name}\nhistory: 300') where source like '%{words}%'");
            assert_eq!(app.change(&sql).await, 1);
        };
        outdate("First.").await;
        // There is no baseline to be worse than.
        let strict = gate.replace('}', ", rule: \"score >= 0.9\"}");
        write(home, "next.md", &prompt(&strict, "Second."));
        let ran = command(&app, &["publish", "acme", "next.md"]).await;
        process::says(&ran, true, &["version 3 answers customers now", "its gate holds"]);

        outdate("Second.").await;
        write(home, "next.md", &prompt("", "BAD"));
        let ran = command(&app, &["publish", "acme", "next.md"]).await;
        process::says(&ran, false, &["refused by its gate", "score"]);
        write(home, "next.md", &prompt("", "Third."));
        let ran = command(&app, &["publish", "acme", "next.md"]).await;
        process::says(&ran, true, &["version 4 answers customers now", "its gate holds"]);
        app.stop().await;
    }

    async fn a_version_is_refused_for_its_file_and_not_for_a_database_that_does_not_answer(db) {
        let (app, _) = gated(db, "").await;
        let rows = app.desk.store.agents().await.unwrap();
        let row = rows.into_iter().find(|row| row.slug == "acme").unwrap();
        let is_refused = || app.desk.bots.is_refused(&VersionId::stored(row.version_id.clone()));
        app.change("alter table collections rename to put_away").await;
        let taken = app.desk.activate_version(&row).await;
        let ready = app.desk.build_bot((&row.slug, &row.source), AgentId::generate(), None).await;
        app.change("alter table put_away rename to collections").await;
        assert!(!taken && matches!(ready, Err(BuildBotError::Store(_))) && !is_refused());
        assert!(app.desk.activate_version(&row).await, "the database answers again");

        let outdated = AgentRow { source: row.source.replace("name:", "history: 300\nname:"), ..row.clone() };
        assert!(!app.desk.activate_version(&outdated).await && is_refused());
        // The file of a version is immutable: it is not read again.
        assert!(!app.desk.activate_version(&row).await);
        app.stop().await;
    }

    async fn the_command_publishes_on_the_database_and_a_running_desk_follows(db) {
        let (app, gate) = gated(db, "").await;
        write(app.home.path(), "prompts/acme.md", &prompt(&gate, "BAD"));
        let tried = command(&app, &["publish", "acme", "--dry-run"]).await;
        process::says(&tried, false, &["refused by its gate", "2 cases are worse", "saturday", "--force"]);
        let ran = command(&app, &["publish", "acme"]).await;
        process::says(&ran, false, &["refused by its gate", "Version 2 goes on"]);
        write(app.home.path(), "prompts/acme.md", &prompt(&gate, "GREAT"));
        let ran = command(&app, &["publish", "acme"]).await;
        process::says(&ran, true, &["version 3 answers customers now", "its gate holds"]);
        let began = Instant::now();
        while !app.desk.bots.named("acme").unwrap().agent.prompt.contains("GREAT") {
            assert!(began.elapsed() < Duration::from_secs(5), "the running desk does not follow");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let url = app.url.clone();
        write(app.home.path(), "bad.md", &prompt(&gate, "BAD"));
        let ran = command(&app, &["publish", "acme", "bad.md", "--url", &url]).await;
        process::says(&ran, false, &["worse", "Version 3 goes on"]);
        for place in [Vec::new(), vec!["--url", url.as_str()]] {
            let args = [vec!["publish", "acme", "bad.md"], place].concat();
            assert_eq!(process::exit_code(app.home.path(), &args).await, Some(100), "{args:?}");
        }
        write(app.home.path(), "typo.md", &prompt("", "Hi").replace("[acme]", "[acme, typo]"));
        let ran = command(&app, &["publish", "acme", "typo.md", "--url", &url]).await;
        process::says(&ran, false, &["knowledge names typo"]);
        let ran = command(&app, &["publish", "acme", "bad.md", "--force"]).await;
        process::says(&ran, true, &["version 4 answers", "forced", "written down"]);
        let ran = command(&app, &["publish", "acme", "--version", "3"]).await;
        process::says(&ran, true, &["version 3 answers"]);
        process::says(&command(&app, &["versions", "acme"]).await, true, &["    3  ", "answers customers"]);
        process::says(&command(&app, &["audit"]).await, true, &["ada", "agent.forced acme version 4", "2 cases are worse", "agent.refused"]);
        assert_eq!(app.received(), []);
        app.stop().await;
    }

    async fn apply_makes_the_desk_equal_to_the_files_and_documents_pass_the_gate_that_asks_for_them(db) {
        let (app, gate) = gated(db, "").await;
        let home = app.home.path().to_owned();
        // The model answers from the documents now.
        app.model.answer_with(|request| {
            let all = request["messages"].to_string();
            let last = question(request);
            match () {
                () if all.contains("BAD") => "Who knows.".into(),
                () if last.contains("return") => "Within 30 days [1].".into(),
                () if all.contains("we close at 13:00") => "At 13:00 [1].".into(),
                () => "At noon [1].".into(),
            }
        });
        let strict = gate.replace('}', ", knowledge: true}");
        write(&home, "prompts/acme.md", &prompt(&strict, "Second."));
        let ran = command(&app, &["apply"]).await;
        process::says(&ran, true, &["agent acme", "version 2 -> version 3", "agent bolt", "unchanged: version 1", "documents acme", "2 unchanged"]);

        write(&home, "knowledge/acme/hours.md", "# Opening hours\n\nOn Saturday we close at noon.\n");
        write(&home, "prompts/acme.md", &prompt(&strict, "BAD"));
        let tried = command(&app, &["apply", "--dry-run"]).await;
        process::says(&tried, false, &["Nothing was changed", "documents acme", "refused by its gate"]);
        let ran = command(&app, &["apply"]).await;
        process::says(&ran, false, &["documents acme", "the documents that were there go on", "version 3 goes on", "saturday"]);
        assert_eq!(live(&app).await, 3);
        let held = app.desk.store.collections().await.unwrap();
        let ids: Vec<_> = held.iter().filter(|row| row.slug.starts_with("acme")).map(|row| (row.slug.clone(), row.id.clone())).collect();
        for (slug, id) in &ids {
            let documents = app.desk.store.documents(&frontdesk::domain::CollectionId::stored(id.clone()), 0).await.unwrap();
            let ready = documents.iter().filter(|row| row.state == DocumentState::Ready).count();
            assert_eq!(ready, if slug == "acme" { 2 } else { 0 }, "{slug}");
        }
        // A restart also leaves them unchanged, and so does `learn`.
        let again = App::assemble(app.config.clone()).await.unwrap();
        let summary = again.learn(&SilentProgress).await.unwrap();
        assert_eq!((summary.learned, live(&app).await), (0, 3));
        let folder = home.join("knowledge/acme");
        let ran = command(&app, &["learn", folder.to_str().unwrap()]).await;
        process::says(&ran, false, &["refused by its gate", "saturday", "--force"]);
        let log = app.get("/audit?action=knowledge.learned").await;
        let ended: Vec<_> = log["items"].as_array().unwrap().iter().map(|it| (it["subject"].as_str().unwrap(), it["outcome"].as_str().unwrap())).collect();
        assert_eq!(ended, [("1 paths", "failed"), ("files", "failed"), ("files", "done")], "what was refused was not done");

        write(&home, "prompts/acme.md", &prompt(&strict, "Second."));
        write(&home, "knowledge/acme/hours.md", "# Opening hours\n\nOn Saturday we close at 13:00 as ever.\n");
        let ran = command(&app, &["apply"]).await;
        process::says(&ran, true, &["documents acme", "1 learned, 1 unchanged", "unchanged: version 3"]);
        write(&home, "knowledge/acme/hours.md", "# Opening hours\n\nOn Saturday we close at noon.\n");
        let ran = command(&app, &["apply", "--force"]).await;
        process::says(&ran, true, &["forced: 1 learned"]);
        process::says(&command(&app, &["audit"]).await, true, &["knowledge.forced acme", "knowledge.refused acme", "knowledge.learned acme", "agent.refused acme"]);
        assert_eq!(app.received(), []);
        app.stop().await;
    }
}
