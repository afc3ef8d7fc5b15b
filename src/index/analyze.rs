//! Text analysis of chunks: counts and stems their words. This is the slow part of indexing, and
//! needs no lock.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use frontdesk_language::{Lang, terms};

use super::term::Term;
use super::{Entry, grams};
use crate::domain::Chunk;

/// How many chunks at the beginning of a document say its language.
const MAX_BEGINNING: usize = 8;

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
    /// The first chunks of a document of several, which say its language.
    beginning: Vec<Arc<Chunk>>,
    /// Language of the document, for chunks too short for language detection. Found when a chunk
    /// needs it.
    language: OnceLock<Option<Lang>>,
}

impl Reader {
    pub(super) fn new(entries: &[Entry]) -> Self {
        let count = if entries.len() > 1 { MAX_BEGINNING } else { 0 };
        let beginning = entries.iter().take(count).map(|entry| entry.chunk.clone()).collect();
        Self { beginning, language: OnceLock::new() }
    }

    fn language(&self) -> Option<Lang> {
        *self.language.get_or_init(|| {
            let beginning: Vec<String> =
                self.beginning.iter().map(|chunk| chunk.searchable()).collect();
            terms::language(&beginning.join("\n"))
        })
    }

    pub(super) fn read(&self, entry: Entry) -> AnalyzedChunk {
        let text = entry.chunk.searchable();
        let language = terms::language(&text).or_else(|| self.language());
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
