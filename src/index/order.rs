//! Order of hits, the same in every adapter.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Hit, Legs};
use crate::domain::ChunkId;

/// Sort key of a chunk id that selects among equal scores at the limit of one collection: comparing
/// numbers is faster than comparing texts.
pub(super) fn key(id: &ChunkId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.as_str().hash(&mut hasher);
    hasher.finish()
}

/// Merges the legs of several collections and keeps the best of each. Equal scores are ordered by
/// chunk id, even with a single collection, so that adding an empty one changes nothing.
pub(super) fn merge(found: impl Iterator<Item = Legs>, limit: usize) -> Legs {
    let mut all = Legs::default();
    let mut foreign = None;
    for legs in found {
        foreign = Some(foreign.unwrap_or(true) && legs.foreign);
        all.dense.extend(legs.dense);
        all.bm25.extend(legs.bm25);
        all.ngram.extend(legs.ngram);
    }
    all.foreign = foreign.unwrap_or_default();
    for leg in [&mut all.dense, &mut all.bm25, &mut all.ngram] {
        leg.sort_by(by_score);
        leg.truncate(limit);
    }
    all
}

fn by_score(a: &Hit, b: &Hit) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| a.chunk.id.cmp(&b.chunk.id))
}
