//! Ranking weights per collection: plain numbers. Applying them belongs to the fusion.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::domain::CollectionId;

/// Ranking weights of a collection; `None` means the default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tuning {
    /// Weight of the embeddings, 0 to 1; the word legs share the rest.
    pub dense: Option<f32>,
    /// Share of the character n-grams in the word legs' weight, 0 to 1; BM25 has the rest.
    pub ngram: Option<f32>,
}

impl Tuning {
    /// Checks that every weight is between 0 and 1; the error names the one that is not.
    pub fn check(&self) -> Result<(), String> {
        for (name, share) in [("dense", self.dense), ("ngram", self.ngram)] {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                return Err(format!("[search] {name} must be between 0 and 1"));
            }
        }
        Ok(())
    }
}

/// The ranking weights of all collections, shared by learning (writes) and search (reads).
#[derive(Debug, Default)]
pub struct Tunings(RwLock<HashMap<CollectionId, Tuning>>);

impl Tunings {
    /// Sets a collection's weights.
    pub fn set(&self, collection: &CollectionId, tuning: Tuning) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(collection.clone(), tuning);
    }

    /// Returns the weights for a search over some collections: for each weight, the first
    /// collection that sets it decides.
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
