//! Splits text into words as the tokenizers do: no token is in two words. The patterns are
//! OpenAI's, but they do not look ahead: that the last of several spaces belongs to the word after
//! them is code.

use std::sync::LazyLock;

use regex::Regex;

use crate::Vocabulary;

static CL100K: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&[
        r"'(?i:[sdmt]|ll|ve|re)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s+$",
        r"\s*[\r\n]",
        r"\s+",
    ])
});

static O200K: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&[
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+",
    ])
});

/// Returns the words of a text, one after the other, without gaps.
pub(crate) fn of(text: &str, vocabulary: Vocabulary) -> impl Iterator<Item = &str> {
    let pattern = match vocabulary {
        Vocabulary::Cl100k => &*CL100K,
        Vocabulary::O200k => &*O200K,
    };
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = pattern.find_at(text, at)?;
        let word = &text[found.start()..found.end() - joined(text, found.as_str(), found.end())];
        at = found.start() + word.len();
        Some(word)
    })
}

/// Returns how many bytes at the end of a match belong to the next word: the last character of
/// several of white space, unless it ends a line or the text.
fn joined(text: &str, found: &str, end: usize) -> usize {
    let mut last = found.chars().rev();
    let (Some(c), Some(_)) = (last.next(), last.next()) else { return 0 };
    let is_space = c.is_whitespace() && !matches!(c, '\r' | '\n');
    if is_space && end < text.len() { c.len_utf8() } else { 0 }
}

fn pattern(kinds: &[&str]) -> Regex {
    Regex::new(&kinds.join("|")).expect("a fixed pattern")
}
