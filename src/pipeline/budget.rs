//! What models may cost: which of them may be asked, after what was spent and for what a turn would cost. Pure: looks
//! nothing up and asks nobody.
//!
//! Beyond four fifths of a day's limit a cheaper model answers, beyond the limit the documents' own sentences; where
//! those hold no answer, a person is called. A turn that would cost more than its limit goes down the same way.

use serde::{Deserialize, Serialize};

use crate::domain::Prompt;
use crate::llm::ModelKind;

/// What a day's limit leaves to the agent's own model; then the cheaper one is asked.
const FULL: f64 = 0.8;
/// Millionths of a dollar in a dollar.
const MICROS: f64 = 1_000_000.0;

/// What models may cost, as written in the configuration, in dollars; 0: no limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// One turn.
    pub turn: f64,
    /// All turns of an agent in a day, UTC.
    pub agent_day: f64,
    /// All turns in a day, UTC.
    pub day: f64,
    /// The model that answers when a limit is near; empty: there is none.
    pub cheap_model: String,
    /// All trials in a day, UTC: the sandbox, `/v1/chat/completions`, runs of evals over the API, prompts that a model writes.
    // Recordings of older versions do not have it, nor the next one.
    #[serde(default)]
    pub sandbox_day: f64,
    /// How many prompts a day the model may write for those who describe their business.
    #[serde(default)]
    pub prompts_a_day: u32,
}

/// Cost of a day so far, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DailySpend {
    /// By the agent.
    pub agent: u64,
    /// By all agents.
    pub all: u64,
}

/// What the budget still pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetTier {
    /// The agent's own model.
    #[default]
    Full,
    /// A cheaper model.
    Cheap,
    /// The documents' own sentences, without a model.
    Words,
}

impl Settings {
    /// Says which limit cannot be right.
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

    /// Whether anything has a limit of money.
    pub fn limits_money(&self) -> bool {
        self.turn > 0.0 || self.watches_days() || self.watches_trials()
    }

    /// Whether trials have a limit.
    pub fn watches_trials(&self) -> bool {
        self.sandbox_day > 0.0 || self.day > 0.0
    }

    /// Tier of a trial, after what trials and customers' turns cost today. Trials have a share of their own, and end
    /// with the day's limit; customers do not pay for them: their turns are judged without.
    pub fn trial_tier(&self, trials: u64, turns: u64) -> BudgetTier {
        let all = trials.saturating_add(turns);
        tier_of(share(trials, self.sandbox_day).max(share(all, self.day)))
    }

    /// Whether a day has a limit.
    pub fn watches_days(&self) -> bool {
        self.agent_day > 0.0 || self.day > 0.0
    }

    /// Tier of a turn, after what was spent today.
    pub fn tier(&self, spent: DailySpend) -> BudgetTier {
        tier_of(share(spent.agent, self.agent_day).max(share(spent.all, self.day)))
    }

    /// Whether one turn may cost this much, in millionths of a dollar.
    pub(super) fn allows(&self, cost_micros: u64) -> bool {
        self.turn <= 0.0 || share(cost_micros, self.turn) <= 1.0
    }

    /// The models that may be asked, in this order: the first that a turn can pay for. None: no model.
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

/// The most that asking a model of this kind with this prompt can cost, in millionths of a dollar; 0 where no price is known.
pub(super) fn estimate(kind: ModelKind, prompt: &Prompt) -> u64 {
    let price = kind.window().and_then(|window| window.price);
    let (input, output) = (u64::from(prompt.tokens), u64::from(prompt.max_output_tokens));
    price.map_or(0, |price| price.micros(input, output))
}

/// Tier for the used part of a limit.
fn tier_of(used: f64) -> BudgetTier {
    if used >= 1.0 {
        BudgetTier::Words
    } else if used >= FULL {
        BudgetTier::Cheap
    } else {
        BudgetTier::Full
    }
}

/// What part of a limit is used; 0 where there is none.
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
