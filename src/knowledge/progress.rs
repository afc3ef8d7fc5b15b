//! Learning as others see it: how far it is, and what became of the documents.

/// Watches learning: told of the number of documents, then of each as it is done.
pub trait Progress: Send + Sync {
    /// So many documents are to be looked at.
    fn start(&self, documents: usize);
    /// There are so many documents by now: not all were known at the start.
    fn found(&self, documents: usize);
    /// A document is done.
    fn done(&self, path: &str);
    /// Of the texts that a model is reading now, so many are read.
    fn embedded(&self, _texts: usize, _of: usize) {}
}

/// Progress that nobody watches.
pub struct SilentProgress;

impl Progress for SilentProgress {
    fn start(&self, _: usize) {}
    fn found(&self, _: usize) {}
    fn done(&self, _: &str) {}
}

/// What became of the documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Documents learned for the first time or anew.
    pub learned: usize,
    /// Their chunks.
    pub chunks: usize,
    /// Documents that had not changed.
    pub unchanged: usize,
    /// Documents that are gone.
    pub removed: usize,
    /// Documents that could not be learned: path and reason.
    pub failed: Vec<(String, String)>,
    /// What was read only in part: path and what is missing.
    pub warnings: Vec<(String, String)>,
}
