//! Curated answers from outside: they win over the model when exactly that question is asked, never
//! over a hand-off or an opt-out. Changes in the database take effect, and the API or a file can
//! create them.

use std::time::{Duration, Instant};

use frontdesk::app::App;
use frontdesk::domain::{AnswerContent, AnswerId};
use frontdesk::knowledge::{SilentProgress, SourceFolder, Summary};
use frontdesk::store::answers::{MAX_ANSWERS, NewAnswer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{KEY, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;

const PATH: &str = "/collections/acme/answers";

fn hours() -> Value {
    json!({"phrasings": ["When do you open?", "What are your opening hours?"], "answer": "We open **at nine**."})
}

impl TestApp {
    async fn ask_api(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        let response = request.bearer_auth(KEY).json(body).send().await.unwrap();
        (response.status(), response.json().await.unwrap_or_default())
    }

    async fn make(&self, answer: &Value) -> String {
        let (status, made) = self.call(PATH, answer).await;
        assert_eq!(status, 200, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// Returns the sandbox's result for a message: outcome, bubbles and trace.
    async fn tries(&self, text: &str) -> Value {
        let (status, outcome) =
            self.call("/sandbox/turns", &json!({"agent": "acme", "text": text})).await;
        assert_eq!(status, 200, "{outcome}");
        outcome
    }

    /// Returns whether the sandbox gives the curated answer.
    async fn gives(&self, text: &str, answer: &str) -> bool {
        self.tries(text).await["bubbles"] == json!([answer])
    }
}

fn folder(app: &TestApp) -> SourceFolder {
    SourceFolder::find(&app.home.path().join("knowledge/acme"), None).unwrap().remove(0)
}

async fn learn(app: &TestApp) -> Summary {
    let summary = app.desk.library.learn(folder(app), &SilentProgress).await.unwrap();
    app.desk.reload_answers().await.unwrap();
    summary
}

on_both! {
    async fn a_customer_who_asks_just_that_gets_the_answer_and_no_model_is_asked(db) {
        let app = Setup::on(db).start().await;
        let id = app.make(&hours()).await;
        app.deliver(&text_webhook(MAIN, "447700920001", "wamid.1", "Hello! when do you open please")).await;
        app.settle().await;
        assert_eq!(app.received(), [("+447700920001".to_owned(), "We open *at nine*.".to_owned())]);
        assert_eq!(app.model.chat_count(), 0);
        let thread = app.thread("447700920001").await;
        let turn = app.get(&format!("/turns/{}", thread[1]["turn_id"].as_str().unwrap())).await;
        let consulted = &turn["trace"]["curated"];
        assert_eq!(consulted["nearest"]["answer"], id.as_str(), "{turn}");
        assert_eq!((&consulted["refused"], &turn["trace"]["usage"]["cost_micros"]), (&Value::Null, &json!(0)));
        assert!(turn["trace"]["retrieve"].is_null() && turn["trace"]["reply"].is_null(), "{turn}");
        app.stop().await;
    }

    async fn a_running_desk_follows_what_another_process_changes(db) {
        let app = Setup::on(db).start().await;
        let other = App::assemble(app.config.clone()).await.unwrap();
        let collection = other.desk.store.collection("acme").await.unwrap();
        let curated = AnswerContent {
            phrasings: vec!["Do you sell gift cards?".into()],
            body: "From 10 €.".into(),
            language: None,
            enabled: true,
        };
        let new = NewAnswer { collection, curated: curated.clone(), author: "me".into() };
        let id = other.desk.store.add_answer(new).await.unwrap().unwrap();
        let until = |wanted: bool| {
            let app = &app;
            async move {
                let started = Instant::now();
                while app.gives("do you sell gift cards", "From 10 €.").await != wanted {
                    assert!(started.elapsed() < Duration::from_secs(10), "not noticed");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        until(true).await;
        other.desk.store.change_answer(&id, AnswerContent { enabled: false, ..curated }).await.unwrap();
        until(false).await;
        app.stop().await;
    }

    async fn answers_are_seen_by_their_own_workspace_alone(db) {
        let app = Setup::on(db).start().await;
        let id = AnswerId::parse(&app.make(&hours()).await).unwrap();
        let other = app.desk.store.workspace("other").await.unwrap();
        let collection = app.desk.store.collection("acme").await.unwrap();
        assert!(other.answer(&id).await.unwrap().is_none());
        assert!(other.answers(&collection, None, 10).await.unwrap().is_empty());
        assert!(other.answer_revisions().await.unwrap().is_empty());
        let row = app.desk.store.answer(&id).await.unwrap().unwrap();
        let changed = other.change_answer(&id, row.curated()).await.unwrap();
        assert_eq!(format!("{changed:?}"), "Missing");
        assert_eq!(format!("{:?}", other.remove_answer(&id).await.unwrap()), "Missing");
        let new = NewAnswer { collection, curated: row.curated(), author: "them".into() };
        assert!(other.add_answer(new).await.is_err(), "an answer in another workspace's collection");
        assert!(app.desk.store.answer(&id).await.unwrap().is_some());
        app.stop().await;
    }

    async fn a_file_of_answers_is_learned_with_its_folder(db) {
        let app = Setup::on(db).start().await;
        let by_hand = app.make(&json!({"phrasings": ["Do you repair lamps?"], "answer": "By hand."})).await;
        let file = app.home.path().join("knowledge/acme/answers.yaml");
        std::fs::write(&file, "- ask: [Do you sell bulbs?, Are there light bulbs?]\n  answer: We do.\n- ask: Is there parking?\n  answer: Behind the shop.\n").unwrap();
        let summary = learn(&app).await;
        assert_eq!((summary.learned, summary.unchanged, summary.failed.len()), (1, 2, 0));
        assert!(app.gives("do you sell bulbs?", "We do.").await);
        assert_eq!(learn(&app).await.unchanged, 3, "what did not change was learned again");
        let listed = app.get(PATH).await;
        let ids: Vec<&str> = listed["items"].as_array().unwrap().iter()
            .filter(|one| one["source"] == "answers.yaml").map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 2, "{listed}");
        let (status, refused) = app.ask_api(Method::DELETE, &format!("{PATH}/{}", ids[0]), &json!({})).await;
        assert_eq!(status, 409, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains("answers.yaml"), "{refused}");

        std::fs::write(&file, "- ask: Is there parking?\n  anser: Nowhere.\n").unwrap();
        let wrong = learn(&app).await;
        assert!(wrong.failed[0].0 == "answers.yaml" && wrong.failed[0].1.contains("line 2"), "{wrong:?}");
        assert!(app.gives("is there parking", "Behind the shop.").await, "a wrong file took its answers away");
        // Nor is it a change for a gate, and a draft has those answers, too.
        let library = &app.desk.library;
        assert!(!library.differs(folder(&app)).await.unwrap());
        let draft = library.stage(folder(&app), &SilentProgress).await.unwrap();
        assert_eq!(app.desk.store.answers(&draft, None, 10).await.unwrap().len(), 3);
        library.unstage("acme").await.unwrap();

        let many = "- ask: Is there parking?\n  answer: Nowhere.\n".repeat(usize::try_from(MAX_ANSWERS).unwrap());
        std::fs::write(&file, many).unwrap();
        let full = learn(&app).await;
        assert!(full.failed[0].0 == "answers.yaml" && full.failed[0].1.contains("at most 5000"), "{full:?}");
        assert!(app.gives("is there parking", "Behind the shop.").await, "a file that is too long took its answers away");

        std::fs::write(&file, "- ask: Is there parking?\n  answer: In front of the shop.\n").unwrap();
        assert_eq!(learn(&app).await.learned, 1);
        assert!(app.gives("is there parking", "In front of the shop.").await);
        assert!(!app.gives("do you sell bulbs?", "We do.").await);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(learn(&app).await.removed, 1);
        let left = app.get(PATH).await;
        assert_eq!(left["items"].as_array().unwrap().len(), 1);
        assert_eq!(left["items"][0]["id"], by_hand.as_str());
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_off_rule_and_an_opt_out_come_first() {
    let app = TestApp::start().await;
    let phrasings = ["I want to speak to someone", "stop", "unsubscribe"];
    app.make(&json!({"phrasings": phrasings, "answer": "Curated."})).await;
    assert!(!app.gives("unsubscribe", "Curated.").await, "the sandbox opts out, too");
    app.deliver(&text_webhook(MAIN, "447700920001", "wamid.1", "I want to speak to someone")).await;
    app.settle().await;
    let to_customer = |app: &TestApp, who: &str| -> Vec<String> {
        app.received().into_iter().filter(|(to, _)| to == who).map(|(_, text)| text).collect()
    };
    assert_eq!(to_customer(&app, "+447700920001"), ["A colleague will answer you here."]);
    app.deliver(&text_webhook(MAIN, "447700920002", "wamid.2", "stop")).await;
    app.settle().await;
    assert_eq!(to_customer(&app, "+447700920002"), [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_message_that_is_just_the_question_is_answered() {
    let app = TestApp::start().await;
    app.make(&hours()).await;
    app.make(&json!({"phrasings": ["Are you open on Sunday?"], "answer": "Never on Sunday."}))
        .await;
    for text in [
        "when do you open",
        "WHEN DO YOU OPEN???",
        "Hi, what are your opening hours please? Thanks!",
        "Good morning\nWhen do you open?\nWhat are your opening hours?",
    ] {
        assert!(
            app.gives(text, "We open *at nine*.").await,
            "{text}: {}",
            app.tries(text).await["trace"]["curated"]
        );
    }
    for text in [
        "When do you open and do you sell bulbs?",
        "When do you open? Do you sell bulbs?",
        "When do you open?\nhow much is the blue lamp",
        "When do you close?",
        "Where do you open?",
        "Why don't you open?",
        "When do you open on the 24th?",
        "When do you open in Berlin?",
        "Are you open on Monday?",
        "Are you open on Sunday 12?",
        "Are you not open on Sunday?",
        "open",
    ] {
        let tried = app.tries(text).await;
        assert!(tried["trace"]["curated"]["refused"].is_string(), "{text}: {tried}");
        assert!(
            !tried["bubbles"].to_string().contains("nine*")
                && !tried["bubbles"].to_string().contains("Never"),
            "{text}"
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_can_do_without_or_ask_for_more() {
    let prompt = |header: &str| {
        format!("---\nname: Acme\nknowledge: [acme]\ncurated: {header}\n---\nYou answer.\n")
    };
    let app = TestApp::start().await;
    let phrasings = ["Can I return an unused lamp with the receipt?"];
    app.make(&json!({"phrasings": phrasings, "answer": "We take it back."})).await;
    let text = "can i return an unused lamp with the receipt on a rainy afternoon";
    let asks = async |prompt: String| {
        let body = json!({"agent": "acme", "text": text, "prompt": prompt});
        app.call("/sandbox/turns", &body).await.1
    };
    let given = json!(["We take it back."]);
    assert_eq!(asks(prompt("{ threshold: 0.2 }")).await["bubbles"], given);
    assert_ne!(asks(prompt("{ threshold: 0.99 }")).await["bubbles"], given);
    let off = asks(prompt("{ enabled: false }")).await;
    assert!(off["trace"]["curated"].is_null(), "{off}");
    let wrong = asks(prompt("{ threshold: 7 }")).await;
    assert_eq!(wrong["status"], 422, "{wrong}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_listed_changed_and_removed() {
    let app = TestApp::start().await;
    let id = app.make(&hours()).await;
    for n in 0..4 {
        app.make(&json!({"phrasings": [format!("Question of lamp {n}")], "answer": format!("Answer {n}")})).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{PATH}?limit=2{cursor}")).await;
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((seen.len(), seen.last()), (5, Some(&id)));
    let one = format!("{PATH}/{id}");
    let change = json!({"answer": "At ten.", "language": "en"});
    let (status, changed) = app.ask_api(Method::PATCH, &one, &change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["phrasings"].as_array().unwrap().len(), 2);
    assert!(app.gives("when do you open", "At ten.").await);
    let (status, _) = app.ask_api(Method::PATCH, &one, &json!({"enabled": false})).await;
    assert_eq!(status, 200);
    assert!(!app.gives("when do you open", "At ten.").await);
    let (status, _) = app.ask_api(Method::DELETE, &one, &json!({})).await;
    assert_eq!(status, 200);
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        assert_eq!(app.ask_api(method, &one, &json!({})).await.0, 404);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_are_refused_and_unknown_ones_are_not_found() {
    let app = TestApp::start().await;
    let id = app.make(&hours()).await;
    let long = "x".repeat(9000);
    for (body, words) in [
        (json!({"phrasings": [], "answer": "x"}), "at least one way"),
        (json!({"phrasings": ["?!"], "answer": "x"}), "holds no word"),
        (json!({"phrasings": ["When?"], "answer": "  "}), "answer is empty"),
        (json!({"phrasings": ["When?"], "answer": long}), "8000"),
        (json!({"phrasings": ["When?"], "answer": "x", "language": "klingon"}), "klingon"),
        (json!({"phrasings": ["When?"], "answer": "x", "lang": "en"}), "lang"),
    ] {
        let (status, refused) = app.call(PATH, &body).await;
        assert_eq!(status, 422, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(words), "{refused}");
    }
    let null = json!({"phrasings": ["When\u{0}ever?"], "answer": "a\u{0}b"});
    assert_eq!(app.call(PATH, &null).await.0, 200);
    for path in [
        "/collections/nowhere/answers".to_owned(),
        format!("{PATH}/ans_01J"),
        format!("{PATH}/nonsense"),
        format!("/collections/bolt/answers/{id}"),
    ] {
        let (status, problem) = app.ask_api(Method::GET, &path, &json!({})).await;
        assert_eq!(status, 404, "{path}: {problem}");
    }
    assert_eq!(app.ask_api(Method::GET, &format!("{PATH}?cursor=zzz"), &json!({})).await.0, 400);
    app.stop().await;
}
