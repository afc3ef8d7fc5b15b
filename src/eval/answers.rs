//! Scores answers on questions with accepted facts: right, refused or wrong. The facts are looked
//! for in the reply as the customer gets it; no model grades.

use std::path::Path;

use frontdesk_language::fold::fold;
use frontdesk_promptfoo::result::SeenTurn;
use frontdesk_words::words;
use serde::{Deserialize, Serialize};

use super::dataset::json_lines;
use super::seen;
use crate::domain::TurnOutcome;

/// Separates the facts of a question in CSV.
const BETWEEN_FACTS: char = ';';
/// Separates the wordings of a fact.
const BETWEEN_WORDINGS: char = '|';

/// A question whose answer is known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownQuestion {
    /// The customer's message.
    pub question: String,
    /// The facts that a right answer states, each in one of its wordings, separated by `|`. Empty
    /// for a question that the documents do not answer.
    #[serde(default)]
    pub facts: Vec<String>,
}

words! {
    /// How an answer is scored.
    pub enum AnswerVerdict {
        /// It states every fact.
        Right = "right",
        /// Nothing was stated, and the documents do not answer.
        RightlyRefused = "rightly_refused",
        /// Nothing was stated, but the documents answer.
        Refused = "refused",
        /// A fact is missing, or the documents do not answer.
        Wrong = "wrong",
    }
}

/// A scored answer.
#[derive(Debug, Clone, Serialize)]
pub struct ScoredAnswer {
    /// The customer's message.
    pub question: String,
    /// The score.
    pub verdict: AnswerVerdict,
    /// What the customer got.
    pub reply: String,
    /// The facts that the reply lacks.
    pub missing: Vec<String>,
    /// Confidence of the retrieval, 0 to 1.
    pub confidence: f64,
}

/// Reads known questions: JSONL with `question` and `facts`, or CSV with these columns, where `;`
/// separates facts. The error names the file and, where there is one, the line.
pub fn read(file: &Path) -> Result<Vec<KnownQuestion>, String> {
    let is_csv = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let mut all = if is_csv { of_csv(file)? } else { json_lines::<KnownQuestion>(file)? };
    all.retain(|one| !one.question.trim().is_empty());
    match all.as_slice() {
        [] => Err(format!("{}: there is no question", file.display())),
        _ => Ok(all),
    }
}

fn of_csv(file: &Path) -> Result<Vec<KnownQuestion>, String> {
    let place = file.display();
    let wrong = |error: csv::Error| format!("{place}: {error}");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(file).map_err(wrong)?;
    let header = reader.headers().map_err(wrong)?.clone();
    let column = |name: &str| header.iter().position(|one| one.trim().eq_ignore_ascii_case(name));
    let (Some(question), Some(facts)) = (column("question"), column("facts")) else {
        return Err(format!(
            "{place}: the first line must name the columns `question` and `facts`"
        ));
    };
    let known = |row: csv::StringRecord| {
        let facts = row.get(facts).unwrap_or_default().split(BETWEEN_FACTS).map(str::trim);
        let facts = facts.filter(|fact| !fact.is_empty()).map(str::to_owned).collect();
        KnownQuestion { question: row.get(question).unwrap_or_default().to_owned(), facts }
    };
    reader.records().map(|row| row.map(known).map_err(wrong)).collect()
}

impl KnownQuestion {
    /// Scores the turn that answered it.
    pub fn score(&self, turn: &SeenTurn) -> ScoredAnswer {
        let reply = turn.bubbles.join("\n");
        let said = folded(&reply);
        let is_missing = |fact: &&String| !wordings(fact).any(|wording| holds(&said, &wording));
        let missing: Vec<String> = self.facts.iter().filter(is_missing).cloned().collect();
        let answered = seen::outcome(turn) == Some(TurnOutcome::Answer);
        let verdict = match (answered, self.facts.is_empty()) {
            (true, false) if missing.is_empty() => AnswerVerdict::Right,
            (true, _) => AnswerVerdict::Wrong,
            (false, true) => AnswerVerdict::RightlyRefused,
            (false, false) => AnswerVerdict::Refused,
        };
        let confidence = turn.trace.pointer("/retrieve/confidence");
        let confidence = confidence.and_then(serde_json::Value::as_f64).unwrap_or_default();
        ScoredAnswer { question: self.question.clone(), verdict, reply, missing, confidence }
    }
}

fn wordings(fact: &str) -> impl Iterator<Item = Vec<char>> {
    fact.split(BETWEEN_WORDINGS).map(folded).filter(|wording| !wording.is_empty())
}

/// Folds a text for comparison. An hour has no leading zero: `09:30` is `9:30`.
fn folded(text: &str) -> Vec<char> {
    let mut before = None;
    let mut letters = text.chars().peekable();
    let mut kept = String::with_capacity(text.len());
    while let Some(c) = letters.next() {
        let is_within =
            before.is_some_and(|c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | ':'));
        if c != '0' || is_within || !letters.peek().is_some_and(char::is_ascii_digit) {
            kept.push(c);
        }
        before = Some(c);
    }
    fold(&kept)
}

/// Whether a folded text holds a wording. A number must be whole: `12` is not in `120`; a word may
/// go on, as in other forms of it.
fn holds(said: &[char], wording: &[char]) -> bool {
    let goes_on = |next: Option<&char>, end: Option<&char>| {
        let is_digit = |c: Option<&char>| c.is_some_and(|c| c.is_numeric());
        is_digit(next) && is_digit(end)
    };
    let mut windows = said.windows(wording.len()).enumerate();
    windows.any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|before| said.get(before));
        window == wording
            && !goes_on(before, wording.first())
            && !goes_on(said.get(at + wording.len()), wording.last())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Owner;

    fn verdict(facts: &[&str], outcome: TurnOutcome, reply: &str) -> AnswerVerdict {
        let facts = facts.iter().map(|fact| (*fact).to_owned()).collect();
        let asked = KnownQuestion { question: "?".into(), facts };
        let turn = SeenTurn { bubbles: vec![reply.into()], ..seen::turn(outcome, Owner::Bot) };
        asked.score(&turn).verdict
    }

    #[test]
    fn an_answer_is_right_if_it_states_every_fact_in_one_of_its_wordings() {
        use TurnOutcome::{Answer, HandOver, NoAnswer};
        assert_eq!(verdict(&["9:30|half past nine"], Answer, "From 09:30."), AnswerVerdict::Right);
        assert_eq!(verdict(&["€12", "Tuesday"], Answer, "12 € on TUESDAYS"), AnswerVerdict::Right);
        assert_eq!(verdict(&["€12", "Tuesday"], Answer, "€12 on Monday"), AnswerVerdict::Wrong);
        assert_eq!(verdict(&["12"], Answer, "120 or 112"), AnswerVerdict::Wrong, "whole numbers");
        assert_eq!(verdict(&["São João"], Answer, "na Rua de Sao Joao"), AnswerVerdict::Right);
        assert_eq!(verdict(&["12"], NoAnswer, "I cannot find 12."), AnswerVerdict::Refused);
        assert_eq!(verdict(&[], NoAnswer, "I cannot find that."), AnswerVerdict::RightlyRefused);
        assert_eq!(verdict(&[], HandOver, "A colleague answers."), AnswerVerdict::RightlyRefused);
        assert_eq!(verdict(&[], Answer, "We sell boats."), AnswerVerdict::Wrong);
    }

    #[test]
    fn known_questions_are_read_from_both_formats() {
        let home = tempfile::tempdir().expect("a folder");
        let csv = home.path().join("own.CSV");
        std::fs::write(&csv, "question,facts\nWhen?,9:00|nine; Monday\nBoats?,\n,x\n")
            .expect("a file");
        let read_csv = read(&csv).expect("good");
        assert_eq!(read_csv[0].facts, ["9:00|nine", "Monday"]);
        assert_eq!((read_csv.len(), read_csv[1].facts.is_empty()), (2, true));
        let jsonl = home.path().join("own.jsonl");
        std::fs::write(
            &jsonl,
            "{\"question\":\"When?\",\"facts\":[\"9:00|nine\",\"Monday\"]}\n\n{\"question\":\"Boats?\"}\n",
        )
        .expect("a file");
        assert_eq!(read(&jsonl).expect("good"), read_csv);
        std::fs::write(&jsonl, "{\"question\":\"a\"}\n{\"fact\":1}\n").expect("a file");
        assert!(read(&jsonl).expect_err("a wrong key").contains("own.jsonl:2"));
        std::fs::write(&csv, "frage,fakten\n").expect("a file");
        assert!(read(&csv).expect_err("no columns").contains("`question` and `facts`"));
        assert!(read(&home.path().join("none.csv")).expect_err("no file").contains("none.csv"));
    }
}
