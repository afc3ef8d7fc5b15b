//! Reads the parts of MP4 files that symphonia ignores. Edit lists (ISO 14496-12, 8.6.6) give the
//! audible part: encoders put up to an eighth of a second of silence before it, and videos are
//! trimmed with them. Fragments (8.8.8) that announce billions of samples would take minutes.

/// Audible part of a track, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub(super) skip: f64,
    /// `None`: to the end.
    pub(super) keep: Option<f64>,
}

/// Shorter parts are considered invalid, in seconds.
const SHORTEST: f64 = 0.1;

/// Returns the audible part of the first audio track; `None` for all of it, or if the list has
/// several parts.
pub(super) fn audible_part(bytes: &[u8]) -> Option<Part> {
    let movie = child(bytes, b"moov")?;
    let scale = clock(child(movie, b"mvhd")?)?;
    let track = boxes(movie).filter(|(name, _)| *name == b"trak").map(|(_, track)| track).find(
        |track| {
            let handler = child(track, b"mdia").and_then(|media| child(media, b"hdlr"));
            handler.and_then(|handler| handler.get(8..12)) == Some(b"soun")
        },
    )?;
    let rate = clock(child(child(track, b"mdia")?, b"mdhd")?)?;
    let list = child(child(track, b"edts")?, b"elst")?;
    let long = *list.first()? == 1;
    let entries = list.get(8..)?.chunks_exact(if long { 20 } else { 12 });
    let mut parts = entries.filter_map(|entry| {
        let (length, start) = if long {
            (number(&entry[..8]), number(&entry[8..16]).cast_signed())
        } else {
            (number(&entry[..4]), i64::from(i32::from_be_bytes(*entry[4..].first_chunk()?)))
        };
        // A negative start is a pause.
        Some((length, u64::try_from(start).ok()?))
    });
    let ((length, start), None) = (parts.next()?, parts.next()) else { return None };
    #[expect(clippy::cast_precision_loss, reason = "52 bits are enough")]
    let (skip, keep) = (start as f64 / rate, length as f64 / scale);
    (length == 0 || keep > SHORTEST).then_some(Part { skip, keep: (length > 0).then_some(keep) })
}

/// Checks that no fragment announces more samples than the file has bytes.
pub(super) fn has_plausible_fragments(bytes: &[u8]) -> bool {
    let named = |name: &'static [u8]| move |(found, _): &(&[u8], &[u8])| *found == name;
    let tracks = boxes(bytes).filter(named(b"moof")).flat_map(|(_, fragment)| boxes(fragment));
    let mut runs = tracks.filter(named(b"traf")).flat_map(|(_, track)| boxes(track));
    runs.all(|(name, run)| {
        name != b"trun" || number(run.get(4..8).unwrap_or_default()) <= bytes.len() as u64
    })
}

/// Ticks per second of an `mvhd` or `mdhd`.
fn clock(header: &[u8]) -> Option<f64> {
    let at = if *header.first()? == 1 { 20 } else { 12 };
    let ticks = u32::from_be_bytes(*header.get(at..)?.first_chunk()?);
    (ticks > 0).then(|| f64::from(ticks))
}

/// Returns the first box with this name.
fn child<'a>(bytes: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(found, _)| *found == name).map(|(_, content)| content)
}

/// Iterates over the boxes of one level, with their names.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    let read = move || {
        let (length, name) = (rest.get(..4)?, rest.get(4..8)?);
        let (head, length) = match number(length) {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(number(rest.get(8..16)?)).ok()?),
            length => (8, usize::try_from(length).ok()?),
        };
        let content = rest.get(head..length.min(rest.len()))?;
        rest = rest.get(length..).unwrap_or_default();
        Some((name, content))
    };
    std::iter::from_fn(read)
}

/// Reads a big-endian number.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}
