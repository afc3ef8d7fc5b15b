//! Finds nothing: returns an error instead of answers.

use async_trait::async_trait;

use super::{Error, QaModel, Span};

pub(super) struct Off;

#[async_trait]
impl QaModel for Off {
    fn identity(&self) -> Option<&str> {
        None
    }

    async fn find(&self, _: &str, _: &[String]) -> Result<Vec<Option<Span>>, Error> {
        Err(Error::Off)
    }
}
