//! Reranking of passages in the real application, with a fake endpoint.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::{Db, Setup, TestApp};
use crate::support::fake::Failure;
use crate::support::openai::OpenAi;

mod contract;
mod local;

const QUESTION: &str = "When do you close on Saturday?";

/// Starts an application whose reranker prefers passages with a word.
async fn preferring(word: &str, more: &str) -> (TestApp, OpenAi) {
    let server = OpenAi::start().await;
    let settings = format!(
        "[rerank]\nkind = \"endpoint\"\nbase_url = \"{}\"\nmodel = \"prefers-{word}\"\nretries = 0\n{more}\n[retrieve]\nrewrite_ms = 3000\n",
        server.url
    );
    (Setup::on(Db::Sqlite).with(&settings).start().await, server)
}

async fn ask(app: &TestApp) -> Value {
    let (status, turn) =
        app.call("/sandbox/turns", &json!({"agent": "acme", "text": QUESTION})).await;
    assert_eq!(status, 200, "{turn}");
    turn["trace"]["retrieve"].clone()
}

fn sources(seen: &Value) -> Vec<String> {
    let passages = seen["passages"].as_array().unwrap().iter();
    passages.map(|one| one["chunk"]["source"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_passages_come_in_the_order_of_the_reranker_and_keep_their_scores() {
    let plain = TestApp::start().await;
    let before = ask(&plain).await;
    assert!(before["rerank"].is_null() && before["passages"][0]["scores"]["rerank"].is_null());
    assert_eq!(sources(&before)[0], "hours.md");
    plain.stop().await;
    for dialect in ["", "dialect = \"tei\""] {
        let (app, server) = preferring("refunds", dialect).await;
        let seen = ask(&app).await;
        assert_eq!(sources(&seen)[0], "returns.md", "{seen}");
        let scores = &seen["passages"][0]["scores"];
        assert!(scores["rerank"].as_f64() > Some(0.0) && scores["fused"].is_number(), "{scores}");
        assert_eq!(seen["rerank"]["by"], "endpoint/prefers-refunds");
        assert_eq!(seen["rerank"]["passages"], sources(&seen).len());
        assert_eq!(seen["confidence"], before["confidence"], "another order is no other sureness");
        assert_eq!(server.rerank_requests().len(), 1);
        assert_eq!(server.rerank_requests()[0]["query"], QUESTION);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reranker_that_fails_or_stalls_leaves_the_order_and_the_trace_says_so() {
    let (app, server) = preferring("refunds", "timeout_ms = 300").await;
    let slow = Failure::Stall(Duration::from_secs(20));
    let broken = Failure::Status(500, json!({"error": "oops"}), None);
    let odd = Failure::Status(200, json!({"results": [{"index": 99, "relevance_score": 1}]}), None);
    for (failure, why) in [(slow, "300 ms"), (broken, "500"), (odd, "not sent")] {
        server.fail_next_at("/v1/rerank", 1, &failure);
        let seen = ask(&app).await;
        let told = seen["rerank"]["error"].as_str().unwrap_or_default();
        assert!(told.contains(why), "{seen}");
        assert_eq!(sources(&seen)[0], "hours.md");
    }
    let seen = ask(&app).await;
    assert_eq!(
        (sources(&seen)[0].as_str(), &seen["rerank"]["error"]),
        ("returns.md", &Value::Null)
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_is_reranked_once_by_the_words_that_a_model_gave_it() {
    let (app, server) = preferring("receipt", "").await;
    app.model.answer_with(|request| {
        let task = request["messages"][0]["content"].as_str().unwrap_or_default();
        if task.starts_with("You prepare a search") {
            r#"{"question": "Do I need the receipt to return a lamp?"}"#.into()
        } else {
            "Yes [1].".into()
        }
    });
    let earlier = json!([{"speaker": "customer", "text": "Can I return a lamp?"}]);
    let body = json!({"agent": "acme", "text": "and what do I need for that?", "history": earlier});
    let (_, turn) = app.call("/sandbox/turns", &body).await;
    let queries: Vec<Value> =
        server.rerank_requests().iter().map(|one| one["query"].clone()).collect();
    assert_eq!(queries, ["Do I need the receipt to return a lamp?"], "{turn}");
    assert_eq!(sources(&turn["trace"]["retrieve"])[0], "returns.md");
    app.stop().await;
}
