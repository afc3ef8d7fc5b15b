//! Seam: a question to what it is answered from: a curated answer, or passages.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | [`LiveLookup`] | asks the curated answers and the index, as they are now |
//! | `recording/replay.rs` | gives what a recorded turn found |

use std::sync::Arc;

use async_trait::async_trait;

use super::curated::{self, Book};
use super::retrieve::{self, RetrievalResult, Scene, Seams};
use crate::domain::trace::{CuratedTrace, RetrieveTrace};
use crate::domain::{Agent, Question, Reply};
use crate::embed::Embedder;
use crate::index::{Index, Tunings};
use crate::rerank::Reranker;

/// Looks up what a question is answered from.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// The curated answer to just this question, when there is one for sure.
    async fn curated(
        &self,
        agent: &Agent,
        question: &Question,
    ) -> (Option<Reply>, Option<CuratedTrace>);

    /// The passages, without asking a model. `may_rewrite` says that one may be asked afterwards to put the question in
    /// other words.
    async fn passages(
        &self,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> (RetrievalResult, RetrieveTrace);

    /// What is searched now. A recorded turn searches nothing, and has its reply's statements embedded all the same.
    fn live(&self) -> &LiveLookup;
}

/// Looks everything up as it is now.
#[derive(Clone)]
pub struct LiveLookup {
    /// Text to vector.
    pub embed: Arc<dyn Embedder>,
    /// Vectors and terms to chunks.
    pub index: Arc<dyn Index>,
    /// How each collection is ranked.
    pub tunings: Arc<Tunings>,
    /// Question and passages to how well each answers.
    pub rerank: Arc<dyn Reranker>,
    /// Curated answers, which win over the model.
    pub curated: Arc<Book>,
}

impl LiveLookup {
    /// What passages are found with.
    pub fn retrieval(&self) -> Seams<'_> {
        Seams {
            embed: &*self.embed,
            index: &*self.index,
            tunings: &self.tunings,
            rerank: &*self.rerank,
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

    fn live(&self) -> &LiveLookup {
        self
    }
}
