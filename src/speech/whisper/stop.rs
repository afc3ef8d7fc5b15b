//! Stops the work on a recording when nobody waits for it any more or its time limit is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::speech::Error;

/// Stop signal of a recording.
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

    /// The time limit.
    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// Starts the time limit.
    pub(super) fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// Whether to stop now.
    pub(super) fn should_stop(&self) -> bool {
        self.dropped.load(Ordering::Relaxed) || self.is_late()
    }

    fn is_late(&self) -> bool {
        self.began.get().is_some_and(|began| began.elapsed() >= self.longest)
    }

    /// Fails when the work must stop.
    pub(super) fn check_stop(&self) -> Result<(), Error> {
        if self.should_stop() { Err(self.error()) } else { Ok(()) }
    }

    /// Why the work was stopped.
    fn error(&self) -> Error {
        Error::Failed(if self.is_late() {
            let ms = self.longest.as_millis();
            format!("it took longer than the {ms} ms that [speech] timeout_ms allows")
        } else {
            "nobody waits for it any more".into()
        })
    }
}

/// Signals a stop when dropped.
pub(super) struct StopOnDrop(pub(super) Arc<Stop>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.dropped.store(true, Ordering::Relaxed);
    }
}
