//! Searches one collection with every leg.

use super::best::Best;
use super::shelf::Shelf;
use super::{bm25, ngram};
use crate::index::question::{Plan, Question};
use crate::index::{Hit, Legs};

impl Shelf {
    /// Returns the best chunks of each leg.
    pub(super) fn search(&self, question: &Question<'_>) -> Legs {
        let plan = Plan::new(question, &self.statistics);
        let scores = bm25::score(&plan, self);
        let legs = [self.dense_leg(question), self.best(&scores.bm25, question.limit)];
        let ngram = self.best(&ngram::score(&plan, self), question.limit);
        let hits = |found: Vec<(f32, u32)>| {
            let hit = |(score, slot)| self.hit(score, slot, plan.coverage(scores.held(slot)));
            found.into_iter().filter_map(hit).collect()
        };
        let [dense, bm25] = legs.map(hits);
        Legs { dense, bm25, ngram: hits(ngram), foreign: plan.foreign }
    }

    fn dense_leg(&self, question: &Question<'_>) -> Vec<(f32, u32)> {
        let mut best = Best::new(question.limit, &self.keys);
        if let Some(vector) = question.vector.filter(|v| self.dense.len(v.len()) == self.len()) {
            self.dense.scan(vector, |score, slot| best.offer(score, slot));
        }
        best.into_sorted()
    }

    /// Returns the best scores above 0, given scores by slot.
    fn best(&self, scores: &[f32], limit: usize) -> Vec<(f32, u32)> {
        let mut best = Best::new(limit, &self.keys);
        for (score, slot) in scores.iter().zip(0..) {
            if *score > 0.0 {
                best.offer(*score, slot);
            }
        }
        best.into_sorted()
    }

    fn hit(&self, score: f32, slot: u32, coverage: f32) -> Option<Hit> {
        let held = self.slots.get(slot as usize)?.as_ref()?;
        Some(Hit { chunk: held.chunk.clone(), score, coverage })
    }
}
