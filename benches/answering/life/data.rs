//! Real questions and answers of the shared data, read in place: what the desk learns, and what
//! its customers ask.

use std::path::PathBuf;
use std::time::Duration;

use frontdesk_doctext::{chunk, extract};
use serde::Deserialize;

/// The sets whose entries are the shop's FAQ, and whose questions its customers ask.
const SETS: [&str; 2] = ["stackfaq-threads", "covidfaq"];
/// Time limit for reading the rows, which takes milliseconds.
const LONGEST: Duration = Duration::from_mins(1);

/// A business's FAQ and the questions of its customers.
pub(crate) struct Data {
    /// The FAQ as a CSV file with the columns `question` and `answer`.
    pub(crate) csv: String,
    /// Number of its rows.
    pub(crate) rows: usize,
    /// The same as the desk cuts it, by the same code.
    pub(crate) passages: Vec<Passage>,
    /// Questions as asked, by set: a conversation stays within one.
    pub(crate) questions: [Vec<String>; 2],
}

/// A passage of the FAQ.
pub(crate) struct Passage {
    /// The question it answers.
    pub(crate) heading: String,
    /// The answer, or a part of it.
    pub(crate) body: String,
}

#[derive(Deserialize)]
struct Entry {
    title: String,
    text: String,
}

#[derive(Deserialize)]
struct Asked {
    text: String,
}

impl Data {
    /// Reads the sets; `None` without the shared data.
    pub(crate) fn read() -> Option<Self> {
        let mut entries: Vec<Entry> = lines(SETS[0], "corpus")?;
        entries.extend(lines::<Entry>(SETS[1], "corpus")?);
        let questions = |set| Some(texts(lines::<Asked>(set, "queries")?));
        let questions = [questions(SETS[0])?, questions(SETS[1])?];
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["question", "answer"]).expect("memory");
        for Entry { title, text } in &entries {
            csv.write_record([title, text]).expect("memory");
        }
        let csv = String::from_utf8(csv.into_inner().expect("memory")).expect("UTF-8");
        let passages = passages(&csv);
        Some(Self { rows: entries.len(), passages, csv, questions })
    }
}

fn passages(csv: &str) -> Vec<Passage> {
    let read = extract::extract_within("faq.csv", csv.as_bytes(), LONGEST).expect("a CSV file");
    let pieces = chunk::chunk(&read, &chunk::Settings::default());
    pieces.into_iter().map(|piece| Passage { heading: piece.heading, body: piece.body }).collect()
}

/// Returns the distinct questions in their order.
fn texts(asked: Vec<Asked>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let texts = asked.into_iter().map(|one| one.text.trim().to_owned());
    texts.filter(|text| seen.insert(text.to_lowercase())).collect()
}

fn lines<T: for<'a> Deserialize<'a>>(set: &str, name: &str) -> Option<Vec<T>> {
    let root = std::env::var("FRONTDESK_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned());
    let path = PathBuf::from(root).join("data/retrieval").join(set).join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect())
}
