//! Learning documents: extract, chunk, embed, store, index. The database is the source of truth;
//! the index follows it.

use std::collections::{HashMap, HashSet};
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use frontdesk_doctext::chunk;
use serde::Deserialize;
use tokio::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::domain::page_reason::PRIVATE;
use crate::domain::{Chunk, ChunkId, CollectionId, CollectionOrigin, DocumentState};
use crate::embed::Embedder;
use crate::index::{DocumentEntries, Entry, Index, Tunings};
use crate::reader::{self, Pool, check};
use crate::slot::AdapterSlot;
use crate::store::collection_limits::Room;
use crate::store::knowledge::{CollectionRow, DocumentRow};
use crate::store::{self, Store};

mod answers;
mod collection;
mod progress;
mod hash;
mod learn;
mod originals;
pub mod reading;
pub mod remedy;
mod source_folder;
mod staging;
mod uploads;
pub mod web;
mod vectors;

pub use collection::{CollectionOverrides, is_staged};
pub use progress::{Progress, SilentProgress, Summary};
pub use reading::{DocumentError, read_document};
pub use source_folder::{DocumentSource, SourceFolder};
pub use staging::Edit;
pub use uploads::Learning;
pub use vectors::{BackfillCounts, EmbeddingProgress};

/// How many chunks the index gets at least at once, if there are as many.
const CHUNKS_AT_ONCE: usize = 64;

/// How documents are learned, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How documents are cut into chunks.
    pub chunk: chunk::Settings,
    /// How websites are read.
    pub web: web::Settings,
    /// Maximum size of an uploaded file, in bytes.
    pub max_upload_bytes: usize,
    /// Maximum number of documents in a collection.
    pub max_documents: u64,
    /// Maximum number of chunks in a collection.
    pub max_chunks: u64,
    /// Maximum total size of the uploaded files kept for a collection, in bytes.
    pub max_kept_bytes: u64,
}

impl Settings {
    /// The capacity of a collection.
    pub fn room(&self) -> Room {
        let Self { max_documents: documents, max_chunks: chunks, max_kept_bytes, .. } = *self;
        Room { documents, chunks, upload_bytes: max_kept_bytes }
    }
}

/// An embedder and the index of its vectors, which are replaced together: vectors of different models
/// cannot be compared.
pub struct VectorSpace {
    /// Text to vector.
    pub embed: Arc<dyn Embedder>,
    /// Vectors and terms to chunks.
    pub index: Arc<dyn Index>,
}

/// Finds folders to learn.
pub type FindFolders = Arc<dyn Fn() -> std::io::Result<Vec<SourceFolder>> + Send + Sync>;

/// The documents of a workspace, and the index that follows them.
#[derive(Clone)]
pub struct Library {
    store: Store,
    /// The embedder and index in use.
    space: AdapterSlot<VectorSpace>,
    settings: Settings,
    /// Worker processes that read documents; `None` when this program starts none.
    readers: Option<Pool>,
    /// Finds the folders that are learned at every start.
    folders: Option<FindFolders>,
    /// How each collection is ranked; shared with the pipeline.
    tunings: Arc<Tunings>,
    /// The revision of each collection that the index holds.
    indexed_revisions: Arc<Mutex<HashMap<String, i64>>>,
    /// The uploads that this process is learning.
    underway: Arc<uploads::UploadsUnderway>,
    /// Where collections come from, by name; without an entry from the console.
    origins: Arc<std::sync::Mutex<HashMap<String, CollectionOrigin>>>,
    /// Whether every chunk was seen to be embedded with the current model.
    all_embedded: Arc<AtomicBool>,
    /// Collections of which the index holds chunks without a vector.
    incomplete: Arc<std::sync::Mutex<HashSet<CollectionId>>>,
    /// Held exclusively while a file that ended a process before is read.
    crash_isolation: Arc<RwLock<()>>,
}

/// The right to read a document until dropped: exclusive (write guard) or shared (read guard).
type ReadTurn<'a> = (Option<RwLockWriteGuard<'a, ()>>, Option<RwLockReadGuard<'a, ()>>);

/// A document could not be learned, or the index could not be updated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The index does not answer.
    #[error(transparent)]
    Index(#[from] crate::index::Error),
    /// A source cannot be added or read; holds the reason.
    #[error("{0}")]
    Source(String),
    /// A source is at an address that may not be connected to.
    #[error("{PRIVATE}")]
    PrivateAddress {
        /// Whether the setting `[knowledge.web] allow_private` permits it.
        may_be_permitted: bool,
    },
    /// A text could not be embedded; holds the reason.
    #[error("{0}")]
    Embed(String),
    /// Settings of a collection are invalid: what is wrong, and where.
    #[error("{0}")]
    Settings(String),
    /// The collection's settings come from its file and cannot be set over the API.
    #[error(
        "the collection.toml in the collection's folder says its settings: change it there and learn the folder again, or remove it and learn the folder again to set them here"
    )]
    FileDecides,
}

fn held<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Library {
    /// Creates a library over a database. Its index is empty until [`follow`](Self::follow).
    pub fn new(
        store: Store,
        index: Arc<dyn Index>,
        embed: Arc<dyn Embedder>,
        settings: Settings,
    ) -> Self {
        Self {
            store,
            space: AdapterSlot::new(Arc::new(VectorSpace { embed, index })),
            settings,
            readers: None,
            folders: None,
            tunings: Arc::default(),
            indexed_revisions: Arc::default(),
            underway: Arc::default(),
            origins: Arc::default(),
            all_embedded: Arc::default(),
            incomplete: Arc::default(),
            crash_isolation: Arc::default(),
        }
    }

    /// Sets the worker processes that read documents. Without them only small texts of the owner
    /// can be learned.
    #[must_use]
    pub fn with_readers(mut self, readers: Pool) -> Self {
        self.readers = Some(readers);
        self
    }

    /// Sets how the folders are found that are learned at every start; documents of others have no
    /// original.
    #[must_use]
    pub fn with_folders(mut self, folders: FindFolders) -> Self {
        self.folders = Some(folders);
        self
    }

    /// Returns the forbidden operations that a worker process could perform: none when the sandbox
    /// holds.
    pub async fn check_readers(&self) -> Result<Vec<check::Attempt>, reader::Failure> {
        let none = || reader::Failure::Unavailable("this program starts none".into());
        self.readers.as_ref().ok_or_else(none)?.attempt(&check::FORBIDDEN).await
    }

    /// How many documents are read concurrently.
    pub fn readers(&self) -> usize {
        self.readers.as_ref().map_or(1, Pool::at_once)
    }

    /// Waits for the right to read. A file that ended a process before is read alone, so that no
    /// other file is blamed.
    async fn acquire_read_turn(&self, suspect: bool) -> ReadTurn<'_> {
        if suspect {
            (Some(self.crash_isolation.write().await), None)
        } else {
            (None, Some(self.crash_isolation.read().await))
        }
    }

    /// Records where a collection comes from: a folder and the demo are learned at every start.
    pub fn set_origin(&self, collection: &str, origin: CollectionOrigin) {
        let mut known = held(&self.origins);
        known.insert(collection.to_owned(), origin);
    }

    /// Whether something of the demo is learned at every start.
    pub fn has_demo(&self) -> bool {
        let known = held(&self.origins);
        known.values().any(|origin| *origin == CollectionOrigin::Demo)
    }

    /// Where a collection comes from.
    pub fn origin(&self, collection: &str) -> CollectionOrigin {
        let known = held(&self.origins);
        known.get(collection).copied().unwrap_or(CollectionOrigin::Console)
    }

    /// How each collection is ranked, kept current by [`follow`](Self::follow).
    pub fn tunings(&self) -> Arc<Tunings> {
        self.tunings.clone()
    }

    /// The embedder and index in use.
    pub fn space(&self) -> Arc<VectorSpace> {
        self.space.current()
    }

    /// Updates the index from the database. Returns the number of changed documents.
    pub async fn sync_index(&self) -> Result<usize, Error> {
        let mut seen = self.indexed_revisions.lock().await;
        self.load_changes(&self.space(), &mut seen).await
    }

    /// Replaces the embedder if the other one has the same identity. Returns whether it has.
    pub async fn replace_embedder(&self, embed: Arc<dyn Embedder>) -> bool {
        // No other index comes between.
        let _seen = self.indexed_revisions.lock().await;
        let now = self.space();
        let is_same = now.embed.identity() == embed.identity();
        if is_same {
            let index = now.index.clone();
            self.space.replace(Arc::new(VectorSpace { embed, index }), HashMap::new());
        }
        is_same
    }

    /// Whether the index was loaded.
    pub async fn is_loaded(&self) -> bool {
        !self.indexed_revisions.lock().await.is_empty()
    }

    /// Replaces embedder and index if `is_wanted` says so at the end. If the old index is loaded, the
    /// new one is before it is used; until then the old one answers. Returns whether it is in use.
    pub async fn replace_space(
        &self,
        space: VectorSpace,
        is_wanted: impl FnOnce() -> bool + Send,
    ) -> Result<bool, Error> {
        let (space, mut loaded) = (Arc::new(space), HashMap::new());
        if self.is_loaded().await {
            self.load_changes(&space, &mut loaded).await?;
        }
        // What changed meanwhile is loaded while nobody else changes the index.
        let mut seen = self.indexed_revisions.lock().await;
        if !seen.is_empty() {
            self.load_changes(&space, &mut loaded).await?;
        }
        if !is_wanted() {
            return Ok(false);
        }
        self.space.replace(space, HashMap::new());
        self.all_embedded.store(false, Ordering::Relaxed);
        *seen = loaded;
        Ok(true)
    }

    async fn load_changes(
        &self,
        space: &VectorSpace,
        seen: &mut HashMap<String, i64>,
    ) -> Result<usize, Error> {
        let mut changed = 0;
        for collection in self.store.all_collections().await? {
            let known = seen.get(&collection.id).copied().unwrap_or(0);
            if collection.revision > known {
                changed += self.load(space, &collection, known).await?;
                seen.insert(collection.id, collection.revision);
            }
        }
        Ok(changed)
    }

    /// A number that changes when the indexed documents change.
    pub async fn revision(&self) -> i64 {
        self.indexed_revisions.lock().await.values().sum()
    }

    async fn load(
        &self,
        space: &VectorSpace,
        collection: &CollectionRow,
        after: i64,
    ) -> Result<usize, Error> {
        let id = CollectionId::stored(collection.id.clone());
        let own = CollectionOverrides::stored(&collection.settings);
        self.tunings.set(&id, own.search);
        let documents = self.store.documents(&id, after).await?;
        let mut rows = documents.iter();
        // While the index takes some documents, the next are read.
        let mut ready = self.next_entries(space, &id, &mut rows).await?;
        while !ready.is_empty() {
            let taken = async { Ok(space.index.replace_all(&id, ready).await?) };
            ((), ready) = tokio::try_join!(taken, self.next_entries(space, &id, &mut rows))?;
        }
        Ok(documents.len())
    }

    /// The index entries of the next documents, enough to be worth passing on together. Empty after
    /// the last one.
    async fn next_entries(
        &self,
        space: &VectorSpace,
        collection: &CollectionId,
        rows: &mut slice::Iter<'_, DocumentRow>,
    ) -> Result<Vec<DocumentEntries>, Error> {
        let (mut ready, mut chunks) = (Vec::new(), 0);
        while chunks < CHUNKS_AT_ONCE
            && let Some(row) = rows.next()
        {
            let entries = self.entries(space, collection, row).await?;
            chunks += entries.len();
            ready.push(DocumentEntries {
                document: row.id.clone(),
                revision: row.revision,
                entries,
            });
        }
        Ok(ready)
    }

    /// The index entries of a document: none unless it is ready; vectors only of the current
    /// embedding model.
    async fn entries(
        &self,
        space: &VectorSpace,
        collection: &CollectionId,
        row: &DocumentRow,
    ) -> Result<Vec<Entry>, Error> {
        if row.state != DocumentState::Ready {
            return Ok(Vec::new());
        }
        let model = space.embed.identity();
        let chunks = self.store.chunks(&row.id, model).await?;
        if model.is_some() && chunks.iter().any(|chunk| chunk.vector.is_none()) {
            // It was learned while another model was in use, perhaps in another process.
            held(&self.incomplete).insert(collection.clone());
            self.all_embedded.store(false, Ordering::Relaxed);
        }
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
