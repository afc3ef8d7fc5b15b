//! N-gram cosine of every chunk of a collection.

use super::shelf::Shelf;
use crate::index::question::Plan;
use crate::index::{grams, scoring};

/// Counts with precomputed weights; only long chunks have higher ones.
const FEW: [f32; 16] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

/// Scores by slot.
pub(super) fn score(plan: &Plan, shelf: &Shelf) -> Vec<f32> {
    let mut scores = vec![0.0; shelf.slots.len()];
    let few = FEW.map(grams::sublinear_tf);
    for (id, weight) in &plan.similar_words {
        for posting in shelf.postings.of(*id) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a small count"
            )]
            let known = few.get(posting.count as usize).copied();
            scores[posting.slot as usize] +=
                weight * known.unwrap_or_else(|| grams::sublinear_tf(posting.count));
        }
    }
    for (score, norm) in scores.iter_mut().zip(&shelf.norms) {
        *score = scoring::cosine(*score, plan.length, *norm);
    }
    scores
}
