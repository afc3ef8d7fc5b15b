//! The words of learning: how far documents, uploaded files and sources are, where they come from, and why they failed.

use frontdesk_words::words;

words! {
    /// How far learning a document got.
    pub enum DocumentState {
        /// It is learned for the first time.
        Learning = "learning",
        /// It can be answered from.
        Ready = "ready",
        /// It could not be learned.
        Failed = "failed",
        /// It is gone; its row tells every index to let go of it.
        Removed = "removed",
    }
}

words! {
    /// How a document stands, for whoever looks at it: its own state and that of its uploaded file in one. One that was removed is
    /// not shown.
    pub enum DocumentStatus {
        /// It is learned; one that is replaced answers as it was until then.
        Learning = "learning",
        /// It can be answered from.
        Ready = "ready",
        /// It could not be learned; what was learned of an earlier version answers on.
        Failed = "failed",
    }
}

words! {
    /// Where a document comes from.
    pub enum DocumentOrigin {
        /// A file of the collection's folder.
        Folder = "folder",
        /// A file or a text that somebody gave over the API.
        Upload = "upload",
        /// A page of a website.
        Web = "web",
    }
}

words! {
    /// What became of an uploaded file.
    pub enum UploadState {
        /// It is to be learned, or is being learned.
        Waiting = "waiting",
        /// Its document holds what it says.
        Learned = "learned",
        /// It could not be learned.
        Failed = "failed",
    }
}

words! {
    /// What part of learning a file is under way.
    pub enum LearningStage {
        /// Its text is read and cut into chunks.
        Reading = "reading",
        /// These are embedded.
        Embedding = "embedding",
        /// They are stored.
        Storing = "storing",
    }
}

words! {
    /// How learning a document ended, for its span.
    pub enum LearnOutcome {
        /// It is stored.
        Learned = "learned",
        /// It shows why it could not be learned.
        Failed = "failed",
        /// It is tried again.
        Unavailable = "unavailable",
        /// Another process learns it.
        Lost = "lost",
        /// It was removed meanwhile.
        Gone = "gone",
    }
}

words! {
    /// Why a document could not be learned, for those who say it in another language.
    pub enum FailureCode {
        /// No format that can be learned.
        Format = "format",
        /// Nothing is in it.
        Empty = "empty",
        /// No text is in it.
        NoText = "no_text",
        /// It is larger, or becomes larger, than what is taken.
        TooLarge = "too_large",
        /// It is another format than its name says.
        Disguised = "disguised",
        /// It needs a password.
        Encrypted = "encrypted",
        /// Its pages are pictures.
        Scanned = "scanned",
        /// Its letters cannot be told from its fonts.
        Unmapped = "unmapped",
        /// It cannot be read as what it is.
        Damaged = "damaged",
        /// It is not written by the rules of its format.
        Syntax = "syntax",
        /// Reading it takes too long.
        TooSlow = "too_slow",
        /// Reading it takes too much memory.
        Memory = "memory",
        /// The model could not embed it.
        Model = "model",
        /// Its path is that of a document from elsewhere.
        Taken = "taken",
        /// The collection has no room for it.
        Full = "full",
        /// The process that learned it ended each time.
        Lost = "lost",
        /// It could not be fetched, or there was nothing to read it with.
        Unread = "unread",
    }
}

words! {
    /// Where a collection comes from.
    pub enum CollectionOrigin {
        /// It has a folder, whose files are learned.
        Folder = "folder",
        /// It was made here, by an agent or by a source.
        Console = "console",
    }
}

words! {
    /// Who says what a collection's settings are.
    pub enum SettingsOrigin {
        /// Nobody: they are those of the configuration.
        Default = "default",
        /// `collection.toml`, when the folder was last learned; only learning the folder changes them.
        File = "file",
        /// Somebody, over the API.
        Api = "api",
    }
}

words! {
    /// What a source turned out to be.
    pub enum SourceKind {
        /// One page.
        Page = "page",
        /// A page and those that it leads to.
        Site = "site",
        /// A list of pages.
        Sitemap = "sitemap",
    }
}

words! {
    /// How the last reading of a source ended.
    pub enum SourceState {
        /// It was not read yet, or is to be read anew.
        Waiting = "waiting",
        /// All of it was read.
        Ready = "ready",
        /// Some of its pages could not be read.
        Partial = "partial",
        /// It could not be read; what was learned before is kept.
        Failed = "failed",
    }
}

words! {
    /// What became of a page of a source.
    pub enum PageState {
        /// A document holds its text.
        Ready = "ready",
        /// No document holds its text: it does not want that, or another page has the same.
        Skipped = "skipped",
        /// It could not be read.
        Failed = "failed",
    }
}

impl FailureCode {
    /// Whether reading a document can end so, in whichever process.
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

    /// One SQL statement gives the one as the other.
    #[test]
    fn a_document_that_was_not_removed_is_shown_by_its_own_word() {
        let shown = DocumentStatus::ALL.iter().copied().map(DocumentStatus::as_str);
        let own = DocumentState::ALL.iter().copied().filter(|own| *own != DocumentState::Removed);
        assert!(shown.eq(own.map(DocumentState::as_str)));
    }
}
