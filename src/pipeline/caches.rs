//! What the stages keep in memory of texts that come again. Bounded; the same answers without it,
//! only slower.

use std::sync::Arc;

use super::language::Languages;
use super::prompt::TokenCounts;
use super::reply::ground::GroundingCache;
use super::retrieve::PrintCache;

/// The caches of all stages.
pub struct TextCaches {
    pub(super) languages: Arc<Languages>,
    pub(super) prints: PrintCache,
    pub(super) tokens: TokenCounts,
    pub(super) grounding: GroundingCache,
}

impl Default for TextCaches {
    fn default() -> Self {
        let languages = Arc::<Languages>::default();
        Self {
            prints: PrintCache::default(),
            tokens: TokenCounts::default(),
            grounding: GroundingCache::new(languages.clone()),
            languages,
        }
    }
}
