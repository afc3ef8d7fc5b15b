//! How a run is asked for, what hears of it, and why it could not be.

use std::time::Duration;

use super::super::row::EvalRow;
use super::super::run_log::RunLog;
use super::filter::Filters;

/// How a suite is run. What is not said here is taken from the suite.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is left of the suite.
    pub filters: Filters,
    /// How often each case is run.
    pub repeat: Option<usize>,
    /// Cases at once.
    pub concurrency: Option<usize>,
    /// How long to wait before each call.
    pub delay: Option<Duration>,
    /// The longest that a case may take.
    pub timeout: Option<Duration>,
    /// The longest that the run may take.
    pub max_time: Option<Duration>,
    /// The most bytes that the rows may take on the disk; those of the policy where nothing is said.
    pub most_bytes: Option<u64>,
    /// Where the rows go.
    pub run_log: RunLog,
    /// Whether rows that are in the run log already are not run again; without it the run log begins anew.
    pub resume: bool,
}

impl Plan {
    /// A run of everything, with its rows in a run log.
    pub fn new(run_log: RunLog) -> Self {
        Self {
            filters: Filters::default(),
            repeat: None,
            concurrency: None,
            delay: None,
            timeout: None,
            max_time: None,
            most_bytes: None,
            run_log,
            resume: false,
        }
    }
}

/// Hears how a run goes on.
pub trait Progress: Send + Sync {
    /// It begins; so many rows will be run.
    fn begin(&self, total: usize);
    /// A row has ended.
    fn row(&self, row: &EvalRow);
    /// It has ended, or was stopped.
    fn done(&self);
}

/// Why a run could not be begun, or went no further.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A filter is wrong.
    #[error("{0}")]
    Filter(String),
    /// The run would be larger than it may.
    #[error("{0}")]
    Bounds(String),
    /// There are not as many targets as the suite names.
    #[error("the suite names {named} targets, and {given} are ready")]
    Targets {
        /// What the suite names.
        named: usize,
        /// What was given.
        given: usize,
    },
    /// The run log cannot be read or written.
    #[error("the journal {path} cannot be used: {error}")]
    RunLog {
        /// Where it is.
        path: std::path::PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}
