//! Reads plain text into blocks: paragraphs, lists, and obvious headings.

use super::flow::Flow;
use super::{Block, ExtractedDocument};

/// Maximum length of a heading, in characters.
const MAX_HEADING_LEN: usize = 60;
/// Maximum words of a heading that is not underlined.
const MAX_WORDS: usize = 8;

/// Reads a document. Its title is a heading in the first line, else `name`.
pub(super) fn read(text: &str, name: String) -> ExtractedDocument {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut reader = Reader::default();
    let mut rest = lines.as_slice();
    while let Some((line, after)) = rest.split_first() {
        rest = reader.read(line, after);
    }
    reader.end_block();
    let title = match reader.blocks.first() {
        Some(Block::Heading { text, .. }) => text.clone(),
        _ => name,
    };
    ExtractedDocument { title, blocks: reader.blocks, warnings: Vec::new() }
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    flow: Flow,
    /// Level and marker of the current list item.
    item: Option<(u8, String)>,
}

impl Reader {
    /// Reads a line and returns the remaining lines.
    fn read<'a>(&mut self, line: &str, after: &'a [&'a str]) -> &'a [&'a str] {
        let text = line.trim();
        if text.is_empty() || rule(text).is_some() {
            self.end_block();
            return after;
        }
        if let Some((level, used)) = self.heading(text, after) {
            self.end_block();
            self.blocks.push(Block::Heading { level, text: super::one_line(text) });
            return after.get(used..).unwrap_or_default();
        }
        if let Some((marker, text)) = bullet(text) {
            self.end_block();
            let indent = line.len() - line.trim_start().len();
            self.item = Some((u8::from(indent >= 2), marker));
            self.push(text);
        } else {
            self.push(text);
        }
        after
    }

    fn push(&mut self, text: &str) {
        self.flow.push(&super::one_line(text));
        self.flow.soft_break();
    }

    fn end_block(&mut self) {
        let text = self.flow.take();
        let item = self.item.take();
        if !text.is_empty() {
            self.blocks.push(match item {
                Some((level, marker)) => Block::Item { level, marker, text },
                None => Block::Paragraph(text),
            });
        }
    }

    /// Returns the level of a heading, and how many of the following lines belong to it.
    fn heading(&self, text: &str, after: &[&str]) -> Option<(u8, usize)> {
        let next = after.first().map_or("", |line| line.trim());
        if self.flow.len() > 0 || text.chars().count() > MAX_HEADING_LEN || bullet(text).is_some() {
            return None;
        }
        if let Some(level) = rule(next).filter(|_| next.len() >= 3) {
            return Some((level, 1));
        }
        if !reads_like_a_heading(text) {
            return None;
        }
        if is_capitals(text) && next.is_empty() {
            return Some((1, 0));
        }
        let body = after.iter().map(|line| line.trim()).find(|line| !line.is_empty())?;
        let long = body.chars().count() >= MAX_HEADING_LEN && !is_capitals(body);
        (long || bullet(body).is_some()).then_some((2, 0))
    }
}

/// Returns the heading level that an underline of `=`, `-` or the like gives to the line above.
fn rule(line: &str) -> Option<u8> {
    let first = line.chars().next()?;
    let rule = line.chars().count() >= 2 && line.chars().all(|c| c == first);
    match first {
        '=' | '#' | '*' if rule => Some(1),
        '-' | '_' | '~' if rule => Some(2),
        _ => None,
    }
}

fn reads_like_a_heading(text: &str) -> bool {
    let begins = text.chars().next().is_some_and(|c| c.is_alphanumeric() && !c.is_lowercase());
    let ends = text
        .chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric() || matches!(c, '?' | ')' | '？'));
    let words = text.split_whitespace().count();
    begins && ends && words <= MAX_WORDS && text.chars().any(char::is_alphabetic)
}

fn is_capitals(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 3 && text.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase)
}

/// Splits a list item into marker and text.
fn bullet(line: &str) -> Option<(String, &str)> {
    let (marker, text) = line.split_once([' ', '\t'])?;
    let text = text.trim_start();
    if text.is_empty() {
        return None;
    }
    if matches!(marker, "-" | "*" | "•" | "–" | "·" | "o" | "►" | "▪") {
        return Some(("-".to_owned(), text));
    }
    let number = marker.strip_suffix(['.', ')'])?;
    let short =
        !number.is_empty() && number.len() <= 3 && number.chars().all(|c| c.is_ascii_digit());
    short.then(|| (format!("{number}."), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<Block> {
        read(text, "File name".to_owned()).blocks
    }

    fn paragraph(text: &str) -> Block {
        Block::Paragraph(text.to_owned())
    }

    fn heading(level: u8, text: &str) -> Block {
        Block::Heading { level, text: text.to_owned() }
    }

    fn item(level: u8, marker: &str, text: &str) -> Block {
        Block::Item { level, marker: marker.to_owned(), text: text.to_owned() }
    }

    const PROSE: &str = "Three months. After that, valuables go to the town hall, and clothing to the charity shop.";

    #[test]
    fn blank_lines_part_paragraphs_and_wrapped_lines_are_joined() {
        let text = "we keep what is found for three months in the chest\nunder the stairs.\n\n\nthen it goes.";
        let joined = "we keep what is found for three months in the chest under the stairs.";
        assert_eq!(blocks(text), [paragraph(joined), paragraph("then it goes.")]);
    }

    #[test]
    fn plain_headings_are_recognised() {
        let text = format!(
            "LOST PROPERTY\n\n{PROSE}\n\nHow long we keep it\n{PROSE}\n\nKeys\n----\n{PROSE}"
        );
        let expected = [
            heading(1, "LOST PROPERTY"),
            paragraph(PROSE),
            heading(2, "How long we keep it"),
            paragraph(PROSE),
            heading(2, "Keys"),
            paragraph(PROSE),
        ];
        assert_eq!(blocks(&text), expected);
        assert_eq!(read(&text, "x".to_owned()).title, "LOST PROPERTY");
    }

    #[test]
    fn what_is_not_plainly_a_heading_stays_text() {
        let address = "Saltmarsh Cycles\n14 Chandlers Row\nPort Ansel";
        assert_eq!(blocks(address), [paragraph(address)]);
        assert_eq!(read(address, "Where we are".to_owned()).title, "Where we are");
        let sentence = format!("We never close.\n{PROSE}");
        assert_eq!(blocks(&sentence), [paragraph(&sentence)]);
        assert_eq!(
            blocks("Kind regards\n\nMarta"),
            [paragraph("Kind regards"), paragraph("Marta")]
        );
    }

    #[test]
    fn lists_of_all_bullets_are_recognised() {
        let text = "Bring:\n- a lock and a long key that fits into the lock of the bike\n  that you lost\n\
                    \u{2022} an ID\n   * a card\n2) patience\n- \n5 bikes";
        let expected = [
            paragraph("Bring:"),
            item(0, "-", "a lock and a long key that fits into the lock of the bike that you lost"),
            item(0, "-", "an ID"),
            item(1, "-", "a card"),
            item(0, "2.", "patience\n-\n5 bikes"),
        ];
        let read = blocks(text);
        assert_eq!(read.get(1..), expected.get(1..));
    }

    #[test]
    fn rules_alone_say_nothing() {
        assert_eq!(blocks("=====\n-----\n***"), []);
    }
}
