//! Facts from outside the desk: which messages were acknowledged and when, when the model was asked
//! about them, what WhatsApp accepted and has not reported yet, how many webhooks were delivered.
//! Must not judge.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use regex::Regex;

/// A customer's numbered message, as written in the text: `c17m05`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Mark {
    pub(super) customer: usize,
    /// Increases with each message of the customer.
    pub(super) message: usize,
}

impl Mark {
    /// Returns the marks in a text, in order.
    pub(super) fn all_in(text: &str) -> Vec<Self> {
        static MARK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"c(\d+)m(\d+)").unwrap());
        let number = |digits: &str| digits.parse().unwrap();
        let marks = MARK.captures_iter(text).map(|found| found.extract().1);
        marks.map(|[c, m]| Self { customer: number(c), message: number(m) }).collect()
    }

    /// Returns the customer's phone number: digits without `+`.
    pub(super) fn wa_id(self) -> String {
        format!("4477009{:05}", self.customer)
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "c{:02}m{:02}", self.customer, self.message)
    }
}

/// A time for each message.
pub(super) type Moments = HashMap<Mark, Instant>;

/// The recorded facts.
#[derive(Default)]
pub(super) struct Ledger {
    acknowledged: Mutex<Moments>,
    asked: Mutex<Moments>,
    unreported: Mutex<HashMap<String, Instant>>,
    reported: Mutex<HashMap<String, Instant>>,
    webhooks: AtomicUsize,
    repeats: AtomicUsize,
    refused: AtomicUsize,
}

impl Ledger {
    /// Records that the desk acknowledged these messages; the first time counts.
    pub(super) fn acknowledge(&self, marks: &[Mark]) {
        let mut acknowledged = self.acknowledged.lock().unwrap();
        for mark in marks {
            acknowledged.entry(*mark).or_insert_with(Instant::now);
        }
    }

    /// Records that the model was asked about these messages; the last time counts, because a turn
    /// that died runs again.
    pub(super) fn ask(&self, marks: &[Mark]) {
        let mut asked = self.asked.lock().unwrap();
        asked.extend(marks.iter().map(|mark| (*mark, Instant::now())));
    }

    /// Records that WhatsApp accepted our message with this id, and reports it from now on.
    pub(super) fn take(&self, id: &str) {
        self.unreported.lock().unwrap().insert(id.to_owned(), Instant::now());
    }

    /// Records that the desk acknowledged a status event of a message of ours.
    pub(super) fn report(&self, id: &str) {
        self.unreported.lock().unwrap().remove(id);
        self.reported.lock().unwrap().entry(id.to_owned()).or_insert_with(Instant::now);
    }

    /// Returns when the desk first acknowledged a status event of each message of ours, by
    /// WhatsApp's id.
    pub(super) fn reported(&self) -> HashMap<String, Instant> {
        self.reported.lock().unwrap().clone()
    }

    /// Returns whether the desk has not been told for longer than this that WhatsApp accepted a
    /// message.
    pub(super) fn owes_reports(&self, since: Duration) -> bool {
        self.unreported.lock().unwrap().values().any(|taken| taken.elapsed() > since)
    }

    /// Records the delivery of a webhook: whether it was a repetition, and whether it was
    /// acknowledged.
    pub(super) fn deliver(&self, again: bool, acknowledged: bool) {
        self.webhooks.fetch_add(1, Ordering::Relaxed);
        self.repeats.fetch_add(usize::from(again), Ordering::Relaxed);
        self.refused.fetch_add(usize::from(!acknowledged), Ordering::Relaxed);
    }

    /// Returns when each message was acknowledged.
    pub(super) fn acknowledged(&self) -> Moments {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Returns when the model was last asked about each message.
    pub(super) fn asked(&self) -> Moments {
        self.asked.lock().unwrap().clone()
    }

    /// Returns the number of delivered webhooks.
    pub(super) fn webhooks(&self) -> usize {
        self.webhooks.load(Ordering::Relaxed)
    }

    /// Returns how many of them were repetitions.
    pub(super) fn repeats(&self) -> usize {
        self.repeats.load(Ordering::Relaxed)
    }

    /// Returns how many of them were not acknowledged.
    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}
