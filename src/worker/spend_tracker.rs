//! Tracks today's spending for the limits of `pipeline::budget`: reloads it from the database every
//! few seconds and adds own turns in between. Replicas see each other's spending a few seconds
//! late.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::AgentId;
use crate::domain::time::{DAY_MS, now_ms};
use crate::pipeline::budget::{BudgetTier, DailySpend, Settings};
use crate::store::{Result, Store};

/// Maximum age of loaded values.
const CACHE_TTL: Duration = Duration::from_secs(5);

pub(super) struct SpendTracker {
    limits: Settings,
    seen: Mutex<SpendToday>,
}

#[derive(Default)]
struct SpendToday {
    read_at: Option<Instant>,
    day: i64,
    by_agent: HashMap<String, u64>,
}

impl SpendTracker {
    pub(super) fn new(limits: Settings) -> Self {
        Self { limits, seen: Mutex::default() }
    }

    /// Returns what may answer for an agent now.
    pub(super) async fn budget_tier(&self, store: &Store, agent: &AgentId) -> Result<BudgetTier> {
        if !self.limits.has_daily_limit() {
            return Ok(BudgetTier::Full);
        }
        let today = now_ms() - now_ms().rem_euclid(DAY_MS);
        if self.with(|seen| seen.is_old(today)) {
            let rows = store.spent_since(today).await?;
            self.with(|seen| *seen = SpendToday::of(rows, today));
        }
        Ok(self.limits.tier(self.with(|seen| seen.spent(agent.as_str()))))
    }

    /// Adds the cost of a committed turn, in millionths of a dollar.
    pub(super) fn add(&self, agent: &AgentId, micros: u64) {
        if self.limits.has_daily_limit() && micros > 0 {
            self.with(|seen| *seen.by_agent.entry(agent.to_string()).or_default() += micros);
        }
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut SpendToday) -> T) -> T {
        use_it(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SpendToday {
    fn of(rows: Vec<(String, i64)>, day: i64) -> Self {
        let micros = |sum: i64| u64::try_from(sum).unwrap_or(0);
        let by_agent = rows.into_iter().map(|(agent, sum)| (agent, micros(sum))).collect();
        Self { read_at: Some(Instant::now()), day, by_agent }
    }

    fn is_old(&self, today: i64) -> bool {
        self.day != today || self.read_at.is_none_or(|read| read.elapsed() >= CACHE_TTL)
    }

    fn spent(&self, agent: &str) -> DailySpend {
        let agent = self.by_agent.get(agent).copied().unwrap_or(0);
        DailySpend { agent, all: self.by_agent.values().sum() }
    }
}
