//! Exact search over embeddings: every vector is compared.

use std::collections::BTreeMap;

/// Rows of one block: growing never moves more than one block.
const BLOCK: usize = 1_024;

/// Lanes of the dot product, enough to keep the processor's adders busy.
const LANES: usize = 32;

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
    blocks: Vec<Vec<f32>>,
    free: Vec<usize>,
}

impl Matrix {
    fn insert(&mut self, slot: u32, vector: &[f32]) -> usize {
        if let Some(row) = self.free.pop() {
            let at = row % BLOCK * vector.len();
            let block = self.blocks.get_mut(row / BLOCK);
            if let Some(old) = block.and_then(|block| block.get_mut(at..at + vector.len())) {
                old.copy_from_slice(vector);
            }
            self.slots[row] = Some(slot);
            return row;
        }
        if self.slots.len().is_multiple_of(BLOCK) {
            self.blocks.push(Vec::new());
        }
        if let Some(block) = self.blocks.last_mut() {
            block.extend_from_slice(vector);
        }
        self.slots.push(Some(slot));
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
        for (slots, block) in self.slots.chunks(BLOCK).zip(&self.blocks) {
            for (slot, row) in slots.iter().zip(block.chunks_exact(question.len())) {
                if let Some(slot) = slot {
                    found(dot(question, row), *slot);
                }
            }
        }
    }
}

/// Written in lanes so that the compiler makes vector instructions of it.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
