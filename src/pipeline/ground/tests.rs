//! Test support: the behaviour of the check of citations on made-up passages of a shop, and the features of which its
//! weights were learned.

use std::path::Path;

use super::*;

/// Prints the mean features of each reply of the shared data with its label, by which the weights in `score.rs` were
/// fitted: `cargo test --lib -- ground::tests::features --ignored --nocapture`.
#[test]
#[ignore = "prints; it checks nothing"]
fn features() {
    let shared = std::env::var("FRONTDESK_SHARED").unwrap_or_else(|_| "../shared".into());
    for (set, file) in [("begin", "begin/dev"), ("q2", "q2-wow/cross"), ("wice", "wice/dev")] {
        let path = Path::new(&shared).join(format!("data/grounded/{file}.jsonl"));
        let Ok(text) = std::fs::read_to_string(&path) else {
            return println!("skipped: no shared data");
        };
        for line in text.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let of = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let (reply, passages) = (of("response"), [of("knowledge")]);
            let check = Check::read(&Material {
                reply: &reply,
                marks: &[],
                passages: &passages,
                known: &[],
            });
            let mut sum = [0.0_f32; 7];
            let mut words = 0.0;
            for one in check.weighed.iter().filter(|one| one.claimed.is_ok()) {
                let weight = to_f32(one.features.words);
                words += weight;
                for (sum, x) in sum.iter_mut().zip(one.features.numbers()) {
                    *sum += x * weight;
                }
            }
            let mean: Vec<String> =
                sum.iter().map(|x| format!("{:.5}", x / f32::max(words, 1.0))).collect();
            println!("TSV\t{set}\t{}\t{}\t{words}\t{}", of("id"), row["label"], mean.join("\t"));
        }
    }
}
