//! Results of gates, as the API returns them. Decides nothing.

use frontdesk_promptfoo::compare::{self, Comparison};
use serde::Serialize;
use utoipa::ToSchema;

use crate::eval::gate::Verdict;

/// The result of a gate.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GateVerdict {
    /// Whether the rule holds.
    passed: bool,
    /// The gate's rule.
    rule: String,
    /// The suite that was run.
    suite: String,
    /// What broke the rule; empty if it holds.
    reason: String,
    /// Numbers of rows that passed, failed, had an error, and could not be run.
    counts: [usize; 4],
    /// The comparison with the live version, or with the baseline.
    comparison: GateComparison,
    /// This result as a Markdown report.
    report: String,
}

/// How the results of a gate compare with the earlier ones.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GateComparison {
    /// Number of cases that improved.
    better: usize,
    /// Number of cases that got worse: they passed before and fail now, score less, or could be run
    /// before and cannot be now.
    worse: usize,
    /// Number of cases with the same score.
    same: usize,
    /// Cases that are new, or could not be run before.
    added: Vec<String>,
    /// Cases that no longer exist.
    removed: Vec<String>,
    /// Cases that improved or got worse, the worst first.
    changed: Vec<ChangedCase>,
    /// The mean score before, of the cases that were run both times.
    mean_before: f64,
    /// The mean score now, of the same cases.
    mean_after: f64,
    /// `mean_after - mean_before`.
    difference: f64,
    /// The 95 % confidence interval of the difference: lower and upper bound.
    interval: [f64; 2],
    /// The probability that the results got worse, from 0 to 1.
    p_worse: f64,
    /// Number of cases that were run both times.
    paired: usize,
}

/// A case that improved or got worse.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangedCase {
    /// The case's title, with its column if there are several.
    title: String,
    /// Whether it got worse.
    worse: bool,
    /// The score before.
    before: f64,
    /// The score now; 0 if the case cannot be run.
    after: f64,
    /// What changed.
    why: String,
}

/// The results of the gates that refused a change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum GateRefusal {
    /// A refused version of an agent.
    Version(Box<GateVerdict>),
    /// A refused change of knowledge.
    Knowledge {
        /// The gates that were run.
        gates: Vec<AgentVerdict>,
    },
}

/// The result of one agent's gate.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentVerdict {
    /// Short name of the agent.
    agent: String,
    /// The result of its gate.
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
