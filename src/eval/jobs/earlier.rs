//! Resolves what a run is compared with: an earlier run, or a file of accepted scores.

use std::path::PathBuf;

use frontdesk_promptfoo::compare::Baseline;
use frontdesk_promptfoo::run_log::RunLog;

use super::{Error, EvalRequest, Jobs, inside};
use crate::domain::RunId;

impl Jobs {
    /// Returns the log of an earlier run.
    pub(super) fn earlier(&self, id: &str) -> Result<RunLog, Error> {
        let missing = || Error::Missing(format!("There is no run `{id}` with rows here."));
        let id = RunId::parse(id).map_err(|_| missing())?;
        let run_log = self.run_log(id.as_str());
        if run_log.path().exists() { Ok(run_log) } else { Err(missing()) }
    }

    pub(super) fn baseline(&self, wanted: &EvalRequest) -> Result<Option<Baseline>, Error> {
        let Some(name) = &wanted.baseline else { return Ok(None) };
        let file = if name.starts_with("run_") {
            self.earlier(name)?.path().to_owned()
        } else {
            let beside = self.suites.parent().filter(|it| !it.as_os_str().is_empty());
            let found = inside(&self.suites, name).or_else(|| inside(beside?, name));
            let most = self.policy.limits().file_bytes;
            let is_kind = |file: &PathBuf| {
                let fits = std::fs::metadata(file).is_ok_and(|known| known.len() <= most);
                fits && file.extension().is_some_and(|it| it == "json" || it == "jsonl")
            };
            found.filter(is_kind).ok_or_else(|| {
                Error::Missing(format!(
                    "There is no file `{name}` of accepted scores beside the suites."
                ))
            })?
        };
        Baseline::read(&file).map(Some).map_err(|error| Error::Wrong(error.to_string()))
    }
}
