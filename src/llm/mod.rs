//! Seam: prompt to answer.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `extractive` | no model: the best passage's own sentences, or an honest "I don't know" |
//! | `openai` | any OpenAI-compatible `/chat/completions` |

use std::sync::Arc;

use async_trait::async_trait;
use frontdesk_endpoint::Access;
use frontdesk_words::words;
use serde::{Deserialize, Serialize};

use crate::domain::{Prompt, Usage};

mod extractive;
pub(crate) use extractive::asks_nothing;
mod openai;

/// Writes an answer to a prompt.
#[async_trait]
pub trait Model: Send + Sync {
    /// How a model of this name answers.
    fn kind(&self, model: &str) -> ModelKind;

    /// The model that answers where an agent names none.
    fn default_model(&self) -> &str;

    /// Below this confidence (0 to 1) there is no answer, where an agent says nothing else. 0 leaves it to the model.
    fn min_confidence(&self) -> f32;

    /// Writes the answer. `hear` gets the text piece by piece while it is written, when somebody listens.
    async fn complete(&self, prompt: &Prompt, hear: Option<Hear<'_>>) -> Result<Completion, Error>;

    /// The models that an agent can name, as far as that is known: never an error, and soon.
    async fn listed(&self) -> Vec<String> {
        Vec::new()
    }

    /// Asks the endpoint whether it would answer; the answer says what it is.
    async fn check(&self) -> Result<String, Error>;
}

words! {
    /// What writes answers, by the `kind` of [llm].
    #[schema(as = ModelKind)]
    pub enum LlmKind {
        /// A model behind an OpenAI-compatible endpoint.
        Openai = "openai",
        /// No model: the documents' own sentences.
        Extractive = "extractive",
    }
}

/// Gets an answer's text piece by piece.
pub type Hear<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// How a model answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ModelKind {
    /// With the documents' own sentences, or not at all: it writes nothing that needs a check, and nothing is counted.
    Quotes,
    /// In words of its own; what the prompt must fit into.
    Generates(Window),
}

impl ModelKind {
    /// Whether it writes words of its own.
    pub fn generates(self) -> bool {
        matches!(self, Self::Generates(_))
    }

    /// What the prompt must fit into; `None` when nothing needs to be counted.
    pub fn window(self) -> Option<Window> {
        match self {
            Self::Quotes => None,
            Self::Generates(window) => Some(window),
        }
    }

    /// Whether it is known what an answer costs. What quotes costs nothing.
    pub fn is_priced(self) -> bool {
        self.window().is_none_or(|window| window.price.is_some())
    }
}

/// What a prompt must fit into.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The model's context window in tokens, input and output.
    pub tokens: u32,
    /// What its tokens cost, where that is known.
    pub price: Option<Price>,
}

/// What a model's tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Dollars for a million tokens read.
    pub input: f64,
    /// Dollars for a million tokens written.
    pub output: f64,
}

impl Price {
    /// What tokens cost, in millionths of a dollar: dollars for a million tokens are millionths of a dollar for one.
    #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    #[expect(clippy::cast_sign_loss, reason = "prices below 0 are refused")]
    pub fn micros(self, input: u64, output: u64) -> u64 {
        (input as f64 * self.input + output as f64 * self.output).round() as u64
    }
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Completion {
    /// It wrote something.
    Text {
        /// What it wrote, as it is.
        text: String,
        /// The model that wrote it.
        model: String,
        /// What that used.
        usage: Usage,
        /// Attempts that failed before, in words.
        failures: Vec<String>,
    },
    /// It knows that the passages do not answer.
    NoAnswer {
        /// The model that says so.
        model: String,
    },
    /// The message asks nothing: a hello or a thank-you.
    Greeting {
        /// The model that says so.
        model: String,
    },
}

/// A model that did not answer, after all attempts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the model did not answer: {}", .attempts.join("; "))]
pub struct Error {
    /// What each attempt ended with, in words.
    pub attempts: Vec<String>,
}

/// Which adapter to use, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// No model.
    Extractive {},
    /// An OpenAI-compatible endpoint.
    Openai(Box<openai::Settings>),
}

impl Settings {
    /// What answers where there is no model, or no money for one: the documents' own sentences.
    pub fn without_model() -> Arc<dyn Model> {
        Arc::new(extractive::Extractive)
    }

    /// How the endpoint is reached; `None` where there is no model.
    pub(crate) fn access(&self) -> Option<Access> {
        match self {
            Self::Extractive {} => None,
            Self::Openai(settings) => Some(settings.access()),
        }
    }

    /// Builds the adapter.
    pub fn build(&self) -> Result<Arc<dyn Model>, String> {
        Ok(match self {
            Self::Extractive {} => Arc::new(extractive::Extractive),
            Self::Openai(settings) => Arc::new(openai::Openai::new(settings)?),
        })
    }
}
