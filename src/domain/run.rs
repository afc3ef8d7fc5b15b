//! States of eval runs.

use frontdesk_words::words;

words! {
    /// State of an eval run.
    pub enum RunState {
        /// It is queued.
        Queued = "queued",
        /// It runs.
        Running = "running",
        /// Stopping was requested.
        Stopping = "stopping",
        /// It completed.
        Done = "done",
        /// It failed.
        Failed = "failed",
        /// It was stopped before it completed.
        Stopped = "stopped",
    }
}

impl RunState {
    /// Whether the run has not ended yet.
    pub const fn is_active(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Stopping => true,
            Self::Done | Self::Failed | Self::Stopped => false,
        }
    }
}
