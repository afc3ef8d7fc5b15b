//! Retrieval datasets: texts, questions and relevance labels, read from BEIR folders or from a list
//! of a business's own questions. Must not measure anything.
//!
//! A folder holds `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`) and
//! `qrels/test.tsv` (query, text, label; a header line). The optional `unanswerable.jsonl`, in the
//! format of the queries, holds questions that no text answers. See
//! <https://github.com/beir-cellar/beir>.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::rank::Relevance;

/// A text of the corpus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Text {
    /// The text's id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The title; may be empty.
    #[serde(default)]
    pub title: String,
    /// The text itself.
    pub text: String,
}

/// A question with its relevant texts.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetQuestion {
    /// The question's id.
    pub id: String,
    /// The question.
    pub text: String,
    /// The relevant texts or documents; empty when there are none.
    pub relevant: Relevance,
}

/// Texts and questions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dataset {
    /// The corpus; empty when the questions are about a collection of the desk.
    pub texts: Vec<Text>,
    /// Questions with an answer.
    pub questions: Vec<DatasetQuestion>,
    /// Questions without an answer.
    pub unanswerable: Vec<DatasetQuestion>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

impl Dataset {
    /// Reads a BEIR folder. The error names the file and, where there is one, the line.
    pub fn beir(folder: &Path) -> Result<Self, String> {
        let texts: Vec<Text> = json_lines(&folder.join("corpus.jsonl"))?;
        let labels = labels(&folder.join("qrels/test.tsv"))?;
        let asked: Vec<Line> = json_lines(&folder.join("queries.jsonl"))?;
        let questions: Vec<DatasetQuestion> = asked
            .into_iter()
            .filter_map(|line| {
                let relevant = labels.get(&line.id)?.clone();
                Some(DatasetQuestion { id: line.id, text: line.text, relevant })
            })
            .collect();
        if questions.is_empty() {
            return Err(format!("{}: no question has a label in qrels/test.tsv", folder.display()));
        }
        let none = folder.join("unanswerable.jsonl");
        let unanswerable = if none.exists() { questions_of(&none)? } else { Vec::new() };
        Ok(Self { texts, questions, unanswerable })
    }

    /// Reads a business's own questions: CSV with the columns `question` and `document` (the
    /// document's path in its collection; several are separated by `;`, none means that nothing
    /// answers the question).
    pub fn from_csv(file: &Path) -> Result<Self, String> {
        let place = file.display();
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_path(file)
            .map_err(|e| format!("{place}: {e}"))?;
        let header = reader.headers().map_err(|e| format!("{place}: {e}"))?.clone();
        let columns = (column(&header, "question"), column(&header, "document"));
        let (Some(question), Some(document)) = columns else {
            return Err(format!(
                "{place}: the first line must name the columns `question` and `document`"
            ));
        };
        let mut own = Self::default();
        for (number, row) in (2..).zip(reader.records()) {
            let row = row.map_err(|error| format!("{place}:{number}: {error}"))?;
            let text = row.get(question).unwrap_or_default().trim().to_owned();
            if text.is_empty() {
                continue;
            }
            let named = row.get(document).unwrap_or_default().split(';').map(str::trim);
            let relevant: Relevance =
                named.filter(|name| !name.is_empty()).map(|name| (name.to_owned(), 1.0)).collect();
            let asked = DatasetQuestion { id: number.to_string(), text, relevant };
            if asked.relevant.is_empty() {
                own.unanswerable.push(asked);
            } else {
                own.questions.push(asked);
            }
        }
        if own.questions.is_empty() {
            return Err(format!("{place}: no line has both a question and its document"));
        }
        Ok(own)
    }
}

impl Dataset {
    /// Adds questions without an answer: `.jsonl` with `text` in each line, or else one question
    /// per line.
    pub fn add_unanswerable(&mut self, file: &Path) -> Result<(), String> {
        self.unanswerable.extend(questions_of(file)?);
        Ok(())
    }
}

/// Reads questions without an answer: `.jsonl` with `text` (or `question`, `sentence`), or else one
/// per line.
fn questions_of(file: &Path) -> Result<Vec<DatasetQuestion>, String> {
    #[derive(Deserialize)]
    struct Loose {
        #[serde(alias = "question", alias = "sentence")]
        text: String,
    }
    let is_json = file.extension().is_some_and(|ending| ending == "jsonl");
    let texts: Vec<String> = if is_json {
        json_lines::<Loose>(file)?.into_iter().map(|line| line.text).collect()
    } else {
        read(file)?
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let asked = |(number, text): (usize, String)| DatasetQuestion {
        id: number.to_string(),
        text,
        relevant: Relevance::new(),
    };
    Ok(texts.into_iter().enumerate().map(asked).collect())
}

/// The place of a column in a header.
pub(super) fn column(header: &csv::StringRecord, name: &str) -> Option<usize> {
    header.iter().position(|one| one.trim().eq_ignore_ascii_case(name))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

pub(super) fn json_lines<T: DeserializeOwned>(file: &Path) -> Result<Vec<T>, String> {
    let text = read(file)?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line)
                .map_err(|error| format!("{}:{number}: {error}", file.display()))
        })
        .collect()
}

/// Reads the relevance labels of each question.
fn labels(file: &Path) -> Result<HashMap<String, Relevance>, String> {
    let text = read(file)?;
    let mut labels: HashMap<String, Relevance> = HashMap::new();
    for (number, line) in (1..).zip(text.lines()).skip(1).filter(|(_, line)| !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let label = fields.get(2).and_then(|label| label.trim().parse::<f64>().ok());
        let (Some(question), Some(text), Some(label)) = (fields.first(), fields.get(1), label)
        else {
            return Err(format!(
                "{}:{number}: three fields are wanted, query, text and label, with tabs between",
                file.display()
            ));
        };
        if label > 0.0 {
            labels.entry((*question).to_owned()).or_default().insert((*text).to_owned(), label);
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        home
    }

    const CORPUS: (&str, &str) =
        ("corpus.jsonl", "{\"_id\":\"a\",\"title\":\"T\",\"text\":\"x\"}\n");
    const QUERIES: (&str, &str) =
        ("queries.jsonl", "{\"_id\":\"1\",\"text\":\"x?\"}\n{\"_id\":\"2\",\"text\":\"y?\"}\n");

    #[test]
    fn a_folder_is_read_and_questions_without_a_label_are_left_out() {
        let qrels = ("qrels/test.tsv", "q\tt\tscore\n1\ta\t1\n2\ta\t0\n");
        let none = ("unanswerable.jsonl", "{\"_id\":\"9\",\"text\":\"z?\"}\n");
        let home = folder(&[CORPUS, QUERIES, qrels, none]);
        let read = Dataset::beir(home.path()).expect("a good folder");
        assert_eq!((read.texts.len(), read.questions.len(), read.unanswerable.len()), (1, 1, 1));
        assert_eq!(read.questions[0].relevant, Relevance::from([("a".to_owned(), 1.0)]));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (files, word) in [
            (&[QUERIES][..], "corpus.jsonl"),
            (&[CORPUS, QUERIES], "test.tsv"),
            (&[CORPUS, QUERIES, ("qrels/test.tsv", "h\n1 a 1\n")], "test.tsv:2: three fields"),
            (&[("corpus.jsonl", "{}\n"), QUERIES], "corpus.jsonl:1"),
            (&[CORPUS, QUERIES, ("qrels/test.tsv", "h\n7\ta\t1\n")], "no question"),
        ] {
            let home = folder(files);
            let told = Dataset::beir(home.path()).expect_err(word);
            assert!(told.contains(word), "{told}");
        }
    }

    #[test]
    fn own_questions_name_their_documents() {
        let home = folder(&[(
            "own.csv",
            "question,document\nWhen?,hours.md\n\"How, and where?\",a.md; b.md\nWhy?,\n,c.md\n",
        )]);
        let own = Dataset::from_csv(&home.path().join("own.csv")).expect("a good file");
        assert_eq!((own.questions.len(), own.unanswerable.len()), (2, 1));
        assert_eq!(own.questions[1].relevant.len(), 2);
        let wrong = folder(&[("own.csv", "frage,datei\nWann?,a.md\n")]);
        let told = Dataset::from_csv(&wrong.path().join("own.csv")).expect_err("no columns");
        assert!(told.contains("`question` and `document`"), "{told}");
    }
}
