//! Checks a model's file before whisper.cpp loads it: whisper.cpp aborts on some broken files and
//! accepts others as models without weights. Reads no weights.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// A model's properties from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// Size and variant: `base` or `small.en`.
    pub(super) name: String,
    /// Whether it supports languages other than English.
    pub(super) multilingual: bool,
    /// File size, in bytes; the weights take as much memory.
    pub(super) bytes: u64,
    /// Number of tensors; 0 in a test model without weights, which recognizes nothing.
    pub(super) tensors: usize,
}

impl Shape {
    /// Working memory per recording in MB, without the weights; measured up to `medium`.
    pub(super) fn working_mb(&self) -> u64 {
        match self.name.split('.').next().unwrap_or_default() {
            "tiny" => 120,
            "base" => 165,
            "small" => 280,
            "medium" => 470,
            _ => 600,
        }
    }
}

/// Number of integers in a file's header, as whisper.cpp writes it.
const HEAD: usize = 11;
/// Maximum length of a token, in bytes.
const MAX_TOKEN_LEN: u64 = 1_000;

/// Reads a file's structure to its end. The error says what is wrong.
pub(super) fn read(path: &Path) -> Result<Shape, String> {
    let place = path.display();
    let unreadable = |error: std::io::Error| format!("{place} cannot be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    if path.is_dir() {
        return Err(format!("{place} is a folder: the path of a whisper model is its .bin file"));
    }
    let mut reader = Reader { file: BufReader::new(file), bytes, at: 0 };
    reader.shape().map_err(|why| match why {
        FileError::Other => format!(
            "{place} is no model of whisper.cpp: such a file is named like ggml-base.bin; `frontdesk models list` shows those \
             that can be fetched"
        ),
        FileError::Cut => format!("{place} is cut off: copy or fetch it again, all of it"),
        FileError::Broken(what) => format!("{place} is broken: {what}; copy or fetch it again"),
    })
}

/// Why a file is no valid model of whisper.cpp.
enum FileError {
    Other,
    Cut,
    Broken(&'static str),
}

struct Reader {
    file: BufReader<File>,
    bytes: u64,
    at: u64,
}

impl Reader {
    fn shape(&mut self) -> Result<Shape, FileError> {
        if self.number().map_err(|_| FileError::Other)? != 0x6767_6d6c {
            return Err(FileError::Other);
        }
        let mut head = [0; HEAD];
        for number in &mut head {
            *number = self.number()?;
        }
        let [
            tokens,
            context,
            width,
            heads,
            layers,
            text_context,
            text_width,
            _,
            text_layers,
            mels,
            kind,
        ] = head;
        if !(51_864..=51_900).contains(&tokens) {
            return Err(FileError::Other);
        }
        let sizes = [(4, "tiny"), (6, "base"), (12, "small"), (24, "medium"), (32, "large")];
        let size = sizes.iter().find(|(count, _)| *count == layers);
        let fits = context == 1_500
            && (384..=1_280).contains(&width)
            && width == text_width
            && width.is_multiple_of(64)
            && heads == width / 64
            && text_context == 448
            && (1..=32).contains(&text_layers)
            && [80, 128].contains(&mels)
            && kind % 1_000 <= 20;
        let (Some((_, size)), true) = (size, fits) else {
            return Err(FileError::Broken("the numbers in its head fit no size of whisper"));
        };
        if (self.number()?, self.number()?) != (mels, 201) {
            return Err(FileError::Broken("its filters are not those of whisper"));
        }
        self.skip(u64::from(mels) * 201 * 4)?;
        let words = self.number()?;
        if words > tokens {
            return Err(FileError::Broken("it has more words than tokens"));
        }
        for _ in 0..words {
            let length = u64::from(self.number()?);
            if length > MAX_TOKEN_LEN {
                return Err(FileError::Broken("a word of it is too long"));
            }
            self.skip(length)?;
        }
        let mut tensors = 0;
        while self.at < self.bytes {
            self.tensor()?;
            tensors += 1;
        }
        let multilingual = tokens >= 51_865;
        let turbo = if *size == "large" && text_layers < 32 { "-turbo" } else { "" };
        let english = if multilingual { "" } else { ".en" };
        let name = format!("{size}{turbo}{english}");
        Ok(Shape { name, multilingual, bytes: self.bytes, tensors })
    }

    fn tensor(&mut self) -> Result<(), FileError> {
        let (dimensions, length, kind) = (self.number()?, self.number()?, self.number()?);
        if !(1..=4).contains(&dimensions) || length > 200 {
            return Err(FileError::Broken("the head of a tensor is none"));
        }
        let mut numbers = 1_u64;
        for _ in 0..dimensions {
            let size = u64::from(self.number()?);
            numbers =
                numbers.checked_mul(size).ok_or(FileError::Broken("a tensor is too large"))?;
        }
        let (block, bytes) =
            block(kind).ok_or(FileError::Broken("a tensor has numbers of an unknown kind"))?;
        let of_numbers = (numbers / block).checked_mul(bytes);
        self.skip(u64::from(length))?;
        self.skip(of_numbers.ok_or(FileError::Broken("a tensor is too large"))?)
    }

    fn number(&mut self) -> Result<u32, FileError> {
        let mut bytes = [0; 4];
        self.file.read_exact(&mut bytes).map_err(|_| FileError::Cut)?;
        self.at += 4;
        Ok(u32::from_le_bytes(bytes))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), FileError> {
        if bytes > self.bytes - self.at {
            return Err(FileError::Cut);
        }
        self.at += bytes;
        let whole = i64::try_from(bytes).map_err(|_| FileError::Cut)?;
        // Seeking within the buffer is fast; there are 50,000 words.
        if bytes < 4_096 {
            return self.file.seek_relative(whole).map_err(|_| FileError::Cut);
        }
        self.file.seek(SeekFrom::Start(self.at)).map(drop).map_err(|_| FileError::Cut)
    }
}

/// Values and bytes per block of a ggml number type.
fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 => (1, 4),
        1 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => return None,
    })
}
