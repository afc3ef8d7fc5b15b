//! Closed sets of learning: states of documents, uploads, sources and pages, their origins, and why
//! they failed.

use frontdesk_words::words;

words! {
    /// State of a document.
    pub enum DocumentState {
        /// It is being learned for the first time.
        Learning = "learning",
        /// It is ready to answer from.
        Ready = "ready",
        /// It could not be learned.
        Failed = "failed",
        /// It was removed; the row remains so that every index deletes it.
        Removed = "removed",
    }
}

words! {
    /// Displayed state of a document: its own state combined with that of its uploaded file.
    /// Removed documents are not shown.
    pub enum DocumentStatus {
        /// It is being learned; if it replaces a version, that version answers until then.
        Learning = "learning",
        /// It is ready to answer from.
        Ready = "ready",
        /// It could not be learned; a version learned before still answers.
        Failed = "failed",
    }
}

words! {
    /// Where a document comes from.
    pub enum DocumentOrigin {
        /// A file in the collection's folder.
        Folder = "folder",
        /// A file or text uploaded over the API.
        Upload = "upload",
        /// A page of a website.
        Web = "web",
    }
}

words! {
    /// State of an uploaded file.
    pub enum UploadState {
        /// It waits to be learned, or is being learned.
        Waiting = "waiting",
        /// Its document is up to date.
        Learned = "learned",
        /// It could not be learned.
        Failed = "failed",
    }
}

words! {
    /// The current stage of learning a file.
    pub enum LearningStage {
        /// Its text is extracted and cut into chunks.
        Reading = "reading",
        /// Its chunks are embedded.
        Embedding = "embedding",
        /// Its chunks are stored.
        Storing = "storing",
    }
}

words! {
    /// How learning a document ended; recorded in its span.
    pub enum LearnOutcome {
        /// It is stored.
        Learned = "learned",
        /// It could not be learned; the document shows why.
        Failed = "failed",
        /// It could not be read now and will be tried again.
        Unavailable = "unavailable",
        /// Another process took over.
        Lost = "lost",
        /// It was removed meanwhile.
        Gone = "gone",
    }
}

words! {
    /// Why a document could not be learned, as a code for translated messages.
    pub enum FailureCode {
        /// The format is not supported.
        Format = "format",
        /// The file is empty.
        Empty = "empty",
        /// It contains no text.
        NoText = "no_text",
        /// It is larger than the limit, or becomes so when unpacked.
        TooLarge = "too_large",
        /// Its content is of another format than its name says.
        Disguised = "disguised",
        /// It needs a password.
        Encrypted = "encrypted",
        /// Its pages are images without text.
        Scanned = "scanned",
        /// Its fonts do not say which letters they show.
        Unmapped = "unmapped",
        /// The file is damaged.
        Damaged = "damaged",
        /// It violates the syntax of its format.
        Syntax = "syntax",
        /// Reading it exceeded the time limit.
        TooSlow = "too_slow",
        /// Reading it exceeded the memory limit.
        Memory = "memory",
        /// The embedding model failed.
        Model = "model",
        /// Another document, from the folder or a website, has its path.
        Taken = "taken",
        /// The collection is full.
        Full = "full",
        /// Every attempt ended early, for example with its process.
        Lost = "lost",
        /// It could not be fetched, or nothing that can read it is available.
        Unread = "unread",
    }
}

words! {
    /// Where a collection comes from.
    pub enum CollectionOrigin {
        /// It has a folder whose files are learned.
        Folder = "folder",
        /// It came with the demo shop, and is learned at a start until it is removed.
        Demo = "demo",
        /// It was created in frontdesk, by an agent or a source.
        Console = "console",
    }
}

words! {
    /// Where a collection's settings come from.
    pub enum SettingsOrigin {
        /// They are the defaults of the configuration.
        Default = "default",
        /// `collection.toml`, read when the folder was last learned; only learning the folder
        /// changes them.
        File = "file",
        /// They were set over the API.
        Api = "api",
    }
}

words! {
    /// The detected kind of a source.
    pub enum SourceKind {
        /// One page.
        Page = "page",
        /// A page and the pages it links to.
        Site = "site",
        /// A sitemap: a list of pages.
        Sitemap = "sitemap",
    }
}

words! {
    /// How the last reading of a source ended.
    pub enum SourceState {
        /// It has not been read yet, or waits to be read again.
        Waiting = "waiting",
        /// All of it was read.
        Ready = "ready",
        /// Some of its pages could not be read.
        Partial = "partial",
        /// It could not be read; the documents learned before are kept.
        Failed = "failed",
    }
}

words! {
    /// State of a page of a source.
    pub enum PageState {
        /// A document holds its text.
        Ready = "ready",
        /// No document of its own: the page opts out, or another page has the same text.
        Skipped = "skipped",
        /// It could not be read.
        Failed = "failed",
    }
}

impl FailureCode {
    /// Whether the code describes a failure of reading the file itself, wherever it is read.
    pub fn is_of_reading(self) -> bool {
        match self {
            Self::Format
            | Self::Empty
            | Self::NoText
            | Self::TooLarge
            | Self::Disguised
            | Self::Encrypted
            | Self::Scanned
            | Self::Unmapped
            | Self::Damaged
            | Self::Syntax
            | Self::TooSlow => true,
            Self::Memory | Self::Model | Self::Taken | Self::Full | Self::Lost | Self::Unread => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One SQL statement copies `DocumentState` into `DocumentStatus`.
    #[test]
    fn a_document_that_was_not_removed_is_shown_by_its_own_word() {
        let shown = DocumentStatus::ALL.iter().copied().map(DocumentStatus::as_str);
        let own = DocumentState::ALL.iter().copied().filter(|own| *own != DocumentState::Removed);
        assert!(shown.eq(own.map(DocumentState::as_str)));
    }
}
