//! Seam: a question and passages to how well each passage answers it. The order is retrieval's
//! (`pipeline/retrieve.rs`): a reranker only scores.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `off` | scores nothing; passages stay as the legs ranked them |
//! | `endpoint` | any `/rerank`: Cohere, Jina, Voyage, vLLM, `LiteLLM`, text-embeddings-inference |

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

mod endpoint;
mod off;

/// Scores passages for a question.
#[async_trait]
pub trait Reranker: Send + Sync {
    /// What scores, such as `endpoint/rerank-v3.5`; `None` when nothing is scored.
    fn identity(&self) -> Option<&str>;

    /// How many passages it is shown at the most.
    fn candidates(&self) -> usize;

    /// A score for each text, in their order: higher is nearer, on a scale of the model's own. `None` for a text that
    /// the answer leaves out.
    async fn rerank(&self, query: &str, texts: &[String]) -> Result<Vec<Option<f32>>, Error>;
}

/// Texts that could not be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing here scores.
    #[error("reranking is off: set [rerank] kind in the configuration")]
    Off,
    /// The endpoint failed.
    #[error("reranking failed: {0}")]
    Failed(String),
}

/// Which adapter to use, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// Score nothing.
    Off {},
    /// A `/rerank` endpoint.
    Endpoint(endpoint::Settings),
}

impl Settings {
    /// Builds the adapter.
    pub fn build(&self) -> Result<Arc<dyn Reranker>, String> {
        Ok(match self {
            Self::Off {} => Arc::new(off::Off),
            Self::Endpoint(settings) => Arc::new(endpoint::Remote::new(settings)?),
        })
    }
}
