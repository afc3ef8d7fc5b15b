//! Decodes a file to pixels, after its size was checked.

use std::io::Cursor;

use image::codecs::{gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::error::UnsupportedErrorKind;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError};

use crate::sniff::{Format, format, stated_size};
use crate::{Error, Limits, jpeg, webp};

/// Maximum length of a decoder's reason, in characters.
const MAX_REASON_LEN: usize = 200;

/// Pixels as they are in the file.
pub(crate) struct Original {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) colour: ColorType,
    /// Samples row by row, those of 16 bits in native order.
    pub(crate) samples: Vec<u8>,
    pub(crate) orientation: Orientation,
}

/// Decodes a file of any known format.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Original, Error> {
    let format = format(bytes)?;
    // Before a decoder reads further: a header may be all that there is.
    if let Some((width, height)) = stated_size(format, bytes) {
        limits.check(width, height)?;
    }
    let error = |error: ImageError| of_decoder(error, limits);
    let file = Cursor::new(bytes);
    match format {
        Format::Jpeg => {
            let decoder = JpegDecoder::new(file).map_err(error)?;
            let (width, height) = decoder.dimensions();
            limits.check(width, height)?;
            // The decoder fills what is missing with grey, which would mislead a model.
            if !jpeg::has_end(bytes) {
                return Err(crate::cut_off());
            }
            read(decoder, limits)
        }
        Format::Png => {
            read(PngDecoder::with_limits(file, for_decoder(limits, 0)).map_err(error)?, limits)
        }
        Format::Webp => {
            let file = Cursor::new(webp::outline(bytes, limits)?);
            let decoder = WebPDecoder::new(file).map_err(error)?;
            let (width, height) = decoder.dimensions();
            limits.check(width, height)?;
            // The result, the canvas and the frame.
            let needed = u64::from(width) * u64::from(height) * 12;
            if decoder.has_animation() && needed > 2 * limits.max_decoded_bytes {
                return Err(limits.too_much_memory());
            }
            read(decoder, limits)
        }
        Format::Gif => read(GifDecoder::new(file).map_err(error)?, limits),
    }
}

/// Reads the pixels of a file whose header was read.
fn read(mut decoder: impl ImageDecoder, limits: &Limits) -> Result<Original, Error> {
    let (width, height) = decoder.dimensions();
    limits.check(width, height)?;
    let size = decoder.total_bytes();
    if size > limits.max_decoded_bytes {
        return Err(limits.too_much_memory());
    }
    let error = |error: ImageError| of_decoder(error, limits);
    // What the samples need is taken already; a GIF's frame may be larger than its picture.
    decoder.set_limits(for_decoder(limits, size)).map_err(error)?;
    // Of damaged metadata nothing is wanted.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let colour = decoder.color_type();
    let size = usize::try_from(size).map_err(|_| limits.too_much_memory())?;
    let mut samples = vec![0; size];
    decoder.read_image(&mut samples).map_err(error)?;
    Ok(Original { width, height, colour, samples, orientation })
}

/// The limits for a decoder when so many bytes of memory are taken.
fn for_decoder(limits: &Limits, taken: u64) -> image::Limits {
    let mut theirs = image::Limits::no_limits();
    theirs.max_image_width = Some(limits.max_side);
    theirs.max_image_height = Some(limits.max_side);
    // At least what tables and rows need.
    theirs.max_alloc = Some(limits.max_decoded_bytes.saturating_sub(taken).max(16 << 20));
    theirs
}

fn of_decoder(error: ImageError, limits: &Limits) -> Error {
    match error {
        ImageError::Limits(_) => limits.too_much_memory(),
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            crate::cut_off()
        }
        ImageError::Unsupported(error) => Error::Unsupported(match error.kind() {
            UnsupportedErrorKind::GenericFeature(feature) => sentence(&feature),
            _ => sentence(&error.to_string()),
        }),
        other => Error::Damaged(sentence(&other.to_string())),
    }
}

/// A decoder's reason on one line. It may quote the file.
fn sentence(reason: &str) -> String {
    let letter = |letter: char| if letter.is_control() { ' ' } else { letter };
    reason.chars().map(letter).take(MAX_REASON_LEN).collect()
}
