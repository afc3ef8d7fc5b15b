//! Reads PowerPoint presentations into blocks, in presentation order: titles, text, tables and
//! speaker notes. Skips hidden slides, pictures and charts.

use std::collections::{HashMap, HashSet};

use roxmltree::Node;

use super::limits::Repeats;
use super::package::{Package, Relation};
use super::{Block, ExtractedDocument, Unreadable, one_line, rows, xml};

/// Name of the format in errors.
const WHAT: &str = "PowerPoint presentation";
/// Maximum nesting of groups.
const MAX_DEPTH: usize = 24;

/// Reads a presentation. Its title is the title property, else the first slide's title, else
/// `name`.
pub(super) fn read(bytes: &[u8], name: String) -> Result<ExtractedDocument, Unreadable> {
    let mut package = Package::open(bytes, WHAT)?;
    let (path, text) = package.main("ppt/presentation.xml")?;
    let document = xml::parse(&text).ok_or_else(|| package.damaged())?;
    let parts = package.relations(&path)?;
    let slides = document.descendants().filter(|node| xml::name(*node) == "sldId");
    // A slide also has an id of its own; the one with a namespace refers to the part.
    let ids = slides.flat_map(|node| node.attributes().filter(|a| a.name() == "id"));
    let paths: Vec<String> = ids
        .filter_map(|id| parts.get(id.value()))
        .filter(|part| part.kind == "slide")
        .map(|part| part.target.clone())
        .collect();
    // A slide can be listed twice.
    let mut read = HashSet::new();
    let paths = paths.into_iter().filter(|path| read.insert(path.clone()));
    let (mut blocks, mut warnings, mut first) = (Vec::new(), Vec::new(), None);
    for (number, path) in (1..).zip(paths) {
        match read_slide(&mut package, &path)? {
            Some(slide) if slide.hidden => {
                warnings.push(format!("slide {number} is hidden: it was not read"));
            }
            Some(slide) => {
                if let Some(Block::Heading { text, .. }) = slide.blocks.first() {
                    first.get_or_insert_with(|| text.clone());
                }
                blocks.push(Block::Place(format!("slide {number}")));
                blocks.extend(slide.blocks);
            }
            None => warnings.push(format!("slide {number} is damaged: it was not read")),
        }
    }
    let title = package.title().filter(|title| title != "PowerPoint Presentation");
    let title = title.or(first).unwrap_or(name);
    Ok(ExtractedDocument { title, blocks, warnings: rows::limited(warnings) })
}

#[derive(Default)]
struct Slide {
    blocks: Vec<Block>,
    hidden: bool,
}

fn read_slide(package: &mut Package<'_>, path: &str) -> Result<Option<Slide>, Unreadable> {
    let Some(text) = package.part(path)? else { return Ok(None) };
    let Some(document) = xml::parse(&text) else { return Ok(None) };
    let relations = package.relations(path)?;
    let hidden = xml::attribute(document.root_element(), "show") == Some("0");
    let mut reader =
        Reader { relations, title: None, blocks: Vec::new(), repeats: Repeats::default() };
    if let Some(tree) = xml::below(document.root(), "spTree") {
        reader.shapes(tree, 0);
    }
    let notes = reader.relations.values().find(|part| part.kind == "notesSlide");
    let notes = notes.map(|part| package.part(&part.target)).transpose()?.flatten();
    let title = reader.title.map(|text| Block::Heading { level: 1, text });
    let mut blocks: Vec<Block> = title.into_iter().chain(reader.blocks).collect();
    blocks.extend(notes.and_then(|text| self::notes(&text)).map(Block::Paragraph));
    Ok(Some(Slide { blocks, hidden }))
}

/// Returns the speaker notes of a slide.
fn notes(text: &str) -> Option<String> {
    let document = xml::parse(text)?;
    let shapes = document.descendants().filter(|node| xml::name(*node) == "sp");
    let mut lines = Vec::new();
    for shape in shapes.filter(|shape| placeholder(*shape) == Some("body")) {
        let paragraphs = shape.descendants().filter(|node| xml::name(*node) == "p");
        lines.extend(paragraphs.map(|p| line(p, &HashMap::new())).filter(|line| !line.is_empty()));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

struct Reader {
    relations: HashMap<String, Relation>,
    title: Option<String>,
    blocks: Vec<Block>,
    repeats: Repeats,
}

impl Reader {
    fn shapes(&mut self, parent: Node<'_, '_>, depth: usize) {
        for node in parent.children() {
            match xml::name(node) {
                "sp" => self.shape(node),
                "graphicFrame" => {
                    if let Some(table) = xml::below(node, "tbl") {
                        self.table(table);
                    }
                }
                "AlternateContent" if depth < MAX_DEPTH => {
                    if let Some(choice) = xml::child(node, "Choice") {
                        self.shapes(choice, depth + 1);
                    }
                }
                "grpSp" if depth < MAX_DEPTH => self.shapes(node, depth + 1),
                _ => {}
            }
        }
    }

    fn shape(&mut self, shape: Node<'_, '_>) {
        let kind = placeholder(shape);
        if matches!(kind, Some("sldNum" | "dt" | "ftr" | "hdr")) {
            return;
        }
        let Some(body) = xml::child(shape, "txBody") else { return };
        let paragraphs = body.children().filter(|node| xml::name(*node) == "p");
        if matches!(kind, Some("title" | "ctrTitle")) && self.title.is_none() {
            let lines: Vec<String> = paragraphs.map(|p| line(p, &self.relations)).collect();
            let title = one_line(&lines.join(" "));
            self.title = (!title.is_empty()).then_some(title);
            return;
        }
        // The layout gives body text its bullets.
        let listed = matches!(kind, Some("body" | "obj" | ""));
        let mut numbers = [0_u32; 9];
        for paragraph in paragraphs {
            let text = line(paragraph, &self.relations);
            if !text.is_empty() {
                let block = block(paragraph, text, listed, &mut numbers);
                self.blocks.push(block);
            }
        }
    }

    fn table(&mut self, table: Node<'_, '_>) {
        let headed = xml::child(table, "tblPr")
            .map(|all| matches!(xml::attribute(all, "firstRow"), Some("1" | "true")));
        let mut found: Vec<Vec<String>> = Vec::new();
        for row in table.children().filter(|node| xml::name(*node) == "tr") {
            let above = found.last();
            let mut cells: Vec<String> = Vec::new();
            for cell in row.children().filter(|node| xml::name(*node) == "tc") {
                let goes_on = matches!(xml::attribute(cell, "vMerge"), Some("1" | "true"));
                let above = above.and_then(|row| row.get(cells.len())).filter(|_| goes_on);
                let paragraphs = cell.descendants().filter(|node| xml::name(*node) == "p");
                let lines = paragraphs.map(|p| line(p, &self.relations));
                let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
                let above = above.map(|above| self.repeats.of(above).to_owned());
                cells.push(above.unwrap_or_else(|| lines.join("\n")));
            }
            found.push(cells);
        }
        self.blocks.extend(rows::table(found, headed.filter(|headed| *headed)));
    }
}

/// Returns the placeholder type of a shape: `title`, `body`; empty for main content; `None` if it
/// is no placeholder.
fn placeholder<'a>(shape: Node<'a, '_>) -> Option<&'a str> {
    let properties = xml::child(shape, "nvSpPr").and_then(|all| xml::child(all, "nvPr"));
    let holder = properties.and_then(|all| xml::child(all, "ph"))?;
    Some(xml::attribute(holder, "type").unwrap_or_default())
}

/// Returns a paragraph, as a list item if it has a bullet or a number.
fn block(paragraph: Node<'_, '_>, text: String, listed: bool, numbers: &mut [u32; 9]) -> Block {
    let properties = xml::child(paragraph, "pPr");
    let has = |name| properties.is_some_and(|all| xml::child(all, name).is_some());
    let level = properties.and_then(|all| xml::attribute(all, "lvl"));
    let level = level.and_then(|level| level.parse::<u8>().ok()).unwrap_or(0).min(8);
    let numbered = has("buAutoNum");
    for (depth, number) in numbers.iter_mut().enumerate().skip(usize::from(level)) {
        *number = if depth == usize::from(level) && numbered { *number + 1 } else { 0 };
    }
    let number = numbers.get(usize::from(level)).copied().unwrap_or(0);
    if numbered {
        Block::Item { level, marker: format!("{number}."), text }
    } else if has("buChar") || has("buBlip") || (listed && !has("buNone")) {
        Block::Item { level, marker: "-".to_owned(), text }
    } else {
        Block::Paragraph(text)
    }
}

/// Returns the text of a paragraph, with the URLs of its links.
fn line(paragraph: Node<'_, '_>, relations: &HashMap<String, Relation>) -> String {
    let mut text = String::new();
    for node in paragraph.children() {
        match xml::name(node) {
            "r" | "fld" => {
                let run: String = xml::child(node, "t").map(xml::text).unwrap_or_default();
                let link = xml::child(node, "rPr").and_then(|all| xml::child(all, "hlinkClick"));
                let target = link.and_then(|link| xml::attribute(link, "id"));
                let target = target.and_then(|id| relations.get(id)).filter(|part| part.external);
                let address = target
                    .map(|part| super::address::address_after(&run, &part.target))
                    .unwrap_or_default();
                text.push_str(&run);
                text.push_str(&address);
            }
            "br" => text.push('\n'),
            _ => {}
        }
    }
    text.lines().map(one_line).collect::<Vec<_>>().join("\n").trim().to_owned()
}
