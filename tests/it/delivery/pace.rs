//! Rate limits: a number never exceeds its send rate, a customer gets no more than WhatsApp
//! accepts, and nobody else waits for either.

use std::time::{Duration, Instant};

use super::{TIMEOUT, got, question, says, until};
use crate::support::app::{Db, MAIN, SENDER_LIMITS_OFF, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{batch, text_webhook};

/// Returns the arrival times of a customer's messages, relative to the first message.
fn arrivals(app: &TestApp, customer: &str) -> Vec<Duration> {
    let sent = app.whatsapp.sent();
    let first = sent[0].received_at;
    let his = sent.iter().filter(|sent| sent.to.ends_with(customer));
    his.map(|sent| sent.received_at.duration_since(first)).collect()
}

/// Returns an answer that is split into this many messages.
fn long_answer(parts: usize) -> String {
    let sentence = |part: usize, n: usize| format!("Of part {part} this is sentence number {n}. ");
    let part = |part: usize| (0..75).map(|n| sentence(part, n)).collect::<String>();
    (0..parts).map(part).collect::<Vec<_>>().join("\n\n")
}

on_both! {
    async fn a_number_never_sends_faster_than_its_rate(db) {
        let app = Setup::on(db).with("[numbers.main]\nrate = 5").start().await;
        let hooks: Vec<_> = (0..12).map(|n| {
            let customer = format!("4477009506{n:02}");
            text_webhook(MAIN, &customer, &format!("wamid.{n}"), "When do you open?")
        }).collect();
        assert_eq!(app.deliver(&batch(&hooks)).await, 200);
        app.settle().await;
        let times = arrivals(&app, "");
        assert_eq!(times.len(), 12);
        let all = times[11].as_secs_f64();
        // Transit times depend on the machine's load, but the messages must not all leave at once.
        assert!((0.9..20.0).contains(&all), "12 messages took {all} s");
        for (a, from) in times.iter().enumerate() {
            for (b, to) in times.iter().enumerate().skip(a) {
                let span = to.saturating_sub(*from).as_secs_f64();
                let most = 5.0 + 5.0 * (span + 0.5);
                assert!(f64::from(u32::try_from(b - a + 1).unwrap()) <= most, "{a}..={b} in {span} s: {times:?}");
            }
        }
        app.stop().await;
    }

    async fn one_customer_who_gets_much_waits_and_nobody_waits_for_him(db) {
        let app = Setup::on(db).with("[worker]\npair_burst = 3\npair_gap_ms = 500").start().await;
        app.model.answer_with(|request| {
            if question(request).contains("everything") { long_answer(4) } else { "At nine.".into() }
        });
        says(&app, "447700950701", "1", "Tell me everything.").await;
        assert!(app.whatsapp.wait_sent(3, TIMEOUT).await);
        let began = Instant::now();
        says(&app, "447700950702", "1", "When do you open?").await;
        until("the other is answered", async || got(&app, "447700950702").len() == 1).await;
        assert!(began.elapsed() < Duration::from_millis(1200), "{:?}", began.elapsed());
        app.settle().await;
        let times = arrivals(&app, "447700950701");
        assert_eq!(times.len(), 4);
        assert!(times[3].saturating_sub(times[0]) >= Duration::from_millis(1300), "{times:?}");
        let texts = got(&app, "447700950701");
        for (n, text) in texts.iter().enumerate() {
            assert!(text.contains(&format!("Of part {n} ")), "out of order");
        }
        app.stop().await;
    }

    async fn a_customer_whom_whatsapp_holds_back_holds_back_nobody_else(db) {
        let app = Setup::on(db).start().await;
        let pair = Graph::error(131_056, "(Business Account, Consumer Account) pair rate limit hit");
        app.whatsapp.fail_next_to("+447700950801", 1, &Failure::Status(400, pair, Some(2)));
        says(&app, "447700950801", "1", "When do you open?").await;
        until("it is tried", async || !app.whatsapp.tried().is_empty()).await;
        let began = Instant::now();
        for n in 2..6 {
            says(&app, &format!("44770095080{n}"), "1", "When do you open?").await;
        }
        until("the others are answered", async || app.whatsapp.sent_count() == 4).await;
        assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
        assert!(got(&app, "447700950801").is_empty());
        app.settle().await;
        assert_eq!(got(&app, "447700950801").len(), 1);
        let tried = app.whatsapp.tried();
        let his: Vec<_> = tried.iter().filter(|sent| sent.to.ends_with("0801")).collect();
        assert_eq!(his.len(), 2);
        assert!(his[1].received_at - his[0].received_at >= Duration::from_secs(2));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_in_the_queue_for_long_goes_to_one_customer_no_faster() {
    let pair = "[worker]\npair_burst = 3\npair_gap_ms = 500";
    let app = Setup::on(Db::Sqlite).with(pair).start().await;
    app.model.answer_with(|_| long_answer(4));
    let busy = Graph::error(131_000, "Something went wrong");
    app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(3)));
    says(&app, "447700950901", "1", "Tell me everything.").await;
    app.settle().await;
    let times = arrivals(&app, "447700950901");
    assert_eq!(times.len(), 4);
    assert!(
        times[3].saturating_sub(times[0]) >= Duration::from_millis(1300),
        "the fourth came too early: {times:?}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_whatsapp_slows_down_pauses_as_long_as_it_says_and_no_other_does() {
    let app = Setup::on(Db::Sqlite).with(SENDER_LIMITS_OFF).start().await;
    let slow = Graph::error(130_429, "Rate limit hit");
    app.whatsapp.fail_next_to("+447700951001", 1, &Failure::Status(400, slow, Some(2)));
    says(&app, "447700951001", "1", "When do you open?").await;
    until("it is tried", async || !app.whatsapp.tried().is_empty()).await;
    super::pause(100).await;
    for n in 2..5 {
        says(&app, &format!("44770095100{n}"), "1", "When do you open?").await;
    }
    super::says_to(&app, crate::support::app::SECOND, ("447700951009", "1"), "Open at night?")
        .await;
    app.settle().await;
    let tried = app.whatsapp.tried();
    for sent in &tried[1..] {
        let after = sent.received_at - tried[0].received_at;
        let waited = after >= Duration::from_millis(1900);
        assert_eq!(waited, sent.number == MAIN, "{} after {after:?}", sent.to);
    }
    assert_eq!(app.received().len(), 5);
    app.stop().await;
}
