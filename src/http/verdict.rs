//! What the gates in front of customers found, as the API tells it. Decides nothing.

use frontdesk_promptfoo::compare::{self, Comparison};
use serde::Serialize;
use utoipa::ToSchema;

use crate::eval::gate::Verdict;

/// What a gate found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GateVerdict {
    /// Whether its rule holds.
    passed: bool,
    /// The rule.
    rule: String,
    /// The suite.
    suite: String,
    /// What broke the rule, in words; empty when it holds.
    reason: String,
    /// Rows that passed, failed, are errors, could not be tried.
    counts: [usize; 4],
    /// How it compares with what is live, or with the baseline.
    comparison: GateComparison,
    /// The same as text in Markdown.
    report: String,
}

/// How what a gate tried compares with what was before.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GateComparison {
    /// Cases that are better.
    better: usize,
    /// Cases that are worse: they passed and do not now, or score less, or could be tried and cannot now.
    worse: usize,
    /// Cases that score the same.
    same: usize,
    /// Cases that were not there before, or could not be tried.
    added: Vec<String>,
    /// Cases that are not there any more.
    removed: Vec<String>,
    /// Cases that are better or worse, the worst first.
    changed: Vec<ChangedCase>,
    /// The mean score before of the cases that were tried both times.
    mean_before: f64,
    /// The same now.
    mean_after: f64,
    /// `mean_after - mean_before`.
    difference: f64,
    /// The 95 % interval of the difference: from, to.
    interval: [f64; 2],
    /// How likely it is that it became worse, 0 to 1.
    p_worse: f64,
    /// How many cases were tried both times.
    paired: usize,
}

/// A case that is better or worse.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangedCase {
    /// What it is called, with its column where there are several.
    title: String,
    /// Whether it is worse.
    worse: bool,
    /// What it scored before.
    before: f64,
    /// What it scores now; 0 where it cannot be tried.
    after: f64,
    /// What changed.
    why: String,
}

/// What the gates found that refused a change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum GateRefusal {
    /// Of a version of an agent.
    Version(Box<GateVerdict>),
    /// Of a change of what agents answer from.
    Knowledge {
        /// The gates that were asked.
        gates: Vec<AgentVerdict>,
    },
}

/// What the gate of an agent found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentVerdict {
    /// The agent's short name.
    agent: String,
    /// What its gate found.
    verdict: GateVerdict,
}

impl From<Verdict> for GateVerdict {
    fn from(found: Verdict) -> Self {
        let Verdict { passed, rule, suite, reason, counts, comparison, report } = found;
        Self { passed, rule, suite, reason, counts, comparison: comparison.into(), report }
    }
}

impl From<Comparison> for GateComparison {
    fn from(found: Comparison) -> Self {
        Self {
            better: found.better,
            worse: found.worse,
            same: found.same,
            added: found.added,
            removed: found.removed,
            changed: found.changed.into_iter().map(ChangedCase::from).collect(),
            mean_before: found.mean_before,
            mean_after: found.mean_after,
            difference: found.difference,
            interval: found.interval.into(),
            p_worse: found.p_worse,
            paired: found.paired,
        }
    }
}

impl From<compare::ChangedCase> for ChangedCase {
    fn from(case: compare::ChangedCase) -> Self {
        let compare::ChangedCase { title, worse, before, after, why } = case;
        Self { title, worse, before, after, why }
    }
}

impl From<Verdict> for GateRefusal {
    fn from(found: Verdict) -> Self {
        Self::Version(Box::new(found.into()))
    }
}

impl From<Vec<(String, Verdict)>> for GateRefusal {
    fn from(found: Vec<(String, Verdict)>) -> Self {
        let gates = found.into_iter();
        let gates = gates.map(|(agent, verdict)| AgentVerdict { agent, verdict: verdict.into() });
        Self::Knowledge { gates: gates.collect() }
    }
}
