//! Writes WAV files (16 kHz, mono, 16 bits) for transcription endpoints and tests.

use super::RATE;

/// Writes samples from -1 to 1 at [`RATE`] as a WAV file; louder ones are clipped. The format holds
/// about 37 hours; the rest is dropped.
pub fn write(samples: &[f32]) -> Vec<u8> {
    const HEADER: u32 = 44;
    let fit = (u32::MAX - HEADER) as usize / 2;
    let samples = &samples[..samples.len().min(fit)];
    let length = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(HEADER as usize + samples.len() * 2);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(length + HEADER - 8).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(RATE * 2).to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&length.to_le_bytes());
    for sample in samples {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, as it should")]
        let sample = (sample * 32_768.0).round() as i16;
        file.extend_from_slice(&sample.to_le_bytes());
    }
    file
}
