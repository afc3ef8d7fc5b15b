//! Reads CSV files into blocks, one for each row. Reads broken files as far as possible, with
//! warnings.

use csv::{ReaderBuilder, StringRecord};

use super::rows::{self, Table};
use super::{ExtractedDocument, Unreadable};

/// Rows read to detect the delimiter.
const SAMPLE: usize = 50;
/// Maximum lines of a cell; more mean that an earlier quotation mark was not closed.
const MAX_LINES: usize = 60;
/// Maximum broken quotation marks; after that, all of them count as inch signs.
const MAX_BROKEN: usize = 50;

/// Reads a file; its first row is the header. `tabs`: the file extension says that tabs are the
/// delimiter.
pub(super) fn read(text: &str, tabs: bool, title: String) -> Result<ExtractedDocument, Unreadable> {
    let (text, named) = excel_hint(text);
    let delimiter = named.unwrap_or_else(|| delimiter(text, tabs));
    let mut rows = Rows::new(text, delimiter);
    let mut table = Table::default();
    while let Some(record) = rows.next_row() {
        let cells: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
        table.add(&cells, rows.line)?;
    }
    let warnings = rows::limited(rows.warnings.into_iter().chain(table.warnings).collect());
    Ok(ExtractedDocument { title, blocks: table.blocks, warnings })
}

/// Returns the rows of a table, each with its first line, and cells without outer spaces. The
/// delimiter is found out.
pub fn table_rows(text: &str) -> impl Iterator<Item = (usize, Vec<String>)> {
    let (text, named) = excel_hint(text.trim_start_matches('\u{feff}'));
    let mut rows = Rows::new(text, named.unwrap_or_else(|| delimiter(text, false)));
    std::iter::from_fn(move || {
        let record = rows.next_row()?;
        let cells = record.iter().map(|cell| cell.trim().to_owned()).collect();
        Some((rows.line, cells))
    })
}

/// Excel writes the delimiter into a first line, `sep=;`.
fn excel_hint(text: &str) -> (&str, Option<u8>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    match first.trim_end_matches('\r').strip_prefix("sep=").map(str::as_bytes) {
        Some([delimiter]) => (rest, Some(*delimiter)),
        _ => (text, None),
    }
}

/// Returns the delimiter with which most rows have as many cells as the header, and more than one.
fn delimiter(text: &str, tabs: bool) -> u8 {
    let candidates = if tabs { *b"\t,;|" } else { *b",;\t|" };
    let score = |delimiter: u8| {
        let sizes: Vec<usize> = reader(text, delimiter, true)
            .records()
            .flatten()
            .take(SAMPLE)
            .map(|r| r.len())
            .collect();
        let columns = sizes.first().copied().unwrap_or(0);
        let agreeing = sizes.iter().filter(|size| **size == columns).count();
        if columns < 2 { (0, 0) } else { (agreeing * 100 / sizes.len(), columns) }
    };
    let mut best = (candidates[0], (0, 0));
    for candidate in candidates {
        let reached = score(candidate);
        if reached > best.1 {
            best = (candidate, reached);
        }
    }
    best.0
}

fn reader(text: &str, delimiter: u8, quoting: bool) -> csv::Reader<&[u8]> {
    ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .quoting(quoting)
        .from_reader(text.as_bytes())
}

/// Reads rows and recovers from broken quotation marks.
struct Rows<'a> {
    /// Text that the current `reader` reads.
    rest: &'a str,
    delimiter: u8,
    reader: csv::Reader<&'a [u8]>,
    /// Bytes of `rest` read so far.
    read: usize,
    /// First line of the last row, from 1.
    line: usize,
    next_line: usize,
    broken: usize,
    warnings: Vec<String>,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str, delimiter: u8) -> Self {
        let reader = reader(text, delimiter, true);
        Self {
            rest: text,
            delimiter,
            reader,
            read: 0,
            line: 1,
            next_line: 1,
            broken: 0,
            warnings: Vec::new(),
        }
    }

    fn next_row(&mut self) -> Option<StringRecord> {
        let mut record = StringRecord::new();
        if !self.reader.read_record(&mut record).ok()? {
            return None;
        }
        let end = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
        let source = self.rest.get(self.read..end).unwrap_or_default();
        let blank = source.len() - source.trim_start_matches('\n').len();
        let source = source.get(blank..).unwrap_or_default();
        self.line = self.next_line + blank;
        if self.broken < MAX_BROKEN && is_broken(source, self.delimiter, record.len()) {
            return self.without_quotes(end - source.len());
        }
        self.next_line = self.line + source.matches('\n').count();
        self.read = end;
        Some(record)
    }

    /// Reads the line at `start` without interpreting quotation marks, and continues after it.
    fn without_quotes(&mut self, start: usize) -> Option<StringRecord> {
        let rest = self.rest.get(start..).unwrap_or_default();
        let (line, rest) = rest.split_once('\n').unwrap_or((rest, ""));
        let mut record = StringRecord::new();
        reader(line, self.delimiter, false).read_record(&mut record).ok()?;
        self.warnings.push(format!(
            "line {}: a quotation mark is not closed: the line was read as it is",
            self.line
        ));
        self.broken += 1;
        self.reader = reader(rest, self.delimiter, self.broken < MAX_BROKEN);
        (self.rest, self.read, self.next_line) = (rest, 0, self.line + 1);
        Some(record.iter().map(|cell| cell.trim().trim_matches('"')).collect())
    }
}

/// Whether an unclosed quotation mark swallowed the following lines.
fn is_broken(source: &str, delimiter: u8, columns: usize) -> bool {
    let lines = source.trim_end().matches('\n').count();
    if lines == 0 {
        return false;
    }
    let odd = source.matches('"').count() % 2 == 1;
    let cells = source.bytes().filter(|byte| *byte == delimiter).count();
    odd || (lines > MAX_LINES && cells > lines.saturating_mul(columns.saturating_sub(1)) / 2)
}

#[cfg(test)]
mod tests {
    use super::super::Block;
    use super::super::rows::{MAX_ROWS, MAX_WARNINGS};
    use super::*;

    fn csv(text: &str) -> ExtractedDocument {
        read(text, false, "File name".to_owned()).expect("it can be read")
    }

    fn row(cells: &[(&str, &str)]) -> Block {
        Block::Row(
            cells.iter().map(|(name, cell)| ((*name).to_owned(), (*cell).to_owned())).collect(),
        )
    }

    fn pair(question: &str, answer: &str) -> Block {
        Block::Pair { question: question.to_owned(), answer: answer.to_owned() }
    }

    #[test]
    fn a_row_is_one_block_and_empty_cells_are_left_out() {
        let read = csv("sku,name,price\nB-1,Quay 7,649.00\n,,\nB-2,,90\n");
        let expected = [
            row(&[("sku", "B-1"), ("name", "Quay 7"), ("price", "649.00")]),
            row(&[("sku", "B-2"), ("price", "90")]),
        ];
        assert_eq!((read.blocks.as_slice(), read.warnings.len()), (&expected[..], 0));
    }

    #[test]
    fn semicolons_tabs_and_bars_are_recognised() {
        for d in [';', '\t', '|'] {
            let text = format!("name{d}price\n\"Lock{d} long\"{d}1,50\nBell, loud{d}2,00\n");
            let lock = format!("Lock{d} long");
            let expected = [
                row(&[("name", lock.as_str()), ("price", "1,50")]),
                row(&[("name", "Bell, loud"), ("price", "2,00")]),
            ];
            assert_eq!(csv(&text).blocks, expected, "{d:?}");
        }
        assert_eq!(csv("sep=;\na,b;c\n1,2;3").blocks, [row(&[("a,b", "1,2"), ("c", "3")])]);
    }

    #[test]
    fn quoted_cells_may_hold_line_breaks_delimiters_and_quotes() {
        let read = csv("q;text\r\n1;\"Line one\nline \"\"two\"\"; end\"\n2;x\n"
            .replace('\r', "")
            .as_str());
        let expected = [
            row(&[("q", "1"), ("text", "Line one\nline \"two\"; end")]),
            row(&[("q", "2"), ("text", "x")]),
        ];
        assert_eq!((read.blocks.as_slice(), read.warnings.len()), (&expected[..], 0));
    }

    #[test]
    fn question_and_answer_columns_are_recognised_in_five_languages() {
        for header in [
            "Question,Answer",
            "Pregunta,Respuesta",
            "Pergunta,Resposta",
            "Frage,Antwort",
            "Question,Réponse",
        ] {
            assert_eq!(csv(&format!("{header}\nA?,B.\n")).blocks, [pair("A?", "B.")], "{header}");
        }
        let read = csv("topic,answer,question\nPay,Cash.,How?\nPay,,Why?\n");
        let expected =
            [pair("How?", "Cash.\ntopic: Pay"), row(&[("topic", "Pay"), ("question", "Why?")])];
        assert_eq!(read.blocks, expected);
    }

    #[test]
    fn an_unclosed_quote_costs_no_row_and_is_told() {
        let read = csv("name,note\nA,\"open\nB,fine\nC,\"well, closed\"\nD,5\" wide\n");
        let expected = [
            row(&[("name", "A"), ("note", "open")]),
            row(&[("name", "B"), ("note", "fine")]),
            row(&[("name", "C"), ("note", "well, closed")]),
            row(&[("name", "D"), ("note", "5\" wide")]),
        ];
        assert_eq!(read.blocks, expected);
        assert_eq!(
            read.warnings,
            ["line 2: a quotation mark is not closed: the line was read as it is"]
        );
    }

    #[test]
    fn a_quote_that_swallows_a_file_is_found_even_if_another_one_closes_it() {
        let rows = "x,y\n".repeat(100);
        let read = csv(&format!("name,note\nA,\"open\n{rows}B,end\"\n"));
        assert_eq!(read.blocks.len(), 102);
        assert!(
            read.warnings.first().is_some_and(|w| w.starts_with("line 2:")),
            "{:?}",
            read.warnings
        );
    }

    #[test]
    fn rows_of_any_length_are_read_and_cells_too_many_are_told() {
        let read = csv("a,b\n\n1\n1,2,3\n");
        assert_eq!(read.blocks, [row(&[("a", "1")]), row(&[("a", "1"), ("b", "2"), ("", "3")])]);
        assert_eq!(
            read.warnings,
            ["line 4: 3 cells, but the header has 2: the cells beyond it have no name"]
        );
    }

    #[test]
    fn a_file_without_header_loses_no_row() {
        let read = csv("555-0140,12:30\n555-0141,13:30\n");
        assert_eq!(read.blocks.len(), 2);
        assert!(read.warnings.iter().any(|w| w.contains("no header row")));
    }

    #[test]
    fn too_many_rows_are_refused() {
        let text = format!("a,b\n{}", "1,2\n".repeat(MAX_ROWS + 1));
        assert_eq!(read(&text, false, String::new()), Err(Unreadable::TooManyRows(MAX_ROWS)));
    }

    #[test]
    fn hostile_quotes_end_soon() {
        let odd = format!("a,b\n{}", "x,\"\n\n\"\"y\n".repeat(100_000));
        assert!(read(&odd, false, String::new()).is_ok());
        let warned = csv(&odd).warnings.len();
        assert!(warned <= MAX_WARNINGS + 1, "{warned}");
    }
}
