//! What becomes of pictures: ordinary ones, unusual ones, and hostile ones.

use std::time::Duration;

use frontdesk_picture::{Error, Limits, Picture, prepare, size_of_prepared};
use image::{DynamicImage, GrayAlphaImage, ImageFormat, LumaA, Rgb, RgbImage, Rgba, RgbaImage};

#[path = "../../../audio/tests/audio/dice.rs"]
mod dice;
mod files;
mod fuzz;
#[path = "../../../audio/tests/audio/heap.rs"]
mod heap;

use files::{
    BLUE, RED, SAMPLES, WHITE, animated_gif, encoded, gif_with_large_frame, jpeg_header,
    jpeg_with_exif, marked, png_chunk, png_header, with_segment,
};

#[global_allocator]
static HEAP: heap::CountingAllocator = heap::CountingAllocator;

/// Prepares a picture and decodes the result, whose size is as stated.
fn made(bytes: &[u8]) -> (Picture, RgbImage) {
    let picture = prepare(bytes, &Limits::default()).expect("it is a picture");
    assert_eq!(size_of_prepared(&picture.jpeg), Some((picture.width, picture.height)));
    let pixels = image::load_from_memory_with_format(&picture.jpeg, ImageFormat::Jpeg);
    let pixels = pixels.expect("it is a JPEG").into_rgb8();
    assert_eq!(pixels.dimensions(), (picture.width, picture.height));
    (picture, pixels)
}

fn refused(bytes: &[u8]) -> Error {
    prepare(bytes, &Limits::default()).expect_err("it is refused")
}

/// Whether two colours look alike; JPEG changes them a little.
fn alike(pixel: Rgb<u8>, colour: [u8; 3]) -> bool {
    pixel.0.iter().zip(colour).all(|(one, other)| one.abs_diff(other) < 16)
}

fn assert_halves(name: &str, pixels: &RgbImage, left: [u8; 3], right: [u8; 3]) {
    let (width, height) = pixels.dimensions();
    let (one, two) =
        (*pixels.get_pixel(width / 4, height / 2), *pixels.get_pixel(3 * width / 4, height / 2));
    assert!(alike(one, left) && alike(two, right), "{name}: {one:?} {two:?}");
}

#[test]
fn large_pictures_become_smaller_and_small_ones_keep_their_size() {
    for (width, height, to_width, to_height) in [
        (40, 30, 40, 30),
        (1_536, 1_000, 1_536, 1_000),
        (3_072, 1_024, 1_536, 512),
        (1_000, 2_000, 768, 1_536),
        // Averaged first.
        (6_000, 4_000, 1_536, 1_024),
        (20_000, 3, 1_536, 1),
        (1, 5_000, 1, 1_536),
    ] {
        let (picture, pixels) = made(&encoded(&marked(width, height), ImageFormat::Png));
        assert_eq!((picture.width, picture.height), (to_width, to_height), "{width} × {height}");
        assert_eq!((picture.original_width, picture.original_height), (width, height));
        if to_height > 2 && to_width > 2 {
            assert!(alike(*pixels.get_pixel(to_width / 4, to_height / 4), RED));
            assert!(alike(*pixels.get_pixel(3 * to_width / 4, 3 * to_height / 4), BLUE));
        }
    }
    let limits = Limits { longest_side: 100, ..Limits::default() };
    let small = prepare(&encoded(&marked(400, 300), ImageFormat::Png), &limits).unwrap();
    assert_eq!((small.width, small.height), (100, 75));
}

#[test]
fn every_format_and_colour_is_read() {
    let image = marked(60, 40);
    let wide = DynamicImage::from(image.to_rgb16());
    let kinds = [
        ("png", encoded(&image, ImageFormat::Png)),
        ("png of 16 bits", encoded(&wide, ImageFormat::Png)),
        ("png of 16 bits with opacity", encoded(&wide.to_rgba16().into(), ImageFormat::Png)),
        ("jpeg", encoded(&image, ImageFormat::Jpeg)),
        ("webp", encoded(&image, ImageFormat::WebP)),
        ("gif", encoded(&image.to_rgba8().into(), ImageFormat::Gif)),
    ];
    for (name, file) in kinds {
        let (picture, pixels) = made(&file);
        assert_eq!((picture.width, picture.height), (60, 40), "{name}");
        let at = |x, y| *pixels.get_pixel(x, y);
        assert!(alike(at(10, 10), RED) && alike(at(50, 30), BLUE), "{name}: {:?}", at(10, 10));
    }
    for grey in [encoded(&image.to_luma8().into(), ImageFormat::Png), {
        encoded(&image.to_luma16().into(), ImageFormat::Png)
    }] {
        let (_, pixels) = made(&grey);
        let Rgb([red, green, blue]) = *pixels.get_pixel(10, 10);
        assert!(red == green && green == blue && red > 20, "{red} {green} {blue}");
    }
    for (name, file) in SAMPLES {
        let (picture, pixels) = made(file);
        assert_eq!((picture.width, picture.height), (80, 60), "{name}");
        assert_halves(name, &pixels, RED, if name == "alpha" { WHITE } else { BLUE });
    }
}

#[test]
fn a_photo_is_turned_as_its_exif_says() {
    // Where the upper left quarter of a photo of 80 × 40 comes to lie: right, and below.
    let places = [
        (1, false, false),
        (2, true, false),
        (3, true, true),
        (4, false, true),
        (5, false, false),
        (6, true, false),
        (7, true, true),
        (8, false, true),
    ];
    for (orientation, right, below) in places {
        let (picture, pixels) = made(&jpeg_with_exif(80, 40, orientation));
        let size = if orientation < 5 { (80, 40) } else { (40, 80) };
        assert_eq!((picture.width, picture.height), size, "{orientation}");
        assert_eq!((picture.original_width, picture.original_height), size, "{orientation}");
        for (x, y) in [(false, false), (true, false), (false, true), (true, true)] {
            let at = |far, side| if far { 3 * side / 4 } else { side / 4 };
            let found = *pixels.get_pixel(at(x, size.0), at(y, size.1));
            let colour = if (x, y) == (right, below) { RED } else { BLUE };
            assert!(alike(found, colour), "{orientation} at {x} {y}: {found:?}");
        }
    }
    // An orientation that does not exist, and EXIF that is none.
    assert_eq!(made(&jpeg_with_exif(80, 40, 99)).0.width, 80);
    let jpeg = encoded(&marked(80, 40), ImageFormat::Jpeg);
    assert_eq!(made(&with_segment(&jpeg, 0xE1, b"Exif\0\0MM\0\x2A\xFF\xFF\xFF\xFF")).0.width, 80);
}

#[test]
fn what_shines_through_lies_on_white() {
    let mut image = RgbaImage::from_pixel(40, 20, Rgba([0, 0, 0, 0]));
    for (x, _, pixel) in image.enumerate_pixels_mut() {
        if x < 20 {
            *pixel = Rgba([255, 0, 0, 255]);
        }
    }
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let (_, pixels) = made(&encoded(&image.clone().into(), format));
        assert_halves(&format!("{format:?}"), &pixels, RED, WHITE);
    }
    let half = GrayAlphaImage::from_pixel(8, 8, LumaA([0, 128]));
    let (_, pixels) = made(&encoded(&half.into(), ImageFormat::Png));
    assert!(alike(*pixels.get_pixel(4, 4), [127, 127, 127]));
}

#[test]
fn of_an_animation_the_first_frame_is_taken() {
    let (picture, pixels) = made(&animated_gif());
    assert_eq!((picture.width, picture.height), (30, 20));
    assert_halves("gif", &pixels, RED, RED);
}

#[test]
fn nothing_but_pixels_gets_into_the_result() {
    let has = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    let plain = encoded(&marked(80, 40), ImageFormat::Jpeg);
    let script = b"<script>alert('SECRET')</script>";
    let mut png = encoded(&marked(80, 40), ImageFormat::Png);
    let text = png_chunk(*b"tEXt", b"Comment\0SECRET");
    png.splice(33..33, text);
    let mut gif = encoded(&marked(80, 40).to_rgba8().into(), ImageFormat::Gif);
    gif.extend(script);
    let mut webp = SAMPLES[2].1.to_vec();
    webp.extend(script);
    for file in [
        jpeg_with_exif(80, 40, 1),
        with_segment(&plain, 0xFE, b"SECRET"),
        with_segment(&plain, 0xE2, b"ICC_PROFILE\0SECRET"),
        [plain.clone(), script.to_vec()].concat(),
        png,
        gif,
        webp,
    ] {
        assert!(has(&file, b"SECRET"));
        let (picture, _) = made(&file);
        for text in [&b"SECRET"[..], b"Exif", b"GPS", b"script", b"ICC_PROFILE"] {
            assert!(!has(&picture.jpeg, text), "{:?}", String::from_utf8_lossy(text));
        }
    }
}

#[test]
fn only_what_was_prepared_is_taken_for_it() {
    let picture = made(&encoded(&marked(80, 40), ImageFormat::Png)).0.jpeg;
    assert_eq!(size_of_prepared(&picture), Some((80, 40)));
    let mut frameless = picture.clone();
    let frame = frameless.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    frameless[frame + 1] = 0xC2;
    for (other, what) in [
        (Vec::new(), "nothing"),
        (picture[..picture.len() - 2].to_vec(), "no end"),
        ([&picture[..], b"<script>"].concat(), "more than a picture"),
        ([&picture[..], &picture[..]].concat(), "two pictures"),
        (with_segment(&picture, 0xE1, b"Exif\0\0"), "metadata"),
        (with_segment(&picture, 0xFE, b"a comment"), "a comment"),
        (frameless, "a progressive frame"),
        (encoded(&marked(8, 8), ImageFormat::Png), "a PNG"),
        (jpeg_header(0, 9), "no width"),
    ] {
        assert_eq!(size_of_prepared(&other), None, "{what}");
    }
}

#[test]
fn a_picture_too_large_is_refused_from_its_header_without_memory() {
    let data = png_chunk(*b"IDAT", &[0x78, 0x9C, 0x63, 0, 0, 0, 1, 0, 1]);
    let bomb = [png_header(30_000, 30_000, 6), data.clone()].concat();
    let long = [png_header(20_001, 1, 6), data].concat();
    let mut gif = animated_gif();
    gif[6..10].copy_from_slice(&[0xFF; 4]);
    for (file, width, height) in [
        (png_header(30_000, 30_000, 6), 30_000, 30_000),
        (png_header(u32::MAX, u32::MAX, 6), u32::MAX, u32::MAX),
        (bomb, 30_000, 30_000),
        (long, 20_001, 1),
        (jpeg_header(65_500, 65_500), 65_500, 65_500),
        (gif, 65_535, 65_535),
    ] {
        let (peak, error) = heap::peak(|| refused(&file));
        let is = matches!(error, Error::TooLarge { width: w, height: h, .. } if (w, h) == (width, height));
        assert!(is, "{width} × {height}: {error:?}");
        assert!(peak < 256 * 1024, "{width} × {height}: {peak} bytes");
    }
    let said = refused(&png_header(30_000, 30_000, 6)).to_string();
    assert_eq!(
        said,
        "the picture has 30000 × 30000 pixels: at most 50000000 in all and 20000 on a side can be read"
    );
}

#[test]
fn a_small_file_takes_no_more_memory_than_its_pixels_may() {
    // 7,000 × 7,000 of 16 bits, or a frame larger than its picture.
    let mut deep = png_header(7_000, 7_000, 6);
    deep[24] = 16;
    let header = png_chunk(*b"IHDR", &deep[16..29]);
    deep.splice(8.., header);
    deep.extend(png_chunk(*b"IDAT", &[0x78, 0x9C, 0x63, 0, 0, 0, 1, 0, 1]));
    for (file, name) in [(deep, "deep"), (gif_with_large_frame(), "frame")] {
        let (peak, error) = heap::peak(|| refused(&file));
        assert_eq!(error, Error::TooMuchMemory { limit_mb: 200 }, "{name}");
        assert!(peak < 1 << 20, "{name}: {peak} bytes");
    }
    // WebP: a frame larger than its picture, and metadata longer than the file.
    let mut frame = SAMPLES[3].1.to_vec();
    let at = frame.windows(4).position(|part| part == b"VP8 ").unwrap() + 14;
    frame[at..at + 4].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
    let mut long = encoded(&marked(8, 8), ImageFormat::WebP);
    long.extend(b"EXIF\xF0\xFF\xFF\xFFMM\0\x2A");
    let size = u32::try_from(long.len() - 8).unwrap().to_le_bytes();
    long[4..8].copy_from_slice(&size);
    for (file, name) in [(frame, "frame"), (long, "metadata")] {
        let (peak, error) = heap::peak(|| refused(&file));
        assert!(matches!(error, Error::TooLarge { .. } | Error::Damaged(_)), "{name}: {error:?}");
        assert!(peak < 1 << 20, "{name}: {peak} bytes");
    }
    // Allowed by its size, and nearly empty: it is refused after its pixels were reserved.
    let data = png_chunk(*b"IDAT", &[0x78, 0x9C, 0x63, 0, 0, 0, 1, 0, 1]);
    let bomb = [png_header(7_000, 7_000, 6), data, png_chunk(*b"IEND", b"")].concat();
    let (peak, error) = heap::peak(|| refused(&bomb));
    assert!(matches!(error, Error::Damaged(_)), "{error:?}");
    assert!(peak < 220_000_000, "{peak} bytes");
}

#[test]
fn the_largest_picture_fits_into_the_memory_of_a_worker_process() {
    let image =
        RgbImage::from_fn(7_000, 7_000, |x, y| Rgb([x.to_le_bytes()[0], 0, y.to_le_bytes()[0]]));
    let file = encoded(&image.into(), ImageFormat::Jpeg);
    let (peak, picture) = heap::peak(|| prepare(&file, &Limits::default()));
    println!("{} MB for a file of {} MB", peak / 1_000_000, file.len() / 1_000_000);
    assert_eq!(picture.map(|picture| (picture.width, picture.height)), Ok((1_536, 1_536)));
    assert!(peak < 200_000_000, "{peak} bytes");
}

#[test]
fn other_files_are_named() {
    for (file, name) in [
        (&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], "an SVG drawing"),
        (b"\xEF\xBB\xBF<?xml version='1.0'?>\n<SVG/>", "an SVG drawing"),
        (b"  <!DOCTYPE html><script>", "a web page"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\0\0\0\x18ftypheic\0\0", "a HEIC picture"),
        (b"\0\0\0\x18ftypavif\0\0", "an AVIF picture"),
        (b"\0\0\0\x18ftypisom\0\0", "a video or a sound"),
        (b"BM\0\0\0\0", "a BMP picture"),
        (b"II*\0", "a TIFF picture"),
        (b"PK\x03\x04", "an archive or an office document"),
        (b"#!/bin/sh", "no picture that is known here"),
        (b"GIF", "no picture that is known here"),
    ] {
        assert_eq!(refused(file), Error::UnknownFormat { what: name.into() });
    }
    assert_eq!(refused(b""), Error::Empty);
    let said = refused(b"%PDF-1.7").to_string();
    assert_eq!(said, "this is a PDF document: only JPEG, PNG, WebP and GIF pictures can be read");
}

#[test]
fn a_header_with_something_else_behind_it_is_damaged() {
    for start in [&b"GIF89a"[..], b"\x89PNG\r\n\x1A\n", b"\xFF\xD8\xFF", b"RIFF\0\0\0\0WEBP"] {
        for rest in ["", "<script>alert(1)</script>", "/*<html>*/=1;"] {
            let error = refused(&[start, rest.as_bytes()].concat());
            let is = matches!(error, Error::Damaged(_) | Error::TooLarge { .. });
            assert!(is, "{start:?} {rest}: {error:?}");
        }
    }
}

#[test]
fn a_picture_that_is_cut_off_is_damaged() {
    let image = marked(200, 100);
    let mut whole: Vec<(&str, Vec<u8>)> = vec![
        ("png", encoded(&image, ImageFormat::Png)),
        ("jpeg", encoded(&image, ImageFormat::Jpeg)),
        ("exif", jpeg_with_exif(200, 100, 6)),
        ("webp", encoded(&image, ImageFormat::WebP)),
        ("gif", encoded(&image.to_rgba8().into(), ImageFormat::Gif)),
    ];
    whole.extend(SAMPLES.map(|(name, file)| (name, file.to_vec())));
    for (name, file) in whole {
        for part in [30, 50, 70, 90] {
            let error = refused(&file[..file.len() * part / 100]);
            assert!(matches!(error, Error::Damaged(_)), "{name} at {part}%: {error:?}");
        }
    }
}

/// Runs for a few seconds, or `FRONTDESK_FUZZ_SECONDS`.
#[test]
fn damaged_pictures_do_no_harm() {
    let set = std::env::var("FRONTDESK_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let image = marked(60, 40);
    let mut files = vec![
        encoded(&image, ImageFormat::Png),
        encoded(&image.to_rgba16().into(), ImageFormat::Png),
        encoded(&image, ImageFormat::Jpeg),
        encoded(&image, ImageFormat::WebP),
        jpeg_with_exif(60, 40, 6),
        animated_gif(),
        gif_with_large_frame(),
    ];
    files.extend(SAMPLES.map(|(_, file)| file.to_vec()));
    let report = fuzz::run(&files, 1, Duration::from_secs(set.unwrap_or(3)));
    println!("{report:?}");
    assert_eq!(report.escaped, 0);
    assert!(report.inputs > 10 && report.prepared > 0);
    assert!(report.peak.0 < 64 << 20);
    assert!(report.slowest.0 < Duration::from_secs(30));
}
