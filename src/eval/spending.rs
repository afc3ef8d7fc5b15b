//! Meters a suite's cost: each row counts as a trial of the desk, and the run stops when the trial
//! budget is used up.

use std::time::Duration;

use frontdesk_promptfoo::row::EvalRow;
use frontdesk_promptfoo::run::{Progress, grading};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::desk::Desk;
use crate::domain::Usage;
use crate::domain::trial::TrialKind;
use crate::pipeline::BudgetTier;

/// Interval for checking the trial budget.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Reports the usage of each row and forwards the progress.
pub(super) struct MeteredProgress<'a> {
    pub(super) tell: UnboundedSender<Usage>,
    pub(super) inner: &'a dyn Progress,
}

impl Progress for MeteredProgress<'_> {
    fn begin(&self, total: usize) {
        self.inner.begin(total);
    }

    fn row(&self, row: &EvalRow) {
        // The receiver lives as long as the run.
        self.tell.send(usage(row)).ok();
        self.inner.row(row);
    }

    fn done(&self) {
        self.inner.done();
    }
}

/// Records the usage of rows until the run ends.
pub(super) async fn count(desk: &Desk, mut told: UnboundedReceiver<Usage>) {
    while let Some(usage) = told.recv().await {
        desk.count_trial(TrialKind::Evals, usage).await;
    }
}

/// Returns when the trial budget is used up, with that reason.
pub(super) async fn wait_until_budget_exhausted(desk: &Desk) -> String {
    loop {
        match desk.trial_tier().await {
            Ok(BudgetTier::Words) => {
                tracing::warn!("a run of evals was stopped: what trials may cost today is used up");
                return "what trials may cost today is used up ([budget] sandbox_day, or day)"
                    .into();
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "what is left for trials could not be read"),
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Usage of a row: its target and its graders. A cached answer costs nothing.
fn usage(row: &EvalRow) -> Usage {
    let (asked, (graded, _)) = (row.token_usage, grading(row));
    Usage {
        input_tokens: asked.prompt.saturating_add(graded.prompt),
        output_tokens: asked.completion.saturating_add(graded.completion),
        cost_micros: micros(row.cost),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
#[expect(clippy::cast_sign_loss, reason = "below 0 it is 0")]
fn micros(dollars: f64) -> u64 {
    (dollars * 1e6).round() as u64
}
