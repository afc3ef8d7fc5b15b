//! A refused token: its number stops and reports it, the others continue.

use std::time::Duration;

use super::{got, pause, says, says_to, until};
use crate::support::app::{Db, SECOND, Setup, TestApp};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::text_webhook;

async fn number(app: &TestApp, slug: &str) -> serde_json::Value {
    let all = app.get("/numbers").await;
    all.as_array().unwrap().iter().find(|number| number["slug"] == slug).unwrap().clone()
}

fn refused() -> Failure {
    Failure::Status(401, Graph::error(190, "Error validating access token"), None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_stops_its_number_which_says_so_and_no_other() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.whatsapp.fail_next_to("+447700950501", 99, &refused());
    says(&app, "447700950501", "1", "When do you open?").await;
    until("it is stopped", async || number(&app, "main").await["state"] == "stopped").await;
    let reason = number(&app, "main").await["state_reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("access token") && reason.contains("190"), "{reason}");
    assert!(!reason.contains(Graph::TOKEN), "{reason}");
    assert_eq!(number(&app, "main").await["state_code"]["kind"], "token_refused");
    for n in 2..6 {
        says(&app, &format!("44770095050{n}"), "1", "When do you open?").await;
    }
    says_to(&app, SECOND, ("447700950509", "1"), "Are you open at night?").await;
    until("the other number answers", async || got(&app, "447700950509").len() == 1).await;
    assert_eq!(number(&app, "second").await["state"], "ready");
    pause(2500).await;
    let of_main = app.whatsapp.tried().iter().filter(|sent| sent.number != SECOND).count();
    assert_eq!(of_main, 1, "a stopped number asks with one message now and then, not with all");
    assert_eq!(app.received().len(), 1);
    let (_, waiting) = app.desk.store.backlog().await.unwrap();
    assert_eq!(waiting, 5, "the queue waits");
    // Not `stop`: it would wait for the pending sends.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_with_a_token_that_works_the_queue_goes_out_and_the_number_is_ready() {
    let place = super::Place::new().await;
    let wrong = |toml: &str| toml.replace(Graph::TOKEN, "an-old-token");
    let file = place.home.path().join("desk.toml");
    let right = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, wrong(&right)).unwrap();
    let process = place.start().await;
    let hook = |n: usize| {
        text_webhook(
            crate::support::app::MAIN,
            &format!("44770095051{n}"),
            &format!("w{n}"),
            "When do you open?",
        )
    };
    let state = async |from: &crate::support::process::Process| {
        let all = place.get(from, "/numbers").await;
        all.as_array().unwrap().iter().find(|one| one["slug"] == "main").unwrap()["state"].clone()
    };
    place.deliver(&process, hook(0)).await;
    until("it is stopped", async || state(&process).await == "stopped").await;
    for n in 1..4 {
        place.deliver(&process, hook(n)).await;
    }
    until("all are answered", async || place.model.requests().len() == 4).await;
    pause(300).await;
    assert!(process.stop().await);
    std::fs::write(&file, right).unwrap();
    let process = place.start().await;
    assert_eq!(state(&process).await, "ready");
    assert!(
        place.whatsapp.wait_sent(3, Duration::from_secs(5)).await,
        "{}",
        place.whatsapp.sent_count()
    );
    process.kill().await;
}
