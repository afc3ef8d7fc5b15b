//! Seam: speech to text.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `auto` | `whisper` if a model is installed, otherwise `off` |
//! | `chain` | several in order: the next one when one fails |
//! | `off` | transcribes nothing; the agent's configured sentence is sent instead |
//! | `openai` | any OpenAI-compatible `/audio/transcriptions` |
//! | `whisper` | a Whisper model in this process |

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::domain::ModelProvider;
use crate::models::{self, ModelSetting};
use crate::reader::Pool;

mod chain;
pub mod decoding;
mod filler;
mod off;
mod openai;
mod whisper;

/// Converts recordings to text.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// Name in the trace; `None` when nothing transcribes.
    fn name(&self) -> Option<&str>;

    /// Transcribes one recording. An empty text means that nothing was said. Dropping the future
    /// ends the work within about a second.
    async fn transcribe(&self, recording: &Recording<'_>) -> Result<Transcript, Error>;
}

/// A recording to transcribe.
#[derive(Clone)]
pub struct Recording<'a> {
    /// Content of the file, as the customer sent it.
    pub bytes: Arc<[u8]>,
    /// MIME type, such as `audio/ogg; codecs=opus`.
    pub mime_type: &'a str,
    /// ISO 639-1 code of the language; `None` to detect it.
    pub language: Option<&'a str>,
    /// Names that may occur, in their spelling, such as products of the business; empty for none.
    pub vocabulary: &'a str,
    /// Receives the progress, from 0 to 1, if the adapter knows it.
    pub progress: Option<&'a (dyn Fn(f32) + Send + Sync)>,
}

/// The text of a recording.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transcript {
    /// The words.
    pub text: String,
    /// ISO 639-1 code of the language; `None` if unknown.
    pub language: Option<String>,
    /// Mean token probability, from 0 to 1; `None` if the adapter does not give it.
    pub confidence: Option<f32>,
    /// Length of the recording, in seconds; `None` if the adapter does not give it.
    pub seconds: Option<f64>,
    /// Timed segments in order; empty if the adapter does not give them.
    pub segments: Vec<Segment>,
    /// Name of the transcriber, as in the trace.
    pub by: String,
}

/// A timed part of a recording, about a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Start, in milliseconds from the beginning of the recording.
    pub start_ms: u64,
    /// End, in milliseconds from the beginning of the recording.
    pub end_ms: u64,
    /// The words.
    pub text: String,
}

/// Why a recording could not be transcribed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No transcriber is configured.
    #[error(
        "speech recognition is off: `frontdesk models fetch whisper-small`, or set [speech] kind"
    )]
    Off,
    /// The recording is longer than the limit.
    #[error(
        "the recording is {seconds} seconds long, more than the {limit} that [speech] longest_seconds allows"
    )]
    TooLong {
        /// Length, in seconds, at least.
        seconds: u64,
        /// Maximum length, in seconds.
        limit: u64,
    },
    /// The file cannot be read as a recording. Another adapter may know its format.
    #[error("the file cannot be read as a recording: {0}")]
    Unreadable(String),
    /// Transcription failed or timed out.
    #[error("speech recognition failed: {0}")]
    Failed(String),
}

/// Which adapter to use, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// The local model if there is one, otherwise nothing.
    Auto(whisper::Settings),
    /// Several transcribers in order.
    Chain {
        /// The transcribers; the next one is used when one fails or cannot read a recording.
        order: Vec<Settings>,
    },
    /// No transcription.
    Off {},
    /// An OpenAI-compatible endpoint.
    Openai(openai::Settings),
    /// A model in this process.
    Whisper(whisper::Settings),
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
                let basis = self.models().first().map(|(settings, _)| (*settings).clone());
                Self::Whisper(basis.unwrap_or_default().named(&chosen.model))
            }
            _ => {
                let basis = match self {
                    Self::Openai(settings) => settings.clone(),
                    _ => openai::Settings::default(),
                };
                Self::Openai(basis.at(chosen))
            }
        }
    }

    /// The addresses that are called.
    pub fn base_urls(&self) -> Vec<&str> {
        match self {
            Self::Openai(settings) => vec![settings.base_url()],
            Self::Chain { order } => order.iter().flat_map(Self::base_urls).collect(),
            Self::Auto(_) | Self::Off {} | Self::Whisper(_) => Vec::new(),
        }
    }

    /// Builds the adapter. Checks a model's file, which takes milliseconds; its weights are loaded
    /// on first use. `readers` decode the recordings.
    pub fn build(
        &self,
        models: &models::Settings,
        readers: &Pool,
    ) -> Result<Arc<dyn Transcriber>, String> {
        let whisper = |settings, file: &Path| -> Result<Arc<dyn Transcriber>, String> {
            let vad = whisper::place::vad(settings, models);
            let decoder = whisper::samples::Decoder::Processes(readers.clone());
            Ok(Arc::new(whisper::Whisper::new(settings, file, vad, decoder)?))
        };
        Ok(match self {
            Self::Off {} => Arc::new(off::Off),
            Self::Openai(settings) => Arc::new(openai::Openai::new(settings)?),
            Self::Whisper(settings) => {
                whisper(settings, &whisper::place::model(settings, models)??)?
            }
            Self::Auto(settings) => match whisper::place::model(settings, models)? {
                Ok(file) => whisper(settings, &file)?,
                Err(_) => Arc::new(off::Off),
            },
            Self::Chain { order } => {
                let links = order.iter().map(|link| match link {
                    Self::Chain { .. } => Err("there is a chain in order of a chain".into()),
                    link => link.build(models, readers),
                });
                Arc::new(chain::Chain::new(links.collect::<Result<_, String>>()?)?)
            }
        })
    }

    /// Downloads missing models where the settings allow it. Logs the progress.
    pub async fn fetch(&self, models: &models::Settings) -> Result<(), String> {
        for (settings, needed) in self.models() {
            match whisper::place::fetch(settings, models).await {
                Err(why) if needed => return Err(why),
                Err(why) => tracing::warn!("no speech model was fetched: {why}"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// What a model in this process lacks, with the command that fixes it; `None` when nothing is
    /// missing or no model is configured.
    pub fn missing(&self, models: &models::Settings) -> Option<String> {
        let missing = |settings| whisper::place::model(settings, models).ok()?.err();
        self.models().into_iter().find_map(|(settings, _)| missing(settings))
    }

    /// Description of the models in this process; `None` without any.
    pub fn about(&self, models: &models::Settings) -> Option<String> {
        let about = |(settings, _)| whisper::place::about(settings, models);
        let all: Vec<_> = self.models().into_iter().filter_map(about).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// The configured models in this process, and whether each is required.
    fn models(&self) -> Vec<(&whisper::Settings, bool)> {
        match self {
            Self::Off {} | Self::Openai(_) => Vec::new(),
            Self::Whisper(settings) => vec![(settings, true)],
            Self::Auto(settings) => vec![(settings, false)],
            Self::Chain { order } => order.iter().flat_map(Self::models).collect(),
        }
    }
}

/// Returns the adapter that does nothing.
pub fn off() -> Arc<dyn Transcriber> {
    Arc::new(off::Off)
}

/// Describes a model's file, or says what is wrong with it.
pub fn describe(path: &Path) -> Result<String, String> {
    whisper::place::describe(path)
}
