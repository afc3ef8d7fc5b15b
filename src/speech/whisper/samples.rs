//! A recording's file to what the model hears, and what an error of that means for a transcript.

use std::time::Duration;

use crate::speech::Error;
use crate::speech::audio::{self, Limits, Longer};

/// Decodes a file, all of it or nothing; `cancelled` is asked now and then.
pub(super) fn samples(
    bytes: &[u8],
    longest_seconds: u64,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<f32>, Error> {
    let longest = Duration::from_secs(longest_seconds);
    let limits = Limits { longest, longer: Longer::Refuse, cancelled: Some(cancelled) };
    audio::samples(bytes, &limits).map_err(|error| match error {
        audio::Error::TooLong { seconds, limit } => Error::TooLong { seconds, limit },
        audio::Error::Cancelled => Error::Failed(error.to_string()),
        _ => Error::Unreadable(error.to_string()),
    })
}
