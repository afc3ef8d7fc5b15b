//! Choices below a reply: what they are sent as, and which one an answer means. Pure.

use frontdesk_language::digit;

use crate::domain::offers::folded;
use crate::domain::{Choices, Content, Line, Speaker};
use crate::provider::Abilities;

/// Maximum digits of the number of a choice.
const MAX_DIGITS: usize = 2;

/// Returns the digits of a text that is the number of a choice, such as `2.` or a keycap.
pub(super) fn number(text: &str) -> Option<Vec<u32>> {
    let text = text.trim().trim_end_matches(['.', ')', '\u{FE0F}', '\u{20E3}']);
    let digits = text.chars().map(digit).collect::<Option<Vec<u32>>>();
    digits.filter(|digits| (1..=MAX_DIGITS).contains(&digits.len()))
}

/// Returns the label of the choice that an answer to a message of the business means: by the label
/// itself, or by its number. A label that is a number is meant itself.
pub(super) fn chosen(offered: &Line, answer: &str) -> Option<String> {
    if offered.speaker == Speaker::Customer {
        return None;
    }
    let at = number(answer).map(|digits| digits.iter().fold(0, |sum, digit| sum * 10 + digit));
    let by_number =
        at.and_then(|at| offered.choices.get(usize::try_from(at).ok()?.checked_sub(1)?));
    let said = folded(answer);
    let by_label = offered.choices.iter().find(|label| !said.is_empty() && folded(label) == said);
    by_label.or(by_number).cloned()
}

/// Returns the choices below a text: as buttons if they fit, else as a list, else as text.
pub(super) fn below(text: &str, choices: &Choices) -> Content {
    let list = Choices { body: text.to_owned(), ..choices.clone() }.worded();
    let buttons = Choices { list: None, ..list.clone() };
    let fits = |choices: &Content| Abilities::WHATSAPP.check(choices).is_ok();
    let fitting = [buttons, list.clone()].map(Content::Choices).into_iter().find(fits);
    fitting.unwrap_or(Content::Text { body: list.text })
}

/// Returns the labels of the choices at the end of a bot's text, as [`Choices`] writes them.
pub fn read_back(text: &str) -> Vec<String> {
    let lines = text.rsplit("\n\n").next().unwrap_or_default().lines();
    let label = |(number, line): (usize, &str)| {
        line.strip_prefix(&format!("{number}. ")).map(str::to_owned)
    };
    (1..).zip(lines).map(label).collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_label_is_the_choice_that_was_offered_last() {
        let choices = ["Small", "Extra large", "Huge"].map(str::to_owned).to_vec();
        let of = |speaker| Line { choices: choices.clone(), ..Line::new(speaker, "Which?") };
        for (answer, wanted) in [
            ("1", Some("Small")),
            (" 2. ", Some("Extra large")),
            ("2\u{FE0F}\u{20E3}", Some("Extra large")),
            ("٢", Some("Extra large")),
            ("extra  LARGE!", Some("Extra large")),
            ("0", None),
            ("4", None),
            ("1 bike", None),
            ("?", None),
            ("", None),
        ] {
            for speaker in [Speaker::Bot, Speaker::Person] {
                assert_eq!(chosen(&of(speaker), answer).as_deref(), wanted, "{answer}");
            }
            assert_eq!(chosen(&of(Speaker::Customer), answer), None);
        }
        assert_eq!(chosen(&Line::new(Speaker::Bot, "1. Small"), "1"), None, "no choices");
        let guests = ["2", "4", "6"].map(str::to_owned).to_vec();
        let guests = Line { choices: guests, ..Line::new(Speaker::Bot, "How many guests?") };
        assert_eq!(chosen(&guests, "2").as_deref(), Some("2"), "it is the label");
        assert_eq!(chosen(&guests, "3").as_deref(), Some("6"), "the third one");
    }

    #[test]
    fn a_model_s_choices_are_buttons_a_list_or_left_out() {
        let labels = |many: usize| (1..=many).map(|n| format!("Size {n}")).collect::<Vec<_>>();
        let offer = |labels| Abilities::offer(labels, "Options");
        let sent = |many, text: &str| below(text, &offer(labels(many)).unwrap());
        let Content::Choices(buttons) = sent(2, "Which?") else { panic!() };
        assert_eq!((buttons.list, &*buttons.text), (None, "Which?\n\n1. Size 1\n2. Size 2"));
        for list in [sent(4, "Which?"), sent(2, &"x".repeat(1025))] {
            let Content::Choices(list) = list else { panic!("{list:?}") };
            assert_eq!(list.list.as_deref(), Some("Options"));
        }
        for wrong in [labels(11), vec!["x".repeat(25)], vec!["A".into(), "a".into()]] {
            assert!(offer(wrong).is_err());
        }
    }

    #[test]
    fn choices_are_read_back_from_a_text() {
        assert_eq!(read_back("We have two.\n\n1. Small\n2. Extra large"), ["Small", "Extra large"]);
        for text in
            ["We have two.", "", "Ways:\n1. Small\n2. Large", "A\n\n2. Small", "A\n\n1. Small\nB"]
        {
            assert!(read_back(text).is_empty(), "{text}");
        }
    }
}
