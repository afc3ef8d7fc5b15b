//! What a run may take: asked before anything of it is made, and while its rows are written.

use std::sync::Arc;

use super::super::check::Kit;
use super::super::suite::Suite;
use super::super::target::Target;
use super::{Error, Plan, Run};

/// Whether a run is within its bounds, and its filters are right; the error says what is not. Nothing is run.
pub fn check(
    suite: &Suite,
    kit: &Kit,
    targets: &[Arc<dyn Target>],
    plan: &Plan,
) -> Result<(), Error> {
    Run::new(suite, kit, targets, plan)?.bounded()
}

impl Run<'_> {
    /// Whether repetitions, cases at once and rows are within their bounds.
    pub(super) fn bounded(&self) -> Result<(), Error> {
        let limits = self.kit.targets.policy().limits();
        let repeat = self.cases.iter().map(|at| self.repeats(&self.suite.cases[*at])).max();
        let bounds = [
            ("repeat", repeat.unwrap_or(1), limits.repeat),
            ("concurrency", self.concurrency(), limits.concurrency),
        ];
        for (name, wanted, most) in bounds {
            if wanted > most {
                return Err(Error::Bounds(format!("`{name}` is {wanted}: it may be 1 to {most}")));
            }
        }
        if !self.suite.derived.is_empty() {
            // They are expressions of JavaScript: better said now than when all rows are there.
            let permit = self.kit.targets.policy().code("`derivedMetrics`");
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

    /// Why a run with so many bytes of rows goes no further.
    pub(super) fn too_much(&self, bytes: u64) -> Option<String> {
        let most = self.kit.targets.policy().limits().journal_bytes;
        let most = self.plan.most_bytes.unwrap_or(most);
        (bytes > most).then(|| {
            format!(
                "its rows take more than {} MB: it was stopped, and those so far are kept. Run fewer cases at a time",
                most >> 20
            )
        })
    }
}
