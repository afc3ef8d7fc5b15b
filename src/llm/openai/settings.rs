//! Settings of an OpenAI-compatible endpoint that writes answers: those of the configuration, of the
//! environment, of this machine, and of the console. Must not connect.

use std::collections::BTreeMap;

use frontdesk_endpoint::{Access, OPENAI};
use frontdesk_tokens::Vocabulary;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Price;
use crate::domain::ModelProvider;
use crate::models::ModelSetting;

/// Context window of Ollama unless its owner changes it, in tokens.
const OLLAMA_WINDOW: u32 = 4096;

/// Settings of an OpenAI-compatible endpoint that writes answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Everything before `/chat/completions`.
    pub(super) base_url: String,
    /// API key; local servers need none.
    pub(super) api_key: Option<SecretString>,
    /// Model used when an agent names none.
    pub(super) model: String,
    /// Model tried when the first one fails, in a third of the time.
    pub(super) fallback_model: Option<String>,
    /// Context window in tokens, input and output together.
    pub(super) window: u32,
    /// Whether the models see pictures; `None` goes by their names.
    pub(super) vision: Option<bool>,
    /// Dollars per million tokens, by model: `{ "gpt-4o-mini" = { input = 0.15, output = 0.6 } }`.
    /// A model without a price costs nothing.
    pub(super) prices: BTreeMap<String, Price>,
    /// Default minimum confidence for an answer, 0 to 1, when the agent sets none. 0 leaves the
    /// decision to the model.
    pub(super) min_confidence: f32,
    /// Extra fields for every request, such as `{ top_p = 0.9 }`.
    pub(super) extra: Map<String, Value>,
    /// Request field for the maximum answer length. Every server supports `max_tokens`; OpenAI's
    /// reasoning models require `max_completion_tokens`.
    pub(super) max_tokens_field: String,
    /// Timeout of an answer in milliseconds, including all attempts and waits.
    pub(super) timeout_ms: u32,
    /// Timeout of one non-streamed attempt in milliseconds.
    pub(super) attempt_ms: u32,
    /// Timeout for the first chunk of a stream, in milliseconds.
    pub(super) first_token_ms: u32,
    /// Maximum time between two chunks of a stream, in milliseconds.
    pub(super) idle_ms: u32,
    /// How often a transient failure is retried.
    pub(super) retries: u32,
    /// Maximum wait between two attempts in milliseconds, whatever the endpoint asks for.
    pub(super) retry_cap_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: OPENAI.into(),
            api_key: None,
            model: "gpt-4o-mini".into(),
            fallback_model: None,
            window: 128_000,
            vision: None,
            prices: BTreeMap::new(),
            min_confidence: 0.0,
            extra: Map::new(),
            max_tokens_field: "max_tokens".into(),
            timeout_ms: 60_000,
            attempt_ms: 30_000,
            first_token_ms: 30_000,
            idle_ms: 15_000,
            retries: 3,
            retry_cap_ms: 20_000,
        }
    }
}

impl Settings {
    /// Settings of a hosted endpoint that the environment names.
    pub(in super::super) fn of_hosted(base_url: String, api_key: SecretString) -> Self {
        let usual = Self::default();
        let model = usual.model.clone();
        Self { base_url, api_key: Some(api_key), ..usual }.with_model(&model)
    }

    /// Settings of a server on this machine. A refused connection is no passing failure there.
    pub(in super::super) fn of_local(base_url: String, model: &str, window: u32) -> Self {
        Self { base_url, window, retries: 1, ..Self::default() }.with_model(model)
    }

    /// Names the model, which also answers for agents that name one that the endpoint lacks.
    pub(in super::super) fn with_model(self, model: &str) -> Self {
        Self { model: model.to_owned(), fallback_model: Some(model.to_owned()), ..self }
    }

    /// Settings of a model that somebody chose while the desk runs. What the configuration says
    /// about its own endpoint counts only there; prices and the minimum confidence always do.
    pub(in super::super) fn at(&self, chosen: &ModelSetting) -> Self {
        let is_own = chosen.is_at(&self.base_url);
        let basis = if is_own { self.clone() } else { Self::default() };
        let mut prices = self.prices.clone();
        let (mut window, mut field) = (basis.window, basis.max_tokens_field.clone());
        match chosen.provider {
            ModelProvider::Ollama => {
                // Ollama cuts longer prompts without saying so.
                window = if is_own { window } else { OLLAMA_WINDOW };
                prices.entry(chosen.model.clone()).or_insert(Price { input: 0.0, output: 0.0 });
            }
            // Their newer models refuse the other field; all models know this one.
            ModelProvider::Openai | ModelProvider::Azure => field = "max_completion_tokens".into(),
            _ => {}
        }
        let (base_url, api_key) = (chosen.base_url.clone(), chosen.api_key.clone());
        let min_confidence = self.min_confidence;
        let max_tokens_field = field;
        Self { base_url, api_key, window, prices, min_confidence, max_tokens_field, ..basis }
            .with_model(&chosen.model)
    }

    /// The tokens of a text that a model reads, and what it costs in millionths of a dollar, if its
    /// price is known.
    pub(in super::super) fn cost_of_input(&self, model: &str, text: &str) -> (u64, Option<u64>) {
        let tokens: u32 = Vocabulary::of(model).count(text);
        let cost = |price: &Price| price.micros(tokens.into(), 0);
        (tokens.into(), self.prices.get(model).map(cost))
    }

    /// The same for one attempt within this time.
    pub(in super::super) fn for_trial(self, timeout_ms: u32) -> Self {
        Self { timeout_ms, attempt_ms: timeout_ms, retries: 0, ..self }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.model.trim().is_empty() {
            return Err("model is empty: name one, such as gpt-4o-mini".into());
        }
        if self.first_token_ms == 0 || self.idle_ms == 0 {
            return Err("first_token_ms and idle_ms must be at least 1 millisecond".into());
        }
        if !(0.0..=1.0).contains(&self.min_confidence) {
            return Err("min_confidence must be between 0 and 1".into());
        }
        let free = |price: &Price| price.input >= 0.0 && price.output >= 0.0;
        if let Some((model, _)) = self.prices.iter().find(|(_, price)| !free(price)) {
            return Err(format!("prices: those of {model} must be 0 or more"));
        }
        Ok(())
    }

    pub(in super::super) fn access(&self) -> Access {
        Access {
            base_url: self.base_url.clone(),
            api_key: self.api_key.clone(),
            timeout_ms: self.timeout_ms.into(),
            attempt_ms: self.attempt_ms.into(),
            retries: self.retries,
            retry_cap_ms: self.retry_cap_ms.into(),
        }
    }
}
