//! Seam: finds the best chunks of each search leg for a question's text and vector. Fusing the legs
//! belongs to retrieval (`pipeline/retrieve.rs`), so that every index ranks alike. The database is
//! the source of truth for every adapter.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `memory` | compares every chunk of a collection, held in memory |
//! | `qdrant` | candidates from a Qdrant server or cluster, scored as in memory |

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
mod analyze;
mod statistics;
mod question;
mod scoring;
mod order;
mod memory;
mod qdrant;
mod tuning;

pub use tuning::{Tuning, Tunings};

/// A search index that finds the best chunks of each leg.
#[async_trait]
pub trait Index: Send + Sync {
    /// Replaces all chunks of a document atomically: a search sees either all old or all new ones.
    /// Without entries the document is removed.
    ///
    /// The revision comes from the database and grows with every change of a collection. Changes
    /// arrive in revision order, and those of equal revision in the order of their document ids. A
    /// persistent index uses this to skip what it already has.
    async fn replace(
        &self,
        collection: &CollectionId,
        document: &DocumentId,
        revision: i64,
        entries: Vec<Entry>,
    ) -> Result<(), Error>;

    /// Replaces the chunks of several documents, as [`replace`](Self::replace) does for each, in
    /// this order.
    async fn replace_all(
        &self,
        collection: &CollectionId,
        documents: Vec<DocumentEntries>,
    ) -> Result<(), Error> {
        for DocumentEntries { document, revision, entries } in documents {
            self.replace(collection, &document, revision, entries).await?;
        }
        Ok(())
    }

    /// Removes a collection with all its documents.
    async fn remove(&self, collection: &CollectionId) -> Result<(), Error>;

    /// Returns the best chunks of each leg over some collections.
    async fn search(&self, query: &Query<'_>) -> Result<Legs, Error>;

    /// Returns the number of chunks per language in these collections, by ISO 639-1 code. Chunks
    /// too short for language detection are not counted. Empty if the index does not know;
    /// questions are then not translated.
    async fn languages(
        &self,
        _collections: &[CollectionId],
    ) -> Result<BTreeMap<&'static str, usize>, Error> {
        Ok(BTreeMap::new())
    }

    /// Total number of chunks.
    async fn size(&self) -> Result<usize, Error>;

    /// Checks that the index is reachable and describes it.
    async fn check(&self) -> Result<String, Error>;
}

/// A chunk to index.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The chunk.
    pub chunk: Arc<Chunk>,
    /// Its embedding, normalised to length 1; `None` without an embedder.
    pub vector: Option<Vec<f32>>,
}

/// A document to index.
#[derive(Debug, Clone)]
pub struct DocumentEntries {
    /// The document.
    pub document: DocumentId,
    /// The revision of its last change.
    pub revision: i64,
    /// Its chunks.
    pub entries: Vec<Entry>,
}

/// A search query.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The collections to search.
    pub collections: &'a [CollectionId],
    /// The question.
    pub text: &'a str,
    /// ISO 639-1 code of the language of its words; `None` if it cannot be told.
    pub language: Option<&'a str>,
    /// Its embedding, normalised to length 1; `None` skips the dense leg.
    pub vector: Option<&'a [f32]>,
    /// Maximum number of chunks per leg.
    pub limit: usize,
}

/// The best chunks of each leg, best first, at most `limit` each.
#[derive(Debug, Clone, Default)]
pub struct Legs {
    /// By cosine of the embeddings, -1 to 1. Empty for a collection in which any chunk lacks an
    /// embedding of the question's length: otherwise the embedded part would push the rest down.
    pub dense: Vec<Hit>,
    /// By BM25 score, above 0.
    pub bm25: Vec<Hit>,
    /// By cosine of the TF-IDF vectors of character 3-5-grams, above 0 and up to 1.
    pub ngram: Vec<Hit>,
    /// Whether the question is foreign to every collection: its language is none of theirs, or
    /// unknown, and they lack many of its words.
    pub foreign: bool,
}

/// A chunk that a leg found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The chunk.
    pub chunk: Arc<Chunk>,
    /// Its score in the leg.
    pub score: f32,
    /// Share of the question's content words that the chunk contains, weighted by their rarity in
    /// the collection, 0 to 1.
    pub coverage: f32,
}

/// The index is unavailable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the index does not answer: {0}")]
pub struct Error(pub String);

words! {
    /// The available index adapters.
    pub enum IndexKind {
        /// Compares every chunk, in memory.
        Memory = "memory",
        /// A Qdrant server or cluster.
        Qdrant = "qdrant",
    }
}

/// Index settings from the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// Compares every chunk, in memory.
    Memory {},
    /// A Qdrant server or cluster.
    Qdrant(qdrant::Settings),
}

impl Settings {
    /// Returns the settings for another adapter. Configured Qdrant settings are kept; `url` and
    /// `api_key` override them.
    #[must_use]
    pub fn for_kind(
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

    /// Returns the configuration lines that select this adapter, without the key.
    pub fn lines(&self) -> String {
        match self {
            Self::Memory {} => format!("[index]\nkind = \"{}\"\n", IndexKind::Memory),
            Self::Qdrant(settings) => settings.lines(),
        }
    }

    /// Builds the adapter for vectors of the embedder with this identity.
    pub fn build(&self, embedder: Option<&str>) -> Result<Arc<dyn Index>, String> {
        Ok(match self {
            Self::Memory {} => Arc::new(memory::Memory::default()),
            Self::Qdrant(settings) => Arc::new(settings.build(embedder)?),
        })
    }
}
