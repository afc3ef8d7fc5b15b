//! Reads the sitemaps of a site to find its pages. Reads no pages.

use std::collections::{HashMap, HashSet};

use url::Url;

use super::super::fetch::{FetchOutcome, FetchRequest, FetchResponse, Limit, RedirectPolicy};
use super::super::sitemap::{self, Sitemap};
use super::{Crawl, SITEMAP_BYTES};

/// Maximum sitemaps per source, including nested indexes.
const MAX_SITEMAPS: usize = 50;

impl Crawl<'_> {
    /// Reads sitemaps and nested ones until the page limit is reached, each once.
    pub(super) async fn read_sitemaps(&mut self, url: &Url, first: Vec<u8>) {
        let mut read: HashSet<Url> = HashSet::from([url.clone()]);
        let mut waiting: Vec<Url> = Vec::new();
        self.list(url, first, &mut waiting).await;
        while let Some(next) = waiting.pop() {
            if self.frontier.is_full() || read.len() >= MAX_SITEMAPS {
                break;
            }
            if !read.insert(next.clone()) || !self.allows(&next) {
                continue;
            }
            self.pause().await;
            let none = HashMap::new();
            let found = match self.frontier.scope() {
                Some(scope) => {
                    let limit = Limit::Cut(SITEMAP_BYTES);
                    let ask = FetchRequest {
                        url: &next,
                        follow: RedirectPolicy::Within(scope),
                        known: &none,
                        limit,
                    };
                    self.fetcher.get(&ask).await
                }
                None => break,
            };
            match found {
                Ok(FetchResponse { answer: FetchOutcome::New(file), url }) => {
                    self.list(&url, file.bytes, &mut waiting).await;
                }
                Ok(_) => self.fail(next.as_str(), "there is no such sitemap"),
                Err(why) => self.fail(next.as_str(), &why),
            }
        }
    }

    /// Adds the entries of a sitemap: pages to the frontier, or sitemaps to read next, in their
    /// order.
    async fn list(&mut self, url: &Url, file: Vec<u8>, waiting: &mut Vec<Url>) {
        let most = self.frontier.room().max(MAX_SITEMAPS);
        // Unpacking and parsing would block the runtime.
        let reading = tokio::task::spawn_blocking(move || sitemap::read(&file, most));
        let found = reading.await.unwrap_or_default();
        let addresses = |list: Vec<String>| list.into_iter().filter_map(|one| url.join(&one).ok());
        match found {
            None => self.fail(url.as_str(), "it is no sitemap that can be read, or lists nothing"),
            Some(Sitemap::Pages(list)) => {
                for page in addresses(list) {
                    self.frontier.add(page, self.limits.depth);
                }
            }
            Some(Sitemap::Index(list)) => {
                let admitted = addresses(list).filter_map(|one| self.frontier.scope()?.admit(one));
                let mut more: Vec<Url> = admitted.collect();
                more.reverse();
                waiting.append(&mut more);
            }
        }
    }
}
