//! Opt-out: a customer who opts out gets no messages until he opts in again.

use serde_json::json;

use super::{got, ours, pause, says, says_to, until};
use crate::support::app::{Db, MAIN, SECOND, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{batch, text_webhook};

const CUSTOMER: &str = "447700950301";
const WELCOME: &str = "Welcome back! We will answer you here again.";
const OPTED_OUT: &str = "the customer opted out";

fn agent(more: &str) -> String {
    format!(
        "---\nname: Acme Lamps\nknowledge: [acme]\n{more}\n---\nYou answer customers of {{{{ agent }}}}.\n"
    )
}

async fn notes(app: &TestApp) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let thread = app.thread(CUSTOMER).await.into_iter().filter(|m| m["direction"] == "in");
    thread.map(|m| (text(&m["state"]), text(&m["note"]))).collect()
}

on_both! {
    async fn the_word_alone_silences_until_the_other_word_comes(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "stop, o Zé não vem").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER).len(), 1, "a sentence with the word in it is a question");
        says(&app, CUSTOMER, "2", "STOP").await;
        says(&app, CUSTOMER, "3", "When do you open?").await;
        says(&app, CUSTOMER, "4", "I want a human.").await;
        app.settle().await;
        pause(500).await;
        assert_eq!((app.received().len(), app.model.chat_count()), (1, 1), "{:?}", app.received());
        let stored: Vec<_> = notes(&app).await.split_off(1);
        assert!(stored.iter().all(|note| *note == ("stored".into(), OPTED_OUT.into())), "{stored:?}");
        says(&app, CUSTOMER, "5", "start").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER)[1..], [WELCOME]);
        says(&app, CUSTOMER, "6", "When do you open?").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER).len(), 3);
        app.stop().await;
    }

    async fn what_was_queued_or_being_written_when_the_word_came_is_not_sent(db) {
        let app = Setup::on(db).start().await;
        let busy = Graph::error(131_000, "Something went wrong");
        app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(1)));
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("it is tried", async || !app.whatsapp.tried().is_empty()).await;
        app.model.hold();
        says(&app, CUSTOMER, "2", "And on Saturday?").await;
        until("the model is asked", async || app.model.chat_count() == 2).await;
        says(&app, CUSTOMER, "3", "stop").await;
        app.model.release();
        app.settle().await;
        pause(1800).await;
        assert!(app.received().is_empty(), "{:?}", app.received());
        let ours = ours(&app, CUSTOMER).await;
        assert_eq!(ours, [("failed".to_owned(), OPTED_OUT.to_owned())]);
        app.stop().await;
    }

    async fn it_holds_on_every_number_of_ours(db) {
        let app = Setup::on(db).start().await;
        says_to(&app, SECOND, (CUSTOMER, "0"), "Are you open at night?").await;
        app.settle().await;
        says(&app, CUSTOMER, "1", "STOP").await;
        says_to(&app, SECOND, (CUSTOMER, "2"), "Are you open on Sunday?").await;
        app.settle().await;
        assert_eq!(app.received().len(), 1);
        says_to(&app, SECOND, (CUSTOMER, "3"), "START").await;
        says(&app, CUSTOMER, "4", "When do you open?").await;
        app.settle().await;
        assert_eq!(app.received().len(), 3);
        app.stop().await;
    }

    async fn it_holds_on_every_number_also_when_a_message_to_another_comes_in_the_same_webhook(db) {
        for numbers in [[MAIN, SECOND], [SECOND, MAIN]] {
            let app = Setup::on(db).start().await;
            let hook = |number: &str, id: &str, text: &str| text_webhook(number, CUSTOMER, id, text);
            for number in [MAIN, SECOND] {
                app.deliver(&hook(number, "wamid.0", "When do you open?")).await;
            }
            app.settle().await;
            let texts = ["STOP", "Are you open on Sunday?"];
            let hooks = [hook(numbers[0], "wamid.1", texts[0]), hook(numbers[1], "wamid.2", texts[1])];
            assert_eq!(app.deliver(&batch(&hooks)).await, 200);
            app.settle().await;
            let before = app.received().len();
            app.deliver(&hook(MAIN, "wamid.3", "Hello, when do you close?")).await;
            app.settle().await;
            assert_eq!(app.received().len(), before, "who opted out was written to");
            assert_eq!(before, 2, "the message after the word was answered");
            app.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_a_sentence_for_it_confirms_it_once() {
    let acme = agent("opt_out: { reply: \"You get no more messages. START brings them back.\" }");
    let app = Setup::on(Db::Sqlite).file("prompts/acme.md", &acme).start().await;
    says(&app, CUSTOMER, "1", "Stop!").await;
    app.settle().await;
    says(&app, CUSTOMER, "2", "When do you open?").await;
    says(&app, CUSTOMER, "3", "STOP").await;
    says(&app, CUSTOMER, "4", "stop").await;
    app.settle().await;
    pause(400).await;
    assert_eq!(got(&app, CUSTOMER), ["You get no more messages. START brings them back."]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_hears_the_word_of_its_own_language() {
    let acme = agent("languages: [es]");
    let app = Setup::on(Db::Sqlite).file("prompts/acme.md", &acme).start().await;
    says(&app, CUSTOMER, "1", "¡Baja!").await;
    says(&app, CUSTOMER, "2", "¿Cuándo abren?").await;
    app.settle().await;
    assert!(app.received().is_empty());
    says(&app, CUSTOMER, "3", "Alta").await;
    app.settle().await;
    assert_eq!(got(&app, CUSTOMER), [WELCOME]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_of_another_language_is_a_question() {
    let app =
        Setup::on(Db::Sqlite).file("prompts/acme.md", &agent("languages: [en]")).start().await;
    app.model.answer_with(|_| "From nine.".into());
    says(&app, CUSTOMER, "1", "baja").await;
    app.settle().await;
    says(&app, CUSTOMER, "2", "START").await;
    app.settle().await;
    assert_eq!(got(&app, CUSTOMER), ["From nine.", "From nine."], "nobody had opted out");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tapped_button_with_the_word_on_it_opts_out() {
    let app = Setup::on(Db::Sqlite).start().await;
    let button = json!({"type": "button", "button": {"text": "STOP", "payload": "stop"}});
    let hook = crate::support::hooks::message_webhook(MAIN, CUSTOMER, "wamid.b", &button);
    assert_eq!(app.deliver(&hook).await, 200);
    says(&app, CUSTOMER, "2", "When do you open?").await;
    app.settle().await;
    assert!(app.received().is_empty(), "{:?}", app.received());
    app.stop().await;
}
