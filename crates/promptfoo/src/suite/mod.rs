//! A suite: prompts, targets and cases, read from a configuration in promptfoo's format. Data only; nothing here runs.
//!
//! The format is written down at <https://www.promptfoo.dev/docs/configuration/reference/>. What is written in a file is kept
//! as it is (`raw`), because reports show it again.

use std::path::PathBuf;

use serde_json::Value;

use super::context::Types;
use super::policy::Policy;

mod cases;
mod cell;
mod files;
mod load;
mod case_builder;
mod overrides;
mod matrix;
mod parse;
mod prompts;
mod refs;
mod source;
mod table;
mod targets;
mod types;
mod raw_case;
mod error;

pub use super::spec::{
    Assertion, Case, DerivedMetric, Prompt, RunOptions, ScriptedTurn, TargetSpec, Vars,
};
pub use error::SuiteError;
pub use overrides::Overrides;

/// A suite, ready to run: every reference resolved, every matrix and scenario multiplied out.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    /// The file that it was read from, as the caller named it.
    pub file: PathBuf,
    /// The folder that `file://` is relative to.
    pub base: PathBuf,
    /// What it may do.
    pub policy: Policy,
    /// The assertion types that there are.
    pub types: Types,
    /// What it says of itself.
    pub description: String,
    /// The prompts; `{{message}}` where none is written.
    pub prompts: Vec<Prompt>,
    /// What answers: promptfoo's providers.
    pub targets: Vec<TargetSpec>,
    /// The cases, in order.
    pub cases: Vec<Case>,
    /// Metrics that are computed of others, for each prompt and target.
    pub derived: Vec<DerivedMetric>,
    /// Values of `env`, which win over the process's environment.
    pub env: Vars,
    /// Files that hold filters of templates, by name.
    pub filters: Vars,
    /// How it wants to be run.
    pub options: RunOptions,
    /// Scripts that are called before and after all cases and each case.
    pub extensions: Vec<String>,
    /// What is odd about it, a sentence each.
    pub warnings: Vec<String>,
    /// The configuration as it is written, for reports: without what the environment puts into it.
    pub raw: Value,
}

impl Suite {
    /// Whether any of its targets is one of our own agents.
    pub fn asks_an_agent(&self) -> bool {
        let own = |spec: &TargetSpec| spec.id == "frontdesk" || spec.id.starts_with("frontdesk:");
        let of_case = |case: &Case| case.provider.as_deref().is_some_and(own);
        self.targets.iter().any(own) || self.cases.iter().any(of_case)
    }
}
