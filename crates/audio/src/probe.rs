//! Reads type, length and format of a recording before it is decoded.

use super::symphonia_decoder::Source;
use super::{Error, Kind, frames, ogg_stream, sniff, symphonia_decoder};

/// Properties of a recording by its headers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// Type of the file.
    pub kind: Kind,
    /// Length in seconds. Exact for Ogg/Opus, and within a frame or two for MP3 and ADTS; otherwise
    /// by the header. `None` if the header has no length, or one that is impossible for the file
    /// size.
    pub seconds: Option<f64>,
    /// Channels; 0 if only decoding shows them.
    pub channels: u16,
    /// Sample rate, in Hz; 0 if only decoding shows it. For Opus, the rate of the original
    /// recording.
    pub rate: u32,
}

/// A file opened for decoding.
pub(super) struct OpenFile<'a> {
    pub(super) probe: Probe,
    /// `None` for Ogg/Opus.
    pub(super) source: Option<Source<'a>>,
}

/// Minimum bytes of a second of audio: a header that implies fewer is ignored.
const MIN_BYTES_PER_SECOND: f64 = 8.0;

/// Reads a file's headers. Fails with the errors of [`super::decode`] that come before the first
/// block, except those of the limits.
pub fn probe(bytes: &[u8]) -> Result<Probe, Error> {
    open(bytes).map(|opened| opened.probe)
}

pub(super) fn open(bytes: &[u8]) -> Result<OpenFile<'_>, Error> {
    let (kind, body) = sniff::kind(bytes)?;
    if kind == Kind::Opus {
        let (head, seconds) = ogg_stream::measure(body)?;
        let (channels, rate) = (u16::from(head.channels), head.rate);
        let probe = Probe { kind, seconds: Some(seconds), channels, rate };
        return Ok(OpenFile { probe, source: None });
    }
    let mut source = symphonia_decoder::open(body, kind)?;
    let walked = match kind {
        Kind::Mp3 => frames::mp3(body),
        Kind::Aac => frames::adts(body),
        _ => None,
    };
    let said = source.seconds();
    let probe = if let Some(frames) = walked {
        // Only the header accounts for the samples dropped at both ends.
        let said = said.filter(|said| (frames.seconds - said).abs() < 0.2);
        let seconds = Some(said.unwrap_or(frames.seconds));
        Probe { kind, seconds, channels: u16::from(frames.channels), rate: frames.rate }
    } else {
        #[expect(clippy::cast_precision_loss, reason = "files are smaller than 2^52 bytes")]
        let most = body.len() as f64 / MIN_BYTES_PER_SECOND;
        let seconds = said.filter(|seconds| *seconds > 0.0 && *seconds < most);
        Probe { kind, seconds, channels: source.channels(), rate: source.rate() }
    };
    source.cut |= walked.is_some_and(|frames| frames.cut);
    Ok(OpenFile { probe, source: Some(source) })
}
