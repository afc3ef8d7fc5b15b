//! How much a PDF holds when it is unpacked, before anything reads it: the parser unpacks a stream as a whole. Looks at
//! the bytes alone, so damage does not matter.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::knowledge::extract::Unreadable;
use crate::knowledge::extract::bounds::Deadline;

use super::WHAT;

/// The most that a stream may have, in bytes: a page scanned in colour has 100 MB.
const MAX_STREAM: u64 = 128 * 1024 * 1024;
/// The most that all streams may have together, in bytes.
const MAX_ALL: u64 = 1024 * 1024 * 1024;
/// Where a stream's dictionary is looked for, in bytes before it.
const DICTIONARY: usize = 1024;

/// Refuses a PDF that would fill the memory. What is encrypted, or packed in an older way than deflate, is not measured.
pub(super) fn measure(bytes: &[u8], deadline: Deadline) -> Result<(), Unreadable> {
    let mut all = 0;
    for at in positions(bytes, b"stream") {
        // The word ends each stream, too.
        if bytes.get(..at).is_some_and(|before| before.ends_with(b"end")) {
            continue;
        }
        deadline.check();
        let dictionary = dictionary(bytes.get(..at).unwrap_or_default());
        let packed = positions(dictionary, b"FlateDecode").count()
            + positions(dictionary, b"LZWDecode").count()
            + positions(dictionary, b"/Fl ").count();
        // No program packs what is packed.
        if packed > 1 {
            return Err(bomb(MAX_STREAM));
        }
        let data = bytes.get(at + b"stream".len()..).unwrap_or_default();
        let data = data.strip_prefix(b"\r\n").or(data.strip_prefix(b"\n")).unwrap_or(data);
        let size = unpacked(data);
        all += size;
        if size > MAX_STREAM {
            return Err(bomb(MAX_STREAM));
        }
        if all > MAX_ALL {
            return Err(bomb(MAX_ALL));
        }
    }
    Ok(())
}

/// Whether the file has its end: what is cut off has not.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let start = bytes.len().saturating_sub(DICTIONARY);
    positions(bytes.get(start..).unwrap_or_default(), b"%%EOF").next().is_some()
}

fn bomb(most: u64) -> Unreadable {
    Unreadable::Bomb { what: WHAT, most: format!("more than {} MB", most / 1024 / 1024) }
}

/// The size of a deflated stream, as far as it matters; 0 for what is none.
fn unpacked(data: &[u8]) -> u64 {
    let mut decoder = ZlibDecoder::new(data).take(MAX_STREAM + 1);
    let (mut size, mut buffer) = (0, vec![0; 64 * 1024]);
    while let Ok(read @ 1..) = decoder.read(&mut buffer) {
        size += read as u64;
    }
    size
}

/// The dictionary right before a stream.
fn dictionary(before: &[u8]) -> &[u8] {
    let start = before.len().saturating_sub(DICTIONARY);
    let near = before.get(start..).unwrap_or_default();
    let object = positions(near, b" obj").last().unwrap_or(0);
    near.get(object..).unwrap_or_default()
}

fn positions<'a>(bytes: &'a [u8], word: &'static [u8]) -> impl Iterator<Item = usize> + 'a {
    let hits = bytes.windows(word.len()).enumerate();
    hits.filter(move |(_, window)| *window == word).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn stream(filter: &str, megabytes: usize) -> Vec<u8> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..megabytes {
            packed.write_all(&vec![b' '; 1024 * 1024]).unwrap();
        }
        let mut bytes = format!("1 0 obj <</Filter {filter}>> stream\r\n").into_bytes();
        bytes.extend(packed.finish().unwrap());
        bytes.extend(b"\nendstream endobj\n");
        bytes
    }

    fn measured(bytes: &[u8]) -> Result<(), Unreadable> {
        measure(bytes, Deadline::after(Duration::from_mins(1)))
    }

    #[test]
    fn a_stream_that_would_fill_the_memory_is_refused() {
        let bomb = Err(bomb(MAX_STREAM));
        assert_eq!(measured(&stream("/FlateDecode", 4)), Ok(()));
        assert_eq!(measured(&stream("/FlateDecode", 129)), bomb);
        assert_eq!(measured(&stream("[/FlateDecode /FlateDecode]", 1)), bomb);
        assert_eq!(measured(b"stream\nstream endstream \x78\x9c"), Ok(()));
    }
}
