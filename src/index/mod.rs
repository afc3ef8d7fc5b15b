//! Seam: vectors and terms to the best chunks of each leg. Fusing the legs is retrieval's (`pipeline/retrieve.rs`),
//! so that every index ranks alike.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `memory` | compares every chunk of a collection, held in memory; the database is the truth |
//! | `qdrant` | candidates from a Qdrant server or cluster, scored as in memory; the database is the truth |

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use frontdesk_words::words;
use secrecy::SecretString;
use serde::Deserialize;

use crate::domain::{Chunk, CollectionId, DocumentId};

mod term;
mod texts;
mod grams;
mod lexicon;
mod read;
mod statistics;
mod question;
mod weigh;
mod order;
mod memory;
mod qdrant;
mod tuning;

pub use tuning::{Tuning, Tunings};

/// Finds the best chunks of each leg.
#[async_trait]
pub trait Index: Send + Sync {
    /// Puts these entries in the place of all that the document had, in one step: a search sees all of the old
    /// or all of the new. No entries: the document is removed.
    ///
    /// The revision is that of the database: it grows with every change of a collection. Changes come in its order, and
    /// those with the same revision in the order of their documents' ids. An index that outlives the process knows by
    /// that what it has already.
    async fn replace(
        &self,
        collection: &CollectionId,
        document: &DocumentId,
        revision: i64,
        entries: Vec<Entry>,
    ) -> Result<(), Error>;

    /// Removes a collection with all its documents.
    async fn remove(&self, collection: &CollectionId) -> Result<(), Error>;

    /// The best chunks of each leg over some collections.
    async fn search(&self, query: &Query<'_>) -> Result<Legs, Error>;

    /// How many chunks of these collections are in which language, by ISO 639-1 code. Chunks too short to tell are not
    /// counted; empty where the index does not know, and then no question is translated.
    async fn languages(
        &self,
        _collections: &[CollectionId],
    ) -> Result<BTreeMap<&'static str, usize>, Error> {
        Ok(BTreeMap::new())
    }

    /// How many chunks there are in all.
    async fn size(&self) -> Result<usize, Error>;

    /// Whether it answers, and what it is, in words.
    async fn check(&self) -> Result<String, Error>;
}

/// A chunk to index.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The chunk.
    pub chunk: Arc<Chunk>,
    /// Its embedding, of length 1; `None` when there is no embedder.
    pub vector: Option<Vec<f32>>,
}

/// What to search for.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Where to look.
    pub collections: &'a [CollectionId],
    /// The question.
    pub text: &'a str,
    /// Its embedding, of length 1; `None` leaves the dense leg out.
    pub vector: Option<&'a [f32]>,
    /// The most chunks of a leg.
    pub limit: usize,
}

/// The best chunks of each leg, best first, at most `limit` each.
#[derive(Debug, Clone, Default)]
pub struct Legs {
    /// By cosine of the embeddings, -1 to 1. A collection where some chunk has no embedding of the question's length brings
    /// none: the part that has them would push the rest down.
    pub dense: Vec<Hit>,
    /// By BM25, above 0.
    pub bm25: Vec<Hit>,
    /// By cosine of the TF-IDF vectors of character 3-5-grams, above 0 to 1.
    pub ngram: Vec<Hit>,
}

/// A chunk that a leg found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The chunk.
    pub chunk: Arc<Chunk>,
    /// The leg's score.
    pub score: f32,
    /// Share of the question's content words, weighted by rarity in the collection, that the chunk holds, 0 to 1.
    pub coverage: f32,
}

/// An index that does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the index does not answer: {0}")]
pub struct Error(pub String);

words! {
    /// The adapters.
    pub enum IndexKind {
        /// Every chunk is compared, in memory.
        Memory = "memory",
        /// A Qdrant server or cluster.
        Qdrant = "qdrant",
    }
}

/// Which adapter to use, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// Every chunk is compared, in memory.
    Memory {},
    /// A Qdrant server or cluster.
    Qdrant(qdrant::Settings),
}

impl Settings {
    /// The settings for another adapter; those of a Qdrant that is configured stay. An address and a key
    /// take the place of the configured ones.
    #[must_use]
    pub fn towards(
        &self,
        kind: IndexKind,
        url: Option<String>,
        api_key: Option<SecretString>,
    ) -> Self {
        let configured = match self {
            Self::Qdrant(settings) => settings.clone(),
            Self::Memory {} => qdrant::Settings::default(),
        };
        match kind {
            IndexKind::Memory => Self::Memory {},
            IndexKind::Qdrant => Self::Qdrant(configured.at(url, api_key)),
        }
    }

    /// The lines that choose this adapter in the configuration; a key is left out.
    pub fn lines(&self) -> String {
        match self {
            Self::Memory {} => format!("[index]\nkind = \"{}\"\n", IndexKind::Memory),
            Self::Qdrant(settings) => settings.lines(),
        }
    }

    /// Builds the adapter, for vectors made with the embedder of this identity.
    pub fn build(&self, embedder: Option<&str>) -> Result<Arc<dyn Index>, String> {
        Ok(match self {
            Self::Memory {} => Arc::new(memory::Memory::default()),
            Self::Qdrant(settings) => Arc::new(settings.build(embedder)?),
        })
    }
}
