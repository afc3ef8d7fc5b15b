//! Part of stage 4: the small words by which people take up what was said before, by language. What follows from them is
//! decided in `query.rs`. For a language without such words only the length of a question speaks.

use frontdesk_language::data::{self, FollowUp};
use frontdesk_language::terms::is_spaceless;

/// The words of one language.
pub(super) struct Phrases {
    /// ISO 639-1 code.
    language: &'static str,
    known: &'static FollowUp,
}

impl Phrases {
    /// Those of a language; `None` where nothing is known of it.
    pub(super) fn of(language: &str) -> Option<Self> {
        let language = data::of(language)?;
        Some(Self { language: &language.code, known: &language.follow_up })
    }

    /// Whether these words begin as one that goes on from the last question.
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

    /// Whether these words are the rest of a question: a preposition and hardly more.
    pub(super) fn remain(&self, words: &[String]) -> bool {
        let first = words.first().map_or("", String::as_str);
        (2..=SCRAP).contains(&words.len()) && self.known.rests.iter().any(|rest| rest == first)
    }

    /// Whether one of these words stands for something said before.
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

    /// Whether the word stands for nothing said before: `is it possible to`, where English says `it` for nothing at all,
    /// and `what is a hub motor and is it loud`, which says itself what it means.
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

/// What follows `that` where it only links two parts of a question: `shoes that were worn`.
const RELATIVE: &str = "was|were|is|are|has|have|had|can|will|i|you|we|they";

/// So many words at the most are the rest of a question.
const SCRAP: usize = 3;
