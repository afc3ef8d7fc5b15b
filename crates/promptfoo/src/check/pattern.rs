//! `regex`: matches a JavaScript pattern with the JavaScript engine, for the same semantics, within
//! a time limit. For suites from the API, a linear-time engine runs it where the semantics agree.

use super::GradingResult;
use super::prepare::PreparedAssertion;
use crate::script::Error;

/// An invalid pattern fails the assertion; a timeout is an error.
pub(super) async fn regex(given: &PreparedAssertion<'_>) -> GradingResult {
    let Some(pattern) = given.value.as_str().filter(|pattern| !pattern.is_empty()) else {
        return GradingResult::error("\"regex\" assertion type must have a string value");
    };
    match given.ctx.grading.scripts.matches(pattern, &given.text).await {
        Ok(Ok(found)) => {
            given.verdict(found, |not| format!("Expected output to {not}match regex \"{pattern}\""))
        }
        Ok(Err(wrong)) => GradingResult::failed(format!("Invalid regex pattern: {wrong}")),
        Err(Error::Failed(why)) => GradingResult::error(format!("regex \"{pattern}\": {why}")),
        Err(Error::Missing(why)) => GradingResult::skipped(why),
        Err(Error::Refused(why)) => GradingResult::error(why.to_string()),
    }
}
