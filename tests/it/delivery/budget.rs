//! Budgets: a cheaper model near a limit, no model beyond it, and a person where the documents have
//! no answer.

use serde_json::Value;

use super::{cases, got, owner, says};
use crate::support::app::{Db, Setup, TestApp, on_both};

const CUSTOMER: &str = "447700951201";
const PRICES: &str = "[llm.prices.\"gpt-4o-mini\"]\ninput = 10.0\noutput = 10.0\n\
     [llm.prices.\"cheap\"]\ninput = 1.0\noutput = 1.0\n";

fn models(app: &TestApp) -> Vec<String> {
    app.model
        .requests()
        .iter()
        .map(|request| request["model"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns the last turn.
async fn turn(app: &TestApp) -> Value {
    let thread = app.thread(CUSTOMER).await;
    let turn = thread.iter().rev().find_map(|message| message["turn_id"].as_str()).unwrap();
    app.get(&format!("/turns/{turn}")).await
}

async fn ask(app: &TestApp, id: &str, text: &str) {
    says(app, CUSTOMER, id, text).await;
    app.settle().await;
}

/// Sets the cost of the first turn in micro-dollars; the daily limit is a dollar.
async fn spent(app: &TestApp, micros: i64) {
    let first = "select id from turns order by created_at, id limit 1";
    let set = format!("update turns set cost_micros = {micros} where id in ({first})");
    assert_eq!(app.change(&set).await, 1);
    // The spend is read again after five seconds.
    super::pause(5200).await;
}

on_both! {
    async fn a_day_goes_from_the_own_model_to_the_cheap_one_to_the_documents_to_a_person(db) {
        let budget = "[budget]\nday = 1.0\ncheap_model = \"cheap\"\n";
        let app = Setup::on(db).with(&format!("{budget}{PRICES}")).start().await;
        ask(&app, "1", "When do you close on Saturday?").await;
        assert_eq!(models(&app), ["gpt-4o-mini"]);
        assert!(turn(&app).await["cost_micros"].as_i64().unwrap() > 0);
        spent(&app, 850_000).await;
        ask(&app, "2", "And on Mondays?").await;
        assert_eq!(models(&app), ["gpt-4o-mini", "cheap"]);
        let near = turn(&app).await;
        assert!(near["trace"]["reply"]["budget"].as_str().unwrap().contains("cheaper"), "{near}");
        spent(&app, 1_000_000).await;
        ask(&app, "3", "On Saturday, we close at what time?").await;
        assert_eq!(models(&app).len(), 2, "a model was asked beyond the limit");
        assert!(got(&app, CUSTOMER)[2].contains("13:00"), "{:?}", got(&app, CUSTOMER));
        let beyond = turn(&app).await;
        assert_eq!((&beyond["outcome"], &beyond["cost_micros"]), (&"answer".into(), &0.into()), "{beyond}");
        assert_eq!(owner(&app, CUSTOMER).await, "bot");
        ask(&app, "4", "Do you sell submarines?").await;
        assert_eq!(models(&app).len(), 2);
        assert_eq!(got(&app, CUSTOMER)[3], "A colleague will answer you here.");
        let open = cases(&app).await;
        assert_eq!((open.len(), owner(&app, CUSTOMER).await.as_str()), (1, "person"));
        assert!(open[0]["reason"].as_str().unwrap().to_lowercase().contains("money"), "{open:?}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spent_is_counted_at_once() {
    let app =
        Setup::on(Db::Sqlite).with(&format!("[budget]\nday = 0.000001\n{PRICES}")).start().await;
    ask(&app, "1", "When do you close on Saturday?").await;
    ask(&app, "2", "When do you open?").await;
    assert_eq!(models(&app).len(), 1, "the second was asked beyond the limit");
    assert_eq!(got(&app, CUSTOMER).len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_would_cost_more_than_its_limit_is_asked_of_the_cheap_model_or_of_none() {
    // The longest answer alone, 600 tokens, costs 6,000 micro-dollars with the default model and
    // 600 with the cheap one.
    for (turn_limit, asked) in [(0.1, "gpt-4o-mini"), (0.004, "cheap"), (0.0001, "")] {
        let budget = format!("[budget]\nturn = {turn_limit}\ncheap_model = \"cheap\"\n{PRICES}");
        let app = Setup::on(Db::Sqlite).with(&budget).start().await;
        ask(&app, "1", "When do you close on Saturday?").await;
        assert_eq!(models(&app).concat(), asked, "{turn_limit}");
        assert_eq!(got(&app, CUSTOMER).len(), 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agents_limit_leaves_the_other_agents_model_alone() {
    let app = Setup::on(Db::Sqlite)
        .with(&format!("[budget]\nagent_day = 0.000001\n{PRICES}"))
        .start()
        .await;
    ask(&app, "1", "When do you close on Saturday?").await;
    ask(&app, "2", "When do you open?").await;
    assert_eq!(models(&app).len(), 1);
    super::says_to(&app, crate::support::app::SECOND, (CUSTOMER, "3"), "Open at night?").await;
    app.settle().await;
    assert_eq!(models(&app).len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_prices_nothing_has_a_limit() {
    let budget =
        "[budget]\nday = 0.000001\nturn = 0.000001\nagent_day = 0.000001\ncheap_model = \"cheap\"";
    let app = Setup::on(Db::Sqlite).with(budget).start().await;
    for id in ["1", "2", "3"] {
        ask(&app, id, &format!("When do you open, please, and why {id}?")).await;
    }
    assert_eq!(models(&app), ["gpt-4o-mini"; 3]);
    app.stop().await;
}
