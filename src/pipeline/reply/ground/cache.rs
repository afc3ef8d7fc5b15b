//! Part of the grounding check: what it keeps of texts that come again. Bounded; the verdicts are the
//! same without it.

use std::sync::Arc;

use super::evidence::SourceCache;
use crate::pipeline::language::Languages;
use crate::text_cache::TextCache;

/// What is known of texts that come again.
pub(crate) struct GroundingCache {
    pub(super) languages: Arc<Languages>,
    pub(super) sources: SourceCache,
    /// What customers state, by what they wrote.
    pub(super) statements: TextCache<Arc<str>>,
}

/// Bytes of the statements that are kept, and of one, about.
const MAX_STATEMENTS_BYTES: usize = 1 << 20;
const USUAL_STATEMENT_BYTES: usize = 100;

impl Default for GroundingCache {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl GroundingCache {
    /// Creates a cache that shares the languages of texts.
    pub(crate) fn new(languages: Arc<Languages>) -> Self {
        let statements = TextCache::new(MAX_STATEMENTS_BYTES, USUAL_STATEMENT_BYTES);
        Self { languages, sources: SourceCache::default(), statements }
    }
}
