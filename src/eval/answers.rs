//! Scores answers on questions with accepted facts: right, refused or wrong. The facts are looked
//! for in the reply as the customer gets it; no model grades.

use std::path::Path;

use frontdesk_language::fold::fold;
use frontdesk_promptfoo::result::SeenTurn;
use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dataset::{column, json_lines};
use super::reliability::Prediction;
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
        /// Nothing was stated, but one of the choices that the reply offers leads to every fact.
        Offered = "offered",
        /// Nothing was stated, but the documents answer.
        Refused = "refused",
        /// A fact is missing, or the documents do not answer.
        Wrong = "wrong",
        /// It could not be made, or the documents were quoted because the model failed.
        Failed = "failed",
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
    /// Probability that the documents found hold the answer, 0 to 1.
    pub confidence: f64,
}

/// Reads known questions: JSONL with `question` and `facts`, or CSV with these columns, where `;`
/// separates facts. The error names the file and, where there is one, the line.
pub fn read(file: &Path) -> Result<Vec<KnownQuestion>, String> {
    let is_csv = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let mut all = if is_csv { of_csv(file)? } else { json_lines::<KnownQuestion>(file)? };
    all.retain(|one| !one.question.trim().is_empty());
    let is_empty = |fact: &&String| wordings(fact).next().is_none();
    let empty = all.iter().find_map(|one| Some((one, one.facts.iter().find(is_empty)?)));
    match (empty, all.as_slice()) {
        (Some((one, fact)), _) => Err(format!(
            "{}: the fact `{fact}` of `{}` has no letter or digit",
            file.display(),
            one.question
        )),
        (None, []) => Err(format!("{}: there is no question", file.display())),
        (None, _) => Ok(all),
    }
}

fn of_csv(file: &Path) -> Result<Vec<KnownQuestion>, String> {
    let place = file.display();
    let wrong = |error: csv::Error| format!("{place}: {error}");
    // A row with more or fewer fields has a comma that is not quoted.
    let mut reader = csv::Reader::from_path(file).map_err(wrong)?;
    let header = reader.headers().map_err(wrong)?.clone();
    let columns = (column(&header, "question"), column(&header, "facts"));
    let (Some(question), Some(facts)) = columns else {
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
        let stands_in = turn.trace.pointer("/reply/stand_in").is_some_and(Value::is_string);
        let answers = !self.facts.is_empty();
        let verdict = match seen::outcome(turn) {
            _ if stands_in => AnswerVerdict::Failed,
            Some(TurnOutcome::Failure) => AnswerVerdict::Failed,
            Some(TurnOutcome::Answer) if answers && missing.is_empty() => AnswerVerdict::Right,
            Some(TurnOutcome::Answer) => AnswerVerdict::Wrong,
            _ if answers => AnswerVerdict::Refused,
            _ => AnswerVerdict::RightlyRefused,
        };
        let confidence = turn.trace.pointer("/retrieve/confidence");
        let confidence = confidence.and_then(Value::as_f64).unwrap_or_default();
        ScoredAnswer { question: self.question.clone(), verdict, reply, missing, confidence }
    }
}

impl ScoredAnswer {
    /// Returns its confidence beside whether it is right; `None` if nothing was stated.
    pub fn prediction(&self) -> Option<Prediction> {
        let is_true = match self.verdict {
            AnswerVerdict::Right => true,
            AnswerVerdict::Wrong => false,
            _ => return None,
        };
        Some(Prediction { said: self.confidence, is_true, weight: 1.0 })
    }
}

/// Returns the numbers of the choices that a reply offers.
pub fn choices(reply: &str) -> Vec<String> {
    let number = |(number, line): (usize, &str)| {
        let begins = line.starts_with(&format!("{number}. "));
        begins.then(|| number.to_string())
    };
    let list = reply.lines().skip_while(|line| !line.starts_with("1. "));
    (1..).zip(list).map_while(number).collect()
}

fn wordings(fact: &str) -> impl Iterator<Item = Vec<char>> {
    fact.split(BETWEEN_WORDINGS).map(folded).filter(|wording| !wording.is_empty())
}

/// Stands for a decimal point or comma in folded texts, and for the sign between hours and minutes.
const POINT: char = '\u{02D1}';
const HOUR: char = 'h';

/// Folds a text for comparison. A number stays one word, `4.50` and `4,50` the same; an hour has no
/// leading zero: `09:30` is `9:30`.
fn folded(text: &str) -> Vec<char> {
    let letters: Vec<char> = text.chars().collect();
    let is_digit =
        |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|c| c.is_numeric());
    let mut kept = String::with_capacity(text.len());
    for (at, c) in letters.iter().enumerate() {
        let (before, after) = (at.checked_sub(1), Some(at + 1));
        let within = is_digit(before) && is_digit(after);
        let begins =
            !before.is_some_and(|at| letters[at].is_alphanumeric() || ".,:".contains(letters[at]));
        match c {
            '.' | ',' if within => kept.push(POINT),
            ':' if within => kept.push(HOUR),
            '0' if begins && is_digit(after) => {}
            c => kept.push(*c),
        }
    }
    fold(&kept)
}

/// Whether a folded text holds a wording. A number must be whole: `12` is not in `120` or `12.50`. A
/// Latin word begins with a word, and may go on, as in other forms of it.
fn holds(said: &[char], wording: &[char]) -> bool {
    let is_digit = |c: Option<&char>| c.is_some_and(|c| c.is_numeric());
    let is_latin = |c: Option<&char>| c.is_some_and(char::is_ascii_alphabetic);
    let is_sign = |c: Option<&char>| c.is_some_and(|c| [POINT, HOUR].contains(c));
    let begins = |at: usize| {
        let before = |steps: usize| at.checked_sub(steps).and_then(|at| said.get(at));
        let in_number = is_digit(before(1)) || is_sign(before(1)) && is_digit(before(2));
        let in_word = is_latin(wording.first()) && is_latin(before(1));
        !(in_word || is_digit(wording.first()) && in_number)
    };
    let ends = |at: usize| {
        let in_number =
            is_digit(said.get(at)) || is_sign(said.get(at)) && is_digit(said.get(at + 1));
        !(is_digit(wording.last()) && in_number)
    };
    let mut windows = said.windows(wording.len()).enumerate();
    windows.any(|(at, window)| window == wording && begins(at) && ends(at + wording.len()))
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
    fn choices_are_the_numbers_of_the_list() {
        assert_eq!(choices("I do not know.\n\nThese?\n1. Prices\n2. Hours\n\n3. x"), ["1", "2"]);
        assert_eq!(choices("We open at\n2. May"), Vec::<String>::new());
    }

    #[test]
    fn an_answer_is_right_if_it_states_every_fact_in_one_of_its_wordings() {
        use TurnOutcome::{Answer, HandOver, NoAnswer};
        assert_eq!(verdict(&["9:30|half past nine"], Answer, "From 09:30."), AnswerVerdict::Right);
        assert_eq!(verdict(&["€12", "Tuesday"], Answer, "12 € on TUESDAYS"), AnswerVerdict::Right);
        assert_eq!(verdict(&["€12", "Tuesday"], Answer, "€12 on Monday"), AnswerVerdict::Wrong);
        let other = "120, 112, 12.50, 3,12 or 12:30";
        assert_eq!(verdict(&["30"], Answer, "30x40 cm"), AnswerVerdict::Right);
        assert_eq!(verdict(&["12"], Answer, other), AnswerVerdict::Wrong, "whole numbers");
        assert_eq!(verdict(&["4.50", "12"], Answer, "12kg: 4,50 €"), AnswerVerdict::Right);
        assert_eq!(verdict(&["12h30"], Answer, "às 12:30."), AnswerVerdict::Right);
        assert_eq!(verdict(&["no"], Answer, "We know."), AnswerVerdict::Wrong, "whole words");
        assert_eq!(verdict(&["السبت"], Answer, "والسبت"), AnswerVerdict::Right, "and Saturday");
        assert_eq!(verdict(&["São João"], Answer, "na Rua de Sao Joao"), AnswerVerdict::Right);
        assert_eq!(verdict(&["12"], NoAnswer, "I cannot find 12."), AnswerVerdict::Refused);
        assert_eq!(verdict(&[], NoAnswer, "I cannot find that."), AnswerVerdict::RightlyRefused);
        assert_eq!(verdict(&[], HandOver, "A colleague answers."), AnswerVerdict::RightlyRefused);
        assert_eq!(verdict(&[], Answer, "We sell boats."), AnswerVerdict::Wrong);
        assert_eq!(verdict(&[], TurnOutcome::Failure, "Sorry."), AnswerVerdict::Failed);
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
        for (wrong, told) in [("When?,9:00,nine", "3 fields"), ("When?,€", "`€`")] {
            std::fs::write(&csv, format!("question,facts\n{wrong}\n")).expect("a file");
            let error = read(&csv).expect_err(told);
            assert!(error.contains(told), "{error}");
        }
        std::fs::write(&csv, "frage,fakten\n").expect("a file");
        assert!(read(&csv).expect_err("no columns").contains("`question` and `facts`"));
        assert!(read(&home.path().join("none.csv")).expect_err("no file").contains("none.csv"));
    }
}
