//! Detects the language that a customer writes or speaks, from his messages. Pure.

use frontdesk_language::{Lang, terms};

use super::bounds::truncate_to_limit;
use crate::domain::{Line, Question, Speaker, Turn, WaitingMessage};
use crate::text_cache::TextCache;

/// Maximum earlier messages of the customer that are read.
const NEAR: usize = 4;
/// Bytes of all languages that are kept: those of some 5,000 texts.
const MAX_BYTES: usize = 512 << 10;

/// The languages of texts, each detected once: passages and earlier messages come again, and a
/// question is read by several stages.
pub(crate) struct Languages {
    questions: TextCache<Option<&'static str>>,
    documents: TextCache<Option<Lang>>,
}

impl Default for Languages {
    fn default() -> Self {
        let (questions, documents) = (TextCache::new(MAX_BYTES, 16), TextCache::new(MAX_BYTES, 2));
        Self { questions, documents }
    }
}

impl Languages {
    /// Returns the language of a customer's words, as an ISO 639-1 code; `None` if uncertain.
    pub(crate) fn of_question(&self, text: &str) -> Option<&'static str> {
        self.questions.get_or_compute((text, 0), |_| 16, || frontdesk_language::language(text))
    }

    /// Returns the language of a longer text; `None` if it is too short or uncertain.
    pub(crate) fn of_document(&self, text: &str) -> Option<Lang> {
        self.documents.get_or_compute((text, 0), |_| 2, || terms::language(text))
    }
}

/// Returns the language of a question as an ISO 639-1 code: that of the speech, else of its words,
/// else of the customer's earlier messages, newest first. `None` if it cannot be detected.
pub(crate) fn language(question: &Question, history: &[Line], known: &Languages) -> Option<String> {
    let said = question.language.clone().filter(|code| !code.is_empty());
    let written = || question.has_words.then(|| known.of_question(&question.text)).flatten();
    let before = || customers(history).take(NEAR).find_map(|text| known.of_question(text));
    said.or_else(|| written().or_else(before).map(ToOwned::to_owned))
}

/// Returns the language in which the customer of a turn gets fixed texts: that of the question, else
/// of the agent's voice notes, else the first of its customers.
pub(crate) fn customers_language(
    turn: &Turn,
    question: &Question,
    known: &Languages,
) -> Option<String> {
    let agent = &turn.agent;
    language(question, &turn.history, known)
        .or_else(|| agent.voice.language.clone())
        .or_else(|| agent.languages.first().cloned())
}

/// Returns the language of a turn's customer where its messages were not put into one question.
pub fn language_of(turn: &Turn) -> Option<String> {
    let heard = |said: &WaitingMessage| said.transcript.clone();
    let heard: Vec<_> = turn.messages.iter().filter_map(heard).collect();
    let words = turn.messages.iter().filter_map(|said| said.content.words());
    let words =
        words.chain(heard.iter().map(|one| one.text.as_str())).collect::<Vec<_>>().join("\n");
    let language = heard.iter().find_map(|one| one.heard.language.clone());
    let text = truncate_to_limit(&words).to_owned();
    let question = Question { language, ..Question::written(text) };
    customers_language(turn, &question, &Languages::default())
}

/// Returns the customer's earlier messages, newest first.
pub(crate) fn customers(history: &[Line]) -> impl Iterator<Item = &str> {
    let customer = history.iter().rev().filter(|line| line.speaker == Speaker::Customer);
    customer.map(|line| line.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str, language: Option<&str>) -> Question {
        Question { language: language.map(Into::into), ..Question::written(text) }
    }

    fn said(speaker: Speaker, text: &str) -> Line {
        Line::new(speaker, text)
    }

    #[test]
    fn the_language_is_that_of_the_speech_the_words_or_the_conversation() {
        let before = [
            said(Speaker::Customer, "¿A qué hora abre la tienda los sábados?"),
            said(Speaker::Bot, "We open at nine on Saturdays."),
        ];
        let known = Languages::default();
        let told = |question: &Question| language(question, &before, &known);
        assert_eq!(told(&asked("When do you open?", Some("de"))).as_deref(), Some("de"));
        assert_eq!(told(&asked("When do you open?", None)).as_deref(), Some("en"));
        assert_eq!(told(&asked("iPhone 12", None)).as_deref(), Some("es"), "as before");
        assert_eq!(language(&asked("iPhone 12", None), &[], &known), None);
    }
}
