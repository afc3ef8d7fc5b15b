//! Gate rules: conditions that a run must meet before a version goes live.

use super::Comparison;
use crate::report::text;
use crate::row::Summary;

/// Maximum number of cases that an error lists.
const NAMED: usize = 5;
/// The supported rules, for errors.
const KNOWN: &str = "write `no case worse`, `score >= baseline`, `score >= baseline - 0.02`, `score >= 0.9`, `pass rate >= 95%`, or several joined by `and`";

/// A gate rule: conditions that must all hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    /// No case is worse than in the baseline.
    NoCaseWorse,
    /// The mean score is at most this much below the baseline's.
    Baseline(f64),
    /// The mean score is at least this.
    Score(f64),
    /// The share of passed cases, 0 to 1, is at least this.
    PassRate(f64),
}

impl Rule {
    /// Parses a rule. The error lists the supported rules.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_lowercase().replace('≥', ">=");
        let joined = lower.replace(" and ", ",");
        let parts: Result<Vec<Part>, String> = joined
            .split(',')
            .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
            .map(|part| Part::parse(&part).ok_or_else(|| format!("`{part}` is no rule: {KNOWN}")))
            .collect();
        Ok(Self { parts: parts? })
    }

    /// Whether the rule compares with a baseline.
    pub fn needs_baseline(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::NoCaseWorse | Part::Baseline(_)))
    }

    /// Checks the rule; the error lists the broken conditions, one or more lines each.
    pub fn holds(&self, comparison: &Comparison, summary: &Summary) -> Result<(), String> {
        if !summary.complete {
            return Err("the run was stopped before its end, so it shows nothing".into());
        }
        let broken: Vec<String> =
            self.parts.iter().filter_map(|part| part.broken(comparison, summary)).collect();
        if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        if text == "no case worse" {
            return Some(Self::NoCaseWorse);
        }
        let (what, bound) = text.split_once(">=")?;
        match (what.trim(), bound.trim()) {
            ("score", "baseline") => Some(Self::Baseline(0.0)),
            ("score", bound) => match bound.strip_prefix("baseline") {
                Some(less) => number(less.trim().strip_prefix('-')?).map(Self::Baseline),
                None => number(bound).map(Self::Score),
            },
            ("pass rate", bound) => number(bound).filter(|it| *it <= 1.0).map(Self::PassRate),
            _ => None,
        }
    }

    /// Describes how the condition is broken; `None` when it holds.
    fn broken(self, comparison: &Comparison, summary: &Summary) -> Option<String> {
        let nothing = comparison.paired == 0 && comparison.worse == 0;
        match self {
            Self::NoCaseWorse | Self::Baseline(_) if nothing => Some(
                "nothing can be compared: no case was tried in both the baseline and this run"
                    .into(),
            ),
            Self::NoCaseWorse => (comparison.worse > 0).then(|| worse(comparison)),
            Self::Baseline(less) => {
                let least = comparison.mean_before - less;
                let low = comparison.mean_after < least - 1e-9;
                low.then(|| {
                    let (after, before) = (comparison.mean_after, comparison.mean_before);
                    let (after, before, least) = (text::score(after), text::score(before), text::score(least));
                    format!("the score is {after}, and must be at least {least} (the baseline is {before})\n{}", listed(comparison))
                })
            }
            Self::Score(least) => match mean(summary) {
                Some(mean) if mean >= least - 1e-9 => None,
                Some(mean) => Some(format!(
                    "the score is {}, and must be at least {}",
                    text::score(mean),
                    text::score(least)
                )),
                None => Some("no case could be tried, so there is no score".into()),
            },
            Self::PassRate(least) => pass_rate(summary, least),
        }
    }
}

/// Parses a number or a percentage.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let value: f64 = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (value.is_finite() && value >= 0.0).then_some(value)
}

fn worse(comparison: &Comparison) -> String {
    let be = if comparison.worse == 1 { "is" } else { "are" };
    format!("{} {be} worse:\n{}", text::plural(comparison.worse, "case"), listed(comparison))
}

/// The worse cases, worst first.
fn listed(comparison: &Comparison) -> String {
    let worse: Vec<_> = comparison.changed.iter().filter(|it| it.worse).collect();
    let mut lines: Vec<String> = worse
        .iter()
        .take(NAMED)
        .map(|it| {
            let (before, after) = (text::score(it.before), text::score(it.after));
            text::fit(
                &text::line(&format!("- {} ({before} to {after}): {}", it.title, it.why)),
                240,
            )
        })
        .collect();
    if worse.len() > NAMED {
        lines.push(format!("- and {} more", worse.len() - NAMED));
    }
    lines.join("\n")
}

fn tried(summary: &Summary) -> (f64, f64) {
    let [passed, failed, errors, _] = summary.counts();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let counts = (passed as f64, (passed + failed + errors) as f64);
    counts
}

fn mean(summary: &Summary) -> Option<f64> {
    let (_, tried) = tried(summary);
    let sum: f64 = summary.prompts.iter().map(|column| column.metrics.score).sum();
    (tried > 0.0).then(|| sum / tried)
}

fn pass_rate(summary: &Summary, least: f64) -> Option<String> {
    let (passed, tried) = tried(summary);
    if tried <= 0.0 {
        return Some("no case could be tried, so there is no pass rate".into());
    }
    let rate = passed / tried;
    (rate < least - 1e-9).then(|| {
        let [_, failed, errors, _] = summary.counts();
        let (rate, least) = (text::percent(rate), text::percent(least));
        format!(
            "the pass rate is {rate}, and must be at least {least}: {failed} failed, {}",
            text::plural(errors, "error")
        )
    })
}
