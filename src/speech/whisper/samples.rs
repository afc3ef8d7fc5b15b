//! A recording's file to what the model hears: one channel at 16 kHz, as numbers from -1 to 1. The one place that knows of
//! file formats.

use super::RATE;
use crate::speech::Error;

/// Decodes a file; `cancelled` is asked now and then. For the time being: WAV with 16-bit PCM at 16 kHz, one channel.
pub(super) fn samples(
    bytes: &[u8],
    longest_seconds: u64,
    _cancelled: &dyn Fn() -> bool,
) -> Result<Vec<f32>, Error> {
    let data = data(bytes).ok_or_else(|| {
        Error::Unreadable("only WAV with 16-bit PCM at 16 kHz and one channel is read".into())
    })?;
    let count = data.len() / 2;
    if count > usize::try_from(longest_seconds).unwrap_or(usize::MAX).saturating_mul(RATE) {
        let seconds = count.div_ceil(RATE) as u64;
        return Err(Error::TooLong { seconds, limit: longest_seconds });
    }
    let pairs = data.as_chunks().0;
    Ok(pairs.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0).collect())
}

/// The samples' bytes.
fn data(bytes: &[u8]) -> Option<&[u8]> {
    let (b"RIFF", b"WAVE") = (bytes.get(..4)?, bytes.get(8..12)?) else { return None };
    let (mut rest, mut fits) = (bytes.get(12..)?, false);
    loop {
        let (name, size) = (rest.get(..4)?, rest.get(4..8)?.try_into().ok()?);
        let size = usize::try_from(u32::from_le_bytes(size)).ok()?;
        let body = rest.get(8..)?;
        match name {
            b"fmt " => {
                fits = body.get(..16)? == [1, 0, 1, 0, 128, 62, 0, 0, 0, 125, 0, 0, 2, 0, 16, 0];
            }
            b"data" if fits => return Some(body.get(..size).unwrap_or(body)),
            _ => {}
        }
        rest = body.get(size.checked_add(size % 2)?..)?;
    }
}
