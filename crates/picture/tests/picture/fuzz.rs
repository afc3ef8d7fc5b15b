//! Fuzzing with thousands of damaged pictures, reproducible by seed: none may panic, hang or use
//! too much memory.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use frontdesk_picture::{Limits, prepare, size_of_prepared};

use super::dice::{Dice, PANICS, hush};
use super::heap;

/// Results of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Files tried.
    pub(crate) inputs: u64,
    /// Files that gave a picture.
    pub(crate) prepared: u64,
    /// Panics caught inside the crate.
    pub(crate) caught: u64,
    /// Panics that reached the caller, or results that are not as promised.
    pub(crate) escaped: u64,
    /// Longest time for a file, with its number.
    pub(crate) slowest: (Duration, u64),
    /// Maximum memory for a file, in bytes, with its number and size.
    pub(crate) peak: (usize, u64, usize),
}

/// Damages one of the files; the number is the seed.
fn damaged(files: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut dice = Dice(number);
    let mut file = files[dice.below(files.len())].clone();
    for _ in 0..=dice.below(8) {
        let at = match dice.below(2) {
            // Half of the damage is in the headers.
            0 => dice.below(file.len().min(64)),
            _ => dice.below(file.len()),
        };
        let Some(byte) = file.get_mut(at) else { continue };
        match dice.below(7) {
            0 => *byte = u8::MAX,
            1 => *byte = 0,
            2 => *byte ^= 1 << dice.below(8),
            3 => *byte = u8::try_from(dice.below(256)).unwrap_or(0),
            4 => file.truncate(at),
            5 => drop(file.drain(at..(at + dice.below(16)).min(file.len()))),
            _ => {
                let piece = file[at..(at + dice.below(64)).min(file.len())].to_vec();
                file.splice(at..at, piece);
            }
        }
    }
    file
}

/// Prepares damaged files for `time`, starting at number `first`.
pub(crate) fn run(files: &[Vec<u8>], first: u64, time: Duration) -> Report {
    hush();
    let limits = Limits { max_pixels: 4_000_000, max_decoded_bytes: 16 << 20, ..Limits::default() };
    let mut report = Report::default();
    let began = Instant::now();
    while began.elapsed() < time {
        let number = first + report.inputs;
        let file = damaged(files, number);
        let (caught, start) = (PANICS.load(Ordering::Relaxed), Instant::now());
        let (peak, result) =
            heap::peak(|| std::panic::catch_unwind(AssertUnwindSafe(|| prepare(&file, &limits))));
        report.inputs += 1;
        report.slowest = report.slowest.max((start.elapsed(), number));
        report.peak = report.peak.max((peak, number, file.len()));
        report.caught += PANICS.load(Ordering::Relaxed) - caught;
        match result {
            Ok(Ok(made)) if size_of_prepared(&made.jpeg) == Some((made.width, made.height)) => {
                report.prepared += 1;
            }
            Ok(Ok(_)) | Err(_) => report.escaped += 1,
            Ok(Err(_)) => {}
        }
    }
    report
}
