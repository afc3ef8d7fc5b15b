//! The outline of a WebP file: that its chunks lie within it, and that no frame is larger than
//! allowed. Its decoder takes memory for both before it compares them with anything. Reads no
//! pixels. Pure. Format: RFC 9649.

use crate::{Error, Limits, cut_off};

/// Length of the file's header: `RIFF`, its size, `WEBP`.
const HEADER: usize = 12;
/// What precedes the chunks of an animation's frame: its place, size and time.
const FRAME_HEADER: usize = 16;

/// Checks the chunks. Returns the file without what follows its end.
pub(crate) fn outline<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a [u8], Error> {
    let size = number(bytes, 4).ok_or_else(cut_off)?;
    let file = bytes.get(..size.saturating_add(8)).ok_or_else(cut_off)?;
    check_chunks(file.get(HEADER..).ok_or_else(cut_off)?, limits, true)?;
    Ok(file)
}

/// Checks chunks in a row. Only the outermost ones include an animation's frames.
fn check_chunks(mut rest: &[u8], limits: &Limits, outermost: bool) -> Result<(), Error> {
    while rest.len() >= 8 {
        let size = number(rest, 4).ok_or_else(cut_off)?;
        let body = rest.get(8..size.saturating_add(8)).ok_or_else(cut_off)?;
        match &rest[..4] {
            b"VP8 " => {
                let [_, _, _, _, _, _, w, wide, h, high, ..] = *body else {
                    return Err(cut_off());
                };
                // The upper two bits say how to scale it, which nobody does.
                let bits = |low, upper| u32::from(u16::from_le_bytes([low, upper]) & 0x3FFF);
                limits.check(bits(w, wide), bits(h, high))?;
            }
            b"ANMF" if outermost => {
                let frame = body.get(FRAME_HEADER..).ok_or_else(cut_off)?;
                check_chunks(frame, limits, false)?;
            }
            _ => {}
        }
        rest = rest.get(8 + size.next_multiple_of(2)..).unwrap_or_default();
    }
    Ok(())
}

/// A number of four bytes.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let number = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
    usize::try_from(number).ok()
}
