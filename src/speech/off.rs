//! Transcribes nothing and returns [`Error::Off`].

use async_trait::async_trait;

use super::{Error, Recording, Transcriber, Transcript};

pub(super) struct Off;

#[async_trait]
impl Transcriber for Off {
    fn name(&self) -> Option<&str> {
        None
    }

    async fn transcribe(&self, _: &Recording<'_>) -> Result<Transcript, Error> {
        Err(Error::Off)
    }
}
