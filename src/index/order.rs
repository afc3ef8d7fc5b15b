//! The order of hits, the same in every adapter.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Hit, Legs};
use crate::domain::ChunkId;

/// What stands for a chunk's id where of equal scores only some fit in: one number is compared faster than two texts.
pub(super) fn key(id: &ChunkId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.as_str().hash(&mut hasher);
    hasher.finish()
}

/// The best of each leg over some collections. Equal scores are ordered by the chunk's id, also those of one collection:
/// whether a second one is empty changes nothing.
pub(super) fn merge(found: impl Iterator<Item = Legs>, limit: usize) -> Legs {
    let mut all = Legs::default();
    for legs in found {
        all.dense.extend(legs.dense);
        all.bm25.extend(legs.bm25);
        all.ngram.extend(legs.ngram);
    }
    for leg in [&mut all.dense, &mut all.bm25, &mut all.ngram] {
        leg.sort_by(by_score);
        leg.truncate(limit);
    }
    all
}

fn by_score(a: &Hit, b: &Hit) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| a.chunk.id.cmp(&b.chunk.id))
}
