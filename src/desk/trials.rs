//! Spending on trials (sandbox, `/v1`, evals and generated prompts): what may still answer, and
//! what they cost. Counted in the database, so that all processes share one count.

use super::Desk;
use crate::domain::Usage;
use crate::domain::time::{DAY_MS, now_ms};
use crate::domain::trial::TrialKind;
use crate::metrics::count_usage;
use crate::pipeline::BudgetTier;
use crate::store::Result;

impl Desk {
    /// Returns what may answer a trial, given today's spending. [`BudgetTier::Words`] means that
    /// nothing is left.
    pub async fn trial_tier(&self) -> Result<BudgetTier> {
        let limits = &self.engine.budget;
        if !limits.has_trial_limit() {
            return Ok(BudgetTier::Full);
        }
        let today = now_ms() - now_ms().rem_euclid(DAY_MS);
        let (trials, turns) = self.store.trials_and_turns_since(today).await?;
        let micros = |sum: i64| u64::try_from(sum).unwrap_or(0);
        Ok(limits.trial_tier(micros(trials), micros(turns)))
    }

    /// Counts the cost of a trial. One that used no model is not counted.
    pub async fn count_trial(&self, kind: TrialKind, usage: Usage) {
        if usage == Usage::default() {
            return;
        }
        count_usage(kind.into(), usage);
        if let Err(error) = self.store.count_trial(kind, usage).await {
            tracing::error!(%error, "what a trial cost could not be counted");
        }
    }
}
