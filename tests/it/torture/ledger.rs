//! What the outside world knows for certain: which messages were acknowledged and when, when the model was asked
//! about them, what WhatsApp took and could not report yet, how many webhooks were delivered. Must not judge.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use regex::Regex;

/// A customer's numbered message, as it is written into the text: `c17m05`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Mark {
    pub(super) customer: usize,
    /// Rises as the customer writes.
    pub(super) message: usize,
}

impl Mark {
    /// The marks in a text, in order.
    pub(super) fn all_in(text: &str) -> Vec<Self> {
        static MARK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"c(\d+)m(\d+)").unwrap());
        let number = |digits: &str| digits.parse().unwrap();
        let marks = MARK.captures_iter(text).map(|found| found.extract().1);
        marks.map(|[c, m]| Self { customer: number(c), message: number(m) }).collect()
    }

    /// The customer's phone: digits without `+`.
    pub(super) fn wa_id(self) -> String {
        format!("4477009{:05}", self.customer)
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "c{:02}m{:02}", self.customer, self.message)
    }
}

/// When something happened to each message.
pub(super) type Moments = HashMap<Mark, Instant>;

/// The record.
#[derive(Default)]
pub(super) struct Ledger {
    acknowledged: Mutex<Moments>,
    asked: Mutex<Moments>,
    unreported: Mutex<HashMap<String, Instant>>,
    webhooks: AtomicUsize,
    repeats: AtomicUsize,
    refused: AtomicUsize,
}

impl Ledger {
    /// The desk acknowledged these messages; the first time counts.
    pub(super) fn acknowledge(&self, marks: &[Mark]) {
        let mut acknowledged = self.acknowledged.lock().unwrap();
        for mark in marks {
            acknowledged.entry(*mark).or_insert_with(Instant::now);
        }
    }

    /// The model was asked about these messages; the last time counts: a turn that died is run again.
    pub(super) fn ask(&self, marks: &[Mark]) {
        let mut asked = self.asked.lock().unwrap();
        asked.extend(marks.iter().map(|mark| (*mark, Instant::now())));
    }

    /// WhatsApp took a message of ours, by its id, and tells so from now on.
    pub(super) fn take(&self, id: &str) {
        self.unreported.lock().unwrap().insert(id.to_owned(), Instant::now());
    }

    /// The desk acknowledged a status event of a message of ours.
    pub(super) fn report(&self, id: &str) {
        self.unreported.lock().unwrap().remove(id);
    }

    /// Whether the desk does not know for longer than this that WhatsApp took a message.
    pub(super) fn owes_reports(&self, since: Duration) -> bool {
        self.unreported.lock().unwrap().values().any(|taken| taken.elapsed() > since)
    }

    /// A webhook was delivered, for the first time or again, and acknowledged or not.
    pub(super) fn deliver(&self, again: bool, acknowledged: bool) {
        self.webhooks.fetch_add(1, Ordering::Relaxed);
        self.repeats.fetch_add(usize::from(again), Ordering::Relaxed);
        self.refused.fetch_add(usize::from(!acknowledged), Ordering::Relaxed);
    }

    /// When each message was acknowledged.
    pub(super) fn acknowledged(&self) -> Moments {
        self.acknowledged.lock().unwrap().clone()
    }

    /// When the model was last asked about each message.
    pub(super) fn asked(&self) -> Moments {
        self.asked.lock().unwrap().clone()
    }

    /// How many webhooks were delivered.
    pub(super) fn webhooks(&self) -> usize {
        self.webhooks.load(Ordering::Relaxed)
    }

    /// How many of them had been delivered before.
    pub(super) fn repeats(&self) -> usize {
        self.repeats.load(Ordering::Relaxed)
    }

    /// How many of them were not acknowledged.
    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}
