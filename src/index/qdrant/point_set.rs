//! A collection's contents as this process knows them: the statistics for query planning, and which
//! points are current. No texts, postings or vectors.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::points::{Id, Piece};
use crate::domain::DocumentId;
use crate::index::statistics::{ChunkContribution, CollectionStatistics};

/// The points that a search may return, each with the length of its vector; 0: none.
pub(super) type Current = HashMap<Id, usize>;

/// Current points and statistics of a collection.
#[derive(Default)]
pub(super) struct PointSet {
    pub(super) statistics: CollectionStatistics,
    /// A search holds a clone of it and drops results that were not current when the search began.
    pub(super) current: Arc<Current>,
    documents: HashMap<DocumentId, Vec<PointEntry>>,
    /// Number of vectors of each length.
    lengths: HashMap<usize, usize>,
}

struct PointEntry {
    id: Id,
    contribution: ChunkContribution,
    /// Length of its vector; 0: none.
    length: usize,
}

/// State before a replacement.
pub(super) struct Before {
    /// Alive while a search that began before the replacement is running.
    pub(super) searched: Weak<Current>,
    /// Whether the document had points.
    pub(super) had: bool,
}

impl PointSet {
    /// Replaces all points of a document.
    pub(super) fn replace(&mut self, document: &DocumentId, pieces: &[Piece]) -> Before {
        let searched = Arc::downgrade(&self.current);
        // Copies the map only while a search holds it.
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
        self.statistics.compact_after_changes();
        Before { searched, had: !old.is_empty() }
    }

    /// Whether every chunk has a vector of this length. A partly embedded collection is not
    /// searched by embedding, because the embedded part would push the rest down.
    pub(super) fn is_embedded(&self, length: usize) -> bool {
        length > 0 && self.lengths.get(&length) == Some(&self.statistics.chunks())
    }
}
