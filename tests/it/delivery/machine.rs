//! Loop guard: the bot does not talk to another bot, but does talk to a person.

use serde_json::json;

use super::{SUPPORT, cases, got, owner, pause, resolve, said, says, until};
use crate::support::app::{Db, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::message_webhook;

const CUSTOMER: &str = "447700950401";

/// Waits until the support contact is notified, and a little longer. Returns the number of
/// notifications and of cases.
async fn told(app: &TestApp) -> (usize, usize) {
    until("the support contact is told", async || !got(app, SUPPORT).is_empty()).await;
    pause(800).await;
    (got(app, SUPPORT).len(), cases(app).await.len())
}

on_both! {
    async fn the_fourth_time_the_same_text_stops_the_bot_and_calls_a_person_once(db) {
        let app = Setup::on(db).start().await;
        for n in 1..=4 {
            says(&app, CUSTOMER, &n.to_string(), "We are closed. Please call  again tomorrow.").await;
            app.settle().await;
            assert_eq!(got(&app, CUSTOMER).len(), n.min(3));
        }
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        says(&app, CUSTOMER, "5", "we are closed. please call again tomorrow.").await;
        says(&app, CUSTOMER, "6", "Something else.").await;
        app.settle().await;
        assert_eq!(told(&app).await, (1, 1));
        assert_eq!(got(&app, CUSTOMER).len(), 3);
        let case = cases(&app).await.remove(0);
        assert!(case["reason"].as_str().unwrap().contains("4 times"), "{case}");
        assert_eq!(case["reason_code"], json!({"kind": "repeats", "times": 4}));
        resolve(&app, CUSTOMER).await;
        for id in ["7", "8", "9"] {
            says(&app, CUSTOMER, id, "We are closed. Please call again tomorrow.").await;
            app.settle().await;
        }
        assert_eq!(got(&app, CUSTOMER).len(), 6, "it counts anew after the case is resolved");
        app.stop().await;
    }

    async fn a_bot_that_says_our_reply_after_us_is_stopped(db) {
        let app = Setup::on(db).start().await;
        let count = std::sync::atomic::AtomicUsize::new(0);
        app.model.answer_with(move |_| {
            let n = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            format!("This is reply number {n}.")
        });
        let mut text = "Hello, who are you?".to_owned();
        for n in 0..10 {
            says(&app, CUSTOMER, &n.to_string(), &text).await;
            app.settle().await;
            text = got(&app, CUSTOMER).pop().unwrap();
        }
        assert!(got(&app, CUSTOMER).len() <= 3, "{:?}", got(&app, CUSTOMER));
        assert_eq!((owner(&app, CUSTOMER).await.as_str(), told(&app).await), ("person", (1, 1)));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_thirty_texts_in_a_minute_stop_the_bot() {
    let app = Setup::on(Db::Sqlite)
        .with("[worker]\ngap_ms = 5000\nlongest_burst_ms = 20000")
        .start()
        .await;
    for n in 0..31 {
        assert!(n == 0 || owner(&app, CUSTOMER).await == "bot", "stopped after {n}");
        says(&app, CUSTOMER, &n.to_string(), &format!("This is text number {n}.")).await;
    }
    app.settle().await;
    assert_eq!(owner(&app, CUSTOMER).await, "person");
    assert_eq!(told(&app).await, (1, 1));
    assert!(got(&app, CUSTOMER).is_empty(), "what waited is not answered any more");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_faster_than_a_person_reads_stop_the_bot() {
    let app = Setup::on(Db::Sqlite).start().await;
    for n in 0..9 {
        assert_eq!(got(&app, CUSTOMER).len(), n);
        says(&app, CUSTOMER, &n.to_string(), &format!("I am a polite bot, number {n}.")).await;
        app.settle().await;
    }
    assert_eq!((owner(&app, CUSTOMER).await.as_str(), got(&app, CUSTOMER).len()), ("person", 8));
    assert_eq!(told(&app).await, (1, 1));
    resolve(&app, CUSTOMER).await;
    says(&app, CUSTOMER, "10", "Sorry, that was me.").await;
    app.settle().await;
    assert_eq!(got(&app, CUSTOMER).len(), 9);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_talks_is_not_stopped() {
    let app = Setup::on(Db::Sqlite).with("[worker.machine]\nquick_ms = 50").start().await;
    let texts = [
        "Hi",
        "ok",
        "ok",
        "When do you open?",
        "ok",
        "👍",
        "👍",
        "thanks",
        "thanks",
        "Bye",
        "Hi",
        "Hi",
        "ok",
    ];
    for (n, text) in texts.iter().enumerate() {
        says(&app, CUSTOMER, &n.to_string(), text).await;
        app.settle().await;
        pause(120).await;
    }
    assert_eq!((owner(&app, CUSTOMER).await.as_str(), cases(&app).await.len()), ("bot", 0));
    assert_eq!(got(&app, CUSTOMER).len(), texts.len());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_written_hours_apart_and_delivered_late_is_a_persons() {
    let app = Setup::on(Db::Sqlite).start().await;
    for hours in [20, 15, 10, 5, 2] {
        let id = hours.to_string();
        said(&app, (CUSTOMER, &id), "Hello? Are you open?", hours * 3600).await;
    }
    app.settle().await;
    assert_eq!((owner(&app, CUSTOMER).await.as_str(), cases(&app).await.len()), ("bot", 0));
    assert!(!got(&app, CUSTOMER).is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bots_of_which_one_only_says_stop_do_not_go_on_for_ever() {
    let acme = "---\nname: Acme Lamps\nknowledge: [acme]\nopt_out: { reply: \"You are out. Bye.\" }\n---\nYou answer.\n";
    let app = Setup::on(Db::Sqlite).file("prompts/acme.md", acme).start().await;
    for n in 0..12 {
        says(&app, CUSTOMER, &n.to_string(), "STOP").await;
        app.settle().await;
    }
    assert!(got(&app, CUSTOMER).len() <= 4, "{} confirmations", got(&app, CUSTOMER).len());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_sends_pictures_is_stopped_as_well() {
    let app = Setup::on(Db::Sqlite).with("[worker]\npair_burst = 0").start().await;
    let image = json!({"type": "image", "image": {"id": "i", "mime_type": "image/jpeg"}});
    for n in 0..35 {
        let hook = message_webhook(MAIN, CUSTOMER, &format!("wamid.{n}"), &image);
        assert_eq!(app.deliver(&hook).await, 200);
        app.settle().await;
    }
    assert_eq!(owner(&app, CUSTOMER).await, "person", "{} replies", got(&app, CUSTOMER).len());
    app.stop().await;
}
