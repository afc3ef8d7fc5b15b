//! Recognises a file by its first bytes. Reads no names, and no further than a header. Pure.

use crate::Error;

/// A format that is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Png,
    Webp,
    Gif,
}

/// Bytes in which markup is looked for.
const START: usize = 1_024;

/// The format of a file, or what it is instead.
pub(crate) fn format(bytes: &[u8]) -> Result<Format, Error> {
    match bytes {
        [] => Err(Error::Empty),
        [0xFF, 0xD8, 0xFF, ..] => Ok(Format::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(Format::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::Webp),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Format::Gif),
        _ => Err(Error::UnknownFormat { what: other(bytes).into() }),
    }
}

/// The size that a file states at a fixed place. Other formats' decoders read it without decoding.
pub(crate) fn stated_size(format: Format, bytes: &[u8]) -> Option<(u32, u32)> {
    let png = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let gif = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into());
    match format {
        Format::Png => png(16).zip(png(20)),
        Format::Gif => gif(6).zip(gif(8)),
        Format::Jpeg | Format::Webp => None,
    }
}

/// Names a file of another format, with its article.
fn other(bytes: &[u8]) -> &'static str {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4) {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => {
                "a HEIC picture"
            }
            Some(b"avif" | b"avis") => "an AVIF picture",
            _ => "a video or a sound",
        },
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [b'P', b'K', 3 | 5, ..] => "an archive or an office document",
        [b'B', b'M', ..] => "a BMP picture",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "a TIFF picture",
        [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C, b'J', b'X', b'L', b' ', ..] => "a JPEG XL picture",
        _ => markup(&bytes[..bytes.len().min(START)]).unwrap_or("no picture that is known here"),
    }
}

fn markup(start: &[u8]) -> Option<&'static str> {
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    let text = text.to_ascii_lowercase();
    let has = |tag: &[u8]| text.windows(tag.len()).any(|part| part == tag);
    match text.first() {
        Some(b'<') if has(b"<svg") => Some("an SVG drawing"),
        Some(b'<') if has(b"<html") || has(b"<!doctype html") => Some("a web page"),
        _ => None,
    }
}
