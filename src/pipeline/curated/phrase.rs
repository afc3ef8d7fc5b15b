//! A question prepared for comparison: its words, names and facets. Pure.

use std::collections::BTreeSet;

use frontdesk_language::{Lang, terms};

use super::facets::{self, QuestionFacets};
use crate::llm::asks_nothing;

/// A question prepared for comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phrase {
    /// The text as written.
    pub(crate) text: String,
    /// Its distinct words without courtesies, in order.
    pub(crate) words: Vec<Word>,
    /// All its words without courtesies, joined without spaces: equal for the same question, with
    /// `surf boards` for `surfboards`.
    pub(crate) same: String,
    /// Facets in which the same question must agree.
    pub(crate) facets: QuestionFacets,
    /// Folded names, as far as capital letters show them.
    pub(crate) names: BTreeSet<String>,
    /// Number of sentences that are more than courtesies.
    pub(crate) sentences: usize,
}

/// A word of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The folded word.
    pub(crate) surface: String,
    /// Its stems in all possible languages, and the folded word.
    pub(crate) stems: Vec<String>,
    /// Whether it is a content word.
    pub(crate) content: bool,
}

impl Phrase {
    /// Reads a question that may be in any of these languages.
    pub(crate) fn read(text: &str, languages: &[Lang]) -> Self {
        let sentences = sentences(text);
        let kept = sentences.join("\n");
        let all: Vec<String> =
            apostrophes(&kept).iter().flat_map(|part| terms::words(part)).collect();
        let folded: Vec<String> = all.iter().map(|word| terms::fold(word)).collect();
        let polite = facets::courtesies(&folded);
        let kept_at = |at: &usize| !polite.contains(at);
        let same: Vec<&str> =
            (0..folded.len()).filter(kept_at).map(|at| folded[at].as_str()).collect();
        let mut words: Vec<Word> = Vec::new();
        for at in (0..folded.len()).filter(kept_at) {
            let surface = &folded[at];
            if !words.iter().any(|word| word.surface == *surface) {
                let content =
                    !facets::is_function(surface) && !terms::is_stop_word(surface, languages);
                let mut stems: Vec<String> =
                    languages.iter().filter_map(|lang| terms::stem(&all[at], *lang)).collect();
                stems.push(surface.clone());
                stems.sort_unstable();
                stems.dedup();
                words.push(Word { surface: surface.clone(), stems, content });
            }
        }
        Self {
            text: text.to_owned(),
            same: same.concat(),
            facets: QuestionFacets::of(&same),
            names: names(&kept, languages),
            sentences: sentences.len(),
            words,
        }
    }

    /// Number of content words.
    pub(crate) fn content(&self) -> usize {
        self.words.iter().filter(|word| word.content).count()
    }
}

/// Returns the sentences and lines that are more than courtesies.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, c)) = letters.next() {
        let after = letters.peek().map(|(_, next)| *next);
        let ends = match c {
            '\n' | '。' | '？' | '！' | '؟' | '।' => true,
            '.' | '?' | '!' | ';' | '…' => after.is_none_or(char::is_whitespace),
            _ => false,
        };
        if ends {
            let end = at + c.len_utf8();
            found.push(&text[start..end]);
            start = end;
        }
    }
    found.push(&text[start..]);
    found.retain(|sentence| sentence.chars().any(char::is_alphanumeric) && !asks_nothing(sentence));
    found
}

/// Splits a text at white space and expands English `n't`: `don't` becomes `do not`.
fn apostrophes(text: &str) -> Vec<String> {
    let plain = text.replace(['’', '‘', 'ʼ', '`', '´'], "'").to_lowercase();
    let words =
        plain.split_inclusive(|c: char| c.is_whitespace()).map(|word| match word.find("n't") {
            Some(0) | None => word.to_owned(),
            Some(at) if word.starts_with("can't") => format!("can not{}", &word[at + 3..]),
            Some(at) if word.starts_with("won't") => format!("will not{}", &word[at + 3..]),
            Some(at) => format!("{} not{}", &word[..at], &word[at + 3..]),
        });
    words.collect()
}

/// Returns words that begin with a capital letter within a sentence. Empty for a text in capitals,
/// for scripts without case, and for German, where every noun has a capital.
fn names(text: &str, languages: &[Lang]) -> BTreeSet<String> {
    let shouting = !text.chars().any(char::is_lowercase);
    if shouting || languages.first() == Some(&Lang::Deu) {
        return BTreeSet::new();
    }
    let mut names = BTreeSet::new();
    for sentence in text.split(['.', '?', '!', ':', '\n', '¿', '¡', '"', '“']) {
        let words: Vec<&str> = sentence
            .split_whitespace()
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
            .filter(|word| word.chars().count() > 1)
            .collect();
        let capital = |word: &&&str| word.chars().next().is_some_and(char::is_uppercase);
        // Title case: every word has a capital.
        let capitals = words.iter().skip(1).filter(capital).count();
        if words.len() > 3 && capitals * 2 > words.len() {
            continue;
        }
        for word in words.iter().skip(1).filter(capital) {
            let parts = terms::words(word);
            names.extend(parts.iter().map(|part| terms::fold(part)).filter(|part| {
                part.chars().count() > 1
                    && !terms::is_stop_word(part, languages)
                    && !facets::is_function(part)
            }));
        }
    }
    names
}
