//! Collects the letters of a page with their positions, as a rendering device that draws nothing.
//! Decides nothing about lines.

use hayro_interpret::font::{Glyph as Drawn, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::object::{Dict, String as PdfString};
use hayro_interpret::kurbo::{Affine, BezPath, Point};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};
use unicode_normalization::UnicodeNormalization;

use crate::extract::bounds::Deadline;

/// Font units per em.
const EM: f64 = 1000.0;
/// Maximum letters of a page; the rest is dropped.
const MAX_LETTERS: usize = 200_000;

/// A letter, or a ligature of several.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    /// Text; a space is a letter, too.
    pub(super) text: String,
    /// Start on its line, from the left, in points.
    pub(super) x: f64,
    /// End on its line, from the left, in points.
    pub(super) end: f64,
    /// Position of its baseline, from the top, in points.
    pub(super) y: f64,
    /// Font size, in points.
    pub(super) size: f64,
    /// Whether the font is declared bold.
    pub(super) bold: bool,
    /// Rotation to the left, in quarter turns.
    pub(super) turn: u8,
}

/// Collects the letters of a page.
pub(super) struct Collector {
    /// Letters in drawing order.
    pub(super) glyphs: Vec<Glyph>,
    /// Number of letters, without spaces.
    pub(super) letters: usize,
    /// Number of glyphs without a known letter.
    pub(super) unknown: usize,
    /// Number of images.
    pub(super) images: usize,
    /// `ActualText` of each open marked content, if declared; empty once it was used.
    actual: Vec<Option<String>>,
    deadline: Deadline,
}

impl Collector {
    pub(super) fn new(deadline: Deadline) -> Self {
        Self { glyphs: Vec::new(), letters: 0, unknown: 0, images: 0, actual: Vec::new(), deadline }
    }

    fn add(&mut self, glyph: &Drawn<'_>, place: Affine, bold: bool) {
        let actual = self.actual.iter_mut().rev().find_map(Option::as_mut);
        let mut rest = false;
        let text = match actual {
            Some(actual) => {
                rest = actual.is_empty();
                std::mem::take(actual)
            }
            None => match glyph.as_unicode() {
                Some(BfString::Char(c)) => cleaned(&c.to_string()),
                Some(BfString::String(text)) => cleaned(&text),
                None => {
                    self.unknown += 1;
                    return;
                }
            },
        };
        let width = match glyph {
            Drawn::Outline(outline) => outline.advance_width(),
            Drawn::Type3(drawn) => drawn.advance_width(),
        };
        let width = width.filter(|width| width.is_finite()).map_or(EM / 2.0, f64::from);
        let (start, end) = (place * Point::ORIGIN, place * Point::new(width, 0.0));
        let along = place * Point::new(EM, 0.0) - start;
        let size = (place * Point::new(0.0, EM) - start).hypot();
        if !(start.x.is_finite() && start.y.is_finite() && end.x.is_finite() && size.is_finite())
            || size < 0.5
        {
            return;
        }
        let turn = turn(along.x, along.y);
        let (x, y) = turned(start, turn);
        let (end, _) = turned(end, turn);
        self.letters += usize::from(text.chars().any(|c| !c.is_whitespace()));
        let glyph = Glyph { text, x, end: end.max(x), y, size, bold, turn };
        if rest { self.widen(&glyph) } else { self.push(glyph) }
    }

    /// Extends a letter over the following glyphs that its `ActualText` also covers.
    fn widen(&mut self, rest: &Glyph) {
        if let Some(last) = self.glyphs.last_mut().filter(|last| last.turn == rest.turn) {
            last.end = last.end.max(rest.end).min(last.x + 20.0 * last.size);
        }
    }

    /// Adds a letter, unless it is drawn over the same letter to make it bold.
    fn push(&mut self, glyph: Glyph) {
        if glyph.text.is_empty() {
            return;
        }
        let near = |other: &Glyph| {
            (other.x - glyph.x).abs() < glyph.size * 0.12
                && (other.y - glyph.y).abs() < glyph.size * 0.12
                && other.turn == glyph.turn
                && other.text == glyph.text
        };
        let again = self.glyphs.iter().rev().take(200).any(near);
        if !again && self.glyphs.len() < MAX_LETTERS {
            self.glyphs.push(glyph);
        }
    }
}

impl<'a> Device<'a> for Collector {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        self.deadline.check();
        let bold = run.glyphs().first().is_some_and(|first| match &**first {
            Drawn::Outline(outline) => outline.font_data().is_some_and(|font| {
                font.weight.is_some_and(|weight| weight >= 600)
                    || font.postscript_name.is_some_and(|name| name.contains("Bold"))
            }),
            Drawn::Type3(_) => false,
        });
        for glyph in run.glyphs() {
            self.add(glyph, props.transform * glyph.transform(), bold);
        }
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.deadline.check();
        self.images += 1;
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        let actual = properties.and_then(|all| all.get::<PdfString<'_>>("ActualText"));
        self.actual.push(actual.map(|text| cleaned(&text_string(text.as_bytes()))));
    }

    fn end_marked_content(&mut self) {
        self.actual.pop();
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.deadline.check();
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.deadline.check();
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

/// Returns the rotation to the left of a text direction, in quarter turns.
fn turn(x: f64, y: f64) -> u8 {
    match (x.abs() >= y.abs(), x >= 0.0, y < 0.0) {
        (true, true, _) => 0,
        (false, _, true) => 1,
        (true, false, _) => 2,
        (false, _, false) => 3,
    }
}

/// Rotates a point so that the text runs to the right.
fn turned(point: Point, turn: u8) -> (f64, f64) {
    match turn {
        0 => (point.x, point.y),
        1 => (-point.y, point.x),
        2 => (-point.x, -point.y),
        _ => (point.y, -point.x),
    }
}

/// Decodes a PDF text string: UTF-16 or UTF-8 with a byte order mark, else one byte per letter.
pub(super) fn text_string(bytes: &[u8]) -> String {
    if let Some(bytes) = bytes.strip_prefix(b"\xFE\xFF") {
        let (units, _) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
        return String::from_utf16_lossy(&units);
    }
    match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(text) => String::from_utf8_lossy(text).into_owned(),
        None => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Normalises letters: splits ligatures and Arabic presentation forms, turns private-use characters
/// into bullets.
fn cleaned(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\u{FB00}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' => out.extend(c.nfkc()),
            '\u{E000}'..='\u{F8FF}' => out.push('•'),
            '\u{A0}' | '\t' | '\n' | '\r' => out.push(' '),
            '\u{FEFF}' | '\u{FFFD}' | '\u{200B}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_as_they_are_typed() {
        assert_eq!(cleaned("ﬁne\u{F0B7}\u{0}\u{A0}ﻻ"), "fine• لا");
        assert_eq!(text_string(b"\xFE\xFF\x00O\x00k\x26\x3A"), "Ok☺");
        assert_eq!(text_string(b"\xEF\xBB\xBFCaf\xC3\xA9"), "Café");
        assert_eq!(text_string(b"Caf\xE9"), "Café");
    }
}
