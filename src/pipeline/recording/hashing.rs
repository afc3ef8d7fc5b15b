//! Hashes the files of a turn while it is recorded.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::domain::{Media, MessageId, VoiceTranscript, WaitingMessage};
use crate::pipeline::file_source::{FileError, FileSource, TranscriptionError};

/// A source of files that hashes what it fetches.
pub(super) struct HashingSource<'a> {
    pub(super) files: &'a dyn FileSource,
    pub(super) hashes: &'a Mutex<Vec<(Option<MessageId>, String)>>,
}

#[async_trait]
impl FileSource for HashingSource<'_> {
    fn known(&self, said: &WaitingMessage) -> Option<Result<VoiceTranscript, TranscriptionError>> {
        self.files.known(said)
    }

    async fn fetch(&self, said: &WaitingMessage, media: &Media) -> Result<Vec<u8>, FileError> {
        let bytes = self.files.fetch(said, media).await?;
        let hash = hex::encode(Sha256::digest(&bytes));
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.push((said.message.clone(), hash));
        Ok(bytes)
    }

    async fn keep(&self, said: &WaitingMessage, spoken: &VoiceTranscript) {
        self.files.keep(said, spoken).await;
    }
}
