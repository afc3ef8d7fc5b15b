//! One collection: what is in it, and putting in and taking out. Searching it is `search.rs`.
//!
//! Taking a chunk out removes every trace of it, so what a search finds depends on what the collection holds and
//! not on how it came to be.

use std::collections::HashMap;
use std::sync::Arc;

use whatlang::Lang;

use super::best;
use super::dense::{Dense, Row};
use super::read::Read;
use super::words::Words;
use crate::domain::{Chunk, DocumentId};
use crate::index::terms;

/// The chunks of a collection, each in a numbered slot; the slot of a chunk that goes is used again.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) slots: Vec<Option<Held>>,
    pub(super) words: Words,
    pub(super) dense: Dense,
    /// How many words each slot's chunk has.
    pub(super) lengths: Vec<f32>,
    /// The length of each slot's n-gram vector.
    pub(super) norms: Vec<f32>,
    /// What stands for each slot's chunk id where scores are equal.
    pub(super) keys: Vec<u64>,
    free: Vec<u32>,
    documents: HashMap<DocumentId, Vec<u32>>,
    languages: HashMap<Lang, usize>,
    total_length: f64,
}

/// What is remembered of a chunk.
pub(super) struct Held {
    pub(super) chunk: Arc<Chunk>,
    words: Box<[u32]>,
    row: Option<Row>,
    language: Option<Lang>,
}

impl Shelf {
    /// Puts these chunks in the place of all that the document had.
    pub(super) fn replace(&mut self, document: &DocumentId, chunks: Vec<Read>) {
        if let Some(slots) = self.documents.remove(document) {
            self.take_out(slots);
        }
        let slots: Vec<u32> = chunks.into_iter().map(|chunk| self.put_in(chunk)).collect();
        if !slots.is_empty() {
            self.documents.insert(document.clone(), slots);
        }
    }

    /// How many chunks there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The average length of a chunk, in words, at least 1.
    pub(super) fn average_length(&self) -> f32 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "an average"
        )]
        let average = (self.total_length / self.len().max(1) as f64) as f32;
        average.max(1.0)
    }

    /// The languages that at least one chunk in a hundred is in, in a fixed order.
    pub(super) fn languages(&self) -> Vec<Lang> {
        let spoken = self.languages.iter().filter(|(_, chunks)| **chunks * 100 >= self.len());
        let mut languages: Vec<Lang> = spoken.map(|(language, _)| *language).collect();
        languages.sort_unstable_by_key(Lang::code);
        languages
    }

    /// How many chunks are in which language, by ISO 639-1 code.
    pub(super) fn chunks_by_language(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let told = self.languages.iter().filter(|(_, chunks)| **chunks > 0);
        told.filter_map(|(language, chunks)| Some((terms::two_letters(*language)?, *chunks)))
    }

    fn put_in(&mut self, read: Read) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.new_slot());
        let at = slot as usize;
        self.lengths[at] = read.length;
        self.norms[at] = read.norm;
        self.keys[at] = best::key(&read.chunk.id);
        self.total_length += f64::from(read.length);
        if let Some(language) = read.language {
            *self.languages.entry(language).or_default() += 1;
        }
        self.slots[at] = Some(Held {
            words: self.words.insert(slot, &read.terms),
            row: read.vector.and_then(|vector| self.dense.insert(slot, &vector)),
            chunk: read.chunk,
            language: read.language,
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
            self.total_length -= f64::from(std::mem::take(&mut self.lengths[at]));
            if let Some(held) = self.slots[at].take() {
                words.extend_from_slice(&held.words);
                self.forget(&held);
            }
        }
        words.sort_unstable();
        words.dedup();
        self.words.remove(&slots, &words);
        self.free.extend(slots);
    }

    fn forget(&mut self, held: &Held) {
        if let Some(row) = &held.row {
            self.dense.remove(row);
        }
        if let Some(chunks) = held.language.and_then(|language| self.languages.get_mut(&language)) {
            *chunks -= 1;
        }
    }
}
