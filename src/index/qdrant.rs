//! Qdrant index. Qdrant stores texts, embeddings and word weights and finds candidates. The
//! statistics of each collection are held in this process, which scores every candidate with the
//! same formulas as the memory index. The database is the source of truth: every document is passed
//! to the index at startup, and what Qdrant already has is not sent again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use async_trait::async_trait;

use self::client::{Failure, QdrantClient};
use self::collection_query::CollectionQuery;
use self::point_set::{Before, PointSet};
use self::points::{Mark, Owner, Piece};
use self::recent::Recent;
use self::schema::Schema;
use super::analyze::Reader;
use super::question::Question;
use super::{Entry, Error, Index, Legs, Query};
use crate::domain::{CollectionId, DocumentId};

mod settings;
mod client;
mod points;
mod schema;
mod point_set;
mod recent;
mod write;
mod collection_query;
mod search;

pub(super) use settings::Settings;

/// Number of chunks analyzed before yielding to other tasks.
const YIELD_EVERY: usize = 8;
/// Interval of checking whether earlier searches have ended.
const SEARCH_POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Client-side state of one Qdrant server or cluster.
pub(super) struct Qdrant {
    settings: Settings,
    /// Identity of the embedding model; each model has its own marks.
    embedder: String,
    client: QdrantClient,
    schema: Schema,
    recent: Recent,
    tenants: RwLock<HashMap<CollectionId, Arc<Tenant>>>,
}

/// One frontdesk collection.
#[derive(Default)]
struct Tenant {
    points: RwLock<PointSet>,
    /// How far Qdrant has the documents, as known to this process. The lock serializes changes.
    mark: tokio::sync::Mutex<Mark>,
}

impl Settings {
    /// Builds the adapter for vectors of the embedder with this identity. Makes no call yet.
    pub(super) fn build(&self, embedder: Option<&str>) -> Result<Qdrant, String> {
        self.check()?;
        Ok(Qdrant {
            settings: self.clone(),
            embedder: embedder.unwrap_or_default().to_owned(),
            client: QdrantClient::new(self)?,
            schema: Schema::new(self, embedder),
            recent: Recent::new(self.keep_chunks),
            tenants: RwLock::default(),
        })
    }
}

#[async_trait]
impl Index for Qdrant {
    /// Uploads the new points, which searches still ignore; makes them current in one step instead
    /// of the old ones; deletes the old ones when no earlier search is left. After a crash at any
    /// point, the same call leads to the same state.
    async fn replace(
        &self,
        collection: &CollectionId,
        document: &DocumentId,
        revision: i64,
        entries: Vec<Entry>,
    ) -> Result<(), Error> {
        let owner = Owner { collection, document, revision };
        let pieces = read(owner, entries).await;
        let tenant = self.tenant(collection);
        let mut mark = tenant.mark.lock().await;
        let here = Mark::behind(owner);
        if here > *mark {
            *mark = self.mark(collection).await?.max(mark.clone());
        }
        let new = here > *mark;
        if new {
            self.upload(owner, &pieces).await?;
        }
        let before = writing(&tenant.points).replace(document, &pieces);
        // Also if nothing was replaced: a later change waits only for searches that begin after
        // this one.
        self.wait_for_searches(&before).await;
        if new || before.had {
            self.sweep(owner, &pieces).await?;
        }
        if new {
            self.set_mark(collection, &here).await?;
            *mark = here;
        }
        Ok(())
    }

    async fn remove(&self, collection: &CollectionId) -> Result<(), Error> {
        let known = writing(&self.tenants).remove(collection);
        let tenant = known.unwrap_or_default();
        let _alone = tenant.mark.lock().await;
        self.delete_collection(collection).await
    }

    async fn search(&self, query: &Query<'_>) -> Result<Legs, Error> {
        if query.limit == 0 {
            return Ok(Legs::default());
        }
        let question = Question::new(query);
        let mut asked: Vec<CollectionQuery> = Vec::new();
        for collection in query.collections {
            if asked.iter().any(|one| one.collection == *collection) {
                continue;
            }
            let tenant = reading(&self.tenants).get(collection).cloned();
            if let Some(tenant) = tenant {
                asked.push(CollectionQuery::new(collection, &question, &reading(&tenant.points)));
            }
        }
        self.limited(self.find(&asked, query.limit)).await
    }

    async fn languages(
        &self,
        collections: &[CollectionId],
    ) -> Result<BTreeMap<&'static str, usize>, Error> {
        let mut counts = BTreeMap::new();
        for collection in collections.iter().collect::<HashSet<_>>() {
            let tenant = reading(&self.tenants).get(collection).cloned();
            if let Some(tenant) = tenant {
                reading(&tenant.points).statistics.count_languages(&mut counts);
            }
        }
        Ok(counts)
    }

    async fn size(&self) -> Result<usize, Error> {
        let tenants: Vec<Arc<Tenant>> = reading(&self.tenants).values().cloned().collect();
        Ok(tenants.iter().map(|tenant| reading(&tenant.points).statistics.chunks()).sum())
    }

    async fn check(&self) -> Result<String, Error> {
        let (version, points) = self.describe().await?;
        let what = format!("Qdrant {version} at {}, {points} points", self.client.url());
        let others = self.schema.other_words(&self.client).await?;
        if others.is_empty() {
            return Ok(what);
        }
        let others = others.join(", ");
        Ok(format!(
            "{what}; {others} is another release's: delete it when none of it runs any more"
        ))
    }
}

impl Qdrant {
    fn tenant(&self, collection: &CollectionId) -> Arc<Tenant> {
        let known = reading(&self.tenants).get(collection).cloned();
        known.unwrap_or_else(|| {
            Arc::clone(writing(&self.tenants).entry(collection.clone()).or_default())
        })
    }

    /// Ends a search that takes too long. Its points may be deleted when it has ended.
    async fn limited<T>(&self, search: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let longest = self.settings.longest_search();
        let late = |_| Err(Error(format!("no answer within {} ms", longest.as_millis())));
        tokio::time::timeout(longest, search).await.unwrap_or_else(late)
    }

    /// Waits until all searches that use the old points have ended.
    async fn wait_for_searches(&self, before: &Before) {
        while before.searched.strong_count() > 0 {
            tokio::time::sleep(SEARCH_POLL_INTERVAL).await;
        }
    }

    /// Converts a failure into an [`Error`]. If a collection has disappeared, all collections are
    /// checked again.
    fn to_error(&self, failure: Failure) -> Error {
        if !failure.missing {
            return failure.into();
        }
        self.schema.forget();
        Error(format!(
            "{}: it was deleted in Qdrant while frontdesk ran; start frontdesk again, and everything is sent anew",
            failure.words
        ))
    }
}

/// Analyzes the chunks of a document, yielding to other tasks in between.
async fn read(owner: Owner<'_>, entries: Vec<Entry>) -> Vec<Piece> {
    let reader = Reader::new(&entries);
    let mut pieces = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        if at % YIELD_EVERY == YIELD_EVERY - 1 {
            tokio::task::yield_now().await;
        }
        pieces.push(Piece::new(owner, reader.read(entry)));
    }
    pieces
}

/// Ignores poisoning: a panic in one task must not stop the others.
fn reading<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_search_ends_before_its_points_are_deleted() {
        let settings = "url = \"http://127.0.0.1:9\"\ntimeout_ms = 1";
        let qdrant = toml::from_str::<Settings>(settings).unwrap().build(None).unwrap();
        let mut points = PointSet::default();
        let current = points.current.clone();
        let endless = async move {
            std::future::pending::<()>().await;
            Ok(current.len())
        };
        let before = points.replace(&DocumentId::stored("doc".into()), &[]);
        let waited = qdrant.wait_for_searches(&before);
        let (searched, ()) = tokio::join!(qdrant.limited(endless), waited);
        assert_eq!(searched.unwrap_err().0, "no answer within 3 ms");
        assert_eq!(before.searched.strong_count(), 0);
    }
}
