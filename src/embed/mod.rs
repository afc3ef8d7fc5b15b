//! Seam: text to vector.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `off` | embeds nothing; retrieval compares words alone |
//! | `openai` | any OpenAI-compatible `/embeddings` |

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

mod off;
mod openai;

/// Turns texts into vectors of one length.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// What made a vector, such as `openai/text-embedding-3-small/1536`: vectors of another identity are not
    /// comparable. `None` when nothing is embedded.
    fn identity(&self) -> Option<&str>;

    /// ISO 639-1 codes of the languages that the model was trained on; empty for all of them.
    fn languages(&self) -> &[String];

    /// Embeds texts, in their order, as vectors of length 1.
    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>, Error>;
}

/// What a text is embedded for; some models put another prefix before each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A question.
    Query,
    /// A piece of a document.
    Passage,
}

/// Texts that could not be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing here embeds.
    #[error("embeddings are off: set [embed] kind in the configuration")]
    Off,
    /// The endpoint failed.
    #[error("embedding failed: {0}")]
    Failed(String),
}

/// Which adapter to use, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// Embed nothing.
    Off {},
    /// An OpenAI-compatible endpoint.
    Openai(openai::Settings),
}

impl Settings {
    /// Builds the adapter.
    pub fn build(&self) -> Result<Arc<dyn Embedder>, String> {
        Ok(match self {
            Self::Off {} => Arc::new(off::Off),
            Self::Openai(settings) => Arc::new(openai::Openai::new(settings)?),
        })
    }
}

/// Scales a vector to length 1, so that a dot product is a cosine. A vector of zeros stays one.
pub(crate) fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 && length.is_finite() {
        for x in vector.iter_mut() {
            *x /= length;
        }
    }
}
