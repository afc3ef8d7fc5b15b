//! Learning documents: extract, chunk, embed, store, index. The database is the truth; the index follows it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use frontdesk_doctext::chunk;
use serde::Deserialize;
use tokio::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::domain::{Chunk, ChunkId, CollectionId, DocumentState};
use crate::embed::Embedder;
use crate::index::{Entry, Index, Tunings};
use crate::reader::{self, Pool, check};
use crate::store::knowledge::{CollectionRow, DocumentRow};
use crate::store::room::Room;
use crate::store::{self, Store};

mod answers;
mod collection;
mod progress;
mod learn;
pub mod reading;
pub mod remedy;
mod source_folder;
mod staging;
mod uploads;
pub mod web;
mod vectors;

pub use collection::CollectionOverrides;
pub use progress::{Progress, SilentProgress, Summary};
pub use source_folder::{DocumentSource, SourceFolder};
pub use staging::{Edit, is_staged};
pub use uploads::Learning;
pub use vectors::BackfillCounts;

/// How documents are learned, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How documents are cut into chunks.
    pub chunk: chunk::Settings,
    /// How the web is read.
    pub web: web::Settings,
    /// The largest file that can be uploaded, in bytes.
    pub max_upload_bytes: usize,
    /// The most documents of a collection.
    pub max_documents: u64,
    /// The most chunks of a collection.
    pub max_chunks: u64,
    /// The most bytes of uploaded files that are kept of a collection.
    pub max_kept_bytes: u64,
}

impl Settings {
    /// How much a collection may hold.
    pub fn room(&self) -> Room {
        let Self { max_documents: documents, max_chunks: chunks, max_kept_bytes, .. } = *self;
        Room { documents, chunks, upload_bytes: max_kept_bytes }
    }
}

/// The documents of a workspace, and the index that follows them.
#[derive(Clone)]
pub struct Library {
    store: Store,
    index: Arc<dyn Index>,
    embed: Arc<dyn Embedder>,
    settings: Settings,
    /// Where documents are read.
    readers: Option<Pool>,
    /// How each collection is ranked; the pipeline reads what is written here.
    tunings: Arc<Tunings>,
    /// The revision of each collection that the index holds.
    seen: Arc<Mutex<HashMap<String, i64>>>,
    /// The uploaded files that this process is learning.
    underway: Arc<uploads::UploadsUnderway>,
    /// The collections that have a folder here.
    homes: Arc<std::sync::Mutex<HashSet<String>>>,
    /// What ended a process before is read while nothing else is.
    suspects: Arc<RwLock<()>>,
}

/// A turn at reading, until it is dropped: alone, or beside others.
type ReadTurn<'a> = (Option<RwLockWriteGuard<'a, ()>>, Option<RwLockReadGuard<'a, ()>>);

/// Something could not be learned, or the index could not follow the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The index does not answer.
    #[error(transparent)]
    Index(#[from] crate::index::Error),
    /// A source cannot be added or read, and why.
    #[error("{0}")]
    Source(String),
    /// What was to be embedded could not be.
    #[error("{0}")]
    Embed(String),
    /// Settings of a collection cannot be used: what is wrong, and where.
    #[error("{0}")]
    Settings(String),
    /// The settings of a collection are those of its file, and nobody else's.
    #[error(
        "the collection.toml in the collection's folder says its settings: change it there and learn the folder again, or remove it and learn the folder again to set them here"
    )]
    FileDecides,
}

impl Library {
    /// A library over a database. Its index is empty until [`follow`](Self::follow).
    pub fn new(
        store: Store,
        index: Arc<dyn Index>,
        embed: Arc<dyn Embedder>,
        settings: Settings,
    ) -> Self {
        Self {
            store,
            index,
            embed,
            settings,
            readers: None,
            tunings: Arc::default(),
            seen: Arc::default(),
            underway: Arc::default(),
            homes: Arc::default(),
            suspects: Arc::default(),
        }
    }

    /// Has documents read by these processes. Without them only small texts of the owner can be learned.
    #[must_use]
    pub fn reading_with(mut self, readers: Pool) -> Self {
        self.readers = Some(readers);
        self
    }

    /// What of this a process that reads documents can do: nothing, where the sandbox holds.
    pub async fn check_readers(&self) -> Result<Vec<check::Attempt>, reader::Failure> {
        let none = || reader::Failure::Unavailable("this program starts none".into());
        self.readers.as_ref().ok_or_else(none)?.attempt(&check::FORBIDDEN).await
    }

    /// How many documents are read at once.
    pub fn readers(&self) -> usize {
        self.readers.as_ref().map_or(1, Pool::at_once)
    }

    /// Waits for a turn at reading: what ended a process before has it alone, so that nothing else is blamed.
    async fn turn(&self, suspect: bool) -> ReadTurn<'_> {
        if suspect {
            (Some(self.suspects.write().await), None)
        } else {
            (None, Some(self.suspects.read().await))
        }
    }

    /// Notes that a collection has a folder, from which it is learned at every start.
    pub fn has_folder(&self, collection: &str) {
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        homes.insert(collection.to_owned());
    }

    /// The collections that have a folder.
    pub fn folders(&self) -> HashSet<String> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How each collection is ranked, kept in step with the database by [`follow`](Self::follow).
    pub fn tunings(&self) -> Arc<Tunings> {
        self.tunings.clone()
    }

    /// Brings the index in step with the database; how many documents changed.
    pub async fn follow(&self) -> Result<usize, Error> {
        let mut seen = self.seen.lock().await;
        let mut changed = 0;
        for collection in self.store.all_collections().await? {
            let known = seen.get(&collection.id).copied().unwrap_or(0);
            if collection.revision > known {
                changed += self.load(&collection, known).await?;
                seen.insert(collection.id, collection.revision);
            }
        }
        Ok(changed)
    }

    /// A number that is another one when the index holds other documents.
    pub async fn revision(&self) -> i64 {
        self.seen.lock().await.values().sum()
    }

    async fn load(&self, collection: &CollectionRow, after: i64) -> Result<usize, Error> {
        let id = CollectionId::stored(collection.id.clone());
        let own = CollectionOverrides::stored(&collection.settings);
        self.tunings.set(&id, own.search);
        let documents = self.store.documents(&id, after).await?;
        for row in &documents {
            let entries = self.entries(&id, row).await?;
            self.index.replace(&id, &row.id, row.revision, entries).await?;
        }
        Ok(documents.len())
    }

    /// What the index should hold of a document: nothing, unless it is ready; of vectors those of our model.
    async fn entries(
        &self,
        collection: &CollectionId,
        row: &DocumentRow,
    ) -> Result<Vec<Entry>, Error> {
        if row.state != DocumentState::Ready {
            return Ok(Vec::new());
        }
        let chunks = self.store.chunks(&row.id, self.embed.identity()).await?;
        Ok(chunks
            .into_iter()
            .map(|stored| Entry {
                vector: stored.embedding(),
                chunk: Arc::new(Chunk {
                    id: ChunkId::stored(stored.id),
                    document: row.id.clone(),
                    collection: collection.clone(),
                    source: row.path.clone(),
                    title: row.title.clone(),
                    heading: stored.heading,
                    body: stored.body,
                    tokens: u32::try_from(stored.tokens).unwrap_or(0),
                    place: stored.place,
                }),
            })
            .collect())
    }
}
