//! Progress and stop signal of a run that has not ended. Announces progress on the live stream.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use frontdesk_promptfoo::row::{EvalRow, Verdict};
use frontdesk_promptfoo::run::Progress;
use tokio::sync::watch;

use crate::desk::Notifier;
use crate::domain::What;

/// Minimum time between two announcements.
const MIN_ANNOUNCE_INTERVAL: Duration = Duration::from_millis(300);

/// A run that has not ended.
pub(super) struct Active {
    total: AtomicUsize,
    counts: [AtomicUsize; 4],
    pub(super) stop: watch::Sender<bool>,
    wake: Arc<Notifier>,
    told: Mutex<Option<Instant>>,
}

impl Active {
    pub(super) fn new(wake: &Arc<Notifier>) -> Self {
        Self {
            total: AtomicUsize::new(0),
            counts: Default::default(),
            stop: watch::Sender::new(false),
            wake: wake.clone(),
            told: Mutex::default(),
        }
    }

    /// Returns the total rows and the counts by verdict.
    pub(super) fn progress(&self) -> (usize, [usize; 4]) {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        (self.total.load(Ordering::Relaxed), counts)
    }

    fn announce_progress(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= MIN_ANNOUNCE_INTERVAL) {
            *told = Some(Instant::now());
            self.wake.announce(What::Evals);
        }
    }
}

impl Progress for Active {
    fn begin(&self, total: usize) {
        self.total.store(total, Ordering::Relaxed);
        self.announce_progress();
    }

    fn row(&self, row: &EvalRow) {
        let at = match row.verdict() {
            Verdict::Passed => 0,
            Verdict::Failed => 1,
            Verdict::Error => 2,
            Verdict::Skipped => 3,
        };
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.announce_progress();
    }

    fn done(&self) {}
}
