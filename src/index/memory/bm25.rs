//! BM25 and coverage scores over all chunks of a collection.

use super::shelf::Shelf;
use crate::index::question::Plan;
use crate::index::scoring;

/// Scores by slot.
pub(super) struct Scores {
    pub(super) bm25: Vec<f32>,
    /// Total weight of the question's content words that the chunk contains.
    held: Vec<f32>,
}

impl Scores {
    /// Total weight of the question's content words that a chunk contains.
    #[inline]
    pub(super) fn held(&self, slot: u32) -> f32 {
        self.held.get(slot as usize).copied().unwrap_or_default()
    }
}

/// Scores every chunk of a collection.
pub(super) fn score(plan: &Plan, shelf: &Shelf) -> Scores {
    let none = vec![0.0; shelf.slots.len()];
    let mut scores = Scores { bm25: none.clone(), held: none.clone() };
    let mut counts = none;
    let mut holders = Vec::new();
    for word in &plan.terms {
        // Fast path: most words have no other form here, and the most frequent ones occur in nearly
        // every chunk.
        if let [only] = word.kin[..] {
            for posting in shelf.postings.of(only) {
                let slot = posting.slot as usize;
                let share = scoring::saturated(posting.count, shelf.lengths[slot], plan.average);
                scores.bm25[slot] += word.rarity * share;
                scores.held[slot] += word.weight;
            }
            continue;
        }
        for posting in word.kin.iter().flat_map(|id| shelf.postings.of(*id)) {
            let count = &mut counts[posting.slot as usize];
            if *count <= 0.0 {
                holders.push(posting.slot as usize);
            }
            *count += posting.count;
        }
        for slot in holders.drain(..) {
            let count = std::mem::take(&mut counts[slot]);
            let share = scoring::saturated(count, shelf.lengths[slot], plan.average);
            scores.bm25[slot] += word.rarity * share;
            scores.held[slot] += word.weight;
        }
    }
    scores
}
