//! Parses the pages of an Ogg file (RFC 3533). Skips damaged data up to the next page; does not
//! interpret the content.

/// Size of a page header without the segment table, in bytes.
const HEADER: usize = 27;
/// Maximum bytes of damaged pages to check, per byte of the file: overlapping pages would take
/// quadratic time.
const MAX_CHECKSUM_BYTES_PER_BYTE: usize = 8;

const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// One page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    flags: u8,
    /// Granule position at the end of the page, in the codec's samples; `None` if no packet ends in
    /// it, the page is cut, or the number is not valid.
    pub(super) granule: Option<i64>,
    /// Serial number of its stream.
    pub(super) serial: u32,
    /// Sequence number in its stream.
    pub(super) number: u32,
    lacing: &'a [u8],
    body: &'a [u8],
    /// The file ends within the page.
    pub(super) cut: bool,
}

/// A packet, or a part of one, in a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) data: &'a [u8],
    /// The packet ends here.
    pub(super) ends: bool,
}

impl<'a> Page<'a> {
    /// The first piece continues a packet of the previous page.
    pub(super) fn continues(&self) -> bool {
        self.flags & CONTINUED != 0
    }

    /// The page starts a stream.
    pub(super) fn first(&self) -> bool {
        self.flags & FIRST != 0
    }

    /// The page ends its stream.
    pub(super) fn last(&self) -> bool {
        self.flags & LAST != 0
    }

    /// Iterates over the complete pieces.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece<'a>> + use<'a> {
        let (mut lacing, mut body) = (self.lacing, self.body);
        std::iter::from_fn(move || {
            let full = lacing.iter().take_while(|&&length| length == 255).count();
            let ends = full < lacing.len();
            let segments = if ends { full + 1 } else { full };
            let length = lacing[..segments].iter().map(|&length| usize::from(length)).sum();
            if segments == 0 || length > body.len() {
                return None;
            }
            let (data, rest) = body.split_at(length);
            (lacing, body) = (&lacing[segments..], rest);
            Some(Piece { data, ends })
        })
    }
}

/// Iterates over the pages of a file.
#[derive(Debug, Clone)]
pub(super) struct Pages<'a> {
    bytes: &'a [u8],
    patience: usize,
    /// Some bytes between pages were skipped.
    pub(super) holed: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            patience: bytes.len().saturating_mul(MAX_CHECKSUM_BYTES_PER_BYTE),
            holed: false,
        }
    }

    /// Skips to the next page marker.
    fn seek(&mut self) -> bool {
        let found = find(self.bytes);
        self.holed |= found != Some(0) && !self.bytes.is_empty();
        self.bytes = &self.bytes[found.unwrap_or(self.bytes.len())..];
        found.is_some()
    }
}

impl<'a> Iterator for Pages<'a> {
    type Item = Page<'a>;

    fn next(&mut self) -> Option<Page<'a>> {
        while self.seek() {
            let read = read(self.bytes);
            let damaged = match read {
                Some((page, _)) if page.cut => find(&self.bytes[4..]).is_some(),
                Some((_, length)) => {
                    let sum = checksum(&self.bytes[..length]);
                    sum != u32_at(self.bytes, 22)
                }
                None => true,
            };
            match read {
                Some((page, length)) if !damaged => {
                    self.bytes = &self.bytes[length..];
                    return Some(page);
                }
                _ => {
                    let looked = read.map_or(HEADER, |(_, length)| length);
                    self.patience = self.patience.checked_sub(looked)?;
                    self.holed = true;
                    self.bytes = &self.bytes[4..];
                }
            }
        }
        None
    }
}

/// Returns the offset of the next page marker.
fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(5).position(|window| window == b"OggS\0")
}

/// Parses the page at the start of `bytes`, and returns its length; shorter than declared if the
/// file ends.
fn read(bytes: &[u8]) -> Option<(Page<'_>, usize)> {
    let header = bytes.get(..HEADER)?;
    let body = HEADER + usize::from(header[26]);
    let lacing = bytes.get(HEADER..body)?;
    let end = body + lacing.iter().map(|&length| usize::from(length)).sum::<usize>();
    let granule = u64::from(u32_at(header, 6)) | (u64::from(u32_at(header, 10)) << 32);
    let cut = end > bytes.len();
    let page = Page {
        flags: header[5],
        granule: i64::try_from(granule).ok().filter(|&granule| !cut && granule < i64::MAX / 4),
        serial: u32_at(header, 14),
        number: u32_at(header, 18),
        lacing,
        body: &bytes[body..end.min(bytes.len())],
        cut,
    };
    Some((page, end.min(bytes.len())))
}

/// Reads a little-endian number. Panics if the bytes are missing.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Checksum of a page, with its own field as zeros: polynomial 0x04c11db7, highest bit first (RFC
/// 3533, 6).
pub(super) fn checksum(page: &[u8]) -> u32 {
    let step = |sum: u32, byte: u8| (sum << 8) ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)];
    let sum = page[..22].iter().fold(0, |sum, &byte| step(sum, byte));
    let sum = (0..4).fold(sum, |sum, _| step(sum, 0));
    page[26..].iter().fold(sum, |sum, &byte| step(sum, byte))
}

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index: u32 = 0;
    while index < 256 {
        let mut sum = index << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum >> 31 == 1 { (sum << 1) ^ 0x04c1_1db7 } else { sum << 1 };
            bit += 1;
        }
        table[index as usize] = sum;
        index += 1;
    }
    table
}
