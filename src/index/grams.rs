//! Character 3-5-grams: finds a word in spite of a slip of the pen, or an ending or a compound that no stemmer
//! knows.
//!
//! A chunk's n-grams are those of its words, so they are not indexed by chunk: n-grams lead to words, and words to
//! chunks. The cosine is the same, for a tenth of the memory and of the work. The weights are SMART's lnc.ltc:
//! rarity weighs in the question's vector only, so that a chunk's length never changes when others come or go.

use std::collections::BTreeMap;

use super::lexicon::Term;

/// So many words may have come or gone before what is in order is written anew.
const FEW: usize = 64;

/// Which words hold an n-gram, as often as they do. Most of it lies in order, without an allocation for each n-gram: many
/// collections of some thousand words each have to fit into memory.
#[derive(Default)]
pub(super) struct Grams {
    /// The n-grams in order, each once.
    keys: Vec<u32>,
    /// Where the words of each n-gram end.
    ends: Vec<u32>,
    words: Vec<u32>,
    /// What came since that was put in order: n-gram and word, and how often the word has it.
    fresh: BTreeMap<(u32, u32), u32>,
    /// How many words these are of.
    come: usize,
}

impl Grams {
    /// Puts a new word in.
    pub(super) fn insert(&mut self, surface: &str, id: u32) {
        each(surface, |gram| *self.fresh.entry((gram, id)).or_default() += 1);
        self.come += 1;
    }

    /// The words that hold an n-gram, also those that went lately.
    pub(super) fn words(&self, gram: u32) -> impl Iterator<Item = u32> {
        let settled = self.keys.binary_search(&gram).map_or(0..0, |at| self.range(at));
        let fresh = self.fresh.range((gram, 0)..=(gram, u32::MAX));
        let fresh = fresh.flat_map(|((_, id), times)| std::iter::repeat_n(*id, *times as usize));
        self.words[settled].iter().copied().chain(fresh)
    }

    /// Writes everything anew without the words that went, when it is worth it: a quarter of all words, of which there are
    /// `words`, came or went since the last time. Tells whether it did.
    pub(super) fn settle(
        &mut self,
        went: usize,
        words: usize,
        stays: impl Fn(u32) -> bool,
    ) -> bool {
        if (self.come + went) * 4 < words || self.come + went < FEW {
            return false;
        }
        let old = std::mem::take(self);
        let count = old.words.len() + old.fresh.len();
        self.keys.reserve_exact(old.keys.len() + old.fresh.len());
        self.ends.reserve_exact(old.keys.len() + old.fresh.len());
        self.words.reserve_exact(count);
        let mut fresh = old.fresh.iter().peekable();
        for (at, key) in old.keys.iter().enumerate() {
            while let Some(((gram, id), times)) = fresh.next_if(|((gram, _), _)| gram < key) {
                self.add(*gram, *id, *times, &stays);
            }
            for id in &old.words[old.range(at)] {
                self.add(*key, *id, 1, &stays);
            }
        }
        for ((gram, id), times) in fresh {
            self.add(*gram, *id, *times, &stays);
        }
        self.keys.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.words.shrink_to_fit();
        true
    }

    fn range(&self, at: usize) -> std::ops::Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        start as usize..self.ends[at] as usize
    }

    /// Adds a word to the last n-gram, or to a new one after it.
    fn add(&mut self, gram: u32, id: u32, times: u32, stays: &impl Fn(u32) -> bool) {
        if !stays(id) {
            return;
        }
        self.words.extend(std::iter::repeat_n(id, times as usize));
        let end = u32::try_from(self.words.len()).expect("memory holds fewer than 4 billion");
        if self.keys.last() == Some(&gram)
            && let Some(last) = self.ends.last_mut()
        {
            *last = end;
        } else {
            self.keys.push(gram);
            self.ends.push(end);
        }
    }
}

/// The length of a chunk's n-gram vector.
pub(super) fn norm(terms: &[Term]) -> f32 {
    let mut grams = Vec::with_capacity(terms.len() * 16);
    for term in terms {
        each(&term.surface, |gram| grams.push((gram, damped(term.count))));
    }
    grams.sort_unstable_by_key(|(gram, _)| *gram);
    let same = grams.chunk_by(|a, b| a.0 == b.0);
    let weights = same.map(|grams| grams.iter().map(|(_, weight)| weight).sum::<f32>());
    weights.map(|weight| weight * weight).sum::<f32>().sqrt()
}

/// A word's weight grows slower than its count.
pub(super) fn damped(count: f32) -> f32 {
    if count > 1.0 { 1.0 + count.ln() } else { 1.0 }
}

/// Every n-gram of a word, with a space before and after it; as often as it stands there.
pub(super) fn each(surface: &str, mut gram: impl FnMut(u32)) {
    let letters: Vec<char> = [' '].into_iter().chain(surface.chars()).chain([' ']).collect();
    for size in 3..=5 {
        letters.windows(size).for_each(|letters| gram(key(letters)));
    }
}

/// FNV-1a over the letters, folded to half its length. Two n-grams with one key are taken for one: too rare to matter.
fn key(letters: &[char]) -> u32 {
    let hash = letters.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, letter| {
        (hash ^ u64::from(u32::from(*letter))).wrapping_mul(0x0100_0000_01b3)
    });
    #[expect(clippy::cast_possible_truncation, reason = "that is how it is folded")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}
