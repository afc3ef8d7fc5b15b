//! Reads Word documents into blocks: headings by style, lists, tables, text boxes, footnotes at
//! their references. Skips deleted and hidden text, headers, footers and tables of contents.

use std::collections::HashMap;

use roxmltree::Node;

use super::limits::{Budget, MAX_CELLS, Repeats};
use super::package::{Package, Relation};
use super::{Block, ExtractedDocument, Unreadable, one_line, rows, xml};

mod styles;

use styles::{Lists, Styles};

/// Name of the format in errors.
const WHAT: &str = "Word document";
/// Maximum nesting of tables and text boxes; deeper ones become plain text.
const MAX_DEPTH: usize = 24;
/// Maximum length of a bold line that counts as a heading, in characters.
const BOLD_HEADING: usize = 100;
/// Level of headings that are only bold: below headings by style.
const BOLD_LEVEL: u8 = 6;

/// Reads a document. Its title is a paragraph in a title style, else the title property, else the
/// first heading of level 1, else `name`.
pub(super) fn read(bytes: &[u8], name: String) -> Result<ExtractedDocument, Unreadable> {
    let mut package = Package::open(bytes, WHAT)?;
    let (path, text) = package.main("word/document.xml")?;
    let relations = package.relations(&path)?;
    let part = |package: &mut Package<'_>, kind: &str| -> Result<String, Unreadable> {
        let found = relations.values().find(|relation| relation.kind == kind);
        let text = found.map(|relation| package.part(&relation.target)).transpose()?;
        Ok(text.flatten().unwrap_or_default())
    };
    let styles = Styles::read(&part(&mut package, "styles")?);
    let lists = Lists::read(&part(&mut package, "numbering")?);
    let mut notes = notes(&part(&mut package, "footnotes")?, "footnote");
    notes.extend(self::notes(&part(&mut package, "endnotes")?, "endnote"));
    let document = xml::parse(&text).ok_or_else(|| package.damaged())?;
    let body = xml::below(document.root(), "body").ok_or_else(|| package.damaged())?;
    let mut reader = Reader {
        styles,
        lists,
        notes,
        relations,
        title: None,
        blocks: Vec::new(),
        repeats: Repeats::default(),
        cells: Budget::new(MAX_CELLS),
    };
    reader.blocks_of(body, 0);
    if !reader.cells.take(1) {
        return Err(Unreadable::TooMany { what: "cells", most: MAX_CELLS });
    }
    let first = reader.blocks.iter().find_map(|block| match block {
        Block::Heading { level: 1, text } => Some(text.clone()),
        _ => None,
    });
    let title = reader.title.or_else(|| package.title()).or(first).unwrap_or(name);
    Ok(ExtractedDocument { title, blocks: reader.blocks, warnings: Vec::new() })
}

/// Returns the notes of a document, by kind and id.
fn notes(text: &str, kind: &'static str) -> HashMap<(&'static str, String), String> {
    let Some(document) = xml::parse(text) else { return HashMap::new() };
    let note = |node| {
        // The separator lines above notes are also stored as notes.
        let real = xml::name(node) == kind && xml::attribute(node, "type").is_none();
        let id = xml::attribute(node, "id").filter(|_| real)?;
        let runs = node.descendants().filter(|text| xml::name(*text) == "t");
        let text = one_line(&runs.map(xml::text).collect::<String>());
        (!text.is_empty()).then(|| ((kind, id.to_owned()), text))
    };
    document.descendants().filter_map(note).collect()
}

struct Reader {
    styles: Styles,
    lists: Lists,
    notes: HashMap<(&'static str, String), String>,
    relations: HashMap<String, Relation>,
    title: Option<String>,
    blocks: Vec<Block>,
    repeats: Repeats,
    /// Table cells that may still be read.
    cells: Budget,
}

/// The text of a paragraph.
#[derive(Default)]
struct Line<'a, 'i> {
    text: String,
    /// Whether there is bold text, text that is not bold, and text that inherits it from the style.
    bold: bool,
    light: bool,
    plain: bool,
    /// Contents of the text boxes anchored in it.
    boxes: Vec<Node<'a, 'i>>,
}

impl Reader {
    fn blocks_of(&mut self, parent: Node<'_, '_>, depth: usize) {
        if depth > MAX_DEPTH {
            let text = one_line(&xml::text(parent));
            self.blocks.extend((!text.is_empty()).then_some(Block::Paragraph(text)));
            return;
        }
        for node in parent.children() {
            match xml::name(node) {
                "p" => self.paragraph(node, depth),
                "tbl" => self.table(node, depth),
                "AlternateContent" => {
                    if let Some(choice) = xml::child(node, "Choice") {
                        self.blocks_of(choice, depth + 1);
                    }
                }
                "sdt" | "sdtContent" | "customXml" | "ins" | "moveTo" | "smartTag" => {
                    self.blocks_of(node, depth + 1);
                }
                _ => {}
            }
        }
    }

    fn paragraph(&mut self, node: Node<'_, '_>, depth: usize) {
        let style = self.styles.of(node);
        let mut line = Line::default();
        self.inline(node, &mut line, 0);
        let text = trimmed(&line.text);
        if !text.is_empty() && !style.contents {
            let whole = !line.light && if line.plain { style.bold } else { line.bold };
            let bold = whole && reads_like_a_heading(&text);
            self.blocks.push(match (style.heading, style.list) {
                (Some(level), _) => {
                    if style.title && self.title.is_none() {
                        self.title = Some(one_line(&text));
                    }
                    Block::Heading { level, text: one_line(&text) }
                }
                (None, Some((list, level))) => {
                    let marker = self.lists.marker(&list, level);
                    Block::Item { level, marker, text }
                }
                (None, None) if bold && depth == 0 => {
                    Block::Heading { level: BOLD_LEVEL, text: one_line(&text) }
                }
                (None, None) => Block::Paragraph(text),
            });
        }
        for content in line.boxes {
            self.blocks_of(content, depth + 1);
        }
    }

    fn inline<'a, 'i>(&self, parent: Node<'a, 'i>, line: &mut Line<'a, 'i>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for node in parent.children() {
            match xml::name(node) {
                "r" => self.run(node, line),
                "hyperlink" => {
                    let start = line.text.len();
                    self.inline(node, line, depth + 1);
                    let target = xml::attribute(node, "id").and_then(|id| self.relations.get(id));
                    if let Some(relation) = target.filter(|relation| relation.external) {
                        let shown = line.text.get(start..).unwrap_or_default().to_owned();
                        let address = super::address::address_after(&shown, &relation.target);
                        line.text.push_str(self.repeats.of(&address));
                    }
                }
                "pPr" | "del" | "moveFrom" | "rPr" => {}
                "oMath" => line.text.push_str(&xml::text(node)),
                _ => self.inline(node, line, depth + 1),
            }
        }
    }

    fn run<'a, 'i>(&self, run: Node<'a, 'i>, line: &mut Line<'a, 'i>) {
        let property = |name| xml::child(run, "rPr").and_then(|all| xml::child(all, name));
        let on = |name| property(name).is_some_and(styles::is_on);
        if on("vanish") {
            return;
        }
        let start = line.text.len();
        for node in run.children() {
            match xml::name(node) {
                "t" => line.text.push_str(&xml::text(node)),
                "tab" | "ptab" => line.text.push('\t'),
                "br" | "cr" => line.text.push('\n'),
                "noBreakHyphen" => line.text.push('-'),
                "footnoteReference" => self.note("footnote", node, line),
                "endnoteReference" => self.note("endnote", node, line),
                "drawing" | "pict" | "object" | "AlternateContent" => boxes(node, line),
                _ => {}
            }
        }
        if line.text.get(start..).is_some_and(|text| text.contains(char::is_alphanumeric)) {
            match property("b").map(styles::is_on) {
                Some(true) => line.bold = true,
                Some(false) => line.light = true,
                None => line.plain = true,
            }
        }
    }

    fn note(&self, kind: &'static str, node: Node<'_, '_>, line: &mut Line<'_, '_>) {
        let id = xml::attribute(node, "id").unwrap_or_default().to_owned();
        if let Some(note) = self.notes.get(&(kind, id)) {
            let said = self.repeats.of(note);
            if !said.is_empty() {
                line.text.extend([" (", said, ")"]);
            }
        }
    }

    fn table(&mut self, table: Node<'_, '_>, depth: usize) {
        let rows: Vec<Node<'_, '_>> = elements(table, "tr", 0);
        let widest = rows.iter().map(|row| elements(*row, "tc", 0).len()).max().unwrap_or(0);
        if widest < 2 {
            // A table of one column is only a frame around text.
            for cell in rows.iter().flat_map(|row| elements(*row, "tc", 0)) {
                self.blocks_of(cell, depth + 1);
            }
            return;
        }
        let headed = rows.first().is_some_and(|row| {
            xml::child(*row, "trPr").and_then(|all| xml::child(all, "tblHeader")).is_some()
        });
        let mut cells: Vec<Vec<String>> = Vec::new();
        for row in rows {
            let row = self.row(row, cells.last().map_or(&[][..], Vec::as_slice));
            if !self.cells.take(row.len()) {
                return;
            }
            cells.push(row);
        }
        self.blocks.extend(rows::table(cells, headed.then_some(true)));
    }

    /// Returns a row's cells. A cell that spans columns leaves the others empty; one merged with
    /// the row above repeats its text.
    fn row(&self, row: Node<'_, '_>, above: &[String]) -> Vec<String> {
        let mut cells = Vec::new();
        for cell in elements(row, "tc", 0) {
            let property = |name| xml::child(cell, "tcPr").and_then(|all| xml::child(all, name));
            let goes_on = property("vMerge")
                .is_some_and(|merge| xml::attribute(merge, "val") != Some("restart"));
            let text = if goes_on {
                above.get(cells.len()).map_or("", |above| self.repeats.of(above)).to_owned()
            } else {
                self.cell(cell)
            };
            let span = property("gridSpan").and_then(|span| xml::attribute(span, "val"));
            let span = span.and_then(|span| span.parse::<usize>().ok()).unwrap_or(1).clamp(1, 64);
            cells.push(text);
            cells.resize(cells.len() + span - 1, String::new());
        }
        cells
    }

    fn cell(&self, cell: Node<'_, '_>) -> String {
        let mut lines = Vec::new();
        for paragraph in cell.descendants().filter(|node| xml::name(*node) == "p") {
            let mut line = Line::default();
            self.inline(paragraph, &mut line, 0);
            let text = one_line(&line.text);
            if !text.is_empty() {
                lines.push(text);
            }
        }
        lines.join("\n")
    }
}

/// Collects the text boxes of a drawing. Word stores each twice, the second time for old programs.
fn boxes<'a, 'i>(node: Node<'a, 'i>, line: &mut Line<'a, 'i>) {
    let node = xml::child(node, "Choice").unwrap_or(node);
    let found = node.descendants().filter(|node| xml::name(*node) == "txbxContent");
    // Nested boxes are found when their outer box is read.
    let inner = |found: &Node<'_, '_>| {
        let mut between = found.ancestors().skip(1).take_while(|above| *above != node);
        between.any(|above| matches!(xml::name(above), "txbxContent" | "Fallback"))
    };
    let found: Vec<_> = found.filter(|node| !inner(node)).collect();
    line.boxes.extend(found);
}

/// Returns rows or cells, including those within content controls.
fn elements<'a, 'i>(parent: Node<'a, 'i>, wanted: &str, depth: usize) -> Vec<Node<'a, 'i>> {
    let mut found = Vec::new();
    for node in parent.children() {
        match xml::name(node) {
            name if name == wanted => found.push(node),
            "sdt" | "sdtContent" | "customXml" | "ins" if depth < MAX_DEPTH => {
                found.extend(elements(node, wanted, depth + 1));
            }
            _ => {}
        }
    }
    found
}

/// Trims each line.
fn trimmed(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(one_line).collect();
    lines.join("\n").trim().to_owned()
}

fn reads_like_a_heading(text: &str) -> bool {
    let ends = text.ends_with(['.', ',', ';', ':', '!']);
    !ends && !text.contains('\n') && text.chars().count() <= BOLD_HEADING
}
