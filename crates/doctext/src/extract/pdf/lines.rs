//! Groups adjacent letters into spans: the words of a line, up to a gap wider than between words.

use super::direction;
use super::page::Glyph;

/// Minimum gap between words, in ems.
const WORD_GAP: f64 = 0.17;
/// Minimum gap between spans, in ems.
const SPAN_GAP: f64 = 1.0;
/// Maximum jump between letters of a line with right-to-left text, in ems: numbers in it are drawn
/// in the other direction.
const JUMP: f64 = 8.0;
/// Maximum difference in height of letters on the same line, in ems.
const SAME_LINE: f64 = 0.35;
/// Relative size below which a letter may be raised.
const SMALL: f64 = 0.8;
/// Maximum height of a raised letter, in ems.
const RAISED: f64 = 0.7;

/// A part of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    /// Text in reading order, never blank.
    pub(super) text: String,
    /// Left edge, in points.
    pub(super) x: f64,
    /// Right edge, in points.
    pub(super) end: f64,
    /// Position of its line, from the top, in points.
    pub(super) y: f64,
    /// Size of most of its letters, in points.
    pub(super) size: f64,
    /// Whether all of it is bold.
    pub(super) bold: bool,
    /// Whether it is read from right to left.
    pub(super) right: bool,
}

impl Span {
    /// Width in points.
    pub(super) fn width(&self) -> f64 {
        self.end - self.x
    }

    /// Whether it overlaps a horizontal range.
    pub(super) fn overlaps(&self, x: f64, end: f64) -> bool {
        self.x < end && x < self.end
    }
}

/// Groups letters into spans, in drawing order.
pub(super) fn spans(glyphs: &[Glyph]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut run: Vec<Glyph> = Vec::new();
    // Start and end of the run, and whether it has right-to-left letters.
    let (mut from, mut to, mut right) = (0.0_f64, 0.0_f64, false);
    for glyph in glyphs {
        let size = glyph.size.max(run.first().map_or(0.0, |first| first.size));
        let same_line = run.first().is_some_and(|first| {
            let small = glyph.size < first.size * SMALL || first.size < glyph.size * SMALL;
            let most = if small { RAISED } else { SAME_LINE } * size;
            (first.y - glyph.y).abs() < most
                || run.last().is_some_and(|last| (last.y - glyph.y).abs() < most)
        });
        let either = right || direction::has_right(&glyph.text);
        let ahead = glyph.x - to;
        let behind = from - glyph.end;
        let near = if either {
            ahead < JUMP * size && behind < JUMP * size
        } else {
            ahead < SPAN_GAP * size && glyph.x > to - size * 0.7
        };
        if !(same_line && near) {
            spans.extend(finish(std::mem::take(&mut run), right));
            (from, to, right) = (glyph.x, glyph.end, false);
        }
        right |= direction::has_right(&glyph.text);
        (from, to) = (from.min(glyph.x), if right { to.max(glyph.end) } else { glyph.end.max(to) });
        run.push(glyph.clone());
    }
    spans.extend(finish(run, right));
    spans
}

fn finish(mut run: Vec<Glyph>, right: bool) -> Vec<Span> {
    if !right {
        return span(&run).into_iter().collect();
    }
    // After sorting, the run may prove to be several cells.
    direction::sort(&mut run);
    let mut parts: Vec<Vec<Glyph>> = Vec::new();
    let mut end = f64::NEG_INFINITY;
    for glyph in run {
        let wide = glyph.x - end > SPAN_GAP * 1.5 * glyph.size;
        end = end.max(glyph.end);
        match parts.last_mut().filter(|_| !wide) {
            Some(part) => part.push(glyph),
            None => parts.push(vec![glyph]),
        }
    }
    parts.reverse();
    parts.iter().filter_map(|part| span(part)).collect()
}

fn span(glyphs: &[Glyph]) -> Option<Span> {
    let shown = || glyphs.iter().filter(|glyph| !glyph.text.trim().is_empty());
    let first = shown().next()?;
    let size = shown().map(|glyph| glyph.size).fold(0.0, f64::max);
    let base = shown().find(|glyph| glyph.size > size * SMALL).map_or(first.y, |glyph| glyph.y);
    let mut letters: Vec<&str> = Vec::with_capacity(glyphs.len());
    let mut before: Option<&Glyph> = None;
    for glyph in glyphs {
        let gap = before.map_or(0.0, |before| glyph.x - before.end);
        let meets = before.is_some_and(|before| is_wide(&before.text) && is_wide(&glyph.text));
        if gap > WORD_GAP * glyph.size.min(first.size) && !(meets && gap < glyph.size * 0.6) {
            letters.push(" ");
        }
        let raised = base - glyph.y > glyph.size * 0.2 && glyph.size < size * SMALL;
        letters.push(if raised { superscript(&glyph.text) } else { &glyph.text });
        before = Some(glyph);
    }
    let text = without_leaders(&direction::read(letters.into_iter()));
    if text.is_empty() {
        return None;
    }
    let x = shown().map(|glyph| glyph.x).fold(f64::INFINITY, f64::min);
    let end = shown().map(|glyph| glyph.end).fold(f64::NEG_INFINITY, f64::max);
    let bold = shown().all(|glyph| glyph.bold);
    let right = direction::is_rightward(&text);
    Some(Span { text, x, end, y: base, size, bold, right })
}

/// Turns a raised digit into a superscript, so that it does not join the number before it.
fn superscript(text: &str) -> &str {
    const DIGITS: [&str; 10] = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"];
    let digit = text.parse::<usize>().ok().filter(|_| text.len() == 1);
    digit.and_then(|digit| DIGITS.get(digit)).copied().unwrap_or(text)
}

/// Joins the text into one line, and replaces dot leaders by a space.
fn without_leaders(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        let dots = word.chars().all(|c| matches!(c, '.' | '…' | '·' | '_'));
        let bare = word.trim_end_matches(['.', '_']);
        if dots && word.len() > 3 {
            continue;
        }
        words.push(if word.len() - bare.len() > 3 { bare } else { word });
    }
    let dots = |word: &&str| matches!(*word, "." | "·");
    if words.iter().filter(|word| dots(word)).count() > 3 {
        words.retain(|word| !dots(word));
    }
    words.join(" ")
}

/// Whether a text is Chinese or Japanese, which needs no spaces.
pub(super) fn is_wide(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{2E80}'..='\u{A4CF}' | '\u{FF00}'..='\u{FFEF}' | '\u{20000}'..='\u{3FFFF}'))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Letters of a line, each half an em wide.
    pub(crate) fn drawn(text: &str, x: f64, y: f64, size: f64) -> Vec<Glyph> {
        let glyph = |(at, c): (usize, char)| {
            let x = x + f64::from(u32::try_from(at).unwrap()) * size / 2.0;
            Glyph { text: c.to_string(), x, end: x + size / 2.0, y, size, bold: false, turn: 0 }
        };
        text.chars().enumerate().map(glyph).collect()
    }

    fn texts(glyphs: &[Glyph]) -> Vec<String> {
        spans(glyphs).into_iter().map(|span| span.text).collect()
    }

    #[test]
    fn gaps_part_words_and_wide_gaps_part_spans() {
        let words = [drawn("Open", 50.0, 100.0, 10.0), drawn("daily", 73.0, 100.0, 10.0)].concat();
        assert_eq!(texts(&words), ["Open daily"]);
        let cells =
            [drawn("Monday", 50.0, 100.0, 10.0), drawn("9-17", 120.0, 100.0, 10.0)].concat();
        assert_eq!(texts(&cells), ["Monday", "9-17"]);
        let lines = [drawn("one", 50.0, 100.0, 10.0), drawn("two", 50.0, 112.0, 10.0)].concat();
        assert_eq!(texts(&lines), ["one", "two"]);
        let raised = [
            drawn("12 m", 50.0, 100.0, 10.0),
            drawn("2", 70.0, 96.0, 6.0),
            drawn("!", 73.0, 100.0, 10.0),
        ]
        .concat();
        assert_eq!(texts(&raised), ["12 m²!"]);
    }

    #[test]
    fn lines_from_right_to_left_are_read_however_they_are_drawn() {
        let shown = drawn("18:30 ىتح 9 نم", 50.0, 100.0, 10.0);
        let mut typed = shown.clone();
        typed.reverse();
        assert_eq!(texts(&shown), ["من 9 حتى 18:30"]);
        assert_eq!(texts(&typed), ["من 9 حتى 18:30"]);
    }

    #[test]
    fn dots_that_lead_to_a_number_are_a_gap() {
        assert_eq!(without_leaders("Bell ........ 2 €"), "Bell 2 €");
        assert_eq!(without_leaders("Bell....... . . . . . 2 €"), "Bell 2 €");
        assert_eq!(without_leaders("Wait... what?"), "Wait... what?");
    }
}
