//! The outline of a JPEG: whether it ends, and whether it is one that this crate wrote. Reads
//! markers only. Pure. Markers: ITU T.81, annex B.

/// Start of a frame: baseline.
const BASELINE: u8 = 0xC0;
/// Huffman tables.
const HUFFMAN: u8 = 0xC4;
/// End of the picture.
const END: u8 = 0xD9;
/// Start of a scan.
const SCAN: u8 = 0xDA;
/// Quantisation tables.
const QUANTISATION: u8 = 0xDB;
/// The header of JFIF.
const JFIF: u8 = 0xE0;

/// Width and height of a JPEG as [`prepare`](crate::prepare) writes it: one baseline frame with
/// its tables, then the end of the file. `None` for any other, such as one with metadata, or with
/// something after its end. For who gets the bytes from a process that may have been taken over.
pub fn size_of_prepared(jpeg: &[u8]) -> Option<(u32, u32)> {
    let mut rest = jpeg.strip_prefix(&[0xFF, 0xD8])?;
    let (mut size, mut jfif) = (None, false);
    loop {
        let segment = Segment::split(rest)?;
        rest = segment.rest;
        match segment.marker {
            JFIF if !jfif && segment.body.starts_with(b"JFIF\0") && segment.body.len() == 14 => {
                jfif = true;
            }
            BASELINE if size.is_none() => {
                let [_, high, low, wide, narrow, ..] = *segment.body else { return None };
                let number = |high, low| u32::from(u16::from_be_bytes([high, low]));
                size = Some((number(wide, narrow), number(high, low)));
            }
            HUFFMAN | QUANTISATION => {}
            SCAN => break,
            _ => return None,
        }
    }
    let coded = rest.strip_suffix(&[0xFF, END])?;
    // A byte of all ones within a scan is followed by a zero; anything else is a marker.
    let stuffed = |pair: &[u8]| pair[0] != 0xFF || pair[1] == 0;
    let clean = coded.windows(2).all(stuffed) && coded.last() != Some(&0xFF);
    size.filter(|(width, height)| clean && *width > 0 && *height > 0)
}

/// Whether a picture's end follows the start of its first scan. A small picture in its metadata
/// has an end of its own, which comes before.
pub(crate) fn has_end(jpeg: &[u8]) -> bool {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    while let Some(segment) = Segment::split(rest) {
        rest = segment.rest;
        if segment.marker == SCAN {
            break;
        }
    }
    rest.windows(2).any(|pair| pair == [0xFF, END])
}

/// A segment before the coded data, and what follows it.
struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Segment<'a> {
    fn split(from: &'a [u8]) -> Option<Self> {
        let [0xFF, marker, high, low, rest @ ..] = from else { return None };
        let length = usize::from(u16::from_be_bytes([*high, *low])).checked_sub(2)?;
        let (body, rest) = rest.split_at_checked(length)?;
        Some(Self { marker: *marker, body, rest })
    }
}
