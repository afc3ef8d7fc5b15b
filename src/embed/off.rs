//! Embeds nothing: returns an error instead of vectors.

use async_trait::async_trait;

use super::{Embedder, Error, Purpose};

pub(super) struct Off;

#[async_trait]
impl Embedder for Off {
    fn identity(&self) -> Option<&str> {
        None
    }

    fn languages(&self) -> &[String] {
        &[]
    }

    async fn embed(&self, _: &[String], _: Purpose) -> Result<Vec<Vec<f32>>, Error> {
        Err(Error::Off)
    }
}
