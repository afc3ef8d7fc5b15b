//! Part of stage 4: words that refer back to earlier messages, by language. `query.rs` decides what
//! follows from them. In a language without such words, only the length of a question counts.

use frontdesk_language::data::{self, FollowUp};
use frontdesk_language::terms::is_spaceless;

/// The words of one language.
pub(super) struct Phrases {
    /// ISO 639-1 code.
    language: &'static str,
    known: &'static FollowUp,
}

impl Phrases {
    /// Returns the words of a language; `None` if it has no data.
    pub(super) fn of(language: &str) -> Option<Self> {
        let language = data::of(language)?;
        Some(Self { language: &language.code, known: &language.follow_up })
    }

    /// Whether a question begins as a continuation of the last one.
    pub(super) fn open(&self, words: &[String], text: &str) -> bool {
        let begins = |opener: &str| {
            let mut opener = opener.split(' ');
            let mut words = words.iter();
            opener.all(|word| words.next().is_some_and(|said| said == word))
        };
        let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
        let glued = |opener: &str| opener.chars().all(is_spaceless) && text.starts_with(opener);
        self.known.openers.iter().any(|opener| begins(opener) || glued(opener))
    }

    /// Whether these words are a fragment of a question: a preposition and hardly more.
    pub(super) fn remain(&self, words: &[String]) -> bool {
        let first = words.first().map_or("", String::as_str);
        (2..=MAX_FRAGMENT_WORDS).contains(&words.len())
            && self.known.rests.iter().any(|rest| rest == first)
    }

    /// Whether one of these words refers to something said before.
    pub(super) fn point(&self, words: &[String], text: &str) -> bool {
        let glued = |pointer: &str| pointer.chars().all(is_spaceless) && text.contains(pointer);
        self.known.pointers.iter().any(|pointer| {
            glued(pointer)
                || words
                    .iter()
                    .enumerate()
                    .any(|(at, word)| word == pointer && !self.is_dummy(words, at))
        })
    }

    /// Whether the word refers to nothing earlier: the English `it` in `is it possible to`, a
    /// relative `that`, or a word explained in the question: `what is a hub motor and is it loud`.
    fn is_dummy(&self, words: &[String], at: usize) -> bool {
        let mut after = words.iter().skip(at + 1).take(3);
        let empty = self.language == "en" && words[at] == "it" && after.any(|word| word == "to");
        let next = words.get(at + 1).map_or("", String::as_str);
        let relative = self.language == "en"
            && words[at] == "that"
            && at > 2
            && RELATIVE.split('|').any(|verb| verb == next);
        let within = |word: &String| self.known.openers.contains(word);
        empty || relative || words.iter().take(at).skip(2).any(within)
    }
}

/// Words after a relative `that`: `shoes that were worn`.
const RELATIVE: &str = "was|were|is|are|has|have|had|can|will|i|you|we|they";

/// Maximum words of a fragment.
const MAX_FRAGMENT_WORDS: usize = 3;
