//! Bursts: which messages are answered together, and when.

use std::time::{Duration, Instant};

use super::{Place, TIMEOUT, got, pause, questions, says, until};
use crate::support::app::{Db, MAIN, SENDER_LIMITS_OFF, Setup, on_both};
use crate::support::hooks::text_webhook;

const CUSTOMER: &str = "447700950001";

on_both! {
    async fn three_short_messages_within_the_gap_become_one_turn_and_one_reply(db) {
        let app = Setup::on(db).with("[worker]\ngap_ms = 1500").start().await;
        for (id, text) in [("1", "I bought a lamp."), ("2", "It is broken."), ("3", "Can I return it?")] {
            says(&app, CUSTOMER, id, text).await;
            pause(200).await;
        }
        app.settle().await;
        assert_eq!(questions(&app), ["I bought a lamp.\nIt is broken.\nCan I return it?"]);
        assert_eq!((app.model.chat_count(), app.received().len()), (1, 1));
        app.stop().await;
    }

    async fn a_newer_message_abandons_what_the_model_writes_once_and_the_next_one_waits_for_the_next_turn(db) {
        let app = Setup::on(db).with("[llm]\ntimeout_ms = 30000").start().await;
        app.model.hold();
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("the model is asked", async || app.model.chat_count() == 1).await;
        says(&app, CUSTOMER, "2", "On Saturday, I mean.").await;
        until("the model is asked anew", async || app.model.chat_count() == 2).await;
        says(&app, CUSTOMER, "3", "And can I return a lamp?").await;
        pause(700).await;
        assert_eq!(app.model.chat_count(), 2, "a second newer message does not abandon again");
        assert!(app.received().is_empty());
        app.model.release();
        app.settle().await;
        assert_eq!(app.model.chat_count(), 3);
        let both = "When do you open?\nOn Saturday, I mean.";
        let asked = questions(&app);
        assert_eq!(asked[asked.len() - 2..], [both, "And can I return a lamp?"]);
        assert_eq!(app.received().len(), 2);
        let thread = app.thread(CUSTOMER).await;
        assert!(thread.iter().all(|m| m["state"] == "answered" || m["direction"] == "out"), "{thread:?}");
        let typing = app.whatsapp.read_receipts();
        let shown = |id: &str| typing.iter().any(|one| one.message_id.ends_with(id) && one.writing);
        assert!(shown(".1") && shown(".2") && shown(".3"), "{typing:?}");
        app.stop().await;
    }

    async fn what_is_needed_for_the_answer_is_looked_up_while_the_customer_may_still_type(db) {
        let app = Setup::on(db).with("[worker]\ngap_ms = 1500").start().await;
        says(&app, CUSTOMER, "1", "When do you open on Mondays?").await;
        let asked = async || app.model.embedded().iter().any(|one| one["input"].to_string().contains("on Mondays"));
        let started = Instant::now();
        until("the question is embedded", asked).await;
        assert!(started.elapsed() < Duration::from_millis(1200), "{:?}", started.elapsed());
        assert_eq!(app.model.chat_count(), 0, "the model was asked before the gap was over");
        until("typing is shown", async || !app.whatsapp.read_receipts().is_empty()).await;
        assert_eq!(app.model.chat_count(), 0);
        app.settle().await;
        assert!(started.elapsed() >= Duration::from_millis(1300), "{:?}", started.elapsed());
        assert_eq!((app.model.chat_count(), app.received().len()), (1, 1));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gap_is_longer_after_a_text_that_looks_unfinished() {
    let app = Setup::on(Db::Sqlite).with("[worker]\ngap_ms = 1500").start().await;
    says(&app, CUSTOMER, "1", "I want to know when you open and").await;
    pause(2400).await;
    assert_eq!(app.model.chat_count(), 0);
    says(&app, CUSTOMER, "2", "when you close.").await;
    app.settle().await;
    assert_eq!(questions(&app), ["I want to know when you open and\nwhen you close."]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_that_does_not_end_is_answered_after_the_longest_time() {
    let short = "[worker]\ngap_ms = 500\nlongest_burst_ms = 1500";
    let app =
        Setup::on(Db::Sqlite).with(short).with(SENDER_LIMITS_OFF.trim_start_matches("[worker]"));
    let app = app.start().await;
    let started = Instant::now();
    let mut first = None;
    for n in 0..20 {
        says(&app, CUSTOMER, &n.to_string(), &format!("This is sentence number {n}.")).await;
        pause(150).await;
        if first.is_none() && app.model.chat_count() > 0 {
            first = Some(started.elapsed());
        }
    }
    let first = first.expect("nothing was asked while the customer typed on");
    assert!(first >= Duration::from_millis(1400), "{first:?}");
    assert!(first <= Duration::from_millis(2400), "{first:?}");
    app.settle().await;
    let asked = questions(&app).join("\n");
    assert!((0..20).all(|n| asked.contains(&format!("number {n}."))), "{asked}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_message_that_wants_no_answer_abandons_nothing() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.model.hold();
    says(&app, CUSTOMER, "1", "When do you open?").await;
    until("the model is asked", async || app.model.chat_count() == 1).await;
    let reaction =
        serde_json::json!({"type": "reaction", "reaction": {"message_id": "w", "emoji": "👍"}});
    let hook = crate::support::hooks::message_webhook(MAIN, CUSTOMER, "wamid.r", &reaction);
    assert_eq!(app.deliver(&hook).await, 200);
    says(&app, CUSTOMER, "1", "When do you open?").await;
    pause(400).await;
    app.model.release();
    app.settle().await;
    assert_eq!((app.model.chat_count(), app.received().len()), (1, 1));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_that_a_kill_fell_into_is_answered_once_after_the_restart() {
    let place = Place::new().await;
    place.configure("gap_ms = 4000\nlongest_burst_ms = 12000", "");
    let process = place.start().await;
    let hook = |id: &str, text: &str| text_webhook(MAIN, CUSTOMER, id, text);
    place.deliver(&process, hook("w1", "I bought a lamp.")).await;
    place.deliver(&process, hook("w2", "It is broken.")).await;
    pause(300).await;
    process.kill().await;
    assert_eq!(place.model.chat_count(), 0);
    let process = place.start().await;
    place.deliver(&process, hook("w3", "Can I return it?")).await;
    place.deliver(&process, hook("w1", "I bought a lamp.")).await;
    assert!(place.whatsapp.wait_sent(1, TIMEOUT).await);
    pause(5000).await;
    assert_eq!(place.whatsapp.sent_count(), 1, "{:?}", place.whatsapp.sent());
    let asked: Vec<_> = place.model.requests().iter().map(super::question).collect();
    assert_eq!(asked, ["I bought a lamp.\nIt is broken.\nCan I return it?"]);
    assert!(process.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_customers_bursts_do_not_mix() {
    let app = Setup::on(Db::Sqlite).with("[worker]\ngap_ms = 1500").start().await;
    for n in 0..3 {
        for customer in ["447700950011", "447700950012"] {
            says(&app, customer, &n.to_string(), &format!("Part {n} of {customer}.")).await;
        }
    }
    app.settle().await;
    let mut asked = questions(&app);
    asked.sort();
    for (customer, asked) in ["447700950011", "447700950012"].iter().zip(&asked) {
        let parts: Vec<_> = (0..3).map(|n| format!("Part {n} of {customer}.")).collect();
        assert_eq!(*asked, parts.join("\n"));
        assert_eq!(got(&app, customer).len(), 1);
    }
    app.stop().await;
}
