//! Both adapters rank the same chunks first on the shared data. Skipped without it.

use std::path::{Path, PathBuf};

use frontdesk::index::{Hit, Query, Settings};
use serde_json::Value;

use super::{Pair, Server, col, entry, ids};

/// Number of questions from each data set.
const QUESTIONS: usize = 120;

fn data(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/retrieval").join(name);
    if !root.is_dir() {
        println!("skipped: no {}", root.display());
        return None;
    }
    Some(root)
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or_default()
}

/// Returns a substitute for an embedding: the sum of one pseudo-random vector per word.
fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; 48];
    for word in text.to_lowercase().split_whitespace() {
        let mut state = word
            .bytes()
            .fold(7_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        for number in &mut vector {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *number += f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0;
        }
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    for x in &mut vector {
        *x /= length;
    }
    vector
}

async fn compare(name: &str) {
    let Some(root) = data(name) else { return };
    let server = Server::any().await;
    let memory = Settings::Memory {}.build(None).unwrap();
    let pair = Pair { memory, ..Pair::new(&server) };
    for line in lines(&root.join("corpus.jsonl")) {
        let (id, body) =
            (text(&line, "_id"), format!("{}\n{}", text(&line, "title"), text(&line, "text")));
        pair.replace("col", id, vec![entry(id, &body, Some(vector(&body)))]).await;
    }
    let queries = lines(&root.join("queries.jsonl"));
    let step = (queries.len() / QUESTIONS).max(1);
    let (mut same, mut asked, mut farthest) = ([0; 3], 0, 0.0_f32);
    for line in queries.iter().step_by(step) {
        let (question, collections) = (text(line, "text"), [col("col")]);
        let vector = vector(question);
        let query = Query {
            collections: &collections,
            text: question,
            language: frontdesk_language::language(question),
            vector: Some(&vector),
            limit: 10,
        };
        let one = pair.memory.search(&query).await.unwrap();
        let other = pair.qdrant.search(&query).await.unwrap();
        asked += 1;
        let legs =
            [(&one.dense, &other.dense), (&one.bm25, &other.bm25), (&one.ngram, &other.ngram)];
        for (leg, (one, other)) in legs.into_iter().enumerate() {
            let first = |hits: &[Hit]| -> Vec<String> {
                ids(hits).into_iter().take(10).map(str::to_owned).collect()
            };
            if first(one) == first(other) {
                same[leg] += 1;
            }
            for (one, other) in one.iter().zip(other).take(10) {
                farthest = farthest.max((one.score - other.score).abs());
            }
        }
    }
    println!(
        "{name}: of {asked} questions the same first ten: dense, bm25, ngram {same:?}; scores differ by {farthest:e} at most"
    );
    for same in same {
        assert!(same * 100 >= asked * 99, "{same} of {asked}");
    }
    assert!(farthest < 1e-4);
    server.clean().await;
}

#[tokio::test]
async fn spanish_paragraphs_are_ranked_alike() {
    compare("xquad-es").await;
}

#[tokio::test]
async fn threads_of_questions_are_ranked_alike() {
    compare("stackfaq-threads").await;
}
