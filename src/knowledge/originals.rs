//! The files that documents were learned from: finds and reads those that the desk keeps.

use std::collections::HashSet;

use super::{Error, Library};
use crate::domain::{CollectionOrigin, DocumentId, DocumentOrigin};
use crate::store::documents::DocumentFileRow;

impl Library {
    /// Returns the file of a document as it was uploaded, or as it is in the collection's folder now;
    /// `None` if it is not kept here.
    pub async fn original(
        &self,
        document: &DocumentId,
        origin: DocumentOrigin,
        (collection, path): (&str, &str),
    ) -> Result<Option<Vec<u8>>, Error> {
        Ok(match origin {
            DocumentOrigin::Upload => self.store.original(document).await?,
            DocumentOrigin::Folder => {
                let file = self.file(collection, path).await;
                file.inspect_err(|error| tracing::warn!(%error, "a document's file cannot be read"))
                    .unwrap_or_default()
            }
            DocumentOrigin::Web => None,
        })
    }

    /// Returns those of these documents whose file is kept.
    pub async fn with_original(&self, mut rows: Vec<DocumentFileRow>) -> Vec<DocumentFileRow> {
        let in_folder = |row: &DocumentFileRow| row.origin == DocumentOrigin::Folder;
        let listed = if rows.iter().any(in_folder) { self.listed().await } else { HashSet::new() };
        rows.retain(|row| match row.origin {
            DocumentOrigin::Upload => row.is_kept == 1,
            DocumentOrigin::Folder => {
                let has_folder = self.origin(&row.collection) != CollectionOrigin::Console;
                has_folder && listed.contains(&(row.collection.clone(), row.path.clone()))
            }
            DocumentOrigin::Web => false,
        });
        rows
    }

    /// Returns the files of the folders that are learned at every start: collection and path.
    async fn listed(&self) -> HashSet<(String, String)> {
        let Some(find) = self.folders.clone() else { return HashSet::new() };
        let found = tokio::task::spawn_blocking(move || find()).await;
        let folders = found.map_err(std::io::Error::other).and_then(|found| found);
        let folders = folders
            .inspect_err(|error| tracing::warn!(%error, "the folders of documents cannot be read"));
        let named = folders.unwrap_or_default().into_iter().flat_map(|folder| {
            let collection = folder.collection;
            folder.documents.into_iter().map(move |document| (collection.clone(), document.path))
        });
        named.collect()
    }
}
