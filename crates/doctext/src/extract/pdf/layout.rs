//! Groups the spans of a page into text parts and tables. Trusts the drawing order, which is the
//! reading order in the programs that people write with.

use super::lines::{self, Span};
use super::page::Glyph;

/// Maximum line distance within a text, relative to the font size.
const MAX_LEADING: f64 = 1.9;
/// Maximum line distance relative to the page's usual distance.
const MAX_RELATIVE_LEADING: f64 = 1.18;
/// Maximum row distance within a table, relative to the font size.
const GAP: f64 = 4.0;
/// Maximum lines of a table cell with another one beside it; more are a page column.
const CELL_LINES: usize = 10;
/// Minimum average cell length, in characters, for rows that are page columns drawn line by line.
const COLUMN_TEXT: usize = 28;

/// Maximum spans that are compared with each other; a larger page is read as text in drawing order.
const MAX_SPANS: usize = 8000;
/// Maximum cells of a table.
const MAX_CELLS: usize = 100_000;

/// A part of a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// Adjacent lines of the same size.
    Text(Vec<Line>),
    /// Rows of cells.
    Table {
        /// Texts of the cells.
        rows: Vec<Vec<String>>,
        /// Position of its first line, from the top.
        y: f64,
    },
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Its span.
    pub(super) span: Span,
    /// Whether the break is intended: the next word would have fitted.
    pub(super) ended: bool,
}

/// Layout of a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PageLayout {
    /// Parts in reading order.
    pub(super) parts: Vec<Part>,
}

/// Lines below each other.
#[derive(Debug, Clone)]
struct Cell {
    lines: Vec<Span>,
    x: f64,
    end: f64,
}

/// Cells beside each other.
#[derive(Debug, Clone)]
struct Row {
    cells: Vec<Cell>,
}

impl PageLayout {
    /// Reads the letters of a page. Rotated text comes last.
    pub(super) fn read(glyphs: &[Glyph]) -> Self {
        let mut parts = Vec::new();
        for turn in 0..4 {
            let turned: Vec<Glyph> = glyphs.iter().filter(|g| g.turn == turn).cloned().collect();
            if !turned.is_empty() {
                parts.extend(read(lines::spans(&turned)));
            }
        }
        Self { parts }
    }
}

fn read(spans: Vec<Span>) -> Vec<Part> {
    if spans.len() > MAX_SPANS {
        let line = |span| Line { span, ended: false };
        return vec![Part::Text(spans.into_iter().map(line).collect())];
    }
    let leading = leading(&spans);
    let edges = Edges::of(&spans);
    let mut rows: Vec<Row> = Vec::new();
    for span in spans {
        let above = rows.iter().rev().nth(1).map_or(f64::NEG_INFINITY, Row::bottom);
        let left = match rows.last_mut() {
            Some(row) => row.add(span, leading, above),
            None => Some(span),
        };
        rows.extend(left.map(|span| Row { cells: vec![Cell::new(span)] }));
    }
    for row in &mut rows {
        row.mark();
    }
    let mut parts = Vec::new();
    let mut rest = rows.as_slice();
    while !rest.is_empty() {
        let follows = |(row, next): &(&Row, &Row)| {
            row.cells.len() > 1
                && next.cells.len() > 1
                && next.top() - row.bottom() < next.size() * GAP
        };
        let run = 1 + rest.iter().zip(rest.iter().skip(1)).take_while(follows).count();
        let (now, after) = rest.split_at(run);
        parts.extend(part(now, &edges));
        rest = after;
    }
    parts
}

/// Returns the usual line distance of a page, relative to the font size.
fn leading(spans: &[Span]) -> f64 {
    let mut found: Vec<f64> = Vec::new();
    for (one, next) in spans.iter().zip(spans.iter().skip(1)) {
        let distance = (next.y - one.y) / one.size.max(1.0);
        if (0.9..MAX_LEADING).contains(&distance) && next.overlaps(one.x, one.end) {
            found.push((distance * 20.0).round() / 20.0);
        }
    }
    found.sort_by(f64::total_cmp);
    let runs = found.chunk_by(|one, other| (one - other).abs() < 0.01);
    // Reversed, because `max_by_key` returns the last of equal runs: the smallest distance wins.
    let most = runs.rev().max_by_key(|run| run.len());
    most.and_then(|run| run.first()).copied().unwrap_or(1.3)
}

impl Cell {
    fn new(span: Span) -> Self {
        Self { x: span.x, end: span.end, lines: vec![span] }
    }

    fn push(&mut self, span: Span) {
        (self.x, self.end) = (self.x.min(span.x), self.end.max(span.end));
        self.lines.push(span);
    }

    fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        lines.join(" ")
    }
}

impl Row {
    fn top(&self) -> f64 {
        let lines = self.cells.iter().filter_map(|cell| cell.lines.first());
        lines.map(|line| line.y).fold(f64::INFINITY, f64::min)
    }

    fn bottom(&self) -> f64 {
        let lines = self.cells.iter().filter_map(|cell| cell.lines.last());
        lines.map(|line| line.y).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Merges a bullet with the text beside it: it is not a table cell.
    fn mark(&mut self) {
        let marked = matches!(self.cells.as_slice(), [mark, _] if is_marker(&mark.text()));
        if marked {
            let lines = joined(self);
            let mut cells = lines.into_iter().map(Cell::new);
            self.cells = cells.next().into_iter().collect();
            for cell in cells {
                self.cells.iter_mut().for_each(|first| first.lines.extend(cell.lines.clone()));
            }
        }
    }

    fn size(&self) -> f64 {
        self.cells.first().and_then(|cell| cell.lines.first()).map_or(0.0, |line| line.size)
    }

    /// Adds a span as the next line of the last cell or as a new cell; otherwise returns it.
    /// `above`: the bottom of the previous row.
    fn add(&mut self, span: Span, leading: f64, above: f64) -> Option<Span> {
        let (top, bottom) = (self.top(), self.bottom());
        let single = self.cells.len() == 1;
        let Some(cell) = self.cells.last_mut() else { return Some(span) };
        let Some(last) = cell.lines.last() else { return Some(span) };
        let size = last.size.max(span.size);
        let down = span.y - last.y;
        let beside = span.x >= cell.end - size * 0.2 || span.end <= cell.x + size * 0.2;
        // A cell of several lines may start above its vertically centred neighbours.
        let within =
            span.y > (top - size * GAP).max(above + size * 0.4) && span.y < bottom + size * 0.4;
        if beside && (down.abs() < size * 0.4 || (within && cell.lines.len() <= CELL_LINES)) {
            self.cells.push(Cell::new(span));
            return None;
        }
        let near =
            down > size * 0.4 && down < size * MAX_LEADING.min(leading * MAX_RELATIVE_LEADING);
        let alike = (last.size - span.size).abs() < size * 0.08 && last.bold == span.bold;
        let below = span.overlaps(cell.x, cell.end);
        // In a row of several cells, a line continues a cell only if it is aligned with it.
        let aligned =
            single || (span.x - last.x).abs() < size || (span.end - last.end).abs() < size;
        if near
            && below
            && (alike || !single)
            && aligned
            && (single || cell.lines.len() > 1 || down < size * 1.5 && !self.is_aligned_with(&span))
        {
            if let Some(cell) = self.cells.last_mut() {
                cell.push(span);
            }
            return None;
        }
        Some(span)
    }

    /// Whether a span below starts at the row's left edge, so that it is the next row.
    fn is_aligned_with(&self, span: &Span) -> bool {
        self.cells.first().is_some_and(|first| (first.x - span.x).abs() < span.size * 0.5)
    }
}

/// Turns adjacent rows into text, a table, or page columns.
fn part(rows: &[Row], edges: &Edges) -> Vec<Part> {
    let texts = |cells: Vec<&Cell>| -> Vec<Part> {
        cells.into_iter().map(|cell| edges.text(&cell.lines)).collect()
    };
    match rows {
        [row] if row.cells.len() == 1 => return texts(row.cells.iter().collect()),
        [row] => {
            let several = row.cells.iter().any(|cell| cell.lines.len() > 2);
            return if several {
                texts(row.cells.iter().collect())
            } else {
                vec![edges.text(&joined(row))]
            };
        }
        _ => {}
    }
    let columns = columns(rows);
    if columns.len() < 2 || columns.len() * rows.len() > MAX_CELLS {
        return rows.iter().map(|row| edges.text(&joined(row))).collect();
    }
    let mut table: Vec<Vec<Vec<&Cell>>> = Vec::new();
    for row in rows {
        let mut cells: Vec<Vec<&Cell>> = vec![Vec::new(); columns.len()];
        for cell in &row.cells {
            let at = columns.iter().rposition(|(x, _)| *x <= cell.x + 0.01).unwrap_or(0);
            if let Some(place) = cells.get_mut(at) {
                place.push(cell);
            }
        }
        table.push(cells);
    }
    let all: Vec<&Cell> = rows.iter().flat_map(|row| &row.cells).collect();
    let letters: usize = all.iter().map(|cell| cell.text().chars().count()).sum();
    let flowing = all.iter().all(|cell| cell.lines.len() == 1) && rows.len() >= 5;
    if flowing && columns.len() <= 3 && letters / all.len().max(1) >= COLUMN_TEXT {
        let column = |at: usize| {
            let cells = table.iter().filter_map(move |row| row.get(at)).flatten();
            edges.text(&cells.flat_map(|cell| cell.lines.clone()).collect::<Vec<_>>())
        };
        return (0..columns.len()).map(column).collect();
    }
    let right = all.iter().filter(|cell| cell.lines.iter().any(|line| line.right)).count();
    let text =
        |cells: &Vec<&Cell>| cells.iter().map(|cell| cell.text()).collect::<Vec<_>>().join(" ");
    let mut found: Vec<Vec<String>> =
        table.iter().map(|row| row.iter().map(text).collect()).collect();
    if right * 2 > all.len() {
        for row in &mut found {
            row.reverse();
        }
    }
    let y = all.first().and_then(|cell| cell.lines.first()).map_or(0.0, |line| line.y);
    vec![Part::Table { rows: found, y }]
}

fn count(text: &str) -> f64 {
    f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX))
}

/// Returns the horizontal ranges of columns, from overlapping cells.
fn columns(rows: &[Row]) -> Vec<(f64, f64)> {
    let mut cells: Vec<(f64, f64)> =
        rows.iter().flat_map(|row| &row.cells).map(|cell| (cell.x, cell.end)).collect();
    cells.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut columns: Vec<(f64, f64)> = Vec::new();
    for (x, end) in cells {
        match columns.last_mut().filter(|last| x < last.1) {
            Some(last) => last.1 = last.1.max(end),
            None => columns.push((x, end)),
        }
    }
    columns
}

fn is_marker(text: &str) -> bool {
    let number = text.strip_suffix(['.', ')']).unwrap_or_default();
    let numbered = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    numbered || matches!(text, "•" | "◦" | "▪" | "●" | "○" | "■" | "-" | "–" | "o" | "*" | "✓")
}

/// Joins a row into one text: a bullet with its text, a name with its value.
fn joined(row: &Row) -> Vec<Span> {
    let mut cells = row.cells.iter();
    let mut lines = cells.next().map(|cell| cell.lines.clone()).unwrap_or_default();
    for cell in cells {
        let mut more = cell.lines.iter();
        if let (Some(last), Some(next)) = (lines.last_mut(), more.next()) {
            let mark = is_marker(&last.text);
            last.size = if mark { next.size } else { last.size.max(next.size) };
            last.bold = next.bold && (mark || last.bold);
            last.text = format!("{} {}", last.text, next.text);
            (last.x, last.end) = (last.x.min(next.x), last.end.max(next.end));
        }
        lines.extend(more.cloned());
    }
    lines
}

/// Extents of all lines, to find the width of a text column.
struct Edges {
    spans: Vec<(f64, f64, bool)>,
}

impl Edges {
    fn of(spans: &[Span]) -> Self {
        let mut all: Vec<(f64, f64, bool)> = spans.iter().map(|s| (s.x, s.end, s.right)).collect();
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self { spans: all }
    }

    /// Returns the width of the widest line that starts at the same edge, in points.
    fn width(&self, span: &Span) -> f64 {
        let near = |x: f64| (x - if span.right { span.end } else { span.x }).abs() < span.size;
        let widths = self
            .spans
            .iter()
            .filter(|(x, end, right)| *right == span.right && near(if *right { *end } else { *x }));
        widths.map(|(x, end, _)| end - x).fold(span.width(), f64::max)
    }

    fn text(&self, lines: &[Span]) -> Part {
        let width = lines.iter().map(|line| self.width(line)).fold(0.0, f64::max);
        let line = |(at, span): (usize, &Span)| {
            let next = lines.get(at + 1).map_or("", |next| next.text.as_str());
            let word = next.split(' ').next().unwrap_or(next);
            let needed = (count(word) + 1.0) * span.width() / count(&span.text).max(1.0);
            Line { span: span.clone(), ended: span.width() + needed + span.size * 0.5 < width }
        };
        Part::Text(lines.iter().enumerate().map(line).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::drawn;
    use super::*;

    fn page(lines: &[(&str, f64, f64)]) -> Vec<String> {
        let glyphs: Vec<Glyph> =
            lines.iter().flat_map(|(text, x, y)| drawn(text, *x, *y, 10.0)).collect();
        let shown = |part: &Part| match part {
            Part::Text(lines) => lines
                .iter()
                .map(|line| line.span.text.clone() + if line.ended { "/" } else { " " })
                .collect::<String>()
                .trim_end_matches(['/', ' '])
                .to_owned(),
            Part::Table { rows, .. } => {
                rows.iter().map(|row| row.join("|")).collect::<Vec<_>>().join("\n")
            }
        };
        PageLayout::read(&glyphs).parts.iter().map(shown).collect()
    }

    #[test]
    fn lines_become_texts_and_distance_parts_them() {
        let found = page(&[
            ("We deliver on weekdays to every", 50.0, 100.0),
            ("address on the mainland.", 50.0, 112.0),
            ("Saltmarsh", 50.0, 140.0),
            ("Chandlers Row", 50.0, 152.0),
        ]);
        let expected =
            ["We deliver on weekdays to every address on the mainland.", "Saltmarsh/Chandlers Row"];
        assert_eq!(found, expected);
    }

    #[test]
    fn rows_of_cells_become_a_table_also_where_cells_have_several_lines() {
        let one = page(&[
            ("Size", 50.0, 100.0),
            ("Price", 150.0, 100.0),
            ("S", 50.0, 114.0),
            ("8", 150.0, 114.0),
            ("M", 50.0, 128.0),
            ("9", 150.0, 128.0),
        ]);
        assert_eq!(one, ["Size|Price\nS|8\nM|9"]);
        let wrapped = page(&[
            ("Plan", 50.0, 100.0),
            ("Price", 150.0, 100.0),
            ("Short", 50.0, 120.0),
            ("hire", 50.0, 131.0),
            ("8 a day", 150.0, 120.0),
            ("Long", 50.0, 151.0),
            ("5 a day", 150.0, 151.0),
        ]);
        assert_eq!(wrapped, ["Plan|Price\nShort hire|8 a day\nLong|5 a day"]);
    }

    #[test]
    fn columns_of_a_page_are_read_one_after_the_other() {
        let left = "This is the left column of it";
        let right = "and here is the right column,";
        let by_line: Vec<(&str, f64, f64)> = (0..6)
            .flat_map(|n| {
                let y = 100.0 + 12.0 * f64::from(n);
                [(left, 50.0, y), (right, 250.0, y)]
            })
            .collect();
        let mut by_column: Vec<(&str, f64, f64)> = by_line.clone();
        by_column.sort_by(|one, other| one.1.total_cmp(&other.1));
        for lines in [by_line, by_column] {
            let found = page(&lines);
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(found[0].starts_with(left) && !found[0].contains("right"), "{found:?}");
        }
    }

    #[test]
    fn a_bullet_beside_its_text_is_one_line() {
        assert_eq!(page(&[("•", 50.0, 100.0), ("A lock", 70.0, 100.0)]), ["• A lock"]);
    }
}
