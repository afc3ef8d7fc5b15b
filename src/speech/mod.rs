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

    /// Transcribes one recording. An empty text means that nothing was said.
    async fn transcribe(&self, recording: &Recording<'_>) -> Result<Transcript, Error>;
}

/// A recording to transcribe.
#[derive(Debug, Clone, Copy)]
pub struct Recording<'a> {
    /// The file as the customer sent it.
    pub bytes: &'a [u8],
    /// Its type, such as `audio/ogg; codecs=opus`.
    pub mime_type: &'a str,
    /// ISO 639-1 code of the language, or `None` to detect it.
    pub language: Option<&'a str>,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The words.
    pub text: String,
    /// ISO 639-1 code of the language, when it was told.
    pub language: Option<String>,
}

/// A recording that could not be transcribed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing here transcribes.
    #[error("speech recognition is off: set [speech] kind in the configuration")]
    Off,
    /// The endpoint failed.
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
