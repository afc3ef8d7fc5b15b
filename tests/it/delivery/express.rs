//! What leaves with the commit of its turn, and what stands behind it: nobody looks into the queue here unless something
//! wakes him, because it is polled once in ten minutes.

use std::time::{Duration, Instant};

use super::{SUPPORT, got, pause, says, until};
use crate::support::app::{Db, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;

const CUSTOMER: &str = "447700957001";

async fn desk(db: Db) -> TestApp {
    Setup::on(db).with("[worker]\npoll_ms = 600000").start().await
}

on_both! {
    async fn what_was_queued_while_a_reply_was_being_sent_leaves_right_after_it(db) {
        let app = desk(db).await;
        app.whatsapp.delay(Duration::from_millis(500));
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("the model is asked", async || app.model.chat_count() == 1).await;
        pause(200).await;
        says(&app, CUSTOMER, "2", "STOP").await;
        says(&app, CUSTOMER, "3", "START").await;
        until("both have left", async || got(&app, CUSTOMER).len() == 2).await;
        let sent = app.whatsapp.sent();
        assert!(sent[1].came_at - sent[0].came_at < Duration::from_secs(3));
        app.stop().await;
    }

    async fn every_part_of_a_long_reply_leaves(db) {
        let app = desk(db).await;
        let part = |n: usize| format!("Of part {n} this is a sentence. ").repeat(120);
        let whole = [part(0), part(1), part(2)].join("\n\n");
        app.model.answer_with(move |_| whole.clone());
        says(&app, CUSTOMER, "1", "Tell me everything.").await;
        until("all parts have left", async || got(&app, CUSTOMER).len() >= 3).await;
        app.stop().await;
    }

    async fn the_notice_of_a_hand_off_leaves_with_its_sentence(db) {
        let app = desk(db).await;
        says(&app, CUSTOMER, "1", "I want a human.").await;
        until("both are told", async || {
            got(&app, CUSTOMER).len() == 1 && got(&app, SUPPORT).len() == 1
        }).await;
        app.stop().await;
    }

    async fn a_reply_that_whatsapp_did_not_take_is_tried_again(db) {
        let app = desk(db).await;
        let busy = Graph::error(131_000, "Something went wrong");
        app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(1)));
        let began = Instant::now();
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("it has left", async || got(&app, CUSTOMER).len() == 1).await;
        assert!(began.elapsed() >= Duration::from_secs(1));
        app.stop().await;
    }
}
