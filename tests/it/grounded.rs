//! Checked citations: statements that the passages do not support are kept from the customer, if
//! the agent is set so; and how well the check agrees with people.

use serde_json::{Value, json};

use crate::support::app::{Db, Setup, TestApp};
use crate::support::fake::Failure;

mod measure;

use measure::{MINI_LM, SETS, agreement, below, check, model, overlap, read};

const QUESTION: &str = "When do you open, and what does a lamp cost?";
/// One supported statement and one unsupported statement.
const HALF_TRUE: &str = "We open from Monday to Friday at 9:00 [1]. \
    Every lamp costs 99 euros this month. Can I help you with anything else?";
const TRUE_HALF: &str = "We open from Monday to Friday at 9:00. Can I help you with anything else?";
const NO_ANSWER: &str = "I do not know that.";

/// Asks the sandbox with a prompt that has this setting.
async fn ask(app: &TestApp, setting: &str) -> Value {
    let prompt = format!(
        "---\nname: Acme Lamps\nknowledge: [acme]\nsources: false\nno_answer: {NO_ANSWER}\ngrounding: {setting}\n---\nBe kind.\n"
    );
    let body = json!({"agent": "acme", "text": QUESTION, "prompt": prompt});
    let (status, told) = app.call("/sandbox/turns", &body).await;
    assert_eq!(status, 200, "{told}");
    told
}

fn sent(told: &Value) -> &str {
    let bubbles = told["bubbles"].as_array().unwrap();
    assert_eq!(bubbles.len(), 1, "{told}");
    bubbles[0].as_str().unwrap()
}

fn checked(told: &Value) -> &Value {
    &told["trace"]["reply"]["checked"]
}

async fn desk(answer: &'static str) -> TestApp {
    let app = Setup::on(Db::Sqlite).start().await;
    app.model.answer_with(move |_| answer.into());
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_passage_says_is_taken_out_and_the_rest_is_sent() {
    let app = desk(HALF_TRUE).await;
    let told = ask(&app, "{ check: remove }").await;
    assert_eq!(sent(&told), TRUE_HALF);
    let verdicts = checked(&told)["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 3);
    assert_eq!(verdicts[0]["supported"], true, "{}", verdicts[0]);
    assert_eq!(verdicts[1]["supported"], false);
    assert_eq!(verdicts[1]["why"], "the number 99 is in no passage");
    assert_eq!(verdicts[2]["why"], "a question");
    assert!(checked(&told)["action"].as_str().unwrap().contains("1 of 2 statements were removed"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_does_what_it_says() {
    let app = desk(HALF_TRUE).await;
    let refused = ask(&app, "{ check: refuse }").await;
    assert_eq!((sent(&refused), refused["outcome"].as_str()), (NO_ANSWER, Some("no_answer")));
    let between = "{ check: hold, threshold: 0.9, hold_below: 0.0001 }";
    for setting in ["{ check: note }", between] {
        let noted = ask(&app, setting).await;
        assert!(sent(&noted).contains("99 euros"), "only noted: {noted}");
        assert_eq!(checked(&noted)["verdicts"][1]["supported"], false);
    }
    let off = ask(&app, "{ check: off }").await;
    assert!(sent(&off).contains("99 euros") && checked(&off).is_null(), "{off}");
    let lenient = ask(&app, "{ check: refuse, threshold: 0 }").await;
    assert!(sent(&lenient).contains("99 euros"), "nothing is below 0: {lenient}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_surely_invented_is_held_back_by_default() {
    let app = desk("Our flying bicycles cost 999 dollars.").await;
    let held = ask(&app, "{}").await;
    assert_eq!((sent(&held), held["outcome"].as_str()), (NO_ANSWER, Some("no_answer")));
    let action = checked(&held)["action"].as_str().unwrap();
    assert!(action.starts_with("1 of 1 statements seem invented"), "{action}");
    app.model.answer_with(|_| "On Saturday we do **not** close at 13:00 [1].".into());
    let opposite = ask(&app, "{}").await;
    assert_eq!(sent(&opposite), NO_ANSWER, "it says the opposite of a passage: {opposite}");
    app.model.answer_with(|_| "On Saturday we close at 13:00 [1].".into());
    let right = ask(&app, "{}").await;
    assert_eq!(sent(&right), "On Saturday we close at 13:00.");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_which_nothing_is_left_becomes_the_sentence_for_no_answer() {
    let app = desk("Sure! Every lamp costs 99 euros this month. Anything else?").await;
    let told = ask(&app, "{ check: remove }").await;
    assert_eq!((sent(&told), told["outcome"].as_str()), (NO_ANSWER, Some("no_answer")));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_judge_decides_and_is_paid() {
    let app = Setup::on(Db::Sqlite).start().await;
    app.model.answer_with(|request| {
        let judged =
            request["messages"][0]["content"].as_str().unwrap().starts_with("You check facts");
        if judged { "1: no\n2: yes".into() } else { HALF_TRUE.into() }
    });
    let plain = ask(&app, "{ check: remove }").await;
    let judged = ask(&app, "{ check: remove, judge: true }").await;
    assert!(sent(&judged).contains("99 euros") && !sent(&judged).contains("9:00"), "{judged}");
    let tokens = |told: &Value| told["trace"]["usage"]["input_tokens"].as_u64().unwrap();
    assert!(tokens(&judged) > tokens(&plain));
    assert!(checked(&judged)["judge"].is_string());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_that_cannot_be_understood_leaves_it_to_the_score() {
    let app = desk(HALF_TRUE).await;
    let told = ask(&app, "{ check: remove, judge: true }").await;
    assert_eq!(sent(&told), TRUE_HALF, "the judge repeats the answer, which is no verdict");
    assert_eq!(checked(&told)["error"], "the judge's answer could not be read");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedder_that_fails_leaves_it_to_the_words() {
    let app = desk(HALF_TRUE).await;
    app.model.fail_next_at(
        "/v1/embeddings",
        99,
        &Failure::Status(500, json!({"error": "oops"}), None),
    );
    let told = ask(&app, "{ check: remove }").await;
    assert_eq!(sent(&told), TRUE_HALF);
    app.stop().await;
}

/// The default threshold of a prompt file.
const THRESHOLD: f64 = 0.2;

/// Required lead of the check over word overlap, in percentage points, per data set. Answers in
/// begin are nearly copies, where overlap is already sufficient; the check must only not fall
/// behind by more than this.
const MARGINS: [f64; 3] = [-3.0, 6.0, 6.0];

#[tokio::test]
async fn the_check_agrees_with_people_better_than_word_overlap() {
    for ((set, file), margin) in SETS.into_iter().zip(MARGINS) {
        let Some(rows) = read(file) else { return println!("skipped: no shared data") };
        let plain: Vec<_> = rows.iter().map(|row| (overlap(row), row.supported)).collect();
        let mut ours = Vec::new();
        for row in &rows {
            ours.push((f64::from(check(row, None).await.score()), row.supported));
        }
        let false_alarms = below(&ours, THRESHOLD, true);
        let (plain, ours) = (agreement(&plain), agreement(&ours));
        assert!(false_alarms < 9.0, "{set}: {false_alarms:.1}% of what is supported is doubted");
        println!("{set}: word overlap {plain:.1?}, the check without embeddings {ours:.1?}");
        assert!(ours.auroc >= plain.auroc + margin, "{set}: {ours:?} against {plain:?}");
        assert!(
            ours.balanced >= plain.balanced + margin / 2.0,
            "{set}: {ours:?} against {plain:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    debug_assertions,
    ignore = "the model is slow without optimisation: cargo test --release"
)]
async fn embeddings_do_the_check_no_harm() {
    let Some(embedder) = model(MINI_LM) else { return println!("skipped: no model") };
    for (set, file) in SETS {
        let Some(rows) = read(file) else { return println!("skipped: no shared data") };
        let (mut words, mut meaning) = (Vec::new(), Vec::new());
        for row in &rows {
            words.push((f64::from(check(row, None).await.score()), row.supported));
            let check = check(row, Some(&*embedder)).await;
            meaning.push((f64::from(check.score()), row.supported));
        }
        let (words, meaning) = (agreement(&words), agreement(&meaning));
        println!("{set}: words {words:.1?}, words and meaning {meaning:.1?}");
        assert!(meaning.auroc >= words.auroc - 1.0, "{set}: {meaning:?} against {words:?}");
    }
}
