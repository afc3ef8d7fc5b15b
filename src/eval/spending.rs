//! Money of a suite that a desk runs for somebody: each row is counted as a trial, and the run ends where nothing is left.

use std::time::Duration;

use frontdesk_promptfoo::row::EvalRow;
use frontdesk_promptfoo::run::{Progress, grading};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::desk::Desk;
use crate::domain::Usage;
use crate::domain::trial::TrialKind;
use crate::pipeline::BudgetTier;

/// How often it is asked whether there is money left.
const LOOK: Duration = Duration::from_secs(2);

/// Tells what rows cost, and passes them on.
pub(super) struct MeteredProgress<'a> {
    pub(super) tell: UnboundedSender<Usage>,
    pub(super) inner: &'a dyn Progress,
}

impl Progress for MeteredProgress<'_> {
    fn begin(&self, total: usize) {
        self.inner.begin(total);
    }

    fn row(&self, row: &EvalRow) {
        // Who counts is there for as long as the run.
        self.tell.send(usage(row)).ok();
        self.inner.row(row);
    }

    fn done(&self) {
        self.inner.done();
    }
}

/// Counts what rows cost, until the run is over.
pub(super) async fn count(desk: &Desk, mut told: UnboundedReceiver<Usage>) {
    while let Some(usage) = told.recv().await {
        desk.count_trial(TrialKind::Evals, usage).await;
    }
}

/// Ends when there is no money left for trials.
pub(super) async fn spent(desk: &Desk) {
    loop {
        match desk.trial_tier().await {
            Ok(BudgetTier::Words) => {
                tracing::warn!("a run of evals was stopped: what trials may cost today is used up");
                return;
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "what is left for trials could not be read"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a row used: its target and its graders. An answer that was kept from an earlier run costs nothing.
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
