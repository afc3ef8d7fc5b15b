//! Seam: prompt to answer.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `extractive` | no model: the best passage's own sentences, or an honest "I don't know" |
//! | `openai` | any OpenAI-compatible `/chat/completions` |

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::domain::{Prompt, Usage};

mod extractive;
mod openai;

/// Writes an answer to a prompt.
#[async_trait]
pub trait Model: Send + Sync {
    /// What the prompt must fit into; `None` when nothing needs to be counted.
    fn window(&self, model: &str) -> Option<Window>;

    /// The model that answers where an agent names none.
    fn default_model(&self) -> &str;

    /// Below this confidence (0 to 1) there is no answer, where an agent says nothing else. 0 leaves it to the model.
    fn min_confidence(&self) -> f32;

    /// Writes the answer. `hear` gets the text piece by piece while it is written, when somebody listens.
    async fn complete(&self, prompt: &Prompt, hear: Option<Hear<'_>>) -> Result<Completion, Error>;

    /// Asks the endpoint whether it would answer; the answer says what it is.
    async fn check(&self) -> Result<String, Error>;
}

/// Gets an answer's text piece by piece.
pub type Hear<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// What a prompt must fit into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The model's context window in tokens, input and output.
    pub tokens: u32,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    Openai(openai::Settings),
}

impl Settings {
    /// Builds the adapter.
    pub fn build(&self) -> Result<Arc<dyn Model>, String> {
        Ok(match self {
            Self::Extractive {} => Arc::new(extractive::Extractive),
            Self::Openai(settings) => Arc::new(openai::Openai::new(settings)?),
        })
    }
}
