//! Reads `model.safetensors`; validates the header before using it. Must not keep more in memory
//! than was requested.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

/// Maximum header size, in bytes; headers of real models have some 10,000 or 100,000 bytes.
const MAX_HEADER_LEN: u64 = 16 << 20;
/// Bytes before the header: its length, 64-bit little-endian.
const BEFORE_HEADER: u64 = 8;

/// A file of named tensors.
pub struct Tensors {
    file: Arc<File>,
    name: String,
    all: Metadata,
    header: Vec<u8>,
    /// Prefix of the tensor names, such as `bert.`.
    prefix: String,
}

impl Tensors {
    /// Opens a file. Errors name it and say what to do.
    pub fn open(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let damaged =
            |why: &str| format!("{name} is damaged ({why}): fetch or import the model again");
        let file = File::open(path).map_err(|error| super::folder::unreadable(path, &error))?;
        let length = file.metadata().map_err(|error| damaged(&error.to_string()))?.len();
        let mut size = [0; 8];
        if length < BEFORE_HEADER {
            return Err(damaged("it is empty"));
        }
        read_at(&file, &mut size, 0).map_err(|error| damaged(&error.to_string()))?;
        let size = u64::from_le_bytes(size);
        if size > MAX_HEADER_LEN || size > length - BEFORE_HEADER {
            return Err(damaged("its header cannot be that long"));
        }
        let mut header = vec![0; usize::try_from(size).map_err(|_| damaged("header"))?];
        read_at(&file, &mut header, BEFORE_HEADER).map_err(|error| damaged(&error.to_string()))?;
        let all: Metadata =
            serde_json::from_slice(&header).map_err(|error| damaged(&error.to_string()))?;
        let told = BEFORE_HEADER + size + all.data_len() as u64;
        if told != length {
            return Err(damaged(&format!("{length} bytes where the header tells of {told}")));
        }
        let prefix = prefix(&all);
        Ok(Self { file: Arc::new(file), name, all, header, prefix })
    }

    /// Reads a tensor of the base model, row by row. Its shape must match.
    pub(crate) fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        self.read_whole(&self.full_name(name), shape)
    }

    /// Returns the full name of a base model's tensor, with the file's prefix.
    pub fn full_name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Returns the shape of a tensor by its full name; `None` if it is missing.
    pub fn shape(&self, whole: &str) -> Option<&[usize]> {
        self.all.info(whole).map(|info| info.shape.as_slice())
    }

    /// Reads a tensor by its full name, such as one of a head.
    pub fn read_whole(&self, whole: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let info = self.info(whole, shape)?;
        let mut bytes = vec![0; info.data_offsets.1 - info.data_offsets.0];
        read_at(&self.file, &mut bytes, self.place(info))
            .map_err(|error| format!("{} cannot be read: {error}", self.name))?;
        let mut numbers = vec![0.0; shape.iter().product()];
        convert(&bytes, info.dtype, &mut numbers);
        Ok(numbers)
    }

    /// Opens a table whose rows stay in the file: the word embeddings are more than half of most
    /// models.
    pub(crate) fn table(&self, name: &str, rows: usize, columns: usize) -> Result<Table, String> {
        let info = self.info(&self.full_name(name), &[rows, columns])?;
        let (file, name) = (self.file.clone(), self.name.clone());
        Ok(Table { file, name, place: self.place(info), dtype: info.dtype, rows, columns })
    }

    /// Feeds `take` a fingerprint of the file: the header (names, shapes and offsets of all
    /// tensors) and 4 KiB of every 256 KiB. Training changes all weights, so this detects a change
    /// in milliseconds; a full hash would take up to some seconds at every start.
    pub fn sample_fingerprint(&self, mut take: impl FnMut(&[u8])) -> Result<(), String> {
        const STEP: u64 = 256 << 10;
        let length = self.header.len() as u64 + BEFORE_HEADER + self.all.data_len() as u64;
        take(&self.header);
        take(&length.to_le_bytes());
        let mut block = vec![0; 4 << 10];
        let mut place = BEFORE_HEADER + self.header.len() as u64;
        while place < length {
            let size = (length - place).min(4 << 10);
            let block = block.get_mut(..usize::try_from(size).unwrap_or(0)).unwrap_or_default();
            read_at(&self.file, block, place)
                .map_err(|error| format!("{} cannot be read: {error}", self.name))?;
            take(block);
            place += STEP;
        }
        Ok(())
    }

    fn info(&self, full: &str, shape: &[usize]) -> Result<&TensorInfo, String> {
        let Some(info) = self.all.info(full) else {
            return Err(format!(
                "{} has no tensor {full}: only models of the BERT and XLM-RoBERTa families can be used",
                self.name
            ));
        };
        if info.shape != shape {
            return Err(format!(
                "{}: {full} has the shape {:?}, config.json tells of {shape:?}: the two files are of different models",
                self.name, info.shape
            ));
        }
        if width(info.dtype).is_none() {
            return Err(format!(
                "{}: {full} holds {:?}; only F32, F16 and BF16 weights can be used",
                self.name, info.dtype
            ));
        }
        Ok(info)
    }

    fn place(&self, info: &TensorInfo) -> u64 {
        BEFORE_HEADER + self.header.len() as u64 + info.data_offsets.0 as u64
    }
}

/// A table that is read row by row.
pub(crate) struct Table {
    file: Arc<File>,
    name: String,
    place: u64,
    dtype: Dtype,
    /// Number of rows.
    pub(crate) rows: usize,
    columns: usize,
}

impl Table {
    /// Adds a row to `to`.
    pub(crate) fn add_row(
        &self,
        row: u32,
        bytes: &mut Vec<u8>,
        to: &mut [f32],
    ) -> Result<(), String> {
        let size = self.columns * width(self.dtype).unwrap_or(4);
        if row as usize >= self.rows {
            return Err(format!("the tokenizer knows more words than {}", self.name));
        }
        bytes.resize(size, 0);
        read_at(&self.file, bytes, self.place + u64::from(row) * size as u64)
            .map_err(|error| format!("{} cannot be read any more: {error}", self.name))?;
        each(bytes, self.dtype, |place, number| {
            if let Some(to) = to.get_mut(place) {
                *to += number;
            }
        });
        Ok(())
    }
}

/// Finds the prefix of the tensor names: `bert.` or `roberta.` if the model was saved with a head.
fn prefix(all: &Metadata) -> String {
    const KNOWN: &str = "embeddings.word_embeddings.weight";
    let names = all.offset_keys();
    let name = names.iter().find(|name| name.ends_with(KNOWN));
    name.and_then(|name| name.strip_suffix(KNOWN)).unwrap_or_default().to_owned()
}

/// Bytes of a number; `None` for unsupported types.
fn width(dtype: Dtype) -> Option<usize> {
    match dtype {
        Dtype::F32 => Some(4),
        Dtype::F16 | Dtype::BF16 => Some(2),
        _ => None,
    }
}

fn convert(bytes: &[u8], dtype: Dtype, to: &mut [f32]) {
    each(bytes, dtype, |place, number| {
        if let Some(to) = to.get_mut(place) {
            *to = number;
        }
    });
}

fn each(bytes: &[u8], dtype: Dtype, mut take: impl FnMut(usize, f32)) {
    let (twos, _) = bytes.as_chunks::<2>();
    match dtype {
        Dtype::F16 => {
            let numbers = twos.iter().map(|two| f16::from_le_bytes(*two).to_f32());
            numbers.enumerate().for_each(|(place, number)| take(place, number));
        }
        Dtype::BF16 => {
            let numbers = twos.iter().map(|two| bf16::from_le_bytes(*two).to_f32());
            numbers.enumerate().for_each(|(place, number)| take(place, number));
        }
        _ => {
            let (fours, _) = bytes.as_chunks::<4>();
            let numbers = fours.iter().map(|four| f32::from_le_bytes(*four));
            numbers.enumerate().for_each(|(place, number)| take(place, number));
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], place: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, place)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut place: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, place)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes = bytes.get_mut(read..).unwrap_or_default();
        place += read as u64;
    }
    Ok(())
}
