//! Decodes audio files for speech recognition: 16 kHz mono, samples from -1 to 1, in blocks. Trusts
//! no header, keeps no more than a block of samples in memory, and knows nothing of speech.
//!
//! | file | what is decoded |
//! | --- | --- |
//! | Ogg | Opus (chained, mono and stereo), Vorbis, FLAC |
//! | `WebM` and Matroska | Opus, Vorbis, AAC-LC, MP3, FLAC, PCM |
//! | MP4, M4A, 3GP, MOV | AAC-LC, ALAC, Opus, MP3, PCM; also the audio of a video |
//! | ADTS, MP3, FLAC, WAV, AIFF, CAF | their usual codecs; in a WAV also A-law, µ-law and ADPCM |
//!
//! Of HE-AAC only the core is decoded: full length and speed, without frequencies above about 8
//! kHz. AMR is refused with an error that names it.

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

/// Sample rate of all decoded audio, in Hz.
pub const RATE: u32 = 16_000;

/// Type of an audio file.
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
    /// Common name of the format.
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

/// Limits of a decode.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Maximum length of a recording.
    pub longest: Duration,
    /// What to do with a longer one.
    pub longer: Longer,
    /// Polled at every block and page; true cancels the decode.
    pub cancelled: Option<&'a (dyn Fn() -> bool + Sync)>,
}

/// What to do with a recording that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Longer {
    /// Fail, before decoding anything if the file gives its length.
    Refuse,
    /// Decode only the beginning.
    Stop,
}

impl Limits<'_> {
    /// Refuses recordings longer than this; never cancels.
    pub fn refuse_beyond(longest: Duration) -> Self {
        Self { longest, longer: Longer::Refuse, cancelled: None }
    }
}

/// Result of a decode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodeSummary {
    /// Length of what was decoded, in seconds.
    pub seconds: f64,
    /// Type of the file.
    pub kind: Kind,
    /// Part of the recording is missing: the file is truncated or has a hole.
    pub cut: bool,
    /// Decoding stopped early: the limit was reached or the caller stopped it.
    pub stopped: bool,
}

/// Why a file cannot be decoded, as shown to an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is not audio.
    #[error("this is {what}, not a sound")]
    NotSound {
        /// What it is, with its article.
        what: &'static str,
    },
    /// The audio format is not supported.
    #[error("{what} cannot be decoded here: a transcription endpoint may take the file as it is")]
    Unsupported {
        /// The format.
        what: String,
    },
    /// The file is too damaged to decode any of it.
    #[error("this {what} file is damaged, and no sound is left in it")]
    Damaged {
        /// The format.
        what: &'static str,
    },
    /// The file is empty, or the recording has no samples.
    #[error("there is no sound in this file: it is empty")]
    Empty,
    /// The recording is longer than allowed.
    #[error("the recording lasts {seconds} seconds or more, and {limit} are allowed")]
    TooLong {
        /// Its length in seconds, as far as known.
        seconds: u64,
        /// Maximum length, in seconds.
        limit: u64,
    },
    /// The caller cancelled the decode.
    #[error("the decoding was cancelled")]
    Cancelled,
}

/// Decodes a file to mono blocks at [`RATE`], with samples from -1 to 1. Every block but the last
/// has [`BLOCK`] samples. `give` can stop the decode.
///
/// A damaged file is decoded as far as possible. Any [`Error`] may come after some blocks. Uses
/// about 2 MB of memory besides the file, whatever its length (40 MB at odd sample rates), plus the
/// index tables of other containers. Only `cancelled` bounds the time: an hour of Opus takes about
/// two seconds.
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

/// Decodes a whole file into memory, which takes 64 KB per second.
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

/// A recording that is this many seconds shorter than its header says is cut. Encoder delays are
/// shorter.
const SHORT: f64 = 0.5;

impl Limits<'_> {
    /// Fails if a recording of this many seconds is too long.
    fn check(&self, seconds: f64) -> Result<(), Error> {
        if seconds <= self.longest.as_secs_f64() {
            return Ok(());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let seconds = seconds.ceil() as u64;
        Err(Error::TooLong { seconds, limit: self.longest.as_secs() })
    }
}
