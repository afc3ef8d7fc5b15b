//! Chunks found lately, so that what is asked often is fetched once. A point never changes under its id, so nothing here
//! is ever wrong; what is not current is not asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::points::{Id, StoredChunk};

/// Two halves: when the young one is full it becomes the old one, and the old one is let go.
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
    /// Keeps about this many chunks.
    pub(super) fn new(most: usize) -> Self {
        Self { half: most / 2, halves: Mutex::default() }
    }

    /// Those of these that are kept.
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

    /// Keeps these.
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
