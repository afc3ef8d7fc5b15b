//! What is known of a collection as a whole: its words, languages and lengths. Everything that the question's side
//! needs, and no chunk, posting or vector.

use std::collections::{BTreeMap, HashMap};

use frontdesk_language::{Lang, terms};

use super::lexicon::Lexicon;
use super::read::AnalyzedChunk;

/// The statistics of a collection. What a chunk brought in can be taken out again without a trace, so they depend on
/// what the collection holds and not on how it came to be.
#[derive(Default)]
pub(super) struct CollectionStatistics {
    pub(super) lexicon: Lexicon,
    languages: HashMap<Lang, usize>,
    chunks: usize,
    total_length: f64,
}

/// What one chunk adds to the statistics.
pub(super) struct ChunkContribution {
    /// Its words, ascending, each once.
    pub(super) words: Box<[u32]>,
    length: f32,
    language: Option<Lang>,
}

impl CollectionStatistics {
    /// Counts a chunk in; also gives back how often it has each of its words.
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

    /// Counts a chunk out.
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

    /// Says that nothing more comes or goes for now.
    pub(super) fn rest(&mut self) {
        self.lexicon.rest();
    }

    /// How many chunks there are.
    pub(super) fn chunks(&self) -> usize {
        self.chunks
    }

    /// The average length of a chunk, in words, at least 1.
    pub(super) fn average_length(&self) -> f32 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "an average"
        )]
        let average = (self.total_length / self.chunks.max(1) as f64) as f32;
        average.max(1.0)
    }

    /// The languages that at least one chunk in a hundred is in, in a fixed order.
    pub(super) fn languages(&self) -> Vec<Lang> {
        let spoken = self
            .languages
            .iter()
            .filter(|(_, chunks)| **chunks > 0 && **chunks * 100 >= self.chunks);
        let mut languages: Vec<Lang> = spoken.map(|(language, _)| *language).collect();
        languages.sort_unstable_by_key(Lang::code);
        languages
    }

    /// Adds up how many chunks are in which language, by ISO 639-1 code.
    pub(super) fn count_languages(&self, counts: &mut BTreeMap<&'static str, usize>) {
        for (language, chunks) in self.languages.iter().filter(|(_, chunks)| **chunks > 0) {
            if let Some(code) = terms::two_letters(*language) {
                *counts.entry(code).or_default() += chunks;
            }
        }
    }
}
