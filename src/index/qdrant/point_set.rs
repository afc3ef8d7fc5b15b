//! What one of our collections holds, as this process knows it: the statistics that questions are planned with, and
//! which points are current. No text, no posting and no vector.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::points::{Id, Piece};
use crate::domain::DocumentId;
use crate::index::statistics::{ChunkContribution, CollectionStatistics};

/// The points that a search may find, each with the length of its vector; 0: it has none.
pub(super) type Current = HashMap<Id, usize>;

/// The points of a collection that are current, and its statistics.
#[derive(Default)]
pub(super) struct PointSet {
    pub(super) statistics: CollectionStatistics,
    /// Searches take it along: what they find is held against what was current when they began.
    pub(super) current: Arc<Current>,
    documents: HashMap<DocumentId, Vec<PointEntry>>,
    /// How many vectors of each length there are.
    lengths: HashMap<usize, usize>,
}

struct PointEntry {
    id: Id,
    contribution: ChunkContribution,
    /// The length of its vector; 0: it has none.
    length: usize,
}

/// What a replacement left behind.
pub(super) struct Before {
    /// Alive as long as a search goes on that began before.
    pub(super) searched: Weak<Current>,
    /// Whether the document had points.
    pub(super) had: bool,
}

impl PointSet {
    /// Puts these pieces in the place of all that the document had.
    pub(super) fn replace(&mut self, document: &DocumentId, pieces: &[Piece]) -> Before {
        let searched = Arc::downgrade(&self.current);
        // Copies the map only where a search holds the old one.
        let current = Arc::make_mut(&mut self.current);
        let old = self.documents.remove(document).unwrap_or_default();
        for entry in &old {
            current.remove(&entry.id);
            self.statistics.remove(&entry.contribution);
            if let Some(vectors) = self.lengths.get_mut(&entry.length) {
                *vectors -= 1;
            }
        }
        let mut new = Vec::with_capacity(pieces.len());
        for piece in pieces {
            current.insert(piece.id, piece.vector().map_or(0, <[f32]>::len));
            let length = piece.analyzed.vector.as_ref().map_or(0, Vec::len);
            *self.lengths.entry(length).or_default() += 1;
            new.push(PointEntry {
                id: piece.id,
                contribution: self.statistics.add(&piece.analyzed).0,
                length,
            });
        }
        if !new.is_empty() {
            self.documents.insert(document.clone(), new);
        }
        self.statistics.rest();
        Before { searched, had: !old.is_empty() }
    }

    /// Whether every chunk has a vector of this length: the part of a collection that is embedded already does not push
    /// down the rest.
    pub(super) fn is_embedded(&self, length: usize) -> bool {
        length > 0 && self.lengths.get(&length) == Some(&self.statistics.chunks())
    }
}
