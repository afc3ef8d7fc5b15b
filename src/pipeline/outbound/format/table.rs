//! Part of formatting: a table as `Header: value` lines, because a chat has no columns.

/// A table while it is being read.
#[derive(Debug, Default)]
pub(super) struct Table {
    head: Vec<String>,
    row: Vec<String>,
    /// The finished rows.
    rows: Vec<String>,
    /// Start of the open cell's text on the page.
    cell: usize,
}

impl Table {
    pub(super) fn start_cell(&mut self, from: usize) {
        self.cell = from;
    }

    /// Moves the open cell's text from the page to the row.
    pub(super) fn end_cell(&mut self, page: &mut String) {
        let words = page.get(self.cell..).unwrap_or("");
        self.row.push(words.split_whitespace().collect::<Vec<_>>().join(" "));
        page.truncate(self.cell);
    }

    pub(super) fn end_head(&mut self) {
        let plain = |cell: String| cell.trim_matches(['*', '_', ':', ' ']).to_owned();
        self.head = std::mem::take(&mut self.row).into_iter().map(plain).collect();
    }

    /// Markdown drops cells for which the header has no column; they are read from the source.
    pub(super) fn end_row(&mut self, source: &str) {
        let mut cells = std::mem::take(&mut self.row);
        let written = source.trim().trim_start_matches('|').trim_end_matches('|').split('|');
        cells.extend(written.skip(cells.len()).map(|cell| cell.trim().to_owned()));
        let named = cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
        let lines = named.map(|(i, cell)| match self.head.get(i).filter(|name| !name.is_empty()) {
            Some(name) => format!("{name}: {cell}"),
            None => cell.clone(),
        });
        self.rows.push(lines.collect::<Vec<_>>().join("\n"));
    }

    /// Returns all rows with a blank line between them, after the headers that are in no row.
    pub(super) fn rows(self) -> String {
        let is_said = |name: &str| self.rows.iter().any(|row| row.contains(name));
        let heads = self.head.iter().filter(|name| !name.is_empty() && !is_said(name));
        let unsaid = heads.map(String::as_str).collect::<Vec<_>>().join(", ");
        let rows = self.rows.iter().map(String::as_str);
        let filled: Vec<&str> =
            std::iter::once(&*unsaid).chain(rows).filter(|row| !row.is_empty()).collect();
        filled.join("\n\n")
    }
}
