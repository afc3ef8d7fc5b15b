//! Finds phrases of the word lists in a text. Knows no sentences and no languages.

use std::collections::HashMap;

use crate::terms::{fold, words};

/// Maximum other words between two words of a phrase.
const MAX_BETWEEN: usize = 3;
/// Maximum length of a word that is compared with its accents, in letters: `sé` is not `se`.
const MAX_SHORT_LEN: usize = 3;

/// A list of phrases, prepared for comparison.
#[derive(Debug)]
pub struct Phrases {
    /// Each phrase without its first word, by that word.
    by_first: HashMap<String, Vec<Vec<String>>>,
}

impl Phrases {
    /// Reads a list of phrases, written as people write them.
    pub fn of<'a>(phrases: impl Iterator<Item = &'a str>) -> Self {
        let mut by_first: HashMap<String, Vec<Vec<String>>> = HashMap::new();
        for phrase in phrases {
            let mut words = read(phrase).into_iter();
            let Some(first) = words.next() else { continue };
            by_first.entry(first).or_default().push(words.collect());
        }
        Self { by_first }
    }

    /// Whether a text holds the words of a phrase in order, with at most three others between two
    /// of them.
    pub fn is_in(&self, text: &str) -> bool {
        let words = read(text);
        words.iter().enumerate().any(|(at, word)| {
            let mut begun = self.by_first.get(word).into_iter().flatten();
            begun.any(|rest| follows(rest, &words[at + 1..]))
        })
    }
}

/// Returns the words as they are compared; English contractions and `cannot` become two words.
fn read(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('’', "'").replace("n't", " not");
    let words = words(&text.replace("cannot", "can not")).into_iter();
    words
        .map(|word| if word.chars().count() > MAX_SHORT_LEN { fold(&word) } else { word })
        .collect()
}

/// Whether the rest of a phrase stands near the beginning of these words, in order.
fn follows(rest: &[String], mut words: &[String]) -> bool {
    rest.iter().all(|wanted| {
        let place = words.iter().take(MAX_BETWEEN + 1).position(|word| word == wanted);
        words = place.map_or(words, |place| &words[place + 1..]);
        place.is_some()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_in(phrase: &str, text: &str) -> bool {
        Phrases::of(std::iter::once(phrase)).is_in(text)
    }

    #[test]
    fn a_phrase_is_found_however_it_is_written() {
        for (phrase, text) in [
            ("not find", "I couldn’t find that."),
            ("not find", "I CANNOT find it"),
            ("not information", "We don't have any information on that."),
            ("no encontré", "Lo siento, no encontre nada."),
            ("no sé", "No lo sé."),
            ("weiß nicht", "Das weiss ich leider nicht."),
            ("لا أعرف", "عذرًا، لا أعرف ذلك."),
            ("没有找到", "抱歉，没有找到相关内容。"),
        ] {
            assert!(is_in(phrase, text), "{phrase}: {text}");
        }
    }

    #[test]
    fn other_words_order_and_distance_are_no_phrase() {
        for (phrase, text) in [
            ("not sure", "Make sure you do not park there."),
            ("no sé", "No se admiten devoluciones."),
            ("not find", "We do not open on Sundays, as you can easily find out."),
            ("not find", "find"),
            ("not find", "not"),
        ] {
            assert!(!is_in(phrase, text), "{phrase}: {text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(phrase in "\\PC{0,20}", text in "\\PC{0,60}") {
            let _ = is_in(&phrase, &text);
            prop_assert!(phrase.trim().is_empty() || read(&phrase).is_empty() || is_in(&phrase, &phrase));
        }
    }
}
