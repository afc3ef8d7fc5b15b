//! Crawls a site within its limits: from its start page breadth first, or the pages of its sitemap.
//! Unchanged pages cost a conditional request, unreadable pages keep their old text, pages that are
//! gone are removed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use url::{Position, Url};

use super::fetch::{
    Failure, FetchOutcome, FetchRequest, FetchResponse, Fetcher, Limit, RedirectPolicy, Validators,
};
use super::frontier::{Frontier, Visit};
use super::page;
use super::robots::{self, Robots};
use super::scope::{self, Scope};
use super::{Limits, sitemap};
use crate::domain::{CollectionId, PageState, SourceId, SourceKind, SourceState, page_reason};
use crate::knowledge::learn::LearnJob;
use crate::knowledge::{Error, Library, Progress, Summary};
use crate::store::sources::{CrawlOutcome, PageRow, SourceRow};

mod responses;
mod sitemaps;

/// Upper bound on a site's `Crawl-delay`.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Maximum bytes read of a sitemap.
const SITEMAP_BYTES: usize = 10 * 1024 * 1024;

/// A crawl of one source.
pub(super) struct Crawl<'a> {
    library: &'a Library,
    id: SourceId,
    source: SourceRow,
    limits: Limits,
    fetcher: Fetcher,
    progress: &'a dyn Progress,
    work: LearnJob<'a>,
    /// The stored pages when the crawl began.
    known: HashMap<String, PageRow>,
    validators: HashMap<String, Validators>,
    /// Hash of how pages are read. Pages read in another way are fetched again unconditionally.
    method: String,
    robots: Robots,
    frontier: Frontier,
    /// Addresses that were reached, whatever the result.
    reached: HashSet<String>,
    /// Addresses that no longer exist.
    gone: Vec<String>,
    /// Paths of documents to keep.
    kept: HashSet<String>,
    /// Pages with another canonical address, and that address.
    duplicates: Vec<(Url, Url)>,
    /// Pages learned by their own address despite their canonical link.
    alone: HashSet<Url>,
    /// Page rows to save once their documents are stored.
    pending: Vec<PageRow>,
    trouble: Trouble,
}

/// Failures of pages.
#[derive(Default)]
struct Trouble {
    failed: Vec<(String, String)>,
    /// Consecutive pages that failed by the server's fault.
    in_a_row: usize,
}

/// A site that cannot be read at all; holds the reason. Nothing changes.
struct Unreadable(String);

/// Ends a crawl early: the site cannot be read, or the database fails.
enum Stop {
    Site(Unreadable),
    Library(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

impl From<crate::store::Error> for Stop {
    fn from(error: crate::store::Error) -> Self {
        Self::Library(error.into())
    }
}

impl<'a> Crawl<'a> {
    /// Loads the stored pages of a source.
    pub(super) async fn begin(
        library: &'a Library,
        source: SourceRow,
        (fetcher, progress): (Fetcher, &'a dyn Progress),
    ) -> Result<Self, Error> {
        let id = SourceId::stored(source.id.clone());
        let collection = CollectionId::stored(source.collection_id.clone());
        let work = LearnJob::begin(library, progress, (collection, Some(id.clone()))).await?;
        let method = work.hash(b"");
        let pages = library.store.source_pages(&id).await?;
        // A page whose text is missing, or that would be read in another way now, is fetched
        // unconditionally.
        let usable = |page: &&PageRow| {
            let here = match page.state {
                PageState::Skipped => true,
                PageState::Ready => work.was_ready(&page.path),
                PageState::Failed => false,
            };
            page.method == method && here
        };
        let conditions = |page: &PageRow| {
            let (etag, last_modified) = (page.etag.clone(), page.last_modified.clone());
            (page.url.clone(), Validators { etag, last_modified })
        };
        let validators = pages.iter().filter(usable).map(conditions).collect();
        let limits = Limits::of(&source);
        Ok(Self {
            library,
            id,
            limits,
            fetcher,
            progress,
            work,
            known: pages.into_iter().map(|page| (page.url.clone(), page)).collect(),
            validators,
            method,
            robots: Robots::open(),
            frontier: Frontier::new(limits.pages),
            reached: HashSet::new(),
            gone: Vec::new(),
            kept: HashSet::new(),
            duplicates: Vec::new(),
            alone: HashSet::new(),
            pending: Vec::new(),
            trouble: Trouble::default(),
            source,
        })
    }

    /// Crawls the site and stores the result.
    pub(super) async fn run(mut self) -> Result<Summary, Error> {
        self.progress.start(1);
        let kind = match self.read_site().await {
            Ok(kind) => kind,
            Err(Stop::Library(error)) => return Err(error),
            Err(Stop::Site(Unreadable(why))) => return self.end_unread(why).await,
        };
        self.work.flush().await?;
        self.save_pages().await?;
        self.remove_gone().await?;
        let mut summary = std::mem::take(&mut self.work.summary);
        summary.failed.append(&mut self.trouble.failed);
        summary.warnings.extend(self.left_out());
        let failed = summary.failed.len();
        let error = summary.failed.first().map(|(path, why)| {
            format!("{failed} pages could not be read, so their old text was kept. The first: {path}: {why}")
        });
        let state = if failed == 0 { SourceState::Ready } else { SourceState::Partial };
        let due_at = self.source.due_at;
        self.end(CrawlOutcome { state, error, kind, failed: count(failed), due_at }).await?;
        Ok(summary)
    }

    /// Ends a crawl of an unreadable site: what was learned before stays.
    async fn end_unread(mut self, why: String) -> Result<Summary, Error> {
        self.work.flush().await?;
        self.save_pages().await?;
        let mut summary = std::mem::take(&mut self.work.summary);
        summary.failed.push((self.source.url.clone(), why.clone()));
        let (state, kind) = (SourceState::Failed, self.source.kind);
        let (failed, due_at) = (count(summary.failed.len()), self.source.due_at);
        self.end(CrawlOutcome { state, error: Some(why), kind, failed, due_at }).await?;
        Ok(summary)
    }

    fn left_out(&self) -> Option<(String, String)> {
        let (left, pages) = (self.frontier.left(), self.limits.pages);
        let warning = format!(
            "{pages} pages were read, the most that this source may have; {left} more were found"
        );
        (left > 0).then(|| (self.source.url.clone(), warning))
    }

    async fn end(&self, crawled: CrawlOutcome) -> Result<(), Error> {
        // What a source is said to hold is found. An index that fails catches up by itself.
        let synced = self.library.sync_index().await;
        self.library.store.end_crawl(&self.id, crawled).await?;
        synced.map(drop)
    }

    /// Reads the start page and everything it leads to. Returns the kind of source it turned out to
    /// be.
    async fn read_site(&mut self) -> Result<SourceKind, Stop> {
        let start = scope::start(&self.source.url).map_err(|why| site(&why))?;
        let first = Scope::of(&start);
        self.read_robots(&first).await?;
        self.permitted(&start)?;
        // A sitemap may be cut off, a page must be whole; which one it is shows only later.
        let limit = Limit::Cut(SITEMAP_BYTES.max(self.max_page() + 1));
        let ask = FetchRequest {
            url: &start,
            follow: RedirectPolicy::Near(&first),
            known: &self.validators,
            limit,
        };
        let FetchResponse { url, answer } =
            self.fetcher.get(&ask).await.map_err(|why| site(&why))?;
        if url.origin() != start.origin() {
            self.read_robots(&Scope::of(&url)).await?;
        }
        self.permitted(&url)?;
        self.frontier.open(Scope::of(&url), &[&start, &url]);
        let kind = match answer {
            FetchOutcome::Gone => return Err(site(page_reason::GONE)),
            FetchOutcome::New(document) if sitemap::is_one(&document.bytes) => {
                self.read_sitemaps(&url, document.bytes).await;
                SourceKind::Sitemap
            }
            FetchOutcome::New(document) if document.bytes.len() > self.max_page() => {
                return Err(site(&Failure::TooLarge(self.max_page())));
            }
            FetchOutcome::New(document)
                if page::file_name(&url, &document.content_type, &document.bytes).is_none() =>
            {
                let kind = document.content_type;
                return Err(site(&format!("{}{kind}", page_reason::FORMAT)));
            }
            answer => self.read_start(FetchResponse { url, answer }).await?,
        };
        self.read_pages().await?;
        self.read_duplicates().await?;
        Ok(kind)
    }

    async fn read_start(&mut self, found: FetchResponse) -> Result<SourceKind, Stop> {
        self.frontier.count();
        let url = found.url.clone();
        self.process_response(found, 0).await?;
        self.report_progress(&url);
        Ok(self.limits.kind())
    }

    async fn read_robots(&mut self, scope: &Scope) -> Result<(), Stop> {
        let url = scope.at("/robots.txt");
        let none = HashMap::new();
        let ask = FetchRequest {
            url: &url,
            follow: RedirectPolicy::Anywhere,
            known: &none,
            limit: Limit::Cut(robots::MAX_BYTES),
        };
        // RFC 9309, section 2.3.1: an unreachable robots.txt forbids everything, a missing one
        // allows everything.
        self.robots = match self.fetcher.get(&ask).await {
            Ok(FetchResponse { answer: FetchOutcome::New(file), .. }) => Robots::read(&file.bytes),
            Err(refused @ Failure::Refused(_)) => return Err(site(&refused.to_string())),
            Err(failure) if failure.is_the_servers() => {
                return Err(site(&format!(
                    "its robots.txt cannot be read, so nothing else is: {failure}"
                )));
            }
            Ok(_) | Err(_) => Robots::open(),
        };
        Ok(())
    }

    fn permitted(&self, url: &Url) -> Result<(), Stop> {
        if self.allows(url) {
            return Ok(());
        }
        let (before, after) = (page_reason::FORBIDDEN, page_reason::TO_BE_READ);
        Err(site(&format!("{before}{}{after}", url.path())))
    }

    fn allows(&self, url: &Url) -> bool {
        self.robots.allows(&url[Position::BeforePath..])
    }

    fn max_page(&self) -> usize {
        self.library.settings.web.max_page_bytes
    }

    /// Waits between two requests: as configured, or as long as the site asks, up to
    /// [`MAX_PAUSE`].
    async fn pause(&self) {
        let usual = Duration::from_millis(self.library.settings.web.pause_ms);
        let asked = self.robots.delay.unwrap_or_default().min(MAX_PAUSE);
        tokio::time::sleep(usual.max(asked)).await;
    }

    /// Reports a finished page and the number of pages known.
    fn report_progress(&self, url: &Url) {
        self.progress.found(self.frontier.known());
        self.progress.done(url.as_str());
    }

    fn fail(&mut self, path: &str, why: &(impl std::fmt::Display + ?Sized)) {
        self.trouble.failed.push((path.to_owned(), why.to_string()));
    }

    async fn read_pages(&mut self) -> Result<(), Stop> {
        while let Some(Visit { url, depth }) = self.frontier.next() {
            if self.reached.contains(url.as_str()) || !self.allows(&url) {
                continue;
            }
            self.frontier.count();
            self.pause().await;
            match self.fetch(&url).await {
                Ok(found) => self.process_response(found, depth).await?,
                Err(failure) => self.record_failure(&url, depth, &failure)?,
            }
            self.report_progress(&url);
        }
        Ok(())
    }

    async fn fetch(&self, url: &Url) -> Result<FetchResponse, Failure> {
        let Some(scope) = self.frontier.scope() else { return Err(Failure::Circle) };
        let limit = Limit::Refuse(self.max_page());
        let ask = FetchRequest {
            url,
            follow: RedirectPolicy::Within(scope),
            known: &self.validators,
            limit,
        };
        self.fetcher.get(&ask).await
    }
}

fn site(why: &(impl std::fmt::Display + ?Sized)) -> Stop {
    Stop::Site(Unreadable(why.to_string()))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
