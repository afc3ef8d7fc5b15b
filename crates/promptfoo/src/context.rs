//! The contexts in which assertions are graded, and the registry of assertion types.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::result::{GradingResult, Response};
use super::script::Scripts;
use super::spec::{Assertion, Case, Vars};
use super::target::{Target, Targets};
use super::template::Templates;

/// What all rows of a run share: templates, scripts, targets and the default grader.
pub struct GradingContext {
    /// The folder that `file://` paths are relative to.
    pub base: PathBuf,
    /// Renders templates.
    pub templates: Templates,
    /// Runs scripts.
    pub scripts: Arc<Scripts>,
    /// Opens graders from their specs.
    pub targets: Arc<Targets>,
    /// The default grader of the run, for example from `--grader`.
    pub grader: Option<Arc<dyn Target>>,
    /// The known assertion types.
    pub types: Types,
    /// Whether promptfoo's quirks that would let a wrong answer pass are reported as failures.
    pub strict: bool,
}

/// A case with its response, as its assertions see it.
#[derive(Clone, Copy)]
pub struct CaseContext<'a> {
    /// The answer after the transforms of the target and the case.
    pub output: &'a Value,
    /// The rendered prompt.
    pub prompt: &'a str,
    /// The variables.
    pub vars: &'a Vars,
    /// The case.
    pub case: &'a Case,
    /// The response as the target returned it.
    pub response: &'a Response,
    /// Latency in milliseconds; `None` when no target was called.
    pub latency_ms: Option<f64>,
    /// The grading context of the run.
    pub grading: &'a GradingContext,
}

/// Assertion types that a caller adds.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The type names, without `not-`.
    pub names: &'static [&'static str],
    /// Grades an assertion with an unrendered value; `None` when its type is not in this family.
    pub check: fn(&Assertion, CaseContext<'_>) -> Option<GradingResult>,
}

/// The known assertion types: promptfoo's and added families.
#[derive(Debug, Clone)]
pub struct Types {
    own: Arc<[&'static str]>,
    added: Arc<[Family]>,
}

impl Types {
    /// A registry of these names only, without `not-`.
    pub(super) fn of(names: impl Iterator<Item = &'static str>) -> Self {
        Self { own: names.collect(), added: Arc::default() }
    }

    /// Returns a copy with one more family.
    #[must_use]
    pub fn with(&self, family: Family) -> Self {
        let added = self.added.iter().copied().chain([family]).collect();
        Self { own: Arc::clone(&self.own), added }
    }

    /// All type names, without `not-`.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let added = self.added.iter().flat_map(|family| family.names.iter().copied());
        self.own.iter().copied().chain(added)
    }

    /// Whether a type of this name exists, without `not-`.
    pub(super) fn knows(&self, name: &str) -> bool {
        name.starts_with(Assertion::ATTACK) || self.names().any(|one| one == name)
    }

    pub(super) fn added(&self) -> impl Iterator<Item = &Family> {
        self.added.iter()
    }
}
