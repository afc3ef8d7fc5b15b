//! The request to run a suite. Each number and text has a bound, checked before anything is made of it.

use frontdesk_promptfoo::policy::Limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::prompts;

/// The most `metadata` filters.
const MOST_FILTERS: usize = 20;
/// The longest name or pattern, in characters.
const LONGEST: usize = 500;

/// How a run is wanted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = RunRequest)]
pub struct EvalRequest {
    /// The suite: its name in the folder of suites.
    pub suite: String,
    /// The agent that `prompt` is for.
    pub agent: Option<String>,
    /// A prompt file in place of the agent's live version.
    pub prompt: Option<String>,
    /// How often each case is run.
    pub repeat: Option<usize>,
    /// The grader where the suite names none.
    pub grader: Option<String>,
    /// Cases at once.
    pub concurrency: Option<usize>,
    /// Only cases whose description has this pattern.
    pub pattern: Option<String>,
    /// Only the first so many cases.
    pub first: Option<usize>,
    /// So many cases by chance.
    pub sample: Option<usize>,
    /// Only cases of which this is said: `key=value` each.
    pub metadata: Vec<String>,
    /// Only the cases that did not pass in this run.
    pub failing: Option<String>,
    /// What to compare with: the id of an earlier run, or a file of accepted scores beside the suites.
    pub baseline: Option<String>,
}

impl EvalRequest {
    /// Whether everything is within its bounds; the error says what is not.
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
        if self.metadata.len() > MOST_FILTERS {
            return Err(format!("`metadata` may have {MOST_FILTERS} filters"));
        }
        let texts = [
            ("suite", Some(&self.suite), LONGEST),
            ("agent", self.agent.as_ref(), LONGEST),
            ("grader", self.grader.as_ref(), LONGEST),
            ("pattern", self.pattern.as_ref(), LONGEST),
            ("failing", self.failing.as_ref(), LONGEST),
            ("baseline", self.baseline.as_ref(), LONGEST),
            ("prompt", self.prompt.as_ref(), prompts::LONGEST_OVER_API),
        ];
        let filters = self.metadata.iter().map(|filter| ("metadata", Some(filter), LONGEST));
        for (name, text, most) in texts.into_iter().chain(filters) {
            if text.is_some_and(|text| text.chars().count() > most) {
                return Err(format!("`{name}` may have {most} characters"));
            }
        }
        Ok(())
    }
}
