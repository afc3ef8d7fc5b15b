//! Cache of recently found chunks, so that frequent ones are fetched once. A point never changes
//! under its id, so entries are never stale; outdated points are not looked up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::points::{Id, StoredChunk};

/// Two generations: when the young one is full it replaces the old one, which is dropped.
pub(super) struct Recent {
    half: usize,
    halves: Mutex<Halves>,
}

#[derive(Default)]
struct Halves {
    young: HashMap<Id, Arc<StoredChunk>>,
    old: HashMap<Id, Arc<StoredChunk>>,
}

impl Recent {
    /// Creates a cache of about `most` chunks.
    pub(super) fn new(most: usize) -> Self {
        Self { half: most / 2, halves: Mutex::default() }
    }

    /// Returns the cached ones of these chunks.
    pub(super) fn get(&self, ids: impl Iterator<Item = Id>) -> HashMap<Id, Arc<StoredChunk>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = HashMap::new();
        for id in ids {
            let known = halves.young.get(&id).cloned();
            if let Some(known) = known {
                found.insert(id, known);
            } else if let Some(known) = halves.old.get(&id).cloned() {
                self.put(&mut halves, id, known.clone());
                found.insert(id, known);
            }
        }
        found
    }

    /// Adds chunks.
    pub(super) fn keep<'a>(&self, fetched: impl Iterator<Item = (&'a Id, &'a Arc<StoredChunk>)>) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, known) in fetched {
            self.put(&mut halves, *id, known.clone());
        }
    }

    fn put(&self, halves: &mut Halves, id: Id, known: Arc<StoredChunk>) {
        if self.half == 0 {
            return;
        }
        if halves.young.len() >= self.half {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(id, known);
    }
}
