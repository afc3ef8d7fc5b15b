//! The 24-hour window: once it is closed, a template is sent, or a person is called.

use serde_json::json;

use super::{SUPPORT, cases, got, ours, pause, says, until};
use crate::support::app::{Db, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::{Graph, SentMessage, Template};
use crate::support::hooks::{
    News, batch, echo_webhook, message_webhook, status_webhook, text_webhook,
};

const CUSTOMER: &str = "447700950601";
const TEMPLATE: &str =
    "[numbers.main]\ntemplate = { name = \"come_back\", language = \"en_US\", with_text = true }";

/// Starts a desk with a reply that waits for its second attempt while the window closes.
async fn late(setup: Setup, answer: &'static str) -> TestApp {
    let app = setup.start().await;
    app.model.answer_with(move |_| answer.into());
    let busy = Graph::error(131_000, "Something went wrong");
    app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(1)));
    says(&app, CUSTOMER, "1", "When do you open?").await;
    until("it is tried", async || !app.whatsapp.tried().is_empty()).await;
    let yesterday = frontdesk::domain::time::now_ms() - 25 * 3_600_000;
    let moment = format!("update conversations set last_inbound_at = {yesterday}");
    assert!(app.change(&moment).await >= 1);
    app.settle().await;
    app
}

fn come_back() -> Template {
    Template { name: "come_back".into(), language: "en_US".into() }
}

on_both! {
    async fn a_reply_that_is_late_goes_out_as_the_template_with_its_text(db) {
        let app = late(Setup::on(db).with(TEMPLATE), "From nine.\n\nUntil six.").await;
        let sent = app.whatsapp.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!((&sent[0].template, sent[0].text.as_str()), (&Some(come_back()), "From nine. Until six."));
        assert_eq!(ours(&app, CUSTOMER).await[0].0, "sent");
        assert!(cases(&app).await.is_empty());
        app.stop().await;
    }

    async fn without_a_template_it_fails_and_a_person_is_called(db) {
        let app = late(Setup::on(db), "From nine.").await;
        assert!(got(&app, CUSTOMER).is_empty());
        assert_eq!(ours(&app, CUSTOMER).await[0].0, "failed");
        let open = cases(&app).await;
        assert_eq!(open.len(), 1, "{open:?}");
        assert_eq!(open[0]["question"], "From nine.");
        assert!(open[0]["reason"].as_str().unwrap().contains("24-hour window"), "{open:?}");
        let code = &open[0]["reason_code"];
        assert_eq!((&code["kind"], &code["code"]), (&json!("unsent"), &json!("window_closed")));
        until("the support contact is told", async || !got(&app, SUPPORT).is_empty()).await;
        app.stop().await;
    }

    async fn a_window_that_whatsapp_says_is_closed_leads_to_the_same(db) {
        let closed = || Failure::Status(400, Graph::error(131_047, "Re-engagement message"), None);
        for (extra, sent, open) in [(TEMPLATE, 1, 0), ("", 0, 1)] {
            let app = Setup::on(db).with(extra).start().await;
            app.model.answer_with(|_| "From nine.".into());
            app.whatsapp.fail_next(1, &closed());
            says(&app, CUSTOMER, "1", "When do you open?").await;
            app.settle().await;
            pause(300).await;
            assert_eq!((got(&app, CUSTOMER).len(), cases(&app).await.len()), (sent, open), "{extra}");
            if sent == 1 {
                let message = app.whatsapp.sent().remove(0);
                assert_eq!((message.template, message.text.as_str()), (Some(come_back()), "From nine."));
            }
            app.stop().await;
        }
    }
}

/// Asserts that the inbox says that the window is closed, and that nothing may be written.
async fn is_closed(app: &TestApp) {
    let one = app.conversation_with(CUSTOMER).await;
    let now = frontdesk::domain::time::now_ms();
    assert!(one["window_ends_at"].as_i64().unwrap() <= now, "{one}");
    let failed = app.thread(CUSTOMER).await.pop().unwrap();
    let path = format!("/messages/{}/retry", failed["id"].as_str().unwrap());
    let (status, problem) = app.call(&path, &serde_json::json!({})).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("window"), "{problem}");
}

/// A status webhook: the window was closed when the message arrived.
fn closed_status(sent: &SentMessage) -> Vec<u8> {
    let news = News {
        id: &sent.id,
        status: "failed",
        recipient: CUSTOMER,
        reference: sent.reference.as_deref(),
        error: Some((131_047, "Re-engagement message")),
    };
    status_webhook(&sent.number, news)
}

/// Asserts that the customer's next message opens the window.
async fn is_opened_by_the_customer(app: &TestApp) {
    let before = got(app, CUSTOMER).len();
    says(app, CUSTOMER, "again", "When do you open on Sunday?").await;
    app.settle().await;
    assert_eq!(got(app, CUSTOMER).len(), before + 1);
    let one = app.conversation_with(CUSTOMER).await;
    assert!(one["window_ends_at"].as_i64().unwrap() > frontdesk::domain::time::now_ms(), "{one}");
}

on_both! {
    async fn what_whatsapp_says_of_the_window_wins_until_the_customer_writes(db) {
        let app = Setup::on(db).start().await;
        let closed = Graph::error(131_047, "Re-engagement message");
        app.whatsapp.fail_next(1, &Failure::Status(400, closed, None));
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        until("it failed", async || ours(&app, CUSTOMER).await[0].0 == "failed").await;
        is_closed(&app).await;
        is_opened_by_the_customer(&app).await;
        app.stop().await;
    }

    async fn what_a_status_says_of_the_window_wins_until_the_customer_writes(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let sent = app.whatsapp.sent().remove(0);
        assert_eq!(app.deliver(&closed_status(&sent)).await, 200);
        is_closed(&app).await;
        is_opened_by_the_customer(&app).await;
        app.stop().await;
    }
}

on_both! {
    async fn a_late_status_does_not_close_the_window_that_the_customer_opened_since(db) {
        for in_one_batch in [false, true] {
            let app = Setup::on(db).start().await;
            says(&app, CUSTOMER, "1", "When do you open?").await;
            app.settle().await;
            let sent = app.whatsapp.sent().remove(0);
            app.change("update messages set left_at = left_at - 60000 where direction = 'out'").await;
            let status = closed_status(&sent);
            let thanks = text_webhook(MAIN, CUSTOMER, "wamid.thanks", "When do you open on Sunday?");
            if in_one_batch {
                assert_eq!(app.deliver(&batch(&[status, thanks])).await, 200);
            } else {
                assert_eq!(app.deliver(&thanks).await, 200);
                assert_eq!(app.deliver(&status).await, 200);
            }
            app.settle().await;
            assert!(!says_closed(&app).await, "in one batch: {in_one_batch}");
            app.stop().await;
        }
    }

    async fn only_the_customers_own_words_open_the_window(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let close = "update conversations set window_closed_at = 1";
        app.change(close).await;
        let system = json!({"type": "system", "system": {"type": "user_identity_changed", "body": "New phone"}});
        assert_eq!(app.deliver(&message_webhook(MAIN, CUSTOMER, "wamid.2", &system)).await, 200);
        assert!(says_closed(&app).await, "a new phone is no message");
        let words = text_webhook(MAIN, CUSTOMER, "wamid.3", "Are you there?");
        let echo = echo_webhook(MAIN, CUSTOMER, "wamid.4", "Ana here.");
        assert_eq!(app.deliver(&batch(&[words, echo])).await, 200);
        app.settle().await;
        assert!(!says_closed(&app).await, "a person answered in the same batch");
        app.stop().await;
    }
}

/// Whether the inbox says that the window is closed.
async fn says_closed(app: &TestApp) -> bool {
    let ends = app.conversation_with(CUSTOMER).await["window_ends_at"].as_i64().unwrap();
    ends <= frontdesk::domain::time::now_ms()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_several_messages_calls_a_person_once() {
    let words: &'static str =
        Box::leak("This sentence makes it long. ".repeat(400).into_boxed_str());
    let app = late(Setup::on(Db::Sqlite), words).await;
    assert!(ours(&app, CUSTOMER).await.len() >= 3);
    pause(800).await;
    assert_eq!(cases(&app).await.len(), 1, "one question, one case");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_whatsapp_refuses_calls_a_person() {
    let app = Setup::on(Db::Sqlite).with(TEMPLATE).start().await;
    let closed = Graph::error(131_047, "Re-engagement message");
    let unknown = Graph::error(132_001, "Template name does not exist in the translation");
    app.whatsapp.fail_next(1, &Failure::Status(400, closed, None));
    app.whatsapp.fail_next(1, &Failure::Status(404, unknown, None));
    says(&app, CUSTOMER, "1", "When do you open?").await;
    app.settle().await;
    pause(500).await;
    assert_eq!(ours(&app, CUSTOMER).await[0].0, "failed");
    assert_eq!(cases(&app).await.len(), 1, "the customer waits, and nobody knows");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_whatsapp_says_is_closed_after_it_took_the_message_calls_a_person() {
    let app = Setup::on(Db::Sqlite).start().await;
    says(&app, CUSTOMER, "1", "When do you open?").await;
    app.settle().await;
    let sent = app.whatsapp.sent().remove(0);
    assert_eq!(app.deliver(&closed_status(&sent)).await, 200);
    pause(500).await;
    assert_eq!(ours(&app, CUSTOMER).await[0].0, "failed");
    assert_eq!(cases(&app).await.len(), 1, "the customer waits, and nobody knows");
    app.stop().await;
}
