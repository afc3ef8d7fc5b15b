//! What a run may take: asked before anything of it is made, and while its rows are written.

use std::sync::Arc;

use serde_json::Value;

use super::super::check::GradingContext;
use super::super::policy::Limits;
use super::super::suite::{Case, Suite};
use super::super::target::Target;
use super::{Error, Plan, Run};

/// Cases at once where nothing is said.
const CONCURRENCY: usize = 4;

/// Whether a run is within its bounds, and its filters are right; the error says what is not. Nothing is run.
pub fn check(
    suite: &Suite,
    grading: &GradingContext,
    targets: &[Arc<dyn Target>],
    plan: &Plan,
) -> Result<(), Error> {
    Run::new(suite, grading, targets, plan)?.bounded()
}

impl Run<'_> {
    /// What it may take.
    fn limits(&self) -> &'static Limits {
        self.grading.targets.policy().limits()
    }

    /// Whether repetitions, cases at once and rows are within their bounds. What the suite itself says of the first two is cut to
    /// them: it may have been written for the command line.
    pub(super) fn bounded(&self) -> Result<(), Error> {
        let limits = self.limits();
        let bounds = [
            ("repeat", self.plan.repeat, limits.repeat),
            ("concurrency", self.plan.concurrency, limits.concurrency),
        ];
        for (name, wanted, most) in bounds {
            if let Some(wanted) = wanted.filter(|wanted| *wanted > most) {
                return Err(Error::Bounds(format!("`{name}` is {wanted}: it may be 1 to {most}")));
            }
        }
        if !self.suite.derived.is_empty() {
            // They are expressions of JavaScript: better said now than when all rows are there.
            let permit = self.grading.targets.policy().code("`derivedMetrics`");
            permit.map_err(|refused| Error::Bounds(refused.to_string()))?;
        }
        let (rows, most) = (self.total(), limits.rows);
        if rows > most {
            return Err(Error::Bounds(format!(
                "the run would have {rows} rows, and there may be {most}: run fewer cases, targets, prompts or repetitions"
            )));
        }
        Ok(())
    }

    /// Cases at once.
    pub(super) fn concurrency(&self) -> usize {
        let stores = |at: &usize| self.suite.cases[*at].options.contains_key("storeOutputAs");
        if self.places.iter().any(|place| place.remembers) || self.cases.iter().any(stores) {
            return 1;
        }
        let most = self.limits().concurrency;
        let own = self.suite.options.max_concurrency.map(|it| it.min(most));
        self.plan.concurrency.or(own).unwrap_or(CONCURRENCY).max(1)
    }

    /// How often a case is run.
    pub(super) fn repeats(&self, case: &Case) -> usize {
        let most = self.limits().repeat;
        let number = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
        let own = case.options.get("repeat").and_then(Value::as_u64).map(number);
        own.filter(|it| *it > 0)
            .map(|it| it.min(most))
            .or(self.plan.repeat)
            .or(self.suite.options.repeat.map(|it| it.min(most)))
            .unwrap_or(1)
            .max(1)
    }

    /// Why a run with so many bytes of rows goes no further.
    pub(super) fn too_much(&self, bytes: u64) -> Option<String> {
        let most = self.limits().journal_bytes;
        let most = self.plan.most_bytes.unwrap_or(most);
        (bytes > most).then(|| {
            format!(
                "its rows take more than {} MB: it was stopped, and those so far are kept. Run fewer cases at a time",
                most >> 20
            )
        })
    }
}
