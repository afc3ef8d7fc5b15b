//! Postings: which chunk of a collection contains which word how often.

use smallvec::SmallVec;

/// The count of a word in a chunk.
#[derive(Clone, Copy)]
pub(super) struct Posting {
    pub(super) slot: u32,
    pub(super) count: f32,
}

/// Postings of a collection by word id. Most words occur in one or two chunks and need no
/// allocation.
#[derive(Default)]
pub(super) struct Postings {
    by_word: Vec<SmallVec<[Posting; 2]>>,
}

impl Postings {
    /// Adds a chunk's words; each may occur once.
    pub(super) fn insert(&mut self, slot: u32, words: &[(u32, f32)]) {
        let needed = words.iter().map(|(id, _)| *id as usize + 1).max().unwrap_or(0);
        if self.by_word.len() < needed {
            self.by_word.resize_with(needed, SmallVec::new);
        }
        for (id, count) in words {
            self.by_word[*id as usize].push(Posting { slot, count: *count });
        }
    }

    /// Removes chunks, given their slots in ascending order and all their words.
    pub(super) fn remove(&mut self, slots: &[u32], words: &[u32]) {
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return };
        let gone = |slot: &u32| (first..=last).contains(&slot) && slots.binary_search(slot).is_ok();
        for id in words {
            let postings = &mut self.by_word[*id as usize];
            postings.retain(|posting| !gone(&posting.slot));
            if postings.is_empty() {
                postings.shrink_to_fit();
            }
        }
    }

    /// The postings of a word.
    #[inline]
    pub(super) fn of(&self, word: u32) -> &[Posting] {
        self.by_word.get(word as usize).map_or(&[], SmallVec::as_slice)
    }
}
