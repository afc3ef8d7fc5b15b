//! A suite: prompts, targets and cases, read from a configuration in promptfoo's format. Data only;
//! nothing here runs.
//!
//! The format is specified at <https://www.promptfoo.dev/docs/configuration/reference/>. `raw`
//! fields keep the configuration as written, because reports show it.

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

/// A suite, ready to run: every reference is resolved, every matrix and scenario expanded.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    /// The file that it was read from, as the caller named it.
    pub file: PathBuf,
    /// The folder that `file://` paths are relative to.
    pub base: PathBuf,
    /// What the suite may do.
    pub policy: Policy,
    /// The known assertion types.
    pub types: Types,
    /// Description of the suite.
    pub description: String,
    /// The prompts; without any written, `{{message}}` or `{{prompt}}`.
    pub prompts: Vec<Prompt>,
    /// The targets: promptfoo's providers.
    pub targets: Vec<TargetSpec>,
    /// The cases, in order.
    pub cases: Vec<Case>,
    /// Derived metrics, computed for each prompt and target.
    pub derived: Vec<DerivedMetric>,
    /// The suite's `env`; overrides the process environment.
    pub env: Vars,
    /// Files that export template filters, by filter name.
    pub filters: Vars,
    /// Run options of the suite.
    pub options: RunOptions,
    /// Scripts that run before and after all cases and each case.
    pub extensions: Vec<String>,
    /// Warnings, one sentence each.
    pub warnings: Vec<String>,
    /// The configuration as written, for reports; environment variables are not inserted.
    pub raw: Value,
}

impl Suite {
    /// Whether any target is one of frontdesk's agents.
    pub fn asks_an_agent(&self) -> bool {
        let own = |spec: &TargetSpec| spec.id == "frontdesk" || spec.id.starts_with("frontdesk:");
        let of_case = |case: &Case| case.provider.as_deref().is_some_and(own);
        self.targets.iter().any(own) || self.cases.iter().any(of_case)
    }
}
