//! Backs the README's figures on checked citations: how well the check agrees with people, compared
//! with plain word overlap.
//!
//! `cargo bench --bench grounding [-- FOLDER]`: FOLDER holds an embedding model, default
//! `../shared/models/all-MiniLM-L6-v2`. With `--features` it prints the features on which the
//! weights are fitted.

#[path = "../tests/it/grounded/measure.rs"]
mod measure;

use frontdesk::embed::Embedder;
use measure::{Labelled, MINI_LM, SETS, agreement, below, check, model, overlap, read};

/// The default threshold of a prompt file.
const THRESHOLD: f64 = 0.2;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let features = arguments.iter().any(|argument| argument == "--features");
    let folder = arguments.iter().find(|argument| !argument.starts_with("--")).cloned();
    let embedder = model(&folder.unwrap_or(MINI_LM.into()));
    for (set, file) in SETS {
        let Some(rows) = read(file) else { return println!("skipped: no shared data") };
        if features {
            runtime.block_on(print_features(set, &rows, embedder.as_deref()));
        } else {
            runtime.block_on(report(set, &rows, embedder.as_deref()));
        }
    }
}

async fn report(set: &str, rows: &[Labelled], embedder: Option<&dyn Embedder>) {
    let words: Vec<_> = rows.iter().map(|row| (overlap(row), row.supported)).collect();
    let mut lines = vec![("word overlap", words)];
    lines.push(("the check, words", scores(rows, None).await));
    if embedder.is_some() {
        lines.push(("the check, words and meaning", scores(rows, embedder).await));
    }
    for (what, scored) in lines {
        let found = agreement(&scored);
        print!("{set:7} {what:29} AUROC {:4.1}  balanced {:4.1}", found.auroc, found.balanced);
        if what.starts_with("the") {
            let (wrong, right) =
                (below(&scored, THRESHOLD, true), below(&scored, THRESHOLD, false));
            print!("  below {THRESHOLD}: {wrong:.1}% of supported, {right:.1}% of unsupported");
        }
        println!();
    }
}

async fn scores(rows: &[Labelled], embedder: Option<&dyn Embedder>) -> Vec<(f64, bool)> {
    let mut scored = Vec::with_capacity(rows.len());
    for row in rows {
        scored.push((f64::from(check(row, embedder).await.score()), row.supported));
    }
    scored
}

async fn print_features(set: &str, rows: &[Labelled], embedder: Option<&dyn Embedder>) {
    for row in rows {
        let Some(features) = check(row, embedder).await.features() else { continue };
        let features: Vec<String> = features.iter().map(|x| format!("{x:.5}")).collect();
        println!("{set}\t{}\t{}", u8::from(row.supported), features.join("\t"));
    }
}
