//! Decides which models may be called, from today's cost and the cost of a turn. Pure: queries
//! nothing and calls no model.
//!
//! From 80% of a daily limit on, a cheaper model answers; from the limit on, sentences quoted from
//! the documents, or a person if those hold no answer. A turn above its own limit falls back
//! likewise.

use serde::{Deserialize, Serialize};

use crate::domain::Prompt;
use crate::llm::ModelKind;

/// Share of a daily limit from which on the cheaper model is used, 0 to 1.
const FULL: f64 = 0.8;
/// Micro-dollars per dollar.
const MICROS: f64 = 1_000_000.0;

/// Limits on model cost in dollars, as configured; 0 means no limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Maximum cost of one turn.
    pub turn: f64,
    /// Maximum cost of one agent's turns per UTC day.
    pub agent_day: f64,
    /// Maximum cost of all turns per UTC day.
    pub day: f64,
    /// Name of the model used near a limit; empty if there is none.
    pub cheap_model: String,
    /// Maximum cost of all trials per UTC day: sandbox, chat completions, evals over the API,
    /// prompts.
    // Older recordings lack this field and the next.
    #[serde(default)]
    pub sandbox_day: f64,
    /// Maximum prompts per day that the model writes for users who describe their business.
    #[serde(default)]
    pub prompts_a_day: u32,
}

/// Cost so far today, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DailySpend {
    /// Cost of the agent.
    pub agent: u64,
    /// Cost of all agents.
    pub all: u64,
}

/// What the remaining budget pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetTier {
    /// The agent's own model.
    #[default]
    Full,
    /// A cheaper model.
    Cheap,
    /// Sentences quoted from the documents, without a model.
    Words,
}

impl Settings {
    /// Returns an error that names the first invalid limit.
    pub fn check(&self) -> Result<(), String> {
        let limits = [
            ("turn", self.turn),
            ("agent_day", self.agent_day),
            ("day", self.day),
            ("sandbox_day", self.sandbox_day),
        ];
        match limits.iter().find(|(_, limit)| !(limit.is_finite() && *limit >= 0.0)) {
            Some((key, _)) => Err(format!("{key} must be 0 (no limit) or more: dollars")),
            None => Ok(()),
        }
    }

    /// Whether any cost limit is set.
    pub fn limits_money(&self) -> bool {
        self.turn > 0.0 || self.has_daily_limit() || self.has_trial_limit()
    }

    /// Whether trials have a cost limit.
    pub fn has_trial_limit(&self) -> bool {
        self.sandbox_day > 0.0 || self.day > 0.0
    }

    /// Returns a trial's tier from today's cost of trials and of customers' turns, in
    /// micro-dollars. Trials have their own limit and share the daily one; they do not count for
    /// customers' turns.
    pub fn trial_tier(&self, trials: u64, turns: u64) -> BudgetTier {
        let all = trials.saturating_add(turns);
        tier_of(share(trials, self.sandbox_day).max(share(all, self.day)))
    }

    /// Whether a daily limit is set.
    pub fn has_daily_limit(&self) -> bool {
        self.agent_day > 0.0 || self.day > 0.0
    }

    /// Returns the tier of a turn from today's cost.
    pub fn tier(&self, spent: DailySpend) -> BudgetTier {
        tier_of(share(spent.agent, self.agent_day).max(share(spent.all, self.day)))
    }

    /// Whether one turn may cost this much, in micro-dollars.
    pub(super) fn allows(&self, cost_micros: u64) -> bool {
        self.turn <= 0.0 || share(cost_micros, self.turn) <= 1.0
    }

    /// Returns the models to try; the first that the turn can afford is called. Empty: no model.
    pub(super) fn models<'a>(&'a self, own: &'a str, tier: BudgetTier) -> Vec<&'a str> {
        let cheap = Some(self.cheap_model.as_str()).filter(|cheap| !cheap.is_empty());
        let mut models = match tier {
            BudgetTier::Full => vec![own],
            BudgetTier::Cheap if cheap.is_none() => vec![own],
            BudgetTier::Cheap => Vec::new(),
            BudgetTier::Words => return Vec::new(),
        };
        models.extend(cheap.filter(|cheap| *cheap != own || models.is_empty()));
        models
    }
}

/// Returns the maximum cost of this prompt, in micro-dollars; 0 if no price is known.
pub(super) fn estimate(kind: ModelKind, prompt: &Prompt) -> u64 {
    let price = kind.window().and_then(|window| window.price);
    let (input, output) = (u64::from(prompt.tokens), u64::from(prompt.max_output_tokens));
    price.map_or(0, |price| price.micros(input, output))
}

/// Returns the tier for the used share of a limit.
fn tier_of(used: f64) -> BudgetTier {
    if used >= 1.0 {
        BudgetTier::Words
    } else if used >= FULL {
        BudgetTier::Cheap
    } else {
        BudgetTier::Full
    }
}

/// Returns the used share of a limit; 0 if there is no limit.
#[expect(clippy::cast_precision_loss, reason = "nobody spends 2^52 millionths of a dollar")]
fn share(micros: u64, limit: f64) -> f64 {
    if limit > 0.0 { micros as f64 / (limit * MICROS) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn unlimited() -> Settings {
        Config::from_toml("").unwrap().budget
    }

    fn day(agent_day: f64, day: f64) -> Settings {
        Settings { agent_day, day, cheap_model: "small".into(), ..unlimited() }
    }

    #[test]
    fn a_day_goes_from_the_own_model_to_a_cheaper_one_to_none() {
        let spent = |agent, all| DailySpend { agent, all };
        let limits = day(1.0, 10.0);
        assert_eq!(limits.tier(spent(799_999, 0)), BudgetTier::Full);
        assert_eq!(limits.tier(spent(800_000, 0)), BudgetTier::Cheap);
        assert_eq!(limits.tier(spent(1_000_000, 0)), BudgetTier::Words);
        assert_eq!(limits.tier(spent(0, 8_000_000)), BudgetTier::Cheap, "all agents together");
        assert_eq!(limits.tier(spent(0, 10_000_000)), BudgetTier::Words);
        assert_eq!(unlimited().tier(spent(u64::MAX, u64::MAX)), BudgetTier::Full);
    }

    #[test]
    fn trials_have_a_share_of_their_own_and_end_with_the_day() {
        let limits = Settings { sandbox_day: 1.0, ..day(0.0, 10.0) };
        assert_eq!(limits.trial_tier(799_999, 0), BudgetTier::Full);
        assert_eq!(limits.trial_tier(800_000, 0), BudgetTier::Cheap);
        assert_eq!(limits.trial_tier(1_000_000, 0), BudgetTier::Words);
        assert_eq!(limits.trial_tier(500_000, 9_500_000), BudgetTier::Words, "the day is over");
        assert_eq!(day(0.0, 10.0).trial_tier(9_999_999, 0), BudgetTier::Cheap, "all of it");
        assert_eq!(unlimited().trial_tier(u64::MAX, u64::MAX), BudgetTier::Full);
        assert!(Settings { sandbox_day: -1.0, ..unlimited() }.check().is_err());
    }

    #[test]
    fn the_models_to_ask_follow_the_tier() {
        let limits = day(1.0, 0.0);
        assert_eq!(limits.models("large", BudgetTier::Full), ["large", "small"]);
        assert_eq!(limits.models("large", BudgetTier::Cheap), ["small"]);
        assert_eq!(limits.models("small", BudgetTier::Cheap), ["small"]);
        assert!(limits.models("large", BudgetTier::Words).is_empty());
        let none = unlimited();
        assert_eq!(none.models("large", BudgetTier::Cheap), ["large"], "there is no cheaper one");
    }

    #[test]
    fn a_turn_has_a_limit_of_its_own() {
        let limits = Settings { turn: 0.01, ..unlimited() };
        assert!(limits.allows(10_000) && !limits.allows(10_001));
        assert!(unlimited().allows(u64::MAX));
    }

    #[test]
    fn a_limit_below_nothing_is_refused() {
        assert!(day(-1.0, 0.0).check().unwrap_err().contains("agent_day"));
        assert!(day(0.0, f64::NAN).check().unwrap_err().contains("day"));
        assert_eq!(unlimited().check(), Ok(()));
    }
}
