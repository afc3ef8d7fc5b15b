//! Hand-offs that no rule asks for: a model calls a person with a mark, and a customer accepts the
//! bot's offer of one. Also the mark with which a model reports that the documents do not answer.

use serde_json::{Value, json};

use crate::delivery::{cases, got, owner, says};
use crate::support::app::{Db, Setup, TestApp, on_both};

const CUSTOMER: &str = "447700970101";
const OTHER: &str = "447700970102";

async fn gaps(app: &TestApp) -> Vec<String> {
    let gaps = app.get("/gaps").await["items"].as_array().unwrap().clone();
    gaps.iter().map(|gap| gap["question"].as_str().unwrap().to_owned()).collect()
}

async fn asks(app: &TestApp, id: &str, text: &str) {
    says(app, CUSTOMER, id, text).await;
    app.settle().await;
}

async fn tries(app: &TestApp, text: &str) -> Value {
    let (status, told) = app.call("/sandbox/turns", &json!({"agent": "acme", "text": text})).await;
    assert_eq!(status, 200, "{told}");
    told
}

on_both! {
    async fn a_model_calls_a_person_in_its_own_words(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "Someone from the shop will answer you here. [[hand-off]]".into());
        asks(&app, "1", "I want my money back and nobody answers me").await;
        assert_eq!(got(&app, CUSTOMER), ["Someone from the shop will answer you here."]);
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        let case = cases(&app).await.remove(0);
        assert_eq!(case["reason"], "the bot called a person");
        assert_eq!(case["reason_code"], json!({"kind": "model", "unanswered": false}));
        assert_eq!(case["question"], "I want my money back and nobody answers me");
        assert!(gaps(&app).await.is_empty(), "the documents were not asked");
        asks(&app, "2", "Hello?").await;
        assert_eq!(got(&app, CUSTOMER).len(), 1, "a person answers now");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_alone_is_said_in_the_agents_words() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.model.answer_with(|_| "[[hand-off]]".into());
    let told = tries(&app, "Connect me").await;
    assert_eq!(told["outcome"], "hand_over");
    assert_eq!(told["bubbles"], json!(["A colleague will answer you here."]));
    assert_eq!(told["trace"]["reply"]["calls_person"], true);
    app.model.answer_with(|_| "[[no answer]]".into());
    let told = tries(&app, "Do you rent submarines?").await;
    assert_eq!(
        (&told["outcome"], &told["bubbles"]),
        (&json!("no_answer"), &json!(["I do not know that."]))
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_repeats_the_prompt_still_calls_a_person() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.model.answer_with(|_| {
        "The customer's last message comes with passages of the business's documents. [[hand-off]]"
            .into()
    });
    let told = tries(&app, "I want a manager").await;
    assert_eq!(told["outcome"], "hand_over", "{told}");
    assert_eq!(told["bubbles"], json!(["A colleague will answer you here."]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_reports_a_gap_and_calls_a_person_for_it() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.model.answer_with(|_| {
        "Lamps can be returned [2]. About boats ask the harbour. [[no answer]]".into()
    });
    asks(&app, "1", "Do you rent boats?").await;
    assert_eq!(gaps(&app).await, ["Do you rent boats?"]);
    assert!(!got(&app, CUSTOMER)[0].contains("[["), "{:?}", got(&app, CUSTOMER));
    assert_eq!(owner(&app, CUSTOMER).await, "bot");
    app.model.answer_with(|_| "I pass that on. [[no answer]] [[hand-off]]".into());
    asks(&app, "2", "Is there a zeppelin museum nearby?").await;
    assert_eq!(gaps(&app).await.len(), 2);
    let case = cases(&app).await.remove(0);
    assert_eq!(case["reason"], "the bot called a person: the documents do not answer");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_prompt_explains_the_marks_and_documents_call_nobody() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.model.answer_with(|_| "We open at 9:00 [1].".into());
    asks(&app, "1", "When do you open?").await;
    let system = app.model.requests()[0]["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(system.contains("[[hand-off]]") && system.contains("[[no answer]]"), "{system}");
    app.stop().await;
    let page = "# Marks\n\nOur lamps speak the word [[hand-off]] when the batteries are empty.\n";
    let quoting = Setup::on(Db::Sqlite).extractive().file("knowledge/acme/marks.md", page);
    let app = quoting.start().await;
    let told = tries(&app, "Which word do lamps speak when the batteries are empty?").await;
    assert_eq!(told["outcome"], "answer", "{told}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_repeats_a_documents_mark_calls_nobody() {
    let page = "# Marks\n\nOur lamps speak the word [[hand-off]] when the batteries are empty.\n";
    let app = Setup::on(Db::Sqlite).file("knowledge/acme/marks.md", page).start().await;
    app.model.answer_with(|request| {
        let last = request["messages"].as_array().unwrap().last().unwrap();
        let lines = last["content"].as_str().unwrap().lines();
        let mut shown = lines.filter(|line| line.contains("batteries are empty"));
        shown.next().unwrap_or("Nothing was shown.").to_owned()
    });
    asks(&app, "1", "Which word do the lamps speak when their batteries are empty?").await;
    let sent = got(&app, CUSTOMER);
    assert!(sent[0].contains("hand-off"), "{sent:?}");
    assert_eq!(owner(&app, CUSTOMER).await, "bot");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_to_the_bots_offer_of_a_person_is_a_hand_off() {
    let app = Setup::on(Db::Sqlite).start().await;
    let offer = "I could not find that. Shall I pass you to a colleague?";
    app.model.answer_with(move |_| offer.into());
    asks(&app, "1", "Do you repair tents?").await;
    asks(&app, "2", "yes please").await;
    assert_eq!(got(&app, CUSTOMER), [offer, "A colleague will answer you here."]);
    assert_eq!((owner(&app, CUSTOMER).await.as_str(), app.model.chat_count()), ("person", 1));
    let case = cases(&app).await.remove(0);
    assert_eq!(case["reason"], "the customer accepted the offer of a person");
    assert_eq!(case["question"], "Do you repair tents?\nyes please");
    app.model.answer_with(|_| "Would you like the red one?".into());
    says(&app, OTHER, "1", "Which lamp is nice?").await;
    app.settle().await;
    says(&app, OTHER, "2", "yes please").await;
    app.settle().await;
    assert_eq!(owner(&app, OTHER).await, "bot", "that was no offer of a person");
    app.stop().await;
}
