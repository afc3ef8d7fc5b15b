//! Detects the type of a file by its first bytes, never by its name.

use super::ogg::Pages;
use super::{Error, Kind, frames};

/// Files that are not audio, by their first bytes.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\xFF\xD8\xFF", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an Office document"),
    (b"\xD0\xCF\x11\xE0", "an old Office document"),
    (b"{\\rtf", "a rich text document"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"7z\xBC\xAF", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3\0", "a database"),
    (b"\x7FELF", "a program"),
    (b"MZ", "a program"),
    (b"MThd", "a MIDI score"),
];

/// Unsupported audio formats, by their first bytes.
const UNSUPPORTED_FORMATS: &[(&[u8], &str)] = &[
    (b"#!AMR-WB", "AMR-WB (an old telephone's recording)"),
    (b"#!AMR", "AMR (an old telephone's recording)"),
    (b"#!SILK_V3", "SILK (a WeChat recording)"),
    (b"\x02#!SILK_V3", "SILK (a WeChat recording)"),
    (b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", "Windows Media (WMA)"),
    (b"RF64", "RF64"),
    (b"RIFX", "RIFX"),
    (b".snd", "Sun audio (AU)"),
    (b"wvpk", "WavPack"),
    (b"MAC ", "Monkey's Audio"),
    (b"TTA1", "True Audio"),
    (b"MPCK", "Musepack"),
    (b"DSD ", "DSD"),
    (b"FLV\x01", "Flash video"),
    (b"\x00\x00\x01\xBA", "an MPEG program stream"),
    (b".RMF", "RealMedia"),
    (b"\x56\xE0", "AAC in LOAS frames"),
    (b"\x56\xE1", "AAC in LOAS frames"),
];

/// Boxes that an MP4 or MOV file can start with.
const BOXES: &[&[u8]] = &[b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"];
/// MP4 brands of image files.
const PICTURES: &[&[u8]] = &[b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis"];

/// Returns the type of a file, and its content without leading tags.
pub(super) fn kind(bytes: &[u8]) -> Result<(Kind, &[u8]), Error> {
    let bytes = untagged(bytes);
    let starts = |magic: &(&[u8], &'static str)| bytes.starts_with(magic.0);
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    if let Some((_, what)) = OTHERS.iter().find(|magic| starts(magic)) {
        return Err(Error::NotSound { what });
    }
    if let Some((_, what)) = UNSUPPORTED_FORMATS.iter().find(|magic| starts(magic)) {
        return Err(unsupported(what));
    }
    let marks = (bytes.get(..4), bytes.get(4..8), bytes.get(8..12));
    let kind = match marks {
        (Some(b"OggS"), ..) => ogg(bytes)?,
        (Some(b"fLaC"), ..) => Kind::Flac,
        (Some(b"caff"), ..) => Kind::Caf,
        (Some(b"\x1A\x45\xDF\xA3"), ..) => Kind::Matroska,
        (Some(b"RIFF"), _, Some(b"WAVE")) => Kind::Wav,
        (Some(b"RIFF"), _, Some(b"WEBP")) => {
            return Err(Error::NotSound { what: "a WebP picture" });
        }
        (Some(b"RIFF"), _, Some(b"AVI ")) => return Err(unsupported("AVI video")),
        (Some(b"FORM"), _, Some(b"AIFF" | b"AIFC")) => Kind::Aiff,
        (_, Some(b"ftyp"), Some(brand)) if PICTURES.contains(&brand) => {
            return Err(Error::NotSound { what: "a HEIF picture" });
        }
        (_, Some(mark), _) if BOXES.contains(&mark) => Kind::Mp4,
        _ => return frame(bytes),
    };
    Ok((kind, bytes))
}

/// Error for an unsupported format.
pub(super) fn unsupported(what: &str) -> Error {
    Error::Unsupported { what: what.to_owned() }
}

/// Skips ID3 tags (id3.org, ID3v2.4, 3.1), whose length has 7 bits in each byte.
fn untagged(mut bytes: &[u8]) -> &[u8] {
    while let Some([b'I', b'D', b'3', _, _, flags, length @ ..]) = bytes.first_chunk::<10>() {
        let length = length.iter().fold(0, |sum, &byte| sum << 7 | usize::from(byte & 0x7F));
        let footer = if flags & 0x10 == 0 { 0 } else { 10 };
        bytes = bytes.get(10 + length + footer..).unwrap_or_default();
    }
    bytes
}

/// Detects the codec of an Ogg file by the first packets of its streams.
fn ogg(bytes: &[u8]) -> Result<Kind, Error> {
    let mut streams = Pages::of(bytes).take_while(super::ogg::Page::first).peekable();
    let damaged = streams.peek().is_none();
    let (mut strange, mut seen) = (None, 0);
    for packet in streams.filter_map(|page| page.pieces().next()) {
        let known: [(&[u8], Result<Kind, &str>); 7] = [
            (b"OpusHead", Ok(Kind::Opus)),
            (b"\x01vorbis", Ok(Kind::Ogg)),
            (b"\x7FFLAC", Ok(Kind::Ogg)),
            (b"Speex   ", Err("Speex")),
            (b"CELT    ", Err("CELT")),
            (b"PCM     ", Err("PCM in Ogg")),
            (b"\x80kate", Err("Kate")),
        ];
        match known.iter().find(|(magic, _)| packet.data.starts_with(magic)) {
            Some((_, Ok(kind))) => return Ok(*kind),
            Some((_, Err(what))) => strange = Some(*what),
            None => seen += 1,
        }
    }
    match strange {
        Some(what) => Err(unsupported(what)),
        // The first page is lost, and the codec with it. Most files are Opus; a later chained
        // stream may be whole.
        None if damaged => Ok(Kind::Opus),
        None if seen > 0 => Err(Error::NotSound { what: "an Ogg file without a sound in it" }),
        None => Err(Error::Damaged { what: Kind::Ogg.name() }),
    }
}

/// Detects MP3 and ADTS, which have no file header, by consecutive frames.
fn frame(bytes: &[u8]) -> Result<(Kind, &[u8]), Error> {
    let adts = frames::adts(bytes).map(|frames| (frames.start, Kind::Aac));
    let mp3 = frames::mp3(bytes).map(|frames| (frames.start, Kind::Mp3));
    match adts.into_iter().chain(mp3).min_by_key(|(start, _)| *start) {
        Some((start, kind)) => Ok((kind, &bytes[start..])),
        None => Err(other(bytes)),
    }
}

/// Describes a file without a known signature.
fn other(bytes: &[u8]) -> Error {
    let packets = |at: usize| bytes.get(at) == Some(&0x47);
    if packets(0) && packets(188) && packets(376) {
        return unsupported("an MPEG transport stream");
    }
    let start = &bytes[..bytes.len().min(512)];
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => "",
    };
    let text = text.trim_start_matches('\u{FEFF}').trim().to_lowercase();
    let what = match text.as_bytes().first() {
        _ if bytes.iter().all(|&byte| byte == 0) => "a file of zeros",
        None => "a file of an unknown format",
        Some(_) if text.contains('\0') => "a file of an unknown format",
        Some(_) if text.starts_with("<!doctype html") || text.contains("<html") => "a web page",
        Some(b'<') => "an XML document",
        Some(b'{' | b'[') => "a JSON document",
        Some(_) => "a text",
    };
    Error::NotSound { what }
}
