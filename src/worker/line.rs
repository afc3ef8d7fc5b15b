//! Where the pipeline gets recordings from: the database, else the provider. Keeps what was fetched and what was heard, so that
//! neither is done twice. Transcribes nothing.

use async_trait::async_trait;

use crate::domain::{Media, Said, Spoken};
use crate::pipeline::Recordings;
use crate::provider::Provider;
use crate::store::Store;

/// The largest recording that is fetched, in bytes: what WhatsApp itself takes.
const LARGEST_RECORDING: usize = 16 * 1024 * 1024;

/// The recordings of a number's customers.
pub(super) struct Line<'a> {
    pub(super) provider: &'a dyn Provider,
    pub(super) store: &'a Store,
}

#[async_trait]
impl Recordings for Line<'_> {
    /// From the database, where it came with its message or an earlier try fetched it, else from the provider.
    async fn fetch(&self, said: &Said, media: &Media) -> Result<Vec<u8>, String> {
        if let Some(message) = &said.message {
            match self.store.recording(message).await {
                Ok(Some(kept)) => return Ok(kept.bytes),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a kept recording cannot be read"),
            }
        }
        let fetched = self.provider.media(media, LARGEST_RECORDING).await;
        let bytes = fetched.map_err(|error| error.to_string())?;
        if let Some(message) = &said.message {
            let mime_type = media.mime_type.as_deref().unwrap_or_default();
            if let Err(error) = self.store.keep_recording(message, mime_type, bytes.clone()).await {
                tracing::warn!(%error, "a recording was not kept");
            }
        }
        Ok(bytes)
    }

    async fn keep(&self, said: &Said, spoken: &Spoken) {
        let Some(message) = &said.message else { return };
        if let Err(error) = self.store.keep_spoken(message, spoken).await {
            tracing::warn!(%error, "what a recording says is kept with the turn alone");
        }
    }
}
