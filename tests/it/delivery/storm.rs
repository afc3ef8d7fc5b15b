//! Many failures at once: one apology per burst, and a webhook that cannot be queued is refused so
//! that it is delivered again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontdesk::domain::ProviderKind;
use serde_json::json;

use super::{SUPPORT, cases, got, pause, says, until};
use crate::support::app::{Db, MAIN, SECRET, Setup, TestApp};
use crate::support::fake::Failure;
use crate::support::hooks::{batch, sign, text_webhook};

const FAILURE: &str = "Something broke, please try again.";
/// A question to which the documents have no answer.
const UNANSWERED: &str = "Do you sell submarines?";

async fn trace(app: &TestApp, customer: &str) -> serde_json::Value {
    let thread = app.thread(customer).await;
    let turn = thread.iter().rev().find_map(|message| message["turn_id"].as_str()).unwrap();
    app.get(&format!("/turns/{turn}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_model_is_broken_every_burst_gets_one_apology_and_the_trace_says_why() {
    let app = Setup::on(Db::Sqlite).with("[worker]\ngap_ms = 300").start().await;
    app.model.fail_next(9999, &Failure::Status(500, json!({"error": "oops"}), None));
    let customers: Vec<_> = (0..10).map(|n| format!("4477009513{n:02}")).collect();
    for customer in &customers {
        let part = |n: usize| {
            let (id, text) = (format!("wamid.{customer}.{n}"), format!("Part {n} of my question."));
            text_webhook(MAIN, customer, &id, &text)
        };
        let hooks: Vec<_> = (0..3).map(part).collect();
        assert_eq!(app.deliver(&batch(&hooks)).await, 200);
    }
    app.settle().await;
    for customer in &customers {
        assert_eq!(got(&app, customer), [FAILURE], "{customer}");
        let turn = trace(&app, customer).await;
        assert_eq!(turn["outcome"], "failure");
        assert!(turn["trace"]["reply"]["errors"].to_string().contains("500"), "{turn}");
    }
    assert_eq!(
        (cases(&app).await.len(), got(&app, SUPPORT).len()),
        (10, 1),
        "one notice of an outage"
    );
    for customer in &customers {
        says(&app, customer, "3", UNANSWERED).await;
    }
    app.settle().await;
    for customer in &customers {
        assert_eq!(got(&app, customer), [FAILURE, FAILURE], "{customer}");
    }
    let (open, told) = (cases(&app).await.len(), got(&app, SUPPORT).len());
    assert_eq!((open, told), (10, 1), "an open case is enough");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_message_while_a_broken_model_is_asked_again_gets_one_apology_with_the_first() {
    let app = Setup::on(Db::Sqlite).start().await;
    let busy = json!({"error": {"message": "Rate limit reached"}});
    app.model.fail_next(9999, &Failure::Status(429, busy, Some(1)));
    says(&app, "447700951401", "1", UNANSWERED).await;
    until("the question is embedded", async || {
        app.model.embedded().iter().any(|one| one["input"].to_string().contains(UNANSWERED))
    })
    .await;
    pause(400).await;
    says(&app, "447700951401", "2", "Submarines, I mean.").await;
    app.settle().await;
    assert_eq!(got(&app, "447700951401"), [FAILURE]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_model_that_dies_while_it_writes_nothing_is_said_but_the_apology() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.model
        .answer_with(|_| "We open at nine and this half of a sentence must never be seen.".into());
    app.model.fail_next(9999, &Failure::AcceptThenDrop);
    says(&app, "447700951501", "1", UNANSWERED).await;
    app.settle().await;
    assert_eq!(got(&app, "447700951501"), [FAILURE]);
    let turn = trace(&app, "447700951501").await;
    assert!(!turn["trace"]["reply"]["errors"].as_array().unwrap().is_empty(), "{turn}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_broken_at_once_loses_nobody() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.model.fail_next(6, &Failure::Status(500, json!({"error": "oops"}), None));
    app.model.fail_next_at("/v1/embeddings", 6, &Failure::Drop);
    app.whatsapp.fail_next(6, &Failure::Status(503, json!({}), Some(1)));
    app.whatsapp.fail_next(6, &Failure::Drop);
    for n in 0..12 {
        says(&app, &format!("4477009516{n:02}"), "1", "When do you open?").await;
    }
    app.settle().await;
    let mut told: Vec<_> = app.whatsapp.sent().into_iter().map(|sent| sent.to).collect();
    told.sort();
    told.dedup();
    let thread = app.get("/conversations?limit=200").await;
    for n in 0..12 {
        let customer = format!("4477009516{n:02}");
        let ours = super::ours(&app, &customer).await;
        assert_eq!(ours.len(), 1, "{customer}: {ours:?}");
        let state = ours[0].0.as_str();
        assert!(state == "sent" || state == "unknown", "{customer}: {ours:?}");
        assert!(got(&app, &customer).len() <= 1, "{thread}");
    }
    app.stop().await;
}

/// What the store says of a change for which the queue has no room.
const QUEUE_FULL: &str = "changes wait to be stored already";

/// What it says to a sender who waited too long; the change is still stored.
const WAITED_LONG: &str = "was not stored within";

/// Returns a webhook with one question, as the store takes it in.
fn webhook(n: usize) -> frontdesk::store::inbox::TakeIn {
    let body = text_webhook("999", "447700951601", &format!("wamid.{n}"), "When do you open?");
    frontdesk::store::inbox::TakeIn {
        provider: ProviderKind::Meta,
        body,
        items: Vec::new(),
        candidates: Vec::new(),
        again: None,
        turns: frontdesk::store::inbox::Offer::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_finds_the_queue_full_is_sent_back_at_once_with_a_time_to_come_again() {
    // Nobody leaves the queue before the lock is gone, however slow the machine is.
    let app = Setup::on(Db::Sqlite).with("[store]\nwait_ms = 600000").start().await;
    // Before it serves, it writes: behind the lock it would never begin.
    app.http.get(format!("{}/healthz", app.url)).send().await.unwrap();
    let file = format!("sqlite://{}", app.home.path().join("desk.db").display());
    let held = super::hold(&file).await;
    let refused = Arc::new(AtomicUsize::new(0));
    let mut waiting = Vec::new();
    for n in 0..4400 {
        let (store, refused) = (app.desk.store.clone(), Arc::clone(&refused));
        waiting.push(tokio::spawn(async move {
            let stored = store.take_in(webhook(n)).await;
            let refusal = stored.as_ref().err().map(ToString::to_string).unwrap_or_default();
            let full = refusal.contains(QUEUE_FULL);
            assert!(stored.is_ok() || full || refusal.contains(WAITED_LONG), "{refusal}");
            refused.fetch_add(usize::from(full), Ordering::SeqCst);
            (stored.is_ok(), full)
        }));
    }
    until("the queue is full", async || refused.load(Ordering::SeqCst) > 0).await;
    let body = text_webhook(MAIN, "447700951701", "wamid.full", "When do you open?");
    let post = || {
        let request = app.http.post(format!("{}/webhooks/meta", app.url)).body(body.clone());
        let answer = request.header("x-hub-signature-256", sign(SECRET, &body)).send();
        tokio::time::timeout(super::TIMEOUT, answer)
    };
    let answer = post().await.expect("an answer without waiting for the queue").unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let error = app.desk.store.take_in(webhook(4400)).await.map(drop).unwrap_err();
    assert!(error.to_string().contains(QUEUE_FULL), "{error}");
    drop(held);
    let (mut acknowledged, mut queued) = (0, 0);
    for one in waiting {
        let (stored, full) = one.await.unwrap();
        acknowledged += i64::from(stored);
        queued += i64::from(!full);
    }
    assert!(app.desk.store.webhooks().await.unwrap() >= acknowledged, "acknowledged is stored");
    // Whose sender waited too long is stored, too; what was refused is not.
    until("what was queued is stored, and nothing else", async || {
        app.desk.store.webhooks().await.unwrap() == queued
    })
    .await;
    until("it is delivered again", async || {
        post().await.is_ok_and(|answer| answer.unwrap().status() == 200)
    })
    .await;
    app.settle().await;
    assert_eq!(got(&app, "447700951701").len(), 1);
    app.stop().await;
}
