//! BM25 as Lucene computes it, and how much of the question each chunk holds.
//!
//! All words that share a stem with a word of the question count as that one word: their occurrences in a chunk
//! are added up before they are weighed.

use super::search::Sought;
use super::shelf::Shelf;

/// How soon more occurrences of a word stop to matter.
const K1: f32 = 1.2;

/// How much a long chunk is held back.
const B: f32 = 0.75;

/// Scores by slot.
pub(super) struct Scores {
    pub(super) bm25: Vec<f32>,
    /// Weight of the question's content words that the chunk holds. A word weighs 1 and its rarity: by rarity
    /// alone, in a collection of a few chunks nothing but unknown words would weigh.
    held: Vec<f32>,
    /// Weight of all of them.
    weight: f32,
}

impl Scores {
    /// Share of the question's content words that the chunk holds; 0 when there are none.
    pub(super) fn coverage(&self, slot: u32) -> f32 {
        let held = self.held.get(slot as usize).copied().unwrap_or_default();
        if self.weight > 0.0 { (held / self.weight).min(1.0) } else { 0.0 }
    }
}

/// Scores every chunk of a collection.
pub(super) fn score(question: &[Sought], shelf: &Shelf) -> Scores {
    let none = vec![0.0; shelf.slots.len()];
    let mut scores = Scores { bm25: none.clone(), held: none.clone(), weight: 0.0 };
    let mut counts = none;
    let mut holders = Vec::new();
    let average = shelf.average_length();
    for word in question {
        for posting in word.kin.iter().flat_map(|id| shelf.words.postings(*id)) {
            let count = &mut counts[posting.slot as usize];
            if *count <= 0.0 {
                holders.push(posting.slot as usize);
            }
            *count += posting.count;
        }
        let idf = idf(shelf.len(), holders.len());
        let weight = if word.content { 1.0 + idf } else { 0.0 };
        scores.weight += weight;
        for slot in holders.drain(..) {
            let count = std::mem::take(&mut counts[slot]);
            let half = K1 * (1.0 - B + B * shelf.lengths[slot] / average);
            scores.bm25[slot] += word.count * idf * count / (count + half);
            scores.held[slot] += weight;
        }
    }
    scores
}

/// How much a word or n-gram says that so many of the chunks hold; never below 0.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than 24 bits")]
pub(super) fn idf(chunks: usize, holders: usize) -> f32 {
    let without = chunks.saturating_sub(holders) as f32;
    ((without + 0.5) / (holders as f32 + 0.5)).ln_1p()
}
