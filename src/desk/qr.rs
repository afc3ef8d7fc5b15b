//! QR codes, as a picture and as text.

use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

/// Smallest side of a picture, in pixels.
const SIDE: u32 = 264;

/// Returns a QR code as an SVG picture, black on white with its margin; `None` if the text is too long
/// for one.
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    Some(code.render::<svg::Color>().min_dimensions(SIDE, SIDE).build())
}

/// Returns a QR code as lines of half blocks for a terminal with a dark background.
pub fn text(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let mut lines = code.render::<unicode::Dense1x2>();
    lines.dark_color(unicode::Dense1x2::Light).light_color(unicode::Dense1x2::Dark);
    Some(lines.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_and_a_text_that_is_too_long_is_none() {
        assert!(svg("2@abc").unwrap().starts_with("<?xml"));
        let lines = text("2@abc").unwrap();
        let widths: Vec<_> = lines.lines().map(|line| line.chars().count()).collect();
        assert!(widths.len() > 10 && widths.iter().all(|width| *width == widths[0]), "{lines}");
        assert_eq!(svg(&"x".repeat(3000)), None);
    }
}
