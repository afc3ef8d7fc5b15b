//! The fast path: sends that leave with the commit of their turn, and the queue behind them. The
//! queue is polled only every ten minutes here, so a send leaves only if something triggers it.

use std::time::{Duration, Instant};

use super::{SUPPORT, got, pause, says, until};
use crate::support::app::{Db, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{batch, text_webhook};

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
        assert!(sent[1].received_at - sent[0].received_at < Duration::from_secs(3));
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

    async fn with_one_place_for_turns_and_one_for_sends_everybody_is_answered(db) {
        let one = "[worker]\nturns = 1\nsends = 1\npoll_ms = 50";
        let app = Setup::on(db).with(one).start().await;
        for round in 0..10 {
            let hook = |n: usize| {
                let customer = format!("44770095{round:02}{n:02}");
                text_webhook(MAIN, &customer, &format!("wamid.{customer}"), "When do you open?")
            };
            let hooks: Vec<_> = (0..3).map(hook).collect();
            let (two, third) = (batch(&hooks[..2]), &hooks[2]);
            let (first, second) = tokio::join!(app.deliver(&two), app.deliver(third));
            assert_eq!((first.as_u16(), second.as_u16()), (200, 200));
        }
        let got = async || app.whatsapp.sent_count() == 30;
        until("all are answered", got).await;
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
