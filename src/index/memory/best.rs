//! Top-k selection of scored chunks without sorting them all.

use std::cmp::Ordering;

/// Keeps the `limit` best of the offered chunks. Equal scores are ordered by a key of the chunk id,
/// so that results do not depend on insertion order.
pub(super) struct Best<'a> {
    limit: usize,
    /// Sort keys by slot, see [`key`](crate::index::order::key).
    keys: &'a [u64],
    floor: f32,
    found: Vec<(f32, u32)>,
}

impl<'a> Best<'a> {
    pub(super) fn new(limit: usize, keys: &'a [u64]) -> Self {
        Self { limit, keys, floor: f32::NEG_INFINITY, found: Vec::new() }
    }

    /// Offers a slot with its score; a score that is not finite is ignored.
    #[inline]
    pub(super) fn offer(&mut self, score: f32, slot: u32) {
        if score >= self.floor && score.is_finite() {
            self.found.push((score, slot));
            if self.found.len() >= self.limit.saturating_mul(4).max(64) {
                self.shrink();
            }
        }
    }

    /// Returns the best, best first.
    pub(super) fn into_sorted(mut self) -> Vec<(f32, u32)> {
        self.shrink();
        let mut found = std::mem::take(&mut self.found);
        found.sort_unstable_by(|a, b| self.order(*a, *b));
        found
    }

    fn shrink(&mut self) {
        if self.found.len() <= self.limit {
            return;
        }
        let mut found = std::mem::take(&mut self.found);
        if let Some(last) = self.limit.checked_sub(1) {
            let (_, worst, _) = found.select_nth_unstable_by(last, |a, b| self.order(*a, *b));
            self.floor = worst.0;
        }
        found.truncate(self.limit);
        self.found = found;
    }

    fn order(&self, a: (f32, u32), b: (f32, u32)) -> Ordering {
        let key = |slot: u32| self.keys.get(slot as usize);
        b.0.total_cmp(&a.0).then_with(|| key(a.1).cmp(&key(b.1)))
    }
}
