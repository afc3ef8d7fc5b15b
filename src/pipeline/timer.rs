//! How long a stage took, for its trace.

use std::time::Instant;

/// Milliseconds since a moment.
pub(super) fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
