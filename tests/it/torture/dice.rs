//! Seeded random numbers. Must not know what they are used for.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A sequence of random numbers: `SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>.
pub(super) struct Dice(AtomicU64);

impl Dice {
    /// Creates the generator of one part of a run, so that parts do not affect each other.
    pub(super) fn new(seed: u64, part: &str) -> Self {
        let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(AtomicU64::new(part.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, mix)))
    }

    fn roll(&self) -> u64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.0.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, which must not be 0.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.roll() % end
    }

    /// Returns an index into a list of `length`, which must not be 0.
    pub(super) fn place(&self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    /// Returns true with this probability in percent.
    pub(super) fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns a duration within a range of milliseconds.
    pub(super) fn time(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(range.start + self.below(range.end - range.start))
    }

    /// Returns a lifetime of 50 to 800 ms: short ones are frequent, long ones rare (exponential
    /// with a mean of 250 ms).
    pub(super) fn life(&self) -> Duration {
        let share = f64::from(u32::try_from(self.below(1_000_000)).unwrap() + 1) / 1_000_000.0;
        Duration::from_secs_f64((0.050 - 0.250 * share.ln()).min(0.800))
    }

    /// Sleeps for a duration within a range of milliseconds.
    pub(super) async fn pause(&self, range: Range<u64>) {
        tokio::time::sleep(self.time(range)).await;
    }

    pub(super) fn shuffle<T>(&self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.place(end + 1));
        }
    }
}
