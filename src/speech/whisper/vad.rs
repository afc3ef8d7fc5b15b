//! Voice activity detection: with a Silero model if there is one, otherwise by loudness, which
//! recognizes silence but takes music and noise for speech.

use std::ops::Range;
use std::path::Path;

use whisper_rs::{WhisperVadContext, WhisperVadContextParams, WhisperVadParams};

use super::RATE;

/// Minimum duration of speech, in milliseconds; a "yes" is longer.
const SHORTEST_MS: i32 = 150;
/// Pause that ends a stretch of speech, in milliseconds.
const PAUSE_MS: i32 = 300;
/// Frame length of the gate, in samples: 30 ms.
const FRAME: usize = RATE * 3 / 100;
/// Root mean square below which the gate detects silence: -54 dB of full scale.
const SILENCE: f32 = 0.002;

/// A voice activity detector.
pub(super) enum VoiceDetector {
    /// A Silero model.
    Silero(WhisperVadContext),
    /// Loudness gate: everything that is not silent.
    Gate,
}

impl VoiceDetector {
    /// Loads the model; `None` for the gate.
    pub(super) fn load(model: Option<&Path>) -> Result<Self, String> {
        // Sends whisper.cpp's output to the log. Every worker loads this before it runs
        // whisper.cpp.
        whisper_rs::install_logging_hooks();
        let Some(path) = model else { return Ok(Self::Gate) };
        let text = path.to_str().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| format!("{} is no path for vad_model", path.display()))?;
        let mut settings = WhisperVadContextParams::new();
        settings.set_n_threads(1);
        let context = WhisperVadContext::new(text, settings);
        context.map(Self::Silero).map_err(|error| format!("{text} cannot be loaded: {error}"))
    }

    /// Returns the ranges of speech, in samples, in order.
    pub(super) fn find(&mut self, samples: &[f32]) -> Result<Vec<Range<usize>>, String> {
        match self {
            Self::Silero(context) => silero(context, samples),
            Self::Gate => Ok(gate(samples)),
        }
    }
}

/// Checks that a file can be a Silero model of whisper.cpp.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let of_voices = crate::models::purpose(path).is_some_and(|(purpose, file)| {
        purpose == crate::models::Use::Voices && file == path && is_whole(path)
    });
    if of_voices {
        return Ok(());
    }
    Err(format!(
        "{} is no model that finds speech: [speech] vad_model is a file such as ggml-silero-v6.2.0.bin; \
         `frontdesk models fetch silero-vad`",
        path.display()
    ))
}

/// Silero models of versions 5 and 6 have one size. A truncated file would abort the process.
fn is_whole(path: &Path) -> bool {
    const SIZES: std::ops::RangeInclusive<u64> = 885_000..=900_000;
    path.metadata().is_ok_and(|data| SIZES.contains(&data.len()))
}

fn silero(context: &mut WhisperVadContext, samples: &[f32]) -> Result<Vec<Range<usize>>, String> {
    let mut settings = WhisperVadParams::new();
    settings.set_min_speech_duration(SHORTEST_MS);
    settings.set_min_silence_duration(PAUSE_MS);
    settings.set_speech_pad(0);
    let found = context.segments_from_samples(settings, samples);
    let found = found.map_err(|error| format!("speech could not be found: {error}"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "hundredths of a second within a recording; a cast of floats stops at the ends"
    )]
    let sample = |hundredths: f32| (hundredths.max(0.0) * (RATE as f32 / 100.0)) as usize;
    let places = found.map(|place| sample(place.start)..sample(place.end).min(samples.len()));
    Ok(places.filter(|place| !place.is_empty()).collect())
}

/// Returns ranges above silence that are long enough, bridging short pauses.
fn gate(samples: &[f32]) -> Vec<Range<usize>> {
    let milliseconds = |ms: i32| usize::try_from(ms).unwrap_or(0) * RATE / 1_000;
    let mut places: Vec<Range<usize>> = Vec::new();
    for (number, frame) in samples.chunks(FRAME).enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a frame is short")]
        let square = frame.iter().map(|x| x * x).sum::<f32>() / frame.len() as f32;
        if square.sqrt() < SILENCE {
            continue;
        }
        let begin = number * FRAME;
        let end = begin + frame.len();
        match places.last_mut() {
            Some(last) if begin - last.end <= milliseconds(PAUSE_MS) => last.end = end,
            _ => places.push(begin..end),
        }
    }
    places.retain(|place| place.len() >= milliseconds(SHORTEST_MS));
    places
}
