//! Where a turn's files come from: voice notes, pictures, documents. Part of stage 2; reads and
//! transcribes nothing.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::{Media, MediaKind, VoiceTranscript, WaitingMessage};

/// Source of customers' files, and storage of the transcripts of voice notes.
#[async_trait]
pub trait FileSource: Send + Sync {
    /// Returns a message's transcript, or why it has none, if that is known already.
    fn known(&self, said: &WaitingMessage) -> Option<Result<VoiceTranscript, TranscriptionError>>;

    /// Fetches a message's file, with retries for as long as a customer would wait.
    async fn fetch(&self, said: &WaitingMessage, media: &Media) -> Result<Vec<u8>, FileError>;

    /// Stores a transcript, so that it is not made again even if the turn fails.
    async fn keep(&self, said: &WaitingMessage, spoken: &VoiceTranscript);
}

/// Why a file is not available.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The turn has no source of files.
    #[error("there are no files here")]
    NoSource,
    /// It did not come with its message.
    #[error("there is no such file here")]
    NotAttached,
    /// A temporary failure; a later attempt may succeed.
    #[error("{0}")]
    Passing(String),
    /// A permanent failure; retries are useless.
    #[error("{0}")]
    Final(String),
}

/// Source for turns without files.
pub struct NoFiles;

#[async_trait]
impl FileSource for NoFiles {
    fn known(&self, said: &WaitingMessage) -> Option<Result<VoiceTranscript, TranscriptionError>> {
        said.transcript.clone().map(Ok)
    }

    async fn fetch(&self, _: &WaitingMessage, _: &Media) -> Result<Vec<u8>, FileError> {
        Err(FileError::NoSource)
    }

    async fn keep(&self, _: &WaitingMessage, _: &VoiceTranscript) {}
}

/// Source for files that came with the message; stores nothing.
pub struct AttachedFiles;

#[async_trait]
impl FileSource for AttachedFiles {
    fn known(&self, said: &WaitingMessage) -> Option<Result<VoiceTranscript, TranscriptionError>> {
        said.transcript.clone().map(Ok)
    }

    async fn fetch(&self, _: &WaitingMessage, media: &Media) -> Result<Vec<u8>, FileError> {
        let bytes = media.bytes.as_ref().ok_or(FileError::NotAttached)?;
        Ok(bytes.0.to_vec())
    }

    async fn keep(&self, _: &WaitingMessage, _: &VoiceTranscript) {}
}

/// Why a recording has no transcript.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptionError {
    /// The agent does not transcribe this kind.
    #[error("the agent does not transcribe {} messages", .0.as_str())]
    Unwanted(MediaKind),
    /// It contains no speech.
    #[error("nothing was said")]
    Silent,
    /// It is too long.
    #[error("{0}")]
    TooLong(String),
    /// It could not be fetched or transcribed.
    #[error("{0}")]
    Failed(String),
}
