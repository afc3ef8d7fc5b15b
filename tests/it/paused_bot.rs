//! A number on which the bot is paused: messages are stored and shown, nobody is answered, and nothing
//! that the bot has said is sent.

use std::time::Duration;

use frontdesk::domain::NumberId;
use serde_json::{Value, json};

use crate::delivery::{cases, got, owner, says, until};
use crate::person::post;
use crate::support::app::{Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;

const CUSTOMER: &str = "447700970201";
const OTHER: &str = "447700970202";

async fn number(app: &TestApp) -> Value {
    app.get("/numbers").await[0].clone()
}

async fn set_paused(app: &TestApp, operation: &str) -> Value {
    let id = number(app).await["id"].as_str().unwrap().to_owned();
    let (status, number) = app.call(&format!("/numbers/{id}/{operation}"), &json!({})).await;
    assert_eq!(status, 200, "{number}");
    number
}

/// The states and notes of what a customer wrote and got, oldest first.
async fn states(app: &TestApp, customer: &str) -> Vec<(String, Value)> {
    let thread = app.thread(customer).await;
    let row = |one: &Value| (one["state"].as_str().unwrap().to_owned(), one["note_code"].clone());
    thread.iter().map(row).collect()
}

fn left() -> (String, Value) {
    ("stored".to_owned(), json!("bot_paused"))
}

on_both! {
    async fn where_the_bot_is_paused_messages_wait_for_a_person(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "We open at 9:00 [1].".into());
        let paused = set_paused(&app, "pause").await;
        let since = paused["bot_paused_at"].as_i64().unwrap();
        assert_eq!(set_paused(&app, "pause").await["bot_paused_at"], since, "it is paused already");
        for (id, text) in [("1", "When do you open?"), ("2", "Hello?")] {
            says(&app, CUSTOMER, id, text).await;
        }
        app.settle().await;
        assert_eq!(states(&app, CUSTOMER).await, [left(), left()]);
        assert!(got(&app, CUSTOMER).is_empty() && app.model.requests().is_empty());
        let case = &cases(&app).await[0];
        assert_eq!((&case["reason_code"], &case["question"]), (&json!({"kind": "bot_paused"}), &json!("When do you open?")));
        assert_eq!(cases(&app).await.len(), 1, "one case for a customer");
        let conversation = app.conversation_with(CUSTOMER).await;
        assert_eq!((&conversation["waiting"], &conversation["owner"]), (&json!(true), &json!("bot")));

        // A person can answer, and a customer can opt out.
        let id = conversation["id"].as_str().unwrap();
        let path = format!("/conversations/{id}/messages");
        let (status, sent) = post(&app, &path, Some("k1"), &json!({"text": "At nine."})).await;
        assert!(status.is_success(), "{sent}");
        says(&app, OTHER, "3", "STOP").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER), ["At nine."]);
        assert_eq!(states(&app, OTHER).await, [("stored".to_owned(), json!("opted_out"))]);

        assert_eq!(set_paused(&app, "resume").await["bot_paused_at"], Value::Null);
        let third = "447700970203";
        says(&app, third, "4", "When do you open?").await;
        app.settle().await;
        assert_eq!(got(&app, third).len(), 1, "the bot answers again");
        assert_eq!(got(&app, CUSTOMER).len(), 1, "what was left to people stays theirs");
        let log = app.get("/audit").await.to_string();
        assert!(log.contains("number.paused") && log.contains("number.resumed"), "{log}");
        app.stop().await;
    }

    async fn what_waits_when_the_bot_is_paused_is_left_to_people(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "We open at 9:00 [1].".into());
        app.model.hold();
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("the model is asked", async || app.model.request_count() > 0).await;
        set_paused(&app, "pause").await;
        app.model.release();
        app.settle().await;
        assert_eq!(states(&app, CUSTOMER).await, [left()]);
        assert_eq!(cases(&app).await.len(), 1);
        assert!(got(&app, CUSTOMER).is_empty());
        app.stop().await;
    }

    async fn a_turn_of_a_process_that_knows_of_no_pause_commits_nothing(db) {
        let app = Setup::on(db).with("[worker]\npoll_ms = 200").start().await;
        app.model.answer_with(|_| "We open at 9:00 [1].".into());
        app.model.hold();
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("the model is asked", async || app.model.request_count() > 0).await;
        // As another process would, which this one learns of later; nothing ends the turn's lease.
        let id = NumberId::stored(number(&app).await["id"].as_str().unwrap().to_owned());
        app.change("update numbers set bot_paused_at = 1").await;
        app.model.release();
        until("it is left to people", async || states(&app, CUSTOMER).await == [left()]).await;
        assert_eq!(cases(&app).await.len(), 1);
        assert!(got(&app, CUSTOMER).is_empty());
        assert!(app.desk.numbers.is_paused(&id));
        app.stop().await;
    }

    async fn a_process_that_knows_of_no_end_of_the_pause_leaves_nothing_to_people(db) {
        let app = Setup::on(db).with("[worker]\npoll_ms = 60000").start().await;
        app.model.answer_with(|_| "We open at 9:00 [1].".into());
        app.model.hold();
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("the model is asked", async || app.model.request_count() > 0).await;
        // This process hears of the pause, and the other one has ended it.
        app.change("update numbers set bot_paused_at = 1").await;
        app.desk.reload_numbers().await.unwrap();
        app.change("update numbers set bot_paused_at = null").await;
        app.change("update conversations set lease_until = 0, lease_token = lease_token + 1").await;
        app.model.release();
        app.desk.notifier.wake_dispatcher();
        until("it is answered", async || got(&app, CUSTOMER).len() == 1).await;
        assert!(cases(&app).await.is_empty());
        app.stop().await;
    }

    async fn what_the_bot_said_before_and_is_not_sent_yet_never_is(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "We open at 9:00 [1].".into());
        app.whatsapp.fail_next(1, &Failure::Status(429, Graph::error(130_429, "Rate limit hit"), Some(2)));
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("it waits for its second attempt", async || {
            states(&app, CUSTOMER).await.last().is_some_and(|(state, _)| state == "queued")
        })
        .await;
        set_paused(&app, "pause").await;
        until("it is given up", async || states(&app, CUSTOMER).await.last().is_some_and(|(state, _)| state == "failed")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let last = states(&app, CUSTOMER).await.pop().unwrap();
        assert_eq!(last, ("failed".to_owned(), json!("bot_paused")));
        assert!(got(&app, CUSTOMER).is_empty());
        assert_eq!(cases(&app).await[0]["reason_code"]["code"], "bot_paused");
        assert_eq!(owner(&app, CUSTOMER).await, "bot");
        app.stop().await;
    }
}
