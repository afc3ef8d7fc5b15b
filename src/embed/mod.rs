//! Seam: turns text into vectors.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `auto` | `local` if a model is installed, else `off` |
//! | `local` | a BERT or XLM-RoBERTa model in this process |
//! | `off` | embeds nothing; retrieval compares words alone |
//! | `openai` | any OpenAI-compatible `/embeddings` |

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use self::cache::CachingEmbedder;
use crate::domain::ModelProvider;
use crate::models::{self, CATALOG, CatalogModel, LogProgress, ModelSetting, Use};

mod cache;
mod local;
mod off;
mod openai;

/// Turns texts into vectors of one length.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Identifies the model and its settings, such as `openai/text-embedding-3-small/1536`. Vectors
    /// with different identities cannot be compared. `None` when embedding is off.
    fn identity(&self) -> Option<&str>;

    /// ISO 639-1 codes of the languages that the model was trained on; empty for all.
    fn languages(&self) -> &[String];

    /// Returns the share of a text's words that are in the vocabulary of a model with a list of
    /// [`languages`](Self::languages), 0 to 1: high in these languages. `None` if unknown.
    fn familiarity(&self, _text: &str) -> Option<f32> {
        None
    }

    /// Returns one vector of length 1 for each text, in the order of the texts.
    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>, Error>;
}

/// What a text is embedded for; some models use a different prefix for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A question.
    Query,
    /// A chunk of a document.
    Passage,
}

/// Why texts could not be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Embedding is off.
    #[error("embeddings are off: set [embed] kind in the configuration")]
    Off,
    /// The endpoint or the model failed.
    #[error("embedding failed: {0}")]
    Failed(String),
}

/// Adapter to use, from the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// The installed model, or nothing if none is installed.
    Auto(local::Settings),
    /// A model in this process.
    Local(local::Settings),
    /// Embed nothing.
    Off {},
    /// An OpenAI-compatible endpoint.
    Openai(openai::Settings),
}

impl Settings {
    /// Whether a model that is installed is taken by itself.
    pub fn is_auto(&self) -> bool {
        matches!(self, Self::Auto(_))
    }

    /// The settings of a model that somebody chose, instead of these.
    #[must_use]
    pub fn chosen(&self, chosen: &ModelSetting) -> Self {
        match chosen.provider {
            ModelProvider::Off => Self::Off {},
            ModelProvider::Local => {
                let basis = match self {
                    Self::Auto(settings) | Self::Local(settings) => settings.clone(),
                    Self::Off {} | Self::Openai(_) => local::Settings::default(),
                };
                Self::Local(basis.named(&chosen.model))
            }
            _ => {
                let basis = match self {
                    Self::Openai(settings) => settings.clone(),
                    Self::Auto(_) | Self::Local(_) | Self::Off {} => openai::Settings::default(),
                };
                Self::Openai(basis.at(chosen))
            }
        }
    }

    /// The address that is called; `None` without an endpoint.
    pub fn base_url(&self) -> Option<&str> {
        match self {
            Self::Openai(settings) => Some(settings.base_url()),
            Self::Auto(_) | Self::Local(_) | Self::Off {} => None,
        }
    }

    /// Builds the adapter. Reading a local model takes some tenths of a second.
    pub fn build(&self, models: &models::Settings) -> Result<Arc<dyn Embedder>, String> {
        Ok(match self {
            Self::Off {} => Arc::new(off::Off),
            Self::Openai(settings) => {
                Arc::new(CachingEmbedder::new(openai::Openai::new(settings)?))
            }
            Self::Local(settings) => match folder(settings, models)? {
                Ok(folder) => Arc::new(CachingEmbedder::new(local::Local::new(settings, &folder)?)),
                Err(missing) => return Err(missing),
            },
            Self::Auto(settings) => match folder(settings, models)? {
                Ok(folder) => Arc::new(CachingEmbedder::new(local::Local::new(settings, &folder)?)),
                Err(_) => Arc::new(off::Off),
            },
        })
    }

    /// Downloads the model if the settings allow it and it is missing. Logs the progress.
    pub async fn fetch(&self, models: &models::Settings) -> Result<(), String> {
        let (Self::Local(settings) | Self::Auto(settings)) = self else { return Ok(()) };
        if !settings.fetch || settings.path.is_some() || folder(settings, models)?.is_ok() {
            return Ok(());
        }
        let of_name =
            |known: &&CatalogModel| settings.model.is_empty() || known.name == settings.model;
        let mut known = CATALOG.iter().filter(|known| known.purpose == Use::Embed);
        let known = known.find(of_name).ok_or_else(|| {
            format!(
                "the model {} is none that can be fetched: `frontdesk models list`",
                settings.model
            )
        })?;
        match (models.fetch(known, &LogProgress::default()).await, self) {
            (Err(why), Self::Auto(_)) => {
                tracing::warn!(
                    "the model {} was not fetched, words alone are compared: {why}",
                    known.name
                );
                Ok(())
            }
            (fetched, _) => fetched.map(drop),
        }
    }

    /// Returns what a local model lacks and the command that fixes it; `None` when it is complete
    /// or not configured.
    pub fn missing(&self, models: &models::Settings) -> Option<String> {
        match self {
            Self::Off {} | Self::Openai(_) => None,
            Self::Local(settings) | Self::Auto(settings) => folder(settings, models).ok()?.err(),
        }
    }
}

/// Returns the adapter that does nothing.
pub fn off() -> Arc<dyn Embedder> {
    Arc::new(off::Off)
}

/// Returns the folder of the configured model, or what is missing (inner error). The outer error
/// means wrong settings.
fn folder(
    settings: &local::Settings,
    models: &models::Settings,
) -> Result<Result<PathBuf, String>, String> {
    let (name, path) = (&settings.model, settings.path.as_deref());
    let purpose = match path {
        None if !name.is_empty() => models.found(name).map(|found| found.purpose),
        _ => None,
    };
    let other = match purpose {
        Some(Use::Rerank) => Some(("scores pairs", "rerank")),
        Some(Use::AnswerQuestions) => Some(("finds answers", "qa")),
        _ => None,
    };
    if let Some((does, section)) = other {
        return Err(format!(
            "the model {name} {does}, it makes no vectors: it goes to [{section}], kind = \"local\""
        ));
    }
    models.chosen("embed", (path, name), Use::Embed)
}

/// Loads the model in a folder and embeds a word with it. Returns its identity and vector length,
/// or what is wrong.
pub async fn try_folder(folder: &Path) -> Result<(String, usize), String> {
    let local = local::Local::new(&local::Settings::default(), folder)?;
    let vectors = local.embed(&["hello".into()], Purpose::Query).await;
    let vectors = vectors.map_err(|error| error.to_string())?;
    let identity = local.identity().unwrap_or_default().to_owned();
    Ok((identity, vectors.first().map_or(0, Vec::len)))
}

/// Scales a vector to length 1, so that a dot product is the cosine. A zero vector stays as it is.
pub(crate) fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 && length.is_finite() {
        for x in vector.iter_mut() {
            *x /= length;
        }
    }
}
