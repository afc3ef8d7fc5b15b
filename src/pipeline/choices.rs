//! Choices that are offered as text: which one an answer means. Pure.

use frontdesk_language::digit;

use crate::domain::{Line, Speaker};

/// Maximum digits of the number of a choice.
const MAX_DIGITS: usize = 2;

/// Returns the digits of a text that is the number of a choice, such as `2.` or a keycap.
pub(super) fn number(text: &str) -> Option<Vec<u32>> {
    let text = text.trim().trim_end_matches(['.', ')', '\u{FE0F}', '\u{20E3}']);
    let digits = text.chars().map(digit).collect::<Option<Vec<u32>>>();
    digits.filter(|digits| (1..=MAX_DIGITS).contains(&digits.len()))
}

/// Returns the label of the choice that an answer to a message of the business means: by its number,
/// or by the label itself.
pub(super) fn chosen(offered: &Line, answer: &str) -> Option<String> {
    if offered.speaker == Speaker::Customer {
        return None;
    }
    let at = number(answer).map(|digits| digits.iter().fold(0, |sum, digit| sum * 10 + digit));
    let by_number =
        at.and_then(|at| offered.choices.get(usize::try_from(at).ok()?.checked_sub(1)?));
    let said = folded(answer);
    let by_label =
        || offered.choices.iter().find(|label| !said.is_empty() && folded(label) == said);
    by_number.or_else(by_label).cloned()
}

/// A label without case, spaces and punctuation.
fn folded(label: &str) -> String {
    label.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_label_is_the_choice_that_was_offered_last() {
        let choices = ["Small", "Extra large", "2"].map(str::to_owned).to_vec();
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
    }
}
