//! The settings of the worker.

use serde::Deserialize;

use crate::domain::loop_guard::Limits;
use crate::pipeline::inbound::Intake;

/// The settings of the worker, as in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Quiet gap after a customer's last message before the bot answers, in milliseconds.
    pub gap_ms: i64,
    /// Maximum time by which a burst of messages can delay the answer, in milliseconds.
    pub longest_burst_ms: i64,
    /// Age from which incoming messages are stored but not answered, in minutes.
    pub stale_minutes: i64,
    /// Maximum number of concurrent turns.
    pub turns: usize,
    /// Maximum number of concurrent sends.
    pub sends: usize,
    /// Whether the customer sees "typing…" (and blue ticks) while the bot works.
    pub typing: bool,
    /// Maximum duration of a turn, in milliseconds.
    pub turn_ms: u64,
    /// Lease of a turn, in milliseconds; renewed while the turn runs. Without renewal, another
    /// process may then run it.
    pub lease_ms: i64,
    /// Lease of a send, in milliseconds; must exceed every provider timeout. When it expires, the
    /// outcome is unknown.
    pub send_lease_ms: i64,
    /// How often the database is polled for work, in milliseconds.
    pub poll_ms: u64,
    /// Time for running turns to finish on shutdown, in milliseconds.
    pub grace_ms: u64,
    /// Maximum burst of messages to one customer; 0 for no limit.
    pub pair_burst: i64,
    /// Time in which one message of the burst is earned back, in milliseconds.
    pub pair_gap_ms: i64,
    /// Retention of webhook bodies, in days; 0 keeps them for ever.
    pub keep_webhooks_days: i64,
    /// Retention of messages' files, in days; 0 keeps them for ever. Transcripts are kept.
    pub keep_recordings_days: i64,
    /// Maximum size of a file that is stored, of a customer or to one, in bytes.
    pub max_file_bytes: usize,
    /// Maximum size of a number's stored files, in bytes; 0 for no limit.
    pub max_files_bytes: i64,
    /// Whether the inputs of turns are recorded for replay.
    pub record_turns: bool,
    /// Retention of recorded turn inputs, in days; 0 keeps them for ever. The turns are kept.
    pub keep_tapes_days: i64,
    /// Retention of audit log entries, in days; 0 keeps them for ever.
    pub keep_audit_days: i64,
    /// Limits above which a sender counts as a machine.
    pub machine: Limits,
}

/// WhatsApp's own limit, in bytes: a document may have 100 MB.
const WHATSAPP_MAX_BYTES: usize = 100 * 1024 * 1024;

impl Settings {
    /// Maximum size of a customer's file that is stored, in bytes.
    pub fn max_file_bytes(&self) -> usize {
        self.max_file_bytes.min(WHATSAPP_MAX_BYTES)
    }

    /// Returns the settings of intake.
    pub fn intake(&self) -> Intake {
        Intake {
            gap_ms: self.gap_ms,
            most_ms: self.longest_burst_ms.max(self.gap_ms),
            stale_ms: self.stale_minutes.saturating_mul(60_000),
            limits: self.machine,
        }
    }
}
