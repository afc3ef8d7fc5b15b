//! Attacks through evals: a signed-in user cannot run code, reach an address or read a file;
//! customers' words are never templates; no request and no suite exceeds its share of resources.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use frontdesk::eval::bot_checks;
use frontdesk::eval::cases::{from_conversation, put_into};
use frontdesk::eval::environment::EvalEnvironment;
use frontdesk::eval::replay::Turns;
use frontdesk::eval::replay::export::suite as exported;
use frontdesk::store::turn_recordings::TurnRecordingFilter;
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::row::EvalRow;
use frontdesk_promptfoo::run::{Plan, Progress};
use frontdesk_promptfoo::run_log::RunLog;
use frontdesk_promptfoo::suite::Suite;
use serde_json::{Value, json};

use crate::gate::{gated, prompt};
use crate::support::app::{Db, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;
use crate::support::openai::OpenAi;
use crate::support::process;

/// Content of a file that must not be read.
const CANARY: &str = "canary-7c1e";
/// An environment variable that every test process has.
const VARIABLE: &str = "PATH";

fn folder(app: &TestApp) -> PathBuf {
    let folder = app.config.files.suites.clone();
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Returns the reason for which a run was refused.
async fn refused(app: &TestApp, body: Value) -> String {
    let began = Instant::now();
    let (status, said) = app.call("/evals/runs", &body).await;
    assert_eq!(status, 422, "{body}: {said}");
    assert!(began.elapsed() < Duration::from_secs(10), "{body}: {:?}", began.elapsed());
    said["detail"].as_str().unwrap().to_owned()
}

/// Returns a finished run, its rows, and everything it left behind.
async fn ran(app: &TestApp, body: Value) -> (Value, Vec<Value>, String) {
    let (status, said) = app.call("/evals/runs", &body).await;
    assert_eq!(status, 202, "{body}: {said}");
    let id = said["id"].as_str().unwrap().to_owned();
    let began = Instant::now();
    let run = loop {
        let run = app.get(&format!("/evals/runs/{id}")).await;
        if !["queued", "running"].contains(&run["state"].as_str().unwrap()) {
            break run;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{run}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let rows = app.get(&format!("/evals/runs/{id}/rows?limit=200")).await;
    let rows = rows["items"].as_array().unwrap().clone();
    let mut left = run.to_string() + &Value::from(rows.clone()).to_string();
    for name in ["report.html", "report.json", "report.csv", "report.md", "report.junit.xml"] {
        let url = format!("{}/api/v1/evals/runs/{id}/{name}", app.url);
        let got = app.http.get(url).bearer_auth(crate::support::app::KEY).send().await.unwrap();
        left += &got.text().await.unwrap();
    }
    let run_log = app.home.path().join(format!("evals/runs/{id}.jsonl"));
    left += &std::fs::read_to_string(run_log).unwrap_or_default();
    (run, rows, left)
}

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// Returns a command that creates a file, for use as a target or a grader.
fn touches(marker: &Path) -> String {
    format!("exec:sh -c 'touch {}; echo {{}}'", marker.display())
}

/// Saves a reply whose check needs a grader. Returns the suite's name.
async fn judged(app: &TestApp) -> String {
    let check = json!([{"type": "llm-rubric", "value": "It names an hour."}]);
    let case = json!({"agent": "acme", "text": "When do you open?", "reply": "x", "checks": check});
    let (status, saved) = app.call("/evals/cases", &case).await;
    assert_eq!(status, 201, "{saved}");
    saved["suite"].as_str().unwrap().to_owned()
}

on_both! {
    async fn a_request_names_no_program_and_no_address(db) {
        for allowed in [false, true] {
            let other = OpenAi::start().await;
            let app = Setup::on(db).with(&format!("[evals]\nallow_code = {allowed}")).start().await;
            app.model.answer_with(|_| json!({"pass": true, "score": 1, "reason": "graded"}).to_string());
            let suite = judged(&app).await;
            let marker = app.home.path().join("marker");
            let script = app.home.path().join("g.py");
            std::fs::write(&script, format!("open('{}', 'w')\ndef call_api(*a): return {{'output': '{{}}'}}\n", marker.display())).unwrap();
            let beside = folder(&app).join("g.js");
            std::fs::write(&beside, "module.exports = () => 'x'").unwrap();
            for grader in [
                touches(&marker), format!("file://{}", script.display()), format!("file://{}", beside.display()), "file://g.js".into(),
                other.url.clone(), format!("webhook:{}", other.url), "http".into(), "anthropic:messages:m".into(),
            ] {
                let why = refused(&app, json!({"suite": suite, "grader": grader})).await;
                assert!(why.contains("the grader") && why.contains("over the API"), "{grader}: {why}");
            }
            assert!(!marker.exists(), "a program ran");
            assert!(other.recorded().is_empty() && other.chat_count() == 0, "an address was asked");
            // The grader of the configuration is asked, with its key, at its URL.
            app.model.require_key("sk-test");
            let (run, _, _) = ran(&app, json!({"suite": suite, "grader": "openai:gpt-4o-mini"})).await;
            assert_eq!((&run["state"], &run["counts"]["errors"]), (&json!("done"), &json!(0)), "{run}");
            let asked = app.model.requests();
            assert!(asked.iter().any(|one| one.to_string().contains("It names an hour.")), "the grader was asked");
            app.stop().await;
        }
    }

    async fn a_rubric_is_judged_by_the_desks_own_model_where_no_grader_is_named(db) {
        for allowed in [false, true] {
            if allowed && std::env::var_os("OPENAI_API_KEY").is_some() {
                continue;
            }
            let app = Setup::on(db).with(&format!("[evals]\nallow_code = {allowed}")).start().await;
            app.model.answer_with(|_| json!({"pass": true, "score": 1, "reason": "graded"}).to_string());
            let suite = judged(&app).await;
            let (run, rows, _) = ran(&app, json!({"suite": suite})).await;
            assert_eq!(run["counts"]["passed"], 1, "{run} {rows:?}");
            let asked = app.model.requests();
            let graded = asked.iter().find(|one| one.to_string().contains("It names an hour."));
            assert_eq!(graded.expect("the grader was asked")["model"], "gpt-4o-mini");
            app.stop().await;
        }
        // Without a model the rubric is an error, not a skipped check.
        let app = Setup::on(db).extractive().start().await;
        let rubric = "tests: [{vars: {q: a}, assert: [{type: llm-rubric, value: It is fine}]}]";
        write(&folder(&app), "rubric.yaml", &format!("providers: [echo]\nprompts: ['{{{{q}}}}']\n{rubric}\n"));
        let (run, rows, _) = ran(&app, json!({"suite": "rubric.yaml"})).await;
        assert_eq!((&run["counts"]["errors"], &run["counts"]["skipped"]), (&json!(1), &json!(0)), "{run}");
        assert!(rows[0].to_string().contains("the model of [llm] grades"), "{rows:?}");
        app.stop().await;
    }

    async fn the_desk_writes_no_more_suites_than_a_folder_holds(db) {
        let app = Setup::on(db).extractive().start().await;
        let folder = folder(&app);
        let case = |suite: &str, text: &str| json!({"agent": "acme", "text": text, "reply": "At nine.", "suite": suite});
        assert_eq!(app.call("/evals/cases", &case("saved-first.yaml", "When?")).await.0, 201);
        for number in 1..200 {
            write(&folder, &format!("saved-{number}.yaml"), "providers: [echo]\n");
        }
        let (status, said) = app.call("/evals/cases", &case("saved-more.yaml", "When?")).await;
        assert!(status == 422 && said["detail"].as_str().unwrap().contains("200 suites"), "{status}: {said}");
        assert!(!folder.join("saved-more.yaml").exists());
        assert_eq!(app.call("/evals/cases", &case("saved-first.yaml", "Where?")).await.0, 201);
        app.stop().await;
    }

    async fn a_gate_leads_to_no_other_file_whoever_wrote_it(db) {
        let (app, _) = gated(db, "").await;
        let home = app.home.path();
        write(home, "secret.yaml", &format!("{CANARY}: [\n"));
        #[cfg(unix)]
        std::os::unix::fs::symlink(home.join("secret.yaml"), folder(&app).join("link.yaml")).unwrap();
        let link = folder(&app).join("link.yaml").display().to_string();
        let secret = home.join("secret.yaml").display().to_string();
        let up = format!("{}/../secret.yaml", folder(&app).display());
        for (at, suite) in ["/etc/shadow", "/dev/zero", "/proc/self/environ", &link, &secret, &up].into_iter().enumerate() {
            let source = prompt(&format!("{{suite: \"{suite}\"}}"), &format!("Gate {at}."));
            let forced = app.call("/agents/acme/publish", &json!({"source": source, "force": true})).await;
            assert_eq!(forced.0, 200, "{}", forced.1);
            let next = prompt("", &format!("After {at}."));
            for body in [json!({"source": next, "dry_run": true}), json!({"source": next})] {
                let (status, said) = app.call("/agents/acme/publish", &body).await;
                assert_eq!(status, 409, "{suite}: {said}");
                let detail = said["detail"].as_str().unwrap();
                assert!(detail.contains("only files there are read"), "{suite}: {detail}");
                assert!(!said.to_string().contains(CANARY), "{said}");
            }
        }
        // The command line runs the gate that the API wrote.
        let gate = prompt("{suite: \"/dev/zero\"}", "Zero.");
        assert_eq!(app.call("/agents/acme/publish", &json!({"source": gate, "force": true})).await.0, 200);
        write(home, "next.md", &prompt("", "From a shell."));
        let setup = Setup::on(Db::Sqlite);
        let store = secrecy::ExposeSecret::expose_secret(&app.config.store.url);
        write(home, "frontdesk.toml", &setup.settings(home, store, &app.whatsapp, &app.model));
        let ended = process::run(home, &["publish", "acme", "next.md"], &[("USER", "ada")]);
        let ended = tokio::time::timeout(Duration::from_secs(30), ended).await.expect("it ends");
        process::says(&ended, false, &["only files there are read"]);
        app.stop().await;
    }

    async fn customers_words_are_no_templates_on_any_way(db) {
        let secret = std::env::var(VARIABLE).unwrap();
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "We close at 13:00 {{env.PATH}} {% endraw %}{{env.PATH}} [1].".into());
        let words = "When {% endraw %}{{env.PATH}}{{ env['PATH'] }}{% raw %}{{{{env.PATH}}}}{# x #}{% if %}?";
        assert_eq!(app.deliver(&text_webhook(MAIN, "447700900401", "wamid.1", words)).await, 200);
        app.settle().await;
        let again = format!("{words} And on Saturday?");
        assert_eq!(app.deliver(&text_webhook(MAIN, "447700900401", "wamid.2", &again)).await, 200);
        app.settle().await;
        // A saved reply with every field.
        let case = json!({"agent": "acme", "text": words, "title": words, "reply": words,
            "history": [{"speaker": "customer", "text": words}, {"speaker": "bot", "text": words}],
            "checks": [{"type": "llm-rubric", "value": words, "metric": words}, {"type": "contains-any", "value": [words]}, {"type": "not-retrieved", "value": {"document": words}}]});
        let (status, saved) = app.call("/evals/cases", &case).await;
        assert_eq!(status, 201, "{saved}");
        let plain = json!({"agent": "acme", "text": format!("{words} then"), "reply": words, "suite": "saved-plain.yaml"});
        assert_eq!(app.call("/evals/cases", &plain).await.0, 201);
        // A conversation, and each of its turns.
        let tapes = app.desk.store.tapes(&TurnRecordingFilter::default(), None, 10).await.unwrap();
        assert_eq!(tapes.len(), 2);
        let folder = folder(&app);
        let mut ids = vec![tapes[0].conversation_id.clone()];
        ids.extend(tapes.iter().map(|tape| tape.id.clone()));
        for (at, id) in ids.iter().enumerate() {
            let (agent, made) = from_conversation(&app.desk.store, id).await.unwrap();
            put_into(&folder.join(format!("made-{at}.yaml")), &agent, &[made]).unwrap();
        }
        // The export of replay.
        let mut turns = Turns::of(&app.desk.store, TurnRecordingFilter::default());
        let mut all = Vec::new();
        while let Some(page) = turns.next().await.unwrap() {
            all.extend(page.into_iter().map(Result::unwrap));
        }
        let (count, text) = exported(&all).unwrap();
        assert_eq!(count, 2);
        write(&folder, "exported.yaml", &text);
        let asked = app.model.requests().len();
        for suite in ["saved-acme.yaml", "saved-plain.yaml", "made-0.yaml", "made-1.yaml", "made-2.yaml", "exported.yaml"] {
            let (run, rows, left) = ran(&app, json!({"suite": suite, "grader": "openai:gpt-4o-mini"})).await;
            assert_eq!((&run["state"], &run["counts"]["errors"]), (&json!("done"), &json!(0)), "{suite}: {run} {rows:?}");
            assert!(!left.contains(&secret), "{suite}: the environment is in what the run left");
            let said: Vec<&Value> = rows.iter().flat_map(|row| row["response"]["turns"].as_array().unwrap()).collect();
            assert!(said.iter().any(|turn| turn["said"].to_string().contains(&json!(words).to_string()[1..40])), "{suite}: {said:?}");
            // From a shell, templates see more of the environment, but these words are still no
            // template.
            let overrides = bot_checks::overrides(Policy::command_line());
            let loaded = Suite::load(&folder.join(suite), &overrides).await.unwrap_or_else(|wrong| panic!("{wrong}"));
            let prepared = EvalEnvironment { desk: Some(app.desk.clone()), ..EvalEnvironment::default() }.prepare(loaded).unwrap();
            let run_log = RunLog::at(app.home.path().join("shell.jsonl"));
            prepared.run(&Plan::new(run_log.clone()), &Quiet, std::future::pending()).await.unwrap();
            assert!(!std::fs::read_to_string(run_log.path()).unwrap().contains(&secret), "{suite}");
        }
        let asked = &app.model.requests()[asked..];
        assert!(!asked.is_empty(), "the model was asked");
        for request in asked {
            assert!(!request.to_string().contains(&secret), "the model got it: {request}");
        }
        assert!(asked.iter().any(|request| request.to_string().contains(&json!(words).to_string().trim_matches('"')[..40])), "the words as they are");
        app.stop().await;
    }

    async fn no_request_takes_more_than_its_share(db) {
        let app = Setup::on(db).extractive().start().await;
        let folder = folder(&app);
        write(&folder, "small.yaml", "providers: [echo]\nprompts: [hi]\ntests: [{vars: {a: 1}}]\n");
        let billion = 1_000_000_000_u64;
        let document = app.get("/openapi.json").await;
        let schema = &document["components"]["schemas"]["NewRun"]["properties"];
        for field in ["repeat", "concurrency", "first", "sample"] {
            let most = schema[field]["maximum"].as_u64().unwrap_or_else(|| panic!("{field}: {schema}"));
            for number in [0, most + 1, billion, u64::MAX] {
                let why = refused(&app, json!({"suite": "small.yaml", field: number})).await;
                assert!(why.contains(field) && why.contains(&most.to_string()), "{field}: {why}");
            }
        }
        let long = "x".repeat(501);
        for body in [
            json!({"metadata": vec!["a=b"; 21]}), json!({"metadata": [long]}), json!({"pattern": long}), json!({"grader": long}),
            json!({"agent": long}), json!({"baseline": long}), json!({"failing": long}), json!({"prompt": "x".repeat(200_001)}),
        ] {
            let mut body = body;
            body["suite"] = "small.yaml".into();
            refused(&app, body).await;
        }
        let list = |n: usize| (0..n).map(|at| at.to_string()).collect::<Vec<_>>().join("', '");
        let matrix = (0..10).map(|at| format!("v{at}: ['{}']", list(100))).collect::<Vec<_>>().join(", ");
        let scenario = format!("[{}]", vec!["{vars: {a: 1}}"; 400].join(", "));
        let large = format!("{{a: ['{}'], b: {}}}", list(1000), "x".repeat(1 << 20));
        for (name, rest, words) in [
            ("matrix", format!("tests: [{{vars: {{{matrix}}}}}]"), "cases"),
            ("scenarios", format!("scenarios: [{{config: {scenario}, tests: {scenario}}}]"), "cases"),
            ("large", format!("tests: [{{vars: {large}}}]"), "MB"),
            ("rows", format!("tests: [{{vars: {{a: ['{}']}}}}]\nevaluateOptions: {{repeat: 100}}", list(1001)), "rows"),
        ] {
            write(&folder, &format!("{name}.yaml"), &format!("providers: [echo]\nprompts: [hi]\n{rest}\n"));
            let why = refused(&app, json!({"suite": format!("{name}.yaml")})).await;
            assert!(why.contains(words), "{name}: {why}");
        }
        let case = json!({"agent": "acme", "text": "x", "reply": "y", "history": [{"speaker": "bot", "text": "x".repeat(20_001)}]});
        assert_eq!(app.call("/evals/cases", &case).await.0, 422);
        let (run, _, _) = ran(&app, json!({"suite": "small.yaml", "repeat": 100, "concurrency": 32})).await;
        assert_eq!(run["counts"]["passed"], 100, "what is within its bounds runs: {run}");
        // A suite written for the command line runs within the API's bounds.
        for (name, rest, rows) in [
            ("repeat", format!("tests: [{{vars: {{a: 1}}}}]\nevaluateOptions: {{repeat: {billion}}}"), 100),
            ("line", format!("tests: [{{vars: {{a: 1}}}}]\ncommandLineOptions: {{repeat: {billion}}}"), 100),
            ("own", format!("tests: [{{vars: {{a: 1}}, options: {{repeat: {billion}}}}}]"), 100),
            ("at-once", "tests: [{vars: {a: 1}}]\nevaluateOptions: {maxConcurrency: 1000000}".into(), 1),
        ] {
            write(&folder, &format!("{name}.yaml"), &format!("providers: [echo]\nprompts: [hi]\n{rest}\n"));
            let (run, _, _) = ran(&app, json!({"suite": format!("{name}.yaml")})).await;
            assert_eq!(run["counts"]["passed"], rows, "{name}: {run}");
        }
        app.stop().await;
    }
}

struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: usize) {}
    fn row(&self, _: &EvalRow) {}
    fn done(&self) {}
}

/// Each suite runs code and has its expected refusal, as an error of its row or of the request.
#[tokio::test(flavor = "multi_thread")]
async fn a_suite_that_runs_code_is_refused_over_the_api_unless_its_owner_allows_it() {
    for allowed in [false, true] {
        let app = Setup::on(Db::Sqlite)
            .extractive()
            .with(&format!("[evals]\nallow_code = {allowed}"))
            .start()
            .await;
        let (folder, marker) = (folder(&app), app.home.path().join("marker"));
        write(
            &folder,
            "x.js",
            "module.exports = () => ({output: 'js', pass: true, score: 1, reason: 'js'})",
        );
        write(&folder, "made.js", "module.exports = () => [{vars: {q: 'made'}}]");
        write(&folder, "prompt.js", "module.exports = () => 'made prompt'");
        write(&folder, "filter.js", "module.exports = (x) => x + '!'");
        let echo = "providers: [echo]\nprompts: ['{{q}}']\n";
        let program = json!(touches(&marker));
        let at_once = [
            (
                "exec",
                format!("providers: [{program}]\nprompts: [hi]\ntests: [{{vars: {{q: a}}}}]\n"),
            ),
            ("case", format!("{echo}tests: [{{vars: {{q: a}}, provider: {program}}}]\n")),
            (
                "script",
                "providers: ['file://x.js']\nprompts: [hi]\ntests: [{vars: {q: a}}]\n".into(),
            ),
            ("tests", format!("{echo}tests: file://made.js\n")),
            (
                "derived",
                format!(
                    "{echo}tests: [{{vars: {{q: a}}}}]\nderivedMetrics: [{{name: n, value: 1 + 1}}]\n"
                ),
            ),
        ];
        let rows = [
            ("javascript", "assert: [{type: javascript, value: 'true'}]"),
            ("js-file", "assert: [{type: javascript, value: file://x.js}]"),
            ("js-value", "assert: [{type: equals, value: file://x.js}]"),
            ("transform", "assert: [{type: contains, value: a, transform: output}]"),
            ("options", "options: {transform: output}"),
            ("vars", "options: {transformVars: vars}"),
            ("scoring", "assert: [{type: contains, value: a}], assertScoringFunction: namedScores"),
            ("inner", "provider: 'http://127.0.0.1:9/'"),
            ("webhook", "assert: [{type: webhook, value: 'http://127.0.0.1:9/'}]"),
        ];
        for (name, text) in &at_once {
            write(&folder, &format!("{name}.yaml"), text);
        }
        for (name, rest) in rows {
            write(
                &folder,
                &format!("{name}.yaml"),
                &format!("{echo}tests: [{{vars: {{q: a}}, {rest}}}]\n"),
            );
        }
        write(&folder, "dynamic.yaml", &format!("{echo}tests: [{{vars: {{q: file://x.js}}}}]\n"));
        write(
            &folder,
            "function.yaml",
            "providers: [echo]\nprompts: ['file://prompt.js']\ntests: [{vars: {q: a}}]\n",
        );
        write(
            &folder,
            "filters.yaml",
            "providers: [echo]\nprompts: ['{{q | loud}}']\nnunjucksFilters: {loud: filter.js}\ntests: [{vars: {q: a}}]\n",
        );
        let names =
            rows.map(|(name, _)| name).into_iter().chain(["dynamic", "function", "filters"]);
        if allowed {
            for name in ["exec", "javascript", "dynamic", "function", "filters", "tests", "derived"]
            {
                let (run, rows, _) = ran(&app, json!({"suite": format!("{name}.yaml")})).await;
                assert_eq!(run["counts"]["errors"], 0, "{name}: {run} {rows:?}");
            }
            assert!(marker.exists(), "the owner allowed it");
            assert_eq!(app.get("/status").await["evals_run_code"], true);
            app.stop().await;
            continue;
        }
        for (name, _) in at_once.iter().filter(|(name, _)| *name != "case") {
            let why = refused(&app, json!({"suite": format!("{name}.yaml")})).await;
            assert!(
                why.contains("over the API") && why.contains("frontdesk eval"),
                "{name}: {why}"
            );
        }
        for name in names.chain(["case"]) {
            let (run, rows, _) = ran(&app, json!({"suite": format!("{name}.yaml")})).await;
            assert_eq!(run["counts"]["errors"], 1, "{name}: {run} {rows:?}");
            let why = rows[0].to_string();
            assert!(
                why.contains("over the API") && why.contains("frontdesk eval"),
                "{name}: {why}"
            );
        }
        assert!(!marker.exists(), "a program ran");
        assert_eq!(app.get("/status").await["evals_run_code"], false);
        app.stop().await;
    }
}

/// Over the API a suite reads only the folder of suites.
#[tokio::test(flavor = "multi_thread")]
async fn a_suite_reads_no_file_of_another_folder() {
    let app = Setup::on(Db::Sqlite).extractive().with("[evals]\nallow_code = true").start().await;
    let (folder, home) = (folder(&app), app.home.path());
    write(home, "secret.txt", CANARY);
    write(home, "secret.yaml", &format!("- vars: {{q: {CANARY}}}\n"));
    write(home, "secret.json", &format!("{{\"q\": \"{CANARY}\"}}"));
    write(&folder, "good.txt", "fine");
    #[cfg(unix)]
    std::os::unix::fs::symlink(home.join("secret.txt"), folder.join("link.txt")).unwrap();
    write(&folder, "need.js", "module.exports = () => require('../secret.json').q");
    write(
        &folder,
        "absolute.js",
        &format!("module.exports = () => require({:?}).q", home.join("secret.json")),
    );
    let head = "prompts: ['{{q}}']\n";
    let secret = |name: &str| home.join(name).display().to_string();
    for (name, text) in [
        (
            "var",
            format!(
                "{head}providers: [echo]\ntests: [{{vars: {{q: 'file://{}'}}}}]\n",
                secret("secret.txt")
            ),
        ),
        (
            "up",
            format!("{head}providers: [echo]\ntests: [{{vars: {{q: 'file://../secret.txt'}}}}]\n"),
        ),
        ("link", format!("{head}providers: [echo]\ntests: [{{vars: {{q: 'file://link.txt'}}}}]\n")),
        (
            "zero",
            format!("{head}providers: [echo]\ntests: [{{vars: {{q: 'file:///dev/zero'}}}}]\n"),
        ),
        (
            "pattern",
            format!("{head}providers: [echo]\ntests: [{{vars: {{q: 'file://../*.txt'}}}}]\n"),
        ),
        ("tests", format!("{head}providers: [echo]\ntests: 'file://{}'\n", secret("secret.yaml"))),
        (
            "ref",
            format!("{head}providers: [echo]\ntests:\n- $ref: '{}#/0'\n", secret("secret.yaml")),
        ),
        (
            "prompt",
            format!(
                "prompts: ['file://{}']\nproviders: [echo]\ntests: [{{vars: {{q: a}}}}]\n",
                secret("secret.txt")
            ),
        ),
        (
            "value",
            format!(
                "{head}providers: [echo]\ntests: [{{vars: {{q: a}}, assert: [{{type: equals, value: 'file://../secret.txt'}}]}}]\n"
            ),
        ),
        (
            "bot",
            format!(
                "{head}providers: [{{id: 'frontdesk:acme', config: {{prompt: '{}'}}}}]\ntests: [{{vars: {{q: a}}}}]\n",
                secret("secret.txt")
            ),
        ),
        (
            "voice",
            "providers: ['frontdesk:acme']\ntests: [{turns: [{image: ../secret.txt}]}]\n".into(),
        ),
        ("need", format!("{head}providers: ['file://need.js']\ntests: [{{vars: {{q: a}}}}]\n")),
        (
            "absolute",
            format!("{head}providers: ['file://absolute.js']\ntests: [{{vars: {{q: a}}}}]\n"),
        ),
    ] {
        write(&folder, &format!("{name}.yaml"), &text);
        let (status, said) =
            app.call("/evals/runs", &json!({"suite": format!("{name}.yaml")})).await;
        let told = if status == 422 {
            said.to_string()
        } else {
            let (run, rows, left) = ran(&app, json!({"suite": format!("{name}.yaml")})).await;
            assert_eq!(run["counts"]["errors"], 1, "{name}: {run} {rows:?}");
            left
        };
        assert!(told.contains("only files there are read"), "{name}: {told}");
        assert!(!told.contains(CANARY), "{name}: {told}");
    }
    write(
        &folder,
        "good.yaml",
        &format!(
            "{head}providers: [echo]\ntests: [{{vars: {{q: 'file://good.txt'}}, assert: [{{type: equals, value: fine}}]}}]\n"
        ),
    );
    let (run, rows, _) = ran(&app, json!({"suite": "good.yaml"})).await;
    assert_eq!(run["counts"]["passed"], 1, "{run} {rows:?}");
    app.stop().await;
}

/// Even from a shell, templates never see a secret: only target settings do, and the report never
/// contains them.
#[tokio::test]
async fn secrets_of_the_environment_are_in_no_report() {
    let home = tempfile::tempdir().unwrap();
    let fake = OpenAi::start().await;
    let suite = format!(
        "prompts: ['{{{{q}}}} {{{{env.MY_TOKEN}}}} {{{{env.TOWN}}}}']\n\
         providers: [{{id: 'openai:m', config: {{apiBaseUrl: '{}', apiKey: '{{{{env.MY_TOKEN}}}}'}}}}]\n\
         defaultTest: {{vars: {{d: '{{{{env.MY_TOKEN}}}}'}}}}\n\
         tests:\n- {{vars: {{q: '{{{{env.MY_TOKEN}}}} {{{{env.DATABASE_URL}}}} {{{{env.FRONTDESK__HTTP__BASE_URL}}}}'}}}}\n",
        fake.url
    );
    write(home.path(), "s.yaml", &suite);
    fake.require_key("secret-1f3a");
    let path = std::env::var("PATH").unwrap();
    let variables = [
        ("MY_TOKEN", "secret-1f3a"),
        ("DATABASE_URL", ""),
        ("FRONTDESK__HTTP__BASE_URL", "https://desk-2e4b.example"),
        ("TOWN", "Lima"),
        ("PATH", &path),
    ];
    let ended =
        process::run(home.path(), &["eval", "s.yaml", "-o", "r.json", "-o", "r.html"], &variables)
            .await;
    let asked = fake.requests();
    assert_eq!(asked.len(), 1, "the key of its settings is used: {}", ended.1);
    let all = ended.1 + &asked[0].to_string();
    let all = ["r.json", "r.html", "data/evals/s.jsonl"]
        .iter()
        .fold(all, |all, file| all + &std::fs::read_to_string(home.path().join(file)).unwrap());
    assert!(!all.contains("secret-1f3a") && !all.contains("desk-2e4b"), "{all}");
    assert!(all.contains("Lima"), "what is no secret is seen: {all}");
}

/// Settings of a case's own target and grader see the same environment as the suite's, and so do
/// its file names.
#[tokio::test]
async fn settings_of_cases_see_the_environment_and_no_report_does() {
    let home = tempfile::tempdir().unwrap();
    let fake = OpenAi::start().await;
    fake.answer_with(|_| json!({"pass": true, "score": 1, "reason": "graded"}).to_string());
    fake.require_key("secret-1f3a");
    write(home.path(), "Lima/t.csv", "q,__expected\nof a table,equals:of a table\n");
    write(home.path(), "Lima/a.txt", "of a file");
    let model = format!(
        "{{id: 'openai:m', config: {{apiBaseUrl: '{}', apiKey: '{{{{env.MY_TOKEN}}}}'}}}}",
        fake.url
    );
    let rubric = "type: llm-rubric, value: It is fine";
    let suite = format!(
        "prompts: ['{{{{q}}}}']\nproviders: [echo]\ndefaultTest: {{vars: {{d: 'file://{{{{env.TOWN}}}}/a.txt'}}}}\ntests:\n\
         - {{vars: {{q: a}}, options: {{provider: {model}}}, assert: [{{{rubric}}}]}}\n\
         - {{vars: {{q: b}}, assert: [{{{rubric}, provider: {model}}}]}}\n\
         - {{vars: {{q: c}}, provider: {model}}}\n\
         - {{path: 'file://{{{{env.TOWN}}}}/t.csv'}}\n\
         - {{vars: {{q: 'file://{{{{env.TOWN}}}}/a.txt'}}, assert: [{{type: equals, value: of a file}}]}}\n\
         scenarios: [{{config: [{{vars: {{q: d}}}}], tests: [{{provider: {model}}}]}}]\n"
    );
    write(home.path(), "s.yaml", &suite);
    let path = std::env::var("PATH").unwrap();
    let variables = [("MY_TOKEN", "secret-1f3a"), ("TOWN", "Lima"), ("PATH", &path)];
    let args = ["eval", "s.yaml", "-o", "r.json", "-o", "r.html"];
    let ended = process::run(home.path(), &args, &variables).await;
    process::says(&ended, true, &["6 passed"]);
    assert_eq!(fake.requests().len(), 4, "the key of their settings is used: {}", ended.1);
    for name in ["r.json", "r.html", "data/evals/s.jsonl"] {
        let text = std::fs::read_to_string(home.path().join(name)).unwrap();
        assert!(!text.contains("secret-1f3a"), "{name}");
    }
}

/// A run whose rows exceed their limit stops with an error and keeps the rows it has.
#[tokio::test]
async fn a_journal_has_a_bound() {
    let home = tempfile::tempdir().unwrap();
    let text = "providers: [echo]\nprompts: ['{{q}}']\ntests: [{vars: {q: a}}]\nevaluateOptions: {repeat: 100}\n";
    write(home.path(), "s.yaml", text);
    let suite = Suite::load(&home.path().join("s.yaml"), &bot_checks::overrides(Policy::default()))
        .await
        .unwrap();
    let prepared = EvalEnvironment::default().prepare(suite).unwrap();
    let run_log = RunLog::at(home.path().join("rows.jsonl"));
    let plan = Plan { max_bytes: Some(5_000), ..Plan::new(run_log.clone()) };
    let summary = prepared.run(&plan, &Quiet, std::future::pending()).await.unwrap();
    assert!(!summary.complete && summary.stopped.is_some(), "{summary:?}");
    let size = std::fs::metadata(run_log.path()).unwrap().len();
    assert!((5_000..8_000).contains(&size), "{size}");
    let rows = run_log.rows().unwrap().count();
    assert_eq!(rows, summary.counts().iter().sum::<usize>());
}

/// Whatever runs a program, opens the engine or a connection, or reads the environment or a file
/// for a suite asks the policy: a new place must be listed here and take a permit.
#[test]
fn every_place_that_reaches_out_asks_the_policy() {
    let places: &[(&str, &[&str])] = &[
        ("Command::new(", &["script/process.rs", "target/exec.rs"]),
        ("Runtime::new(", &["script/javascript.rs"]),
        ("Client::builder(", &["target/http.rs"]),
        ("Client::new(", &[]),
        ("reqwest::get(", &[]),
        ("Endpoint::new(", &["target/openai/mod.rs", "target/anthropic.rs", "judge/labels.rs"]),
        // The exit code of the command and the splitting of tables: a suite cannot name these.
        ("env::var", &["policy/names.rs", "run/outcome.rs", "suite/table.rs"]),
        // Files of the run itself, of commands and of the desk; the policy reads all that a suite
        // names.
        (
            "fs::read",
            &[
                "script/module.rs",
                "jobs/folder.rs",
                "jobs/listing.rs",
                "run/filter.rs",
                "cases/yaml.rs",
                "dataset.rs",
                "target/cache.rs",
                "compare/baseline.rs",
            ],
        ),
        ("File::open(", &["policy/files.rs", "report/read.rs", "run_log.rs"]),
    ];
    let roots = ["src/eval", "crates/promptfoo/src"]
        .map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let mut files = Vec::new();
    let mut folders = roots.to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 100);
    for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        if text.contains("Test support:") || file.ends_with("tests.rs") {
            continue;
        }
        let code = &text[..text.find("#[cfg(test)]").unwrap_or(text.len())];
        let name = roots.iter().find_map(|root| file.strip_prefix(root).ok()).unwrap();
        let name = name.display().to_string();
        for (what, known) in places {
            let is_known = known.contains(&name.as_str());
            assert!(
                is_known || !code.contains(what),
                "{name} has `{what}`: it must ask the policy"
            );
            let reaches = what.ends_with('(') && !what.starts_with("File");
            assert!(!(is_known && reaches) || code.contains("Permit"), "{name} takes no permit");
        }
    }
}
