//! Search over embeddings: every vector is compared. Vectors are kept as 16-bit whole numbers: scores are wrong by some
//! millionths, for half of the memory and of the time.

use std::collections::BTreeMap;

use frontdesk_kernels::{dots, shrink};

/// Rows of one block: growing never moves more than one block.
const BLOCK: usize = 1_024;

/// So many rows are compared before any is offered.
const STRIDE: usize = 64;

/// The embeddings of a collection. Vectors of another length are of another model: they are kept apart, and a
/// question only meets those of its own length.
#[derive(Default)]
pub(super) struct Dense {
    by_length: BTreeMap<usize, Matrix>,
}

impl Dense {
    /// Puts a chunk's vector in; gives back its row.
    pub(super) fn insert(&mut self, slot: u32, vector: &[f32]) -> Option<Row> {
        let length = vector.len();
        if length == 0 {
            return None;
        }
        let row = self.by_length.entry(length).or_default().insert(slot, vector);
        Some(Row { length, row })
    }

    /// Takes a row out.
    pub(super) fn remove(&mut self, row: &Row) {
        if let Some(matrix) = self.by_length.get_mut(&row.length) {
            matrix.remove(row.row);
            if matrix.free.len() == matrix.slots.len() {
                self.by_length.remove(&row.length);
            }
        }
    }

    /// How many chunks have a vector of this length.
    pub(super) fn len(&self, length: usize) -> usize {
        self.by_length.get(&length).map_or(0, |matrix| matrix.slots.len() - matrix.free.len())
    }

    /// Every chunk with the dot product of its vector and the question's.
    pub(super) fn scan(&self, question: &[f32], found: impl FnMut(f32, u32)) {
        if let Some(matrix) = self.by_length.get(&question.len()) {
            matrix.scan(question, found);
        }
    }
}

/// Where a chunk's vector is.
pub(super) struct Row {
    length: usize,
    row: usize,
}

#[derive(Default)]
struct Matrix {
    /// Whose each row is; `None` is free.
    slots: Vec<Option<u32>>,
    /// What each row's numbers have to be multiplied with.
    scales: Vec<f32>,
    blocks: Vec<Vec<i16>>,
    free: Vec<usize>,
}

impl Matrix {
    fn insert(&mut self, slot: u32, vector: &[f32]) -> usize {
        if let Some(row) = self.free.pop() {
            let mut numbers = Vec::with_capacity(vector.len());
            self.scales[row] = shrink(vector, &mut numbers);
            let at = row % BLOCK * vector.len();
            self.blocks[row / BLOCK][at..at + vector.len()].copy_from_slice(&numbers);
            self.slots[row] = Some(slot);
            return row;
        }
        if self.slots.len().is_multiple_of(BLOCK) {
            self.blocks.push(Vec::new());
        }
        if let Some(block) = self.blocks.last_mut() {
            self.scales.push(shrink(vector, block));
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
