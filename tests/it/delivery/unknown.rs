//! Sends with an unknown outcome: nothing is sent again unless the number's setting says so.

use frontdesk::domain::time::now_ms;
use serde_json::{Value, json};

use super::{SUPPORT, cases, got, ours, pause, says, until};
use crate::support::app::{Db, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::SentMessage;

const CUSTOMER: &str = "447700950101";
const HOUR: i64 = 3_600_000;

/// Starts a desk and asks it a question. Its first `times` messages reach the customer, but the
/// connection is cut before the response.
async fn cut(db: Db, unknown: &str, times: usize) -> TestApp {
    let app = Setup::on(db).with(&format!("[numbers.main]\nunknown = {unknown}")).start().await;
    app.model.answer_with(|_| "From nine.".into());
    app.whatsapp.fail_next_to(&format!("+{CUSTOMER}"), times, &Failure::AcceptThenDrop);
    says(&app, CUSTOMER, "1", "When do you open?").await;
    app.settle().await;
    app
}

fn to_customer(app: &TestApp) -> Vec<SentMessage> {
    app.whatsapp.sent().into_iter().filter(|sent| sent.to.ends_with(CUSTOMER)).collect()
}

async fn state(app: &TestApp) -> String {
    ours(app, CUSTOMER).await.remove(0).0
}

on_both! {
    async fn nobody_knows_and_one_person_is_asked_once(db) {
        let app = cut(db, "{ after_ms = 300, then = \"ask\" }", 1).await;
        assert_eq!(state(&app).await, "unknown");
        until("a case is opened", async || !cases(&app).await.is_empty()).await;
        until("the support contact is told", async || !got(&app, SUPPORT).is_empty()).await;
        pause(1000).await;
        let open = cases(&app).await;
        assert_eq!((open.len(), got(&app, SUPPORT).len(), got(&app, CUSTOMER).len()), (1, 1, 1), "{open:?}");
        assert_eq!(open[0]["question"], "From nine.");
        assert_eq!(state(&app).await, "unknown");
        // The conversation continues, and a late status still counts.
        says(&app, CUSTOMER, "2", "And on Saturday?").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER).len(), 2);
        app.deliver(&to_customer(&app)[0].status_webhook("delivered")).await;
        assert_eq!(state(&app).await, "delivered");
        app.stop().await;
    }

    async fn what_only_another_version_can_send_is_a_persons_business_in_the_end(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "From nine.".into());
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let becomes = format!("author = 'robot', state = 'queued', due_at = {}", now_ms() - HOUR);
        let sql = format!("update messages set {becomes} where direction = 'out'");
        assert_eq!(app.change(&sql).await, 1);
        let long_ago = "update numbers set updated_at = 1 where slug = 'main'";
        assert_eq!(app.change(long_ago).await, 1, "another version could have sent it since");
        until("a case is opened", async || !cases(&app).await.is_empty()).await;
        until("the support contact is told", async || !got(&app, SUPPORT).is_empty()).await;
        let open = cases(&app).await;
        assert_eq!((open.len(), &open[0]["question"]), (1, &json!("From nine.")), "{open:?}");
        assert_eq!((state(&app).await.as_str(), got(&app, CUSTOMER).len()), ("queued", 1));
        let known = "update messages set author = 'bot' where author = 'robot'";
        assert_eq!(app.change(known).await, 1);
        until("a version that knows it sends it", async || got(&app, CUSTOMER).len() == 2).await;
        app.settle().await;
        app.stop().await;
    }

    async fn a_status_event_before_the_time_is_over_settles_it_and_nothing_follows(db) {
        for then in ["ask", "resend", "drop"] {
            let app = cut(db, &format!("{{ after_ms = 1200, then = \"{then}\" }}"), 1).await;
            assert_eq!(state(&app).await, "unknown");
            app.deliver(&to_customer(&app)[0].status_webhook("sent")).await;
            assert_eq!(state(&app).await, "sent");
            pause(1800).await;
            app.settle().await;
            assert_eq!((state(&app).await.as_str(), got(&app, CUSTOMER).len()), ("sent", 1), "{then}");
            assert_eq!(cases(&app).await, Vec::<Value>::new(), "{then}");
            app.stop().await;
        }
    }

    async fn resend_says_it_once_more(db) {
        let app = cut(db, "{ after_ms = 300, then = \"resend\" }", 1).await;
        until("it is sent again", async || got(&app, CUSTOMER).len() == 2).await;
        app.settle().await;
        pause(900).await;
        let copies = to_customer(&app);
        assert_eq!((copies.len(), state(&app).await.as_str()), (2, "sent"));
        assert_eq!(copies[0].reference, copies[1].reference);
        // A status of the first copy does not apply to the second, and breaks nothing.
        app.deliver(&copies[0].status_webhook("delivered")).await;
        app.deliver(&copies[1].status_webhook("read")).await;
        assert_eq!(state(&app).await, "read");
        assert_eq!(cases(&app).await, Vec::<Value>::new());
        app.stop().await;
    }

    async fn what_is_dropped_has_failed_until_a_late_status_event_says_otherwise(db) {
        let app = cut(db, "{ after_ms = 300, then = \"drop\" }", 1).await;
        until("it is given up", async || state(&app).await == "failed").await;
        pause(600).await;
        assert_eq!((got(&app, CUSTOMER).len(), cases(&app).await), (1, Vec::<Value>::new()));
        app.deliver(&to_customer(&app)[0].status_webhook("delivered")).await;
        assert_eq!(state(&app).await, "delivered");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resend_says_it_twice_at_the_most() {
    let app = cut(Db::Sqlite, "{ after_ms = 300, then = \"resend\" }", 6).await;
    until("it is sent again", async || got(&app, CUSTOMER).len() >= 2).await;
    pause(3000).await;
    assert_eq!(got(&app, CUSTOMER).len(), 2, "the same message went out again and again");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_told_late_settles_an_unknown_message_as_failed() {
    let app = cut(Db::Sqlite, "{ after_ms = 60000, then = \"ask\" }", 1).await;
    let sent = to_customer(&app).remove(0);
    let news = crate::support::hooks::News {
        id: &sent.id,
        status: "failed",
        recipient: CUSTOMER,
        reference: sent.reference.as_deref(),
        error: Some((131_026, "Message undeliverable")),
    };
    app.deliver(&crate::support::hooks::status_webhook(&sent.number, news)).await;
    let last = app.thread(CUSTOMER).await.pop().unwrap();
    assert_eq!((&last["state"], &last["errors"][0]["code"]), (&json!("failed"), &json!(131_026)));
    app.stop().await;
}
