//! Hashes the voice notes of a turn while it is recorded.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::domain::{Media, MessageId, VoiceTranscript, WaitingMessage};
use crate::pipeline::file_source::{FileError, FileSource, TranscriptionError};

/// An audio source that hashes what it fetches.
pub(super) struct HashingSource<'a> {
    pub(super) audio: &'a dyn FileSource,
    pub(super) hashes: &'a Mutex<Vec<(Option<MessageId>, String)>>,
}

#[async_trait]
impl FileSource for HashingSource<'_> {
    fn known(&self, said: &WaitingMessage) -> Option<Result<VoiceTranscript, TranscriptionError>> {
        self.audio.known(said)
    }

    async fn fetch(&self, said: &WaitingMessage, media: &Media) -> Result<Vec<u8>, FileError> {
        let bytes = self.audio.fetch(said, media).await?;
        let hash = hex::encode(Sha256::digest(&bytes));
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.push((said.message.clone(), hash));
        Ok(bytes)
    }

    async fn keep(&self, said: &WaitingMessage, spoken: &VoiceTranscript) {
        self.audio.keep(said, spoken).await;
    }
}
