//! Accepts a run's scores as the baseline of its suite: a file beside the suite, which later runs
//! and gates can be compared with.

use frontdesk_promptfoo::compare::Baseline;

use super::{Error, EvalRequest, Jobs, inside};
use crate::domain::RunState;
use crate::store::runs::RunRow;

/// A suite's file of accepted scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedBaseline {
    /// Its name, as a run's `baseline` takes it.
    pub file: String,
    /// When it was written, milliseconds since 1970.
    pub accepted_at: i64,
}

impl Jobs {
    /// Accepts the scores of a run that is done: of the live version, on every case that the suite
    /// had, without errors.
    pub async fn accept(&self, row: &RunRow) -> Result<AcceptedBaseline, Error> {
        if row.state != RunState::Done {
            let state = row.state;
            return Err(Error::Conflict(format!(
                "The run is {state}: only one that is done can be accepted."
            )));
        }
        let wanted: Option<EvalRequest> = serde_json::from_str(&row.wanted).ok();
        let (known, wanted) = Self::parse_result(row).zip(wanted).ok_or_else(|| {
            Error::Conflict("This version of frontdesk cannot read the run: run it again.".into())
        })?;
        if let Some(why) = unacceptable(&wanted, known.summary.counts()) {
            return Err(Error::Conflict(why.into()));
        }
        if inside(&self.suites, &row.suite).is_none() {
            return Err(Error::Missing(format!("There is no suite `{}` any more.", row.suite)));
        }
        let run_log = self.earlier(&row.id)?;
        let name = baseline_name(&row.suite);
        let file = self.suites.join(&name);
        self.require_ungated(&file).await?;
        let _one_at_a_time = self.saving.lock().await;
        if std::fs::symlink_metadata(&file).is_ok_and(|known| !known.is_file()) {
            return Err(Error::Wrong(format!("{} is no file", file.display())));
        }
        let written = tokio::task::spawn_blocking(move || {
            // A hidden name, so that nothing reads half of it.
            let beside = file.with_file_name(format!(
                ".{}",
                file.file_name().unwrap_or_default().to_string_lossy()
            ));
            // What stands in its place may be a link.
            drop(std::fs::remove_file(&beside));
            let baseline = Baseline::of(&known.summary, &run_log).map_err(|it| it.to_string())?;
            let put = baseline.write(&beside).map_err(|it| it.to_string()).and_then(|()| {
                let moved = std::fs::rename(&beside, &file);
                moved.map_err(|it| format!("{} cannot be written: {it}", file.display()))
            });
            if put.is_err() {
                drop(std::fs::remove_file(&beside));
            }
            put
        });
        written.await.unwrap_or_else(|error| Err(error.to_string())).map_err(Error::Wrong)?;
        self.accepted(&row.suite)
            .ok_or_else(|| Error::Missing(format!("There is no file `{name}` any more.")))
    }

    /// Returns a suite's file of accepted scores, if there is one.
    pub(super) fn accepted(&self, suite: &str) -> Option<AcceptedBaseline> {
        let file = baseline_name(suite);
        let known = std::fs::metadata(inside(&self.suites, &file)?).ok()?;
        let since = known.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let accepted_at = i64::try_from(since.as_millis()).ok()?;
        Some(AcceptedBaseline { file, accepted_at })
    }
}

/// Why a run's scores are no bar for later versions.
fn unacceptable(wanted: &EvalRequest, counts: [usize; 4]) -> Option<&'static str> {
    let [.., errors, _] = counts;
    if !wanted.is_whole() {
        return Some("It ran only some of the cases: run the whole suite, and accept that run.");
    }
    if wanted.prompt.is_some() || wanted.grader.is_some() {
        return Some(
            "It tried another version or another grader: run the suite on the live version, and accept that run.",
        );
    }
    (errors > 0).then_some("Some of its cases ended in an error: mend that, and run it again.")
}

/// `acme.yaml` has its accepted scores in `acme.baseline.json`, and `acme.yml` in another file.
fn baseline_name(suite: &str) -> String {
    format!("{}.baseline.json", suite.strip_suffix(".yaml").unwrap_or(suite))
}
