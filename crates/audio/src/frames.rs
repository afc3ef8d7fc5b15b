//! Detects MP3 and ADTS files by their frames, and measures their length. Reads headers only.

/// Header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// Size in bytes, with the header.
    length: usize,
    /// Per channel.
    samples: u32,
    rate: u32,
    channels: u8,
}

/// Summary of a file's frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frames {
    /// Byte offset of the first frame.
    pub(super) start: usize,
    /// Total length, in seconds.
    pub(super) seconds: f64,
    /// Sample rate of the first frame, in Hz.
    pub(super) rate: u32,
    /// Channels of the first frame.
    pub(super) channels: u8,
    /// The last frame is truncated.
    pub(super) cut: bool,
}

/// Maximum bytes before the first frame.
const MAX_LEADING_BYTES: usize = 64 * 1024;
/// Consecutive frames that identify the format; fewer are enough at the end of the file.
const ROW: usize = 3;

/// Returns the frames of an MP3 file; `None` if it is not one.
pub(super) fn mp3(bytes: &[u8]) -> Option<Frames> {
    scan(bytes, mp3_frame)
}

/// Returns the frames of an ADTS file; `None` if it is not one.
pub(super) fn adts(bytes: &[u8]) -> Option<Frames> {
    scan(bytes, adts_frame)
}

fn scan(bytes: &[u8], read: fn(&[u8]) -> Option<Frame>) -> Option<Frames> {
    let starts = 0..bytes.len().min(MAX_LEADING_BYTES);
    let start = starts.into_iter().find(|&start| in_row(&bytes[start..], read))?;
    let first = read(&bytes[start..])?;
    let (mut at, mut seconds, mut cut) = (start, 0.0, false);
    while at < bytes.len() {
        match read(&bytes[at..]) {
            Some(frame) if at + frame.length <= bytes.len() => {
                seconds += f64::from(frame.samples) / f64::from(frame.rate);
                at += frame.length;
            }
            Some(_) => {
                cut = true;
                break;
            }
            // Tags at the end, or damage.
            None => at += bytes[at + 1..].iter().position(|&byte| byte == 0xFF)? + 1,
        }
    }
    Some(Frames { start, seconds, rate: first.rate, channels: first.channels, cut })
}

/// Whether consecutive frames start here.
fn in_row(bytes: &[u8], read: fn(&[u8]) -> Option<Frame>) -> bool {
    let mut at = 0;
    for _ in 0..ROW {
        match bytes.get(at..).filter(|rest| !rest.is_empty()) {
            None => return at > 0,
            Some(rest) => match read(rest) {
                Some(frame) => at += frame.length,
                // The file is truncated within a header.
                None => return at > 0 && rest.len() < 7,
            },
        }
    }
    true
}

/// Parses a header of ISO 11172-3, 2.4.1.3, with the lower rates of 13818-3 and MPEG 2.5.
fn mp3_frame(bytes: &[u8]) -> Option<Frame> {
    let [0xFF, second, third, fourth] = *bytes.first_chunk::<4>()? else { return None };
    let (version, layer) = ((second >> 3) & 3, (second >> 1) & 3);
    let (bits, rate) = (usize::from(third >> 4), usize::from((third >> 2) & 3));
    if second >> 5 != 7 || version == 1 || layer == 0 || !(1..15).contains(&bits) || rate == 3 {
        return None;
    }
    let full = version == 3;
    let kbits = match (full, layer) {
        (true, 3) => [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        (true, 2) => [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        (true, _) => [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        (false, 3) => [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        (false, _) => [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    }[bits - 1];
    let divided = [4, 1, 2, 1][usize::from(version)];
    let rate = [44_100, 48_000, 32_000][rate] / divided;
    let samples = match (layer, full) {
        (3, _) => 384,
        (1, false) => 576,
        _ => 1152,
    };
    let padding = usize::from((third >> 1) & 1);
    let length = match layer {
        3 => (12 * kbits * 1000 / rate as usize + padding) * 4,
        _ => samples as usize / 8 * kbits * 1000 / rate as usize + padding,
    };
    Some(Frame { length, samples, rate, channels: if fourth >> 6 == 3 { 1 } else { 2 } })
}

/// Parses a header of ISO 13818-7, 6.2.
fn adts_frame(bytes: &[u8]) -> Option<Frame> {
    let [0xFF, second, third, fourth, fifth, sixth, seventh] = *bytes.first_chunk::<7>()? else {
        return None;
    };
    let length = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    let rate = super::aac::RATES.get(usize::from((third >> 2) & 15)).copied()?;
    if second & 0xF6 != 0xF0 || length < 8 {
        return None;
    }
    let blocks = u32::from(seventh & 3) + 1;
    let channels = (third & 1) << 2 | fourth >> 6;
    Some(Frame { length, samples: 1024 * blocks, rate, channels })
}
