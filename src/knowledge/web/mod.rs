//! Web sources: pages, sites or sitemaps that are read at intervals. Manages the sources and when
//! they are read; `crawl` reads a site.

use std::time::Duration;

use frontdesk_endpoint::address::{AddressError, Guard};
use serde::{Deserialize, Serialize};

use self::crawl::Crawl;
use self::fetch::Fetcher;
use super::collection::is_staged;
use super::{Error, Library, Progress, Summary};
use crate::domain::time::now_ms;
use crate::domain::{CollectionId, SourceId, SourceKind, SourceState};
use crate::store::sources::{CrawlOutcome, NewSource, SourceRow};

mod scope;
mod robots;
mod sitemap;
mod page;
mod fetch;
mod frontier;
mod crawl;

/// Lease on a source, in milliseconds: how long it stays locked after the process that reads it
/// died.
const LEASE_MS: i64 = 60_000;
/// Maximum pages and link depth of a source.
const MAX_PAGES: u32 = 10_000;
const MAX_DEPTH: u32 = 20;
/// Minimum interval between two reads, in minutes.
const MIN_INTERVAL: u32 = 5;

/// How websites are read, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether addresses of private networks and of this machine may be read.
    pub allow_private: bool,
    /// Default link depth from a source's start.
    pub depth: u32,
    /// Default maximum number of pages of a source.
    pub pages: u32,
    /// Pause between two requests, in milliseconds; a site's `Crawl-delay` can extend it.
    pub pause_ms: u64,
    /// Timeout of one request, in milliseconds.
    pub timeout_ms: u64,
    /// Maximum size of a page, in bytes.
    pub max_page_bytes: usize,
}

/// A source to add or change. A field left out keeps its value or takes the configured default.
#[derive(Debug, Clone, Default)]
pub struct SourceRequest {
    /// Start address: `https://example.com/help`.
    pub url: String,
    /// Link depth from the start, at most 20; 0 for that page alone.
    pub depth: Option<u32>,
    /// Maximum number of pages, 1 to 10000.
    pub pages: Option<u32>,
    /// Interval between reads, in minutes, at least 5; 0 for never.
    pub every_minutes: Option<u32>,
}

/// Who reads a new source first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceReader {
    /// The caller, with [`Library::refresh`].
    Caller,
    /// A serving process, at once.
    Desk,
}

/// The limits of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Link depth from the start.
    pub depth: u32,
    /// Maximum number of pages.
    pub pages: u32,
}

impl Limits {
    /// The limits of a stored source.
    pub fn of(source: &SourceRow) -> Self {
        // An unreadable value becomes the default; only this code writes the column.
        serde_json::from_str(&source.settings).unwrap_or(Self { depth: 3, pages: 200 })
    }

    /// The kind of a source with these limits, unless it turns out to be a sitemap.
    fn kind(self) -> SourceKind {
        if self.depth == 0 { SourceKind::Page } else { SourceKind::Site }
    }
}

impl Library {
    /// Adds a source to a collection, or changes the one with this address. Refuses addresses that
    /// could never be read.
    pub async fn add_source(
        &self,
        collection: &str,
        wanted: &SourceRequest,
        reader: SourceReader,
    ) -> Result<SourceRow, Error> {
        let url = scope::start(&wanted.url).map_err(refused)?;
        let guard = Guard::new(self.settings.web.allow_private);
        guard.permits(&url).await.map_err(|refused| Error::PrivateAddress {
            may_be_permitted: matches!(refused, AddressError::Private { .. }),
        })?;
        check(collection, wanted)?;
        let collection = self.store.collection(collection).await?;
        let sources = self.store.sources().await?;
        let known = sources
            .into_iter()
            .find(|row| row.collection_id == collection.as_str() && row.url == url.as_str());
        let before = known.as_ref().map(Limits::of);
        let before = before
            .unwrap_or(Limits { depth: self.settings.web.depth, pages: self.settings.web.pages });
        let limits = Limits {
            depth: wanted.depth.unwrap_or(before.depth),
            pages: wanted.pages.unwrap_or(before.pages),
        };
        let every_minutes = match wanted.every_minutes {
            None => known.and_then(|row| row.every_minutes),
            Some(0) => None,
            Some(minutes) => Some(i64::from(minutes)),
        };
        let due_at = match reader {
            SourceReader::Desk => Some(now_ms()),
            SourceReader::Caller => every_minutes.map(|minutes| now_ms() + minutes * 60_000),
        };
        let new = NewSource {
            collection,
            url: url.to_string(),
            kind: limits.kind(),
            settings: serde_json::to_string(&limits)
                .map_err(|error| Error::Source(error.to_string()))?,
            every_minutes,
            due_at,
        };
        let id = self.store.add_source(new).await?;
        let row = self.store.source(&id).await?;
        row.ok_or_else(|| Error::Source("the source was removed again".into()))
    }

    /// Reads a source now, on request: learns what changed and what failed before, removes what is
    /// gone.
    pub async fn refresh(&self, id: &SourceId, progress: &dyn Progress) -> Result<Summary, Error> {
        self.store.reset_source_tries(id).await?;
        if !self.store.take_source(id, LEASE_MS).await? {
            let why = "the source is being read by another process just now, or was a moment ago: try again in a minute";
            return Err(Error::Source(why.into()));
        }
        self.read_claimed(id, progress).await
    }

    async fn read_claimed(&self, id: &SourceId, progress: &dyn Progress) -> Result<Summary, Error> {
        let Some(source) = self.store.source(id).await? else {
            return Err(Error::Source("the source was removed".into()));
        };
        let read = tokio::select! {
            read = Box::pin(self.read_source(source, progress)) => read,
            lost = self.renew_source_lease(id) => Err(lost),
        };
        if read.is_err() {
            self.store.release_source(id).await?;
            // Documents learned before a failure count.
            self.sync_index().await?;
        }
        read
    }

    /// Reads a source that is due; `None` when another process reads it.
    pub async fn refresh_source(
        &self,
        source: SourceRow,
        progress: &dyn Progress,
    ) -> Result<Option<(SourceRow, Summary)>, Error> {
        let id = SourceId::stored(source.id.clone());
        if !self.store.take_source(&id, LEASE_MS).await? {
            return Ok(None);
        }
        Ok(Some((source, self.read_claimed(&id, progress).await?)))
    }

    /// Skips a source that is due and records the reason; it is due again after its interval.
    pub async fn skip_source(&self, source: SourceRow, why: String) -> Result<(), Error> {
        let id = SourceId::stored(source.id);
        if self.store.take_source(&id, LEASE_MS).await? {
            let SourceRow { kind, failed, due_at, .. } = source;
            let crawled =
                CrawlOutcome { state: SourceState::Failed, error: Some(why), kind, failed, due_at };
            self.store.end_crawl(&id, crawled).await?;
        }
        Ok(())
    }

    /// Removes a source and its documents; false when there is none.
    pub async fn remove_source(&self, id: &SourceId) -> Result<bool, Error> {
        let removed = self.store.remove_source(id).await?;
        self.sync_index().await?;
        Ok(removed)
    }

    async fn read_source(
        &self,
        source: SourceRow,
        progress: &dyn Progress,
    ) -> Result<Summary, Error> {
        let settings = &self.settings.web;
        let guard = Guard::new(settings.allow_private);
        let timeout = Duration::from_millis(settings.timeout_ms.max(1));
        let fetcher = Fetcher::new(guard, timeout).map_err(refused)?;
        Crawl::begin(self, source, (fetcher, progress)).await?.run().await
    }

    /// Renews the lease while a source is read. Returns when the lease is lost.
    async fn renew_source_lease(&self, id: &SourceId) -> Error {
        let pause = Duration::from_millis(LEASE_MS.unsigned_abs() / 4);
        loop {
            tokio::time::sleep(pause).await;
            match self.store.keep_source(id, LEASE_MS).await {
                Ok(true) => {}
                Ok(false) => {
                    return Error::Source(
                        "the source was removed, or taken over, while it was read".into(),
                    );
                }
                // The lease is long enough for another try.
                Err(error) => {
                    tracing::warn!(%error, "the lease of a source could not be renewed, it is tried again");
                }
            }
        }
    }

    /// Name of the collection that a source belongs to; empty when it is gone.
    pub async fn collection_of(&self, source: &SourceRow) -> Result<String, Error> {
        let all = self.store.collections().await?;
        let own = all.into_iter().find(|row| row.id == source.collection_id);
        Ok(own.map(|row| row.slug).unwrap_or_default())
    }

    /// The sources of a collection.
    pub async fn sources(&self, collection: &CollectionId) -> Result<Vec<SourceRow>, Error> {
        let all = self.store.sources().await?;
        Ok(all.into_iter().filter(|row| row.collection_id == collection.as_str()).collect())
    }
}

fn refused(why: impl std::fmt::Display) -> Error {
    Error::Source(why.to_string())
}

fn check(collection: &str, wanted: &SourceRequest) -> Result<(), Error> {
    let named = !collection.trim().is_empty() && collection.len() <= 100;
    if !named || collection.chars().any(|c| c.is_control() || c == '/') {
        return Err(refused("a collection is named by 1 to 100 characters, without a slash"));
    }
    // Lists leave staged collections out: nobody would see the source, or could remove it.
    if is_staged(collection) {
        return Err(refused(format!(
            "a collection that is only tried, such as `{collection}`, takes no source: add it to the collection itself"
        )));
    }
    if wanted.depth.is_some_and(|depth| depth > MAX_DEPTH) {
        return Err(refused(format!("the depth is at most {MAX_DEPTH} links")));
    }
    if wanted.pages.is_some_and(|pages| pages == 0 || pages > MAX_PAGES) {
        return Err(refused(format!("the pages are 1 to {MAX_PAGES}")));
    }
    if wanted.every_minutes.is_some_and(|minutes| minutes > 0 && minutes < MIN_INTERVAL) {
        return Err(refused(format!(
            "a source is read every {MIN_INTERVAL} minutes at the most often"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_belongs_to_a_collection_that_is_shown() {
        let wanted = SourceRequest {
            url: "https://example.com".into(),
            depth: None,
            pages: None,
            every_minutes: None,
        };
        assert!(check("acme", &wanted).is_ok());
        for wrong in ["", "a/b", "a\nb", "acme@draft"] {
            assert!(check(wrong, &wanted).is_err(), "{wrong:?}");
        }
    }
}
