//! Part of the grounding check: the sources of a reply, prepared for comparison. Judges nothing.

use std::collections::HashSet;
use std::sync::OnceLock;

use frontdesk_language::sentences;

use super::claim::is_question;
use super::contradiction::Clauses;
use super::words::{Reader, supported_numbers};

/// Maximum words of a passage that are compared, so that no text makes the check slow.
const MAX_LEN: usize = 20_000;

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
    /// Its content words, in order.
    pub(super) words: Vec<String>,
    /// Its sentences and lines.
    pub(super) units: Vec<Unit>,
}

/// A sentence, a line, or a part of one between semicolons.
pub(super) struct Unit {
    pub(super) text: String,
    pub(super) words: HashSet<String>,
    pub(super) numbers: HashSet<String>,
    /// Read at the first use: of most units nothing is asked.
    clauses: OnceLock<Clauses>,
}

impl Source {
    pub(super) fn read(origin: Origin, text: &str, reader: &Reader) -> Self {
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
        Self { origin, words, units }
    }

    /// Returns the unit that shares the most words with a statement.
    pub(super) fn closest(&self, words: &HashSet<&str>) -> Option<&Unit> {
        self.closest_of(words, |_| true)
    }

    /// Like [`Self::closest`], among units that are no questions: those state nothing.
    pub(super) fn closest_statement(&self, words: &HashSet<&str>) -> Option<&Unit> {
        self.closest_of(words, |unit| !is_question(&unit.text))
    }

    fn closest_of(&self, words: &HashSet<&str>, is_one: fn(&Unit) -> bool) -> Option<&Unit> {
        let shared = |unit: &&Unit| unit.shared(words);
        let units = self.units.iter().filter(|unit| is_one(unit));
        // `max_by_key` returns the last of equals; `rev` makes it the first.
        units.rev().max_by_key(shared).filter(|unit| unit.shared(words) > 0)
    }
}

impl Unit {
    fn read(text: &str, content: &[String]) -> Self {
        Self {
            text: text.trim().to_owned(),
            words: content.iter().cloned().collect(),
            numbers: supported_numbers(text),
            clauses: OnceLock::new(),
        }
    }

    /// Returns its parts for contradictions.
    pub(super) fn clauses(&self, reader: &Reader) -> &Clauses {
        self.clauses.get_or_init(|| Clauses::read(&self.text, reader))
    }

    /// Counts these words in it.
    pub(super) fn shared(&self, words: &HashSet<&str>) -> usize {
        words.iter().filter(|word| self.words.contains(**word)).count()
    }
}
