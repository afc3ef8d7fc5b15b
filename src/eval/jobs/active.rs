//! A run that has not ended: how far it is, and how it is stopped. Says on the live stream that it goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use frontdesk_promptfoo::row::{EvalRow, Verdict};
use frontdesk_promptfoo::run::Progress;
use tokio::sync::watch;

use crate::desk::Notifier;
use crate::domain::What;

/// How often it is said at most that a run goes on.
const OFTEN: Duration = Duration::from_millis(300);

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

    /// Rows in all, and by how they ended.
    pub(super) fn progress(&self) -> (usize, [usize; 4]) {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        (self.total.load(Ordering::Relaxed), counts)
    }

    fn tell(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= OFTEN) {
            *told = Some(Instant::now());
            self.wake.announce(What::Evals);
        }
    }
}

impl Progress for Active {
    fn begin(&self, total: usize) {
        self.total.store(total, Ordering::Relaxed);
        self.tell();
    }

    fn row(&self, row: &EvalRow) {
        let at = match row.verdict() {
            Verdict::Passed => 0,
            Verdict::Failed => 1,
            Verdict::Error => 2,
            Verdict::Skipped => 3,
        };
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    fn done(&self) {}
}
