//! A trial of a model: the names that its endpoint lists, and its answer to one question.

use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk_endpoint::address::Guard;

use super::openai::{self, Openai};
use super::{Completion, Model};
use crate::domain::{ChatMessage, ModelProvider, ModelRole, Prompt, Role, Usage};
use crate::models::ModelSetting;

/// Timeout of a trial of an endpoint, in milliseconds.
const TRIAL_MS: u32 = 30_000;
/// What a trial asks.
const TRIAL_QUESTION: &str = "A customer writes: are you there? Answer in one short sentence.";
/// Longest answer of a trial, in tokens; models that reason spend most of it on that.
const TRIAL_TOKENS: u32 = 1_000;

/// What a trial brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTrial {
    /// The answer.
    pub text: String,
    /// Tokens and cost.
    pub usage: Usage,
    /// Whether the price of the model is known.
    pub is_priced: bool,
    /// Time until the answer was complete.
    pub took: Duration,
}

impl ModelSetting {
    /// Asks the endpoint for the names of its models for a task, sorted.
    pub async fn list(&self, role: ModelRole) -> Result<Vec<String>, String> {
        // Nobody has chosen one yet: any name will do.
        let model = if self.model.is_empty() { "any".to_owned() } else { self.model.clone() };
        // Cohere lists its models beside the API that reranks.
        let base_url = match self.provider {
            ModelProvider::Cohere => self.base_url.replace("/v2", "/v1"),
            _ => self.base_url.clone(),
        };
        let named = Self { base_url, model, ..self.clone() };
        named.trial_endpoint(&openai::Settings::default())?.list_now(role).await
    }

    pub(super) fn build(&self, configured: &openai::Settings) -> Result<Arc<Openai>, String> {
        let settings = configured.at(self);
        Openai::guarded(&settings, Guard::new(self.trusted)).map(Arc::new)
    }

    pub(super) async fn try_out(&self, configured: &openai::Settings) -> Result<ChatTrial, String> {
        try_out(&self.trial_endpoint(configured)?, &self.model).await
    }

    fn trial_endpoint(&self, configured: &openai::Settings) -> Result<Openai, String> {
        let settings = configured.at(self).for_trial(TRIAL_MS);
        Openai::guarded(&settings, Guard::new(self.trusted))
    }
}

/// Asks a model for one sentence, once. The error has the endpoint's words.
pub async fn try_out(model: &dyn Model, name: &str) -> Result<ChatTrial, String> {
    let started = Instant::now();
    let answer = model.complete(&trial_prompt(name), None).await;
    let took = started.elapsed();
    match answer.map_err(|error| error.attempts.join("; "))? {
        Completion::Text { text, usage, .. } => {
            Ok(ChatTrial { text, usage, is_priced: model.kind(name).is_priced(), took })
        }
        Completion::NoAnswer { .. } | Completion::Greeting { .. } => {
            Err("the endpoint wrote no text".to_owned())
        }
    }
}

fn trial_prompt(model: &str) -> Prompt {
    let content = TRIAL_QUESTION.to_owned();
    Prompt {
        model: model.to_owned(),
        temperature: 0.2,
        max_output_tokens: TRIAL_TOKENS,
        messages: vec![ChatMessage { role: Role::User, content }],
        question: TRIAL_QUESTION.to_owned(),
        passages: Arc::new([]),
        confidence: 1.0,
        min_confidence: 0.0,
        weekday: None,
        tokens: 0,
        pictures: Vec::new(),
    }
}
