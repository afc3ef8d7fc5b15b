//! A target that answers from the cache when possible.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::cache::Cache;
use super::settings::without_secrets;
use super::{AskError, Classifies, Embeds, Moderates, Target, TargetRequest};
use crate::result::{Response, Tokens};
use crate::spec::TargetSpec;

pub(super) struct CachedTarget {
    target: Arc<dyn Target>,
    cache: Arc<Cache>,
    /// What an answer depends on besides the request: id, settings without secrets, endpoint
    /// variables.
    identity: Value,
    /// Whether the target sees the variables and not only the prompt.
    sees_vars: bool,
}

impl CachedTarget {
    /// `surroundings` holds the environment variables that change the endpoint.
    pub(super) fn new(
        target: Arc<dyn Target>,
        cache: Arc<Cache>,
        spec: &TargetSpec,
        surroundings: &[Option<String>],
    ) -> Self {
        let identity = json!([spec.id, without_secrets(&spec.config), surroundings]);
        let model = ["openai:", "anthropic:"].iter().any(|kind| spec.id.starts_with(kind));
        Self { target, cache, identity, sees_vars: !model }
    }

    fn key(&self, asked: &TargetRequest<'_>) -> String {
        let vars = self.sees_vars.then_some(asked.vars);
        let settings = without_secrets(asked.config);
        Cache::key(&json!(["ask", self.identity, settings, asked.prompt, vars, asked.repeat]))
    }
}

#[async_trait]
impl Target for CachedTarget {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        let key = self.key(asked);
        if let Some(known) = self.cache.get::<Response>(&key) {
            return as_cached(known);
        }
        let response = self.target.ask(asked).await;
        if response.error.is_none() && response.skipped.is_none() {
            self.cache.put(&key, &response);
        }
        response
    }

    fn embeds(&self) -> Option<&dyn Embeds> {
        self.target.embeds().map(|_| self as &dyn Embeds)
    }

    fn classifies(&self) -> Option<&dyn Classifies> {
        self.target.classifies()
    }

    fn moderates(&self) -> Option<&dyn Moderates> {
        self.target.moderates()
    }
}

#[async_trait]
impl Embeds for CachedTarget {
    async fn embed(&self, text: &str) -> Result<(Vec<f64>, Tokens, f64), AskError> {
        let key = Cache::key(&json!(["embed", self.identity, text]));
        if let Some((vector, tokens)) = self.cache.get::<(Vec<f64>, Tokens)>(&key) {
            return Ok((vector, free(tokens), 0.0));
        }
        let none = || AskError::Unusable("it has no embeddings".into());
        let target = self.target.embeds().ok_or_else(none)?;
        let (vector, tokens, cost) = target.embed(text).await?;
        self.cache.put(&key, &(&vector, tokens));
        Ok((vector, tokens, cost))
    }
}

/// Marks a response as cached: its tokens were paid for earlier and its latency does not apply.
fn as_cached(known: Response) -> Response {
    Response { cached: true, latency_ms: None, token_usage: known.token_usage.map(free), ..known }
}

fn free(tokens: Tokens) -> Tokens {
    Tokens { total: tokens.total, cached: tokens.total, ..Tokens::default() }
}
