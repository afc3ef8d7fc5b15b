//! Character 3-5-grams: finds a word in spite of a slip of the pen, or an ending or a compound that no stemmer
//! knows.
//!
//! A chunk's n-grams are those of its words, so they are not indexed by chunk: n-grams lead to words, and words to
//! chunks. The cosine is the same, for a tenth of the memory and of the work. The weights are SMART's lnc.ltc:
//! rarity weighs in the question's vector only, so that a chunk's length never changes when others come or go.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::lexicon::Term;

/// Which words hold an n-gram, as often as they do.
#[derive(Default)]
pub(super) struct Grams {
    words: HashMap<u64, Vec<u32>, BuildHasherDefault<AsItIs>>,
}

/// An n-gram's key is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Grams {
    /// Puts a new word in.
    pub(super) fn insert(&mut self, surface: &str, id: u32) {
        each(surface, |gram| self.words.entry(gram).or_default().push(id));
    }

    /// The words that hold an n-gram.
    pub(super) fn words(&self, gram: u64) -> &[u32] {
        self.words.get(&gram).map_or(&[], Vec::as_slice)
    }

    /// Takes a word out.
    pub(super) fn remove(&mut self, surface: &str, id: u32) {
        each(surface, |gram| {
            if let Some(ids) = self.words.get_mut(&gram) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.words.remove(&gram);
                }
            }
        });
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
pub(super) fn each(surface: &str, mut gram: impl FnMut(u64)) {
    let letters: Vec<char> = [' '].into_iter().chain(surface.chars()).chain([' ']).collect();
    for size in 3..=5 {
        letters.windows(size).for_each(|letters| gram(key(letters)));
    }
}

/// FNV-1a over the letters. Two n-grams with one key are taken for one: too rare to matter.
fn key(letters: &[char]) -> u64 {
    letters.iter().fold(0xcbf2_9ce4_8422_2325, |hash, letter| {
        (hash ^ u64::from(u32::from(*letter))).wrapping_mul(0x0100_0000_01b3)
    })
}
