//! Sound files to what a speech model hears: one channel at 16 kHz, as numbers from -1 to 1, a block at a time.
//! Trusts no header, keeps no more of the sound in memory than a block, and knows nothing of speech.
//!
//! | file | what is decoded |
//! | --- | --- |
//! | Ogg | Opus (chained, mono and stereo), Vorbis, FLAC |
//! | `WebM` and Matroska | Opus, Vorbis, AAC-LC, MP3, FLAC, PCM |
//! | MP4, M4A, 3GP, MOV | AAC-LC, ALAC, Opus, MP3, PCM: the sound of a video too |
//! | ADTS, MP3, FLAC, WAV, AIFF, CAF | what usually is in them; in a WAV also A-law, µ-law and ADPCM |
//!
//! Of HE-AAC only the core is decoded: all words, at the right speed, without the sounds above about 8 kHz. AMR is
//! refused by name.

use std::ops::ControlFlow;
use std::time::Duration;

mod sniff;
mod probe;
mod sample_sink;
mod ogg;
mod opus;
mod ogg_stream;
mod frames;
mod aac;
mod edits;
mod symphonia_decoder;
mod resample;
pub mod wav;

pub use probe::{Probe, probe};

use sample_sink::{SampleSink, Stop};

/// Samples a second of all that is decoded.
pub const RATE: u32 = 16_000;

/// What kind of file a sound is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ogg with Opus: WhatsApp's voice notes.
    Opus,
    /// Ogg with another codec.
    Ogg,
    /// `WebM` or Matroska.
    Matroska,
    /// MP4, M4A, 3GP or MOV.
    Mp4,
    /// AAC without a container (ADTS).
    Aac,
    /// MP3, MP2 or MP1.
    Mp3,
    /// WAV.
    Wav,
    /// AIFF.
    Aiff,
    /// FLAC.
    Flac,
    /// Apple's Core Audio.
    Caf,
}

impl Kind {
    /// The name that people know.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opus => "Ogg/Opus",
            Self::Ogg => "Ogg",
            Self::Matroska => "WebM",
            Self::Mp4 => "MP4",
            Self::Aac => "AAC",
            Self::Mp3 => "MP3",
            Self::Wav => "WAV",
            Self::Aiff => "AIFF",
            Self::Flac => "FLAC",
            Self::Caf => "CAF",
        }
    }
}

/// How much is decoded, and for how long.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// The longest recording.
    pub longest: Duration,
    /// What becomes of a longer one.
    pub longer: Longer,
    /// Asked for every block and every page: true breaks the work off.
    pub cancelled: Option<&'a (dyn Fn() -> bool + Sync)>,
}

/// What becomes of a recording that is longer than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Longer {
    /// It is an error, before anything is decoded if its length can be told from the file.
    Refuse,
    /// Its beginning is decoded.
    Stop,
}

impl Limits<'_> {
    /// Refuses what is longer than this; is never cancelled.
    pub fn refuse_beyond(longest: Duration) -> Self {
        Self { longest, longer: Longer::Refuse, cancelled: None }
    }
}

/// Result of a decode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodeSummary {
    /// Length of what was decoded, in seconds.
    pub seconds: f64,
    /// What kind of file it was in.
    pub kind: Kind,
    /// Part of the recording is missing: the file ends early, or there is a hole in it.
    pub cut: bool,
    /// There was more, but the limit was reached or the caller wanted no more.
    pub stopped: bool,
}

/// A sound that cannot be decoded, as told to an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file of something else.
    #[error("this is {what}, not a sound")]
    NotSound {
        /// What it is, with its article.
        what: &'static str,
    },
    /// A sound in a format that nothing here decodes.
    #[error("{what} cannot be decoded here: a transcription endpoint may take the file as it is")]
    Unsupported {
        /// The format.
        what: String,
    },
    /// A sound that is too broken to decode anything of it.
    #[error("this {what} file is damaged, and no sound is left in it")]
    Damaged {
        /// The format.
        what: &'static str,
    },
    /// A file without content, or a recording without a sample.
    #[error("there is no sound in this file: it is empty")]
    Empty,
    /// A recording that is longer than allowed.
    #[error("the recording lasts {seconds} seconds or more, and {limit} are allowed")]
    TooLong {
        /// Its length in seconds, as far as it is known.
        seconds: u64,
        /// The longest allowed, in seconds.
        limit: u64,
    },
    /// The caller cancelled it.
    #[error("the decoding was cancelled")]
    Cancelled,
}

/// Decodes a file to blocks of samples at [`RATE`], one channel, each from -1 to 1. Every block but the last has
/// [`BLOCK`] samples. `give` may want no more.
///
/// What can be decoded of a damaged file is given. Fails with every [`Error`]; blocks may have been given before.
/// Takes some 2 MB of memory besides the file, whatever its length (40 MB at odd rates), and for other containers
/// also their tables. The time is bounded by `cancelled` alone: an hour of Opus takes some two seconds.
pub fn decode(
    bytes: &[u8],
    limits: &Limits<'_>,
    mut give: impl FnMut(&[f32]) -> ControlFlow<()>,
) -> Result<DecodeSummary, Error> {
    let opened = probe::open(bytes)?;
    let kind = opened.probe.kind;
    if limits.longer == Longer::Refuse {
        limits.check(opened.probe.seconds.unwrap_or_default())?;
    }
    let mut sink = SampleSink::new(limits, &mut give);
    let played = match opened.source {
        None => ogg_stream::play(bytes, &mut sink),
        Some(source) => source.play(&mut sink),
    };
    let stopped = match played.and_then(|()| sink.flush()) {
        Ok(()) => false,
        Err(Stop::Enough) => true,
        Err(Stop::Failed(error)) => return Err(error),
    };
    let seconds = sink.seconds();
    let short = opened.probe.seconds.is_some_and(|declared| seconds + SHORT < declared);
    let cut = sink.cut || (short && !stopped);
    match seconds > 0.0 || stopped {
        true => Ok(DecodeSummary { seconds, kind, cut, stopped }),
        false if cut => Err(Error::Damaged { what: kind.name() }),
        false => Err(Error::Empty),
    }
}

/// Decodes a whole file into memory: 64 KB a second.
pub fn samples(bytes: &[u8], limits: &Limits<'_>) -> Result<Vec<f32>, Error> {
    let mut samples = Vec::new();
    decode(bytes, limits, |block| {
        samples.extend_from_slice(block);
        ControlFlow::Continue(())
    })?;
    Ok(samples)
}

/// Samples of a block: half a second.
pub const BLOCK: usize = 8000;

/// A recording that lacks so many seconds of what its header says is cut. Encoders' delays are shorter.
const SHORT: f64 = 0.5;

impl Limits<'_> {
    /// Whether a recording of so many seconds is allowed.
    fn check(&self, seconds: f64) -> Result<(), Error> {
        if seconds <= self.longest.as_secs_f64() {
            return Ok(());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let seconds = seconds.ceil() as u64;
        Err(Error::TooLong { seconds, limit: self.longest.as_secs() })
    }
}
