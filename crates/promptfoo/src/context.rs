//! The contexts in which assertions are checked, and the set of assertion types.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::result::{GradingResult, Response};
use super::script::Scripts;
use super::spec::{Assertion, Case, Vars};
use super::target::{Target, Targets};
use super::template::Templates;

/// Shared by all rows of a run: templates, scripts, targets and the default grader.
pub struct GradingContext {
    /// The folder that `file://` is relative to.
    pub base: PathBuf,
    /// Templates.
    pub templates: Templates,
    /// Scripts.
    pub scripts: Arc<Scripts>,
    /// Opens graders from their specs.
    pub targets: Arc<Targets>,
    /// The grader of the whole run, such as from `--grader`.
    pub grader: Option<Arc<dyn Target>>,
    /// The assertion types that there are.
    pub types: Types,
    /// Report promptfoo's quirks as failures, where they would let something pass that does not hold.
    pub strict: bool,
}

/// One case with its response: what its assertions are checked on.
#[derive(Clone, Copy)]
pub struct CaseContext<'a> {
    /// The answer, after the transforms of target and case.
    pub output: &'a Value,
    /// The prompt as it was sent.
    pub prompt: &'a str,
    /// The variables.
    pub vars: &'a Vars,
    /// The case.
    pub case: &'a Case,
    /// The response as it came.
    pub response: &'a Response,
    /// Milliseconds; `None` where nobody was asked.
    pub latency_ms: Option<f64>,
    /// What all rows of the run share.
    pub grading: &'a GradingContext,
}

/// Assertion types that a caller adds.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Their names, without `not-`.
    pub names: &'static [&'static str],
    /// Tries an assertion whose value is not rendered yet; `None` for what is not of this family.
    pub check: fn(&Assertion, CaseContext<'_>) -> Option<GradingResult>,
}

/// The assertion types that there are: promptfoo's, and what was added.
#[derive(Debug, Clone)]
pub struct Types {
    own: Arc<[&'static str]>,
    added: Arc<[Family]>,
}

impl Types {
    /// Types of these names alone, without `not-`.
    pub(super) fn of(names: impl Iterator<Item = &'static str>) -> Self {
        Self { own: names.collect(), added: Arc::default() }
    }

    /// The same with one family more.
    #[must_use]
    pub fn with(&self, family: Family) -> Self {
        let added = self.added.iter().copied().chain([family]).collect();
        Self { own: Arc::clone(&self.own), added }
    }

    /// Every name that there is, without `not-`.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let added = self.added.iter().flat_map(|family| family.names.iter().copied());
        self.own.iter().copied().chain(added)
    }

    /// Whether there is a type of this name, without `not-`.
    pub(super) fn knows(&self, name: &str) -> bool {
        name.starts_with(Assertion::ATTACK) || self.names().any(|one| one == name)
    }

    /// What was added.
    pub(super) fn added(&self) -> impl Iterator<Item = &Family> {
        self.added.iter()
    }
}
