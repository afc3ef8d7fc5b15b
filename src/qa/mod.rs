//! Seam: finds the words of a passage that answer a question, or that there are none. Only finds;
//! `llm/extractive.rs` decides what is said.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `auto` | `local` if a model is installed, else `off` |
//! | `local` | a BERT or XLM-RoBERTa model for extractive question answering in this process |
//! | `off` | finds nothing; answers without a model are chosen by words alone |

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::models::{self, Use};

mod local;
mod off;

/// Finds answers in passages.
#[async_trait]
pub trait QaModel: Send + Sync {
    /// Identifies the model, such as `local/tinybert-6l-768d-squad2`; `None` when question
    /// answering is off.
    fn identity(&self) -> Option<&str>;

    /// Returns the best answer in each passage, in the order of the passages; `None` for a passage
    /// without words.
    async fn find(&self, question: &str, passages: &[String]) -> Result<Vec<Option<Span>>, Error>;
}

/// The words of a passage that answer a question best.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Their bytes in the passage, at the borders of characters.
    pub range: Range<usize>,
    /// Probability of these words among all that the model could choose, 0 to 1.
    pub probability: f32,
    /// Logarithm of the probability divided by that of no answer. Below 0 the passage does not
    /// answer the question.
    pub margin: f32,
}

/// Why passages could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Question answering is off.
    #[error("question answering is off: set [qa] kind in the configuration")]
    Off,
    /// The model failed.
    #[error("question answering failed: {0}")]
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
    /// Find nothing.
    Off {},
}

impl Settings {
    /// Whether a model that is installed is taken by itself.
    pub fn is_auto(&self) -> bool {
        matches!(self, Self::Auto(_))
    }

    /// Builds the adapter. Reading a local model takes some tenths of a second.
    pub fn build(&self, models: &models::Settings) -> Result<Arc<dyn QaModel>, String> {
        Ok(match self {
            Self::Off {} => off(),
            Self::Local(settings) => {
                Arc::new(local::Local::new(settings, &folder(settings, models)??)?)
            }
            Self::Auto(settings) => match folder(settings, models)? {
                Ok(folder) => match local::Local::new(settings, &folder) {
                    Ok(local) => Arc::new(local),
                    // Nobody named it, so it must not stop the start.
                    Err(why) => {
                        let place = folder.display();
                        tracing::error!("{place} is not used: {why}; words choose what is quoted");
                        off()
                    }
                },
                Err(_) => off(),
            },
        })
    }

    /// Returns what a local model lacks and the command that fixes it; `None` when it is complete
    /// or not configured.
    pub fn missing(&self, models: &models::Settings) -> Option<String> {
        match self {
            Self::Off {} => None,
            Self::Local(settings) | Self::Auto(settings) => folder(settings, models).ok()?.err(),
        }
    }
}

/// Returns the adapter that finds nothing.
pub fn off() -> Arc<dyn QaModel> {
    Arc::new(off::Off)
}

/// Returns the folder of the configured model, or what is missing (inner error). The outer error
/// means wrong settings.
fn folder(
    settings: &local::Settings,
    models: &models::Settings,
) -> Result<Result<PathBuf, String>, String> {
    models.chosen("qa", (settings.path.as_deref(), &settings.model), Use::AnswerQuestions)
}

/// Loads the model in a folder and reads a passage with it. Returns its identity, or what is wrong.
pub async fn try_folder(folder: &Path) -> Result<String, String> {
    let local = local::Local::new(&local::Settings::default(), folder)?;
    let found = local.find("who is there", &["hello there".into()]).await;
    found.map_err(|error| error.to_string())?;
    Ok(local.identity().unwrap_or_default().to_owned())
}
