//! A target that returns the prompt.

use async_trait::async_trait;

use super::{Target, TargetRequest};
use crate::result::Response;

pub(super) struct Echo;

#[async_trait]
impl Target for Echo {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        Response { output: asked.prompt.into(), ..Response::default() }
    }
}
