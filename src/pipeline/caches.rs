//! What the stages keep in memory of texts that come again. Bounded; the same answers without it,
//! only slower.

use std::sync::Arc;

use super::language::Languages;
use super::prompt::TokenCounts;
use super::reply::ReplyCache;
use super::retrieve::PrintCache;

/// The caches of all stages.
pub struct TextCaches {
    pub(super) languages: Arc<Languages>,
    pub(super) prints: PrintCache,
    pub(super) tokens: TokenCounts,
    pub(super) reply: ReplyCache,
}

impl Default for TextCaches {
    fn default() -> Self {
        let languages = Arc::<Languages>::default();
        Self {
            prints: PrintCache::default(),
            tokens: TokenCounts::default(),
            reply: ReplyCache::new(languages.clone()),
            languages,
        }
    }
}
