//! `regex`: a JavaScript pattern, tried by the JavaScript engine, so that it means what it means there, and within a limit of time.
//! Over the API it is tried in linear time where that means the same.

use super::GradingResult;
use super::prepare::PreparedAssertion;
use crate::script::Error;

/// Tries it. A wrong pattern fails; one that takes too long is an error.
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
