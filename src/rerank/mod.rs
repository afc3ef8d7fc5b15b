//! Seam: scores how well each passage answers a question. Only scores;
//! `pipeline/retrieve.rs` orders the passages.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `off` | scores nothing; passages keep their retrieval rank |
//! | `local` | a cross-encoder of the BERT or XLM-RoBERTa family in this process |
//! | `endpoint` | any `/rerank`: Cohere, Jina, Voyage, vLLM, `LiteLLM`, text-embeddings-inference |

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::domain::ModelProvider;
use crate::models::{self, ModelSetting, Use};

mod endpoint;
mod local;
mod off;

/// Scores passages for a question.
#[async_trait]
pub trait Reranker: Send + Sync {
    /// Identifies the model, such as `endpoint/rerank-v3.5` or `local/ms-marco-MiniLM-L6-v2`;
    /// `None` when reranking is off.
    fn identity(&self) -> Option<&str>;

    /// Maximum number of passages to score.
    fn candidates(&self) -> usize;

    /// Returns a score for each text, in the order of the texts: higher is better, on the model's
    /// own scale. `None` for a text that the response leaves out.
    async fn rerank(&self, query: &str, texts: &[String]) -> Result<Vec<Option<f32>>, Error>;
}

/// Why texts could not be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Reranking is off.
    #[error("reranking is off: set [rerank] kind in the configuration")]
    Off,
    /// The endpoint or the model failed.
    #[error("reranking failed: {0}")]
    Failed(String),
}

/// Adapter to use, from the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// Score nothing.
    Off {},
    /// A model in this process.
    Local(local::Settings),
    /// A `/rerank` endpoint.
    Endpoint(endpoint::Settings),
}

impl Settings {
    /// The settings of a model that somebody chose, instead of these.
    #[must_use]
    pub fn chosen(&self, chosen: &ModelSetting) -> Self {
        match chosen.provider {
            ModelProvider::Off => Self::Off {},
            ModelProvider::Local => {
                let basis = match self {
                    Self::Local(settings) => settings.clone(),
                    Self::Off {} | Self::Endpoint(_) => local::Settings::default(),
                };
                Self::Local(basis.named(&chosen.model))
            }
            _ => {
                let basis = match self {
                    Self::Endpoint(settings) => settings.clone(),
                    Self::Off {} | Self::Local(_) => endpoint::Settings::default(),
                };
                Self::Endpoint(basis.at(chosen))
            }
        }
    }

    /// The address that is called; `None` without an endpoint.
    pub fn base_url(&self) -> Option<&str> {
        match self {
            Self::Endpoint(settings) => Some(settings.base_url()),
            Self::Off {} | Self::Local(_) => None,
        }
    }

    /// Builds the adapter. Reading a local model takes some tenths of a second.
    pub fn build(&self, models: &models::Settings) -> Result<Arc<dyn Reranker>, String> {
        Ok(match self {
            Self::Off {} => Arc::new(off::Off),
            Self::Local(settings) => {
                Arc::new(local::Local::new(settings, &folder(settings, models)?)?)
            }
            Self::Endpoint(settings) => Arc::new(endpoint::Remote::new(settings)?),
        })
    }
}

/// Returns the adapter that does nothing.
pub fn off() -> Arc<dyn Reranker> {
    Arc::new(off::Off)
}

/// Returns the folder of the configured model. Errors name what is missing and the command that
/// fixes it.
fn folder(settings: &local::Settings, models: &models::Settings) -> Result<PathBuf, String> {
    models.chosen("rerank", (settings.path.as_deref(), &settings.model), Use::Rerank)?
}

/// Loads the model in a folder and scores a pair with it. Returns its identity, or what is wrong.
pub async fn try_folder(folder: &Path) -> Result<String, String> {
    let local = local::Local::new(&local::Settings::default(), folder)?;
    let scored = local.rerank("hello", &["hello there".into()]).await;
    scored.map_err(|error| error.to_string())?;
    Ok(local.identity().unwrap_or_default().to_owned())
}
