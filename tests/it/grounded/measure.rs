//! Measures the citation check against human labels, compared with plain word overlap, in one run.
//! Shared by the test and the bench.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use frontdesk::embed::{Embedder, Purpose, Settings};
use frontdesk::pipeline::ground::{Check, Material};
use serde_json::json;

/// The shared data sets, by name and file.
pub(crate) const SETS: [(&str, &str); 3] =
    [("begin", "begin/dev.jsonl"), ("q2-wow", "q2-wow/cross.jsonl"), ("wice", "wice/dev.jsonl")];

/// A real model in the shared data.
pub(crate) const MINI_LM: &str = "../shared/models/all-MiniLM-L6-v2";

/// A reply with a human label.
pub(crate) struct Labelled {
    pub(crate) knowledge: String,
    pub(crate) response: String,
    pub(crate) supported: bool,
}

/// How well a score agrees with the labels, in %.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agreement {
    /// Area under the ROC curve: the probability that a supported reply scores above an unsupported
    /// one.
    pub(crate) auroc: f64,
    /// Balanced accuracy at the best threshold.
    pub(crate) balanced: f64,
}

/// Returns the rows of a set; `None` without the shared data.
pub(crate) fn read(file: &str) -> Option<Vec<Labelled>> {
    let shared = std::env::var_os("FRONTDESK_SHARED").map_or("../shared".into(), PathBuf::from);
    let text = std::fs::read_to_string(shared.join("data/grounded").join(file)).ok()?;
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let supported = row["label"] == 1;
        Labelled { knowledge: text("knowledge"), response: text("response"), supported }
    };
    Some(text.lines().map(row).collect())
}

/// Returns the local model in a folder, if it can be loaded.
pub(crate) fn model(folder: &str) -> Option<Arc<dyn Embedder>> {
    let models = serde_json::from_value(json!({ "folder": "models", "hub_url": "" })).ok()?;
    let settings: Settings =
        serde_json::from_value(json!({ "kind": "local", "path": folder })).ok()?;
    settings.build(&models).inspect_err(|why| println!("without embeddings: {why}")).ok()
}

/// Returns the share of a reply's words that the knowledge contains.
pub(crate) fn overlap(row: &Labelled) -> f64 {
    let words = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(ToOwned::to_owned).collect()
    };
    let known: HashSet<String> = words(&row.knowledge).into_iter().collect();
    let said = words(&row.response);
    share(said.iter().filter(|word| known.contains(*word)).count(), said.len().max(1))
}

/// Checks a reply as the pipeline does, with an embedder if there is one.
pub(crate) async fn check(row: &Labelled, embedder: Option<&dyn Embedder>) -> Check {
    let passages = [row.knowledge.clone()];
    let material =
        Material { reply: &row.response, marks: &[], passages: &passages, known: &[], asked: &[] };
    let mut check = Check::read(&material);
    if let Some(embedder) = embedder {
        let texts = check.texts();
        if !texts.is_empty() {
            check.set_embeddings(&embedder.embed(&texts, Purpose::Query).await.unwrap());
        }
    }
    check
}

pub(crate) fn agreement(scored: &[(f64, bool)]) -> Agreement {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (good, bad) = (count(&sorted, true), count(&sorted, false));
    let (mut below_good, mut below_bad) = (0, 0);
    let (mut wins, mut balanced) = (0.0, 0.5_f64);
    for same in sorted.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let (right, wrong) = (count(same, true), count(same, false));
        wins += (share(below_bad, 1) + share(wrong, 1) / 2.0) * share(right, 1);
        below_good += right;
        below_bad += wrong;
        balanced =
            balanced.max(f64::midpoint(share(below_bad, bad), share(good - below_good, good)));
    }
    Agreement { auroc: 100.0 * wins / (share(good, 1) * share(bad, 1)), balanced: 100.0 * balanced }
}

/// Returns the share of replies with this label below a threshold, in %.
pub(crate) fn below(scored: &[(f64, bool)], threshold: f64, label: bool) -> f64 {
    let of = scored.iter().filter(|(_, supported)| *supported == label);
    let below = of.clone().filter(|(score, _)| *score < threshold).count();
    100.0 * share(below, of.count())
}

fn count(scored: &[(f64, bool)], label: bool) -> usize {
    scored.iter().filter(|(_, supported)| *supported == label).count()
}

#[expect(clippy::cast_precision_loss, reason = "the sets have some thousand rows")]
fn share(part: usize, of: usize) -> f64 {
    part as f64 / of as f64
}
