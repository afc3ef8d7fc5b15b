//! Seam: speech to text.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `auto` | `whisper` where a model's file is there, `off` where not |
//! | `chain` | several in order: what one cannot do is given to the next |
//! | `off` | transcribes nothing; the agent's configured sentence is sent instead |
//! | `openai` | any OpenAI-compatible `/audio/transcriptions` |
//! | `whisper` | a Whisper model in this process |

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::models;
use crate::reader::Pool;

mod chain;
pub mod decoding;
mod filler;
mod off;
mod openai;
mod whisper;

/// Turns recordings into text.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// What transcribes, as the trace shows it; `None` when nothing does.
    fn name(&self) -> Option<&str>;

    /// Transcribes one recording. An empty text means that nothing was said. Who drops the future gives up: work on the
    /// recording ends within a second or so.
    async fn transcribe(&self, recording: &Recording<'_>) -> Result<Transcript, Error>;
}

/// A recording to transcribe.
#[derive(Clone)]
pub struct Recording<'a> {
    /// The file as the customer sent it.
    pub bytes: Arc<[u8]>,
    /// Its type, such as `audio/ogg; codecs=opus`.
    pub mime_type: &'a str,
    /// ISO 639-1 code of the language, or `None` to detect it.
    pub language: Option<&'a str>,
    /// Names that may be said and are spelt so, such as those of the business's products; empty: none are known.
    pub vocabulary: &'a str,
    /// Hears how much is done, from 0 to 1, where the adapter knows.
    pub progress: Option<&'a (dyn Fn(f32) + Send + Sync)>,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transcript {
    /// The words.
    pub text: String,
    /// ISO 639-1 code of the language, when it was told.
    pub language: Option<String>,
    /// How sure the words are, from 0 to 1: the mean probability of their tokens, where the adapter tells.
    pub confidence: Option<f32>,
    /// How long the recording is, where the adapter tells.
    pub seconds: Option<f64>,
    /// What was said when, in order; empty where the adapter does not tell.
    pub segments: Vec<Segment>,
    /// What transcribed it, as the trace shows it.
    pub by: String,
}

/// A sentence or so of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Milliseconds from the beginning of the recording.
    pub start_ms: u64,
    /// Milliseconds from the beginning of the recording.
    pub end_ms: u64,
    /// The words.
    pub text: String,
}

/// A recording that could not be transcribed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing here transcribes.
    #[error(
        "speech recognition is off: `frontdesk models fetch whisper-small`, or set [speech] kind"
    )]
    Off,
    /// The recording is longer than the limit.
    #[error(
        "the recording is {seconds} seconds long, more than the {limit} that [speech] longest_seconds allows"
    )]
    TooLong {
        /// How long it is, at least.
        seconds: u64,
        /// The most.
        limit: u64,
    },
    /// The file is no recording that can be read. Another adapter may know its format.
    #[error("the file cannot be read as a recording: {0}")]
    Unreadable(String),
    /// It failed, or took too long.
    #[error("speech recognition failed: {0}")]
    Failed(String),
}

/// Which adapter to use, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// The model that is there; nothing where there is none.
    Auto(whisper::Settings),
    /// Several, the first one first.
    Chain {
        /// What transcribes; the next one when one fails or cannot read a recording.
        order: Vec<Settings>,
    },
    /// Transcribe nothing.
    Off {},
    /// An OpenAI-compatible endpoint.
    Openai(openai::Settings),
    /// A model in this process.
    Whisper(whisper::Settings),
}

impl Settings {
    /// Builds the adapter. Looks at a model's file, which takes some milliseconds; its weights are read when they are wanted.
    /// Recordings are decoded by `readers`.
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

    /// Fetches what is not there, where the settings allow it. The log shows how far it is.
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

    /// What is missing for a model in this process, and the command that mends it; `None` when nothing is, or none is
    /// wanted.
    pub fn missing(&self, models: &models::Settings) -> Option<String> {
        let missing = |settings| whisper::place::model(settings, models).ok()?.err();
        self.models().into_iter().find_map(|(settings, _)| missing(settings))
    }

    /// What the models in this process are, for people; `None` where there are none.
    pub fn about(&self, models: &models::Settings) -> Option<String> {
        let about = |(settings, _)| whisper::place::about(settings, models);
        let all: Vec<_> = self.models().into_iter().filter_map(about).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// The models in this process that are wanted, and whether it does not go without.
    fn models(&self) -> Vec<(&whisper::Settings, bool)> {
        match self {
            Self::Off {} | Self::Openai(_) => Vec::new(),
            Self::Whisper(settings) => vec![(settings, true)],
            Self::Auto(settings) => vec![(settings, false)],
            Self::Chain { order } => order.iter().flat_map(Self::models).collect(),
        }
    }
}

/// What a model's file is, for people, or what is wrong with it.
pub fn describe(path: &Path) -> Result<String, String> {
    whisper::place::describe(path)
}
