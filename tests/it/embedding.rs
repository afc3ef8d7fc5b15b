//! The local embedder: the same vectors as the reference implementation for both model families,
//! invalid model folders, and questions before documents.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk::config::Config;
use frontdesk::embed::{Embedder, Purpose};
use serde_json::Value;

mod bad_folders;
pub(crate) mod tiny;

/// Returns the folder of the real model, if it exists.
fn minilm() -> Option<PathBuf> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("FRONTDESK_SHARED").map_or(near, PathBuf::from);
    let folder = shared.join("models/all-MiniLM-L6-v2");
    if !folder.is_dir() {
        println!("skipped: no shared data");
        return None;
    }
    Some(folder)
}

/// Builds the embedder of a folder with more settings; returns the error otherwise.
fn build(folder: &Path, more: &str) -> Result<Arc<dyn Embedder>, String> {
    let toml =
        format!("[embed]\nkind = \"local\"\npath = {:?}\n{more}", folder.display().to_string());
    let config = Config::from_toml(&toml).map_err(|wrong| wrong.to_string())?;
    config.embed.build(&config.models)
}

async fn embed(embedder: &dyn Embedder, texts: &[&str], purpose: Purpose) -> Vec<Vec<f32>> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    embedder.embed(&texts, purpose).await.unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

/// The reference vectors were computed from the weights in double precision, by another program in
/// another language.
#[tokio::test]
async fn minilm_gives_the_reference_vectors() {
    let Some(folder) = minilm() else { return };
    let all: Vec<Value> = serde_json::from_str(include_str!("../fixtures/minilm.json")).unwrap();
    let texts: Vec<&str> = all.iter().map(|one| one["text"].as_str().unwrap()).collect();
    let embedder = build(&folder, "threads = 2").unwrap();
    for purpose in [Purpose::Query, Purpose::Passage] {
        let ours = embed(&*embedder, &texts, purpose).await;
        for (one, ours) in all.iter().zip(&ours) {
            let wanted: Vec<f32> = serde_json::from_value(one["vector"].clone()).unwrap();
            let near = cosine(ours, &wanted);
            assert!(near > 0.9999, "{near} for {}", one["text"]);
            // The reference is rounded to four decimal places.
            let most = ours.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(most < 6e-5, "{most} for {}", one["text"]);
            assert!((cosine(ours, ours) - 1.0).abs() < 1e-5);
        }
    }
}

#[tokio::test]
async fn a_text_has_the_same_vector_alone_and_among_others() {
    let Some(folder) = minilm() else { return };
    let embedder = build(&folder, "threads = 2").unwrap();
    let long = "Lamps can be returned within 30 days. ".repeat(12);
    let texts = ["ok", &long, "When do you open?", "a", &long, "Where are you?", "Wo seid ihr?"];
    let together = embed(&*embedder, &texts, Purpose::Passage).await;
    for (text, among) in texts.iter().zip(&together) {
        let alone = embed(&*embedder, &[text], Purpose::Passage).await;
        assert!(cosine(&alone[0], among) > 0.999_999, "{text}");
    }
    assert_eq!(embed(&*embedder, &[], Purpose::Passage).await, Vec::<Vec<f32>>::new());
}

#[tokio::test]
async fn the_identity_tells_weights_and_ways_apart() {
    let Some(folder) = minilm() else { return };
    let identity = |more: &str| build(&folder, more).unwrap().identity().unwrap().to_owned();
    let plain = identity("");
    assert!(plain.starts_with("local/all-MiniLM-L6-v2/"), "{plain}");
    assert_eq!(plain.len(), "local/all-MiniLM-L6-v2/".len() + 12);
    assert_eq!(plain, identity("threads = 1"));
    assert_ne!(plain, identity("max_tokens = 128"));
    assert_ne!(plain, identity("passage_prefix = \"passage: \""));
    assert_eq!(build(&folder, "").unwrap().languages(), ["en"]);
    assert!(build(&folder, "languages = []").unwrap().languages().is_empty());
}

/// A customer does not wait until a handbook is learned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_overtakes_documents_that_are_being_learned() {
    let Some(folder) = minilm() else { return };
    let embedder = build(&folder, "threads = 1").unwrap();
    let chunk = "Lamps can be returned within 30 days, with the receipt. ".repeat(20);
    let (learner, chunks) = (embedder.clone(), vec![chunk; 40]);
    let learning = tokio::spawn(async move { learner.embed(&chunks, Purpose::Passage).await });
    // The only thread is busy from here on.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    embed(&*embedder, &["When do you open?"], Purpose::Query).await;
    assert!(!learning.is_finished(), "the question waited for the documents");
    learning.abort();
}
