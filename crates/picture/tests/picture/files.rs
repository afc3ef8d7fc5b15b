//! Support for tests: picture files, each made in memory, and the samples.

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// The samples: red on the left half, blue on the right (white in `alpha`), 80 × 60.
pub(crate) const SAMPLES: [(&str, &[u8]); 6] = [
    ("progressive", include_bytes!("samples/progressive.jpg")),
    ("cmyk", include_bytes!("samples/cmyk.jpg")),
    ("lossy", include_bytes!("samples/lossy.webp")),
    ("alpha", include_bytes!("samples/alpha.webp")),
    ("animated", include_bytes!("samples/animated.webp")),
    ("interlaced", include_bytes!("samples/interlaced.gif")),
];

pub(crate) const RED: [u8; 3] = [255, 0, 0];
pub(crate) const BLUE: [u8; 3] = [0, 0, 255];
pub(crate) const WHITE: [u8; 3] = [255, 255, 255];

/// Encodes an image in a format.
pub(crate) fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("it can be encoded");
    bytes.into_inner()
}

/// An image with red in the upper left quarter, and blue elsewhere.
pub(crate) fn marked(width: u32, height: u32) -> DynamicImage {
    let colour = |x, y| Rgb(if x < width / 2 && y < height / 2 { RED } else { BLUE });
    RgbImage::from_fn(width, height, colour).into()
}

/// A JPEG of [`marked`] with EXIF: an orientation, a place, and the letters `SECRET`.
pub(crate) fn jpeg_with_exif(width: u32, height: u32, orientation: u8) -> Vec<u8> {
    let jpeg = encoded(&marked(width, height), ImageFormat::Jpeg);
    // TIFF in Motorola's order, one directory: orientation (0x0112), and the GPS directory's place.
    let mut exif = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x02".to_vec();
    exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    exif.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38]);
    exif.extend([0, 0, 0, 0]);
    exif.extend(b"SECRET GPS 51.5N 0.1W");
    with_segment(&jpeg, 0xE1, &exif)
}

/// Inserts a segment after the start of a JPEG.
pub(crate) fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).expect("it is short").to_be_bytes();
    let mut file = vec![0xFF, 0xD8, 0xFF, marker, length[0], length[1]];
    file.extend(body);
    file.extend(&jpeg[2..]);
    file
}

/// A GIF of two frames, a red one and a blue one.
pub(crate) fn animated_gif() -> Vec<u8> {
    let mut bytes = Vec::new();
    let frame = |[red, green, blue]: [u8; 3]| {
        Frame::new(RgbaImage::from_pixel(30, 20, Rgba([red, green, blue, 255])))
    };
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.encode_frames([frame(RED), frame(BLUE)]).expect("it can be encoded");
    drop(encoder);
    bytes
}

/// A PNG's signature and header, of 8 bits.
pub(crate) fn png_header(width: u32, height: u32, colour: u8) -> Vec<u8> {
    let mut header = [&width.to_be_bytes()[..], &height.to_be_bytes()].concat();
    header.extend([8, colour, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    file.extend(png_chunk(*b"IHDR", &header));
    file
}

/// A chunk of a PNG, with its checksum.
pub(crate) fn png_chunk(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(body.len()).expect("it is short").to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(body);
    let mut sum = u32::MAX;
    for byte in &chunk[4..] {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    chunk.extend((!sum).to_be_bytes());
    chunk
}

/// The start of a JPEG whose header states a size.
pub(crate) fn jpeg_header(width: u16, height: u16) -> Vec<u8> {
    let file = encoded(&marked(16, 16), ImageFormat::Jpeg);
    let at = file.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a frame");
    let mut file = file;
    file[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    file[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    file
}

/// A GIF whose first frame is larger than its screen.
pub(crate) fn gif_with_large_frame() -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.extend([8, 0, 8, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    // A frame of 65,535 × 65,535 at (1, 1), and the start of its data.
    file.extend([0x2C, 1, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 2, 2, 0x4C, 1, 0, 0x3B]);
    file
}
