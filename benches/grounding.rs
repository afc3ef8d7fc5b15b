//! Backs the README's figures on checked citations: how well the check agrees with people, compared
//! with plain word overlap.
//!
//! `cargo bench --bench grounding [-- FOLDER]`: FOLDER holds an embedding model, default
//! `../shared/models/all-MiniLM-L6-v2`. For each bar it prints the share of replies that the check
//! `hold` would hold back: the supported ones are lost, the unsupported ones are its use. With
//! `--features` it prints the features on which the weights are fitted.

#[path = "../tests/it/grounded/measure.rs"]
mod measure;

use frontdesk::domain::Grounding;
use frontdesk::embed::Embedder;
use measure::{Labelled, MINI_LM, SETS, agreement, below, check, model, overlap, read};

/// The default threshold of a prompt file.
const THRESHOLD: f64 = 0.2;
/// The bars that are tried for `hold_below`. 0 holds back contradictions alone.
const BARS: [f32; 10] = [0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2];

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
            runtime.block_on(report_bars(set, &rows, None));
            if embedder.is_some() {
                runtime.block_on(report_bars(set, &rows, embedder.as_deref()));
            }
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

/// Prints the share of supported and of unsupported replies that each bar would hold back.
async fn report_bars(set: &str, rows: &[Labelled], embedder: Option<&dyn Embedder>) {
    let threshold = Grounding::default().threshold;
    let mut held = [[0_u32; 2]; BARS.len()];
    for row in rows {
        let check = check(row, embedder).await;
        let verdicts = check.verdicts(threshold);
        for (bar, counts) in BARS.iter().zip(&mut held) {
            counts[usize::from(row.supported)] += u32::from(check.held(&verdicts, *bar) > 0);
        }
    }
    let supported = rows.iter().filter(|row| row.supported).count();
    let how = if embedder.is_some() { "words and meaning" } else { "words" };
    for (bar, [wrong, right]) in BARS.iter().zip(held) {
        let (lost, found) = (percent(right, supported), percent(wrong, rows.len() - supported));
        println!(
            "{set:7} hold_below {bar:<5} {how:17} lost {lost:5.2}% of supported, holds {found:5.2}% of unsupported"
        );
    }
}

fn percent(part: u32, of: usize) -> f64 {
    100.0 * f64::from(part) / f64::from(u32::try_from(of).unwrap_or(u32::MAX).max(1))
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
