//! Reads OpenDocument texts and spreadsheets into blocks: headings, lists, tables, notes at their
//! references; every sheet with its cells as shown. Skips deleted text, indexes and tables of
//! contents.

use std::collections::{HashMap, HashSet};

use roxmltree::{Document, Node};

use super::archive::Archive;
use super::limits::{Budget, MAX_CELLS, Repeats};
use super::sheets::{self, MAX_COLUMNS, Sheet};
use super::{Block, ExtractedDocument, Unreadable, one_line, rows, xml};

/// Names of the formats in errors.
const TEXT: &str = "OpenDocument text";
pub(super) const SHEET: &str = "OpenDocument spreadsheet";
/// Maximum nesting of sections, lists and tables; deeper ones are skipped.
const MAX_DEPTH: usize = 24;

/// Reads a text. Its title is the title property, else a paragraph in a title style, else the first
/// heading of level 1, else `name`.
pub(super) fn read_text(bytes: &[u8], name: String) -> Result<ExtractedDocument, Unreadable> {
    let mut archive = Archive::open(bytes, TEXT)?;
    let content = content(&mut archive, TEXT)?;
    let document = xml::parse(&content).ok_or(Unreadable::Damaged(TEXT))?;
    let body = body(&document, "text").ok_or(Unreadable::Damaged(TEXT))?;
    let mut reader = Reader {
        numbered: numbered(&document),
        parents: parents(&document),
        title: None,
        blocks: Vec::new(),
        left: CellBudgets::default(),
    };
    reader.blocks_of(body, 0);
    if !reader.left.cells.take(1) {
        return Err(too_many());
    }
    let first = reader.blocks.iter().find_map(|block| match block {
        Block::Heading { level: 1, text } => Some(text.clone()),
        _ => None,
    });
    let title = title(&mut archive).or(reader.title).or(first).unwrap_or(name);
    Ok(ExtractedDocument { title, blocks: reader.blocks, warnings: Vec::new() })
}

/// Reads a spreadsheet.
pub(super) fn read_sheets(bytes: &[u8], title: String) -> Result<ExtractedDocument, Unreadable> {
    let mut archive = Archive::open(bytes, SHEET)?;
    let content = content(&mut archive, SHEET)?;
    let document = xml::parse(&content).ok_or(Unreadable::Damaged(SHEET))?;
    let body = body(&document, "spreadsheet").ok_or(Unreadable::Damaged(SHEET))?;
    let mut left = CellBudgets::default();
    let hidden = hidden(&document);
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    for table in body.children().filter(|node| xml::name(*node) == "table") {
        let is_hidden =
            xml::attribute(table, "style-name").is_some_and(|style| hidden.contains(&style));
        if is_hidden {
            let name = xml::attribute(table, "name").unwrap_or_default();
            warnings.push(format!("sheet {name} is hidden: it was not read"));
        } else {
            found.push(sheet(table, &mut left).ok_or_else(too_many)?);
        }
    }
    let (blocks, odd) = sheets::blocks(found)?;
    warnings.extend(odd);
    Ok(ExtractedDocument { title, blocks, warnings })
}

/// Returns the styles of hidden tables.
fn hidden<'a>(document: &'a Document<'_>) -> HashSet<&'a str> {
    let properties = document.descendants().filter(|node| {
        xml::name(*node) == "table-properties" && xml::attribute(*node, "display") == Some("false")
    });
    let style = properties.filter_map(|node| node.parent_element());
    style.filter_map(|style| xml::attribute(style, "name")).collect()
}

fn content(archive: &mut Archive<'_>, what: &'static str) -> Result<String, Unreadable> {
    let manifest = archive.text("META-INF/manifest.xml")?.unwrap_or_default();
    if manifest.contains("encryption-data") {
        return Err(Unreadable::Encrypted(what));
    }
    archive.text("content.xml")?.ok_or(Unreadable::Damaged(what))
}

fn body<'a, 'i>(document: &'a Document<'i>, kind: &str) -> Option<Node<'a, 'i>> {
    xml::below(document.root(), "body").and_then(|body| xml::child(body, kind))
}

fn title(archive: &mut Archive<'_>) -> Option<String> {
    let text = archive.text("meta.xml").ok()??;
    let document = xml::parse(&text)?;
    let title = one_line(&xml::text(xml::below(document.root(), "title")?));
    (!title.is_empty()).then_some(title)
}

/// Returns the list styles whose first level is numbered.
fn numbered(document: &Document<'_>) -> HashSet<String> {
    let styles = document.descendants().filter(|node| xml::name(*node) == "list-style");
    let first = |style: &Node<'_, '_>| {
        style
            .children()
            .find(Node::is_element)
            .is_some_and(|level| xml::name(level) == "list-level-style-number")
    };
    let named = styles.filter(first).filter_map(|style| xml::attribute(style, "name"));
    named.map(str::to_owned).collect()
}

/// Maps the document's own styles to their parents.
fn parents(document: &Document<'_>) -> HashMap<String, String> {
    let styles = document.descendants().filter(|node| xml::name(*node) == "style");
    let pair = |style| {
        Some((
            xml::attribute(style, "name")?.to_owned(),
            xml::attribute(style, "parent-style-name")?.to_owned(),
        ))
    };
    styles.filter_map(pair).collect()
}

/// What may still be read of tables.
struct CellBudgets {
    cells: Budget,
    repeats: Repeats,
}

impl Default for CellBudgets {
    fn default() -> Self {
        Self { cells: Budget::new(MAX_CELLS), repeats: Repeats::default() }
    }
}

fn too_many() -> Unreadable {
    Unreadable::TooMany { what: "cells", most: MAX_CELLS }
}

struct Reader {
    numbered: HashSet<String>,
    parents: HashMap<String, String>,
    title: Option<String>,
    blocks: Vec<Block>,
    left: CellBudgets,
}

impl Reader {
    fn blocks_of(&mut self, parent: Node<'_, '_>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for node in parent.children() {
            match xml::name(node) {
                "h" => self.heading(node),
                "p" => self.paragraph(node, depth),
                "list" => self.list(node, None, depth),
                "table" => self.table(node, depth),
                "section" | "text-box" | "frame" => self.blocks_of(node, depth + 1),
                _ => {}
            }
        }
    }

    fn heading(&mut self, node: Node<'_, '_>) {
        let level = xml::attribute(node, "outline-level").and_then(|level| level.parse().ok());
        let text = one_line(&line(node));
        if !text.is_empty() {
            self.blocks.push(Block::Heading { level: level.unwrap_or(1).clamp(1, 6), text });
        }
    }

    fn paragraph(&mut self, node: Node<'_, '_>, depth: usize) {
        let text = line(node);
        let style = xml::attribute(node, "style-name").unwrap_or_default();
        let style = self.parents.get(style).map_or(style, String::as_str);
        if !text.is_empty() && style == "Title" {
            self.title.get_or_insert_with(|| one_line(&text));
            self.blocks.push(Block::Heading { level: 1, text: one_line(&text) });
        } else if !text.is_empty() {
            self.blocks.push(Block::Paragraph(text));
        }
        for frame in node.descendants().filter(|node| xml::name(*node) == "text-box") {
            let outermost = frame.ancestors().skip(1).all(|above| xml::name(above) != "text-box");
            if outermost || depth == 0 {
                self.blocks_of(frame, depth + 1);
            }
        }
    }

    /// Reads a list; inner lists have no style of their own.
    fn list(&mut self, list: Node<'_, '_>, outer: Option<(u8, bool)>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let style = xml::attribute(list, "style-name");
        let numbered = style.map(|style| self.numbered.contains(style));
        let numbered = numbered.or(outer.map(|(_, numbered)| numbered)).unwrap_or(false);
        let level = outer.map_or(0, |(level, _)| level.saturating_add(1));
        let items = list.children().filter(|node| xml::name(*node) == "list-item");
        for (number, item) in (1..).zip(items) {
            let mut marker = if numbered { format!("{number}.") } else { "-".to_owned() };
            for node in item.children() {
                match xml::name(node) {
                    "list" => self.list(node, Some((level, numbered)), depth + 1),
                    "p" | "h" => {
                        let text = line(node);
                        if !text.is_empty() {
                            let marker = std::mem::take(&mut marker);
                            self.blocks.push(Block::Item { level, marker, text });
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn table(&mut self, table: Node<'_, '_>, depth: usize) {
        let Some(sheet) = sheet(table, &mut self.left) else { return };
        let widest = sheet.rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0);
        if widest < 2 {
            let cells = table.descendants().filter(|node| xml::name(*node) == "table-cell");
            for cell in cells.collect::<Vec<_>>() {
                self.blocks_of(cell, depth + 1);
            }
            return;
        }
        let headed = xml::child(table, "table-header-rows").map(|_| true);
        let rows = sheet.rows.into_iter().map(|(_, row)| row).collect();
        self.blocks.extend(rows::table(rows, headed));
    }
}

/// Returns the text of a paragraph, with notes and link URLs in place; without anchored objects.
fn line(paragraph: Node<'_, '_>) -> String {
    let mut text = String::new();
    inline(paragraph, &mut text, 0);
    text.lines().map(one_line).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn inline(parent: Node<'_, '_>, text: &mut String, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for node in parent.children() {
        match xml::name(node) {
            "" => text.push_str(&node.text().unwrap_or_default().replace(['\n', '\r'], " ")),
            "s" | "tab" => text.push(' '),
            "line-break" => text.push('\n'),
            "note" => {
                let body = xml::child(node, "note-body").map(xml::text);
                let body = one_line(&body.unwrap_or_default());
                if !body.is_empty() {
                    text.extend([" (", &body, ")"]);
                }
            }
            "a" => {
                let start = text.len();
                inline(node, text, depth + 1);
                let shown = text.get(start..).unwrap_or_default().to_owned();
                let url = xml::attribute(node, "href").unwrap_or_default();
                text.push_str(&super::address::address_after(&shown, url));
            }
            "annotation" | "annotation-end" | "frame" | "tracked-changes" | "custom-shape" => {}
            _ => inline(node, text, depth + 1),
        }
    }
}

/// Returns the rows of a table; `None` if the file has too many cells.
fn sheet(table: Node<'_, '_>, left: &mut CellBudgets) -> Option<Sheet> {
    let name = xml::attribute(table, "name").unwrap_or_default().to_owned();
    let mut sheet = Sheet { name, rows: Vec::new() };
    let (mut number, mut spans) = (1, HashMap::new());
    for row in elements(table, 0) {
        let repeated = count(row, "number-rows-repeated");
        let cells = cells(row, &mut spans, &left.repeats);
        if !left.cells.take(cells.len()) {
            return None;
        }
        // A repeated row is added once.
        if cells.iter().any(|cell| !cell.is_empty()) {
            sheet.rows.push((number, cells));
        }
        number += repeated;
    }
    Some(sheet)
}

/// Returns the rows, including grouped and header rows.
fn elements<'a, 'i>(parent: Node<'a, 'i>, depth: usize) -> Vec<Node<'a, 'i>> {
    let mut found = Vec::new();
    for node in parent.children() {
        match xml::name(node) {
            "table-row" => found.push(node),
            "table-header-rows" | "table-rows" | "table-row-group" if depth < MAX_DEPTH => {
                found.extend(elements(node, depth + 1));
            }
            _ => {}
        }
    }
    found
}

/// Returns a row's cells. `spans`: by column, the text of cells that span rows from above, and how
/// many rows remain.
fn cells(
    row: Node<'_, '_>,
    spans: &mut HashMap<usize, (usize, String)>,
    repeats: &Repeats,
) -> Vec<String> {
    let mut cells: Vec<String> = Vec::new();
    for cell in row.children().filter(Node::is_element) {
        let repeated = count(cell, "number-columns-repeated");
        let mut text = match xml::name(cell) {
            "table-cell" => {
                let paragraphs =
                    cell.children().filter(|node| matches!(xml::name(*node), "p" | "list" | "h"));
                let lines = paragraphs.map(line).filter(|line| !line.is_empty());
                lines.collect::<Vec<_>>().join("\n")
            }
            "covered-table-cell" => String::new(),
            _ => continue,
        };
        let rows = count(cell, "number-rows-spanned");
        if rows > 1 {
            spans.insert(cells.len(), (rows - 1, text.clone()));
        } else if let Some((left, above)) =
            spans.get_mut(&cells.len()).filter(|(left, _)| *left > 0)
        {
            *left -= 1;
            repeats.of(above).clone_into(&mut text);
        }
        let again = repeated.min(MAX_COLUMNS.saturating_sub(cells.len()));
        let start = cells.len();
        cells.extend((1..again).map(|_| repeats.of(&text).to_owned()));
        if again > 0 {
            cells.insert(start, text);
        }
    }
    let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    cells.truncate(used);
    cells
}

fn count(node: Node<'_, '_>, name: &str) -> usize {
    let count = xml::attribute(node, name).and_then(|count| count.parse().ok());
    count.unwrap_or(1).clamp(1, 1_048_576)
}
