//! The words of a collection: which chunk holds which word how often, and which words have a stem in common.

use std::collections::HashMap;
use std::sync::Arc;

use super::ngram::Grams;

/// A word of a chunk, ready to be put in.
pub(super) struct Term {
    /// The folded word.
    pub(super) surface: String,
    /// Its folded stem in the chunk's language; the surface itself where there is no stemmer.
    pub(super) stem: String,
    /// How often the chunk has it.
    pub(super) count: f32,
}

/// How often a chunk has a word.
#[derive(Clone, Copy)]
pub(super) struct Posting {
    pub(super) slot: u32,
    pub(super) count: f32,
}

/// The vocabulary of a collection with its postings. It shrinks when the last chunk with a word goes.
#[derive(Default)]
pub(super) struct Words {
    ids: HashMap<Arc<str>, u32>,
    known: Vec<Word>,
    free: Vec<u32>,
    by_stem: HashMap<Box<str>, Vec<u32>>,
    grams: Grams,
}

#[derive(Default)]
struct Word {
    surface: Arc<str>,
    stems: Vec<Box<str>>,
    postings: Vec<Posting>,
}

impl Words {
    /// Puts a chunk's words in; gives back their ids, each once.
    pub(super) fn insert(&mut self, slot: u32, terms: &[Term]) -> Box<[u32]> {
        let mut ids = Vec::with_capacity(terms.len());
        for term in terms {
            let id = self.id(&term.surface);
            self.relate(id, &term.stem);
            let postings = &mut self.known[id as usize].postings;
            match postings.last_mut() {
                Some(last) if last.slot == slot => last.count += term.count,
                _ => {
                    postings.push(Posting { slot, count: term.count });
                    ids.push(id);
                }
            }
        }
        ids.into_boxed_slice()
    }

    /// Takes chunks out, given by their slots in ascending order and all the words they had.
    pub(super) fn remove(&mut self, slots: &[u32], ids: &[u32]) {
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return };
        let gone = |slot: &u32| (first..=last).contains(&slot) && slots.binary_search(slot).is_ok();
        for id in ids {
            let postings = &mut self.known[*id as usize].postings;
            postings.retain(|posting| !gone(&posting.slot));
            if postings.is_empty() {
                self.forget(*id);
            }
        }
    }

    /// The ids of all words that have a word's form or a stem in common with it. Where the word itself is known,
    /// its stems are those it was learned with: that finds the kin of a word written without its accents.
    pub(super) fn kin(&self, surface: &str, stems: &[String]) -> Vec<u32> {
        let own = self.ids.get(surface);
        let learned = own.map_or(&[][..], |id| &self.known[*id as usize].stems);
        let stems = stems.iter().map(String::as_str).chain([surface]);
        let stems = stems.chain(learned.iter().map(AsRef::as_ref));
        let mut kin: Vec<u32> =
            stems.filter_map(|stem| self.by_stem.get(stem)).flatten().copied().collect();
        kin.extend(own);
        kin.sort_unstable();
        kin.dedup();
        kin
    }

    /// The chunks that hold a word.
    pub(super) fn postings(&self, id: u32) -> &[Posting] {
        self.known.get(id as usize).map_or(&[], |word| &word.postings)
    }

    /// The character n-grams of the words.
    pub(super) fn grams(&self) -> &Grams {
        &self.grams
    }

    /// One more than the largest id.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    fn id(&mut self, surface: &str) -> u32 {
        if let Some(id) = self.ids.get(surface) {
            return *id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.known.push(Word::default());
            u32::try_from(self.known.len() - 1).expect("memory holds fewer than 4 billion words")
        });
        let shared: Arc<str> = surface.into();
        self.known[id as usize].surface = Arc::clone(&shared);
        self.ids.insert(shared, id);
        self.grams.insert(surface, id);
        id
    }

    fn relate(&mut self, id: u32, stem: &str) {
        let stems = &mut self.known[id as usize].stems;
        if !stems.iter().any(|known| **known == *stem) {
            stems.push(stem.into());
            self.by_stem.entry(stem.into()).or_default().push(id);
        }
    }

    fn forget(&mut self, id: u32) {
        let word = std::mem::take(&mut self.known[id as usize]);
        self.grams.remove(&word.surface, id);
        self.ids.remove(&word.surface);
        for stem in word.stems {
            if let Some(ids) = self.by_stem.get_mut(&stem) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.by_stem.remove(&stem);
                }
            }
        }
        self.free.push(id);
    }
}
