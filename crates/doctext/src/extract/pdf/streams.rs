//! Limits the unpacked size of a PDF before anything reads it, because the parser unpacks whole
//! streams and keeps them in memory. Finds every stream in the file with the parser's own reader,
//! so that nothing is unpacked without being measured. Removes pictures, which have no text.

use std::ops::Range;

use hayro_interpret::hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, Stream};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::reader::{Reader, ReaderContext, ReaderExt};

use crate::extract::Unreadable;
use crate::extract::bounds::Deadline;

use super::WHAT;
use super::filters::{self, SizeError, StreamSize};

const MB: u64 = 1024 * 1024;
/// Maximum size of a layer of a stream, in bytes.
const MAX_STREAM: u64 = 32 * MB;
/// Maximum size of all layers of all streams together, in bytes.
const MAX_ALL: u64 = 128 * MB;
/// Maximum size of the contents of all pages together, in bytes: each page keeps its own copy.
const MAX_CONTENTS: u64 = 64 * MB;
/// Maximum size of a stream that may draw itself, up to fifty levels deep, in bytes; a larger one
/// is removed.
const MAX_FORM: u64 = 4 * MB;
/// Maximum size of a function, a shading or an object stream, in bytes; each takes many times its
/// size in memory.
const MAX_TABLE: u64 = MB;
const MAX_OBJECTS: u64 = 8 * MB;
/// Maximum objects in object streams, and entries of cross-reference streams.
const MAX_ENTRIES: u64 = 1_000_000;
/// Maximum width of a predictor row, in samples.
const MAX_COLUMNS: usize = 1_000_000;
/// Bytes at the end of a file that are searched for its end marker.
const END: usize = 1024;
/// Replaces a removed stream; it ends every filter.
const REMOVED_STREAM: [u8; 5] = [0x80, 0x80, 0x00, 0xFF, 0xFF];
/// Minimum size of a removed stream, in bytes: in a shorter one deflate would read on past its end.
const MIN_REMOVED_BYTES: usize = 160;

/// Result of the stream limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StreamReport {
    /// Number of removed streams that may have held text.
    pub(super) lost: usize,
    /// The document is encrypted: its unpacked size is unknown before it is opened.
    pub(super) encrypted: bool,
}

/// Refuses a PDF that would use too much memory, and overwrites streams that are not needed.
pub(super) fn limit_streams(
    bytes: &mut [u8],
    deadline: Deadline,
) -> Result<StreamReport, Unreadable> {
    let pictures = Scan::new(bytes, deadline, Search::Pictures).run()?;
    let (encrypted, struck) = (pictures.encrypted, pictures.struck);
    strike(bytes, &struck);
    let search = if encrypted { Search::Lists } else { Search::Sizes };
    let mut lost = 0;
    // Overwriting changes overlapping streams: measure all again.
    for _ in 0..4 {
        let struck = Scan::new(bytes, deadline, search).run()?.struck;
        if struck.is_empty() {
            return Ok(StreamReport { lost, encrypted });
        }
        lost += struck.len();
        strike(bytes, &struck);
    }
    Err(Unreadable::Damaged(WHAT))
}

/// Whether the file has its end marker; a truncated one does not.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let end = bytes.get(bytes.len().saturating_sub(END)..).unwrap_or_default();
    end.windows(5).any(|window| window == b"%%EOF")
}

/// Size of the page contents so far: each page keeps its own copy.
#[derive(Debug, Default)]
pub(super) struct Contents {
    all: u64,
}

impl Contents {
    /// Adds a page before it is unpacked.
    pub(super) fn add(&mut self, page: &Page<'_>) -> Result<(), Unreadable> {
        let mut own = 0;
        let mut add = |stream: &Stream<'_>| -> Result<(), Unreadable> {
            let unpacked = filters::measure(&stream.filters(), &stream.raw_data(), MAX_STREAM);
            own += unpacked.map_err(|_| bomb(MAX_STREAM))?.last;
            if own > MAX_STREAM { Err(bomb(MAX_STREAM)) } else { Ok(()) }
        };
        if let Some(stream) = page.raw().get::<Stream<'_>>("Contents") {
            add(&stream)?;
        } else if let Some(array) = page.raw().get::<Array<'_>>("Contents") {
            for stream in array.iter::<Object<'_>>().filter_map(Object::into_stream) {
                add(&stream)?;
            }
        }
        self.all += own;
        if self.all > MAX_CONTENTS { Err(bomb(MAX_CONTENTS)) } else { Ok(()) }
    }
}

/// Measures the streams of an encrypted document after it was opened.
pub(super) fn measure_open<'a>(
    objects: impl IntoIterator<Item = Object<'a>>,
    deadline: Deadline,
) -> Result<(), Unreadable> {
    let mut all = 0;
    for stream in objects.into_iter().filter_map(Object::into_stream) {
        deadline.check();
        if is_picture(stream.dict()) {
            continue;
        }
        check_parameters(stream.dict())?;
        let unpacked = filters::measure(&stream.filters(), &stream.raw_data(), MAX_STREAM);
        let StreamSize { last, all: layers } = unpacked.map_err(|_| bomb(MAX_STREAM))?;
        all += layers;
        if all > MAX_ALL || last > most_of(stream.dict()).unwrap_or(MAX_STREAM) {
            return Err(bomb(MAX_ALL));
        }
    }
    Ok(())
}

fn strike(bytes: &mut [u8], ranges: &[Range<usize>]) {
    for range in ranges {
        let Some(bytes) = bytes.get_mut(range.clone()) else { continue };
        bytes.fill(0xFF);
        for (byte, mark) in bytes.iter_mut().zip(REMOVED_STREAM) {
            *byte = mark;
        }
    }
}

fn bomb(most: u64) -> Unreadable {
    Unreadable::Bomb { what: WHAT, most: format!("more than {} MB", most / MB) }
}

/// Purpose of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Search {
    /// Finds pictures and attached files.
    Pictures,
    /// Measures every stream.
    Sizes,
    /// Measures only what is unpacked while the document is opened; the rest is encrypted, if the
    /// file is honest.
    Lists,
}

/// Scans every stream of a file.
struct Scan<'a> {
    bytes: &'a [u8],
    deadline: Deadline,
    search: Search,
    struck: Vec<Range<usize>>,
    encrypted: bool,
    /// Unpacked size of all streams.
    all: u64,
    entries: u64,
}

impl<'a> Scan<'a> {
    fn new(bytes: &'a [u8], deadline: Deadline, search: Search) -> Self {
        Self { bytes, deadline, search, struck: Vec::new(), encrypted: false, all: 0, entries: 0 }
    }

    /// Every stream starts with a dictionary, so searching for dictionaries misses none.
    fn run(mut self) -> Result<Self, Unreadable> {
        let context = ReaderContext::dummy();
        for at in starts(self.bytes) {
            self.deadline.check();
            let mut reader = Reader::new(self.bytes);
            reader.jump(at);
            let Some(dict) = reader.read_with_context::<Dict<'_>>(&context) else { continue };
            self.encrypted |= dict.contains_key("Encrypt");
            reader.skip_white_spaces_and_comments();
            if reader.forward_tag(b"stream").is_none() {
                continue;
            }
            reader.jump(at);
            if let Some(stream) = reader.read_with_context::<Stream<'_>>(&context) {
                self.look_at(&stream)?;
            }
        }
        Ok(self)
    }

    fn look_at(&mut self, stream: &Stream<'_>) -> Result<(), Unreadable> {
        let (dict, data) = (stream.dict(), stream.raw_data());
        let start = data.as_ptr().addr().saturating_sub(self.bytes.as_ptr().addr());
        let range = start..start + data.len();
        let long = data.len() >= MIN_REMOVED_BYTES;
        let list = dict.contains_key("First") || dict.contains_key("W");
        if self.search == Search::Pictures {
            self.struck.extend((long && is_picture(dict)).then_some(range));
            return Ok(());
        }
        if (long && is_struck(&data)) || (self.search == Search::Lists && !list) {
            return Ok(());
        }
        check_parameters(dict)?;
        // If the length is stored elsewhere, the stream may extend beyond the next end marker.
        let elsewhere = matches!(dict.get_raw::<Object<'_>>("Length"), Some(MaybeRef::Ref(_)));
        let whole = if elsewhere { self.bytes.get(start..) } else { self.bytes.get(range.clone()) };
        let (chain, most) = (stream.filters(), most_of(dict).unwrap_or(MAX_STREAM));
        let unpacked = match filters::measure(&chain, whole.unwrap_or_default(), MAX_STREAM) {
            Ok(unpacked) => unpacked,
            Err(SizeError::Broken) if self.search == Search::Lists => {
                // It is encrypted: its size is known only after it is unpacked.
                let small = data.len() as u64 <= MAX_TABLE;
                return if small { Ok(()) } else { Err(bomb(MAX_OBJECTS)) };
            }
            Err(SizeError::Broken) if long && !list => {
                self.struck.push(range);
                return Ok(());
            }
            Err(_) => return Err(bomb(MAX_STREAM)),
        };
        self.count(dict, unpacked)?;
        if chain.is_empty() || unpacked.last <= most {
            return Ok(());
        }
        if list || !long {
            return Err(bomb(most));
        }
        self.struck.push(range);
        Ok(())
    }

    fn count(&mut self, dict: &Dict<'_>, unpacked: StreamSize) -> Result<(), Unreadable> {
        self.all += unpacked.all;
        if let Some(widths) = dict.get::<Array<'_>>("W") {
            let width: u64 = widths.iter::<u8>().take(3).map(u64::from).sum();
            self.entries += unpacked.last / width.max(1);
        }
        if dict.contains_key("First") {
            // A number and an offset take at least four bytes, with white space.
            self.entries += dict
                .get::<usize>("N")
                .map_or(u64::MAX, |number| number as u64)
                .min(unpacked.last / 4);
        }
        if self.all > MAX_ALL {
            return Err(bomb(MAX_ALL));
        }
        if self.entries > MAX_ENTRIES {
            let most = format!("more than {MAX_ENTRIES} objects");
            return Err(Unreadable::Bomb { what: WHAT, most });
        }
        Ok(())
    }
}

fn is_struck(data: &[u8]) -> bool {
    data.strip_prefix(&REMOVED_STREAM).is_some_and(|rest| rest.iter().all(|byte| *byte == 0xFF))
}

/// Returns the offsets where dictionaries may start.
fn starts(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let pairs = bytes.iter().zip(bytes.iter().skip(1)).enumerate();
    pairs.filter(|(_, pair)| matches!(pair, (b'<', b'<'))).map(|(at, _)| at)
}

/// Whether a stream is a picture or an attached file.
fn is_picture(dict: &Dict<'_>) -> bool {
    let is = |key: &str, name: &[u8]| dict.get::<Name<'_>>(key).is_some_and(|own| *own == *name);
    is("Subtype", b"Image") || is("Type", b"EmbeddedFile")
}

/// Returns the maximum size of a stream of this kind, if it is lower than usual.
fn most_of(dict: &Dict<'_>) -> Option<u64> {
    let has = |key: &str| dict.contains_key(key);
    if has("FunctionType") || has("ShadingType") {
        Some(MAX_TABLE)
    } else if has("BBox") {
        Some(MAX_FORM)
    } else if has("First") {
        Some(MAX_OBJECTS)
    } else {
        None
    }
}

/// Refuses filter parameters that are stored elsewhere, which no program does, and rows that would
/// use too much memory.
fn check_parameters(dict: &Dict<'_>) -> Result<(), Unreadable> {
    let own = |key: &str| dict.get_raw::<Object<'_>>(key);
    for key in ["Filter", "F", "DecodeParms", "DP"] {
        let Some(entry) = own(key) else { continue };
        for part in parts(entry).ok_or(Unreadable::Packed(WHAT))? {
            if let Object::Dict(parameters) = part {
                check_rows(&parameters)?;
            }
        }
    }
    Ok(())
}

/// Returns a value, or the values of an array; `None` if one of them is stored elsewhere.
fn parts(entry: MaybeRef<Object<'_>>) -> Option<Vec<Object<'_>>> {
    match entry {
        MaybeRef::Ref(_) => None,
        MaybeRef::NotRef(Object::Array(array)) => array
            .raw_iter()
            .map(|part| match part {
                MaybeRef::Ref(_) => None,
                MaybeRef::NotRef(object) => Some(object),
            })
            .collect(),
        MaybeRef::NotRef(object) => Some(vec![object]),
    }
}

fn check_rows(parameters: &Dict<'_>) -> Result<(), Unreadable> {
    for (key, most) in
        [("Predictor", 255), ("Colors", 32), ("BitsPerComponent", 16), ("Columns", MAX_COLUMNS)]
    {
        match parameters.get_raw::<Object<'_>>(key) {
            Some(MaybeRef::Ref(_)) => return Err(Unreadable::Packed(WHAT)),
            Some(MaybeRef::NotRef(_))
                if parameters.get::<usize>(key).is_none_or(|number| number > most) =>
            {
                return Err(Unreadable::Packed(WHAT));
            }
            Some(MaybeRef::NotRef(_)) | None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::format_collect, reason = "inputs of tests are written as they read best")]

    use std::io::Write;
    use std::time::Duration;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(data).unwrap();
        packed.finish().unwrap()
    }

    fn object(dictionary: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = format!("1 0 obj <<{dictionary}>> % a remark\r\nstream\r\n").into_bytes();
        bytes.extend(data);
        bytes.extend(b"\nendstream endobj\n");
        bytes
    }

    fn tamed(dictionary: &str, data: &[u8]) -> Result<StreamReport, Unreadable> {
        limit_streams(&mut object(dictionary, data), Deadline::after(Duration::from_mins(1)))
    }

    fn is_refused(dictionary: &str, data: &[u8]) {
        let tamed = tamed(dictionary, data);
        assert!(
            matches!(tamed, Err(Unreadable::Bomb { .. } | Unreadable::Packed(_))),
            "{dictionary}: {tamed:?}"
        );
    }

    #[test]
    fn whatever_a_stream_is_packed_with_and_however_that_is_written_it_is_measured() {
        let zeros = vec![0; 40 * 1024 * 1024];
        let once = deflated(&zeros);
        is_refused("/Filter/FlateDecode", &once);
        is_refused("/Filter/Fl", &once);
        is_refused("/Filter /Fl#61te#44ecode", &once);
        is_refused("/F [/Fl]", &once);
        is_refused(&format!("/A ({}) /Filter /FlateDecode", "x".repeat(5000)), &once);
        is_refused("/A (1 0 obj << >> stream) /Filter /FlateDecode", &once);
        is_refused("/Length 7 0 R /Filter /FlateDecode", &once);
        is_refused("/Length 9999999 /Filter /FlateDecode", &once);
        is_refused("/Filter [/FlateDecode /FlateDecode]", &deflated(&once));
        is_refused("/Filter [/FlateDecode/RunLengthDecode]", &deflated(&[129, 0].repeat(300_000)));
        let hex: String = once.iter().map(|byte| format!("{byte:02x}")).collect();
        is_refused("/Filter [/AHx /Fl]", hex.as_bytes());
        is_refused("/Filter 5 0 R", b"anything");
        is_refused("/Filter [/FlateDecode 5 0 R]", b"anything");
        is_refused("/Filter /FlateDecode /DecodeParms <</Predictor 15 /Columns 99999999999>>", &[]);
        assert_eq!(
            tamed("/Filter /FlateDecode", &deflated(&zeros[..4096])),
            Ok(StreamReport::default())
        );
    }

    #[test]
    fn pictures_and_what_is_drawn_within_itself_are_struck_out() {
        let zeros = vec![0; 40 * 1024 * 1024];
        let once = deflated(&zeros);
        for (dictionary, lost) in [
            ("/Subtype /Image /Filter /FlateDecode", 0),
            ("/Type /EmbeddedFile /Filter [/Fl /RL]", 0),
            ("/BBox [0 0 1 1] /Filter /FlateDecode", 1),
            ("/FunctionType 0 /Filter /FlateDecode", 1),
        ] {
            let data = if lost == 0 { &once } else { &deflated(&zeros[..8 * 1024 * 1024]) };
            let mut bytes = object(dictionary, data);
            let tamed = limit_streams(&mut bytes, Deadline::after(Duration::from_mins(1)));
            assert_eq!(tamed, Ok(StreamReport { lost, encrypted: false }), "{dictionary}");
            assert!(bytes.windows(8).any(|window| window == [0xFF; 8]), "{dictionary}");
        }
    }

    #[test]
    fn what_only_looks_as_if_it_were_struck_out_is_measured() {
        let mut data = [0x80, 0x80, 0x00, 0xFF, 0xFF].to_vec();
        data.extend([b'x'; 128]);
        data.extend(&deflated(&vec![0; 40 * 1024 * 1024])[2..]);
        let tamed = tamed("/Filter /FlateDecode", &data);
        assert_eq!(tamed, Ok(StreamReport { lost: 1, encrypted: false }));
    }

    #[test]
    fn what_says_that_it_is_encrypted_is_measured_where_that_matters() {
        let bomb = deflated(&vec![b' '; 40 * 1024 * 1024]);
        is_refused("/Encrypt <<>> /N 1 /First 4 /Filter /FlateDecode", &bomb);
        is_refused("/Encrypt <<>> /W [1 1 1] /Filter /FlateDecode", &bomb);
        let entries = deflated(&vec![1; 4 * 1024 * 1024]);
        is_refused("/W [0 1 0] /Filter /FlateDecode", &entries);
    }
}
