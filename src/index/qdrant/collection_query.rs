//! A question prepared for one collection: the candidate queries for Qdrant, and the scoring of the
//! returned chunks with the same formulas as in memory. Makes no calls.

use std::collections::HashMap;
use std::sync::Arc;

use qdrant_client::qdrant::SparseVector;

use super::point_set::{Current, PointSet};
use super::points::{Id, StoredChunk, dimension, sparse};
use crate::domain::CollectionId;
use crate::index::question::{Plan, Question};
use crate::index::{Hit, Legs, grams, order, scoring};

/// Additional candidates requested, so that enough remain after outdated points are dropped and
/// ties at the limit are resolved.
const SPARE: usize = 32;
/// Candidate factor for BM25: stored weights rank almost, but not exactly, like the true ones.
const BM25_TIMES: usize = 2;

/// The search legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    Dense,
    Bm25,
    Ngram,
}

/// A question prepared for one collection.
pub(super) struct CollectionQuery {
    pub(super) collection: CollectionId,
    /// The points that were current when the search began.
    current: Arc<Current>,
    plan: Plan,
    /// Role of each word of the collection that matters for the question.
    roles: HashMap<Box<str>, Role>,
    vector: Option<Vec<f32>>,
    limit: usize,
}

/// Role of a word in the question.
#[derive(Default)]
struct Role {
    /// Indices of the question's words that it is a form of.
    sought: Vec<usize>,
    /// Its index among the words with shared n-grams, and its weight there.
    close: Option<(usize, f32)>,
}

struct ChunkScores {
    bm25: f32,
    ngram: f32,
    coverage: f32,
}

/// Candidates of each leg in one collection: dense ones with scores, the others still to be scored.
#[derive(Default)]
pub(super) struct Candidates {
    pub(super) dense: Vec<(Id, f32)>,
    pub(super) bm25: Vec<Id>,
    pub(super) ngram: Vec<Id>,
}

impl CollectionQuery {
    pub(super) fn new(
        collection: &CollectionId,
        question: &Question<'_>,
        points: &PointSet,
    ) -> Self {
        let plan = Plan::new(question, &points.statistics);
        let lexicon = &points.statistics.lexicon;
        let mut roles: HashMap<Box<str>, Role> = HashMap::new();
        for (place, word) in plan.terms.iter().enumerate() {
            for kin in &word.kin {
                roles.entry(lexicon.surface(*kin).into()).or_default().sought.push(place);
            }
        }
        for (place, (word, weight)) in plan.similar_words.iter().enumerate() {
            roles.entry(lexicon.surface(*word).into()).or_default().close = Some((place, *weight));
        }
        let comparable = |vector: &&[f32]| {
            points.is_embedded(vector.len()) && vector.iter().all(|number| number.is_finite())
        };
        Self {
            collection: collection.clone(),
            current: Arc::clone(&points.current),
            plan,
            roles,
            vector: question.vector.filter(comparable).map(<[f32]>::to_vec),
            limit: question.limit.min(points.current.len()),
        }
    }

    /// Number of final results wanted from a leg; 0 skips it.
    pub(super) fn wanted(&self, leg: Leg) -> usize {
        let sensible = match leg {
            Leg::Dense => self.vector.is_some(),
            Leg::Bm25 => self.plan.terms.iter().any(|word| !word.kin.is_empty()),
            Leg::Ngram => !self.plan.similar_words.is_empty(),
        };
        if sensible { self.limit } else { 0 }
    }

    /// Number of candidates to request at first.
    pub(super) fn first(&self, leg: Leg) -> usize {
        let times = if leg == Leg::Bm25 { BM25_TIMES } else { 1 };
        (self.wanted(leg) * times).min(self.current.len()) + SPARE
    }

    /// The question's embedding, if every chunk of the collection has one of its length.
    pub(super) fn vector(&self) -> Option<&[f32]> {
        self.vector.as_deref()
    }

    /// The question as a sparse vector, to compare with the stored weights.
    pub(super) fn sparse(&self, leg: Leg) -> SparseVector {
        let mut weights = Vec::with_capacity(self.roles.len());
        for (word, role) in &self.roles {
            let weight = match leg {
                Leg::Ngram => role.close.map_or(0.0, |(_, weight)| weight),
                _ => role.sought.iter().map(|place| self.plan.terms[*place].rarity).sum(),
            };
            if weight > 0.0 {
                weights.push((dimension(word), weight));
            }
        }
        sparse(weights)
    }

    /// Whether a leg may return a point: it was current when the search began.
    pub(super) fn is_current(&self, leg: Leg, id: Id) -> bool {
        self.current.get(&id).is_some_and(|length| match leg {
            Leg::Dense => self.vector.as_ref().is_some_and(|vector| vector.len() == *length),
            _ => true,
        })
    }

    /// Returns the best of each leg among the candidates.
    pub(super) fn legs(&self, found: &Candidates, known: &HashMap<Id, Arc<StoredChunk>>) -> Legs {
        let scored: HashMap<Id, ChunkScores> = found
            .dense
            .iter()
            .map(|(id, _)| id)
            .chain(&found.bm25)
            .chain(&found.ngram)
            .filter_map(|id| Some((*id, self.score(known.get(id)?))))
            .collect();
        let hit = |id: Id, score: f32| {
            let (known, scored) = (known.get(&id)?, scored.get(&id)?);
            Some(Hit { chunk: known.chunk.clone(), score, coverage: scored.coverage })
        };
        let of = |ids: &[Id], score: fn(&ChunkScores) -> f32| {
            let score = |id: &Id| Some((*id, score(scored.get(id)?)));
            let positive = ids.iter().filter_map(score).filter(|(_, score)| *score > 0.0);
            self.best(positive.filter_map(|(id, score)| hit(id, score)).collect())
        };
        Legs {
            dense: self.best(found.dense.iter().filter_map(|(id, s)| hit(*id, *s)).collect()),
            bm25: of(&found.bm25, |scored| scored.bm25),
            ngram: of(&found.ngram, |scored| scored.ngram),
            foreign: self.plan.foreign,
        }
    }

    fn best(&self, hits: Vec<Hit>) -> Vec<Hit> {
        let mut keyed: Vec<(u64, Hit)> = hits
            .into_iter()
            .filter(|hit| hit.score.is_finite())
            .map(|hit| (order::key(&hit.chunk.id), hit))
            .collect();
        keyed.sort_by(|(a_key, a), (b_key, b)| {
            b.score.total_cmp(&a.score).then_with(|| a_key.cmp(b_key))
        });
        keyed.truncate(self.limit);
        keyed.into_iter().map(|(_, hit)| hit).collect()
    }

    /// Scores a chunk by its own words. Sums in the same order as the memory index, so that equal
    /// scores are equal in both.
    fn score(&self, known: &StoredChunk) -> ChunkScores {
        let mut counts = vec![0.0; self.plan.terms.len()];
        let mut close = Vec::new();
        for (word, count) in &known.words {
            let Some(role) = self.roles.get(&**word) else { continue };
            for place in &role.sought {
                counts[*place] += count;
            }
            if let Some((place, weight)) = role.close {
                close.push((place, weight * grams::sublinear_tf(*count)));
            }
        }
        close.sort_unstable_by_key(|(place, _)| *place);
        let (mut bm25, mut held) = (0.0, 0.0);
        for (word, count) in self.plan.terms.iter().zip(counts).filter(|(_, count)| *count > 0.0) {
            bm25 += word.rarity * scoring::saturated(count, known.length, self.plan.average);
            held += word.weight;
        }
        let shared = close.iter().fold(0.0, |sum, (_, weight)| sum + weight);
        ChunkScores {
            bm25,
            ngram: scoring::cosine(shared, self.plan.length, known.norm),
            coverage: self.plan.coverage(held),
        }
    }
}
