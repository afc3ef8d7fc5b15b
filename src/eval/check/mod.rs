//! What must hold of an answer: every assertion type, one file a family.

use super::graded::{Graded, Response};
use super::script::Scripts;
use super::suite::{Case, Vars};
use super::target::{Target, Targets};
use super::template::Templates;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// What assertions are tried with: the same for all rows of a run.
pub struct Kit {
    /// The folder that `file://` is relative to.
    pub base: PathBuf,
    /// Templates.
    pub templates: Templates,
    /// Scripts.
    pub scripts: Arc<Scripts>,
    /// Makes graders of what is written of them.
    pub targets: Arc<Targets>,
    /// The grader that was named for the whole run, such as by `--grader`.
    pub grader: Option<Arc<dyn Target>>,
    /// Report promptfoo's quirks as failures, where they would let something pass that does not hold.
    pub strict: bool,
}

/// What a case's assertions are tried on.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
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
    /// What they are tried with.
    pub kit: &'a Kit,
}

/// Tries all assertions of a case, and weighs them together. `select-best` and `max-score` are left to the runner.
pub async fn grade(scene: Scene<'_>) -> Graded {
    let _ = scene;
    Graded::skipped("assertions cannot be tried yet")
}
