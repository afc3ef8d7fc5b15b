//! Limits of a run, checked before it starts and while its rows are written.

use std::sync::Arc;

use serde_json::Value;

use super::super::check::GradingContext;
use super::super::policy::Limits;
use super::super::suite::{Case, Suite};
use super::super::target::Target;
use super::{Error, Plan, Run};

/// Default number of cases that run at once.
const CONCURRENCY: usize = 4;

/// Checks the limits and the filters of a run without running it.
pub fn check(
    suite: &Suite,
    grading: &GradingContext,
    targets: &[Arc<dyn Target>],
    plan: &Plan,
) -> Result<(), Error> {
    Run::new(suite, grading, targets, plan)?.check_limits()
}

impl Run<'_> {
    fn limits(&self) -> &'static Limits {
        self.grading.targets.policy().limits()
    }

    /// Checks repetitions, concurrency and the number of rows. The suite's own repetitions and
    /// concurrency are clamped instead: it may have been written for the command line.
    pub(super) fn check_limits(&self) -> Result<(), Error> {
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
            // Derived metrics are JavaScript; fail now and not after all rows ran.
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

    /// Number of cases that run at once; 1 when rows depend on earlier rows.
    pub(super) fn concurrency(&self) -> usize {
        let stores = |at: &usize| self.suite.cases[*at].options.contains_key("storeOutputAs");
        if self.places.iter().any(|place| place.uses_conversation) || self.cases.iter().any(stores)
        {
            return 1;
        }
        let most = self.limits().concurrency;
        let own = self.suite.options.max_concurrency.map(|it| it.min(most));
        self.plan.concurrency.or(own).unwrap_or(CONCURRENCY).max(1)
    }

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

    /// Why a run with `bytes` of rows stops; `None` within the limit.
    pub(super) fn size_limit_exceeded(&self, bytes: u64) -> Option<String> {
        let most = self.limits().journal_bytes;
        let most = self.plan.max_bytes.unwrap_or(most);
        (bytes > most).then(|| {
            format!(
                "its rows take more than {} MB, and those so far are kept; run fewer cases at a time",
                most >> 20
            )
        })
    }
}
