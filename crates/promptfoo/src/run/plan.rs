//! The options of a run, its progress callback and its errors.

use std::time::Duration;

use super::super::row::EvalRow;
use super::super::run_log::RunLog;
use super::filter::Filters;

/// Options of a run. A `None` falls back to the suite, then to the default.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which cases, prompts and targets run.
    pub filters: Filters,
    /// Number of repetitions of each case.
    pub repeat: Option<usize>,
    /// Number of cases that run at once.
    pub concurrency: Option<usize>,
    /// Delay before each call.
    pub delay: Option<Duration>,
    /// Time limit of a case.
    pub timeout: Option<Duration>,
    /// Time limit of the run.
    pub max_time: Option<Duration>,
    /// Maximum size of the rows on disk, in bytes; `None` for the policy's limit.
    pub max_bytes: Option<u64>,
    /// The run log that rows are written to.
    pub run_log: RunLog,
    /// Whether rows that the run log already has are skipped; otherwise the run log is overwritten.
    pub resume: bool,
}

impl Plan {
    /// Options with defaults and no filters.
    pub fn new(run_log: RunLog) -> Self {
        Self {
            filters: Filters::default(),
            repeat: None,
            concurrency: None,
            delay: None,
            timeout: None,
            max_time: None,
            max_bytes: None,
            run_log,
            resume: false,
        }
    }
}

/// Receives the progress of a run.
pub trait Progress: Send + Sync {
    /// The run begins; `total` rows will run.
    fn begin(&self, total: usize);
    /// A row has finished.
    fn row(&self, row: &EvalRow);
    /// The run has finished or was stopped.
    fn done(&self);
}

/// Why a run could not start or continue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A filter is invalid.
    #[error("{0}")]
    Filter(String),
    /// The run exceeds a limit, or the policy forbids a part of it.
    #[error("{0}")]
    Bounds(String),
    /// The number of targets does not match the suite.
    #[error("the suite names {named} targets, and {given} are ready")]
    Targets {
        /// Number of targets in the suite.
        named: usize,
        /// Number of targets passed to the run.
        given: usize,
    },
    /// The run log cannot be read or written.
    #[error("the run log {path} cannot be used: {error}")]
    RunLog {
        /// The run log's path.
        path: std::path::PathBuf,
        /// The I/O error.
        error: std::io::Error,
    },
}
