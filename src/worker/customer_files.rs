//! Provides customers' files to the pipeline: from the database, or else from the provider. Stores
//! fetched files and transcripts, so that neither is produced twice. Reads and transcribes nothing.

use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::domain::{Media, MessageId, VoiceTranscript, WaitingMessage};
use crate::pipeline::{FileError, FileSource, TranscriptionError};
use crate::provider::{Error, Provider, Retry};
use crate::store::Store;
use crate::store::files::FileClaimant;

/// Maximum size of a fetched recording, in bytes: WhatsApp's own limit.
const MAX_RECORDING_BYTES: usize = 16 * 1024 * 1024;

/// Maximum size of a picture or document that a turn reads, in bytes.
const MAX_FILE_BYTES: usize = 32 * 1024 * 1024;

/// How long a turn's claim of a file holds, in milliseconds: as long as it may take to fetch it.
const CLAIM_MS: i64 = 60_000;
/// Pause before it is looked again whether another has fetched a file.
const POLL: Duration = Duration::from_millis(100);

/// How long fetching a recording is retried.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The files of a number's customers.
pub(super) struct CustomerFiles<'a> {
    pub(super) provider: &'a dyn Provider,
    pub(super) store: &'a Store,
    /// Maximum size of a file that is stored, in bytes.
    pub(super) max_file_bytes: usize,
}

impl CustomerFiles<'_> {
    /// Claims a picture or document, or waits for whoever has claimed it. Returns whether it is the
    /// caller's. Recordings are left to turns anyhow.
    async fn claim(&self, message: &MessageId, media: &Media) -> bool {
        let begun = Instant::now();
        while !media.kind.has_sound() && begun.elapsed() < TIMEOUT {
            match self.store.claim_file(message, CLAIM_MS).await {
                Ok(FileClaimant::Other) => tokio::time::sleep(POLL).await,
                Ok(FileClaimant::Caller) => return true,
                Err(error) => {
                    tracing::warn!(%error, "a file may be fetched twice");
                    return false;
                }
            }
        }
        false
    }

    /// The bytes that are stored of a message.
    async fn stored(&self, message: &MessageId) -> Option<Vec<u8>> {
        match self.store.file(message).await {
            Ok(file) => file.map(|file| file.bytes),
            Err(error) => {
                tracing::warn!(%error, "a stored file cannot be read");
                None
            }
        }
    }

    /// Fetches a file from the provider. Retries transient failures for up to [`TIMEOUT`].
    async fn ask(&self, media: &Media) -> Result<Vec<u8>, Error> {
        let begun = Instant::now();
        let mut attempt = 0;
        let has_sound = media.kind.has_sound();
        let limit = if has_sound { MAX_RECORDING_BYTES } else { MAX_FILE_BYTES };
        loop {
            match self.provider.media(media, limit).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => match error.retry(attempt, 0.0) {
                    Retry::After(wait) if begun.elapsed() + wait < TIMEOUT => {
                        tracing::info!(%error, "a file could not be fetched, it is tried again");
                        tokio::time::sleep(wait).await;
                        attempt += 1;
                    }
                    _ => return Err(error),
                },
            }
        }
    }
}

#[async_trait]
impl FileSource for CustomerFiles<'_> {
    fn known(&self, said: &WaitingMessage) -> Option<Result<VoiceTranscript, TranscriptionError>> {
        said.transcript.clone().map(Ok)
    }

    /// Reads from the database if the recording came with its message or was fetched before, else
    /// from the provider.
    async fn fetch(&self, said: &WaitingMessage, media: &Media) -> Result<Vec<u8>, FileError> {
        let mut is_claimed = false;
        if let Some(message) = &said.message {
            if let Some(bytes) = self.stored(message).await {
                return Ok(bytes);
            }
            is_claimed = self.claim(message, media).await;
            // Whoever had claimed it may have stored it.
            if !media.kind.has_sound()
                && let Some(bytes) = self.stored(message).await
            {
                return Ok(bytes);
            }
        }
        let asked = self.ask(media).await;
        if let (Err(_), Some(message)) = (&asked, &said.message)
            && is_claimed
            && let Err(error) = self.store.release_file(message).await
        {
            tracing::warn!(%error, "a file that was not fetched is tried later");
        }
        let bytes = asked.map_err(|error| file_error(&error))?;
        if let Some(message) = said.message.as_ref().filter(|_| bytes.len() <= self.max_file_bytes)
        {
            let mime_type = media.mime_type.as_deref().unwrap_or_default();
            if let Err(error) = self.store.keep_file(message, mime_type, bytes.clone()).await {
                tracing::warn!(%error, "a file was not stored, it is fetched once more");
            }
        }
        Ok(bytes)
    }

    async fn keep(&self, said: &WaitingMessage, spoken: &VoiceTranscript) {
        let Some(message) = &said.message else { return };
        if let Err(error) = self.store.keep_spoken(message, spoken).await {
            tracing::warn!(%error, "what a recording says is kept with the turn alone");
        }
    }
}

fn file_error(error: &Error) -> FileError {
    match error.retry(1, 0.0) {
        // Reads are safe to repeat, even if the outcome is unknown.
        Retry::After(_) | Retry::Unknown => FileError::Passing(error.to_string()),
        Retry::Never => FileError::Final(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fault;
    use crate::provider::Class;

    #[test]
    fn only_a_recording_that_is_refused_for_good_is_not_asked_for_again() {
        let refused = |class| Error::Refused { class, fault: Fault::ours("no"), retry_after: None };
        let no_answer = Error::Unknown("no answer came".into());
        for error in [no_answer, Error::NotSent("no connection".into()), refused(Class::Transient)]
        {
            assert_eq!(file_error(&error), FileError::Passing(error.to_string()));
        }
        let gone = refused(Class::OurFault);
        assert_eq!(file_error(&gone), FileError::Final(gone.to_string()));
    }
}
