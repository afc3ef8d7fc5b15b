//! Dense search: compares every vector. Vectors are stored as 16-bit integers: half the memory and
//! time, with score errors of a few millionths.

use std::collections::BTreeMap;

use frontdesk_kernels::{dots, quantize};

/// Rows per block: growing never moves more than one block.
const BLOCK: usize = 1_024;

/// Rows compared per call of the kernel.
const STRIDE: usize = 64;

/// The embeddings of a collection. Vectors of different lengths come from different models and are
/// kept apart; a question is only compared with those of its own length.
#[derive(Default)]
pub(super) struct Dense {
    by_length: BTreeMap<usize, Matrix>,
}

impl Dense {
    /// Adds a chunk's vector and returns its row; `None` for an empty vector.
    pub(super) fn insert(&mut self, slot: u32, vector: &[f32]) -> Option<Row> {
        let length = vector.len();
        if length == 0 {
            return None;
        }
        let row = self.by_length.entry(length).or_default().insert(slot, vector);
        Some(Row { length, row })
    }

    /// Removes a row.
    pub(super) fn remove(&mut self, row: &Row) {
        if let Some(matrix) = self.by_length.get_mut(&row.length) {
            matrix.remove(row.row);
            if matrix.free.len() == matrix.slots.len() {
                self.by_length.remove(&row.length);
            }
        }
    }

    /// Number of chunks that have a vector of this length.
    pub(super) fn len(&self, length: usize) -> usize {
        self.by_length.get(&length).map_or(0, |matrix| matrix.slots.len() - matrix.free.len())
    }

    /// Calls `found` for every chunk with the dot product of its vector and the question's.
    pub(super) fn scan(&self, question: &[f32], found: impl FnMut(f32, u32)) {
        if let Some(matrix) = self.by_length.get(&question.len()) {
            matrix.scan(question, found);
        }
    }
}

/// Location of a chunk's vector.
pub(super) struct Row {
    length: usize,
    row: usize,
}

#[derive(Default)]
struct Matrix {
    /// The slot of each row's chunk; `None` for a free row.
    slots: Vec<Option<u32>>,
    /// Scale factor of each row.
    scales: Vec<f32>,
    blocks: Vec<Vec<i16>>,
    free: Vec<usize>,
}

impl Matrix {
    fn insert(&mut self, slot: u32, vector: &[f32]) -> usize {
        if let Some(row) = self.free.pop() {
            let mut numbers = Vec::with_capacity(vector.len());
            self.scales[row] = quantize(vector, &mut numbers);
            let at = row % BLOCK * vector.len();
            self.blocks[row / BLOCK][at..at + vector.len()].copy_from_slice(&numbers);
            self.slots[row] = Some(slot);
            return row;
        }
        if self.slots.len().is_multiple_of(BLOCK) {
            self.blocks.push(Vec::new());
        }
        if let Some(block) = self.blocks.last_mut() {
            self.scales.push(quantize(vector, block));
            self.slots.push(Some(slot));
        }
        self.slots.len() - 1
    }

    fn remove(&mut self, row: usize) {
        if let Some(slot) = self.slots.get_mut(row)
            && slot.take().is_some()
        {
            self.free.push(row);
        }
    }

    fn scan(&self, question: &[f32], mut found: impl FnMut(f32, u32)) {
        let mut sums = [0.0; STRIDE];
        let slots = self.slots.chunks(BLOCK).zip(self.scales.chunks(BLOCK));
        for ((slots, scales), block) in slots.zip(&self.blocks) {
            let strides = slots.chunks(STRIDE).zip(scales.chunks(STRIDE));
            for ((slots, scales), rows) in strides.zip(block.chunks(STRIDE * question.len())) {
                let sums = &mut sums[..slots.len()];
                dots(question, rows, sums);
                for ((slot, scale), sum) in slots.iter().zip(scales).zip(sums) {
                    if let Some(slot) = slot {
                        found(*sum * scale, *slot);
                    }
                }
            }
        }
    }
}
