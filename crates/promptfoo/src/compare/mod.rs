//! Compares a run with an earlier one: which cases are better, which worse, and how sure the difference of the scores is.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod baseline;
mod bootstrap;
mod rule;
mod show;

pub use baseline::{AcceptedScore, Baseline, Error};
pub use rule::Rule;

/// Scores that differ by less are the same.
const SAME: f64 = 1e-9;

/// How a run differs from its baseline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BaselineComparison)]
pub struct Comparison {
    /// Cases that are better.
    pub better: usize,
    /// Cases that are worse: they passed and do not now, or score less, or could be tried and cannot now.
    pub worse: usize,
    /// Cases that score the same.
    pub same: usize,
    /// Cases that only the run has, or that could not be tried before.
    pub added: Vec<String>,
    /// Cases that only the baseline has.
    pub removed: Vec<String>,
    /// Cases that are better or worse, the worst first.
    pub changed: Vec<ChangedCase>,
    /// The mean score of the cases that both have, in the baseline.
    pub mean_before: f64,
    /// The same in the run.
    pub mean_after: f64,
    /// `mean_after - mean_before`.
    pub difference: f64,
    /// The 95 % interval of the difference, by the paired bootstrap.
    #[schema(value_type = [f64; 2])]
    pub interval: (f64, f64),
    /// How likely it is that the run is worse, 0 to 1, by the same.
    pub p_worse: f64,
    /// How many cases were tried in both.
    pub paired: usize,
}

/// A case that is better or worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangedCase {
    /// What it is called, with its column where there are several.
    pub title: String,
    /// Whether it is worse.
    pub worse: bool,
    /// What it scored in the baseline.
    pub before: f64,
    /// What it scores now; 0 where it cannot be tried.
    pub after: f64,
    /// What changed.
    pub why: String,
}

/// Compares a run with a baseline: `compare(&before, &Baseline::of(summary, run_log)?)`. Cases are matched by their key;
/// a case whose key changed because it was edited, by its title and column.
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

/// Each case of the run with its case of the baseline.
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
    // The last first, so that cases of the same title are taken in their order.
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
