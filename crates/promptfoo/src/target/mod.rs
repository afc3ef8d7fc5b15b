//! Seam: targets, which answer a suite's prompts (promptfoo's providers). Graders are targets, too.
//!
//! | id | what it is |
//! | --- | --- |
//! | `echo` | returns the prompt |
//! | `openai:MODEL`, `openai:chat:`, `:completion:`, `:responses:`, `:embedding:`, `:moderation:` | OpenAI, or a compatible server (`apiBaseUrl`) |
//! | `anthropic:messages:MODEL` | Anthropic |
//! | `https://...`, `http` | any HTTP endpoint, with a templated request |
//! | `webhook:URL` | an endpoint that takes `{prompt}` and answers `{output}` |
//! | `file://x.js`, `.cjs`, `.mjs`, `.py` | a script |
//! | `exec:COMMAND` | a program |
//! | `promptfoo:simulated-user`, `frontdesk:simulated-customer` | a customer played by a model |
//! | `frontdesk:AGENT` | frontdesk's pipeline, provided by the caller |

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::policy::{Permit, Policy, Reach, process_env};
use super::result::{Response, Tokens};
use super::script::Scripts;
use super::spec::{Case, TargetSpec, Vars};
use super::template::Templates;

mod answer;
mod anthropic;
mod cache;
mod cached;
mod customer;
mod echo;
mod exec;
mod http;
mod known;
mod openai;
mod prices;
mod script;
mod settings;
mod simulated;
mod webhook;

pub use cache::Cache;
pub use customer::Customer;
pub(super) use http::client;
pub use simulated::{is_simulated, named};

/// Environment variables that change a target's endpoint.
const ADDRESSES: [&str; 4] =
    ["OPENAI_BASE_URL", "OPENAI_API_BASE_URL", "OPENAI_API_HOST", "ANTHROPIC_BASE_URL"];

/// A target: answers prompts.
#[async_trait]
pub trait Target: Send + Sync {
    /// Answers one prompt. A failure is in the response's `error`.
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response;

    /// The embedding interface, if the target has one.
    fn embeds(&self) -> Option<&dyn Embeds> {
        None
    }

    /// The classification interface, if the target has one.
    fn classifies(&self) -> Option<&dyn Classifies> {
        None
    }

    /// The moderation interface, if the target has one.
    fn moderates(&self) -> Option<&dyn Moderates> {
        None
    }
}

/// A request to a target.
pub struct TargetRequest<'a> {
    /// The rendered prompt: text, or chat messages as JSON.
    pub prompt: &'a str,
    /// The variables that it was rendered with.
    pub vars: &'a Vars,
    /// The case; `None` for a grader.
    pub case: Option<&'a Case>,
    /// Settings of the prompt and the case; they override the target's own.
    pub config: &'a Value,
    /// Number of the repetition, from 0. Each repetition is cached separately.
    pub repeat: usize,
}

/// Why a target returned no embedding, labels or moderation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The request is invalid; retrying would not help.
    #[error("{0}")]
    Unusable(String),
    /// The request failed; a retry may succeed.
    #[error("{0}")]
    Failed(String),
    /// The response lacks what was asked for.
    #[error("{0}")]
    Malformed(String),
}

impl From<AskError> for String {
    /// The message for reports.
    fn from(error: AskError) -> Self {
        error.to_string()
    }
}

/// Why a target cannot be opened as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// Computes embeddings.
#[async_trait]
pub trait Embeds: Send + Sync {
    /// Returns the embedding of a text, with tokens and cost in US dollars.
    async fn embed(&self, text: &str) -> Result<(Vec<f64>, Tokens, f64), AskError>;
}

/// Classifies texts.
#[async_trait]
pub trait Classifies: Send + Sync {
    /// Returns labels with their confidence, 0 to 1.
    async fn classify(&self, text: &str) -> Result<Vec<(String, f64)>, AskError>;
}

/// Detects harmful content.
#[async_trait]
pub trait Moderates: Send + Sync {
    /// Returns the flagged categories of an answer with their confidence, 0 to 1.
    async fn moderate(&self, question: &str, answer: &str) -> Result<Vec<(String, f64)>, AskError>;
}

/// Opens targets with the prefix `frontdesk:`, which this crate does not know.
pub trait Opens: Send + Sync {
    /// Opens a target. The error says what is wrong with the spec.
    fn open(&self, spec: &TargetSpec, targets: &Targets) -> Result<Arc<dyn Target>, OpenError>;
}

/// Opens targets from their specs, as far as the policy allows.
#[derive(Clone)]
pub struct Targets {
    /// The folder that `file://` paths are relative to.
    pub base: PathBuf,
    /// The suite's environment.
    pub env: Vars,
    /// Runs scripts. Its policy also applies to the targets.
    pub scripts: Arc<Scripts>,
    /// The cache of answers; `None` for no caching.
    pub cache: Option<Arc<Cache>>,
    /// Opens the targets with the prefix `frontdesk:`.
    pub frontdesk_opener: Option<Arc<dyn Opens>>,
    /// Name of frontdesk's own model.
    pub model: Option<String>,
}

impl Targets {
    /// Targets without a cache and without frontdesk's pipeline.
    pub fn new(base: PathBuf, env: Vars, scripts: Arc<Scripts>) -> Self {
        Self { base, env, scripts, cache: None, frontdesk_opener: None, model: None }
    }

    /// Returns a copy for what an API request itself names: `allow_code` does not apply to it.
    #[must_use]
    pub fn for_requests(&self) -> Self {
        let policy = self.policy().for_requests();
        let scripts = Arc::new(Scripts::new(&policy, &self.base, &self.env));
        Self { scripts, ..self.clone() }
    }

    /// The default chat model: `id`, or frontdesk's own model when its endpoint is used, which may
    /// offer no other.
    pub fn default_chat_spec(&self, id: &str) -> TargetSpec {
        let spec = TargetSpec { id: id.into(), ..TargetSpec::default() };
        match (self.policy().target(&spec), &self.model) {
            (Ok(Reach::Model(_)), Some(model)) => {
                TargetSpec { id: format!("openai:chat:{model}"), ..spec }
            }
            _ => spec,
        }
    }

    /// What the suite may do.
    pub fn policy(&self) -> &Policy {
        self.scripts.policy()
    }

    /// Templates with the environment that they may see.
    pub fn templates(&self) -> Templates {
        Templates::new(self.policy().shown_env(&self.env))
    }

    /// Opens a target. The error says what is wrong and lists the known ids.
    pub fn open(&self, spec: &TargetSpec) -> Result<Arc<dyn Target>, String> {
        let target = self.make(spec)?;
        let costs = ["openai:", "anthropic:", "http", "webhook:"];
        let costs = costs.iter().any(|kind| spec.id.starts_with(kind));
        Ok(if costs { self.with_cache(spec, target) } else { target })
    }

    /// Opens a grader. All graders use the cache, so that the same answer gets the same grade.
    pub fn open_grader(&self, spec: &TargetSpec) -> Result<Arc<dyn Target>, String> {
        let target = self.make(spec)?;
        Ok(if spec.id == "echo" { target } else { self.with_cache(spec, target) })
    }

    /// Opens a simulated customer that talks to `original`, for a case whose own provider is one;
    /// see [`is_simulated`]. `model` is the default model to play the customer.
    pub fn open_simulated(
        &self,
        spec: &TargetSpec,
        original: Arc<dyn Target>,
        model: Option<Arc<dyn Target>>,
    ) -> Result<Arc<dyn Target>, String> {
        simulated::open(spec, self, Some(original), model)
    }

    /// Returns a variable of the target's or the suite's environment, else of the process if the
    /// target may read that. Empty counts as unset.
    pub fn env(&self, spec: &TargetSpec, name: &str) -> Option<String> {
        let written = spec.env.get(name).or_else(|| self.env.get(name));
        let process = || match self.policy().target(spec) {
            Ok(Reach::Anywhere(permit) | Reach::Named(permit)) => process_env(name, permit),
            _ => None,
        };
        let found = match written {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Null) | None => process(),
            Some(other) => Some(other.to_string()),
        };
        found.filter(|text| !text.trim().is_empty())
    }

    fn with_cache(&self, spec: &TargetSpec, target: Arc<dyn Target>) -> Arc<dyn Target> {
        match &self.cache {
            Some(cache) => {
                let mut surroundings = ADDRESSES.map(|name| self.env(spec, name));
                if let Ok(Reach::Model(access)) = self.policy().target(spec) {
                    surroundings[0] = Some(access.base_url);
                }
                Arc::new(cached::CachedTarget::new(target, Arc::clone(cache), spec, &surroundings))
            }
            None => target,
        }
    }

    fn make(&self, spec: &TargetSpec) -> Result<Arc<dyn Target>, String> {
        let id = spec.id.as_str();
        if !known::is_kind(id) {
            return Err(known::unknown(id));
        }
        match self.policy().target(spec).map_err(|refused| refused.to_string())? {
            Reach::Inside => self.inside(spec),
            Reach::Anywhere(permit) => self.outside(spec, permit),
            Reach::Named(permit) => {
                // Ignore the suite's environment: it could send a key of the process to another
                // server.
                Self { env: Vars::new(), ..self.clone() }.outside(spec, permit)
            }
            Reach::Model(access) => openai::at(spec, access),
        }
    }

    /// Opens a target that needs no permit.
    fn inside(&self, spec: &TargetSpec) -> Result<Arc<dyn Target>, String> {
        if is_simulated(spec) {
            return simulated::open(spec, self, None, None);
        }
        match (&self.frontdesk_opener, spec.id.as_str()) {
            (_, "echo") => Ok(Arc::new(echo::Echo)),
            (Some(desk), _) => desk.open(spec, self).map_err(|OpenError(why)| why),
            (None, id) => Err(format!("`{id}` cannot be asked here: this run has no agents")),
        }
    }

    /// Opens a target that runs a program or calls a URL.
    fn outside(&self, spec: &TargetSpec, permit: Permit) -> Result<Arc<dyn Target>, String> {
        match spec.id.split(':').next().unwrap_or_default() {
            "openai" => openai::open(spec, self, permit),
            "anthropic" => anthropic::open(spec, self, permit),
            "http" | "https" => http::open(spec, self, permit),
            "webhook" => webhook::open(spec, permit),
            "file" => script::open(spec, self),
            "exec" => exec::open(spec, self, permit),
            _ => Err(known::unknown(&spec.id)),
        }
    }
}
