//! Compares a run with an earlier one: which cases got better or worse, and how certain the
//! difference of the scores is.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod baseline;
mod bootstrap;
mod rule;
mod show;

pub use baseline::{AcceptedScore, Baseline, Error};
pub use rule::Rule;

/// Scores that differ by less count as equal.
const SAME: f64 = 1e-9;

/// The difference between a run and its baseline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BaselineComparison)]
pub struct Comparison {
    /// Number of cases that got better.
    pub better: usize,
    /// Number of cases that got worse: a pass became a failure or a skip, or the score fell.
    pub worse: usize,
    /// Number of cases with the same score.
    pub same: usize,
    /// Cases that only the run has, or that were skipped in the baseline.
    pub added: Vec<String>,
    /// Cases that only the baseline has.
    pub removed: Vec<String>,
    /// Cases that got better or worse, worst first.
    pub changed: Vec<ChangedCase>,
    /// Mean score in the baseline, over the cases that ran in both.
    pub mean_before: f64,
    /// Mean score in the run, over the same cases.
    pub mean_after: f64,
    /// `mean_after - mean_before`.
    pub difference: f64,
    /// The 95 % confidence interval of the difference, by the paired bootstrap.
    #[schema(value_type = [f64; 2])]
    pub interval: (f64, f64),
    /// Probability from 0 to 1 that the run is worse, by the paired bootstrap.
    pub p_worse: f64,
    /// Number of cases that ran in both.
    pub paired: usize,
}

/// A case that got better or worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangedCase {
    /// The case's title; with its column when the run has several.
    pub title: String,
    /// Whether the case got worse.
    pub worse: bool,
    /// Score in the baseline.
    pub before: f64,
    /// Score in the run; 0 when the case was skipped.
    pub after: f64,
    /// What changed.
    pub why: String,
}

/// Compares a run with a baseline: `compare(&before, &Baseline::of(summary, run_log)?)`. Matches
/// cases by key. An edited case has a new key, so it is matched by title and column.
pub fn compare(before: &Baseline, after: &Baseline) -> Comparison {
    let pairs = matched(before, after);
    let several = after.cases.iter().map(|it| &it.column).collect::<HashSet<_>>().len() > 1;
    let name = |case: &AcceptedScore| {
        if several { format!("{} {}", case.title, case.column) } else { case.title.clone() }
    };
    let mut found = Comparison::default();
    let mut scores = Vec::new();
    for (old, new) in &pairs {
        match old {
            None => found.added.push(name(new)),
            Some(old) if old.skipped.is_some() && new.skipped.is_none() => {
                found.added.push(name(new));
            }
            Some(old) => {
                if old.skipped.is_none() && new.skipped.is_none() {
                    scores.push((old.score, new.score));
                }
                found.count(old, new, name(new));
            }
        }
    }
    let kept: HashSet<*const AcceptedScore> =
        pairs.iter().filter_map(|(old, _)| old.map(std::ptr::from_ref)).collect();
    let gone = before.cases.iter().filter(|case| !kept.contains(&std::ptr::from_ref(*case)));
    found.removed = gone.map(name).collect();
    found.changed.sort_by(|a, b| {
        (b.worse, a.after - a.before)
            .partial_cmp(&(a.worse, b.after - b.before))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    found.measure(&scores);
    found
}

impl Comparison {
    fn count(&mut self, old: &AcceptedScore, new: &AcceptedScore, title: String) {
        let change = new.score - old.score;
        let (worse, why) = match (old.pass, new.pass) {
            _ if old.skipped.is_some() => return self.same += 1,
            _ if new.skipped.is_some() => {
                let why = new.skipped.as_deref().unwrap_or_default();
                (true, format!("could be tried and cannot now: {why}"))
            }
            (true, false) => (true, reason("passed, fails now", &new.why)),
            (false, true) => (false, "failed, passes now".to_owned()),
            _ if change < -SAME => (true, reason("scores less", &new.why)),
            _ if change > SAME => (false, "scores more".to_owned()),
            _ => return self.same += 1,
        };
        *(if worse { &mut self.worse } else { &mut self.better }) += 1;
        self.changed.push(ChangedCase { title, worse, before: old.score, after: new.score, why });
    }

    fn measure(&mut self, scores: &[(f64, f64)]) {
        self.paired = scores.len();
        if scores.is_empty() {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let many = scores.len() as f64;
        self.mean_before = scores.iter().map(|(before, _)| before).sum::<f64>() / many;
        self.mean_after = scores.iter().map(|(_, after)| after).sum::<f64>() / many;
        self.difference = self.mean_after - self.mean_before;
        let differences: Vec<f64> = scores.iter().map(|(before, after)| after - before).collect();
        let estimate = bootstrap::estimate(&differences);
        (self.interval, self.p_worse) = (estimate.interval, estimate.p_worse);
    }
}

fn reason(what: &str, why: &str) -> String {
    if why.is_empty() { what.to_owned() } else { format!("{what}: {why}") }
}

/// Pairs each case of the run with its case of the baseline.
fn matched<'a>(
    before: &'a Baseline,
    after: &'a Baseline,
) -> Vec<(Option<&'a AcceptedScore>, &'a AcceptedScore)> {
    let keyed = before.cases.iter().filter(|case| !case.key.is_empty());
    let by_key: HashMap<&str, &AcceptedScore> =
        keyed.map(|case| (case.key.as_str(), case)).collect();
    let found = |case: &AcceptedScore| by_key.get(case.key.as_str()).copied();
    let taken: HashSet<*const AcceptedScore> =
        after.cases.iter().filter_map(found).map(std::ptr::from_ref).collect();
    let mut by_title: HashMap<(&str, &str), Vec<&AcceptedScore>> = HashMap::new();
    // Reversed, because `pop` below takes from the end: cases with one title pair up in order.
    for case in before.cases.iter().rev().filter(|case| !taken.contains(&std::ptr::from_ref(*case)))
    {
        by_title.entry((&case.title, &case.column)).or_default().push(case);
    }
    let pair = |case: &'a AcceptedScore| {
        let old = found(case)
            .or_else(|| by_title.get_mut(&(case.title.as_str(), case.column.as_str()))?.pop());
        (old, case)
    };
    after.cases.iter().map(pair).collect()
}

#[cfg(test)]
mod tests;
