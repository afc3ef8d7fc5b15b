//! Shows a suite with its cases, and removes cases from suites that the desk writes.

use super::listing::{MAX_SIZE, is_saved};
use super::{Error, Jobs, inside};
use crate::eval::cases::{self, CaseRef, ListedCase};

/// A suite's text with its cases.
#[derive(Debug, Clone)]
pub struct SuiteCases {
    /// The text of its file.
    pub text: String,
    /// The cases that are written in it, in its order.
    pub cases: Vec<ListedCase>,
    /// Whether the desk may change it.
    pub is_saved: bool,
}

impl Jobs {
    /// Reads a suite with its cases.
    pub async fn suite_cases(&self, suite: &str) -> Result<SuiteCases, Error> {
        let missing = || Error::Missing(format!("There is no suite `{suite}`."));
        let file = inside(&self.suites, suite).ok_or_else(missing)?;
        let is_suite = file.extension().is_some_and(|it| it == "yaml" || it == "yml");
        let size = std::fs::metadata(&file).map_err(|_| missing())?.len();
        if !is_suite {
            return Err(missing());
        }
        if size > MAX_SIZE {
            let most = MAX_SIZE >> 20;
            return Err(Error::Wrong(format!(
                "{} is too large to be shown: more than {most} MB",
                file.display()
            )));
        }
        let text = self
            .policy
            .text(&file)
            .map_err(|error| Error::Wrong(format!("{} cannot be read: {error}", file.display())))?;
        // Parses the whole suite, which would block the async threads.
        let read = tokio::task::spawn_blocking(move || (cases::listed(&text), text)).await;
        let (cases, text) = read.map_err(|error| Error::Wrong(error.to_string()))?;
        let cases = cases.map_err(|why| Error::Wrong(format!("{suite} is no suite: {why}")))?;
        Ok(SuiteCases { text, cases, is_saved: is_saved(suite) })
    }

    /// Removes a case from a suite that the desk writes; with its last case, the suite.
    pub async fn remove_case(&self, suite: &str, case: &CaseRef) -> Result<(), Error> {
        if !is_saved(suite) {
            return Err(Error::Wrong(format!(
                "`{suite}` is a file of yours, and only suites that the desk writes itself, such as saved-shop.yaml, are changed here: edit the file"
            )));
        }
        let _one_at_a_time = self.saving.lock().await;
        let file = self.suites.join(suite);
        let text = self.own_text(&file).map_err(Error::Wrong)?;
        if text.is_empty() {
            return Err(Error::Missing(format!("There is no suite `{suite}`.")));
        }
        let case = case.clone();
        let made = tokio::task::spawn_blocking(move || {
            let text = cases::without_case(&text, &case)?;
            Ok((cases::listed(&text)?.is_empty(), text))
        });
        let made = made.await.unwrap_or_else(|error| Err(error.to_string()));
        let (is_empty, text) = made.map_err(Error::Wrong)?;
        if !is_empty {
            return self.replace(&file, &text).await;
        }
        // A suite without cases cannot be run.
        std::fs::remove_file(&file)
            .map_err(|error| Error::Wrong(format!("{} cannot be removed: {error}", file.display())))
    }
}
