//! Text analysis of chunks: counts and stems their words. This is the slow part of indexing, and
//! needs no lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use frontdesk_language::{Lang, terms};

use super::term::Term;
use super::{Entry, grams};
use crate::domain::Chunk;

/// A chunk split into counted terms, ready for indexing.
pub(super) struct AnalyzedChunk {
    pub(super) chunk: Arc<Chunk>,
    pub(super) vector: Option<Vec<f32>>,
    pub(super) language: Option<Lang>,
    pub(super) terms: Vec<Term>,
    /// Number of words.
    pub(super) length: f32,
    /// Norm of its n-gram vector.
    pub(super) norm: f32,
}

/// Analyzes the chunks of one document.
pub(super) struct Reader {
    /// Language of the document, for chunks too short for language detection.
    language: Option<Lang>,
}

impl Reader {
    pub(super) fn new(entries: &[Entry]) -> Self {
        let several = entries.len() > 1;
        let language = several.then(|| {
            let beginning: Vec<String> =
                entries.iter().take(8).map(|entry| entry.chunk.searchable()).collect();
            terms::language(&beginning.join("\n"))
        });
        Self { language: language.flatten() }
    }

    pub(super) fn read(&self, entry: Entry) -> AnalyzedChunk {
        let text = entry.chunk.searchable();
        let language = terms::language(&text).or(self.language);
        let mut counts: BTreeMap<String, f32> = BTreeMap::new();
        for word in terms::words(&text) {
            *counts.entry(word).or_default() += 1.0;
        }
        let length = counts.values().sum();
        let terms: Vec<Term> =
            counts.into_iter().map(|(word, count)| term(&word, count, language)).collect();
        let norm = grams::norm(&terms);
        AnalyzedChunk { chunk: entry.chunk, vector: entry.vector, language, terms, length, norm }
    }
}

fn term(word: &str, count: f32, language: Option<Lang>) -> Term {
    let surface = terms::fold_in(word, language);
    let stem = language.and_then(|language| terms::stem(word, language));
    Term { stem: stem.unwrap_or_else(|| terms::fold(word)), surface, count }
}
