//! Crawl frontier: pages still to visit, nearest first, each address once, up to the limit. Fetches
//! nothing.

use std::collections::{HashSet, VecDeque};

use url::Url;

use super::page::may_be_document;
use super::scope::Scope;

/// Addresses remembered per page of the limit: some are duplicates or not allowed.
const ROOM: usize = 20;

/// A page to visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    /// Address of the page.
    pub(super) url: Url,
    /// Number of links from the start.
    pub(super) depth: u32,
}

/// Pages to visit.
pub(super) struct Frontier {
    scope: Option<Scope>,
    waiting: VecDeque<Visit>,
    seen: HashSet<Url>,
    visited: usize,
    pages: usize,
}

impl Frontier {
    /// Creates a frontier for at most `pages` pages. [`open`](Self::open) sets the site.
    pub(super) fn new(pages: u32) -> Self {
        let pages = usize::try_from(pages).unwrap_or(usize::MAX);
        Self { scope: None, waiting: VecDeque::new(), seen: HashSet::new(), visited: 0, pages }
    }

    /// Accepts pages of this site from now on, except those visited already.
    pub(super) fn open(&mut self, scope: Scope, visited: &[&Url]) {
        self.seen.extend(visited.iter().map(|url| (*url).clone()));
        self.scope = Some(scope);
    }

    /// The site, once it is known.
    pub(super) fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    /// Adds a page if it is on the site, may be a document, and is new.
    pub(super) fn add(&mut self, url: Url, depth: u32) {
        let Some(url) = self.scope.as_ref().and_then(|scope| scope.admit(url)) else { return };
        if self.room() > 0 && may_be_document(&url) && self.seen.insert(url.clone()) {
            self.waiting.push_back(Visit { url, depth });
        }
    }

    /// How many more addresses can be remembered.
    pub(super) fn room(&self) -> usize {
        self.pages.saturating_mul(ROOM).saturating_sub(self.seen.len())
    }

    /// The next page; `None` when there is none or the limit is reached.
    pub(super) fn next(&mut self) -> Option<Visit> {
        if self.visited >= self.pages { None } else { self.waiting.pop_front() }
    }

    /// Counts a page as visited.
    pub(super) fn count(&mut self) {
        self.visited += 1;
    }

    /// Whether the pages found reach the limit.
    pub(super) fn is_full(&self) -> bool {
        self.visited + self.waiting.len() >= self.pages
    }

    /// Number of pages visited or to visit, up to the limit.
    pub(super) fn known(&self) -> usize {
        (self.visited + self.waiting.len()).min(self.pages)
    }

    /// Number of pages left out because of the limit.
    pub(super) fn left(&self) -> usize {
        if self.visited >= self.pages { self.waiting.len() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        Url::parse("https://a.com").unwrap().join(path).unwrap()
    }

    #[test]
    fn pages_come_nearest_first_and_once_and_not_without_end() {
        let mut frontier = Frontier::new(3);
        frontier.add(url("/early"), 1);
        assert_eq!(frontier.next(), None, "before the site is known nothing is taken");
        frontier.open(Scope::of(&url("/")), &[&url("/")]);
        for path in [
            "/",
            "/a",
            "/a#again",
            "/b?utm_source=x",
            "/logo.png",
            "https://b.com/",
            "/b",
            "/c",
            "/d",
        ] {
            frontier.add(url(path), 1);
        }
        assert_eq!((frontier.known(), frontier.is_full(), frontier.left()), (3, true, 0));
        let mut visited = Vec::new();
        while let Some(visit) = frontier.next() {
            frontier.count();
            visited.push(visit.url.path().to_owned());
        }
        assert_eq!(visited, ["/a", "/b", "/c"]);
        assert_eq!(frontier.left(), 1);
        for n in 0..1000 {
            frontier.add(url(&format!("/{n}")), 2);
        }
        assert!(frontier.waiting.len() <= 3 * ROOM);
    }
}
