//! Resamples any rate to 16 kHz in chunks, with a low-pass filter. The output lasts exactly as long
//! as the input: the filter's delay is dropped at the start and flushed at the end.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Fft, FixedSync, Indexing, Resampler as _, ResamplerConstructionError, WindowFunction,
};

use super::sample_sink::{SampleSink, Stop};
use super::{Error, RATE};

/// Supported sample rates, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 4000..=192_000;
/// Minimum samples in one run of the filter.
const CHUNK: usize = 512;

/// Resamples one channel.
pub(super) struct Resampler {
    rate: u32,
    /// `None` at 16 kHz.
    filter: Option<Fft<f32>>,
    input: Vec<f32>,
    output: Vec<f32>,
    /// Rest of the filter's delay to drop, in samples.
    delay: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// Creates a resampler. Fails for unsupported rates.
    pub(super) fn new(rate: u32, what: &'static str) -> Result<Self, Error> {
        if !RATES.contains(&rate) {
            return Err(Error::Unsupported { what: format!("{what} at {rate} Hz") });
        }
        let filter = if rate == RATE { None } else { Some(filter(rate)) };
        let filter = filter
            .transpose()
            .map_err(|_| Error::Unsupported { what: format!("{what} at {rate} Hz") })?;
        let output = filter.as_ref().map_or(0, Fft::output_frames_max);
        let delay = filter.as_ref().map_or(0, Fft::output_delay);
        let (input, output) = (Vec::new(), vec![0.0; output]);
        Ok(Self { rate, filter, input, output, delay, taken: 0, given: 0 })
    }

    /// Adds samples at the input rate.
    pub(super) fn push(&mut self, samples: &[f32], sink: &mut SampleSink<'_>) -> Result<(), Stop> {
        let Some(wanted) = self.filter.as_ref().map(Fft::input_frames_next) else {
            return sink.push(samples);
        };
        self.taken += samples.len() as u64;
        let mut samples = samples;
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(wanted - self.input.len()));
            self.input.extend_from_slice(now);
            samples = later;
            if self.input.len() == wanted {
                self.run(sink)?;
            }
        }
        Ok(())
    }

    /// Flushes the filter.
    pub(super) fn finish(&mut self, sink: &mut SampleSink<'_>) -> Result<(), Stop> {
        let due = self.taken.saturating_mul(u64::from(RATE)).div_ceil(u64::from(self.rate));
        while self.filter.is_some() && self.given < due {
            self.run(sink)?;
        }
        (self.taken, self.given) = (0, 0);
        Ok(())
    }

    /// Runs the chunk through the filter, padded with silence.
    fn run(&mut self, sink: &mut SampleSink<'_>) -> Result<(), Stop> {
        let Some(filter) = self.filter.as_mut() else { return Ok(()) };
        let partial = Indexing::new().partial_len(self.input.len());
        let broken = |_| Error::Damaged { what: "resampled" };
        self.input.resize(filter.input_frames_next(), 0.0);
        let input = InterleavedSlice::new(&self.input, 1, self.input.len()).map_err(broken)?;
        let length = self.output.len();
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, length).map_err(broken)?;
        let (_, made) = filter
            .process_into_buffer(&input, &mut output, Some(&partial))
            .map_err(|_| Error::Damaged { what: "resampled" })?;
        self.input.clear();
        let dropped = self.delay.min(made);
        self.delay -= dropped;
        let due = self.taken.saturating_mul(u64::from(RATE)).div_ceil(u64::from(self.rate));
        let left = usize::try_from(due - self.given).unwrap_or(usize::MAX);
        let made = &self.output[dropped..made];
        let made = &made[..made.len().min(left)];
        self.given += made.len() as u64;
        sink.push(made)
    }

    /// Input rate, in Hz.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }
}

/// Creates a filter from a rate to 16 kHz. The chunk is a multiple of twice the shortest one, so
/// that the delay is a whole number of samples.
fn filter(rate: u32) -> Result<Fft<f32>, ResamplerConstructionError> {
    let (from, to) = (rate as usize, RATE as usize);
    let chunk = CHUNK.next_multiple_of(2 * (rate / common(rate, RATE)) as usize);
    Fft::new_custom(from, to, chunk, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Input)
}

/// Greatest common divisor.
fn common(left: u32, right: u32) -> u32 {
    if right == 0 { left } else { common(right, left % right) }
}
