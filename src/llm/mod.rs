//! Seam: prompt to answer.
//!
//! | adapter | what it does |
//! | --- | --- |
//! | `auto` | finds an endpoint that the environment or this machine offers, else quotes |
//! | `extractive` | the best passages' own sentences, chosen by words or by `qa`, or an honest "I don't know" |
//! | `openai` | any OpenAI-compatible `/chat/completions` |

use std::ffi::OsString;
use std::sync::Arc;

use async_trait::async_trait;
use frontdesk_endpoint::Access;
use frontdesk_words::words;
use serde::{Deserialize, Serialize};

use crate::domain::{ModelProvider, Prompt, Usage};
use crate::models::address;
use crate::qa::QaModel;
use crate::slot::AdapterSlot;

mod discovery;
pub use discovery::{Discovery, ModelOrigin};
mod extractive;
pub(crate) use extractive::{PASSAGES as PASSAGES_QUOTED_FROM, asks_nothing};
mod openai;
mod auto;
mod trial;
pub use trial::{ChatTrial, try_out};
mod source;
pub use source::ModelSource;

/// Writes an answer to a prompt.
#[async_trait]
pub trait Model: Send + Sync {
    /// Returns how the named model answers.
    fn kind(&self, model: &str) -> ModelKind;

    /// Model used when an agent names none.
    fn default_model(&self) -> &str;

    /// Default minimum confidence for an answer, 0 to 1, when the agent sets none. 0 leaves the
    /// decision to the model.
    fn min_confidence(&self) -> f32;

    /// Writes the answer. `hear`, if given, receives the text in pieces while it is written.
    async fn complete(&self, prompt: &Prompt, hear: Option<Hear<'_>>) -> Result<Completion, Error>;

    /// Lists the known models that an agent can name. Never fails and returns within seconds.
    async fn listed(&self) -> Vec<String> {
        Vec::new()
    }

    /// Checks that the endpoint can answer; returns a description of it.
    async fn check(&self) -> Result<String, Error>;
}

words! {
    /// What writes the answers.
    #[schema(as = ModelKind)]
    pub enum LlmKind {
        /// A model behind an OpenAI-compatible endpoint.
        Openai = "openai",
        /// No model: answers quote the documents' own sentences.
        Extractive = "extractive",
    }
}

/// Callback that receives an answer's text in pieces.
pub type Hear<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// How a model answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ModelKind {
    /// Quotes the documents or gives no answer. Its text needs no check and its tokens are not
    /// counted.
    Quotes,
    /// Writes its own words, within this window.
    Generates(Window),
}

impl ModelKind {
    /// Returns whether the model writes its own words.
    pub fn generates(self) -> bool {
        matches!(self, Self::Generates(_))
    }

    /// The window the prompt must fit into; `None` when tokens are not counted.
    pub fn window(self) -> Option<Window> {
        match self {
            Self::Quotes => None,
            Self::Generates(window) => Some(window),
        }
    }

    /// Returns whether the model sees pictures.
    pub fn sees(self) -> bool {
        self.window().is_some_and(|window| window.sees)
    }

    /// Returns whether the cost of an answer is known. Quoting costs nothing.
    pub fn is_priced(self) -> bool {
        self.window().is_none_or(|window| window.price.is_some())
    }
}

/// A model's context window, prices and abilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Context window in tokens, input and output together.
    pub tokens: u32,
    /// Token prices; `None` when unknown.
    pub price: Option<Price>,
    /// Whether the model sees pictures.
    #[serde(default)]
    pub sees: bool,
}

/// A model's token prices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Dollars per million input tokens.
    pub input: f64,
    /// Dollars per million output tokens.
    pub output: f64,
}

impl Price {
    /// Cost of the tokens in millionths of a dollar. Dollars per million tokens equal millionths of
    /// a dollar per token.
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
    /// The model wrote a text.
    Text {
        /// The text, unchanged.
        text: String,
        /// The model that wrote the text.
        model: String,
        /// Tokens and cost of all attempts.
        usage: Usage,
        /// Descriptions of the attempts that failed before.
        failures: Vec<String>,
    },
    /// The passages do not answer the question.
    NoAnswer {
        /// The model that decided this.
        model: String,
        /// What the documents hold near the question, best first; empty if nothing, or if the model
        /// does not tell.
        #[serde(default)]
        near: Vec<String>,
    },
    /// The message asks nothing: a greeting or thanks.
    Greeting {
        /// The model that decided this.
        model: String,
    },
}

/// The model gave no answer in any attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the model did not answer: {}", .attempts.join("; "))]
pub struct Error {
    /// Description of each attempt's failure.
    pub attempts: Vec<String>,
}

/// Adapter settings, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// The model that the environment or this machine offers, if any.
    Auto(auto::Settings),
    /// No model.
    Extractive {},
    /// An OpenAI-compatible endpoint.
    Openai(Box<openai::Settings>),
}

impl Settings {
    /// Returns the adapter that quotes documents, used when there is no model or no budget for one.
    /// `qa` chooses what is quoted; words do if it is off.
    pub fn without_model(qa: Arc<dyn QaModel>) -> Arc<dyn Model> {
        Self::quoting(AdapterSlot::new(qa))
    }

    /// Like [`Self::without_model`], with the question answering model that is in use at the time.
    pub fn quoting(qa: AdapterSlot<dyn QaModel>) -> Arc<dyn Model> {
        Arc::new(extractive::Extractive::new(qa))
    }

    /// Reads the environment variables that `kind = "auto"` uses; other kinds read none.
    pub(crate) fn read_environment(&mut self, variable: impl Fn(&str) -> Option<OsString>) {
        if let Self::Auto(settings) = self {
            settings.read_environment(variable);
        }
    }

    /// Connection settings of the endpoint; `None` without a model, and for one on this machine that
    /// is yet to be found.
    pub(crate) fn access(&self) -> Option<Access> {
        match self {
            Self::Auto(settings) => settings.access(),
            Self::Extractive {} => None,
            Self::Openai(settings) => Some(settings.access()),
        }
    }

    /// Builds the adapter; contacts nothing. `own_port` is the desk's, at which no model is looked
    /// for. `quotes` answers while there is no model.
    pub fn build(&self, own_port: u16, quotes: Arc<dyn Model>) -> Result<ModelSource, String> {
        let source = match self {
            Self::Auto(settings) => {
                ModelSource::auto(auto::Auto::new(settings, own_port, quotes.clone())?)
            }
            Self::Extractive {} => ModelSource::fixed(quotes.clone()),
            Self::Openai(settings) => ModelSource::fixed(Arc::new(openai::Openai::new(settings)?)),
        };
        Ok(source.with(self.configuration(own_port, quotes)))
    }

    /// What counts also for a model that is chosen while the desk runs.
    fn configuration(&self, own_port: u16, quotes: Arc<dyn Model>) -> source::Configuration {
        let mut addresses = match self {
            Self::Auto(settings) => settings.addresses(own_port),
            Self::Extractive {} | Self::Openai(_) => Vec::new(),
        };
        let base_url = self.access().map(|access| access.base_url);
        addresses.extend(base_url.and_then(|url| address(ModelProvider::Compatible, &url).ok()));
        let endpoint = match self {
            Self::Openai(settings) => (**settings).clone(),
            Self::Auto(_) | Self::Extractive {} => openai::Settings::default(),
        };
        source::Configuration { quotes, endpoint, addresses }
    }
}
