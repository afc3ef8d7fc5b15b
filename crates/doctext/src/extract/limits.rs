//! Limits shared by several formats: on a document's total text, and on text that is stored once
//! and repeated many times. Knows nothing of the formats.

use std::cell::Cell;

use super::{Block, Unreadable};

const MB: usize = 1024 * 1024;
/// Maximum text of a document when it is chunked, in bytes: chunks repeat the headings above them
/// and column names.
pub(super) const MAX_TEXT: usize = 64 * MB;
/// Maximum blocks of a document.
const MAX_BLOCKS: usize = 500_000;
/// Maximum cells of a file's sheets and tables, including empty ones.
pub(super) const MAX_CELLS: usize = 2_000_000;
/// Maximum repeated text of a document (merged cells, notes, link URLs), in bytes.
const MAX_REPEATED: usize = MB;
/// Overhead of a chunk, in bytes.
const PIECE: usize = 64;
/// Minimum running text in a chunk, in bytes.
const RUNNING: usize = 400;

/// Budget for text that is stored once and repeated; the excess is dropped.
#[derive(Debug)]
pub(super) struct Repeats {
    left: Cell<usize>,
}

impl Default for Repeats {
    fn default() -> Self {
        Self { left: Cell::new(MAX_REPEATED) }
    }
}

impl Repeats {
    /// Returns the text again; empty if the budget is used up.
    pub(super) fn of<'a>(&self, text: &'a str) -> &'a str {
        match self.left.get().checked_sub(text.len()) {
            Some(left) => {
                self.left.set(left);
                text
            }
            None => "",
        }
    }
}

/// Budget for something, such as bytes of text or cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub(super) fn new(most: usize) -> Self {
        Self { left: most }
    }

    /// Uses some of the budget; false if not enough is left.
    pub(super) fn take(&mut self, size: usize) -> bool {
        let left = self.left.checked_sub(size);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// Error for a document with too much text.
pub fn too_much_text() -> Unreadable {
    Unreadable::TooMuchText(MAX_TEXT / MB)
}

/// Refuses a document whose chunks would use too much memory.
pub(super) fn check(blocks: &[Block]) -> Result<(), Unreadable> {
    let mut budget = Budget::new(MAX_TEXT);
    let mut open: Vec<(u8, usize)> = Vec::new();
    for block in blocks {
        let above: usize = open.iter().map(|(_, length)| length + 3).sum();
        let size = match block {
            Block::Heading { level, text } => {
                open.retain(|(outer, _)| outer < level);
                open.push((*level, text.len()));
                above + text.len() + PIECE
            }
            Block::Row(cells) => {
                let cells = cells.iter().map(|(name, cell)| name.len() + cell.len());
                with_headings(cells.sum(), above) + above
            }
            Block::Pair { question, answer } => {
                with_headings(question.len() + answer.len(), above) + above
            }
            Block::Table { header, rows } => {
                let name = |at: usize| header.get(at).map_or(0, String::len);
                let row = |row: &Vec<String>| -> usize {
                    let used = row.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
                    used.map(|(at, cell)| name(at) + cell.len()).sum()
                };
                with_headings(rows.iter().map(row).sum(), above)
            }
            Block::Paragraph(text) | Block::Item { text, .. } | Block::Code(text) => {
                with_headings(text.len(), above)
            }
            Block::Place(_) => 0,
        };
        if !budget.take(size) {
            return Err(too_much_text());
        }
    }
    if blocks.len() > MAX_BLOCKS { Err(Unreadable::TooManyRows(MAX_BLOCKS)) } else { Ok(()) }
}

/// Size of a text with the headings that each of its chunks repeats.
fn with_headings(text: usize, above: usize) -> usize {
    text + text / RUNNING * (above + PIECE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_ends_and_what_is_short_goes_on() {
        let repeats = Repeats::default();
        let long = "x".repeat(400 * 1024);
        let shown: Vec<usize> = (0..4).map(|_| repeats.of(&long).len()).collect();
        assert_eq!(shown, [400 * 1024, 400 * 1024, 0, 0]);
        assert_eq!(repeats.of("Mon"), "Mon");
    }

    #[test]
    fn headings_and_names_that_are_repeated_count() {
        let heading = |level, text: &str| Block::Heading { level, text: text.to_owned() };
        let mut blocks: Vec<Block> = (1..6).map(|level| heading(level, &"h".repeat(200))).collect();
        assert_eq!(check(&blocks), Ok(()));
        blocks.extend((0..100_000).map(|_| heading(6, "Open?")));
        assert_eq!(check(&blocks), Err(too_much_text()));
        let table = |rows: usize| Block::Table {
            header: vec!["n".repeat(10_000)],
            rows: vec![vec!["x".to_owned()]; rows],
        };
        assert_eq!(check(&[table(10)]), Ok(()));
        assert_eq!(check(&[table(10_000)]), Err(too_much_text()));
    }
}
