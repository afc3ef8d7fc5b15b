//! Writing agents over the API: checking drafts, trying their hand-off rules, generating prompts,
//! creating agents and trying them before they exist; and saving replies as cases of a suite.

use serde_json::{Value, json};

use crate::support::app::{Db, KEY, Setup, TestApp, on_both};
use crate::support::fake::Failure;

const DRAFT: &str = "---\nname: Bike shop\ntemperature: 0.4\nknowledge: [acme, bikes]\nhandoff: { keywords: [\"a person\"], patterns: ['(?i)order \\d+'] }\n---\nYou are {{ agent }}, today is {{ today }}.\n";

const GOOD: &str = "---\nname: Cedar Bakery\nknowledge: [acme]\nhandoff:\n  keywords: [\"a person\", \"complaint\"]\n---\nYou answer customers of {{ agent }}.\n";

fn wanted() -> Value {
    json!({"description": "A bakery in Cedar Street that bakes bread and cakes to order.", "knowledge": ["acme"], "language": "English"})
}

async fn start_run(app: &TestApp, suite: &str) -> Value {
    let (status, run) = app.call("/evals/runs", &json!({"suite": suite})).await;
    assert_eq!(status, 202, "{run}");
    let began = std::time::Instant::now();
    loop {
        let run = app.get(&format!("/evals/runs/{}", run["id"].as_str().unwrap())).await;
        if run["state"] == "done" || run["state"] == "failed" {
            return run;
        }
        assert!(began.elapsed().as_secs() < 20, "{run}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

on_both! {
    async fn a_draft_is_checked_and_tried_before_there_is_such_an_agent(db) {
        let app = Setup::on(db).start().await;
        let (status, good) = app.call("/agents/bikes/check", &json!({"source": DRAFT})).await;
        assert_eq!((status.as_u16(), &good["ok"], &good["error"]), (200, &json!(true), &Value::Null), "{good}");
        assert_eq!((&good["variables"], &good["new_collections"]), (&json!(["agent", "today"]), &json!(["bikes"])));
        let settings = &good["settings"];
        assert_eq!((&settings["name"], &settings["knowledge"]), (&json!("Bike shop"), &json!(["acme", "bikes"])));
        assert_eq!((&settings["handoff"]["keywords"], &settings["handoff"]["patterns"]), (&json!(["a person"]), &json!(["(?i)order \\d+"])));
        assert_eq!(good["known"].as_array().unwrap().len(), 8);
        let (_, bad) = app.call("/agents/bikes/check", &json!({"source": DRAFT.replace("{{ agent }}", "{{ nobody }}")})).await;
        assert_eq!((&bad["ok"], &bad["error"]["line"], &bad["settings"]), (&json!(false), &json!(7), &Value::Null), "{bad}");
        let (_, bad) = app.call("/agents/bikes/check", &json!({"source": DRAFT.replace("temperature", "temprature")})).await;
        assert!(bad["error"]["message"].as_str().unwrap().contains("temprature"), "{bad}");

        let try_it = async |agent: &str, body: Value| app.call(&format!("/agents/{agent}/handoff/try"), &body).await;
        let (_, hit) = try_it("acme", json!({"text": "¿Puedo hablar con un HUMAN, por favor?"})).await;
        assert_eq!((&hit["kind"], &hit["rule"], &hit["rules"]), (&json!("keyword"), &json!("human"), &json!(2)), "{hit}");
        assert_eq!(hit["reply"], "A colleague will answer you here.");
        let (_, miss) = try_it("acme", json!({"text": "When do you open on Sundays?"})).await;
        assert_eq!((&miss["matched"], &miss["kind"], &miss["language"]), (&Value::Null, &Value::Null, &json!("en")), "{miss}");
        let (_, hit) = try_it("nobody", json!({"text": "Where is order 123?", "source": DRAFT})).await;
        assert_eq!((&hit["kind"], &hit["rule"]), (&json!("pattern"), &json!("(?i)order \\d+")), "{hit}");
        assert_eq!(try_it("nobody", json!({"text": "x"})).await.0, 404);
        assert_eq!(try_it("acme", json!({"text": " "})).await.0, 422);

        let draft = DRAFT.replace(", bikes", "");
        let (status, told) = app.call("/sandbox/turns", &json!({"agent": "not-yet", "prompt": draft, "text": "When do you open?"})).await;
        assert_eq!(status, 200, "{told}");
        let trace = &told["trace"];
        assert!(trace["prompt"]["messages"][0]["content"].as_str().unwrap().contains("You are Bike shop"), "{told}");
        for stage in ["transcribe", "escalate", "retrieve", "prompt", "reply"] {
            assert!(trace[stage]["took_ms"].is_number(), "{stage}: {told}");
        }
        assert!(trace["usage"]["cost_micros"].is_u64() && trace["total_ms"].is_number(), "{told}");
        assert_eq!(app.call("/sandbox/turns", &json!({"agent": "not-yet", "text": "Hello?"})).await.0, 404);
        app.stop().await;
    }

    async fn a_new_agent_answers_at_once_and_is_written_down(db) {
        let app = Setup::on(db).start().await;
        let (status, made) = app.call("/agents", &json!({"slug": "bikes", "source": DRAFT})).await;
        assert_eq!((status.as_u16(), &made["slug"], &made["version"]), (201, &json!("bikes"), &json!(1)), "{made}");
        let (status, told) = app.call("/sandbox/turns", &json!({"agent": "bikes", "text": "a person please"})).await;
        assert_eq!((status.as_u16(), &told["outcome"]), (200, &json!("hand_over")), "{told}");
        let log = app.get("/audit?action=agent.created").await;
        assert_eq!((&log["items"][0]["action"], &log["items"][0]["subject"]), (&json!("agent.created"), &json!("bikes")), "{log}");
        assert_eq!(app.call("/agents", &json!({"slug": "bikes", "source": DRAFT})).await.0, 409);
        assert_eq!(app.get("/agents/bikes/versions").await["items"].as_array().unwrap().len(), 1, "it changed nothing");
        for (slug, source) in [("Bikes", DRAFT), ("", DRAFT), ("a/b", DRAFT), ("generate", DRAFT), ("trams", "no header")] {
            assert_eq!(app.call("/agents", &json!({"slug": slug, "source": source})).await.0, 422, "{slug}");
        }
        app.stop().await;
    }

    async fn a_prompt_is_written_by_the_model_within_the_days_limit(db) {
        let app = Setup::on(db).with("[budget]\nprompts_a_day = 3\n[llm.prices.\"gpt-4o-mini\"]\ninput = 1.0\noutput = 1.0").start().await;
        app.model.answer_with(|request| {
            let last = request["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
            // The first answer is invalid; after feedback the model corrects it.
            if last.contains("unknown field `colour`") { format!("```\n{GOOD}```") } else { GOOD.replace("name:", "colour: red\nname:") }
        });
        let before = app.get("/agents/generate").await;
        assert_eq!(before, json!({"available": true, "left": 3, "limit": 3, "reason": null}));
        let (status, made) = app.call("/agents/generate", &wanted()).await;
        assert_eq!((status.as_u16(), &made["source"], &made["left"]), (200, &json!(GOOD), &json!(2)), "{made}");
        assert!(made["cost_micros"].as_u64().unwrap() > 0, "{made}");
        assert_eq!(app.model.chat_count(), 2);
        assert!(app.model.requests()[0]["messages"].to_string().contains("Cedar Street"));
        let spent = app.desk.store.trials_and_turns_since(0).await.unwrap();
        assert!(spent.0 > 0 && spent.1 == 0, "it counts as a trial: {spent:?}");

        app.model.answer_with(|_| "I would rather not.".into());
        let (status, why) = app.call("/agents/generate", &wanted()).await;
        assert_eq!(status, 502, "{why}");
        assert!(why["detail"].as_str().unwrap().contains("---"), "{why}");
        app.model.fail_next(8, &Failure::Status(500, json!({}), None));
        let (status, why) = app.call("/agents/generate", &wanted()).await;
        assert_eq!(status, 502, "{why}");
        assert_eq!(app.get("/agents/generate").await["left"], 1, "what the endpoint did not answer is not counted");
        let (status, _) = app.call("/agents/generate", &json!({"description": "short"})).await;
        assert_eq!(status, 422);
        let mut unknown = wanted();
        unknown["knowledge"] = json!(["nowhere"]);
        assert_eq!(app.call("/agents/generate", &unknown).await.0, 422);
        app.change("update prompts_written set asked = 3").await;
        let (status, why) = app.call("/agents/generate", &wanted()).await;
        assert_eq!(status, 429, "{why}");
        let after = app.get("/agents/generate").await;
        assert_eq!((&after["available"], &after["left"]), (&json!(false), &json!(0)));
        app.change("update prompts_written set day = day - 86400000").await;
        assert_eq!(app.get("/agents/generate").await["left"], 3, "another day");
        app.stop().await;
    }

    async fn a_reply_is_saved_as_a_case_that_runs(db) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("suites");
        let app = Setup::on(db).with(&format!("[files]\nsuites = \"{}\"", folder.display())).start().await;
        app.model.answer_with(|_| "On Saturday we close at 13:00 [1].".into());
        assert_eq!(app.get("/evals/suites").await, json!([]));
        let case = json!({"agent": "acme", "text": "And on {{ Saturday }}?", "reply": "On Saturday we close at 13:00.",
            "history": [{"speaker": "customer", "text": "When do you close?"}, {"speaker": "bot", "text": "At 18:00."}]});
        let (status, saved) = app.call("/evals/cases", &case).await;
        assert_eq!((status.as_u16(), &saved["suite"], &saved["added"]), (201, &json!("saved-acme.yaml"), &json!(true)), "{saved}");
        let (_, again) = app.call("/evals/cases", &case).await;
        assert_eq!(again["added"], false, "{again}");
        let checked = json!({"agent": "acme", "text": "I want a human", "reply": "", "checks": [{"type": "handed-off", "value": "human"}], "title": "A person"});
        assert_eq!(app.call("/evals/cases", &checked).await.0, 201);
        let suites = app.get("/evals/suites").await;
        assert_eq!(suites, json!([{"name": "saved-acme.yaml", "title": "Saved replies of acme", "cases": 2, "agent": "acme", "saved": true, "baseline": null}]));
        let run = start_run(&app, "saved-acme.yaml").await;
        assert_eq!((&run["counts"]["passed"], &run["state"]), (&json!(2), &json!("done")), "{run}");
        let rows = app.get(&format!("/evals/runs/{}/rows", run["id"].as_str().unwrap())).await.to_string();
        assert!(rows.contains("At 18:00.") && rows.contains("And on {{ Saturday }}?"), "what was said before, and the words as they are: {rows}");

        let file = folder.join("saved-acme.yaml");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(folder.join("ours.yaml"), "tests: []\n").unwrap();
        for (key, value) in [
            ("suite", json!("ours.yaml")), ("suite", json!("../saved-x.yaml")), ("text", json!(" ")),
            ("checks", json!([{"type": "python", "value": "1"}])), ("checks", json!([{"type": "contains", "value": 3, "provider": "exec:sh"}])),
            ("checks", json!([{"type": "regex", "value": "("}, {"type": "retrieved", "value": {"rank": "x"}, "threshold": "high"}])),
        ] {
            let mut wrong = json!({"agent": "acme", "text": "Something else entirely?", "reply": "Yes."});
            wrong[key] = value.clone();
            let (status, why) = app.call("/evals/cases", &wrong).await;
            assert_eq!(status, 422, "{key} {value}: {why}");
        }
        assert_eq!(app.call("/evals/cases", &json!({"agent": "nobody", "text": "x", "reply": "y"})).await.0, 404);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before, "what was refused changed nothing");
        assert_eq!(std::fs::read_to_string(folder.join("ours.yaml")).unwrap(), "tests: []\n");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing is left over");
        app.stop().await;
    }

    async fn cases_are_shown_changed_and_removed(db) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("suites");
        let app = Setup::on(db).with(&format!("[files]\nsuites = \"{}\"", folder.display())).start().await;
        let new = |text: &str| json!({"agent": "acme", "text": text, "reply": "", "title": text,
            "history": [{"speaker": "bot", "text": "Hi {{name}}"}], "checks": [{"type": "icontains", "value": "{{nine}}"}]});
        for text in ["When?", "Where {{there}}?"] {
            assert_eq!(app.call("/evals/cases", &new(text)).await.0, 201);
        }
        let shown = app.get("/evals/cases?suite=saved-acme.yaml").await;
        assert_eq!((&shown["saved"], shown["cases"].as_array().map(Vec::len)), (&json!(true), Some(2)), "{shown}");
        assert!(shown["text"].as_str().unwrap().contains("frontdesk:acme"), "{shown}");
        let hash = |at: usize| shown["cases"][at]["hash"].as_str().unwrap();
        assert_eq!(shown["cases"][1], json!({"title": "Where {{there}}?", "hash": hash(1), "form": {
            "history": [{"speaker": "bot", "text": "Hi {{name}}"}], "text": "Where {{there}}?", "checks": [{"type": "icontains", "value": "{{nine}}"}]}}));

        // A change takes the place of what was read, or of nothing.
        let change = |at: usize, of: usize, text: &str| json!({"agent": "acme", "suite": "saved-acme.yaml", "text": text, "reply": "", "title": "Hours",
            "checks": [{"type": "icontains", "value": "ten"}], "replaces": {"at": at, "hash": hash(of)}});
        let (status, why) = app.call("/evals/cases", &change(0, 1, "When?")).await;
        assert_eq!((status.as_u16(), why["detail"].as_str()), (409, Some("The suite changed meanwhile: load it again.")), "{why}");
        let (status, why) = app.call("/evals/cases", &change(0, 0, "Where {{there}}?")).await;
        assert_eq!((status.as_u16(), why["detail"].as_str()), (409, Some("The suite has another case with this message.")), "{why}");
        let (status, saved) = app.call("/evals/cases", &change(0, 0, "When?")).await;
        assert_eq!((status.as_u16(), &saved["added"]), (201, &json!(true)), "{saved}");
        // Who read it before that changes nothing of it.
        assert_eq!(app.call("/evals/cases", &change(1, 0, "When?")).await.0, 409);
        let log = app.get("/audit?action=eval.case_saved&outcome=done&limit=1").await;
        assert_eq!(log["items"][0]["detail"]["replaced"], 0, "{log}");
        let shown = app.get("/evals/cases?suite=saved-acme.yaml").await;
        let titles: Vec<_> = shown["cases"].as_array().unwrap().iter().map(|case| case["title"].as_str().unwrap()).collect();
        assert_eq!(titles, ["Where {{there}}?", "Hours"]);

        let remove = async |query: &str| {
            let request = app.http.delete(format!("{}/api/v1/evals/cases?{query}", app.url)).bearer_auth(crate::support::app::KEY);
            request.send().await.unwrap().status().as_u16()
        };
        // A key of an endpoint in a file of the owner's is not shown.
        std::fs::write(folder.join("ours.yaml"), "providers: [{id: x, config: {apiKey: sk-1}}]\ntests:\n- vars: {message: a}\n").unwrap();
        let ours = app.get("/evals/cases?suite=ours.yaml").await;
        assert_eq!((&ours["saved"], &ours["text"], &ours["cases"][0]["title"]), (&json!(false), &Value::Null, &json!("a")), "{ours}");
        let shown = app.get("/evals/cases?suite=saved-acme.yaml").await;
        let case = |at: usize, of: usize| format!("suite=saved-acme.yaml&at={at}&hash={}", shown["cases"][of]["hash"].as_str().unwrap());
        // Nor is a case taken out of the suite of a gate, or changed.
        let publish = async |gate: &str| {
            let source = format!("---\nname: Acme Lamps\nknowledge: [acme]\n{gate}---\nYou are a clerk.\n");
            let (status, said) = app.call("/agents/acme/publish", &json!({"source": source, "force": true})).await;
            assert_eq!(status, 200, "{said}");
        };
        publish(&format!("gate: {{suite: \"{}\"}}\n", folder.join("saved-acme.yaml").display())).await;
        assert_eq!(remove(&case(1, 1)).await, 409);
        let gated = json!({"agent": "acme", "suite": "saved-acme.yaml", "text": "Else?", "reply": "x", "replaces": {"at": 1, "hash": shown["cases"][1]["hash"]}});
        let (status, why) = app.call("/evals/cases", &gated).await;
        assert!(status == 409 && why["detail"].as_str().unwrap().contains("The gate of `acme`"), "{why}");
        publish("").await;
        for (query, status) in [
            ("suite=ours.yaml&at=0&hash=a".to_owned(), 422), ("suite=../saved-x.yaml&at=0&hash=a".into(), 422), ("suite=saved-none.yaml&at=0&hash=a".into(), 404),
            (case(0, 1), 409), (case(1, 1), 204), (case(1, 1), 409), (case(0, 0), 204),
        ] {
            assert_eq!(remove(&query).await, status, "{query}");
        }
        let log = app.get("/audit?action=eval.case_removed&outcome=done").await;
        assert_eq!(log["items"].as_array().map(Vec::len), Some(2), "{log}");
        // With its last case the suite is gone.
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["ours.yaml"]);
        let secret = home.path().join("secret.yaml");
        std::fs::write(&secret, "tests: []\n").unwrap();
        std::fs::write(folder.join(".half.yaml"), "tests: []\n").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&secret, folder.join("link.yaml")).unwrap();
        let absolute = secret.display().to_string().replace('/', "%2F");
        for wrong in ["none.yaml", "..%2Fsecret.yaml", "link.yaml", ".half.yaml", &absolute] {
            let request = app.http.get(format!("{}/api/v1/evals/cases?suite={wrong}", app.url)).bearer_auth(crate::support::app::KEY);
            assert_eq!(request.send().await.unwrap().status(), 404, "{wrong}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_it_is_said_how_to_connect_one() {
    let app = Setup::on(Db::Sqlite).extractive().start().await;
    assert_eq!(app.get("/models").await, json!({"models": [], "default": null}));
    let state = app.get("/agents/generate").await;
    assert_eq!(state["available"], false);
    assert!(state["reason"].as_str().unwrap().contains("Settings"), "{state}");
    let (status, why) = app.call("/agents/generate", &wanted()).await;
    assert_eq!(status, 409, "{why}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_those_of_the_configuration_and_of_the_endpoint() {
    let app = Setup::on(Db::Sqlite).with("[llm]\nfallback_model = \"spare\"").start().await;
    app.model.fail_next_at("/v1/models", 1, &Failure::Status(500, json!({}), None));
    let models = app.get("/models").await;
    assert_eq!(models["default"], "gpt-4o-mini");
    assert_eq!(
        models["models"],
        json!(["gpt-4o-mini", "spare"]),
        "an endpoint that fails is no error"
    );
    app.stop().await;
    let app = TestApp::start().await;
    let models = app.get("/models").await["models"].as_array().unwrap().len();
    app.model.fail_next_at("/v1/models", 5, &Failure::Drop);
    assert_eq!(
        app.get("/models").await["models"].as_array().unwrap().len(),
        models,
        "it is not asked again at once"
    );
    assert!(models >= 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_case_needs_the_key() {
    let app = TestApp::start().await;
    let request = app.http.post(format!("{}/api/v1/evals/cases", app.url)).json(&json!({}));
    assert_eq!(request.send().await.unwrap().status(), 401);
    let request = app.http.post(format!("{}/api/v1/evals/cases", app.url)).bearer_auth(KEY);
    assert_eq!(request.json(&json!({"agent": "acme"})).send().await.unwrap().status(), 422);
    app.stop().await;
}
