//! Turns rows of cells from any source into blocks: finds the header row, and the columns of
//! questions and answers. Reads no format.

use super::limits::{Budget, MAX_CELLS, MAX_TEXT, too_much_text};
use super::{Block, Unreadable, first_chars, one_line};

/// Maximum rows of a file.
pub(super) const MAX_ROWS: usize = 200_000;
/// Maximum columns of a file, the same as Excel.
const MAX_COLUMNS: usize = 16_384;
/// Maximum length of a column name, in characters; a longer one is shortened, because every cell
/// repeats it.
const MAX_NAME_LEN: usize = 200;
/// Maximum warnings; further ones are only counted.
pub(super) const MAX_WARNINGS: usize = 20;

/// Names of question columns, in lower case.
const QUESTION: &[&str] = &[
    "question",
    "questions",
    "q",
    "pregunta",
    "preguntas",
    "pergunta",
    "perguntas",
    "frage",
    "fragen",
];
/// Names of answer columns, in lower case.
const ANSWER: &[&str] = &[
    "answer",
    "answers",
    "a",
    "respuesta",
    "respuestas",
    "resposta",
    "respostas",
    "antwort",
    "antworten",
    "réponse",
    "réponses",
    "reponse",
    "reponses",
];

/// Collects the blocks of a table.
pub(super) struct Table {
    header: Option<Vec<String>>,
    /// Columns of the question and the answer.
    pair: Option<(usize, usize)>,
    /// One block for each row.
    pub(super) blocks: Vec<Block>,
    /// Warnings, one sentence each.
    pub(super) warnings: Vec<String>,
    text: Budget,
    cells: Budget,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            header: None,
            pair: None,
            blocks: Vec::new(),
            warnings: Vec::new(),
            text: Budget::new(MAX_TEXT),
            cells: Budget::new(MAX_CELLS),
        }
    }
}

impl Table {
    /// Adds a row of trimmed cells; `line` is its line or row number in the file, from 1.
    pub(super) fn add(&mut self, cells: &[String], line: usize) -> Result<(), Unreadable> {
        if cells.iter().all(String::is_empty) {
            return Ok(());
        }
        if cells.len() > MAX_COLUMNS {
            return Err(Unreadable::TooMany { what: "columns", most: MAX_COLUMNS });
        }
        let Some(header) = &self.header else {
            self.begin(cells, line);
            return Ok(());
        };
        if self.blocks.len() >= MAX_ROWS {
            return Err(Unreadable::TooManyRows(MAX_ROWS));
        }
        let used = || cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
        let name = |at: usize| header.get(at).map_or(0, String::len);
        if !self.cells.take(used().count()) {
            return Err(Unreadable::TooMany { what: "cells", most: MAX_CELLS });
        }
        if !self.text.take(used().map(|(at, cell)| name(at) + cell.len()).sum()) {
            return Err(too_much_text());
        }
        if cells.len() > header.len() {
            self.warnings.push(format!(
                "line {line}: {} cells, but the header has {}: the cells beyond it have no name",
                cells.len(),
                header.len()
            ));
        }
        let block = self
            .pair
            .and_then(|pair| as_pair(header, cells, pair))
            .unwrap_or_else(|| as_row(header, cells));
        self.blocks.push(block);
        Ok(())
    }

    fn begin(&mut self, cells: &[String], line: usize) {
        if looks_like_data(cells) {
            self.warnings
                .push(format!("line {line}: there is no header row: the columns have no names"));
            let header = vec![String::new(); cells.len()];
            self.blocks.push(as_row(&header, cells));
            self.header = Some(header);
            return;
        }
        let name = |cell: &String| first_chars(&one_line(cell), MAX_NAME_LEN);
        let header: Vec<String> = cells.iter().map(name).collect();
        self.pair = pair_of(&header);
        self.header = Some(header);
    }
}

/// Finds the question and answer columns. In a table of two columns with answers in the second, the
/// first holds the questions, whatever its name (Portuguese: `dúvida`).
fn pair_of(header: &[String]) -> Option<(usize, usize)> {
    let named = |names: &[&str]| {
        header
            .iter()
            .position(|name| names.contains(&name.to_lowercase().trim_end_matches([':', '?'])))
    };
    match (named(QUESTION), named(ANSWER)) {
        (Some(question), Some(answer)) => Some((question, answer)),
        (None, Some(1)) if header.len() == 2 => Some((0, 1)),
        _ => None,
    }
}

/// Returns the block of a row with its own names, such as a JSON object.
pub(super) fn block(names: &[String], cells: &[String]) -> Block {
    let pair = pair_of(names).and_then(|pair| as_pair(names, cells, pair));
    pair.unwrap_or_else(|| as_row(names, cells))
}

/// Whether a row is data, not a header: at least half of its cells are numbers.
pub(super) fn looks_like_data(cells: &[String]) -> bool {
    let numbers = cells.iter().filter(|cell| {
        cell.chars().any(char::is_numeric)
            && cell.chars().all(|c| c.is_numeric() || ".,:-+/ %€$£".contains(c))
    });
    numbers.count() * 2 >= cells.len()
}

fn as_row(header: &[String], cells: &[String]) -> Block {
    let names = header.iter().map(String::as_str).chain(std::iter::repeat(""));
    let cells = names.zip(cells).filter(|(_, cell)| !cell.is_empty());
    Block::Row(cells.map(|(name, cell)| (name.to_owned(), cell.clone())).collect())
}

fn as_pair(
    header: &[String],
    cells: &[String],
    (question, answer): (usize, usize),
) -> Option<Block> {
    let (asked, answered) = (cells.get(question)?, cells.get(answer)?);
    if asked.is_empty() || answered.is_empty() {
        return None;
    }
    let mut answer_text = answered.clone();
    for (index, cell) in
        cells.iter().enumerate().filter(|(index, _)| *index != question && *index != answer)
    {
        if !cell.is_empty() {
            let name = header.get(index).map_or("", String::as_str);
            answer_text.push('\n');
            answer_text.push_str(&labelled(name, cell));
        }
    }
    Some(Block::Pair { question: asked.clone(), answer: answer_text })
}

/// Formats `Name: cell`, or only the cell if it has no name.
fn labelled(name: &str, cell: &str) -> String {
    if name.is_empty() { cell.to_owned() } else { format!("{name}: {cell}") }
}

/// Truncates a list of warnings.
pub(super) fn limited(mut warnings: Vec<String>) -> Vec<String> {
    let more = warnings.len().saturating_sub(MAX_WARNINGS);
    if more > 0 {
        warnings.truncate(MAX_WARNINGS);
        warnings.push(format!("and {more} more like these"));
    }
    warnings
}

/// Reads a table within a document: rows below their header, or question and answer pairs, or only
/// text for a layout table. `marked`: whether the document marks the first row as a header; `None`
/// if it does not say.
pub(super) fn table(rows: Vec<Vec<String>>, marked: Option<bool>) -> Vec<Block> {
    let mut rows: Vec<Vec<String>> =
        rows.into_iter().filter(|row| row.iter().any(|cell| !cell.is_empty())).collect();
    let used =
        |row: &Vec<String>| row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |at| at + 1);
    let columns = rows.iter().map(used).max().unwrap_or(0);
    for row in &mut rows {
        row.truncate(columns);
    }
    if columns < 2 {
        return rows.into_iter().flatten().map(Block::Paragraph).collect();
    }
    let has_names = rows.len() > 1
        && rows.first().is_some_and(|first| {
            let full = first.len() == columns && first.iter().all(|cell| !cell.is_empty());
            pair_of(first).is_some() || marked.unwrap_or_else(|| full && !looks_like_data(first))
        });
    let names = if has_names { rows.remove(0) } else { Vec::new() };
    let header: Vec<String> = names.iter().map(|cell| one_line(cell)).collect();
    if pair_of(&header).is_some() {
        return rows.iter().map(|row| block(&header, row)).collect();
    }
    vec![Block::Table { header, rows }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        text.lines().map(|row| row.split('|').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn a_table_has_a_header_where_its_first_row_names_things() {
        let table = |text: &str, headed| table(rows(text), headed);
        let named = table("Size|Price\nS|8", None);
        assert!(
            matches!(&named[..], [Block::Table { header, rows }] if header == &["Size", "Price"] && rows.len() == 1)
        );
        for (text, headed) in [
            ("Mon|9-17\nTue|closed", None),
            ("Size|Price\nS|8", Some(false)),
            ("Mon|\nTue|closed", None),
        ] {
            let plain = table(text, headed);
            assert!(
                matches!(&plain[..], [Block::Table { header, rows }] if header.is_empty() && rows.len() == 2),
                "{text}"
            );
        }
        assert_eq!(
            table("Question|Answer\nOpen?|Daily.", Some(false)),
            [Block::Pair { question: "Open?".into(), answer: "Daily.".into() }]
        );
        assert_eq!(
            table("Only\n\nplaced|", None),
            [Block::Paragraph("Only".into()), Block::Paragraph("placed".into())]
        );
        assert_eq!(table("|", None), []);
    }
}
