//! One collection in memory: adding and removing chunks. Searching it is in `search.rs`.
//!
//! Removing a chunk removes every trace of it, so search results depend only on the current
//! contents, not on the history.

use std::collections::HashMap;
use std::sync::Arc;

use super::dense::{Dense, Row};
use super::postings::Postings;
use crate::domain::{Chunk, DocumentId};
use crate::index::analyze::AnalyzedChunk;
use crate::index::order;
use crate::index::statistics::{ChunkContribution, CollectionStatistics};

/// The chunks of a collection, each in a numbered slot. Slots of removed chunks are reused.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) slots: Vec<Option<ChunkSlot>>,
    pub(super) statistics: CollectionStatistics,
    pub(super) postings: Postings,
    pub(super) dense: Dense,
    /// Number of words of each slot's chunk.
    pub(super) lengths: Vec<f32>,
    /// Norm of each slot's n-gram vector.
    pub(super) norms: Vec<f32>,
    /// Sort key of each slot's chunk id, for equal scores.
    pub(super) keys: Vec<u64>,
    free: Vec<u32>,
    documents: HashMap<DocumentId, Vec<u32>>,
}

/// A chunk and what is needed to remove it.
pub(super) struct ChunkSlot {
    pub(super) chunk: Arc<Chunk>,
    contribution: ChunkContribution,
    row: Option<Row>,
}

impl Shelf {
    /// Replaces all chunks of a document. After the last one of several, call
    /// [`compact_after_changes`](Self::compact_after_changes).
    pub(super) fn replace(&mut self, document: &DocumentId, chunks: Vec<AnalyzedChunk>) {
        if let Some(slots) = self.documents.remove(document) {
            self.take_out(slots);
        }
        let slots: Vec<u32> = chunks.into_iter().map(|chunk| self.put_in(chunk)).collect();
        if !slots.is_empty() {
            self.documents.insert(document.clone(), slots);
        }
    }

    /// Makes searches faster after changes.
    pub(super) fn compact_after_changes(&mut self) {
        self.statistics.compact_after_changes();
    }

    /// Number of chunks.
    pub(super) fn len(&self) -> usize {
        self.statistics.chunks()
    }

    fn put_in(&mut self, analyzed: AnalyzedChunk) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.new_slot());
        let at = slot as usize;
        self.lengths[at] = analyzed.length;
        self.norms[at] = analyzed.norm;
        self.keys[at] = order::key(&analyzed.chunk.id);
        let (contribution, words) = self.statistics.add(&analyzed);
        self.postings.insert(slot, &words);
        self.slots[at] = Some(ChunkSlot {
            contribution,
            row: analyzed.vector.and_then(|vector| self.dense.insert(slot, &vector)),
            chunk: analyzed.chunk,
        });
        slot
    }

    fn new_slot(&mut self) -> u32 {
        self.slots.push(None);
        self.lengths.push(0.0);
        self.norms.push(0.0);
        self.keys.push(0);
        u32::try_from(self.slots.len() - 1).expect("memory holds fewer than 4 billion chunks")
    }

    fn take_out(&mut self, mut slots: Vec<u32>) {
        slots.sort_unstable();
        let mut words = Vec::new();
        for slot in &slots {
            let at = *slot as usize;
            self.lengths[at] = 0.0;
            if let Some(held) = self.slots[at].take() {
                words.extend_from_slice(&held.contribution.words);
                self.statistics.remove(&held.contribution);
                if let Some(row) = &held.row {
                    self.dense.remove(row);
                }
            }
        }
        words.sort_unstable();
        words.dedup();
        self.postings.remove(&slots, &words);
        self.free.extend(slots);
    }
}
