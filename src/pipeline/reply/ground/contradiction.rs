//! Part of the grounding check: whether a claim says the opposite of a sentence. Only what is plain
//! counts, because the reply is held back. Knows no passages and no scores.

use std::collections::HashSet;

use frontdesk_language::terms::words;

use super::contrast::clauses;
use super::words::{Reader, Stem, is_courtesy, limits, spelled_out};

/// Minimum words of a claim that contradicts a part of a sentence, which holds all of them.
const MIN_PART: usize = 2;

/// A claim, a sentence or a part of one, for comparison.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Clause {
    /// Its content words as stems.
    words: HashSet<Stem>,
    /// Those of them that are no courtesies.
    stated: HashSet<Stem>,
    limits: HashSet<String>,
    /// The content words that its negations stand before, or behind where none follows; `None`
    /// without a negation.
    denied: Option<HashSet<Stem>>,
}

impl Clause {
    /// Reads a claim, without the `no` that answers a question.
    pub(super) fn of_claim(claim: &str, reader: &Reader) -> Self {
        Self::read(reader.without_answer(claim), reader)
    }

    fn read(text: &str, reader: &Reader) -> Self {
        let said = words(&spelled_out(text));
        let (mut content, mut stated) = (HashSet::new(), HashSet::new());
        let mut denied: Option<HashSet<Stem>> = None;
        let (mut last, mut open) = (None, false);
        for (at, word) in said.iter().enumerate() {
            if reader.is_negation(word, said.get(at + 1)) {
                denied.get_or_insert_default();
                open = true;
            } else if let Some(stem) = reader.meaning(word) {
                if std::mem::take(&mut open) {
                    denied.get_or_insert_default().insert(stem);
                }
                if !is_courtesy(word) {
                    stated.insert(stem);
                }
                content.insert(stem);
                last = Some(stem);
            }
        }
        if open {
            denied.get_or_insert_default().extend(last);
        }
        Self { words: content, stated, limits: limits(text), denied }
    }

    /// Whether it denies a word of the other.
    fn denies(&self, other: &Self) -> bool {
        self.denied.as_ref().is_some_and(|denied| !denied.is_disjoint(&other.words))
    }

    /// Whether it denies what the other says without any negation. "Not after 30 days" does not
    /// deny "within 30 days": both must have the same limits.
    fn opposes(&self, other: &Self) -> bool {
        other.denied.is_none() && self.limits == other.limits && self.denies(other)
    }

    fn holds(&self, claim: &Self) -> bool {
        claim.stated.len() >= MIN_PART && claim.stated.is_subset(&self.stated)
    }
}

/// A sentence with its parts.
#[derive(Debug)]
pub(super) struct Clauses {
    whole: Clause,
    /// Its parts between commas, brackets, dashes and words of contrast.
    parts: Vec<Clause>,
}

impl Clauses {
    pub(super) fn read(sentence: &str, reader: &Reader) -> Self {
        let sentence = reader.without_answer(sentence);
        let written = clauses(sentence).flat_map(parts);
        let written = written.filter(|part| part.chars().any(char::is_alphanumeric));
        let parts = written.map(|part| Clause::read(part, reader)).collect();
        Self { whole: Clause::read(sentence, reader), parts }
    }

    /// Whether a claim says the opposite of the sentence or of a part of it. `alike`: both have
    /// most words in common.
    pub(super) fn contradicts(&self, claim: &Clause, alike: bool) -> bool {
        let differs = |part: &Clause| claim.opposes(part) || part.opposes(claim);
        let mut parts = self.parts.iter().filter(|part| part.holds(claim)).peekable();
        if parts.peek().is_some() {
            return parts.all(differs);
        }
        if !alike && !self.whole.holds(claim) {
            return false;
        }
        // The negation may belong to another part of the sentence than the claim: "We deliver on
        // weekdays but not on Sundays".
        let single = self.parts.len() == 1;
        let is_about = |part: &Clause| single || part.stated.is_subset(&claim.stated);
        let denied = || self.parts.iter().any(|part| part.denies(claim) && is_about(part));
        claim.opposes(&self.whole)
            || (claim.denied.is_none() && claim.limits == self.whole.limits && denied())
    }
}

/// Splits a text at its commas, brackets and dashes.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(['(', ')', '–', '—', '،', '，', '、']);
    parts.flat_map(|part| part.split(", ")).flat_map(|part| part.split(": "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::language::Languages;

    fn contradicts(sentence: &str, claim: &str) -> bool {
        let reader = Reader::of(claim, &[sentence], &Languages::default());
        Clauses::read(sentence, &reader).contradicts(&Clause::of_claim(claim, &reader), false)
    }

    #[test]
    fn a_negation_counts_only_for_what_it_denies() {
        const WEEK: &str = "We deliver Monday to Saturday but not on Sundays.";
        const WORKSHOP: &str = "We repair bicycles and e-bikes but not motorbikes.";
        const DOGS: &str = "Dogs are not allowed in the shop but welcome on the terrace.";
        for (sentence, claim, opposite) in [
            (WEEK, "We deliver Monday to Saturday.", false),
            (WEEK, "We deliver on Sundays.", true),
            (WEEK, "We do not deliver Monday to Saturday.", true),
            (WORKSHOP, "We repair bicycles and e-bikes.", false),
            (WORKSHOP, "We repair motorbikes.", true),
            ("We don't repair motorbikes but bicycles.", "We repair bicycles.", false),
            (DOGS, "Dogs are welcome on the terrace.", false),
            (
                "Gift cards are not refundable and valid for 3 years.",
                "Gift cards are valid for 3 years.",
                false,
            ),
            (
                "Gift cards are not refundable and valid for 3 years.",
                "Gift cards are refundable.",
                true,
            ),
            ("The tram No 5 stops at the harbour.", "The tram 5 stops at the harbour.", false),
            ("No, we are open on Sundays in summer.", "We are open on Sundays in summer.", false),
            (
                "Abrimos de lunes a sábado pero no los domingos.",
                "Abrimos de lunes a sábado.",
                false,
            ),
        ] {
            assert_eq!(contradicts(sentence, claim), opposite, "{sentence} {claim}");
        }
    }

    #[test]
    fn only_words_of_the_texts_languages_are_negations() {
        let german = "Das Sommerfest im Hafen beginnt am 3. Mai mit dem Fest der Kinder.";
        let reader = Reader::of(german, &[german], &Languages::default());
        assert_eq!(Clause::read(german, &reader).denied, None, "`mai` is Italian");
    }

    #[test]
    fn a_no_that_answers_denies_nothing() {
        let denies = |claim: &str| {
            let reader = Reader::of(claim, &[], &Languages::default());
            Clause::of_claim(claim, &reader).denied.is_some()
        };
        assert!(denies("We do **not** deliver there."));
        assert!(!denies("No, we deliver there."));
        assert!(!denies("**No**: entregamos."));
        assert!(denies("No entregamos los domingos."));
        assert!(denies("No, we do not deliver there."));
    }
}
