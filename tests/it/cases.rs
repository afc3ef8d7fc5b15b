//! Generating eval cases from conversations, documents, gaps and hand-offs: the result is a suite
//! that runs and passes.

use std::path::Path;

use frontdesk::domain::CollectionId;
use frontdesk::eval::bot_checks;
use frontdesk::eval::cases::{
    GeneratedCase, from_conversation, from_documents, from_gaps, from_handoffs, printed, put_into,
};
use frontdesk::eval::environment::EvalEnvironment;
use frontdesk::store::turn_recordings::TurnRecordingFilter;
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::row::EvalRow;
use frontdesk_promptfoo::run::{Plan, Progress};
use frontdesk_promptfoo::run_log::RunLog;
use frontdesk_promptfoo::suite::Suite;
use serde_json::{Value, json};

use crate::support::app::{MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;

pub(crate) struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: usize) {}
    fn row(&self, _: &EvalRow) {}
    fn done(&self) {}
}

async fn says(app: &TestApp, id: &str, text: &str) {
    assert_eq!(app.deliver(&text_webhook(MAIN, "447700900401", id, text)).await, 200);
    app.settle().await;
}

/// Runs a suite on the desk. Returns the counts (passed, failed, errors, skipped) and the rows.
async fn played(app: &TestApp, file: &Path) -> ([usize; 4], Vec<EvalRow>) {
    let suite = Suite::load(file, &bot_checks::overrides(Policy::default()))
        .await
        .unwrap_or_else(|wrong| panic!("{wrong}"));
    let environment =
        EvalEnvironment { desk: Some(app.desk.clone()), ..EvalEnvironment::default() };
    let run_log = RunLog::at(file.with_extension("jsonl"));
    let prepared = environment.prepare(suite).unwrap();
    let summary =
        prepared.run(&Plan::new(run_log.clone()), &Quiet, std::future::pending()).await.unwrap();
    (summary.counts(), run_log.rows().unwrap().map(Result::unwrap).collect())
}

fn asserted(case: &GeneratedCase) -> Vec<String> {
    let kind = |one: &Value| one["type"].as_str().unwrap().to_owned();
    case.turns.iter().flat_map(|turn| turn.assert.iter().map(kind)).collect()
}

on_both! {
    async fn a_conversation_becomes_a_script_that_passes_and_holds_no_personal_data(db) {
        let app = Setup::on(db).extractive().start().await;
        says(&app, "wamid.1", "Hello, when do you close on Saturday? My mail is ana@example.com and my phone +44 7700 900123").await;
        says(&app, "wamid.2", "Can I return a lamp?").await;
        says(&app, "wamid.3", "I want to speak to someone").await;
        let tapes = app.desk.store.tapes(&TurnRecordingFilter::default(), None, 10).await.unwrap();
        let conversation = tapes[0].conversation_id.clone();
        let (agent, case) = from_conversation(&app.desk.store, &conversation).await.unwrap();
        assert_eq!((agent.as_str(), case.turns.len()), ("acme", 3));
        assert_eq!(case.turns[2].assert[0]["type"], "handed-off");
        let kinds = asserted(&case);
        assert!(kinds.iter().any(|kind| kind == "retrieved") && kinds.iter().any(|kind| kind == "language"), "{kinds:?}");
        let file = app.home.path().join("suites/acme.yaml");
        let put = put_into(&file, &agent, std::slice::from_ref(&case)).unwrap();
        assert_eq!((put.added, put.known), (1, 0));
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("ana@") && !text.contains("900123"), "{text}");
        assert!(text.contains("# "), "the answer stands there as a comment: {text}");
        // An existing case is not added again.
        assert_eq!(put_into(&file, &agent, &[case]).unwrap().added, 0);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        let (counts, rows) = played(&app, &file).await;
        assert_eq!(counts, [1, 0, 0, 0], "{:?}", rows[0].grading_result);
        app.stop().await;
    }

    async fn one_turn_becomes_a_case_with_what_was_said_before(db) {
        let app = Setup::on(db).extractive().start().await;
        says(&app, "wamid.1", "When do you close on Saturday?").await;
        says(&app, "wamid.2", "Can I return a lamp?").await;
        let tapes = app.desk.store.tapes(&TurnRecordingFilter::default(), None, 10).await.unwrap();
        let (_, case) = from_conversation(&app.desk.store, &tapes[1].id).await.unwrap();
        assert_eq!(case.turns.len(), 1);
        assert_eq!(case.options["history"][0], json!({"customer": "When do you close on Saturday?"}));
        assert!(case.options["now"].as_str().unwrap().ends_with('Z'));
        let file = app.home.path().join("one.yaml");
        put_into(&file, "acme", &[case]).unwrap();
        let (counts, rows) = played(&app, &file).await;
        assert_eq!(counts, [1, 0, 0, 0], "{:?}", rows[0].grading_result);
        // A missing conversation is reported with what to do.
        for (id, why) in [("conv_01J0000000000000000000000", "nothing is recorded"), ("x", "no conversation")] {
            let error = from_conversation(&app.desk.store, id).await.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        app.stop().await;
    }

    async fn gaps_and_hand_offs_become_cases(db) {
        let app = Setup::on(db).extractive().start().await;
        assert!(from_gaps(&app.desk.store, None).await.unwrap_err().to_string().contains("no open questions"));
        assert!(from_handoffs(&app.desk.store, None).await.unwrap_err().to_string().contains("nobody"));
        says(&app, "wamid.1", "Do you rent submarines?").await;
        says(&app, "wamid.2", "I need a human, call +44 7700 900123").await;
        let gaps = from_gaps(&app.desk.store, None).await.unwrap();
        assert_eq!((gaps.len(), gaps[0].turns[0].says.as_str()), (1, "Do you rent submarines?"));
        assert_eq!(gaps[0].metadata["made_from"], "gap");
        let handed = from_handoffs(&app.desk.store, None).await.unwrap();
        assert_eq!(handed.len(), 1);
        assert!(!handed[0].turns[0].says.contains("900123"), "{handed:?}");
        let id = handed[0].metadata["id"].as_str().unwrap().to_owned();
        assert_eq!(from_handoffs(&app.desk.store, Some(&id)).await.unwrap().len(), 1);
        assert!(from_handoffs(&app.desk.store, Some("esc_x")).await.is_err());
        let file = app.home.path().join("made.yaml");
        put_into(&file, "acme", &[gaps, handed].concat()).unwrap();
        let (counts, rows) = played(&app, &file).await;
        // The gap fails because it has no answer yet.
        assert_eq!(counts, [1, 1, 0, 0], "{rows:?}");
        assert!(!rows[0].success && rows[1].success);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_become_questions_that_find_them() {
    let app = Setup::on(crate::support::app::Db::Sqlite).extractive().start().await;
    let id = CollectionId::stored(app.desk.store.collections().await.unwrap().remove(0).id);
    let (cases, thrown) = from_documents(&app.desk, &id, 10).await.unwrap();
    assert!(cases.len() >= 2, "{cases:?} {thrown:?}");
    assert!(printed(&cases).contains("type: \"retrieved\""), "{}", printed(&cases));
    let file = app.home.path().join("documents.yaml");
    put_into(&file, "acme", &cases).unwrap();
    let (counts, rows) = played(&app, &file).await;
    assert_eq!(counts, [cases.len(), 0, 0, 0], "{rows:?}");
    assert_eq!(from_documents(&app.desk, &id, 1).await.unwrap().0.len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_models_question_that_does_not_find_its_document_is_thrown_away() {
    let app = Setup::on(crate::support::app::Db::Sqlite).start().await;
    app.model.answer_with(|request| {
        let shown = request["messages"][1]["content"].as_str().unwrap().to_owned();
        if shown.contains("Saturday") {
            "\"When do you close on Saturday?\"".into()
        } else {
            "zzqx vvwk?".into()
        }
    });
    let id = CollectionId::stored(app.desk.store.collections().await.unwrap().remove(0).id);
    let (cases, thrown) = from_documents(&app.desk, &id, 10).await.unwrap();
    let kept: Vec<_> = cases.iter().map(|case| case.turns[0].says.as_str()).collect();
    assert!(kept.contains(&"When do you close on Saturday?"), "{kept:?} {thrown:?}");
    app.stop().await;
}
