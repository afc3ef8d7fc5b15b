//! Ends the work on a recording: because nobody waits for it any more, or because it took too long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::speech::Error;

/// Whether to go on with a recording.
#[derive(Debug)]
pub(super) struct Stop {
    dropped: AtomicBool,
    longest: Duration,
    began: OnceLock<Instant>,
}

impl Stop {
    pub(super) fn after(longest: Duration) -> Arc<Self> {
        Arc::new(Self { dropped: AtomicBool::new(false), longest, began: OnceLock::new() })
    }

    /// How long the work may take.
    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// The time begins to run.
    pub(super) fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// Whether to stop now.
    pub(super) fn now(&self) -> bool {
        self.dropped.load(Ordering::Relaxed) || self.is_late()
    }

    fn is_late(&self) -> bool {
        self.began.get().is_some_and(|began| began.elapsed() >= self.longest)
    }

    /// An error when it is time to stop.
    pub(super) fn go_on(&self) -> Result<(), Error> {
        if self.now() { Err(self.error()) } else { Ok(()) }
    }

    /// The error of work that was stopped.
    fn error(&self) -> Error {
        Error::Failed(if self.is_late() {
            let ms = self.longest.as_millis();
            format!("it took longer than the {ms} ms that [speech] timeout_ms allows")
        } else {
            "nobody waits for it any more".into()
        })
    }
}

/// Stops the work on a recording when whoever waits for it drops this.
pub(super) struct StopOnDrop(pub(super) Arc<Stop>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.dropped.store(true, Ordering::Relaxed);
    }
}
