//! Cuts a recording into windows of at most half a minute, the model's input size, where nobody
//! speaks. Pure.

use std::ops::Range;

use super::RATE;

/// Maximum window, in samples: a little less than whisper's input.
const MAX_LEN: usize = 29 * RATE + RATE / 2;
/// Padding before and after speech, in samples.
const PAD: usize = RATE / 4;
/// Continuous speech is cut at the quietest spot within this many samples before the limit.
const SEARCH: usize = 8 * RATE;
/// Length of a quiet spot, in samples.
const PLACE: usize = RATE / 10;

/// Returns the windows for the given ranges of speech, as few as possible: a window costs the same
/// however much speech it holds.
pub(super) fn windows(speech: &[Range<usize>], samples: &[f32]) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for place in speech {
        let begin = place.start.saturating_sub(PAD).max(all.last().map_or(0, |last| last.end));
        let end = (place.end + PAD).min(samples.len());
        if begin >= end {
            continue;
        }
        match all.last_mut() {
            Some(last) if end - last.start <= MAX_LEN => last.end = end,
            _ => cut(begin..end, samples, &mut all),
        }
    }
    all
}

/// Adds a stretch of speech, split into several windows if it is too long for one.
fn cut(mut rest: Range<usize>, samples: &[f32], all: &mut Vec<Range<usize>>) {
    while rest.len() > MAX_LEN {
        let limit = rest.start + MAX_LEN;
        let end = quietest(limit - SEARCH..limit, samples);
        all.push(rest.start..end);
        rest.start = end;
    }
    all.push(rest);
}

/// The middle of the quietest spot; the last one among equals.
fn quietest(within: Range<usize>, samples: &[f32]) -> usize {
    let loudness = |at: usize| -> f32 {
        samples.get(at..at + PLACE).unwrap_or_default().iter().map(|x| x * x).sum()
    };
    let places = within.clone().step_by(PLACE / 2).filter(|at| at + PLACE <= within.end);
    let quietest = places.min_by(|a, b| loudness(*a).total_cmp(&loudness(*b)).then(b.cmp(a)));
    quietest.map_or(within.end, |at| at + PLACE / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seconds: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0
        };
        (0..seconds * RATE).map(|_| next()).collect()
    }

    #[test]
    fn what_fits_is_one_window_and_silence_around_it_is_not_heard() {
        let samples = noise(60);
        let speech = [10 * RATE..12 * RATE, 20 * RATE..25 * RATE];
        let heard = windows(&speech, &samples);
        assert!(heard.len() == 1 && heard[0] == (10 * RATE - PAD..25 * RATE + PAD), "{heard:?}");
        assert!(windows(&[], &samples).is_empty());
        let whole = 0..samples.len();
        assert!(windows(&[whole], &samples).len() == 3, "60 seconds in windows of 29.5");
    }

    #[test]
    fn windows_are_cut_between_stretches_of_speech_and_never_too_long() {
        let samples = noise(100);
        let speech: Vec<_> = (0..10).map(|at| at * 10 * RATE..(at * 10 + 7) * RATE).collect();
        let cut = windows(&speech, &samples);
        assert!(cut.len() <= 5, "{cut:?}");
        for window in &cut {
            assert!(window.len() <= MAX_LEN, "{window:?}");
            let begins = speech.iter().any(|place| place.start.saturating_sub(PAD) == window.start);
            assert!(begins, "{window:?} begins where nobody begins to speak");
        }
        for place in &speech {
            let inside = cut.iter().any(|w| w.start <= place.start && place.end <= w.end);
            assert!(inside, "{place:?} is cut");
        }
    }

    #[test]
    fn who_does_not_stop_is_cut_at_the_quietest_place_and_nothing_is_lost() {
        let mut samples = noise(65);
        samples[25 * RATE..25 * RATE + PLACE * 2].fill(0.001);
        let all = 0..samples.len();
        let cut = windows(&[all], &samples);
        assert!((25 * RATE..25 * RATE + PLACE * 2).contains(&cut[0].end), "{cut:?}");
        assert!(cut.windows(2).all(|pair| pair[0].end == pair[1].start), "{cut:?}");
        assert_eq!((cut[0].start, cut[cut.len() - 1].end), (0, samples.len()));
    }
}
