//! Every metric of the desk: name, help text and label. `docs/metrics.md` is generated from this
//! list.

use std::time::Duration;

use frontdesk_words::words;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::domain::{SendOutcome, TurnOutcome};

words! {
    /// The deadline that the peer of a closed connection missed.
    pub enum MissedDeadline {
        /// A request's head did not arrive completely.
        Header = "header",
        /// No further request arrived.
        Idle = "idle",
        /// The response was not read.
        Unread = "unread",
        /// The peer did not close the connection.
        Linger = "linger",
    }
}

/// A value that only grows.
#[derive(Debug)]
pub struct Counter {
    name: &'static str,
    /// The label and its values; `None` for a counter without a label.
    label: Option<(&'static str, &'static [&'static str])>,
    help: &'static str,
}

/// A value that goes up and down.
#[derive(Debug)]
pub struct Gauge {
    name: &'static str,
    help: &'static str,
}

/// Durations in seconds, exported as a summary of quantiles.
#[derive(Debug)]
pub struct Histogram {
    name: &'static str,
    help: &'static str,
}

/// Webhooks that were stored.
pub static WEBHOOKS: Counter =
    Counter::plain("frontdesk_webhooks_total", "Webhooks that were stored and acknowledged.");
/// Customer messages, without redeliveries.
pub static MESSAGES_IN: Counter = Counter::plain(
    "frontdesk_messages_in_total",
    "Messages of customers, each counted once however often it is delivered.",
);
/// Webhooks that were refused.
pub static WEBHOOKS_REFUSED: Counter = Counter::plain(
    "frontdesk_webhooks_refused_total",
    "Webhooks that were refused: a wrong signature, an unknown number, or no room to store them.",
);
/// Committed turns, by outcome.
pub static TURNS: Counter = Counter {
    name: "frontdesk_turns_total",
    label: Some(("outcome", TurnOutcome::WORDS)),
    help: "Turns that were committed.",
};
/// Duration of turns.
pub static TURN_SECONDS: Histogram = Histogram {
    name: "frontdesk_turn_seconds",
    help: "Time from the beginning of a turn to its commit.",
};
/// Restarts of turns before their commit.
pub static TURNS_BEGUN_AGAIN: Counter = Counter::plain(
    "frontdesk_turns_begun_again_total",
    "How often a turn began again because a newer message came or a person took over.",
);
/// Conversations that wait for a turn.
pub static TURNS_WAITING: Gauge =
    Gauge { name: "frontdesk_turns_waiting", help: "Conversations that wait for a turn." };
/// Messages in the outbox that are not sent yet.
pub static SENDS_WAITING: Gauge = Gauge {
    name: "frontdesk_sends_waiting",
    help: "Messages in the outbox that are not sent yet.",
};
/// Sends, by outcome.
pub static SENDS: Counter = Counter {
    name: "frontdesk_sends_total",
    label: Some(("ended", SendOutcome::WORDS)),
    help: "Sends by how they ended; `again` is tried once more, of `unknown` nobody knows whether it went out.",
};
/// Sends of unknown outcome that a setting decided.
pub static SENDS_DECIDED: Counter = Counter::plain(
    "frontdesk_sends_decided_total",
    "Sends of unknown outcome that the number's setting decided, because no status event did.",
);
/// Notices to support contacts that were not delivered.
pub static NOTICES_LOST: Counter = Counter::plain(
    "frontdesk_notices_lost_total",
    "Notices to support contacts that were not delivered: the case is open, and nobody was told.",
);
/// Connections that were refused.
pub static CONNECTIONS_REFUSED: Counter = Counter::plain(
    "frontdesk_connections_refused_total",
    "Connections that were closed at once: all places, or those of one address, were taken.",
);
/// Connections that were closed for a missed deadline, by deadline.
pub static CONNECTIONS_CUT: Counter = Counter {
    name: "frontdesk_connections_cut_total",
    label: Some(("why", MissedDeadline::WORDS)),
    help: "Connections that were closed because a deadline was missed.",
};
/// Request bodies that were cut off.
pub static BODIES_CUT: Counter = Counter::plain(
    "frontdesk_bodies_cut_total",
    "Request bodies that were refused while they came: too slow, or no room in memory.",
);

/// All counters.
pub static COUNTERS: &[&Counter] = &[
    &WEBHOOKS,
    &MESSAGES_IN,
    &WEBHOOKS_REFUSED,
    &TURNS,
    &TURNS_BEGUN_AGAIN,
    &SENDS,
    &SENDS_DECIDED,
    &NOTICES_LOST,
    &CONNECTIONS_REFUSED,
    &CONNECTIONS_CUT,
    &BODIES_CUT,
];
/// All gauges.
pub static GAUGES: &[&Gauge] = &[&TURNS_WAITING, &SENDS_WAITING];
/// All histograms.
pub static HISTOGRAMS: &[&Histogram] = &[&TURN_SECONDS];

impl Counter {
    const fn plain(name: &'static str, help: &'static str) -> Self {
        Self { name, label: None, help }
    }

    /// Adds one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Adds a number.
    pub fn add(&self, count: u64) {
        debug_assert!(self.label.is_none(), "{} is split by a label", self.name);
        counter!(self.name).increment(count);
    }

    /// Adds one for this value of the label.
    pub fn one_of(&self, word: &'static str) {
        let (label, words) = self.label.unwrap_or_default();
        debug_assert!(words.contains(&word), "{} is not split by {word}", self.name);
        counter!(self.name, label => word).increment(1);
    }
}

impl Gauge {
    /// Sets the current value.
    pub fn set(&self, value: f64) {
        gauge!(self.name).set(value);
    }
}

impl Histogram {
    /// Records a duration.
    pub fn record(&self, took: Duration) {
        histogram!(self.name).record(took);
    }
}

/// Registers all metrics with the recorder of this process.
pub fn describe() {
    for it in COUNTERS {
        describe_counter!(it.name, it.help);
    }
    for it in GAUGES {
        describe_gauge!(it.name, it.help);
    }
    for it in HISTOGRAMS {
        describe_histogram!(it.name, it.help);
    }
}

/// Returns all metrics as a Markdown table.
pub fn table() -> String {
    let row = |name: &str, kind: &str, label: &str, help: &str| {
        format!("| `{name}`{label} | {kind} | {help} |\n")
    };
    let counters = COUNTERS.iter().map(|it| {
        let label = it.label.map_or_else(String::new, |(label, words)| {
            format!(" by `{label}` ({})", words.join(", "))
        });
        row(it.name, "counter", &label, it.help)
    });
    let gauges = GAUGES.iter().map(|it| row(it.name, "gauge", "", it.help));
    let histograms = HISTOGRAMS.iter().map(|it| row(it.name, "summary", "", it.help));
    let head = "| metric | type | tells |\n|---|---|---|\n".to_owned();
    std::iter::once(head).chain(counters).chain(gauges).chain(histograms).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_of_metrics_is_made_of_the_list() {
        let page = include_str!("../docs/metrics.md");
        assert!(page.contains(&super::table()), "docs/metrics.md should hold:\n{}", super::table());
    }
}
