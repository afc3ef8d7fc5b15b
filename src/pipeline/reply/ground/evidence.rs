//! Part of the grounding check: the sources of a reply, prepared for comparison. Judges nothing.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use frontdesk_language::sentences;

use super::claim::is_question;
use super::contradiction::Clauses;
use super::words::{Reader, Stem, distinct, supported_numbers};
use crate::text_cache::TextCache;

/// Maximum words of a passage that are compared, so that no text makes the check slow.
const MAX_LEN: usize = 20_000;
/// Bytes of all sources that are kept.
const MAX_BYTES: usize = 16 << 20;
/// Bytes of a passage of 150 words, about.
const USUAL_BYTES: usize = 8_000;

/// Keeps what was read of passages, instructions and earlier messages, which come again.
pub(crate) struct SourceCache {
    texts: TextCache<Arc<SourceText>>,
}

impl Default for SourceCache {
    fn default() -> Self {
        Self { texts: TextCache::new(MAX_BYTES, USUAL_BYTES) }
    }
}

impl SourceCache {
    /// Returns a text as a reader reads it.
    fn read(&self, text: &str, reader: &Reader) -> Arc<SourceText> {
        self.texts.get_or_compute(
            (text, reader.key()),
            |text| text.bytes(),
            || Arc::new(SourceText::read(text, reader)),
        )
    }
}

/// Origin of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A passage, by its citation mark: 1 for the first.
    Passage(usize),
    /// The conversation, or the agent's own instructions.
    Known,
}

/// A text that can support a statement.
pub(super) struct Source {
    pub(super) origin: Origin,
    pub(super) text: Arc<SourceText>,
}

/// The comparable parts of a text.
pub(super) struct SourceText {
    /// Its content words, in order.
    pub(super) words: Vec<Stem>,
    /// The same, each once.
    distinct: Box<[Stem]>,
    /// Its sentences and lines.
    pub(super) units: Vec<Unit>,
}

/// A sentence, a line, or a part of one between semicolons.
pub(super) struct Unit {
    pub(super) text: String,
    pub(super) words: Box<[Stem]>,
    /// The [`Stem::bit`] of each of its words.
    bits: u64,
    pub(super) numbers: HashSet<String>,
    /// Read at the first use: of most units nothing is asked.
    clauses: OnceLock<Clauses>,
}

impl Source {
    pub(super) fn read(origin: Origin, text: &str, reader: &Reader, cache: &SourceCache) -> Self {
        Self { origin, text: cache.read(text, reader) }
    }
}

impl SourceText {
    fn read(text: &str, reader: &Reader) -> Self {
        let mut words = Vec::new();
        let mut units = Vec::new();
        let pieces = text
            .lines()
            .flat_map(sentences)
            .flat_map(|sentence| sentence.split([';', '；', '|']))
            .filter(|piece| piece.chars().any(char::is_alphanumeric));
        for piece in pieces {
            if words.len() > MAX_LEN {
                break;
            }
            let content = reader.content(piece);
            units.push(Unit::read(piece, &content));
            words.extend(content);
        }
        let distinct = distinct(words.iter().copied());
        Self { words, distinct, units }
    }

    /// Whether it holds a content word.
    pub(super) fn holds(&self, word: Stem) -> bool {
        self.distinct.binary_search(&word).is_ok()
    }

    /// Returns the unit that shares the most words with a statement.
    pub(super) fn closest(&self, words: &[Stem]) -> Option<&Unit> {
        self.closest_of(words, |_| true)
    }

    /// Like [`Self::closest`], among units that are no questions: those state nothing.
    pub(super) fn closest_statement(&self, words: &[Stem]) -> Option<&Unit> {
        self.closest_of(words, |unit| !is_question(&unit.text))
    }

    fn closest_of(&self, words: &[Stem], is_one: fn(&Unit) -> bool) -> Option<&Unit> {
        let shared = |unit: &&Unit| unit.shared(words);
        let units = self.units.iter().filter(|unit| is_one(unit));
        // `max_by_key` returns the last of equals; `rev` makes it the first.
        units.rev().max_by_key(shared).filter(|unit| unit.shared(words) > 0)
    }

    /// Memory that it needs, about.
    fn bytes(&self) -> usize {
        let unit = |unit: &Unit| {
            // Its clauses are read later: sets of the same words.
            let clauses = 100 + 6 * size_of_val(&*unit.words);
            size_of::<Unit>() + unit.text.len() + unit.numbers.len() * 64 + clauses
        };
        let words = (self.words.len() + self.distinct.len()) * size_of::<Stem>();
        size_of::<Self>() + words + self.units.iter().map(unit).sum::<usize>()
    }
}

impl Unit {
    fn read(text: &str, content: &[Stem]) -> Self {
        Self {
            text: text.trim().to_owned(),
            words: distinct(content.iter().copied()),
            bits: content.iter().fold(0, |bits, word| bits | word.bit()),
            numbers: supported_numbers(text),
            clauses: OnceLock::new(),
        }
    }

    /// Returns its parts for contradictions.
    pub(super) fn clauses(&self, reader: &Reader) -> &Clauses {
        self.clauses.get_or_init(|| Clauses::read(&self.text, reader))
    }

    /// Counts these distinct words in it.
    pub(super) fn shared(&self, words: &[Stem]) -> usize {
        words.iter().filter(|word| self.holds(**word)).count()
    }

    /// Whether it holds a content word. Most words that it does not hold are told by their bit.
    pub(super) fn holds(&self, word: Stem) -> bool {
        self.bits & word.bit() != 0 && self.words.binary_search(&word).is_ok()
    }
}
