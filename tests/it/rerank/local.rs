//! In-process cross-encoders: the same scores as a plain implementation, pairs in the format of the
//! tokenizer's template, and invalid folders. The weights are random: the shared data has no real
//! cross-encoder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk::config::Config;
use frontdesk::rerank::Reranker;
use safetensors::tensor::Dtype;
use serde_json::{Value, json};

use super::{ask, sources};
use crate::embedding::tiny::{BERT, Made, Tiny, XLM_ROBERTA};
use crate::support::app::{Db, Setup, TestApp};

/// Tolerance of a comparison with the plain implementation.
const NEAR: f64 = 1e-4;

/// Cross-encoders of both families.
const BERT_PAIRS: Tiny = Tiny { labels: 1, prefix: "bert.", ..BERT };
const XLM_ROBERTA_PAIRS: Tiny = Tiny { labels: 1, ..XLM_ROBERTA };

fn folder(made: &Made) -> PathBuf {
    made.home.path().join("tiny")
}

/// Builds the reranker of a folder with more settings; returns the error otherwise.
fn build(folder: &Path, more: &str) -> Result<Arc<dyn Reranker>, String> {
    let folder = folder.display().to_string();
    let toml = format!("[rerank]\nkind = \"local\"\npath = {folder:?}\n{more}");
    let config = Config::from_toml(&toml).map_err(|wrong| wrong.to_string())?;
    config.rerank.build(&config.models)
}

/// Returns words that differ from position to position.
fn words(count: usize, from: usize) -> Vec<&'static str> {
    const WORDS: [&str; 7] = ["when", "do", "you", "open", "lamps", ":", "query"];
    (0..count).map(|place| WORDS[(place * place + from) % WORDS.len()]).collect()
}

/// Asserts that the score of each passage is the plain implementation's score of its expected
/// remainder.
async fn agrees(reranker: &dyn Reranker, question: &str, pairs: &[(String, f64)], about: &str) {
    let texts: Vec<String> = pairs.iter().map(|(text, _)| text.clone()).collect();
    let scores = reranker.rerank(question, &texts).await.unwrap();
    assert_eq!(scores.len(), pairs.len());
    for (score, (text, wanted)) in scores.iter().zip(pairs) {
        let score = f64::from(score.unwrap());
        assert!((score - wanted).abs() < NEAR, "{score}, not {wanted}: {about}, `{text}`");
    }
}

#[tokio::test]
async fn cross_encoders_of_both_families_give_the_numbers_that_the_papers_do() {
    let models = [
        BERT_PAIRS,
        XLM_ROBERTA_PAIRS,
        Tiny { prefix: "", dtype: Dtype::F16, ..BERT_PAIRS },
        Tiny { dtype: Dtype::BF16, ..XLM_ROBERTA_PAIRS },
    ];
    for tiny in models {
        let made = tiny.make();
        let reranker = build(&folder(&made), "threads = 2").unwrap();
        let question = ["when", "do", "you", "open"];
        // Some hundred tokens more than one batch of the model takes.
        let passages: Vec<Vec<&str>> = (0..40).map(|n| words(1 + n * 7 % 29, n)).collect();
        let pair = |words: &Vec<&str>| (words.join(" "), made.score(&question, words));
        let pairs: Vec<(String, f64)> = passages.iter().map(pair).collect();
        agrees(&*reranker, &question.join(" "), &pairs, &format!("{tiny:?}")).await;
        // The scores must differ with the passage and with the order of the texts, or the
        // comparison proves nothing.
        let most = pairs.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
        let least = pairs.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
        assert!(most - least > 100.0 * NEAR, "{least} to {most}: {tiny:?}");
        let (there, back) = (made.score(&question, &["lamps"]), made.score(&["lamps"], &question));
        assert!((there - back).abs() > 10.0 * NEAR, "{there}, {back}: {tiny:?}");
    }
}

#[tokio::test]
async fn what_is_too_long_is_cut_from_the_end_of_the_passage_and_the_question_is_kept() {
    // Token limit of a pair, and number of template tokens in it.
    for (tiny, room, own) in [(BERT_PAIRS, 40, 3), (XLM_ROBERTA_PAIRS, 40, 4)] {
        let made = tiny.make();
        for (more, room) in [(String::new(), room), ("max_tokens = 17".into(), 17)] {
            let reranker = build(&folder(&made), &more).unwrap();
            let left = room - own;
            // Words in the question and the passage, each with the number that should remain.
            for ((question, kept), (passage, rest)) in [
                ((4, 4), (200, left - 4)),
                ((left / 2, left / 2), (200, left - left / 2)),
                ((100, left / 2), (200, left - left / 2)),
                ((100, left - 2), (2, 2)),
                ((100, left), (0, 0)),
            ] {
                let (question, passage) = (words(question, 0), words(passage, 3));
                let wanted = made.score(&question[..kept], &passage[..rest]);
                let about =
                    format!("{kept} and {rest} of {} and {}", question.len(), passage.len());
                let pair = [(passage.join(" "), wanted)];
                agrees(&*reranker, &question.join(" "), &pair, &about).await;
                if passage.len() > rest {
                    let other = made.score(&question[..kept], &passage[..rest - 1]);
                    assert!((other - wanted).abs() > NEAR, "one word less must show: {about}");
                }
            }
        }
    }
}

fn change(folder: &Path, file: &str, change: impl Fn(&mut Value)) {
    let path = folder.join(file);
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

/// A name, a model, a change to its folder, and words of the expected error.
type Case = (&'static str, Tiny, fn(&Path), &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "two labels",
        Tiny { labels: 2, ..BERT_PAIRS },
        |_| (),
        &["tiny", "2 labels (LABEL_0, LABEL_1)", "one label", "ms-marco-MiniLM-L6-v2"],
    ),
    (
        "two labels that the config does not tell of",
        Tiny { labels: 2, ..XLM_ROBERTA_PAIRS },
        |folder| change(folder, "config.json", |config| config["id2label"] = json!({})),
        &["2 labels:", "one label"],
    ),
    (
        "labels of another head",
        BERT_PAIRS,
        |folder| {
            change(folder, "config.json", |config| {
                config["id2label"] =
                    json!({"0": "contradiction", "1": "entailment", "2": "neutral"});
            });
        },
        &["3 labels (contradiction, entailment, neutral)"],
    ),
    (
        "no head",
        BERT,
        |_| (),
        &["tiny", "no tensor classifier.weight", "no cross-encoder", "[embed]"],
    ),
    ("no head, either", XLM_ROBERTA, |_| (), &["no tensor classifier.out_proj.weight"]),
    (
        "the other family's head",
        BERT_PAIRS,
        |folder| {
            change(folder, "config.json", |config| config["model_type"] = json!("xlm-roberta"));
        },
        &["no tensor classifier.out_proj.weight"],
    ),
    (
        "a tokenizer that knows no pairs",
        BERT_PAIRS,
        |folder| {
            change(folder, "tokenizer.json", |file| {
                file["post_processor"]["pair"] = json!([
                    {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}},
                ]);
            });
        },
        &["tiny", "two texts become one", "template"],
    ),
    (
        "no folder",
        BERT_PAIRS,
        |folder| std::fs::remove_dir_all(folder).unwrap(),
        &["no model in", "[rerank] path"],
    ),
];

#[test]
fn what_is_no_cross_encoder_is_refused_with_what_it_has_and_what_is_wanted() {
    for (name, tiny, damage, words) in CASES {
        let made = tiny.make();
        damage(&folder(&made));
        let told = build(&folder(&made), "").err();
        let told = told.unwrap_or_else(|| panic!("{name}: it was taken"));
        for word in *words {
            assert!(told.contains(word), "{name}: no `{word}` in: {told}");
        }
    }
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let made = BERT_PAIRS.make();
    let told = |more: &str| build(&folder(&made), more).err().unwrap_or_default();
    for (more, words) in [
        ("max_tokens = 41", "more than the 40"),
        ("max_tokens = 6", "at least 7"),
        ("candidates = 1", "from 2 to 1000"),
        ("timeout_ms = 0", "timeout_ms"),
        ("base_url = \"http://x\"", "base_url"),
    ] {
        assert!(told(more).contains(words), "{more}: {}", told(more));
    }
    assert!(build(&folder(&made), "max_tokens = 7").is_ok());
    let config = Config::from_toml("[rerank]\nkind = \"local\"\n[models]\nfolder = \"nowhere\"");
    let config = config.unwrap();
    let told = config.rerank.build(&config.models).err().unwrap();
    assert!(told.contains("frontdesk models fetch mmarco-mMiniLMv2-L12-H384-v1"), "{told}");
}

#[tokio::test]
async fn who_waits_too_long_is_told_so() {
    let made = BERT_PAIRS.make();
    let reranker = build(&folder(&made), "timeout_ms = 1\nthreads = 1").unwrap();
    let many = vec![words(36, 0).join(" "); 2000];
    let told = reranker.rerank("when", &many).await.unwrap_err().to_string();
    assert!(told.contains("2000 passages") && told.contains("1 ms"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_passages_of_a_turn_come_in_the_order_of_the_local_model() {
    let plain = TestApp::start().await;
    let before = ask(&plain).await;
    plain.stop().await;
    let made = XLM_ROBERTA_PAIRS.make();
    let path = folder(&made).display().to_string();
    let settings = format!("[rerank]\nkind = \"local\"\npath = {path:?}");
    let app = Setup::on(Db::Sqlite).with(&settings).start().await;
    let seen = ask(&app).await;
    assert_eq!(seen["rerank"]["by"], "local/tiny", "{seen}");
    assert_eq!(seen["rerank"]["error"], Value::Null, "{seen}");
    assert_eq!(seen["confidence"], before["confidence"], "another order is no other sureness");
    let passages = seen["passages"].as_array().unwrap();
    let scores: Vec<f64> =
        passages.iter().map(|one| one["scores"]["rerank"].as_f64().unwrap()).collect();
    assert!(scores.len() > 1 && scores.is_sorted_by(|a, b| a > b), "{scores:?}");
    let sorted = |seen: &Value| {
        let mut all = sources(seen);
        all.sort();
        all
    };
    assert_eq!(sorted(&seen), sorted(&before), "the same passages");
    app.stop().await;
}
