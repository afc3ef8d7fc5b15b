//! How the worker works.

use serde::Deserialize;

use crate::domain::loop_guard::Limits;
use crate::pipeline::inbound::Intake;

/// How the worker works, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Quiet gap after a customer's last message before the bot answers, in milliseconds.
    pub gap_ms: i64,
    /// The most that a burst of messages can put an answer off, in milliseconds.
    pub longest_burst_ms: i64,
    /// Messages older than this are stored and not answered, in minutes.
    pub stale_minutes: i64,
    /// How many turns run at once.
    pub turns: usize,
    /// How many messages are being sent at once.
    pub sends: usize,
    /// Whether the customer sees "typing…" (and blue ticks) while the bot works.
    pub typing: bool,
    /// The longest that one turn may take, in milliseconds.
    pub turn_ms: u64,
    /// After this many milliseconds without a sign of life of its process, another one may run a turn. Renewed while
    /// the turn runs.
    pub lease_ms: i64,
    /// How long one message may be in sending, in milliseconds: longer than any time-out of a provider. Then its outcome is
    /// unknown.
    pub send_lease_ms: i64,
    /// How often the database is asked for work that nobody announced, in milliseconds.
    pub poll_ms: u64,
    /// How long turns under way get to finish when the process is told to stop, in milliseconds.
    pub grace_ms: u64,
    /// The most messages to one customer at once; 0: no limit.
    pub pair_burst: i64,
    /// The milliseconds that each of them costs before there may be as many again.
    pub pair_gap_ms: i64,
    /// How long the bodies of webhooks are kept, in days; 0: for ever.
    pub keep_webhooks_days: i64,
    /// How many days the files of recordings are kept; 0: for ever. What was said in them stays.
    pub keep_recordings_days: i64,
    /// Whether turns are recorded, so that they can be run again.
    pub record_turns: bool,
    /// How many days what was recorded of turns is kept; 0: for ever. The turns stay.
    pub keep_tapes_days: i64,
    /// How many days entries of the audit log are kept; 0: for ever.
    pub keep_audit_days: i64,
    /// When a sender is taken for a machine.
    pub machine: Limits,
}

impl Settings {
    /// How messages are taken in.
    pub fn intake(&self) -> Intake {
        Intake {
            gap_ms: self.gap_ms,
            most_ms: self.longest_burst_ms.max(self.gap_ms),
            stale_ms: self.stale_minutes.saturating_mul(60_000),
            limits: self.machine,
        }
    }
}
