//! What may be said of a run that is wanted: each number and text has a bound, asked before anything is made of it.

use frontdesk_promptfoo::policy::Limits;

use super::EvalRequest;
use crate::prompts;

/// The most `metadata` filters.
const MOST_FILTERS: usize = 20;
/// The longest name or pattern, in characters.
const LONGEST: usize = 500;

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
