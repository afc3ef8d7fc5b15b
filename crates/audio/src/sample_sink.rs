//! Passes decoded samples to the caller in blocks, within the limits. Knows nothing of formats.

use std::ops::ControlFlow;

use super::{BLOCK, Error, Limits, Longer, RATE};

/// Why decoding stops before the end of the file.
#[derive(Debug)]
pub(super) enum Stop {
    /// Decoding failed.
    Failed(Error),
    /// The limit is reached, or the caller stopped it.
    Enough,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Collects samples and passes them to the caller.
pub(super) struct SampleSink<'a> {
    limits: &'a Limits<'a>,
    give: &'a mut dyn FnMut(&[f32]) -> ControlFlow<()>,
    block: Vec<f32>,
    taken: u64,
    longest: u64,
    /// Samples to drop before the audible part, and samples of it still to come.
    skip: usize,
    keep: usize,
    /// Part of the recording is missing.
    pub(super) cut: bool,
}

impl<'a> SampleSink<'a> {
    pub(super) fn new(
        limits: &'a Limits<'a>,
        give: &'a mut dyn FnMut(&[f32]) -> ControlFlow<()>,
    ) -> Self {
        let longest = limits.longest.as_millis().saturating_mul(u128::from(RATE)) / 1000;
        let longest = u64::try_from(longest).unwrap_or(u64::MAX);
        let block = Vec::with_capacity(BLOCK);
        Self { limits, give, block, taken: 0, longest, skip: 0, keep: usize::MAX, cut: false }
    }

    /// Limits the output to the audible part: skips and keeps this many seconds.
    pub(super) fn only(&mut self, skip: f64, keep: Option<f64>) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let samples = |seconds: f64| (seconds * f64::from(RATE)).round() as usize;
        (self.skip, self.keep) = (samples(skip), keep.map_or(usize::MAX, samples));
    }

    /// Adds samples at [`RATE`]; NaN and infinity become silence.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<(), Stop> {
        let dropped = samples.len().min(self.skip);
        self.skip -= dropped;
        let samples = &samples[dropped..];
        let samples = &samples[..samples.len().min(self.keep)];
        self.keep -= samples.len();
        let room = self.longest.saturating_sub(self.taken);
        let fits = samples.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if fits < samples.len() && self.limits.longer == Longer::Refuse {
            self.taken += samples.len() as u64;
            self.limits.check(self.seconds())?;
        }
        for sample in &samples[..fits] {
            let sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
            self.block.push(sample);
            self.taken += 1;
            if self.block.len() == BLOCK {
                self.flush()?;
            }
        }
        if fits < samples.len() {
            self.flush()?;
            return Err(Stop::Enough);
        }
        Ok(())
    }

    /// Passes the last block to the caller.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        self.check()?;
        if self.block.is_empty() {
            return Ok(());
        }
        let flow = (self.give)(&self.block);
        self.block.clear();
        if flow.is_break() { Err(Stop::Enough) } else { Ok(()) }
    }

    /// Fails if the caller has cancelled.
    pub(super) fn check(&self) -> Result<(), Stop> {
        match self.limits.cancelled {
            Some(cancelled) if cancelled() => Err(Error::Cancelled.into()),
            _ => Ok(()),
        }
    }

    /// Length of the samples so far, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "52 bits are thousands of years")]
        let taken = self.taken as f64;
        taken / f64::from(RATE)
    }
}
