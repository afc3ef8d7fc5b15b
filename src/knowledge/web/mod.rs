//! Learning from the web: sources, which are pages, sites or sitemaps that are read now and again. Says which sources
//! there are and when they are read; how a site is read is `crawl`.

use std::time::Duration;

use frontdesk_endpoint::address::Guard;
use serde::{Deserialize, Serialize};

use self::crawl::Crawl;
use self::fetch::{Failure, Fetcher};
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

/// How long a source is another's after the process that reads it died, in milliseconds.
const LEASE_MS: i64 = 60_000;
/// The most pages and links that a source may be given.
const MOST_PAGES: u32 = 10_000;
const MOST_DEPTH: u32 = 20;
/// The shortest time between two readings, in minutes.
const MOST_OFTEN: u32 = 5;

/// How the web is read, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether addresses of private networks, and of this machine, may be read.
    pub allow_private: bool,
    /// How many links away from its start a site is read, where its source does not say.
    pub depth: u32,
    /// The most pages of a site, where its source does not say.
    pub pages: u32,
    /// The pause between two requests, in milliseconds; a site's own `Crawl-delay` makes it longer.
    pub pause_ms: u64,
    /// The longest that one page may take, in milliseconds.
    pub timeout_ms: u64,
    /// The largest page that is read, in bytes.
    pub max_page_bytes: usize,
}

/// A source to add or to change. A field left out keeps its value, or takes that of the settings.
#[derive(Debug, Clone, Default)]
pub struct SourceRequest {
    /// Where it begins: `https://example.com/help`.
    pub url: String,
    /// How many links away from its start it is read, at most 20; 0 for that page alone.
    pub depth: Option<u32>,
    /// The most pages, 1 to 10000.
    pub pages: Option<u32>,
    /// How often it is read again, in minutes, 5 at least; 0 for never.
    pub every_minutes: Option<u32>,
}

/// Who reads a new source first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceReader {
    /// Whoever adds it, with [`Library::refresh`].
    Caller,
    /// A desk that is serving, at once.
    Desk,
}

/// The limits of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How many links away from its start it is read.
    pub depth: u32,
    /// The most pages.
    pub pages: u32,
}

impl Limits {
    /// The limits of a stored source.
    pub fn of(source: &SourceRow) -> Self {
        // What cannot be read is read as it would be by default; the database holds what was written here.
        serde_json::from_str(&source.settings).unwrap_or(Self { depth: 3, pages: 200 })
    }

    /// What a source with these limits is, unless it turns out to be a sitemap.
    fn kind(self) -> SourceKind {
        if self.depth == 0 { SourceKind::Page } else { SourceKind::Site }
    }
}

impl Library {
    /// Adds a source to a collection, or changes the one of this address. Refuses what could never be read.
    pub async fn add_source(
        &self,
        collection: &str,
        wanted: &SourceRequest,
        reader: SourceReader,
    ) -> Result<SourceRow, Error> {
        let url = scope::start(&wanted.url).map_err(refused)?;
        let guard = Guard::new(self.settings.web.allow_private);
        guard.check(&url).map_err(|why| refused(Failure::from(why)))?;
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

    /// Reads a source now because somebody asks for it, learns what changed and what could not be read before, and removes what is
    /// gone.
    pub async fn refresh(&self, id: &SourceId, progress: &dyn Progress) -> Result<Summary, Error> {
        self.store.forgive_source(id).await?;
        if !self.store.take_source(id, LEASE_MS).await? {
            let why = "the source is being read by another process just now, or was a moment ago: try again in a minute";
            return Err(Error::Source(why.into()));
        }
        self.read_taken(id, progress).await
    }

    async fn read_taken(&self, id: &SourceId, progress: &dyn Progress) -> Result<Summary, Error> {
        let Some(source) = self.store.source(id).await? else {
            return Err(Error::Source("the source was removed".into()));
        };
        let read = tokio::select! {
            read = Box::pin(self.read_source(source, progress)) => read,
            lost = self.hold(id) => Err(lost),
        };
        if read.is_err() {
            self.store.let_source_go(id).await?;
        }
        // What was learned before it went wrong counts.
        self.follow().await?;
        read
    }

    /// Reads a source that is due, unless somebody else reads it.
    pub async fn refresh_source(
        &self,
        source: SourceRow,
        progress: &dyn Progress,
    ) -> Result<Option<(SourceRow, Summary)>, Error> {
        let id = SourceId::stored(source.id.clone());
        if !self.store.take_source(&id, LEASE_MS).await? {
            return Ok(None);
        }
        Ok(Some((source, self.read_taken(&id, progress).await?)))
    }

    /// Leaves a source that is due as it is, and says why; it is due again in its time.
    pub async fn put_off(&self, source: SourceRow, why: String) -> Result<(), Error> {
        let id = SourceId::stored(source.id);
        if self.store.take_source(&id, LEASE_MS).await? {
            let (kind, failed) = (source.kind, source.failed);
            let crawled =
                CrawlOutcome { state: SourceState::Failed, error: Some(why), kind, failed };
            self.store.end_crawl(&id, crawled).await?;
        }
        Ok(())
    }

    /// Removes a source with its documents; false if there is none.
    pub async fn remove_source(&self, id: &SourceId) -> Result<bool, Error> {
        let removed = self.store.remove_source(id).await?;
        self.follow().await?;
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

    /// Keeps a source while it is read; returns when it is lost.
    async fn hold(&self, id: &SourceId) -> Error {
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
                // The lease is still long enough for another try.
                Err(error) => {
                    tracing::warn!(%error, "the lease of a source could not be renewed, it is tried again");
                }
            }
        }
    }

    /// The collection's name of a source.
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
    if wanted.depth.is_some_and(|depth| depth > MOST_DEPTH) {
        return Err(refused(format!("the depth is at most {MOST_DEPTH} links")));
    }
    if wanted.pages.is_some_and(|pages| pages == 0 || pages > MOST_PAGES) {
        return Err(refused(format!("the pages are 1 to {MOST_PAGES}")));
    }
    if wanted.every_minutes.is_some_and(|minutes| minutes > 0 && minutes < MOST_OFTEN) {
        return Err(refused(format!(
            "a source is read every {MOST_OFTEN} minutes at the most often"
        )));
    }
    Ok(())
}
