//! Part of the grounding check: the part of a statement that needs support. Courtesies, questions,
//! offers of help and "I could not find that" need none; whether a reply as a whole says that it
//! does not know. Knows no passages.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::contradiction::Clause;
use super::contrast::turn;
use super::statements::statements;
use super::words::{Reader, Stem, denies_knowing, distinct, is_courtesy, numbers, says_unknown};

/// What a statement claims.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim<'a> {
    /// This part needs support.
    Of(Box<ClaimText<'a>>),
    /// It states nothing that passages could support, for this reason.
    Nothing(&'static str),
}

/// A part of a statement that needs support.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClaimText<'a> {
    pub(super) text: &'a str,
    /// Its content words in order, each with its written form.
    pub(super) forms: Vec<(Stem, String)>,
    /// Its content words, each once.
    pub(super) distinct: Box<[Stem]>,
    /// Its numbers, each once.
    pub(super) numbers: Vec<String>,
    /// Its names, each with its written form.
    pub(super) names: Vec<(Stem, String)>,
    /// Read at the first use: most claims are like no sentence.
    clause: OnceCell<Clause>,
}

impl<'a> ClaimText<'a> {
    fn read(text: &'a str, reader: &Reader) -> Self {
        let forms = reader.forms(text);
        let distinct = distinct(forms.iter().map(|(stem, _)| *stem));
        let mut seen = HashSet::new();
        let mut numbers = numbers(text);
        numbers.retain(|number| seen.insert(number.clone()));
        let names = reader.names(text);
        Self { text, forms, distinct, numbers, names, clause: OnceCell::new() }
    }

    /// Returns it for contradictions.
    pub(super) fn clause(&self, reader: &Reader) -> &Clause {
        self.clause.get_or_init(|| Clause::of_claim(self.text, reader))
    }
}

/// Returns the part of a sentence that needs support.
pub(super) fn claim<'a>(said: &'a str, reader: &Reader) -> Claim<'a> {
    let said = said.trim();
    if is_question(said) {
        return Claim::Nothing("a question");
    }
    let claimed = match turn(said) {
        Some((before, after)) if admits(before) => after,
        None if admits(said) => return Claim::Nothing("it says that it does not know"),
        _ => said,
    };
    let claimed = ClaimText::read(claimed, reader);
    if claimed.forms.is_empty() {
        return Claim::Nothing("it states nothing");
    }
    let is_polite = |(_, word): &(Stem, String)| is_courtesy(word);
    if claimed.numbers.is_empty() && claimed.forms.iter().all(is_polite) {
        return Claim::Nothing("a courtesy");
    }
    Claim::Of(Box::new(claimed))
}

/// Whether a text says that its speaker does not know or did not find something.
fn admits(text: &str) -> bool {
    numbers(text).is_empty() && (says_unknown(text) || denies_knowing(text))
}

/// Whether a reply says that it does not know. Of a question only what stands before its last part
/// counts: "I could not find that, shall I ask?", but not "Do you not know your number?".
pub(crate) fn is_unknown(reply: &str) -> bool {
    statements(reply).into_iter().any(|one| {
        let said = reply[one.range].trim();
        let parts = said.rsplit_once([',', ';', '–', '—', '，', '،']);
        let stated = if is_question(said) { parts.map_or("", |(before, _)| before) } else { said };
        says_unknown(stated)
    })
}

/// Whether a sentence asks: with the mark of a question at its end.
pub(super) fn is_question(said: &str) -> bool {
    said.trim_end_matches(['*', '_', '"', '”', ')', ' ']).ends_with(['?', '？', '؟', '⸮'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::language::Languages;

    fn of(said: &str) -> Claim<'_> {
        claim(said, &Reader::of(said, &[], &Languages::default()))
    }

    #[track_caller]
    fn claims(said: &str, expected: &str) {
        let Claim::Of(found) = of(said) else { panic!("{said} claims nothing") };
        assert_eq!(found.text, expected);
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
    fn a_reply_that_does_not_know_is_told_from_one_that_says_no() {
        for reply in [
            "I could not find anything about gift cards.",
            "Sorry, I don’t have any information about that. Would you like to talk to someone?",
            "I could not find that, shall I ask someone in the shop?",
            "Lo siento, no encuentro esa información.",
            "Desculpe, não encontrei nada sobre isso.",
            "عذرًا، لا أعرف ذلك.",
            "Dazu finde ich leider keine Angaben.",
            "Désolé, je n'ai pas trouvé cela.",
        ] {
            assert!(is_unknown(reply), "{reply}");
        }
        for reply in [
            "We do not ship to Norway.",
            "No, you cannot return worn gloves.",
            "No se admiten devoluciones.",
            "Do you not know your order number?",
            "Nous ne livrons pas sur place.",
            "We open at nine. Please make sure that you do not park there.",
        ] {
            assert!(!is_unknown(reply), "{reply}");
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
            claims(said, said);
        }
        claims("I am not sure, but we ship to Norway.", "we ship to Norway.");
        let whole = "We ship to Norway, but not to Iceland.";
        claims(whole, whole);
    }
}
