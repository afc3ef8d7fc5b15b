//! In-process models for question answering: the same answers as transformers finds with the same
//! weights, all of a passage read, invalid folders, and what becomes of the answers without a model.
//! The weights are random (`fixtures/question_answering/make.py`): the shared data has no real model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk::config::Config;
use frontdesk::qa::{Error, QaModel, Span};
use half::f16;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::embedding::tiny::{BERT, Tiny, XLM_ROBERTA};
use crate::support::app::{Db, Setup};

const FAMILIES: [&str; 3] = ["bert", "xlm-roberta", "roberta"];

/// An answer that transformers found.
#[derive(Debug, Deserialize)]
struct Expected {
    question: String,
    context: String,
    max_tokens: usize,
    /// Bytes in the context.
    start: usize,
    end: usize,
    answer: String,
    probability: f32,
    /// Probability of no answer.
    null: f32,
}

fn expected(family: &str) -> Vec<Expected> {
    let all = include_str!("../fixtures/question_answering/expected.json");
    let all: Value = serde_json::from_str(all).unwrap();
    serde_json::from_value(all[family].clone()).unwrap()
}

pub(crate) fn fixture(family: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join("question_answering").join(family)
}

/// A copy of a model in which all numbers of some tensors are this one.
fn with(family: &str, tensors: &[&str], number: f32) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(fixture(family).join(file), home.path().join(file)).unwrap();
    }
    let path = home.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let start = bytes.as_ptr().addr();
    let places: Vec<_> = {
        let all = SafeTensors::deserialize(&bytes).unwrap();
        let data = tensors.iter().map(|name| all.tensor(name).unwrap().data());
        data.map(|data| (data.as_ptr().addr() - start, data.len())).collect()
    };
    for (place, length) in places {
        let numbers = bytes[place..place + length].as_chunks_mut::<2>().0;
        for two in numbers.iter_mut() {
            *two = f16::from_f32(number).to_le_bytes();
        }
    }
    std::fs::write(path, bytes).unwrap();
    home
}

fn settings(folder: &Path, more: &str) -> String {
    format!("[qa]\nkind = \"local\"\npath = {:?}\n{more}\n", folder.display().to_string())
}

/// Builds the model in a folder with more settings; returns the error otherwise.
fn build(folder: &Path, more: &str) -> Result<Arc<dyn QaModel>, String> {
    let config = Config::from_toml(&settings(folder, more)).map_err(|wrong| wrong.to_string())?;
    config.qa.build(&config.models)
}

async fn find(model: &dyn QaModel, question: &str, passages: &[&str]) -> Vec<Option<Span>> {
    let passages: Vec<String> = passages.iter().map(|text| (*text).to_owned()).collect();
    let spans = model.find(question, &passages).await.unwrap();
    assert_eq!(spans.len(), passages.len());
    for (span, text) in spans.iter().zip(&passages) {
        let Some(Span { range, probability, margin }) = span else { continue };
        assert!(text.get(range.clone()).is_some(), "{range:?} is not in `{text}`");
        assert!(*probability > 0.0 && *probability <= 1.0 && margin.is_finite(), "{span:?}");
    }
    spans
}

#[tokio::test]
async fn models_of_all_families_find_what_transformers_finds() {
    let mut windows = 0;
    for family in FAMILIES {
        for Expected { question, context, max_tokens, start, end, answer, probability, null } in
            expected(family)
        {
            let about = format!("{family}, {max_tokens} tokens, `{question}`");
            let more = format!("threads = 1\nmax_tokens = {max_tokens}");
            let model = build(&fixture(family), &more).unwrap();
            assert_eq!(model.identity(), Some(&*format!("local/{family}")));
            let found = find(&*model, &question, &[&context]).await.remove(0).unwrap();
            let said = &context[found.range.clone()];
            assert_eq!(
                (found.range.start, found.range.end),
                (start, end),
                "{said}, not {answer}: {about}"
            );
            let near = |one: f32, other: f32| (one - other).abs() < 2e-3;
            let (log, wanted) = (found.probability.ln(), probability.ln());
            assert!(near(log, wanted), "{log}, not {wanted}: {about}");
            let wanted = (probability / null).ln();
            assert!(near(found.margin, wanted), "{}, not {wanted}: {about}", found.margin);
            windows += usize::from(context.len() > 4 * max_tokens);
        }
    }
    assert!(windows >= 6, "few texts are longer than a window");
}

#[tokio::test]
async fn a_passage_has_the_same_answer_alone_and_among_others_and_all_of_it_is_read() {
    for family in FAMILIES {
        let model = build(&fixture(family), "threads = 2").unwrap();
        let all = expected(family);
        let passages: Vec<&str> = all.iter().map(|one| one.context.as_str()).collect();
        let together = find(&*model, "When?", &passages).await;
        for (passage, among) in passages.iter().zip(&together) {
            let alone = find(&*model, "When?", &[passage]).await.remove(0).unwrap();
            let among = among.clone().unwrap();
            assert_eq!(alone.range, among.range, "{family}: `{passage}`");
            assert!((alone.margin - among.margin).abs() < 1e-4, "{family}: `{passage}`");
        }
        assert_eq!(find(&*model, "When?", &[]).await, []);
        // Nothing that stands late in a long text is lost: the best answer of the text is at least as
        // probable as that of its end, but for what the windows cut apart.
        let mut best = 0;
        for one in all.iter().filter(|one| one.context.len() > 200) {
            let filler = "Ann. ".repeat(400);
            let long = format!("{filler}{}", one.context);
            let found = find(&*model, &one.question, &[&long]).await.remove(0).unwrap();
            best += usize::from(found.range.start > filler.len());
        }
        assert!(best > 0, "{family}: no answer is in the last windows");
    }
}

#[tokio::test]
async fn hostile_input_gets_an_answer_or_none_and_never_a_panic() {
    for family in FAMILIES {
        let model = build(&fixture(family), "threads = 1").unwrap();
        let empty = find(&*model, "When do you open?", &["", " \n ", "\u{202E}", "\0\0"]).await;
        assert_eq!(empty[0], None, "{family}");
        let long_word = "x".repeat(5000);
        let long_question = "when do you close ".repeat(300);
        let odd =
            ["🙂🏽‍🙂", "ﷺ", "e\u{301}\u{301}\u{301}", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "[CLS] [SEP] <s> </s>", &long_word];
        for question in ["", "?", "[SEP] </s>", "متى؟", &long_question] {
            find(&*model, question, &odd).await;
        }
    }
}

#[tokio::test]
async fn weights_that_are_no_numbers_and_slow_models_fail_with_the_reason() {
    for tensors in [&["qa_outputs.bias"][..], &["bert.embeddings.LayerNorm.weight"]] {
        let home = with("bert", tensors, f32::NAN);
        let model = build(home.path(), "").unwrap();
        let told = model.find("When?", &["Now.".into()]).await.unwrap_err().to_string();
        assert!(told.contains("no numbers"), "{told}");
    }
    let slow = build(&fixture("bert"), "timeout_ms = 1\nthreads = 1").unwrap();
    let many = vec!["We close at five. ".repeat(40); 300];
    let told = slow.find("When?", &many).await.unwrap_err().to_string();
    assert!(told.contains("300 passages") && told.contains("1 ms"), "{told}");
    let off = Config::from_toml("[qa]\nkind = \"off\"").unwrap();
    let off = off.qa.build(&off.models).unwrap();
    assert_eq!(off.identity(), None);
    assert_eq!(off.find("When?", &["Now.".into()]).await, Err(Error::Off));
}

#[test]
fn what_is_no_such_model_is_refused_with_what_is_wanted() {
    let made = Tiny { labels: 1, ..XLM_ROBERTA }.make();
    let told = build(&made.home.path().join("tiny"), "").err().unwrap();
    assert!(told.contains("tiny") && told.contains("no tensor qa_outputs.weight"), "{told}");
    let made = BERT.make();
    let told = build(&made.home.path().join("tiny"), "").err().unwrap();
    assert!(told.contains("ForQuestionAnswering"), "{told}");
    let home = with("bert", &[], 0.0);
    let path = home.path().join("tokenizer.json");
    let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    file["post_processor"]["pair"] = json!([text("A"), text("B")]);
    std::fs::write(&path, file.to_string()).unwrap();
    let told = build(home.path(), "").err().unwrap();
    assert!(told.contains("two texts become one"), "{told}");
    for (more, words) in [
        ("max_tokens = 65", "more than the 64"),
        ("max_tokens = 6", "at least 7"),
        ("timeout_ms = 0", "timeout_ms"),
        ("candidates = 3", "candidates"),
    ] {
        let told = build(&fixture("bert"), more).err().unwrap_or_default();
        assert!(told.contains(words), "{more}: {told}");
    }
    let nowhere = |kind: &str| {
        let toml = format!("[qa]\nkind = \"{kind}\"\n[models]\nfolder = \"nowhere\"");
        let config = Config::from_toml(&toml).unwrap();
        config.qa.build(&config.models)
    };
    let told = nowhere("local").err().unwrap();
    assert!(told.contains("frontdesk models fetch xlm-roberta-base-squad2-distilled"), "{told}");
    assert_eq!(nowhere("auto").unwrap().identity(), None, "no model is needed");
}

/// Asks the documents; returns the outcome, the reply and the trace of stage 6.
async fn ask(more: &str) -> (String, String, Value) {
    let app = Setup::on(Db::Sqlite).extractive().with(more).start().await;
    let body = json!({"agent": "acme", "text": "When do you close on Saturday?"});
    let (status, turn) = app.call("/sandbox/turns", &body).await;
    assert_eq!(status, 200, "{turn}");
    app.stop().await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&turn["outcome"]), turn["bubbles"].to_string(), turn["trace"]["reply"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_decides_whether_there_is_an_answer_and_words_do_when_it_fails() {
    let (outcome, words, trace) = ask("").await;
    assert!(outcome == "answer" && words.contains("13:00"), "{words}");
    assert_eq!(trace["errors"], json!([]));
    // All spans, and no answer, are equally probable.
    let even = with("bert", &["qa_outputs.weight", "qa_outputs.bias"], 0.0);
    let (_, refused, _) = ask(&settings(even.path(), "")).await;
    assert!(refused.contains("I do not know that."), "{refused}");
    let (_, said, trace) = ask(&settings(&fixture("bert"), "")).await;
    assert_eq!(trace["errors"], json!([]));
    assert!(!said.contains("I do not know"), "{said}");
    let broken = with("bert", &["qa_outputs.bias"], f32::NAN);
    let (_, said, trace) = ask(&settings(broken.path(), "")).await;
    assert_eq!(said, words);
    let told = trace["errors"][0].as_str().unwrap_or_default();
    assert!(told.contains("no numbers") && told.contains("words chose"), "{trace}");
}
