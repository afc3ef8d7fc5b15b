//! The request to run a suite. Each number and text has a limit, checked before use.

use frontdesk_promptfoo::policy::Limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::prompts;

/// Maximum number of `metadata` filters.
const MAX_FILTERS: usize = 20;
/// Maximum length of a name or pattern, in characters.
const MAX_LEN: usize = 500;

/// A request to run a suite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = RunRequest)]
pub struct EvalRequest {
    /// Name of the suite in the folder of suites.
    pub suite: String,
    /// The agent that `prompt` is a draft of.
    pub agent: Option<String>,
    /// Text of a prompt file that replaces the agent's live version.
    pub prompt: Option<String>,
    /// How often each case runs.
    pub repeat: Option<usize>,
    /// Grader to use when the suite names none.
    pub grader: Option<String>,
    /// Number of cases that run at once.
    pub concurrency: Option<usize>,
    /// Run only cases whose description matches this pattern.
    pub pattern: Option<String>,
    /// Run only the first N cases.
    pub first: Option<usize>,
    /// Run only a random sample of N cases.
    pub sample: Option<usize>,
    /// Run only cases with this metadata, each filter as `key=value`.
    pub metadata: Vec<String>,
    /// Id of an earlier run: run only the cases that did not pass in it.
    pub failing: Option<String>,
    /// What to compare with: the id of an earlier run, or the name of a file of accepted scores
    /// beside the suites.
    pub baseline: Option<String>,
}

impl EvalRequest {
    /// Whether it runs every case of its suite.
    pub(super) fn is_whole(&self) -> bool {
        let filters = [&self.pattern, &self.failing];
        let numbers = [self.first, self.sample];
        filters.iter().all(|it| it.is_none())
            && numbers.iter().all(Option::is_none)
            && self.metadata.is_empty()
    }

    /// Checks all limits; the error names the field that exceeds its limit.
    pub fn check(&self, limits: &Limits) -> Result<(), String> {
        let numbers = [
            ("repeat", self.repeat, limits.repeat),
            ("concurrency", self.concurrency, limits.concurrency),
            ("first", self.first, limits.cases),
            ("sample", self.sample, limits.cases),
        ];
        for (name, number, most) in numbers {
            if let Some(number) = number.filter(|number| !(1..=most).contains(number)) {
                return Err(format!("`{name}` is {number}: it may be 1 to {most}"));
            }
        }
        if self.metadata.len() > MAX_FILTERS {
            return Err(format!("`metadata` may have {MAX_FILTERS} filters"));
        }
        let texts = [
            ("suite", Some(&self.suite), MAX_LEN),
            ("agent", self.agent.as_ref(), MAX_LEN),
            ("grader", self.grader.as_ref(), MAX_LEN),
            ("pattern", self.pattern.as_ref(), MAX_LEN),
            ("failing", self.failing.as_ref(), MAX_LEN),
            ("baseline", self.baseline.as_ref(), MAX_LEN),
            ("prompt", self.prompt.as_ref(), prompts::MAX_API_CHARS),
        ];
        let filters = self.metadata.iter().map(|filter| ("metadata", Some(filter), MAX_LEN));
        for (name, text, most) in texts.into_iter().chain(filters) {
            if text.is_some_and(|text| text.chars().count() > most) {
                return Err(format!("`{name}` may have {most} characters"));
            }
        }
        Ok(())
    }
}
