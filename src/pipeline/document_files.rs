//! Seam: the files of the knowledge base that replies send.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `desk/document_files.rs` | finds those that the desk keeps |
//! | [`NoDocumentFiles`] | has none: for parts of the program that have no desk |
//! | [`RecordedDocumentFiles`] | returns what a recorded turn found |

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::offers::folded;
use crate::domain::{CollectionId, DocumentId, Media};
use crate::provider::Abilities;

/// A document whose file is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentFile {
    /// The document.
    pub document: DocumentId,
    /// Its title.
    pub title: String,
    /// Its file name.
    pub name: String,
}

impl DocumentFile {
    /// Whether a name means this file, without case, spaces and punctuation; with the title behind
    /// it, as a prompt lists it, too.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let wanted = folded(name);
        let own = [folded(&self.name), folded(&self.title), folded(&self.listed())];
        !wanted.is_empty() && own.contains(&wanted)
    }

    /// Its name, and its title if that says more.
    pub(super) fn listed(&self) -> String {
        let stem = self.name.rsplit_once('.').map_or(&*self.name, |(stem, _)| stem);
        if folded(&self.title).is_empty() || folded(&self.title) == folded(stem) {
            self.name.clone()
        } else {
            format!("{} ({})", self.name, self.title)
        }
    }
}

/// Why a file is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentFileError {
    /// The document was removed, or its file is not kept.
    #[error("its file is not kept here")]
    Gone,
    /// The provider takes no such file. Holds the reason.
    #[error("{0}")]
    Unfit(String),
    /// It could not be read now; a later attempt may succeed. Holds the reason.
    #[error("{0}")]
    Unavailable(String),
}

/// Finds the files of documents.
#[async_trait]
pub trait DocumentFiles: Send + Sync {
    /// Returns those of these documents whose file is kept, in their order.
    async fn of_documents(&self, documents: &[DocumentId]) -> Vec<DocumentFile>;

    /// Returns the kept files of collections.
    async fn of_collections(&self, collections: &[CollectionId]) -> Vec<DocumentFile>;

    /// Describes the file of a document as a message of a provider with these abilities, with its
    /// bytes. The error says why it cannot be sent.
    async fn fetch(
        &self,
        file: &DocumentFile,
        abilities: &Abilities,
    ) -> Result<Media, DocumentFileError>;
}

/// Has no files.
pub struct NoDocumentFiles;

#[async_trait]
impl DocumentFiles for NoDocumentFiles {
    async fn of_documents(&self, _: &[DocumentId]) -> Vec<DocumentFile> {
        Vec::new()
    }

    async fn of_collections(&self, _: &[CollectionId]) -> Vec<DocumentFile> {
        Vec::new()
    }

    async fn fetch(&self, _: &DocumentFile, _: &Abilities) -> Result<Media, DocumentFileError> {
        Err(DocumentFileError::Gone)
    }
}

/// What a turn found of files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedDocumentFiles {
    /// Those that the prompt lists, or that the business's own text names.
    pub found: Vec<DocumentFile>,
    /// What was sent, without bytes, or why it could not be.
    pub fetched: Vec<(DocumentId, Result<Media, DocumentFileError>)>,
}

impl RecordedDocumentFiles {
    /// Whether no file was looked for, or none found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Adds what was found later in the turn.
    pub(super) fn add(&mut self, later: Self) {
        let found = later.found.into_iter();
        let new: Vec<_> = found.filter(|file| !self.found.contains(file)).collect();
        self.found.extend(new);
        self.fetched.extend(later.fetched);
    }
}

#[async_trait]
impl DocumentFiles for RecordedDocumentFiles {
    async fn of_documents(&self, documents: &[DocumentId]) -> Vec<DocumentFile> {
        let wanted = |file: &&DocumentFile| documents.contains(&file.document);
        self.found.iter().filter(wanted).cloned().collect()
    }

    async fn of_collections(&self, _: &[CollectionId]) -> Vec<DocumentFile> {
        self.found.clone()
    }

    async fn fetch(&self, file: &DocumentFile, _: &Abilities) -> Result<Media, DocumentFileError> {
        let found = self.fetched.iter().find(|(document, _)| *document == file.document);
        found.map_or(Err(DocumentFileError::Gone), |(_, sent)| sent.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_its_title_or_its_name_and_by_nothing_else() {
        let (document, title, name) = (DocumentId::generate(), "Prices 2026", "price-list.PDF");
        let file = DocumentFile { document, title: title.into(), name: name.into() };
        assert_eq!(file.listed(), "price-list.PDF (Prices 2026)");
        for called in
            ["Price-List.pdf", "price list pdf", "PRICES 2026", "price-list.PDF (Prices 2026)"]
        {
            assert!(file.is_called(called), "{called}");
        }
        for other in ["", "...", "price-list", "Prices", "Prices 2026 and more"] {
            assert!(!file.is_called(other), "{other}");
        }
        let same = DocumentFile { title: "Price List".into(), ..file };
        assert_eq!(same.listed(), "price-list.PDF");
    }
}
