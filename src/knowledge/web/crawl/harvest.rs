//! What becomes of a page: its text is learned or as it was, its links are followed, and what is known of it is stored for
//! the next time. At the end, what is not there any more goes.

use std::collections::{HashMap, HashSet};

use http::StatusCode;
use url::Url;

use super::super::fetch::{Document, Failure, FetchOutcome, FetchResponse};
use super::super::page::{self, PageFacts};
use super::{Crawl, Stop, site};
use crate::domain::{PageState, SourceState};
use crate::failpoint;
use crate::knowledge::{DocumentSource, Error, remedy};
use crate::store::reading::MOST_TRIES;
use crate::store::sources::PageRow;

/// After so many pages in a row that the server could not give, the site is left alone.
const MOST_TROUBLE: usize = 8;
/// What is known of so many pages is stored at the latest: a crash costs no more.
const SAVED_TOGETHER: usize = 32;
/// So many pages may go at once without a doubt.
const FEW: usize = 3;

impl Crawl<'_> {
    /// Takes in what an address answered.
    pub(super) async fn take(&mut self, found: FetchResponse, depth: u32) -> Result<(), Stop> {
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
            // Nobody asked whether it changed: the server says so all the same, and there is no text.
            FetchOutcome::Same if !self.validators.contains_key(url.as_str()) => {
                self.miss(&url, depth, &Failure::Status(StatusCode::NOT_MODIFIED))?;
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

    /// A page that is as it was.
    fn take_known(&mut self, url: &Url, depth: u32) {
        let Some(page) = self.known.get(url.as_str()).cloned() else { return };
        self.follow(stored_links(&page), depth);
        if page.state == PageState::Ready {
            self.work.summary.unchanged += 1;
            self.kept.insert(page.path);
        } else if let Ok(canonical) = Url::parse(&page.path) {
            self.is_duplicate(url, canonical, depth);
        }
    }

    async fn take_new(&mut self, url: Url, document: Document, depth: u32) -> Result<(), Stop> {
        let Some(name) = page::file_name(&url, &document.content_type, &document.bytes) else {
            self.note(&url, "", (&document, &[]));
            return Ok(());
        };
        let stamp = self.work.hash(&document.bytes);
        let known = self.known.get(url.as_str());
        let (tries, same) = known.map_or((0, false), |page| (page.tries, page.stamp == stamp));
        // One that changed has one more try, and no more: some are another one at each fetch.
        if tries > MOST_TRIES || (tries == MOST_TRIES && same) {
            return self.leave_out(&url, depth, (tries, stamp)).await;
        }
        if tries > 0 {
            // If it ends this process, too, it costs nothing but itself.
            self.work.flush().await?;
            self.save_pages().await?;
        }
        let library = self.library;
        let turn = library.turn(tries > 0).await;
        library.store.begin_page(&self.id, (url.as_str(), &stamp)).await?;
        failpoint!("web.reading");
        let read = self.read_new((url, name), document, depth).await;
        library.store.end_page(&self.id).await?;
        read?;
        // Embedding may take minutes, holds nobody up, and is no fault of this page's.
        drop(turn);
        Ok(self.work.store_batch().await?)
    }

    /// A document that ended every process which read it.
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
        let canonical = canonical.filter(|own| is_meant(own, &url) && !self.alone.contains(&url));
        if facts.robots.no_index || document.robots.no_index {
            self.note(&url, "", (&document, &links));
        } else if let Some(canonical) = canonical {
            self.note(&url, canonical.as_str(), (&document, &links));
            self.is_duplicate(&url, canonical, depth);
        } else {
            self.note(&url, url.as_str(), (&document, &links));
            self.learn(&url, name, document.bytes).await?;
        }
        Ok(())
    }

    async fn learn(&mut self, url: &Url, name: String, bytes: Vec<u8>) -> Result<(), Stop> {
        self.kept.insert(url.to_string());
        let read = Box::new(move || Ok(bytes));
        let document = DocumentSource { path: url.to_string(), name: Some(name), read };
        self.work.begin_reading(document).await?;
        // The page counts as being read until it was: if the process ends now, this is the page to blame.
        Ok(self.work.finish_reading().await?)
    }

    /// Remembers a page: its text is in the document of `path`; in none, when that is empty or another page's.
    fn note(&mut self, url: &Url, path: &str, (document, links): (&Document, &[Url])) {
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

    /// What is known of a page; one of which nothing is known could not be read so far.
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

    /// A page that could not be read: what it said stays, and where it led is followed.
    pub(super) fn miss(&mut self, url: &Url, depth: u32, failure: &Failure) -> Result<(), Stop> {
        self.fail(url.as_str(), failure);
        let mut page = self.page(url);
        self.follow(stored_links(&page), depth);
        self.reached.insert(url.to_string());
        self.kept.insert(page.path.clone());
        (page.state, page.error) = (PageState::Failed, Some(failure.to_string()));
        self.pending.push(page);
        self.trouble.in_a_row =
            if failure.is_the_servers() { self.trouble.in_a_row + 1 } else { 0 };
        if self.trouble.in_a_row >= MOST_TROUBLE {
            let why = format!(
                "{MOST_TROUBLE} pages in a row could not be read, so the site is left alone: {failure}"
            );
            return Err(site(&why));
        }
        Ok(())
    }

    /// Links of a page that is so many links away from the start.
    fn follow(&mut self, links: Vec<Url>, depth: u32) {
        if depth < self.limits.depth {
            for link in links {
                self.frontier.add(link, depth + 1);
            }
        }
    }

    /// A page that says that another address is its own: that one is visited, and this one not learned.
    fn is_duplicate(&mut self, url: &Url, canonical: Url, depth: u32) {
        self.frontier.add(canonical.clone(), depth);
        self.duplicates.push((url.clone(), canonical));
    }

    /// Pages whose own address, as they call it, turned out to hold nothing: they are learned by the address they have.
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
                    self.take(found, self.limits.depth).await?;
                }
                Err(failure) => self.miss(&url, self.limits.depth, &failure)?,
            }
        }
        Ok(())
    }

    /// Stores what is known of pages, once their documents are stored. A page whose document failed is asked for anew.
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

    /// Removes what is not there any more. Where pages could not be read, what they lead to may still be there.
    pub(super) async fn clear_away(&mut self) -> Result<(), Error> {
        self.doubt();
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

    /// A site that suddenly leads to less than half of its pages is more likely being mended than cleared out: they are kept,
    /// unless somebody asks for the site anew.
    fn doubt(&mut self) {
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

/// Whether an address that a page calls its own is to be believed: many a site calls every page its front page.
fn is_meant(own: &Url, url: &Url) -> bool {
    let front = |url: &Url| url.path() == "/" || url.path().starts_with("/index.");
    own != url && (own.path() != "/" || front(url))
}

/// A page's facts, read where it holds nobody up; and the page again.
async fn read_facts(bytes: Vec<u8>, url: Url) -> (Vec<u8>, PageFacts) {
    let reading = tokio::task::spawn_blocking(move || {
        let facts = page::facts(&encoding_rs::UTF_8.decode(&bytes).0, &url);
        (bytes, facts)
    });
    reading.await.unwrap_or_default()
}

/// Where a page led when it was read last.
fn stored_links(page: &PageRow) -> Vec<Url> {
    let links: Vec<String> = serde_json::from_str(&page.links).unwrap_or_default();
    links.iter().filter_map(|link| Url::parse(link).ok()).collect()
}
