//! Byte pair encoding: how many tokens a piece of text is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::table::Table;

/// Counts the tokens of a piece of text that the tokenizer never joins with its neighbours.
pub(crate) fn count(piece: &[u8], table: &Table) -> usize {
    if piece.len() < 2 || table.rank(piece).is_some() {
        return piece.len().min(1);
    }
    Parts::new(piece, table).merge_all()
}

/// The parts of a piece, each known by its first byte. At first each byte is a part.
struct Parts<'a> {
    piece: &'a [u8],
    table: &'a Table,
    /// Where the next part begins, by first byte.
    next: Vec<usize>,
    /// Where the part before begins.
    before: Vec<usize>,
    /// The rank of the token that a part makes with the next one.
    merged: Vec<Option<u32>>,
    /// The merges that are or were possible: the lowest rank first, then from left to right.
    merges: BinaryHeap<Reverse<(u32, usize)>>,
}

impl<'a> Parts<'a> {
    fn new(piece: &'a [u8], table: &'a Table) -> Self {
        let mut parts = Self {
            piece,
            table,
            next: (1..=piece.len()).collect(),
            before: (0..piece.len()).map(|at| at.saturating_sub(1)).collect(),
            merged: vec![None; piece.len()],
            merges: BinaryHeap::with_capacity(piece.len()),
        };
        for at in 0..piece.len() {
            parts.look_up(at);
        }
        parts
    }

    /// Merges until nothing can be merged, and returns the number of parts that are left.
    fn merge_all(mut self) -> usize {
        let mut count = self.piece.len();
        while let Some(Reverse((rank, at))) = self.merges.pop() {
            if self.merged[at] != Some(rank) {
                continue; // One of the two parts was merged with another before.
            }
            let second = self.next[at];
            let after = self.next[second];
            self.merged[second] = None;
            self.next[at] = after;
            if let Some(before) = self.before.get_mut(after) {
                *before = at;
            }
            count -= 1;
            self.look_up(at);
            if at > 0 {
                self.look_up(self.before[at]);
            }
        }
        count
    }

    /// Finds out which token a part makes with the next one.
    fn look_up(&mut self, at: usize) {
        let end = self.next.get(self.next[at]).copied();
        self.merged[at] = end.and_then(|end| self.table.rank(&self.piece[at..end]));
        if let Some(rank) = self.merged[at] {
            self.merges.push(Reverse((rank, at)));
        }
    }
}
