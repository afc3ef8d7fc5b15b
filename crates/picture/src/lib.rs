//! Makes a picture from an untrusted source a small JPEG for a model that sees: upright, on white,
//! without metadata. Trusts no name, no type and no header; opens no file and knows no model.
//!
//! | file | what is read |
//! | --- | --- |
//! | JPEG | 8 bits: baseline and progressive, grey, colour and CMYK; turned as its EXIF says |
//! | PNG | all depths, interlaced too; of an animation the still picture |
//! | WebP | lossy and lossless; of an animation the first frame |
//! | GIF | the first frame |
//!
//! Colour profiles are ignored: a photo with a wide profile becomes a little paler. What a file
//! holds besides its pixels (EXIF with its place, comments, scripts after the end) never gets into
//! the result, because that is encoded anew from pixels.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

mod sniff;
mod decode;
mod pixels;
mod jpeg;
mod webp;

pub use jpeg::size_of_prepared;

/// Limits of a picture before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Maximum pixels of the original.
    pub max_pixels: u64,
    /// Maximum width and height of the original, in pixels.
    pub max_side: u32,
    /// Maximum memory for the original's pixels, in bytes. A decoder may need as much again.
    pub max_decoded_bytes: u64,
    /// Maximum width and height of the result, in pixels. Smaller pictures keep their size.
    pub longest_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 50_000_000,
            max_side: 20_000,
            // The most pixels, with a colour of four bytes.
            max_decoded_bytes: 200_000_000,
            // Larger pictures are scaled down by the models' makers, who charge by size.
            longest_side: 1_536,
        }
    }
}

/// A picture as a model gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// A baseline JPEG without metadata.
    pub jpeg: Vec<u8>,
    /// Its width, in pixels.
    pub width: u32,
    /// Its height, in pixels.
    pub height: u32,
    /// Width of the original as it is looked at (turned as its EXIF says), in pixels.
    pub original_width: u32,
    /// Height of the original as it is looked at, in pixels.
    pub original_height: u32,
}

/// Why a picture cannot be prepared, as shown to an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Error {
    /// The file has no bytes.
    #[error("there is no picture in this file: it is empty")]
    Empty,
    /// The file is no picture, or one of another format.
    #[error("this is {what}: only JPEG, PNG, WebP and GIF pictures can be read")]
    UnknownFormat {
        /// What it is, with its article.
        what: String,
    },
    /// The picture has too many pixels. Known from its header, before anything is decoded.
    #[error(
        "the picture has {width} × {height} pixels: at most {max_pixels} in all and {max_side} on \
         a side can be read"
    )]
    TooLarge {
        /// Its width, in pixels.
        width: u32,
        /// Its height, in pixels.
        height: u32,
        /// Maximum pixels.
        max_pixels: u64,
        /// Maximum width and height.
        max_side: u32,
    },
    /// Its pixels need too much memory, such as those of 16 bits a colour.
    #[error("reading the picture needs more than {limit_mb} MB of memory")]
    TooMuchMemory {
        /// The limit, in MB.
        limit_mb: u64,
    },
    /// A variant of the format that no decoder here reads.
    #[error("pictures of this kind cannot be read here: {0}")]
    Unsupported(String),
    /// The file is damaged or cut off.
    #[error("the picture is damaged: {0}")]
    Damaged(String),
}

/// Prepares a picture for a model.
///
/// Memory besides the file and the result: `max_decoded_bytes`, and about as much again while
/// decoding (twice for a progressive JPEG of full colour) or up to 150 MB while scaling. Time is
/// not bounded: a JPEG of many progressive scans takes long.
pub fn prepare(bytes: &[u8], limits: &Limits) -> Result<Picture, Error> {
    // The decoders are many lines of other people's arithmetic on what a stranger wrote.
    let prepared = catch_unwind(AssertUnwindSafe(|| {
        let original = decode::decode(bytes, limits)?;
        pixels::finish(original, limits)
    }));
    prepared.unwrap_or_else(|_| Err(Error::Damaged("its decoder broke off".into())))
}

impl Limits {
    /// Fails if a picture of this size is not to be decoded.
    fn check(&self, width: u32, height: u32) -> Result<(), Error> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(Error::Damaged("it has no pixels".into()));
        }
        if pixels > self.max_pixels || width.max(height) > self.max_side {
            let Self { max_pixels, max_side, .. } = *self;
            return Err(Error::TooLarge { width, height, max_pixels, max_side });
        }
        Ok(())
    }

    /// The error of a picture that needs too much memory.
    fn too_much_memory(&self) -> Error {
        Error::TooMuchMemory { limit_mb: self.max_decoded_bytes / 1_000_000 }
    }
}

/// The error of a file that ends too early.
pub(crate) fn cut_off() -> Error {
    Error::Damaged("it ends before its last pixel".into())
}
