//! Seam: looks up the curated answer or the passages for a question.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | [`LiveLookup`] | searches the current curated answers and index |
//! | [`AdapterSlot`] | the `LiveLookup` in use: models of search are replaced while the desk runs |
//! | `recording/replay.rs` | returns what a recorded turn found |

use std::sync::Arc;

use async_trait::async_trait;

use super::caches::TextCaches;
use super::curated::{self, Book};
use super::retrieve::{self, RetrievalResult, Scene, Seams};
use crate::domain::trace::{CuratedTrace, RetrieveTrace};
use crate::domain::{Agent, AgentId, Question, Reply};
use crate::embed::Embedder;
use crate::index::{Index, Tunings};
use crate::rerank::Reranker;
use crate::slot::AdapterSlot;

/// Looks up the curated answer or the passages for a question.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// Returns the curated answer to exactly this question, if a match is certain.
    async fn curated(
        &self,
        agent: &Agent,
        question: &Question,
    ) -> (Option<Reply>, Option<CuratedTrace>);

    /// Returns the passages without calling a model; `may_rewrite`: a model may rewrite the
    /// question later.
    async fn passages(
        &self,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> (RetrievalResult, RetrieveTrace);

    /// Returns the lookup of current data, for an agent or for all. A replayed turn uses only its
    /// embedder, for the reply.
    fn live(&self, agent: Option<&AgentId>) -> Arc<LiveLookup>;
}

/// Looks everything up in current data.
#[derive(Clone)]
pub struct LiveLookup {
    /// Text to vector.
    pub embed: Arc<dyn Embedder>,
    /// Vectors and terms to chunks.
    pub index: Arc<dyn Index>,
    /// Ranking settings of each collection.
    pub tunings: Arc<Tunings>,
    /// Question and passages to relevance scores.
    pub rerank: Arc<dyn Reranker>,
    /// Curated answers, which take precedence over the model.
    pub curated: Arc<Book>,
    /// What is known of texts that come again.
    pub caches: Arc<TextCaches>,
}

impl LiveLookup {
    /// Returns the adapters of retrieval.
    pub fn retrieval(&self) -> Seams<'_> {
        Seams {
            embed: &*self.embed,
            index: &*self.index,
            tunings: &self.tunings,
            rerank: &*self.rerank,
            languages: &self.caches.languages,
            prints: &self.caches.prints,
        }
    }
}

#[async_trait]
impl Lookup for LiveLookup {
    async fn curated(
        &self,
        agent: &Agent,
        question: &Question,
    ) -> (Option<Reply>, Option<CuratedTrace>) {
        curated::lookup(&self.curated, &*self.embed, agent, question).await
    }

    async fn passages(
        &self,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> (RetrievalResult, RetrieveTrace) {
        retrieve::search(self.retrieval(), scene, may_rewrite).await
    }

    fn live(&self, _: Option<&AgentId>) -> Arc<LiveLookup> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl Lookup for AdapterSlot<LiveLookup> {
    async fn curated(
        &self,
        agent: &Agent,
        question: &Question,
    ) -> (Option<Reply>, Option<CuratedTrace>) {
        self.of(&agent.id).curated(agent, question).await
    }

    async fn passages(
        &self,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> (RetrievalResult, RetrieveTrace) {
        self.of(&scene.agent.id).passages(scene, may_rewrite).await
    }

    fn live(&self, agent: Option<&AgentId>) -> Arc<LiveLookup> {
        agent.map_or_else(|| self.current(), |agent| self.of(agent))
    }
}
