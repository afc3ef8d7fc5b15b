//! What a recording is and how long, before it is decoded.

use super::symphonia_decoder::Source;
use super::{Error, Kind, frames, ogg_stream, sniff, symphonia_decoder};

/// What a file's headers say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// What kind of file it is.
    pub kind: Kind,
    /// Length in seconds. Exact for Ogg/Opus, and for MP3 and ADTS but for a frame or two; elsewhere as the header
    /// says. `None` when the header says nothing, or what such a small file cannot hold.
    pub seconds: Option<f64>,
    /// Channels, or 0 when that shows only later.
    pub channels: u16,
    /// Samples a second, in Hz, or 0 when that shows only later. Of Opus: what was recorded with.
    pub rate: u32,
}

/// A file that is open for decoding.
pub(super) struct OpenFile<'a> {
    pub(super) probe: Probe,
    /// `None` for Ogg/Opus.
    pub(super) source: Option<Source<'a>>,
}

/// A second of sound takes at least so many bytes: what says otherwise is not believed.
const LEAST: f64 = 8.0;

/// Looks at a file's headers. Fails as [`super::decode`] does before it gives a block, but for the limits.
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
        // The samples that are dropped at both ends are counted only by the header.
        let said = said.filter(|said| (frames.seconds - said).abs() < 0.2);
        let seconds = Some(said.unwrap_or(frames.seconds));
        Probe { kind, seconds, channels: u16::from(frames.channels), rate: frames.rate }
    } else {
        #[expect(clippy::cast_precision_loss, reason = "files are smaller than 2^52 bytes")]
        let most = body.len() as f64 / LEAST;
        let seconds = said.filter(|seconds| *seconds > 0.0 && *seconds < most);
        Probe { kind, seconds, channels: source.channels(), rate: source.rate() }
    };
    source.cut |= walked.is_some_and(|frames| frames.cut);
    Ok(OpenFile { probe, source: Some(source) })
}
