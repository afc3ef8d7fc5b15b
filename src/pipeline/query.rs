//! Part of stage 4: what a question is searched as. Tells its language. Pure: it searches nothing and asks nobody.

use crate::domain::{Line, Question, Speaker};
use crate::index;

/// The language of a question as an ISO 639-1 code: that of the speech, else that of its words, else that of what the
/// customer said before, the newest first. `None` where nobody can tell.
pub(crate) fn language(question: &Question, history: &[Line]) -> Option<String> {
    let said = question.language.clone().filter(|code| !code.is_empty());
    let written = || index::language(&question.text);
    let before = || {
        let customer = history.iter().rev().filter(|line| line.speaker == Speaker::Customer);
        customer.take(NEAR).find_map(|line| index::language(&line.text))
    };
    said.or_else(|| written().or_else(before).map(ToOwned::to_owned))
}

/// How many earlier messages of the customer may tell his language.
const NEAR: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str, language: Option<&str>) -> Question {
        Question { text: text.into(), language: language.map(Into::into), spoken: false }
    }

    fn said(speaker: Speaker, text: &str) -> Line {
        Line { speaker, text: text.into() }
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
        assert_eq!(
            told(&asked("iPhone 12", None)).as_deref(),
            Some("es"),
            "as the customer before"
        );
        assert_eq!(language(&asked("iPhone 12", None), &[]), None);
    }
}
