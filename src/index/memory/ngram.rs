//! The cosine of character n-grams with every chunk of a collection.

use super::shelf::Shelf;
use crate::index::question::Plan;
use crate::index::{grams, weigh};

/// Scores by slot.
pub(super) fn score(plan: &Plan, shelf: &Shelf) -> Vec<f32> {
    let mut scores = vec![0.0; shelf.slots.len()];
    for (id, weight) in &plan.close {
        for posting in shelf.postings.of(*id) {
            scores[posting.slot as usize] += weight * grams::damped(posting.count);
        }
    }
    for (score, norm) in scores.iter_mut().zip(&shelf.norms) {
        *score = weigh::cosine(*score, plan.length, *norm);
    }
    scores
}
