//! Scores nothing: returns an error instead of scores.

use async_trait::async_trait;

use super::{Error, Reranker};

pub(super) struct Off;

#[async_trait]
impl Reranker for Off {
    fn identity(&self) -> Option<&str> {
        None
    }

    fn candidates(&self) -> usize {
        0
    }

    async fn rerank(&self, _: &str, _: &[String]) -> Result<Vec<Option<f32>>, Error> {
        Err(Error::Off)
    }
}
