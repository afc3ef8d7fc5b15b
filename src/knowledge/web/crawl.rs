//! Reading a site: its start, then breadth first where its pages lead, or what its sitemap lists, within its limits. What
//! did not change costs a request without a body; what cannot be read keeps its old text; what is gone is removed.

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
use crate::domain::{CollectionId, PageState, SourceId, SourceKind, SourceState};
use crate::knowledge::learn::LearnJob;
use crate::knowledge::{Error, Library, Progress, Summary};
use crate::store::sources::{CrawlOutcome, PageRow, SourceRow};

mod harvest;
mod sitemaps;

/// The longest pause that a site gets by its `Crawl-delay`.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The most that is read of a sitemap, in bytes.
const SITEMAP_BYTES: usize = 10 * 1024 * 1024;

/// A source being read.
pub(super) struct Crawl<'a> {
    library: &'a Library,
    id: SourceId,
    source: SourceRow,
    limits: Limits,
    fetcher: Fetcher,
    progress: &'a dyn Progress,
    work: LearnJob<'a>,
    /// What was known of the pages when this began.
    known: HashMap<String, PageRow>,
    validators: HashMap<String, Validators>,
    /// How pages are read: those that were read in another way are asked for anew.
    method: String,
    robots: Robots,
    frontier: Frontier,
    /// The addresses that answered, by what became of them.
    reached: HashSet<String>,
    /// Addresses at which there is nothing any more.
    gone: Vec<String>,
    /// Paths of documents that stay.
    kept: HashSet<String>,
    /// Pages that say that another address is theirs, and that address.
    duplicates: Vec<(Url, Url)>,
    /// Pages that are learned by their own address, whatever they say.
    alone: HashSet<Url>,
    /// What became known of pages whose documents may not be stored yet.
    pending: Vec<PageRow>,
    trouble: Trouble,
}

/// What went wrong with pages.
#[derive(Default)]
struct Trouble {
    failed: Vec<(String, String)>,
    /// Pages that the server could not give, one after the other.
    in_a_row: usize,
}

/// A site that cannot be read at all, and why. Nothing is changed.
struct Unreadable(String);

/// What ends a crawl early: the site cannot be read, or the database does not answer.
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
    /// Begins with what is known of a source.
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
        // A page is asked for anew when its text is not here any more, or would be read in another way now.
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

    /// Reads the site, and stores how it went.
    pub(super) async fn run(mut self) -> Result<Summary, Error> {
        self.progress.start(1);
        let kind = match self.read_site().await {
            Ok(kind) => kind,
            Err(Stop::Library(error)) => return Err(error),
            Err(Stop::Site(Unreadable(why))) => return self.end_unread(why).await,
        };
        self.work.flush().await?;
        self.save_pages().await?;
        self.clear_away().await?;
        let mut summary = std::mem::take(&mut self.work.summary);
        summary.failed.append(&mut self.trouble.failed);
        summary.warnings.extend(self.left_out());
        let failed = summary.failed.len();
        let error = summary.failed.first().map(|(path, why)| {
            format!("{failed} pages could not be read, so their old text was kept. The first: {path}: {why}")
        });
        let state = if failed == 0 { SourceState::Ready } else { SourceState::Partial };
        self.end(CrawlOutcome { state, error, kind, failed: count(failed) }).await?;
        Ok(summary)
    }

    /// The site could not be read: what was learned before stays.
    async fn end_unread(mut self, why: String) -> Result<Summary, Error> {
        self.work.flush().await?;
        self.save_pages().await?;
        let mut summary = std::mem::take(&mut self.work.summary);
        summary.failed.push((self.source.url.clone(), why.clone()));
        let (state, kind) = (SourceState::Failed, self.source.kind);
        let failed = count(summary.failed.len());
        self.end(CrawlOutcome { state, error: Some(why), kind, failed }).await?;
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
        Ok(self.library.store.end_crawl(&self.id, crawled).await?)
    }

    /// Reads the start, and what it leads to; what kind of source it turned out to be.
    async fn read_site(&mut self) -> Result<SourceKind, Stop> {
        let start = scope::start(&self.source.url).map_err(|why| site(&why))?;
        let first = Scope::of(&start);
        self.read_robots(&first).await?;
        self.permitted(&start)?;
        // It may be a sitemap, of which the beginning is enough, or a page, which must be whole.
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
            FetchOutcome::Gone => return Err(site("the server says that there is no such page")),
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
                return Err(site(&format!("it is of a format that cannot be learned: {kind}")));
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
        self.take(found, 0).await?;
        self.tell(&url);
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
        // RFC 9309, section 2.3.1: what the server cannot tell forbids all, what is not there allows all.
        self.robots = match self.fetcher.get(&ask).await {
            Ok(FetchResponse { answer: FetchOutcome::New(file), .. }) => Robots::read(&file.bytes),
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
        Err(site(&format!("the site's robots.txt does not allow {} to be read", url.path())))
    }

    fn allows(&self, url: &Url) -> bool {
        self.robots.allows(&url[Position::BeforePath..])
    }

    fn max_page(&self) -> usize {
        self.library.settings.web.max_page_bytes
    }

    /// Waits as long as the site wants a crawler to wait between two requests, within reason.
    async fn pause(&self) {
        let usual = Duration::from_millis(self.library.settings.web.pause_ms);
        let asked = self.robots.delay.unwrap_or_default().min(LONGEST_PAUSE);
        tokio::time::sleep(usual.max(asked)).await;
    }

    /// Tells of a page that is done, and of those that are to come.
    fn tell(&self, url: &Url) {
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
                Ok(found) => self.take(found, depth).await?,
                Err(failure) => self.miss(&url, depth, &failure)?,
            }
            self.tell(&url);
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
