//! Fuzzing with thousands of damaged recordings, reproducible by seed: none may panic, hang or use
//! too much memory.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use frontdesk_audio::{Limits, Longer};

use super::dice::{Dice, PANICS, hush};
use super::{fixtures, heap};

/// Results of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Files tried.
    pub(crate) inputs: u64,
    /// Files that gave audio.
    pub(crate) decoded: u64,
    /// Panics caught inside the crate.
    pub(crate) caught: u64,
    /// Panics that reached the caller.
    pub(crate) escaped: u64,
    /// Longest time for a file, with its number.
    pub(crate) slowest: (Duration, u64),
    /// Maximum memory for a file, in bytes, with its number and size.
    pub(crate) peak: (usize, u64, usize),
    /// Size of the largest file, in bytes.
    pub(crate) largest: usize,
}

/// Maximum size of a generated file, in bytes.
const MAX_SIZE: usize = 16 << 20;

/// Numbers that programs often mishandle.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7F,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    1 << 60,
    i64::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];

/// Generates the damaged file with this number from `files`.
pub(crate) fn damaged(files: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut dice = Dice(number.wrapping_mul(0xD6E8_FEB8_6659_FD93));
    let mut file = files[dice.below(files.len())].clone();
    for _ in 0..=dice.below(4) {
        damage(&mut file, files, &mut dice);
    }
    if dice.below(400) == 0 && !file.is_empty() {
        let (once, times) = (file.clone(), MAX_SIZE / file.len());
        file = once.repeat(times);
    }
    if dice.below(4) > 0 && file.len() <= MAX_SIZE / 8 {
        fixtures::seal(&mut file);
    }
    file.truncate(MAX_SIZE);
    file
}

fn damage(file: &mut Vec<u8>, files: &[Vec<u8>], dice: &mut Dice) {
    let length = file.len();
    if length == 0 {
        return;
    }
    // Headers are at the start.
    let span = if dice.below(2) == 0 { length } else { length.min(512) };
    match dice.below(9) {
        0 => {
            for _ in 0..=dice.below(20) {
                let at = dice.below(span);
                file[at] ^= 1 << dice.below(8);
            }
        }
        1 => {
            let (at, value) = (dice.below(span), [0, 255, 127, 128][dice.below(4)]);
            let end = (at + 1 + dice.below(64)).min(length);
            file[at..end].fill(value);
        }
        2 => file.truncate(dice.below(length)),
        3 => {
            let other = &files[dice.below(files.len())];
            file.truncate(dice.below(length));
            file.extend_from_slice(&other[dice.below(other.len())..]);
        }
        4 => {
            let (from, to) = (dice.below(length), dice.below(length));
            file.drain(from.min(to)..from.max(to));
        }
        5 => {
            let from = dice.below(length);
            let part = file[from..(from + dice.below(4096)).min(length)].to_vec();
            let at = dice.below(length);
            file.splice(at..at, part);
        }
        6 => {
            let (value, at, size) =
                (NUMBERS[dice.below(NUMBERS.len())], dice.below(span), [2, 4, 8][dice.below(3)]);
            let (low, high) = (value.to_le_bytes(), value.to_be_bytes());
            let bytes = if dice.below(2) == 0 { &low[..size] } else { &high[8 - size..] };
            let end = (at + size).min(length);
            file[at..end].copy_from_slice(&bytes[..end - at]);
        }
        7 => {
            let pages = fixtures::pages(file);
            if let Some(&page) = pages.get(dice.below(pages.len())) {
                // Flags, position, stream, sequence number, segments.
                let (at, size) = [(5, 1), (6, 8), (14, 4), (18, 4), (26, 1)][dice.below(5)];
                let value = if dice.below(2) == 0 { dice.roll() } else { NUMBERS[dice.below(12)] };
                file[page + at..page + at + size].copy_from_slice(&value.to_le_bytes()[..size]);
            }
        }
        _ => file.extend_from_slice(&files[dice.below(files.len())]),
    }
}

/// Decodes damaged files for `time`, starting at number `first`.
pub(crate) fn run(files: &[Vec<u8>], first: u64, time: Duration) -> Report {
    hush();
    let mut report = Report::default();
    let began = Instant::now();
    while began.elapsed() < time {
        let number = first + report.inputs;
        let file = damaged(files, number);
        NOW.store(number, Ordering::Relaxed);
        let longer = if number.is_multiple_of(2) { Longer::Refuse } else { Longer::Stop };
        let longest = Duration::from_secs(if number.is_multiple_of(10) { 10_800 } else { 600 });
        let limits = Limits { longest, longer, cancelled: None };
        let (caught, start) = (PANICS.load(Ordering::Relaxed), Instant::now());
        let (peak, result) = heap::peak(|| {
            std::panic::catch_unwind(AssertUnwindSafe(|| {
                frontdesk_audio::decode(&file, &limits, |block| {
                    assert!(block.iter().all(|sample| (-1.0..=1.0).contains(sample)));
                    ControlFlow::Continue(())
                })
            }))
        });
        let (took, panics) = (start.elapsed(), PANICS.load(Ordering::Relaxed) - caught);
        report.inputs += 1;
        report.largest = report.largest.max(file.len());
        match result {
            Ok(result) => {
                report.caught += panics;
                report.decoded += u64::from(result.is_ok());
            }
            Err(_) => report.escaped += 1,
        }
        report.slowest = report.slowest.max((took, number));
        report.peak = report.peak.max((peak, number, file.len()));
    }
    report
}

/// Number of the file that is being decoded.
pub(crate) static NOW: AtomicU64 = AtomicU64::new(0);
