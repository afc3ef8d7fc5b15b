//! Detects the language that a customer writes or speaks, from his messages. Pure.

use crate::domain::{Line, Question, Speaker};

/// Maximum earlier messages of the customer that are read.
const NEAR: usize = 4;

/// Returns the language of a question as an ISO 639-1 code: that of the speech, else of its words,
/// else of the customer's earlier messages, newest first. `None` if it cannot be detected.
pub(crate) fn language(question: &Question, history: &[Line]) -> Option<String> {
    let said = question.language.clone().filter(|code| !code.is_empty());
    let written = || frontdesk_language::language(&question.text);
    let before = || customers(history).take(NEAR).find_map(frontdesk_language::language);
    said.or_else(|| written().or_else(before).map(ToOwned::to_owned))
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
        Question { text: text.into(), language: language.map(Into::into), spoken: false }
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
        let told = |question: &Question| language(question, &before);
        assert_eq!(told(&asked("When do you open?", Some("de"))).as_deref(), Some("de"));
        assert_eq!(told(&asked("When do you open?", None)).as_deref(), Some("en"));
        assert_eq!(told(&asked("iPhone 12", None)).as_deref(), Some("es"), "as before");
        assert_eq!(language(&asked("iPhone 12", None), &[]), None);
    }
}
