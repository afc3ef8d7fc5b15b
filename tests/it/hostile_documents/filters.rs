//! The cheap PDF filters as an attacker uses them: small input with a large output.

use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};

/// Unpacked size of a bomb in bytes: twice what any bound allows.
const MUCH: usize = 72 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Flate,
    Lzw,
    RunLength,
    Hex,
    Base85,
}

pub(super) const ALL: [Filter; 5] =
    [Filter::Flate, Filter::Lzw, Filter::RunLength, Filter::Hex, Filter::Base85];

static BLANKS: LazyLock<Vec<u8>> = LazyLock::new(|| zlib(&vec![b' '; MUCH]));

impl Filter {
    /// Returns its name and its abbreviation.
    pub(super) fn names(self) -> [&'static str; 2] {
        match self {
            Self::Flate => ["FlateDecode", "Fl"],
            Self::Lzw => ["LZWDecode", "LZW"],
            Self::RunLength => ["RunLengthDecode", "RL"],
            Self::Hex => ["ASCIIHexDecode", "AHx"],
            Self::Base85 => ["ASCII85Decode", "A85"],
        }
    }

    pub(super) fn pack(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Flate => zlib(data),
            Self::Lzw => lzw(data),
            Self::RunLength => data
                .chunks(128)
                .flat_map(|piece| {
                    let length = u8::try_from(piece.len() - 1).unwrap();
                    std::iter::once(length).chain(piece.iter().copied())
                })
                .chain([128])
                .collect(),
            Self::Hex => {
                let digits: String = data.iter().map(|byte| format!("{byte:02X}")).collect();
                (digits + ">").into_bytes()
            }
            Self::Base85 => base_85(data),
        }
    }

    /// Returns data with a very large output; `None` where one byte becomes at most four.
    pub(super) fn bomb(self) -> Option<Vec<u8>> {
        match self {
            Self::Flate => Some(BLANKS.clone()),
            Self::Lzw => Some(lzw_runs()),
            Self::RunLength => Some([129, b' '].repeat(MUCH / 128)),
            Self::Hex | Self::Base85 => None,
        }
    }
}

pub(super) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::new(6));
    packed.write_all(data).unwrap();
    packed.finish().unwrap()
}

/// Deflates without a zlib header: parsers accept that, too.
pub(super) fn bare(data: &[u8]) -> Vec<u8> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::new(6));
    packed.write_all(data).unwrap();
    packed.finish().unwrap()
}

/// Returns a stored block with a wrong length, at which a strict reader stops, followed by a bomb.
pub(super) fn broken() -> Vec<u8> {
    let mut data = vec![0x78, 0x9C, 0, 1, 0, 0, 0, b' '];
    data.extend(BLANKS.get(2..).unwrap());
    data
}

/// A writer of codes of up to 12 bits, most significant bit first.
#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, code: u32, width: u32) {
        self.held = self.held << width | code;
        self.count += width;
        while self.count >= 8 {
            self.count -= 8;
            self.out.push(u8::try_from(self.held >> self.count & 0xFF).unwrap());
        }
        self.held &= (1 << self.count) - 1;
    }

    fn end(mut self) -> Vec<u8> {
        self.put(0, (8 - self.count % 8) % 8);
        self.out
    }
}

/// Encodes literal codes only; the table never grows beyond them.
fn lzw(data: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    for piece in data.chunks(200) {
        bits.put(256, 9);
        for byte in piece {
            bits.put(u32::from(*byte), 9);
        }
    }
    bits.put(257, 9);
    bits.end()
}

/// Each code extends the previous string by one byte: seven kilobytes become eight megabytes.
fn lzw_runs() -> Vec<u8> {
    let mut bits = Bits::default();
    for _ in 0..=MUCH / (8 * 1024 * 1024) {
        bits.put(256, 9);
        bits.put(u32::from(b' '), 9);
        let mut width = 9;
        for code in 258..4094 {
            width = match code {
                ..=510 => width,
                511..=1022 => 10,
                1023..=2046 => 11,
                _ => 12,
            };
            bits.put(code, width);
        }
        // The clear code that follows has the maximum width.
        bits.put(256, 12);
    }
    bits.end()
}

fn base_85(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in data.chunks(4) {
        let mut group = [0; 4];
        group.iter_mut().zip(piece).for_each(|(into, byte)| *into = *byte);
        let number = u32::from_be_bytes(group);
        let digit = |power: u32| b'!' + u8::try_from(number / 85_u32.pow(power) % 85).unwrap();
        let digits = [digit(4), digit(3), digit(2), digit(1), digit(0)];
        out.extend(&digits[..=piece.len()]);
    }
    out.extend(b"~>");
    out
}
