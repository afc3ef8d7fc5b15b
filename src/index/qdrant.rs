//! Search in a Qdrant server or cluster: it holds texts, embeddings and word weights, and finds candidates; the statistics
//! of each collection are in this process, and every candidate is scored here by the same formulas as in memory. The
//! database is the truth: whoever starts the program hands every document over, and what Qdrant has already is not
//! sent again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use async_trait::async_trait;

use self::client::{Failure, QdrantClient};
use self::collection_query::CollectionQuery;
use self::point_set::{Before, PointSet};
use self::points::{Mark, Owner, Piece};
use self::recent::Recent;
use self::schema::Schema;
use super::question::Question;
use super::read::Reader;
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

/// How many chunks are read before other tasks get a turn.
const TURN: usize = 8;
/// How often it is looked whether the searches that began earlier are done.
const LOOK: Duration = Duration::from_millis(2);

/// A Qdrant.
pub(super) struct Qdrant {
    settings: Settings,
    /// What vectors are made with: marks are kept apart by it.
    embedder: String,
    client: QdrantClient,
    schema: Schema,
    recent: Recent,
    tenants: RwLock<HashMap<CollectionId, Arc<Tenant>>>,
}

/// One of our collections.
#[derive(Default)]
struct Tenant {
    points: RwLock<PointSet>,
    /// Changes go one after the other. Holds how far Qdrant has the documents, as far as this process knows.
    mark: tokio::sync::Mutex<Mark>,
}

impl Settings {
    /// Builds the adapter for vectors of a model, given by its identity. Nothing is called yet.
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
    /// The new points first, which no search takes for current; then, in one step, they are current and the old are not;
    /// then, when no search is left that began before, the old points go. After a crash at any point the same call ends
    /// in the same state.
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
        // Also where nothing was replaced: what comes next waits only for searches that began after this.
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
        self.find(&asked, query.limit).await
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

    /// Waits until the searches that know the old points are done; none takes longer than its deadline, twice for its
    /// two questions.
    async fn wait_for_searches(&self, before: &Before) {
        let longest = self.settings.timeout() * 3;
        let done = async {
            while before.searched.strong_count() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        // Whoever takes longer has failed by then.
        drop(tokio::time::timeout(longest, done).await);
    }

    /// What a failure is for our callers. When a collection is missing that was there, everything is looked at anew.
    fn gone(&self, failure: Failure) -> Error {
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

/// Reads the chunks of a document, which takes some time, letting others have their turn.
async fn read(owner: Owner<'_>, entries: Vec<Entry>) -> Vec<Piece> {
    let reader = Reader::new(&entries);
    let mut pieces = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        if at % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        pieces.push(Piece::new(owner, reader.read(entry)));
    }
    pieces
}

/// A lock that a panic left behind is taken all the same: no panic may stop the others.
fn reading<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
