//! Inverted index of character 3-5-grams: finds a word despite typos, and endings or compounds that
//! no stemmer handles.
//!
//! N-grams map to words, and words to chunks: the cosine is the same as with n-grams per chunk, for
//! a tenth of the memory and work. The weights are SMART's lnc.ltc: rarity is part of the
//! question's vector only, so a chunk's vector length never changes when other chunks are added or
//! removed.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use frontdesk_language::terms;

use super::term::Term;

/// Fewer added and removed words than this never trigger a compaction.
const MIN_CHANGED_WORDS: usize = 64;

/// Average number of n-grams in a bucket, scanned linearly: one or two cache lines.
const BUCKET_SIZE: usize = 8;

/// An n-gram whose chunks are not counted.
const UNCOUNTED: u32 = u32::MAX;

/// The words that contain each n-gram, each as often as it does. Most entries are in sorted flat
/// arrays without an allocation per n-gram: many collections with thousands of words each have to
/// fit into memory.
#[derive(Default)]
pub(super) struct Grams {
    /// Sorted distinct n-grams.
    keys: Vec<u32>,
    /// For each key, the end of its range in `words`.
    ends: Vec<u32>,
    words: Vec<u32>,
    /// For each key, the number of chunks that hold its words, [`UNCOUNTED`] until a question asks:
    /// a common n-gram has thousands of words.
    holders: Vec<AtomicU32>,
    /// Whether any of `holders` is counted.
    counted: AtomicBool,
    /// Start in `keys` of each bucket of n-grams with the same leading bits; the last entry is the
    /// end of `keys`.
    bucket_starts: Vec<u32>,
    /// Right shift that turns an n-gram into its bucket number.
    shift: u32,
    /// Words added since the last compaction, by n-gram.
    added: HashMap<u32, Vec<u32>>,
    /// How many words were added since the last compaction.
    added_words: usize,
}

impl Grams {
    /// Adds a new word.
    pub(super) fn insert(&mut self, surface: &str, id: u32) {
        each(surface, |gram| self.added.entry(gram).or_default().push(id));
        self.added_words += 1;
    }

    /// Returns the ids of the words that contain an n-gram, in two slices, which may include words
    /// removed since the last compaction; and the sum of their `frequency`, the number of chunks of
    /// a word, which is kept until [`Self::forget_counts`].
    pub(super) fn words(
        &self,
        gram: u32,
        frequency: impl Fn(u32) -> usize,
    ) -> ([&[u32]; 2], usize) {
        let place = self.place(gram);
        let settled = &self.words[place.map_or(0..0, |at| self.range(at))];
        let fresh = if self.added.is_empty() { None } else { self.added.get(&gram) };
        let fresh = fresh.map_or(&[][..], Vec::as_slice);
        let count = |ids: &[u32]| ids.iter().map(|id| frequency(*id)).sum::<usize>();
        let kept = place.and_then(|at| self.holders.get(at));
        let holders = match kept.map(|kept| (kept, kept.load(Ordering::Relaxed))) {
            Some((_, known)) if known != UNCOUNTED => known as usize,
            Some((kept, _)) => {
                let holders = count(settled);
                // A race stores the same number twice: what is counted changes only with `&mut`.
                kept.store(u32::try_from(holders).unwrap_or(UNCOUNTED), Ordering::Relaxed);
                self.counted.store(true, Ordering::Relaxed);
                holders
            }
            None => count(settled),
        };
        ([settled, fresh], holders + count(fresh))
    }

    /// Forgets how many chunks hold each n-gram, because some came or went.
    pub(super) fn forget_counts(&mut self) {
        if std::mem::take(self.counted.get_mut()) {
            self.holders.iter_mut().for_each(|holders| *holders.get_mut() = UNCOUNTED);
        }
    }

    /// Whether compaction is due: at least one in `share` of `words` was added or removed (`went`)
    /// since the last one.
    pub(super) fn needs_compaction(&self, went: usize, words: usize, share: usize) -> bool {
        (self.added_words + went) * share >= words && self.added_words + went >= MIN_CHANGED_WORDS
    }

    /// Merges the added words into the sorted arrays and drops the words for which `stays` is
    /// false.
    pub(super) fn compact(&mut self, stays: impl Fn(u32) -> bool) {
        let old = std::mem::take(self);
        let mut fresh: Vec<(u32, &Vec<u32>)> =
            old.added.iter().map(|(gram, ids)| (*gram, ids)).collect();
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
        self.holders = self.keys.iter().map(|_| AtomicU32::new(UNCOUNTED)).collect();
        self.build_buckets();
    }

    fn place(&self, gram: u32) -> Option<usize> {
        let first = usize::try_from(u64::from(gram) >> self.shift).ok()?;
        let (start, end) = (*self.bucket_starts.get(first)?, *self.bucket_starts.get(first + 1)?);
        let (start, end) = (start as usize, end as usize);
        Some(start + self.keys[start..end].iter().position(|key| *key == gram)?)
    }

    fn range(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        start as usize..self.ends[at] as usize
    }

    /// Appends words to the last key, or to a new key after it.
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

    /// Records where each bucket starts. Keys are hashes, so buckets are of about equal size.
    fn build_buckets(&mut self) {
        let bits = (self.keys.len() / BUCKET_SIZE).checked_ilog2().unwrap_or(0);
        self.shift = u32::BITS - bits;
        self.bucket_starts = (0..=1_u64 << bits)
            .map(|first| {
                small(self.keys.partition_point(|key| u64::from(*key) < first << self.shift))
            })
            .collect();
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("memory holds fewer than 4 billion n-grams")
}

/// Returns the Euclidean norm of a chunk's n-gram vector.
pub(super) fn norm(terms: &[Term]) -> f32 {
    let mut grams = Vec::with_capacity(terms.len() * 16);
    for term in terms {
        each(&term.surface, |gram| grams.push((gram, sublinear_tf(term.count))));
    }
    grams.sort_unstable_by_key(|(gram, _)| *gram);
    let same = grams.chunk_by(|a, b| a.0 == b.0);
    let weights = same.map(|grams| grams.iter().map(|(_, weight)| weight).sum::<f32>());
    weights.map(|weight| weight * weight).sum::<f32>().sqrt()
}

/// Sublinear term frequency: 1 + ln(count).
pub(super) fn sublinear_tf(count: f32) -> f32 {
    if count > 1.0 { 1.0 + count.ln() } else { 1.0 }
}

/// Calls `gram` for each occurrence of an n-gram in a word padded with one space on both sides.
/// Marks that the word kept do not count: many people type Vietnamese without them.
pub(super) fn each(surface: &str, mut gram: impl FnMut(u32)) {
    let surface = terms::fold(surface);
    let letters: Vec<char> = [' '].into_iter().chain(surface.chars()).chain([' ']).collect();
    for size in 3..=5 {
        letters.windows(size).for_each(|letters| gram(key(letters)));
    }
}

/// FNV-1a over the letters, folded to 32 bits. Colliding n-grams count as one: too rare to matter.
fn key(letters: &[char]) -> u32 {
    let hash = letters.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, letter| {
        (hash ^ u64::from(u32::from(*letter))).wrapping_mul(0x0100_0000_01b3)
    });
    #[expect(clippy::cast_possible_truncation, reason = "that is how it is folded")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}
