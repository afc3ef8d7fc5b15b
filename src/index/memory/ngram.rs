//! Character 3-5-grams: finds a word in spite of a slip of the pen, or an ending or a compound that no stemmer
//! knows.
//!
//! A chunk's n-grams are those of its words, so they are not indexed by chunk: n-grams lead to words, and words to
//! chunks. The cosine is the same, for a tenth of the memory and of the work. The weights are SMART's lnc.ltc:
//! rarity weighs in the question's vector only, so that a chunk's length never changes when others come or go.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::bm25::idf;
use super::search::Sought;
use super::shelf::Shelf;
use super::words::{Term, Words};

/// Words that share less with the question than this part of the closest word are passed over: the fused order of
/// the shared data stays within 0.2 points of nDCG, and long questions take a fraction of the time.
const FAINT: f32 = 0.1;

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

/// The cosine of every chunk of a collection with the question, by slot. Stop words are left out when the question
/// has others.
pub(super) fn score(question: &[Sought], shelf: &Shelf) -> Vec<f32> {
    let (close, length) = close_words(question, &shelf.words, shelf.len());
    let most = close.iter().map(|(_, weight)| *weight).fold(0.0, f32::max);
    let mut scores = vec![0.0; shelf.slots.len()];
    for (id, weight) in close {
        if weight >= most * FAINT {
            for posting in shelf.words.postings(id) {
                scores[posting.slot as usize] += weight * damped(posting.count);
            }
        }
    }
    for (score, norm) in scores.iter_mut().zip(&shelf.norms) {
        if *score > 0.0 {
            *score = (*score / (length * norm)).min(1.0);
        }
    }
    scores
}

/// The words that have n-grams in common with the question and what these weigh, and the length of the question's
/// vector.
fn close_words(question: &[Sought], words: &Words, chunks: usize) -> (Vec<(u32, f32)>, f32) {
    let mut weights = vec![0.0; words.len()];
    let mut close = Vec::new();
    let mut squares = 0.0_f32;
    for (gram, count) in grams(question) {
        let ids = words.grams().words.get(&gram).map_or(&[][..], Vec::as_slice);
        let holders: usize = ids.iter().map(|id| words.postings(*id).len()).sum();
        let weight = count * idf(chunks, holders.min(chunks));
        squares += weight * weight;
        for id in ids {
            let sum: &mut f32 = &mut weights[*id as usize];
            if *sum <= 0.0 {
                close.push(*id);
            }
            *sum += weight;
        }
    }
    let weighed = close.into_iter().map(|id| (id, weights[id as usize])).collect();
    (weighed, squares.sqrt())
}

/// The question's n-grams with their counts, in a fixed order.
fn grams(question: &[Sought]) -> Vec<(u64, f32)> {
    let only_content = question.iter().any(|word| word.content);
    let mut grams = Vec::new();
    for word in question.iter().filter(|word| word.content || !only_content) {
        each(&word.surface, |gram| grams.push((gram, word.count)));
    }
    grams.sort_unstable_by_key(|(gram, _)| *gram);
    let same = grams.chunk_by(|a, b| a.0 == b.0);
    same.map(|grams| (grams[0].0, grams.iter().map(|(_, count)| count).sum())).collect()
}

/// A word's weight grows slower than its count.
fn damped(count: f32) -> f32 {
    if count > 1.0 { 1.0 + count.ln() } else { 1.0 }
}

/// Every n-gram of a word, with a space before and after it; as often as it stands there.
fn each(surface: &str, mut gram: impl FnMut(u64)) {
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
