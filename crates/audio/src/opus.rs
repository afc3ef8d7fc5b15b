//! Decodes Opus packets of any container to 16 kHz mono. If the decoder fails or panics, the packet
//! becomes silence.

use std::panic::{AssertUnwindSafe, catch_unwind};

use opus_rs::OpusDecoder;

use super::{Error, RATE};

/// Opus counts time in samples at this rate, in Hz, whatever the input rate.
pub(super) const CLOCK: u32 = 48_000;
/// Maximum packet duration: 120 ms, in samples of the clock.
const MAX_LEN: u32 = 5760;
/// Maximum packet size, in bytes: 48 frames of at most 1,275 bytes.
pub(super) const MAX_SIZE: usize = 48 * 1277;
/// Samples to conceal at a time for lost packets: 20 ms at 16 kHz.
const STEP: usize = 320;

/// `OpusHead`, the header before the packets (RFC 7845, 5.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Head {
    /// 1 or 2.
    pub(super) channels: u8,
    /// Samples of the clock to drop at the start.
    pub(super) pre_skip: u32,
    /// Factor for the samples.
    gain: f32,
    /// Input sample rate by the header, in Hz.
    pub(super) rate: u32,
}

impl Head {
    /// Reads an `OpusHead`. Fails if it is damaged or has more than two channels.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = Error::Damaged { what: "Opus" };
        let Some(fields) = bytes.strip_prefix(b"OpusHead").and_then(<[u8]>::first_chunk::<11>)
        else {
            return Err(damaged);
        };
        let [version, channels, skip_low, skip_high, r0, r1, r2, r3, gain_low, gain_high, family] =
            *fields;
        if version > 15 || channels == 0 {
            return Err(damaged);
        }
        // Only one stream is supported: it has one or two channels, whatever the mapping family.
        let streams = if family == 0 { 1 } else { *bytes.get(19).ok_or(damaged)? };
        if channels > 2 || streams != 1 {
            return Err(Error::Unsupported { what: format!("Opus with {channels} channels") });
        }
        // In 1/256 dB.
        let gain = f32::from(i16::from_le_bytes([gain_low, gain_high])) / 256.0;
        Ok(Self {
            channels,
            pre_skip: u32::from(u16::from_le_bytes([skip_low, skip_high])),
            gain: 10f32.powf(gain / 20.0),
            rate: u32::from_le_bytes([r0, r1, r2, r3]),
        })
    }
}

/// Duration of a packet, in samples of the clock; `None` if it is not valid (RFC 6716, 3.1 and
/// 3.2).
pub(super) fn duration(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        mode @ 0..12 => [480, 960, 1920, 2880][usize::from(mode & 3)],
        mode @ 12..16 => [480, 960][usize::from(mode & 1)],
        mode => [120, 240, 480, 960][usize::from(mode & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 63),
    };
    Some(frame * frames).filter(|samples| (1..=MAX_LEN).contains(samples))
}

/// Decodes the packets of one stream.
pub(super) struct Decoder {
    head: Head,
    inner: Option<OpusDecoder>,
    interleaved: Vec<f32>,
}

impl Decoder {
    pub(super) fn new(head: Head) -> Self {
        let length = (MAX_LEN * RATE / CLOCK) as usize * usize::from(head.channels);
        Self { head, inner: None, interleaved: vec![0.0; length] }
    }

    /// Decodes a valid packet into `mono`, replacing its content. Returns false if some of it is
    /// silence instead.
    pub(super) fn decode(&mut self, packet: &[u8], mono: &mut Vec<f32>) -> bool {
        let wanted = (duration(packet).unwrap_or_default() * RATE / CLOCK) as usize;
        mono.clear();
        let decoded = self.run(packet, wanted);
        self.mix(decoded.unwrap_or_default(), mono);
        let whole = decoded == Some(wanted);
        mono.resize(wanted, 0.0);
        whole
    }

    /// Conceals lost packets with `samples` samples at 16 kHz, which replace the content of `mono`.
    pub(super) fn conceal(&mut self, samples: usize, mono: &mut Vec<f32>) {
        mono.clear();
        while mono.len() < samples {
            match self.run(&[], STEP) {
                Some(made) if made > 0 => self.mix(made, mono),
                _ => break,
            }
        }
        mono.resize(samples, 0.0);
    }

    /// Runs the decoder, with a new one after a failure. Returns the samples per channel.
    fn run(&mut self, packet: &[u8], wanted: usize) -> Option<usize> {
        let channels = usize::from(self.head.channels);
        let rate = i32::try_from(RATE).ok()?;
        let (inner, interleaved) = (&mut self.inner, &mut self.interleaved);
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            if inner.is_none() {
                *inner = OpusDecoder::new(rate, channels).ok();
            }
            let length = wanted * channels;
            inner.as_mut()?.decode(packet, wanted, interleaved.get_mut(..length)?).ok()
        }));
        if decoded.is_err() {
            self.inner = None;
        }
        decoded.ok().flatten().map(|samples| samples.min(wanted))
    }

    /// Appends decoded samples to `mono`, mixed to one channel.
    fn mix(&self, samples: usize, mono: &mut Vec<f32>) {
        let gain = self.head.gain;
        match self.head.channels {
            2 => {
                let frames = self.interleaved[..samples * 2].as_chunks::<2>().0;
                mono.extend(frames.iter().map(|[left, right]| (left + right) * 0.5 * gain));
            }
            _ => mono.extend(self.interleaved[..samples].iter().map(|sample| sample * gain)),
        }
    }
}
