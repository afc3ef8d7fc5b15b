//! Filters of the command line: which cases, prompts and targets of a suite run.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Map, Value};

use super::super::row::EvalRow;
use super::super::run_log::RunLog;
use super::super::suite::{Case, Prompt, Suite, TargetSpec};

/// Which rows of an earlier run select cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Rows that did not pass.
    Failing,
    /// Rows that did not pass and are not errors.
    FailingOnly,
    /// Rows that are errors.
    ErrorsOnly,
}

/// Filters on a suite.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    /// Cases from earlier runs; each file is a JSON report or a run log.
    pub earlier: Vec<(Which, PathBuf)>,
    /// Regular expression on the case's description.
    pub pattern: Option<String>,
    /// Only the first N cases.
    pub first: Option<usize>,
    /// A random sample of N cases.
    pub sample: Option<usize>,
    /// Seed of the sample; `None` for a random one.
    pub seed: Option<u64>,
    /// `key=value` pairs that the case's metadata must all have.
    pub metadata: Vec<String>,
    /// Regular expression on the target's id or label.
    pub targets: Option<String>,
    /// Regular expression on the prompt's label or id.
    pub prompts: Option<String>,
    /// `start:end`, from 0; either may be omitted.
    pub range: Option<String>,
}

impl Filters {
    /// Returns the positions of the selected cases, in order. The error names the invalid filter.
    ///
    /// Ranges and counts refer to the cases as written: cases that a matrix makes of one stay
    /// together.
    pub fn cases(&self, suite: &Suite) -> Result<Vec<usize>, String> {
        let mut left: Vec<usize> = (0..suite.cases.len()).collect();
        for filter in &self.metadata {
            let (key, value) = filter
                .split_once('=')
                .filter(|(key, value)| !key.is_empty() && !value.is_empty())
                .ok_or_else(|| format!("`{filter}` must be `key=value`"))?;
            left.retain(|at| has(&suite.cases[*at], key, value));
        }
        let mut named = HashSet::new();
        for (which, file) in &self.earlier {
            named.extend(earlier(file, *which)?);
        }
        if !self.earlier.is_empty() {
            left.retain(|at| named.contains(&canonical(&suite.cases[*at].vars)));
        }
        if let Some(pattern) = &self.pattern {
            let pattern = regex(pattern)?;
            let named =
                |case: &Case| case.description.as_deref().is_some_and(|it| pattern.is_match(it));
            left.retain(|at| named(&suite.cases[*at]));
        }
        self.counted(suite, left)
    }

    /// Applies the filters that count cases as written.
    fn counted(&self, suite: &Suite, mut left: Vec<usize>) -> Result<Vec<usize>, String> {
        let mut origins: Vec<usize> = left.iter().map(|at| suite.cases[*at].origin).collect();
        origins.dedup();
        if let Some(range) = &self.range {
            let (start, end) = parse_range(range)?;
            let end = end.unwrap_or(origins.len()).min(origins.len());
            origins = origins.get(start.min(end)..end).unwrap_or_default().to_vec();
        }
        origins.truncate(self.first.unwrap_or(usize::MAX));
        if let Some(count) = self.sample {
            shuffle(&mut origins, self.seed.unwrap_or_else(chance));
            origins.truncate(count);
        }
        let origins: HashSet<usize> = origins.into_iter().collect();
        left.retain(|at| origins.contains(&suite.cases[*at].origin));
        Ok(left)
    }

    /// Whether the prompt is selected.
    pub fn prompt(&self, prompt: &Prompt) -> Result<bool, String> {
        let Some(pattern) = &self.prompts else { return Ok(true) };
        let pattern = regex(pattern)?;
        Ok(pattern.is_match(&prompt.label)
            || prompt.id.as_deref().is_some_and(|id| pattern.is_match(id)))
    }

    /// Whether the target is selected.
    pub fn target(&self, target: &TargetSpec) -> Result<bool, String> {
        let Some(pattern) = &self.targets else { return Ok(true) };
        let pattern = regex(pattern)?;
        Ok(pattern.is_match(&target.id) || pattern.is_match(target.name()))
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| format!("`{pattern}` is not a pattern: {error}"))
}

fn has(case: &Case, key: &str, value: &str) -> bool {
    let says = |it: &Value| match it {
        Value::String(text) => text.contains(value),
        other => other.to_string().contains(value),
    };
    match case.metadata.get(key) {
        Some(Value::Array(items)) => items.iter().any(says),
        Some(one) => says(one),
        None => false,
    }
}

fn parse_range(range: &str) -> Result<(usize, Option<usize>), String> {
    let wrong = || format!("`{range}` must be `start:end`, counted from 0");
    let (start, end) = range.trim().split_once(':').ok_or_else(wrong)?;
    let bound = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<usize>().map(Some).map_err(|_| wrong()),
    };
    let (start, end) = (bound(start)?, bound(end)?);
    if start.is_none() && end.is_none() || end.is_some_and(|end| start.unwrap_or(0) > end) {
        return Err(wrong());
    }
    Ok((start.unwrap_or(0), end))
}

/// Variables of the matching rows of an earlier run, as canonical text.
fn earlier(file: &Path, which: Which) -> Result<HashSet<String>, String> {
    let place = file.display();
    if !file.exists() {
        return Err(format!("there is no earlier run in {place}"));
    }
    let mut found = HashSet::new();
    let wanted = |success: bool, reason: u64| match which {
        Which::Failing => !success,
        Which::FailingOnly => !success && reason != 2,
        Which::ErrorsOnly => reason == 2,
    };
    if file.extension().is_some_and(|ending| ending == "json") {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{place}: {error}"))?;
        let report: Value = serde_json::from_str(&text)
            .map_err(|error| format!("{place}: not a report: {error}"))?;
        let rows =
            report.pointer("/results/results").or(report.get("results")).and_then(Value::as_array);
        for row in rows.ok_or_else(|| format!("{place}: not a report: it has no results"))? {
            let reason = row["failureReason"].as_u64().unwrap_or(0);
            let vars = row.pointer("/testCase/vars").or(row.get("vars")).and_then(Value::as_object);
            if wanted(row["success"] == true, reason) && row["skipped"].is_null() {
                found.extend(vars.map(canonical));
            }
        }
        return Ok(found);
    }
    for row in RunLog::at(file).rows().map_err(|error| format!("{place}: {error}"))? {
        let row: EvalRow = row.map_err(|error| format!("{place}: {error}"))?;
        if wanted(row.success, row.failure_reason.into()) && row.skipped.is_none() {
            let vars = row.test_case.get("vars").and_then(Value::as_object).unwrap_or(&row.vars);
            found.insert(canonical(vars));
        }
    }
    Ok(found)
}

/// Variables as text that does not depend on their order, without those that a run adds.
fn canonical(vars: &Map<String, Value>) -> String {
    let kept = vars.iter().filter(|(name, _)| !name.starts_with('_') && *name != "sessionId");
    let sorted: BTreeMap<&String, &Value> = kept.collect();
    serde_json::to_string(&sorted).unwrap_or_default()
}

fn chance() -> u64 {
    let mut bytes = [0; 8];
    // If the system has no randomness, the seed is 0 and the sample is always the same.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Shuffles a list (Fisher-Yates with splitmix64).
fn shuffle(items: &mut [usize], mut seed: u64) {
    for last in (1..items.len()).rev() {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let below = (mixed ^ (mixed >> 31)) % (last as u64 + 1);
        items.swap(last, usize::try_from(below).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn suite() -> Suite {
        let case = |at: usize| Case {
            description: Some(format!("case {at}")),
            vars: Map::from_iter([("n".to_owned(), json!(at))]),
            metadata: Map::from_iter([("tags".to_owned(), json!([format!("t{}", at % 2)]))]),
            // Two cases for each written one.
            origin: at / 2,
            ..Case::default()
        };
        Suite { cases: (0..10).map(case).collect(), ..Suite::default() }
    }

    fn left(filters: &Filters) -> Vec<usize> {
        filters.cases(&suite()).unwrap()
    }

    #[test]
    fn each_filter_leaves_what_it_names() {
        assert_eq!(left(&Filters::default()).len(), 10);
        assert_eq!(left(&Filters { first: Some(1), ..Filters::default() }), [0, 1]);
        assert_eq!(
            left(&Filters { range: Some("1:3".into()), ..Filters::default() }),
            [2, 3, 4, 5]
        );
        assert_eq!(left(&Filters { range: Some("4:".into()), ..Filters::default() }), [8, 9]);
        assert_eq!(left(&Filters { pattern: Some("[35]$".into()), ..Filters::default() }), [3, 5]);
        assert_eq!(
            left(&Filters { metadata: vec!["tags=t1".into()], ..Filters::default() }),
            [1, 3, 5, 7, 9]
        );
        let sample = Filters { sample: Some(2), seed: Some(7), ..Filters::default() };
        assert_eq!((left(&sample).len(), left(&sample)), (4, left(&sample)));
    }

    #[test]
    fn filters_that_are_wrong_say_so() {
        for filters in [
            Filters { range: Some("3".into()), ..Filters::default() },
            Filters { range: Some("3:1".into()), ..Filters::default() },
            Filters { pattern: Some("(".into()), ..Filters::default() },
            Filters { metadata: vec!["tags".into()], ..Filters::default() },
            Filters {
                earlier: vec![(Which::Failing, "/nowhere.json".into())],
                ..Filters::default()
            },
        ] {
            assert!(filters.cases(&suite()).is_err(), "{filters:?}");
        }
    }

    #[test]
    fn cases_of_an_earlier_run_are_found_by_their_variables() {
        let folder = tempfile::tempdir().unwrap();
        let row = |n: usize, success: bool, reason: u8| {
            json!({
                "success": success, "failureReason": reason, "vars": {"n": n, "_conversation": []}, "testCase": {"vars": {"n": n}}
            })
        };
        let report = folder.path().join("out.json");
        let rows =
            json!({"results": {"results": [row(1, true, 0), row(2, false, 1), row(3, false, 2)]}});
        std::fs::write(&report, rows.to_string()).unwrap();
        let by =
            |which| left(&Filters { earlier: vec![(which, report.clone())], ..Filters::default() });
        assert_eq!(by(Which::Failing), [2, 3]);
        assert_eq!(by(Which::FailingOnly), [2]);
        assert_eq!(by(Which::ErrorsOnly), [3]);
        let run_log = folder.path().join("rows.jsonl");
        std::fs::write(&run_log, format!("{}\n{}\n", row(1, true, 0), row(4, false, 1))).unwrap();
        assert_eq!(
            left(&Filters { earlier: vec![(Which::Failing, run_log)], ..Filters::default() }),
            [4]
        );
    }
}
