//! From pixels to the result: on white, smaller, upright, JPEG. Needs little memory besides the
//! pixels: those are changed in place, and turned when they are few.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, RgbImage};

use crate::decode::Original;
use crate::{Error, Limits, Picture};

/// Quality of the result, from 1 to 100: writing in a photo stays readable.
const QUALITY: u8 = 85;
/// A picture this many times as large as the result is first averaged to twice the result's size:
/// the fine filter would take seconds, and hundreds of megabytes.
const AVERAGE_FROM: u32 = 3;

/// Makes pixels the result.
pub(crate) fn finish(original: Original, limits: &Limits) -> Result<Picture, Error> {
    let Original { width, height, colour, mut samples, orientation } = original;
    let grey = lay_on_white(&mut samples, colour)?;
    let no_match = || Error::Damaged("its pixels do not match its size".into());
    let mut image = if grey {
        DynamicImage::from(GrayImage::from_raw(width, height, samples).ok_or_else(no_match)?)
    } else {
        DynamicImage::from(RgbImage::from_raw(width, height, samples).ok_or_else(no_match)?)
    };
    image = smaller(image, limits.longest_side);
    image.apply_orientation(orientation);
    let (original_width, original_height) = match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    };
    let mut jpeg = Vec::new();
    let rgb = image.into_rgb8();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    rgb.write_with_encoder(encoder).map_err(|error| Error::Damaged(error.to_string()))?;
    Ok(Picture { jpeg, width: rgb.width(), height: rgb.height(), original_width, original_height })
}

/// Makes samples 8 bits of grey or of red, green and blue, without transparency. Returns whether
/// they are grey.
fn lay_on_white(samples: &mut Vec<u8>, colour: ColorType) -> Result<bool, Error> {
    if matches!(colour, ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16) {
        keep_high_bytes(samples);
    }
    match colour {
        ColorType::L8 | ColorType::L16 => Ok(true),
        ColorType::Rgb8 | ColorType::Rgb16 => Ok(false),
        ColorType::La8 | ColorType::La16 => {
            blend::<2>(samples);
            Ok(true)
        }
        ColorType::Rgba8 | ColorType::Rgba16 => {
            blend::<4>(samples);
            Ok(false)
        }
        other => Err(Error::Unsupported(format!("colours as {other:?}"))),
    }
}

fn keep_high_bytes(samples: &mut Vec<u8>) {
    let high = usize::from(cfg!(target_endian = "little"));
    let half = samples.len() / 2;
    for at in 0..half {
        samples[at] = samples[2 * at + high];
    }
    samples.truncate(half);
}

/// Lays pixels of `N` samples, the last of them their opacity, on white.
fn blend<const N: usize>(samples: &mut Vec<u8>) {
    let pixels = samples.len() / N;
    for pixel in 0..pixels {
        let opacity = u32::from(samples[pixel * N + N - 1]);
        for channel in 0..N - 1 {
            let value = u32::from(samples[pixel * N + channel]);
            let mixed = (value * opacity + 255 * (255 - opacity) + 127) / 255;
            samples[pixel * (N - 1) + channel] = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
    }
    samples.truncate(pixels * (N - 1));
}

/// Scales an image down so that neither side exceeds `longest`.
fn smaller(mut image: DynamicImage, longest: u32) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let long = width.max(height);
    if long <= longest {
        return image;
    }
    let scaled = |side: u32| {
        let (side, longest, long) = (u64::from(side), u64::from(longest), u64::from(long));
        u32::try_from((side * longest + long / 2) / long).unwrap_or(u32::MAX).max(1)
    };
    let (to_width, to_height) = (scaled(width), scaled(height));
    if long > AVERAGE_FROM.saturating_mul(longest) {
        // The many pixels are freed before the filter needs memory of its own.
        image = image.thumbnail_exact((2 * to_width).min(width), (2 * to_height).min(height));
    }
    image.resize_exact(to_width, to_height, FilterType::CatmullRom)
}
