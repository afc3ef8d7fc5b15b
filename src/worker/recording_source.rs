//! Where the pipeline gets recordings from: the database, else the provider. Keeps what was fetched and what was heard, so that
//! neither is done twice. Transcribes nothing.

use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::domain::{Media, VoiceTranscript, WaitingMessage};
use crate::pipeline::{AudioError, AudioSource, TranscriptionError};
use crate::provider::{Error, Provider, Retry};
use crate::store::Store;

/// The largest recording that is fetched, in bytes: what WhatsApp itself takes.
const LARGEST_RECORDING: usize = 16 * 1024 * 1024;

/// How long a recording is asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches the recordings of a number's customers.
pub(super) struct RecordingSource<'a> {
    pub(super) provider: &'a dyn Provider,
    pub(super) store: &'a Store,
}

impl RecordingSource<'_> {
    /// Asks the provider for a file; a passing failure is tried again, for as long as a customer would wait for it.
    async fn ask(&self, media: &Media) -> Result<Vec<u8>, Error> {
        let begun = Instant::now();
        let mut attempt = 0;
        loop {
            match self.provider.media(media, LARGEST_RECORDING).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => match error.retry(attempt, 0.0) {
                    Retry::After(wait) if begun.elapsed() + wait < PATIENCE => {
                        tracing::info!(%error, "a recording could not be fetched, it is tried again");
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
impl AudioSource for RecordingSource<'_> {
    fn known(&self, said: &WaitingMessage) -> Option<Result<VoiceTranscript, TranscriptionError>> {
        said.heard.clone().map(Ok)
    }

    /// From the database, where it came with its message or an earlier try fetched it, else from the provider.
    async fn fetch(&self, said: &WaitingMessage, media: &Media) -> Result<Vec<u8>, AudioError> {
        if let Some(message) = &said.message {
            match self.store.recording(message).await {
                Ok(Some(kept)) => return Ok(kept.bytes),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a kept recording cannot be read"),
            }
        }
        let bytes = self.ask(media).await.map_err(|error| audio_error(&error))?;
        if let Some(message) = &said.message {
            let mime_type = media.mime_type.as_deref().unwrap_or_default();
            if let Err(error) = self.store.keep_recording(message, mime_type, bytes.clone()).await {
                tracing::warn!(%error, "a recording was not kept");
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

fn audio_error(error: &Error) -> AudioError {
    match error.retry(1, 0.0) {
        // Of what is only read it does no harm to ask twice.
        Retry::After(_) | Retry::Unknown => AudioError::Passing(error.to_string()),
        Retry::Never => AudioError::Final(error.to_string()),
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
            assert_eq!(audio_error(&error), AudioError::Passing(error.to_string()));
        }
        let gone = refused(Class::OurFault);
        assert_eq!(audio_error(&gone), AudioError::Final(gone.to_string()));
    }
}
