//! Curated answers as people write them: the phrasings of a question and its answer. Validates
//! them; does not know how questions are matched.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};

use super::offers::MarkedText;

/// Maximum number of phrasings of one answer.
pub const MAX_PHRASINGS: usize = 50;
/// Maximum length of a phrasing, in characters.
pub const MAX_PHRASING_LEN: usize = 500;
/// Maximum length of an answer, in characters; an answer is sent as at most five WhatsApp messages
/// of 4096.
pub const MAX_ANSWER_LEN: usize = 8000;

/// The content of a curated answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerContent {
    /// Phrasings of the question; not empty.
    pub phrasings: Vec<String>,
    /// The answer, Markdown.
    pub body: String,
    /// ISO 639-1 code of the customer's language that it is for; `None`: any.
    pub language: Option<String>,
    /// Whether it is in use.
    pub enabled: bool,
}

words! {
    /// State of a knowledge gap.
    pub enum GapState {
        /// Nothing answers it yet.
        Open = "open",
        /// A curated answer or the documents answer it now.
        Answered = "answered",
        /// Somebody decided that it gets no answer.
        Dismissed = "dismissed",
    }
}

impl AnswerContent {
    /// Trims all texts and removes duplicate phrasings. The error says what is invalid and how to
    /// correct it.
    pub fn tidied(mut self) -> Result<Self, String> {
        let mut phrasings: Vec<String> = Vec::new();
        for phrasing in self.phrasings {
            let phrasing = phrasing.trim().to_owned();
            if !phrasing.is_empty() && !phrasings.contains(&phrasing) {
                phrasings.push(phrasing);
            }
        }
        self.phrasings = phrasings;
        let body = self.body.trim().to_owned();
        self.body = body;
        self.language = self.language.map(|code| code.trim().to_lowercase());
        match self.wrong() {
            Some(why) => Err(why),
            None => Ok(self),
        }
    }

    fn wrong(&self) -> Option<String> {
        if self.phrasings.is_empty() {
            return Some("write at least one way in which customers put the question".into());
        }
        if self.phrasings.len() > MAX_PHRASINGS {
            let many = self.phrasings.len();
            return Some(format!("{many} phrasings are too many, {MAX_PHRASINGS} are the most"));
        }
        let wordless = |text: &&String| !text.chars().any(char::is_alphanumeric);
        if let Some(bad) = self.phrasings.iter().find(wordless) {
            return Some(format!("`{bad}` holds no word, write it as customers put the question"));
        }
        let long = |text: &&String| text.chars().count() > MAX_PHRASING_LEN;
        if let Some(bad) = self.phrasings.iter().find(long) {
            let start: String = bad.chars().take(40).collect();
            return Some(format!(
                "`{start}…` is too long for a question, {MAX_PHRASING_LEN} characters are the most"
            ));
        }
        if self.body.is_empty() {
            return Some("the answer is empty, write what the customer gets".into());
        }
        if self.body.chars().count() > MAX_ANSWER_LEN {
            return Some(format!("the answer is longer than {MAX_ANSWER_LEN} characters"));
        }
        if let Err(why) = MarkedText::of(&self.body).checked() {
            return Some(format!("the answer: {why}"));
        }
        let language = self.language.as_deref().filter(|code| !is_language(code))?;
        Some(format!("`{language}` is not a language's code, such as en, es or pt"))
    }
}

fn is_language(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curated(phrasings: &[&str], body: &str) -> AnswerContent {
        let phrasings = phrasings.iter().map(|&text| text.to_owned()).collect();
        AnswerContent { phrasings, body: body.into(), language: None, enabled: true }
    }

    #[test]
    fn stray_spaces_and_repeated_phrasings_go() {
        let tidy = curated(&[" When? ", "", "When?", "How?"], "\n At nine. ").tidied();
        assert_eq!(tidy, Ok(curated(&["When?", "How?"], "At nine.")));
    }

    #[test]
    fn what_cannot_be_an_answer_is_refused_with_what_to_do() {
        let refused = |one: AnswerContent, words: &str| {
            let why = one.tidied().expect_err(words);
            assert!(why.contains(words), "{why}");
        };
        refused(curated(&[], "x"), "at least one way");
        refused(curated(&["?!"], "x"), "holds no word");
        refused(curated(&[&"a".repeat(501)], "x"), "500 characters");
        refused(curated(&["a"], " "), "the answer is empty");
        refused(curated(&["a"], "[[file: Prices]]"), "nothing but marks");
        refused(curated(&["a"], "Here. [[file: Prices"), "not closed");
        refused(curated(&["a"], &"x".repeat(8001)), "8000");
        let many: Vec<String> = (0..51).map(|n| format!("q{n}")).collect();
        refused(curated(&many.iter().map(String::as_str).collect::<Vec<_>>(), "x"), "51 phrasings");
        refused(
            AnswerContent { language: Some("english".into()), ..curated(&["a"], "x") },
            "english",
        );
    }
}
