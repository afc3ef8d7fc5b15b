//! Unpacks the filters of PDF streams within a limit, to measure a stream before anything else
//! unpacks it. Reads damaged data as the parser does; ignores pictures.

use std::borrow::Cow;
use std::ops::Range;

use flate2::bufread::{DeflateDecoder, ZlibDecoder};
use hayro_interpret::hayro_syntax::Filter;

/// Maximum expansion of deflate: bytes per input byte.
const WORST: u64 = 1032;
/// Bytes unpacked at once.
const PIECE: usize = 32 * 1024;

/// Why the size of a stream is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SizeError {
    /// A layer exceeds the limit.
    TooLarge,
    /// It is damaged in the middle, and the rest could exceed the limit.
    Broken,
}

/// Unpacked size of a stream, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StreamSize {
    /// Size of the last layer, which is the content.
    pub(super) last: u64,
    /// Size of all layers together.
    pub(super) all: u64,
}

/// Measures a stream; `most` is the maximum size of a layer, in bytes.
pub(super) fn measure(chain: &[Filter], data: &[u8], most: u64) -> Result<StreamSize, SizeError> {
    match chain.iter().filter(|filter| **filter == Filter::LzwDecode).count() {
        0 => layers(chain, data, (most, Growth::Early)),
        // The variant is in the parameters; the wrong one fails soon.
        1 => {
            let early = layers(chain, data, (most, Growth::Early))?;
            let late = layers(chain, data, (most, Growth::Late))?;
            Ok(if early.all > late.all { early } else { late })
        }
        // No program compresses with LZW twice.
        _ => Err(SizeError::TooLarge),
    }
}

/// When LZW codes get longer: one code before the table is full, or when it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    Early,
    Late,
}

fn layers(
    chain: &[Filter],
    data: &[u8],
    (most, growth): (u64, Growth),
) -> Result<StreamSize, SizeError> {
    let is_picture = |filter: &Filter| {
        use Filter::{CcittFaxDecode, DctDecode, Jbig2Decode, JpxDecode};
        matches!(filter, CcittFaxDecode | DctDecode | Jbig2Decode | JpxDecode)
    };
    // Pictures have no text, so none of their layers is unpacked.
    if chain.iter().any(is_picture) {
        return Ok(StreamSize::default());
    }
    let chain = chain.strip_prefix(&[Filter::Crypt]).unwrap_or(chain);
    let mut layer = Cow::Borrowed(data);
    let mut unpacked = StreamSize { last: data.len() as u64, all: 0 };
    for (index, filter) in chain.iter().enumerate() {
        let mut out = Output { bytes: Vec::new(), size: 0, most, kept: index + 1 < chain.len() };
        match filter {
            Filter::FlateDecode => inflate(&layer, &mut out)?,
            Filter::LzwDecode => lzw(&layer, growth, &mut out)?,
            Filter::RunLengthDecode => run_length(&layer, &mut out)?,
            Filter::AsciiHexDecode => ascii_hex(&layer, &mut out)?,
            Filter::Ascii85Decode => ascii_85(&layer, &mut out)?,
            _ => return Ok(StreamSize { last: 0, ..unpacked }),
        }
        unpacked = StreamSize { last: out.size, all: unpacked.all + out.size };
        layer = Cow::Owned(out.bytes);
    }
    Ok(unpacked)
}

/// Output of a layer, with a limit. Keeps the bytes only if another layer reads them.
struct Output {
    bytes: Vec<u8>,
    size: u64,
    most: u64,
    kept: bool,
}

impl Output {
    fn push(&mut self, piece: &[u8]) -> Result<(), SizeError> {
        self.size += piece.len() as u64;
        if self.size > self.most {
            return Err(SizeError::TooLarge);
        }
        if self.kept {
            self.bytes.extend_from_slice(piece);
        }
        Ok(())
    }

    /// Repeats earlier output.
    fn again(&mut self, range: Range<usize>) -> Result<(), SizeError> {
        self.size += range.len() as u64;
        if self.size > self.most {
            return Err(SizeError::TooLarge);
        }
        self.bytes.extend_from_within(range);
        Ok(())
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.size = 0;
    }
}

/// Unpacks deflate, with or without a zlib header. After damage the parser may continue in its own
/// way, so the worst case must fit, too.
fn inflate(data: &[u8], out: &mut Output) -> Result<(), SizeError> {
    let mut zlib = ZlibDecoder::new(data);
    if run(|piece| std::io::Read::read(&mut zlib, piece), out)? {
        return Ok(());
    }
    let (size, left) = (out.size, (data.len() as u64).saturating_sub(zlib.total_in()));
    let kept = std::mem::take(&mut out.bytes);
    out.clear();
    let mut bare = DeflateDecoder::new(data);
    if run(|piece| std::io::Read::read(&mut bare, piece), out)? {
        // The parser may take either.
        out.size = out.size.max(size);
        return Ok(());
    }
    let bare_left = (data.len() as u64).saturating_sub(bare.total_in());
    let worst = if has_header(data) { size + left * WORST } else { out.size + bare_left * WORST };
    if size > out.size {
        (out.size, out.bytes) = (size, kept);
    }
    if worst > out.most { Err(SizeError::Broken) } else { Ok(()) }
}

/// The parser's own test: data that fails it is read without a header.
fn has_header(data: &[u8]) -> bool {
    let [cmf, flags, ..] = data else { return false };
    cmf & 15 == 8 && flags & 32 == 0 && u16::from_be_bytes([*cmf, *flags]).is_multiple_of(31)
}

/// Unpacks in pieces. Returns whether the end was reached.
fn run(
    mut read: impl FnMut(&mut [u8]) -> std::io::Result<usize>,
    out: &mut Output,
) -> Result<bool, SizeError> {
    let mut piece = vec![0; PIECE];
    loop {
        match read(&mut piece) {
            Ok(0) => return Ok(true),
            Ok(size) => out.push(piece.get(..size).unwrap_or_default())?,
            Err(_) => return Ok(false),
        }
    }
}

/// Unpacks LZW with codes of 9 to 12 bits; table entries refer to earlier output.
fn lzw(data: &[u8], growth: Growth, out: &mut Output) -> Result<(), SizeError> {
    const CLEAR: u32 = 256;
    const END: u32 = 257;
    const FULL: usize = 4096;
    // Table entries refer to earlier output.
    out.kept = true;
    let mut table: Vec<(usize, usize)> = Vec::new();
    let mut before: Option<(usize, usize)> = None;
    let (mut bits, mut held, mut rest) = (0_u32, 0_u32, data.iter());
    loop {
        let width = match table.len() + 258 + usize::from(growth == Growth::Early) {
            0..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
        while bits < width {
            let Some(byte) = rest.next() else { return Ok(()) };
            held = held << 8 | u32::from(*byte);
            bits += 8;
        }
        bits -= width;
        let code = held >> bits & ((1 << width) - 1);
        let start = out.bytes.len();
        match code {
            CLEAR => {
                (table, before) = (Vec::new(), None);
                continue;
            }
            END => return Ok(()),
            literal @ 0..256 => out.push(&literal.to_le_bytes()[..1])?,
            code => {
                let index = code as usize - 258;
                let known = table.get(index).copied();
                let Some((from, length)) =
                    known.or(before.filter(|_| index == table.len()).map(|(at, n)| (at, n + 1)))
                else {
                    return Ok(());
                };
                out.again(from..(from + length).min(start))?;
                if from + length > start {
                    // The code is not complete yet: it ends with its own first byte.
                    out.again(from..from + 1)?;
                }
            }
        }
        if let Some((from, length)) = before.filter(|_| table.len() + 258 < FULL) {
            table.push((from, length + 1));
        }
        before = Some((start, out.bytes.len() - start));
    }
}

fn run_length(mut data: &[u8], out: &mut Output) -> Result<(), SizeError> {
    while let Some((length, rest)) = data.split_first() {
        data = match length {
            128 => break,
            0..128 => {
                let Some((plain, rest)) = rest.split_at_checked(usize::from(*length) + 1) else {
                    break;
                };
                out.push(plain)?;
                rest
            }
            _ => {
                let Some((byte, rest)) = rest.split_first() else { break };
                out.push(&[*byte; 128][..257 - usize::from(*length)])?;
                rest
            }
        };
    }
    Ok(())
}

fn ascii_hex(data: &[u8], out: &mut Output) -> Result<(), SizeError> {
    let mut high = None;
    let digits = data.iter().take_while(|byte| **byte != b'>').filter(|byte| !is_space(**byte));
    for digit in digits {
        let Some(value) = char::from(*digit).to_digit(16).and_then(|v| u8::try_from(v).ok()) else {
            break;
        };
        match high.take() {
            None => high = Some(value << 4),
            Some(high) => out.push(&[high | value])?,
        }
    }
    high.map_or(Ok(()), |high| out.push(&[high]))
}

fn ascii_85(data: &[u8], out: &mut Output) -> Result<(), SizeError> {
    let (mut group, mut digits) = (0_u32, 0_usize);
    for byte in data.iter().filter(|byte| !is_space(**byte)) {
        match byte {
            b'!'..=b'u' => {
                group = group.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                digits += 1;
                if digits == 5 {
                    out.push(&group.to_be_bytes())?;
                    (group, digits) = (0, 0);
                }
            }
            b'z' => out.push(&[0; 4])?,
            _ => break,
        }
    }
    if digits > 1 {
        for _ in digits..5 {
            group = group.wrapping_mul(85).wrapping_add(84);
        }
        out.push(group.to_be_bytes().get(..digits - 1).unwrap_or_default())?;
    }
    Ok(())
}

/// White space of PDF.
fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::format_collect, reason = "inputs of tests are written as they read best")]

    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    const MAX_BYTES: u64 = 1024 * 1024;

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(data).unwrap();
        packed.finish().unwrap()
    }

    fn last(chain: &[Filter], data: &[u8]) -> Result<u64, SizeError> {
        measure(chain, data, MAX_BYTES).map(|unpacked| unpacked.last)
    }

    #[test]
    fn every_cheap_filter_is_measured_and_bounded() {
        use Filter::{Ascii85Decode, AsciiHexDecode, FlateDecode, LzwDecode, RunLengthDecode};
        assert_eq!(last(&[FlateDecode], &deflated(&[b' '; 5000])), Ok(5000));
        assert_eq!(
            last(&[FlateDecode, FlateDecode], &deflated(&deflated(&vec![0; 90_000]))),
            Ok(90_000)
        );
        assert_eq!(last(&[RunLengthDecode], &[129, b'x', 1, b'y', b'z', 128, 129, b'x']), Ok(130));
        assert_eq!(last(&[AsciiHexDecode], b"48 656C6c 6f7>00"), Ok(6));
        assert_eq!(last(&[Ascii85Decode], b"87cURD]j7BEbo80z~>87cUR"), Ok(16));
        // Example of the PDF reference: 45 45 45 45 45 65 45 45 45 66.
        let coded = [0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01];
        assert_eq!(last(&[LzwDecode], &coded), Ok(10));
        let bomb = deflated(&vec![0; 2 * 1024 * 1024]);
        assert_eq!(last(&[FlateDecode], &bomb), Err(SizeError::TooLarge));
        let hex: String = bomb.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(last(&[AsciiHexDecode, FlateDecode], hex.as_bytes()), Err(SizeError::TooLarge));
        let runs = deflated(&[129, b' '].repeat(10_000));
        assert_eq!(last(&[FlateDecode, RunLengthDecode], &runs), Err(SizeError::TooLarge));
        assert_eq!(last(&[LzwDecode, LzwDecode], &coded), Err(SizeError::TooLarge));
        assert_eq!(last(&[FlateDecode, Filter::DctDecode], &bomb), Ok(0));
    }

    #[test]
    fn what_breaks_in_the_middle_is_bounded_by_what_could_be_behind() {
        let mut packed = deflated(&(0..9000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
        // A stored block with a wrong length: the parser continues where this one stops.
        let mut broken = vec![0x78, 0x9C, 0, 1, 0, 0, 0, b'x'];
        broken.extend(&packed);
        assert_eq!(last(&[Filter::FlateDecode], &broken), Err(SizeError::Broken));
        packed.truncate(packed.len() / 2);
        assert!(last(&[Filter::FlateDecode], &packed).is_ok_and(|size| size > 1000));
    }
}
