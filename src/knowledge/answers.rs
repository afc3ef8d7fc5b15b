//! Reads `answers.yaml`, the curated answers in a collection's folder. A file with any error is
//! refused whole, with the line: it never loads in part.

use serde::Deserialize;

use super::{Error, Library};
use crate::domain::offers::MarkedText;
use crate::domain::{AnswerContent, CollectionId};
use crate::provider::Abilities;
use crate::store::answers::{FileOutcome, MAX_ANSWERS};

const NAME: &str = "answers.yaml";
/// Maximum file size, in bytes.
const MAX_SIZE: usize = 4 << 20;

/// Whether a path within a collection is a file of curated answers.
pub(super) fn is_answers(path: &str) -> bool {
    path.rsplit(['/', '\\']).next().is_some_and(|name| name.eq_ignore_ascii_case(NAME))
}

/// One entry of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    ask: OneOrSeveral,
    answer: String,
    #[serde(default)]
    language: Option<String>,
    #[serde(default = "yes")]
    enabled: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

fn yes() -> bool {
    true
}

impl Library {
    /// Replaces a file's curated answers with its current ones. Returns whether they changed, or
    /// why the file was refused.
    pub(super) async fn learn_answers(
        &self,
        collection: &CollectionId,
        path: &str,
        bytes: &[u8],
    ) -> Result<Result<bool, String>, Error> {
        let answers = match parse(bytes) {
            Ok(answers) => answers,
            Err(why) => return Ok(Err(why)),
        };
        Ok(match self.store.answers_of_file(collection, path, answers).await? {
            FileOutcome::Changed => Ok(true),
            FileOutcome::Unchanged => Ok(false),
            FileOutcome::Full => Err(full()),
        })
    }
}

/// Says why a collection takes no more answers.
pub(super) fn full() -> String {
    format!(
        "a collection holds at most {MAX_ANSWERS} curated answers: remove some, or move some to another collection"
    )
}

/// Parses a file. The error says what is wrong, where, and what would be right.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<AnswerContent>, String> {
    if bytes.len() > MAX_SIZE {
        return Err(format!("the file is larger than {MAX_SIZE} bytes, divide it"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let entries: Vec<Entry> = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |at| at.line());
        let why = error.to_string();
        let why = why.lines().next().unwrap_or_default();
        format!("line {line}: {why}; each entry is `- ask: [..]` with `answer: ..`")
    })?;
    let curated = |(at, entry): (usize, Entry)| {
        let phrasings = match entry.ask {
            OneOrSeveral::One(one) => vec![one],
            OneOrSeveral::Several(several) => several,
        };
        let Entry { answer, language, enabled, .. } = entry;
        let curated = AnswerContent { phrasings, body: answer, language, enabled }.tidied();
        let checked = curated.and_then(|curated| fit(&curated).map(|()| curated));
        checked.map_err(|why| format!("entry {}: {why}", at + 1))
    };
    entries.into_iter().enumerate().map(curated).collect()
}

/// Checks the choices of an answer.
fn fit(curated: &AnswerContent) -> Result<(), String> {
    let labels = MarkedText::of(&curated.body).marks.choices;
    if labels.is_empty() {
        return Ok(());
    }
    Abilities::offer(labels, "?").map_err(|unfit| format!("the choices: {unfit}")).map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_of_answers_is_read() {
        let file = "- ask: When do you open?\n  answer: At nine.\n- ask:\n    - Do you ship abroad?\n    - International shipping?\n  answer: |\n    Yes.\n\n    Within Europe.\n  language: en\n  enabled: false\n";
        let read = parse(file.as_bytes()).expect("a good file");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].phrasings, ["When do you open?"]);
        assert!(read[0].enabled && !read[1].enabled);
        assert_eq!((read[1].phrasings.len(), read[1].body.as_str()), (2, "Yes.\n\nWithin Europe."));
        assert_eq!(parse(b" \n"), Ok(Vec::new()));
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_place() {
        let refused = |file: &str, words: &str| {
            let why = parse(file.as_bytes()).expect_err(file);
            assert!(why.contains(words), "{file:?}: {why}");
        };
        refused("- ask: When?\n  anser: x\n", "line 2");
        refused("- ask: When?\n", "answer");
        refused(
            "- ask: When?\n  answer: x\n- ask: []\n  answer: y\n",
            "entry 2: write at least one way",
        );
        refused("ask: When?\nanswer: x\n", "each entry is");
        refused("- ask: When?\n  answer: 'x [[choices: A | A]]'\n", "called `A`");
        refused("- ask: When?\n  answer: 'x [[file: A'\n", "not closed");
        refused("- ask: [\n", "line");
        assert!(parse(&[0xff, 0xfe, 0x00]).is_err());
    }

    #[test]
    fn only_files_of_that_name_hold_answers() {
        assert!(is_answers("answers.yaml") && is_answers("faq/Answers.YAML"));
        assert!(!is_answers("our-answers.yaml") && !is_answers("answers.md"));
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[-a-z:\\[\\]{}&*!|> \n]{0,80}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
