//! Statistics of a whole collection: vocabulary, languages and lengths. Everything that query
//! planning needs, without chunks, postings or vectors.

use std::collections::{BTreeMap, HashMap};

use frontdesk_language::{Lang, terms};

use super::analyze::AnalyzedChunk;
use super::lexicon::Lexicon;

/// Statistics of a collection. Removing a chunk undoes exactly what adding it did, so they depend
/// only on the current contents, not on the history.
#[derive(Default)]
pub(super) struct CollectionStatistics {
    pub(super) lexicon: Lexicon,
    languages: HashMap<Lang, usize>,
    chunks: usize,
    total_length: f64,
}

/// What one chunk adds to the statistics.
pub(super) struct ChunkContribution {
    /// Its word ids, ascending, distinct.
    pub(super) words: Box<[u32]>,
    length: f32,
    language: Option<Lang>,
}

impl CollectionStatistics {
    /// Adds a chunk; also returns its word ids with their counts.
    pub(super) fn add(&mut self, analyzed: &AnalyzedChunk) -> (ChunkContribution, Vec<(u32, f32)>) {
        let held = self.lexicon.insert(&analyzed.terms);
        self.chunks += 1;
        self.total_length += f64::from(analyzed.length);
        if let Some(language) = analyzed.language {
            *self.languages.entry(language).or_default() += 1;
        }
        let words = held.iter().map(|(id, _)| *id).collect();
        (ChunkContribution { words, length: analyzed.length, language: analyzed.language }, held)
    }

    /// Removes a chunk.
    pub(super) fn remove(&mut self, contribution: &ChunkContribution) {
        self.lexicon.remove(&contribution.words);
        self.chunks -= 1;
        self.total_length -= f64::from(contribution.length);
        if let Some(chunks) =
            contribution.language.and_then(|language| self.languages.get_mut(&language))
        {
            *chunks -= 1;
        }
    }

    /// Compacts the vocabulary after a batch of changes.
    pub(super) fn compact_after_changes(&mut self) {
        self.lexicon.compact_after_changes();
    }

    /// Number of chunks.
    pub(super) fn chunks(&self) -> usize {
        self.chunks
    }

    /// Average chunk length in words, at least 1.
    pub(super) fn average_length(&self) -> f32 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "an average"
        )]
        let average = (self.total_length / self.chunks.max(1) as f64) as f32;
        average.max(1.0)
    }

    /// The languages of at least 1 % of the chunks, in a fixed order.
    pub(super) fn languages(&self) -> Vec<Lang> {
        let spoken = self
            .languages
            .iter()
            .filter(|(_, chunks)| **chunks > 0 && **chunks * 100 >= self.chunks);
        let mut languages: Vec<Lang> = spoken.map(|(language, _)| *language).collect();
        languages.sort_unstable_by_key(Lang::code);
        languages
    }

    /// Adds the number of chunks per language to `counts`, by ISO 639-1 code.
    pub(super) fn count_languages(&self, counts: &mut BTreeMap<&'static str, usize>) {
        for (language, chunks) in self.languages.iter().filter(|(_, chunks)| **chunks > 0) {
            if let Some(code) = terms::two_letters(*language) {
                *counts.entry(code).or_default() += chunks;
            }
        }
    }
}
