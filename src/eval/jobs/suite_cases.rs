//! Shows a suite with its cases, and removes cases from suites that the desk writes.

use std::path::Path;

use super::listing::{MAX_SIZE, is_saved};
use super::{Error, Jobs, inside};
use crate::eval::cases::{self, CaseRef, EditError, ListedCase};
use crate::prompts;

/// A suite's text with its cases.
#[derive(Debug, Clone)]
pub struct SuiteCases {
    /// The text of its file, if the desk wrote it: the owner's files may hold keys of endpoints.
    pub text: Option<String>,
    /// The cases that are written in it, in its order.
    pub cases: Vec<ListedCase>,
    /// Whether the desk may change it.
    pub is_saved: bool,
}

impl Jobs {
    /// Reads a suite with its cases.
    pub async fn suite_cases(&self, suite: &str) -> Result<SuiteCases, Error> {
        let missing = || Error::Missing(format!("There is no suite `{suite}`."));
        let is_listed = self.suites().iter().any(|name| name == suite);
        let file = inside(&self.suites, suite).filter(|_| is_listed).ok_or_else(missing)?;
        let size = std::fs::metadata(&file).map_err(|_| missing())?.len();
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
        let is_saved = is_saved(suite);
        Ok(SuiteCases { text: Some(text).filter(|_| is_saved), cases, is_saved })
    }

    /// Refuses to change a file that the gate of an agent's live version uses: that could let a
    /// worse version through.
    pub(super) async fn require_ungated(&self, file: &Path) -> Result<(), Error> {
        let is_same = |name: &String| Path::new(name).file_name() == file.file_name();
        for row in self.desk.store.agents().await? {
            let gate = prompts::gate(&row.source);
            let used = gate.is_some_and(|gate| {
                is_same(&gate.suite) || gate.baseline.as_ref().is_some_and(is_same)
            });
            if used {
                return Err(Error::Conflict(format!(
                    "The gate of `{}` uses {}: change the file itself, where the desk runs.",
                    row.slug,
                    file.file_name().unwrap_or_default().to_string_lossy()
                )));
            }
        }
        Ok(())
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
        self.require_ungated(&file).await?;
        let case = case.clone();
        let made = tokio::task::spawn_blocking(move || {
            let (text, _) = cases::without_case(&text, &case)?;
            Ok((cases::is_bare(&text), text))
        });
        let made = made.await.unwrap_or_else(|error| Err(EditError::Wrong(error.to_string())));
        let (is_bare, text) = made?;
        if !is_bare {
            return self.replace(&file, &text).await;
        }
        // A suite without cases cannot be run, and its scores are those of none.
        std::fs::remove_file(&file).map_err(|error| {
            Error::Wrong(format!("{} cannot be removed: {error}", file.display()))
        })?;
        if let Some(accepted) = self.accepted(suite) {
            drop(std::fs::remove_file(self.suites.join(accepted.file)));
        }
        Ok(())
    }
}
