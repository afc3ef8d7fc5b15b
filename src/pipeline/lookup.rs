//! Seam: a question to what it is answered from: a curated answer, or passages.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | [`LiveLookup`] | asks the curated answers and the index, as they are now |
//! | `recording/replay.rs` | gives what a recorded turn found |

use async_trait::async_trait;

use super::curated::{self, Book};
use super::retrieve::{self, Found, Scene};
use crate::domain::trace::{CuratedTrace, RetrieveTrace};
use crate::domain::{Agent, Question, Reply};
use crate::embed::Embedder;

/// Looks up what a question is answered from.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// The curated answer to just this question, when there is one for sure.
    async fn curated(
        &self,
        book: &Book,
        embed: &dyn Embedder,
        agent: &Agent,
        question: &Question,
    ) -> (Option<Reply>, Option<CuratedTrace>);

    /// The passages, without asking a model. `may_rewrite` says that one may be asked afterwards to put the question in
    /// other words.
    async fn passages(
        &self,
        seams: retrieve::Seams<'_>,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> (Found, RetrieveTrace);
}

/// Looks everything up as it is now.
pub struct LiveLookup;

#[async_trait]
impl Lookup for LiveLookup {
    async fn curated(
        &self,
        book: &Book,
        embed: &dyn Embedder,
        agent: &Agent,
        question: &Question,
    ) -> (Option<Reply>, Option<CuratedTrace>) {
        curated::consult(book, embed, agent, question).await
    }

    async fn passages(
        &self,
        seams: retrieve::Seams<'_>,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> (Found, RetrieveTrace) {
        retrieve::search(seams, scene, may_rewrite).await
    }
}
