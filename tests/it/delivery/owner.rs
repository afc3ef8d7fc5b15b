//! Ownership: a person who writes silences the bot at once, and only a person does.

use super::{TIMEOUT, cases, got, ours, owner, pause, questions, says, until};
use crate::support::app::{Db, MAIN, Setup, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::echo_webhook;

const CUSTOMER: &str = "447700950201";
const RETURNING: &str = "---
name: Acme Lamps
knowledge: [acme]
handoff: { keywords: [human], return_minutes: 30, reply: \"A colleague will answer you here.\" }
---
You answer customers of {{ agent }}.
";

on_both! {
    async fn a_person_silences_the_bot_while_the_model_writes(db) {
        let app = Setup::on(db).start().await;
        app.model.hold();
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("the model is asked", async || app.model.chat_count() == 1).await;
        app.deliver(&echo_webhook(MAIN, CUSTOMER, "wamid.echo", "Hi, Ana here.")).await;
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        app.model.release();
        app.settle().await;
        says(&app, CUSTOMER, "2", "Thanks Ana, and on Sunday?").await;
        app.settle().await;
        pause(500).await;
        assert!(app.received().is_empty(), "{:?}", app.received());
        assert_eq!(app.model.chat_count(), 1);
        let thread = app.thread(CUSTOMER).await;
        assert!(thread.iter().filter(|m| m["direction"] == "in").all(|m| m["state"] == "stored"), "{thread:?}");
        app.stop().await;
    }

    async fn what_the_bot_said_and_has_not_sent_is_not_sent_after_a_person_wrote(db) {
        let app = Setup::on(db).start().await;
        let busy = Graph::error(131_000, "Something went wrong");
        app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(1)));
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("it is tried", async || !app.whatsapp.tried().is_empty()).await;
        app.deliver(&echo_webhook(MAIN, CUSTOMER, "wamid.echo", "Hi, Ana here.")).await;
        app.settle().await;
        pause(1800).await;
        assert!(app.received().is_empty(), "{:?}", app.received());
        let ours = ours(&app, CUSTOMER).await;
        let void = |(state, note): &&(String, String)| state == "failed" && note.starts_with("a person took over");
        assert_eq!((ours.len(), ours.iter().filter(void).count()), (2, 1), "{ours:?}");
        app.stop().await;
    }

    async fn our_own_message_told_back_before_its_send_was_recorded_silences_nobody(db) {
        let app = Setup::on(db).start().await;
        app.whatsapp.delay_response(std::time::Duration::from_millis(1200));
        says(&app, CUSTOMER, "1", "When do you open?").await;
        assert!(app.whatsapp.wait_sent(1, TIMEOUT).await);
        let sent = app.whatsapp.sent().remove(0);
        app.deliver(&echo_webhook(MAIN, CUSTOMER, &sent.id, &sent.text)).await;
        assert_eq!(owner(&app, CUSTOMER).await, "bot");
        app.settle().await;
        pause(1500).await;
        app.deliver(&echo_webhook(MAIN, CUSTOMER, &sent.id, &sent.text)).await;
        assert_eq!(owner(&app, CUSTOMER).await, "bot");
        app.whatsapp.delay_response(std::time::Duration::ZERO);
        assert_eq!(ours(&app, CUSTOMER).await.len(), 1);
        app.deliver(&sent.status_webhook("delivered")).await;
        assert_eq!(ours(&app, CUSTOMER).await[0].0, "delivered");
        says(&app, CUSTOMER, "2", "And on Saturday?").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER).len(), 2);
        app.stop().await;
    }

    async fn the_bot_returns_when_nobody_has_done_anything_for_the_set_time(db) {
        let app = Setup::on(db).file("prompts/acme.md", RETURNING).start().await;
        says(&app, CUSTOMER, "1", "I want a human.").await;
        app.settle().await;
        says(&app, CUSTOMER, "2", "Are you there?").await;
        app.settle().await;
        assert_eq!((got(&app, CUSTOMER).len(), cases(&app).await.len()), (1, 1));
        let ago = |minutes: i64| format!("update conversations set person_at = {}", frontdesk::domain::time::now_ms() - minutes * 60_000);
        assert_eq!(app.change(&ago(29)).await, 1);
        says(&app, CUSTOMER, "3", "Hello again?").await;
        app.settle().await;
        assert_eq!((got(&app, CUSTOMER).len(), cases(&app).await.len()), (1, 1));
        assert_eq!(app.change(&ago(31)).await, 1);
        says(&app, CUSTOMER, "4", "When do you open?").await;
        app.settle().await;
        assert_eq!((got(&app, CUSTOMER).len(), cases(&app).await.len()), (2, 0));
        assert_eq!(owner(&app, CUSTOMER).await, "bot");
        assert_eq!(questions(&app), ["When do you open?"], "what a person had to answer is a person's");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_begins_a_conversation_has_it() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.deliver(&echo_webhook(MAIN, CUSTOMER, "wamid.echo", "Hello, your lamp is ready.")).await;
    says(&app, CUSTOMER, "1", "Great! When do you open?").await;
    app.settle().await;
    assert!(app.received().is_empty());
    assert_eq!((owner(&app, CUSTOMER).await.as_str(), app.model.chat_count()), ("person", 0));
    super::resolve(&app, CUSTOMER).await;
    says(&app, CUSTOMER, "2", "And when do you close?").await;
    app.settle().await;
    assert_eq!(got(&app, CUSTOMER).len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_says_what_the_bot_said_before_has_the_conversation() {
    let app = Setup::on(Db::Sqlite).start().await;
    says(&app, CUSTOMER, "1", "When do you open?").await;
    app.settle().await;
    let said = got(&app, CUSTOMER).remove(0);
    app.deliver(&echo_webhook(MAIN, CUSTOMER, "wamid.echo", &said)).await;
    assert_eq!(owner(&app, CUSTOMER).await, "person");
    app.stop().await;
}
