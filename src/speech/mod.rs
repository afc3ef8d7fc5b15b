//! Seam: speech to text.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `off` | transcribes nothing; the agent's configured sentence is sent instead |
//! | `openai` | any OpenAI-compatible `/audio/transcriptions` |

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

mod off;
mod openai;

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
    #[error("speech recognition is off: set [speech] kind in the configuration")]
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
    /// Transcribe nothing.
    Off {},
    /// An OpenAI-compatible endpoint.
    Openai(openai::Settings),
}

impl Settings {
    /// Builds the adapter.
    pub fn build(&self) -> Result<Arc<dyn Transcriber>, String> {
        Ok(match self {
            Self::Off {} => Arc::new(off::Off),
            Self::Openai(settings) => Arc::new(openai::Openai::new(settings)?),
        })
    }
}
