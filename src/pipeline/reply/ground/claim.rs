//! Part of the grounding check: the part of a statement that needs support. Courtesies, questions,
//! offers of help and "I could not find that" need none. Knows no passages.

use std::sync::LazyLock;

use frontdesk_language::terms::{fold, words};
use regex::Regex;

use super::words::{Reader, is_courtesy, is_of_knowing, negates, numbers};

/// What a statement claims.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim<'a> {
    /// This part needs support.
    Of(&'a str),
    /// It states nothing that passages could support, for this reason.
    Nothing(&'static str),
}

/// Returns the part of a sentence that needs support.
pub(super) fn claim<'a>(said: &'a str, reader: &Reader) -> Claim<'a> {
    let said = said.trim();
    if said.trim_end_matches(['*', '_', '"', '”', ')', ' ']).ends_with(['?', '？', '؟', '⸮'])
    {
        return Claim::Nothing("a question");
    }
    let claimed = match turn(said) {
        Some((before, after)) if admits(before) => after,
        None if admits(said) => return Claim::Nothing("it says that it does not know"),
        _ => said,
    };
    if reader.content(claimed).is_empty() {
        return Claim::Nothing("it states nothing");
    }
    let mut spoken = words(claimed).into_iter().filter(|word| !reader.content(word).is_empty());
    if numbers(claimed).is_empty() && spoken.all(|word| is_courtesy(&word)) {
        return Claim::Nothing("a courtesy");
    }
    Claim::Of(claimed)
}

/// Whether a text says that its speaker does not know or did not find something.
fn admits(text: &str) -> bool {
    numbers(text).is_empty()
        && negates(text)
        && words(text).iter().any(|word| is_of_knowing(&fold(word)))
}

/// Splits a sentence at a word of contrast: "I am not sure, but we open at 9".
fn turn(said: &str) -> Option<(&str, &str)> {
    let found = TURN.find(said)?;
    Some((&said[..found.start()], &said[found.end()..]))
}

static TURN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)[\s,;–—-]+(?:but|however|though|pero|sin embargo|mas|porém|aber|jedoch|mais|cependant|ma|però|но|maar|men|لكن|लेकिन|但是|但)[\s,]+",
    )
    .expect("the expression is fixed, and tested")
});

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: &str) -> Claim<'_> {
        claim(said, &Reader::of(said, &[]))
    }

    #[test]
    fn courtesies_questions_and_not_knowing_need_no_support() {
        for said in [
            "You're welcome!",
            "Sure.",
            "Is there anything else I can help you with?",
            "Please let me know if you have any further questions.",
            "I could not find information about gift cards.",
            "Lamentablemente no encuentro información sobre eso.",
            "¡Claro, con gusto te ayudo!",
            "Dazu finde ich leider keine Angaben.",
        ] {
            assert!(matches!(of(said), Claim::Nothing(_)), "{said}: {:?}", of(said));
        }
    }

    #[test]
    fn what_is_stated_needs_support() {
        for said in [
            "We open at 9.",
            "Delivery is free.",
            "Abrimos los domingos.",
            "可以在30天内退货。",
            "We do not ship to Norway.",
        ] {
            assert_eq!(of(said), Claim::Of(said));
        }
        assert_eq!(of("I am not sure, but we ship to Norway."), Claim::Of("we ship to Norway."));
        assert_eq!(
            of("We ship to Norway, but not to Iceland."),
            Claim::Of("We ship to Norway, but not to Iceland.")
        );
    }
}
