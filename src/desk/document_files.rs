//! Finds the files of the knowledge base that the desk keeps, for replies that send them.

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::domain::{CollectionId, DocumentId, Media};
use crate::knowledge::Library;
use crate::pipeline::{DocumentFile, DocumentFileError, DocumentFiles};
use crate::provider::Abilities;
use crate::store::Store;
use crate::store::documents::DocumentFileRow;

/// Files that are read for replies in parallel: each is in memory as a whole.
const AT_ONCE: usize = 4;

/// The files that a library keeps.
pub struct KeptFiles {
    store: Store,
    library: Library,
    slots: Semaphore,
}

impl KeptFiles {
    /// The files of a library and its database.
    pub fn new(store: Store, library: Library) -> Self {
        Self { store, library, slots: Semaphore::new(AT_ONCE) }
    }

    async fn kept(&self, rows: Vec<DocumentFileRow>) -> Vec<DocumentFile> {
        let kept = self.library.with_original(rows).await;
        kept.into_iter().map(DocumentFile::from).collect()
    }
}

impl From<DocumentFileRow> for DocumentFile {
    fn from(row: DocumentFileRow) -> Self {
        let name = row.path.rsplit('/').next().unwrap_or(&row.path).to_owned();
        Self { document: row.id, title: row.title, name }
    }
}

#[async_trait]
impl DocumentFiles for KeptFiles {
    async fn of_documents(&self, documents: &[DocumentId]) -> Vec<DocumentFile> {
        let mut rows = Vec::new();
        for document in documents {
            match self.store.document_file(document).await {
                Ok(row) => rows.extend(row),
                Err(error) => {
                    tracing::warn!(%error, "whether a document's file is kept is not known");
                }
            }
        }
        self.kept(rows).await
    }

    async fn of_collections(&self, collections: &[CollectionId]) -> Vec<DocumentFile> {
        let mut rows = Vec::new();
        for collection in collections {
            match self.store.document_files(collection).await {
                Ok(more) => rows.extend(more),
                Err(error) => tracing::warn!(%error, "the files of a collection are not known"),
            }
        }
        self.kept(rows).await
    }

    async fn fetch(
        &self,
        file: &DocumentFile,
        abilities: &Abilities,
    ) -> Result<Media, DocumentFileError> {
        let _slot = self.slots.acquire().await;
        let row = self.store.document_file(&file.document).await;
        let row = row.map_err(|error| DocumentFileError::Unavailable(error.to_string()))?;
        let row = row.ok_or(DocumentFileError::Gone)?;
        let place = (row.collection.as_str(), row.path.as_str());
        let bytes = self.library.original(&row.id, row.origin, place).await;
        let bytes = bytes.map_err(|error| DocumentFileError::Unavailable(error.to_string()))?;
        let bytes = bytes.ok_or(DocumentFileError::Gone)?;
        let media = abilities.media(&row.path, bytes, "");
        media.map_err(|unfit| DocumentFileError::Unfit(unfit.to_string()))
    }
}
