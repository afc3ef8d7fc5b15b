//! Seam: what a suite asks, promptfoo's providers. Graders are targets, too.
//!
//! | id | what it is |
//! | --- | --- |
//! | `echo` | answers with the prompt |
//! | `openai:MODEL`, `openai:chat:`, `:completion:`, `:responses:`, `:embedding:`, `:moderation:` | OpenAI, or a server that speaks like it (`apiBaseUrl`) |
//! | `anthropic:messages:MODEL` | Anthropic |
//! | `https://...`, `http` | any HTTP endpoint, with templates for what is sent |
//! | `webhook:URL` | an endpoint that takes `{prompt}` and answers `{output}` |
//! | `file://x.js`, `.cjs`, `.mjs`, `.py` | a script |
//! | `exec:COMMAND` | a program |
//! | `promptfoo:simulated-user`, `frontdesk:simulated-customer` | a model that plays the customer |
//! | `frontdesk:AGENT` | our own pipeline, from whoever assembles the run |

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

/// What of the environment changes where a target is asked.
const ADDRESSES: [&str; 4] =
    ["OPENAI_BASE_URL", "OPENAI_API_BASE_URL", "OPENAI_API_HOST", "ANTHROPIC_BASE_URL"];

/// Answers prompts.
#[async_trait]
pub trait Target: Send + Sync {
    /// Answers one prompt. A failure is in the response's `error`.
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response;

    /// Its embeddings, when it has any.
    fn embeds(&self) -> Option<&dyn Embeds> {
        None
    }

    /// Its labels of texts, when it has any.
    fn classifies(&self) -> Option<&dyn Classifies> {
        None
    }

    /// Its judgement of what may be said, when it has any.
    fn moderates(&self) -> Option<&dyn Moderates> {
        None
    }
}

/// A request to a target.
pub struct TargetRequest<'a> {
    /// The prompt, rendered: text, or chat messages as JSON.
    pub prompt: &'a str,
    /// The variables that it was rendered with.
    pub vars: &'a Vars,
    /// The case, when it is asked for one; `None` for a grader.
    pub case: Option<&'a Case>,
    /// Settings of the prompt and the case, which win over the target's own.
    pub config: &'a Value,
    /// Which repetition, counted from 0: an answer of the cache is for one repetition.
    pub repeat: usize,
}

/// Why a target gives no vector, no labels or no judgement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It cannot be asked as it is written: it would fail another time, too.
    #[error("{0}")]
    Unusable(String),
    /// It was asked and failed; another time it may answer.
    #[error("{0}")]
    Failed(String),
    /// It answered without what was asked for.
    #[error("{0}")]
    Malformed(String),
}

impl From<AskError> for String {
    /// The reason, as a report shows it.
    fn from(error: AskError) -> Self {
        error.to_string()
    }
}

/// A target that cannot be made ready as it is written: it has to be written in another way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// Text to vector.
#[async_trait]
pub trait Embeds: Send + Sync {
    /// The vector of a text, with the tokens and dollars that it took.
    async fn embed(&self, text: &str) -> Result<(Vec<f64>, Tokens, f64), AskError>;
}

/// Text to labels.
#[async_trait]
pub trait Classifies: Send + Sync {
    /// Labels with how sure each is, 0 to 1.
    async fn classify(&self, text: &str) -> Result<Vec<(String, f64)>, AskError>;
}

/// Text to what is wrong with it.
#[async_trait]
pub trait Moderates: Send + Sync {
    /// Codes of what is wrong with an answer, each with how sure it is, 0 to 1; none when nothing is.
    async fn moderate(&self, question: &str, answer: &str) -> Result<Vec<(String, f64)>, AskError>;
}

/// Makes targets of specs that begin with `frontdesk:`, which need more than this module knows.
pub trait Opens: Send + Sync {
    /// Makes one ready. The error says what is wrong with it.
    fn open(&self, spec: &TargetSpec, targets: &Targets) -> Result<Arc<dyn Target>, OpenError>;
}

/// Makes targets of what is written of them, as far as the policy lets them reach.
#[derive(Clone)]
pub struct Targets {
    /// The folder that `file://` is relative to.
    pub base: PathBuf,
    /// The suite's environment.
    pub env: Vars,
    /// What runs scripts. Its policy is that of the targets, too.
    pub scripts: Arc<Scripts>,
    /// Answers that need not be paid for again; `None` asks every time.
    pub cache: Option<Arc<Cache>>,
    /// Makes the targets that begin with `frontdesk:`.
    pub desk: Option<Arc<dyn Opens>>,
    /// The desk's own model.
    pub model: Option<String>,
}

impl Targets {
    /// Targets without a cache and without our own pipeline.
    pub fn new(base: PathBuf, env: Vars, scripts: Arc<Scripts>) -> Self {
        Self { base, env, scripts, cache: None, desk: None, model: None }
    }

    /// The same for what the suite does not name itself, whose permission to run code is not for it.
    #[must_use]
    pub fn for_requests(&self) -> Self {
        let policy = self.policy().for_requests();
        let scripts = Arc::new(Scripts::new(&policy, &self.base, &self.env));
        Self { scripts, ..self.clone() }
    }

    /// A chat model where nobody names one: this, but the desk's own where its endpoint is asked, which may have no other.
    pub fn usual_chat(&self, id: &str) -> TargetSpec {
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

    /// Templates with what of the environment they may see.
    pub fn templates(&self) -> Templates {
        Templates::new(self.policy().shown_env(&self.env))
    }

    /// Makes a target ready. The error says what is wrong with it, and which there are.
    pub fn open(&self, spec: &TargetSpec) -> Result<Arc<dyn Target>, String> {
        let target = self.make(spec)?;
        let costs = ["openai:", "anthropic:", "http", "webhook:"];
        let costs = costs.iter().any(|kind| spec.id.starts_with(kind));
        Ok(if costs { self.remembered(spec, target) } else { target })
    }

    /// Makes a grader ready. Its answers come from the cache, whatever it is: the same answer is graded the same.
    pub fn open_grader(&self, spec: &TargetSpec) -> Result<Arc<dyn Target>, String> {
        let target = self.make(spec)?;
        Ok(if spec.id == "echo" { target } else { self.remembered(spec, target) })
    }

    /// Makes a simulated customer that talks to `original`, where the case's own provider is one: see [`is_simulated`].
    /// `model` plays the customer where nothing else is named.
    pub fn open_simulated(
        &self,
        spec: &TargetSpec,
        original: Arc<dyn Target>,
        model: Option<Arc<dyn Target>>,
    ) -> Result<Arc<dyn Target>, String> {
        simulated::open(spec, self, Some(original), model)
    }

    /// A name of the suite's environment, else of the process's where the target may reach there; empty counts as not set.
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

    fn remembered(&self, spec: &TargetSpec, target: Arc<dyn Target>) -> Arc<dyn Target> {
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
                // The suite's environment could lead a key of the process's elsewhere.
                Self { env: Vars::new(), ..self.clone() }.outside(spec, permit)
            }
            Reach::Model(access) => openai::at(spec, access),
        }
    }

    /// A target of this process.
    fn inside(&self, spec: &TargetSpec) -> Result<Arc<dyn Target>, String> {
        if is_simulated(spec) {
            return simulated::open(spec, self, None, None);
        }
        match (&self.desk, spec.id.as_str()) {
            (_, "echo") => Ok(Arc::new(echo::Echo)),
            (Some(desk), _) => desk.open(spec, self).map_err(|OpenError(why)| why),
            (None, id) => Err(format!("`{id}` cannot be asked here: this run has no desk")),
        }
    }

    /// A target that runs something, or is at an address.
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
