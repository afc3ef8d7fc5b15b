//! Handles fetched pages: learns new text, follows links, and saves page state for the next crawl.
//! Finally removes pages that are gone.

use std::collections::{HashMap, HashSet};

use http::StatusCode;
use url::Url;

use super::super::fetch::{Document, Failure, FetchOutcome, FetchResponse};
use super::super::page::{self, PageFacts};
use super::{Crawl, Stop, site};
use crate::domain::{PageState, SourceState};
use crate::failpoint;
use crate::knowledge::{DocumentSource, Error, remedy};
use crate::store::crawl_leases::MAX_TRIES;
use crate::store::sources::PageRow;

/// Consecutive pages that fail through the server's fault before a crawl stops.
const MAX_TROUBLE: usize = 8;
/// Maximum pages pending before they are saved: a crash loses no more.
const SAVED_TOGETHER: usize = 32;
/// Maximum missing pages that are removed without a plausibility check.
const FEW: usize = 3;

impl Crawl<'_> {
    /// Processes the response of an address.
    pub(super) async fn process_response(
        &mut self,
        found: FetchResponse,
        depth: u32,
    ) -> Result<(), Stop> {
        self.trouble.in_a_row = 0;
        let FetchResponse { url, answer } = found;
        if !self.allows(&url) {
            return Ok(());
        }
        if !self.reached.insert(url.to_string()) {
            return Ok(());
        }
        match answer {
            FetchOutcome::Gone => self.gone.push(url.to_string()),
            // The request was unconditional, so there is no text to keep.
            FetchOutcome::Same if !self.validators.contains_key(url.as_str()) => {
                self.record_failure(&url, depth, &Failure::Status(StatusCode::NOT_MODIFIED))?;
            }
            FetchOutcome::Same => self.take_known(&url, depth),
            FetchOutcome::New(document) => self.take_new(url, document, depth).await?,
        }
        if self.pending.len() >= SAVED_TOGETHER {
            self.work.flush().await?;
        }
        if self.work.is_flushed() {
            self.save_pages().await?;
        }
        Ok(())
    }

    /// Processes an unchanged page.
    fn take_known(&mut self, url: &Url, depth: u32) {
        let Some(page) = self.known.get(url.as_str()).cloned() else { return };
        self.follow(stored_links(&page), depth);
        if page.state == PageState::Ready {
            self.work.summary.unchanged += 1;
            self.kept.insert(page.path);
        } else if let Ok(canonical) = Url::parse(&page.path) {
            self.record_duplicate(url, canonical, depth);
        }
    }

    async fn take_new(&mut self, url: Url, document: Document, depth: u32) -> Result<(), Stop> {
        let Some(name) = page::file_name(&url, &document.content_type, &document.bytes) else {
            self.queue_page(&url, "", (&document, &[]));
            return Ok(());
        };
        let stamp = self.work.hash(&document.bytes);
        let known = self.known.get(url.as_str());
        let (tries, same) = known.map_or((0, false), |page| (page.tries, page.stamp == stamp));
        // A changed page gets one more try and no more: some differ at each fetch.
        if tries > MAX_TRIES || (tries == MAX_TRIES && same) {
            return self.leave_out(&url, depth, (tries, stamp)).await;
        }
        if tries > 0 {
            // Save first: if this page ends the process again, nothing else is lost.
            self.work.flush().await?;
            self.save_pages().await?;
        }
        let library = self.library;
        let turn = library.acquire_read_turn(tries > 0).await;
        library.store.begin_page(&self.id, (url.as_str(), &stamp)).await?;
        failpoint!("web.reading");
        let read = self.read_new((url, name), document, depth).await;
        library.store.end_page(&self.id).await?;
        read?;
        // Embedding may take minutes, must not block other readers, and is not this page's fault.
        drop(turn);
        Ok(self.work.store_batch().await?)
    }

    /// Skips a page that ended every process that read it.
    async fn leave_out(
        &mut self,
        url: &Url,
        depth: u32,
        (tries, stamp): (i64, String),
    ) -> Result<(), Stop> {
        let failure = remedy::lost_page(tries);
        let error = Some(failure.error.clone());
        let mut page = self.page(url);
        self.follow(stored_links(&page), depth);
        self.kept.insert(url.to_string());
        self.work.give_up(url.as_str(), stamp.clone(), failure).await?;
        page.path = url.to_string();
        (page.state, page.error) = (PageState::Failed, error);
        (page.tries, page.stamp) = (tries, stamp);
        self.pending.push(page);
        Ok(())
    }

    async fn read_new(
        &mut self,
        (url, name): (Url, String),
        mut document: Document,
        depth: u32,
    ) -> Result<(), Stop> {
        let mut facts = PageFacts::default();
        if page::is_page(&name) {
            document.bytes = page::in_utf_8(document.bytes, &document.content_type);
            (document.bytes, facts) = read_facts(document.bytes, url.clone()).await;
        }
        let links: Vec<Url> = match self.frontier.scope() {
            Some(scope) if !document.robots.no_follow => facts
                .links
                .into_iter()
                .filter_map(|link| scope.admit(link))
                .filter(page::may_be_document)
                .collect(),
            _ => Vec::new(),
        };
        self.follow(links.clone(), depth);
        let canonical = facts.canonical.and_then(|url| self.frontier.scope()?.admit(url));
        let canonical =
            canonical.filter(|own| is_plausible_canonical(own, &url) && !self.alone.contains(&url));
        if facts.robots.no_index || document.robots.no_index {
            self.queue_page(&url, "", (&document, &links));
        } else if let Some(canonical) = canonical {
            self.queue_page(&url, canonical.as_str(), (&document, &links));
            self.record_duplicate(&url, canonical, depth);
        } else {
            self.queue_page(&url, url.as_str(), (&document, &links));
            self.learn(&url, name, document.bytes).await?;
        }
        Ok(())
    }

    async fn learn(&mut self, url: &Url, name: String, bytes: Vec<u8>) -> Result<(), Stop> {
        self.kept.insert(url.to_string());
        let read = Box::new(move || Ok(bytes));
        let document = DocumentSource { path: url.to_string(), name: Some(name), read };
        self.work.begin_reading(document).await?;
        // The page counts as being read until this returns: if the process dies now, this page is
        // to blame.
        Ok(self.work.finish_reading().await?)
    }

    /// Queues a page row to be saved. `path` is the document with its text: empty for none, or
    /// another page's path.
    fn queue_page(&mut self, url: &Url, path: &str, (document, links): (&Document, &[Url])) {
        let links: Vec<&str> = links.iter().map(Url::as_str).collect();
        let state = if path == url.as_str() { PageState::Ready } else { PageState::Skipped };
        self.pending.push(PageRow {
            url: url.to_string(),
            path: path.to_owned(),
            state,
            error: None,
            etag: document.validators.etag.clone(),
            last_modified: document.validators.last_modified.clone(),
            method: self.method.clone(),
            links: serde_json::to_string(&links).unwrap_or_default(),
            tries: 0,
            stamp: String::new(),
        });
    }

    /// The stored row of a page, or a new row in state failed.
    fn page(&self, url: &Url) -> PageRow {
        let known = self.known.get(url.as_str()).cloned();
        known.unwrap_or_else(|| PageRow {
            url: url.to_string(),
            path: String::new(),
            state: PageState::Failed,
            error: None,
            etag: None,
            last_modified: None,
            method: String::new(),
            links: "[]".to_owned(),
            tries: 0,
            stamp: String::new(),
        })
    }

    /// Processes a page that could not be fetched: its old text stays and its old links are
    /// followed.
    pub(super) fn record_failure(
        &mut self,
        url: &Url,
        depth: u32,
        failure: &Failure,
    ) -> Result<(), Stop> {
        self.fail(url.as_str(), failure);
        let mut page = self.page(url);
        self.follow(stored_links(&page), depth);
        self.reached.insert(url.to_string());
        self.kept.insert(page.path.clone());
        (page.state, page.error) = (PageState::Failed, Some(failure.to_string()));
        self.pending.push(page);
        self.trouble.in_a_row =
            if failure.is_the_servers() { self.trouble.in_a_row + 1 } else { 0 };
        if self.trouble.in_a_row >= MAX_TROUBLE {
            let why = format!(
                "{MAX_TROUBLE} pages in a row could not be read, so the site is left alone: {failure}"
            );
            return Err(site(&why));
        }
        Ok(())
    }

    /// Adds the links of a page at this depth to the frontier.
    fn follow(&mut self, links: Vec<Url>, depth: u32) {
        if depth < self.limits.depth {
            for link in links {
                self.frontier.add(link, depth + 1);
            }
        }
    }

    /// Records a page with another canonical address: that one is visited, and this one is not
    /// learned.
    fn record_duplicate(&mut self, url: &Url, canonical: Url, depth: u32) {
        self.frontier.add(canonical.clone(), depth);
        self.duplicates.push((url.clone(), canonical));
    }

    /// Learns pages whose canonical address turned out to have no content, by their own address.
    pub(super) async fn read_duplicates(&mut self) -> Result<(), Stop> {
        for (url, canonical) in std::mem::take(&mut self.duplicates) {
            if self.kept.contains(canonical.as_str()) {
                continue;
            }
            self.alone.insert(url.clone());
            self.validators.remove(url.as_str());
            self.pause().await;
            match self.fetch(&url).await {
                Ok(found) => {
                    self.reached.remove(found.url.as_str());
                    self.process_response(found, self.limits.depth).await?;
                }
                Err(failure) => self.record_failure(&url, self.limits.depth, &failure)?,
            }
        }
        Ok(())
    }

    /// Saves pending page rows once their documents are stored. A page whose document failed is
    /// fetched again unconditionally.
    pub(super) async fn save_pages(&mut self) -> Result<(), Error> {
        let failed: HashMap<&str, &str> = self
            .work
            .summary
            .failed
            .iter()
            .map(|(path, why)| (path.as_str(), why.as_str()))
            .collect();
        let mut pages: HashMap<String, PageRow> = HashMap::new();
        for mut page in self.pending.drain(..) {
            let ready = page.state == PageState::Ready;
            if let Some(why) = failed.get(page.path.as_str()).filter(|_| ready) {
                (page.state, page.error) = (PageState::Failed, Some((*why).to_owned()));
                (page.etag, page.last_modified) = (None, None);
            }
            pages.insert(page.url.clone(), page);
        }
        Ok(self.library.store.save_pages(&self.id, pages.into_values().collect()).await?)
    }

    /// Removes pages that are gone. If any page failed, unreached pages are kept: the failed ones
    /// may link to them.
    pub(super) async fn remove_gone(&mut self) -> Result<(), Error> {
        self.keep_pages_if_implausible();
        let mut gone = std::mem::take(&mut self.gone);
        for page in self.known.values().filter(|page| !self.reached.contains(&page.url)) {
            if self.trouble.failed.is_empty() {
                gone.push(page.url.clone());
            } else {
                self.kept.insert(page.path.clone());
            }
        }
        let kept: HashSet<String> = std::mem::take(&mut self.kept);
        self.work.remove_all_but(&kept).await?;
        Ok(self.library.store.drop_pages(&self.id, gone).await?)
    }

    /// Plausibility check: when a site suddenly leads to less than half of its pages, it is
    /// probably broken, so they are kept unless somebody requested this read.
    fn keep_pages_if_implausible(&mut self) {
        let had = self.known.values().filter(|page| page.state == PageState::Ready);
        let (lost, left): (Vec<&PageRow>, Vec<&PageRow>) =
            had.partition(|page| !self.reached.contains(&page.url));
        let (lost, left) = (lost.len(), left.len());
        if self.source.state == SourceState::Waiting || lost <= FEW || lost <= left {
            return;
        }
        let all = lost + left;
        let why = format!(
            "it leads to {left} of its {all} pages only, so the others were kept; if that is right, \
             `frontdesk learn` it again by its address"
        );
        let url = self.source.url.clone();
        self.fail(&url, &why);
    }
}

/// Whether a canonical address is plausible: many sites declare their front page for every page.
fn is_plausible_canonical(own: &Url, url: &Url) -> bool {
    let front = |url: &Url| url.path() == "/" || url.path().starts_with("/index.");
    own != url && (own.path() != "/" || front(url))
}

/// Reads a page's links and directives on a blocking thread. Returns its bytes, too.
async fn read_facts(bytes: Vec<u8>, url: Url) -> (Vec<u8>, PageFacts) {
    let reading = tokio::task::spawn_blocking(move || {
        let facts = page::facts(&encoding_rs::UTF_8.decode(&bytes).0, &url);
        (bytes, facts)
    });
    reading.await.unwrap_or_default()
}

/// Links of a page when it was last read.
fn stored_links(page: &PageRow) -> Vec<Url> {
    let links: Vec<String> = serde_json::from_str(&page.links).unwrap_or_default();
    links.iter().filter_map(|link| Url::parse(link).ok()).collect()
}
