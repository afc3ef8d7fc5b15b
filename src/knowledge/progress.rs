//! Progress and result of learning, for display.

/// Observes learning: receives the number of documents, then each document as it is done.
pub trait Progress: Send + Sync {
    /// Learning starts with this many documents.
    fn start(&self, documents: usize);
    /// This many documents are known by now: a crawl finds more as it goes.
    fn found(&self, documents: usize);
    /// A document is done.
    fn done(&self, path: &str);
    /// This many of the texts being embedded are done.
    fn embedded(&self, _texts: usize, _of: usize) {}
}

/// A [`Progress`] that ignores everything.
pub struct SilentProgress;

impl Progress for SilentProgress {
    fn start(&self, _: usize) {}
    fn found(&self, _: usize) {}
    fn done(&self, _: &str) {}
}

/// The result of learning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Documents learned for the first time or again.
    pub learned: usize,
    /// Chunks of the learned documents.
    pub chunks: usize,
    /// Unchanged documents.
    pub unchanged: usize,
    /// Removed documents.
    pub removed: usize,
    /// Documents that could not be learned: path and reason.
    pub failed: Vec<(String, String)>,
    /// Documents that were read only in part: path and what is missing.
    pub warnings: Vec<(String, String)>,
}
