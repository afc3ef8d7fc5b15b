//! Seam: what a suite asks, promptfoo's providers. Graders are targets, too.
//!
//! | id | what it is |
//! | --- | --- |
//! | `echo` | answers with the prompt |

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::graded::{Response, Tokens};
use super::script::Scripts;
use super::suite::{Case, TargetSpec, Vars};

mod echo;

/// Answers prompts.
#[async_trait]
pub trait Target: Send + Sync {
    /// Answers one prompt. A failure is in the response's `error`.
    async fn ask(&self, asked: &Asked<'_>) -> Response;

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

/// What a target is asked.
pub struct Asked<'a> {
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

/// Text to vector.
#[async_trait]
pub trait Embeds: Send + Sync {
    /// The vector of a text, with the tokens and dollars that it took.
    async fn embed(&self, text: &str) -> Result<(Vec<f64>, Tokens, f64), String>;
}

/// Text to labels.
#[async_trait]
pub trait Classifies: Send + Sync {
    /// Labels with how sure each is, 0 to 1.
    async fn classify(&self, text: &str) -> Result<Vec<(String, f64)>, String>;
}

/// Text to what is wrong with it.
#[async_trait]
pub trait Moderates: Send + Sync {
    /// Codes of what is wrong with an answer, each with how sure it is, 0 to 1; none when nothing is.
    async fn moderate(&self, question: &str, answer: &str) -> Result<Vec<(String, f64)>, String>;
}

/// Makes targets of what is written of them.
pub struct Targets {
    /// The folder that `file://` is relative to.
    pub base: PathBuf,
    /// The suite's environment.
    pub env: Vars,
    /// What runs scripts.
    pub scripts: Arc<Scripts>,
}

impl Targets {
    /// Makes a target ready. The error says what is wrong with it, and which there are.
    pub fn open(&self, spec: &TargetSpec) -> Result<Arc<dyn Target>, String> {
        match spec.id.as_str() {
            "echo" => Ok(Arc::new(echo::Echo)),
            other => Err(format!("there is no provider `{other}`")),
        }
    }
}
