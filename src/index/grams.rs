//! Character 3-5-grams: finds a word in spite of a slip of the pen, or an ending or a compound that no stemmer
//! knows.
//!
//! A chunk's n-grams are those of its words, so they are not indexed by chunk: n-grams lead to words, and words to
//! chunks. The cosine is the same, for a tenth of the memory and of the work. The weights are SMART's lnc.ltc:
//! rarity weighs in the question's vector only, so that a chunk's length never changes when others come or go.

use std::collections::HashMap;
use std::ops::Range;

use super::term::Term;

/// So many words may have come or gone before what is in order is written anew.
const FEW: usize = 64;

/// So many n-grams are looked through at once, about: a cache line or two of them.
const STRETCH: usize = 8;

/// Which words hold an n-gram, as often as they do. Most of it lies in order, without an allocation for each n-gram: many
/// collections of some thousand words each have to fit into memory.
#[derive(Default)]
pub(super) struct Grams {
    /// The n-grams in order, each once.
    keys: Vec<u32>,
    /// Where the words of each n-gram end.
    ends: Vec<u32>,
    words: Vec<u32>,
    /// Where the n-grams begin that have the same first bits; the last is where they all end.
    stretches: Vec<u32>,
    /// How many bits are not first bits.
    shift: u32,
    /// What came since that was put in order.
    fresh: HashMap<u32, Vec<u32>>,
    /// How many words these are of.
    come: usize,
}

impl Grams {
    /// Puts a new word in.
    pub(super) fn insert(&mut self, surface: &str, id: u32) {
        each(surface, |gram| self.fresh.entry(gram).or_default().push(id));
        self.come += 1;
    }

    /// The words that hold an n-gram, in two pieces; also those that went lately.
    pub(super) fn words(&self, gram: u32) -> [&[u32]; 2] {
        let settled = self.place(gram).map_or(0..0, |at| self.range(at));
        let fresh = if self.fresh.is_empty() { None } else { self.fresh.get(&gram) };
        [&self.words[settled], fresh.map_or(&[], Vec::as_slice)]
    }

    /// Whether it is worth it to write everything anew, when so many of so many words went: one in `share` came or went since
    /// the last time.
    pub(super) fn needs_compaction(&self, went: usize, words: usize, share: usize) -> bool {
        (self.come + went) * share >= words && self.come + went >= FEW
    }

    /// Writes everything anew without the words that went.
    pub(super) fn compact(&mut self, stays: impl Fn(u32) -> bool) {
        let old = std::mem::take(self);
        let mut fresh: Vec<(u32, &Vec<u32>)> =
            old.fresh.iter().map(|(gram, ids)| (*gram, ids)).collect();
        fresh.sort_unstable_by_key(|(gram, _)| *gram);
        let come: usize = fresh.iter().map(|(_, ids)| ids.len()).sum();
        self.keys.reserve_exact(old.keys.len() + fresh.len());
        self.ends.reserve_exact(old.keys.len() + fresh.len());
        self.words.reserve_exact(old.words.len() + come);
        let mut fresh = fresh.into_iter().peekable();
        for (at, key) in old.keys.iter().enumerate() {
            while let Some((gram, ids)) = fresh.next_if(|(gram, _)| gram < key) {
                self.add(gram, ids, &stays);
            }
            self.add(*key, &old.words[old.range(at)], &stays);
        }
        for (gram, ids) in fresh {
            self.add(gram, ids, &stays);
        }
        self.keys.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.words.shrink_to_fit();
        self.divide();
    }

    fn place(&self, gram: u32) -> Option<usize> {
        let first = usize::try_from(u64::from(gram) >> self.shift).ok()?;
        let (start, end) = (*self.stretches.get(first)?, *self.stretches.get(first + 1)?);
        let (start, end) = (start as usize, end as usize);
        Some(start + self.keys[start..end].iter().position(|key| *key == gram)?)
    }

    fn range(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        start as usize..self.ends[at] as usize
    }

    /// Adds words to the last n-gram, or to a new one after it.
    fn add(&mut self, gram: u32, ids: &[u32], stays: &impl Fn(u32) -> bool) {
        let before = self.words.len();
        self.words.extend(ids.iter().copied().filter(|id| stays(*id)));
        if self.words.len() == before {
            return;
        }
        let end = small(self.words.len());
        if self.keys.last() == Some(&gram)
            && let Some(last) = self.ends.last_mut()
        {
            *last = end;
        } else {
            self.keys.push(gram);
            self.ends.push(end);
        }
    }

    /// Notes where the n-grams of the same first bits begin. Keys are hashes, so these are about equally many.
    fn divide(&mut self) {
        let bits = (self.keys.len() / STRETCH).checked_ilog2().unwrap_or(0);
        self.shift = u32::BITS - bits;
        self.stretches = (0..=1_u64 << bits)
            .map(|first| {
                small(self.keys.partition_point(|key| u64::from(*key) < first << self.shift))
            })
            .collect();
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("memory holds fewer than 4 billion n-grams")
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
