//! How each collection wants its legs weighed. Plain numbers; weighing is the fusion's.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::domain::CollectionId;

/// What a collection says about ranking; `None` is the default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tuning {
    /// Share of the embeddings in the whole, 0 to 1; the words have the rest.
    pub dense: Option<f32>,
    /// Share of the character n-grams in what the words have, 0 to 1; BM25 has the rest.
    pub ngram: Option<f32>,
}

impl Tuning {
    /// That every number is a share; the error names the one that is not.
    pub fn check(&self) -> Result<(), String> {
        for (name, share) in [("dense", self.dense), ("ngram", self.ngram)] {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                return Err(format!("[search] {name} must be between 0 and 1"));
            }
        }
        Ok(())
    }
}

/// The tuning of every collection, written by who learns and read by who searches.
#[derive(Debug, Default)]
pub struct Tunings(RwLock<HashMap<CollectionId, Tuning>>);

impl Tunings {
    /// Sets a collection's tuning.
    pub fn set(&self, collection: &CollectionId, tuning: Tuning) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(collection.clone(), tuning);
    }

    /// The tuning for a search over some collections: that of the first which says something.
    pub fn of(&self, collections: &[CollectionId]) -> Tuning {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Tuning::default();
        for tuning in collections.iter().filter_map(|collection| all.get(collection)) {
            found.dense = found.dense.or(tuning.dense);
            found.ngram = found.ngram.or(tuning.ngram);
        }
        found
    }
}
