//! Searching one collection by every leg.

use std::collections::BTreeMap;

use super::best::Best;
use super::shelf::Shelf;
use super::{bm25, ngram};
use crate::index::{Hit, Legs, Query, terms};

/// The most words of a question that are looked up; nobody asks in more.
const MOST_WORDS: usize = 256;

/// A question cut into words, the same for every collection.
pub(super) struct Question<'a> {
    words: BTreeMap<String, f32>,
    vector: Option<&'a [f32]>,
    limit: usize,
}

impl<'a> Question<'a> {
    pub(super) fn new(query: &Query<'a>) -> Self {
        let mut words: BTreeMap<String, f32> = BTreeMap::new();
        for word in terms::words(query.text) {
            if words.len() < MOST_WORDS || words.contains_key(&word) {
                *words.entry(word).or_default() += 1.0;
            }
        }
        Self { words, vector: query.vector, limit: query.limit }
    }
}

/// A word of the question, as one collection knows it.
pub(super) struct Sought {
    /// The folded word.
    pub(super) surface: String,
    /// How often the question has it.
    pub(super) count: f32,
    /// Whether it says something by itself.
    pub(super) content: bool,
    /// All words of the collection that have its form or a stem in common with it.
    pub(super) kin: Vec<u32>,
}

impl Shelf {
    /// The best chunks of each leg.
    pub(super) fn search(&self, question: &Question<'_>) -> Legs {
        let sought = self.seek(question);
        let scores = bm25::score(&sought, self);
        let legs = [self.dense_leg(question), self.best(&scores.bm25, question.limit)];
        let ngram = self.best(&ngram::score(&sought, self), question.limit);
        let hits = |found: Vec<(f32, u32)>| {
            let hit = |(score, slot)| self.hit(score, slot, scores.coverage(slot));
            found.into_iter().filter_map(hit).collect()
        };
        let [dense, bm25] = legs.map(hits);
        Legs { dense, bm25, ngram: hits(ngram) }
    }

    /// The question's words. A question may be in any language of the collection, so each word is stemmed in all
    /// of them; it still counts as one word.
    fn seek(&self, question: &Question<'_>) -> Vec<Sought> {
        let languages = self.languages();
        let sought = question.words.iter().map(|(word, count)| {
            let surface = terms::fold(word);
            let stems: Vec<String> =
                languages.iter().filter_map(|language| terms::stem(word, *language)).collect();
            Sought {
                kin: self.words.kin(&surface, &stems),
                content: !terms::is_stop_word(&surface, &languages),
                count: *count,
                surface,
            }
        });
        sought.collect()
    }

    fn dense_leg(&self, question: &Question<'_>) -> Vec<(f32, u32)> {
        let mut best = Best::new(question.limit, &self.keys);
        if let Some(vector) = question.vector.filter(|v| self.dense.len(v.len()) == self.len()) {
            self.dense.scan(vector, |score, slot| best.offer(score, slot));
        }
        best.into_sorted()
    }

    /// The best of the scores above 0, which are by slot.
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
