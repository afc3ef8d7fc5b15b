//! Runs of evals: how far one is.

use frontdesk_words::words;

words! {
    /// How far a run is.
    pub enum RunState {
        /// It waits for its turn.
        Queued = "queued",
        /// It runs.
        Running = "running",
        /// Somebody wants it stopped.
        Stopping = "stopping",
        /// All of it was run.
        Done = "done",
        /// It could not be run.
        Failed = "failed",
        /// It was stopped before all of it was run.
        Stopped = "stopped",
    }
}

impl RunState {
    /// Whether it has not ended.
    pub const fn is_active(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Stopping => true,
            Self::Done | Self::Failed | Self::Stopped => false,
        }
    }
}
