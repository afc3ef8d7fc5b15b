//! The model of a server that was found on this machine. Must notice when the server is gone.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::super::openai::{self, Openai};
use super::super::{Completion, Error, Hear, Model, ModelKind, Price, Window};
use super::local::LocalServer;
use crate::domain::Prompt;

pub(super) struct LocalModel {
    pub(super) server: LocalServer,
    endpoint: Openai,
    gone: AtomicBool,
}

impl LocalModel {
    pub(super) fn new(server: LocalServer) -> Result<Self, String> {
        let settings = openai::Settings::of_local(server.base_url(), &server.model, server.window);
        let endpoint = Openai::on_this_machine(&settings)?;
        Ok(Self { server, endpoint, gone: AtomicBool::new(false) })
    }

    /// Whether an answer failed and the server did not list the model after that.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Model for LocalModel {
    fn kind(&self, _: &str) -> ModelKind {
        let price = Some(Price { input: 0.0, output: 0.0 });
        let sees = self.endpoint.sees(&self.server.model);
        ModelKind::Generates(Window { tokens: self.server.window, price, sees })
    }

    fn default_model(&self) -> &str {
        self.endpoint.default_model()
    }

    fn min_confidence(&self) -> f32 {
        self.endpoint.min_confidence()
    }

    async fn complete(&self, prompt: &Prompt, hear: Option<Hear<'_>>) -> Result<Completion, Error> {
        if self.is_gone() {
            let why = format!("{} no longer answers", self.server.base_url());
            return Err(Error { attempts: vec![why] });
        }
        let answer = self.endpoint.complete(prompt, hear).await;
        // A server that is there and fails is asked again, as a configured one is.
        if answer.is_err()
            && !self.server.is_there().await
            && !self.gone.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                url = self.server.base_url(),
                "the model {} is gone: answers quote the documents until a server is found",
                self.server.model
            );
        }
        answer
    }

    async fn listed(&self) -> Vec<String> {
        self.endpoint.listed().await
    }

    async fn check(&self) -> Result<String, Error> {
        self.endpoint.check().await
    }
}
