//! Turns blocks into texts that stay together if they fit: a paragraph, a list with its introducing
//! line, a table with its header.

use super::split::Measure;
use crate::extract::Block;

/// Returns the texts of blocks in reading order, each within the maximum size.
pub(super) fn units(blocks: &[Block], measure: Measure) -> Vec<String> {
    let mut units = Vec::new();
    let mut rest = blocks;
    while let Some((block, after)) = rest.split_first() {
        let introduces = |text: &str| text.ends_with([':', '：']) && measure.is_repeatable(text);
        let (intro, run) = match (block, after.first()) {
            (Block::Paragraph(text), Some(Block::Item { .. } | Block::Table { .. }))
                if introduces(text) =>
            {
                (text.as_str(), after)
            }
            _ => ("", rest),
        };
        let (mut read, unit) = unit(intro, run, measure);
        read += rest.len() - run.len();
        units.extend(unit);
        rest = rest.get(read.max(1)..).unwrap_or_default();
    }
    units
}

/// Returns the texts of a block, or of a run of list items, and how many blocks that were.
fn unit(intro: &str, blocks: &[Block], measure: Measure) -> (usize, Vec<String>) {
    match blocks.first() {
        Some(Block::Item { .. }) => {
            let items =
                blocks.iter().take_while(|block| matches!(block, Block::Item { .. })).count();
            (items, list(intro, blocks.get(..items).unwrap_or_default(), measure))
        }
        Some(Block::Table { header, rows }) => (1, table(intro, header, rows, measure)),
        Some(Block::Code(text)) if !measure.fits(text) => {
            (1, measure.fill("", &text.lines().map(str::to_owned).collect::<Vec<_>>(), "\n"))
        }
        Some(Block::Paragraph(text) | Block::Code(text) | Block::Heading { text, .. }) => {
            (1, if measure.fits(text) { vec![text.clone()] } else { measure.split(text) })
        }
        Some(Block::Row(_) | Block::Pair { .. } | Block::Place(_)) | None => (1, Vec::new()),
    }
}

/// Returns a list as one text, or as parts of as many items as fit, each below the introducing
/// line.
fn list(intro: &str, items: &[Block], measure: Measure) -> Vec<String> {
    let lines: Vec<String> = items.iter().filter_map(item).collect();
    let whole = [intro]
        .into_iter()
        .filter(|intro| !intro.is_empty())
        .chain(lines.iter().map(String::as_str));
    let whole = whole.collect::<Vec<_>>().join("\n");
    if measure.fits(&whole) {
        vec![whole]
    } else {
        measure.fill(intro, &grouped(items, &lines, measure), "\n")
    }
}

/// Groups the lines of the outer list with their inner lines, unless a group gets too large.
fn grouped(items: &[Block], lines: &[String], measure: Measure) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for (block, line) in items.iter().zip(lines) {
        let inner =
            matches!(block, Block::Item { level, marker, .. } if *level > 0 || marker.is_empty());
        match groups
            .last_mut()
            .filter(|group| inner && measure.is_repeatable(&format!("{group}\n{line}")))
        {
            Some(group) => {
                group.push('\n');
                group.push_str(line);
            }
            None => groups.push(line.clone()),
        }
    }
    groups
}

/// Formats an item as an indented line.
fn item(block: &Block) -> Option<String> {
    let Block::Item { level, marker, text } = block else { return None };
    let indent = "  ".repeat(usize::from(*level).min(4));
    let hang = " ".repeat(marker.chars().count().clamp(2, 4));
    let text = text.replace('\n', &format!("\n{indent}{hang}"));
    let marker = if marker.is_empty() { "  ".to_owned() } else { format!("{marker} ") };
    Some(format!("{indent}{marker}{text}"))
}

/// Formats a table as lines that can be understood alone. Two columns: `Monday: 9 to 17`, below the
/// column names. More columns: `Plan: short; Months: 6`.
fn table(intro: &str, header: &[String], rows: &[Vec<String>], measure: Measure) -> Vec<String> {
    let narrow = rows.iter().all(|row| row.len() <= 2) && header.len() <= 2;
    let names = labelled_cells(&[], header);
    let head = if narrow || rows.is_empty() { names } else { String::new() };
    let mut lines: Vec<String> =
        rows.iter().map(|row| labelled_cells(if narrow { &[] } else { header }, row)).collect();
    if !narrow {
        lines.splice(..0, unused(header, rows));
    }
    let prefix =
        [intro, &head].into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    if lines.is_empty() || !measure.is_repeatable(&prefix) {
        let all: Vec<String> = prefix.lines().map(str::to_owned).chain(lines).collect();
        return measure.fill("", &all, "\n");
    }
    measure.fill(&prefix, &lines, "\n")
}

/// Names of columns without cells, on one line.
fn unused(header: &[String], rows: &[Vec<String>]) -> Option<String> {
    let is_empty =
        |column: usize| rows.iter().all(|row| row.get(column).is_none_or(String::is_empty));
    let names =
        header.iter().enumerate().filter(|(column, name)| !name.is_empty() && is_empty(*column));
    let names: Vec<&str> = names.map(|(_, name)| name.as_str()).collect();
    (!names.is_empty() && !rows.is_empty()).then(|| names.join("; "))
}

fn labelled_cells(header: &[String], row: &[String]) -> String {
    let names = header.iter().map(String::as_str).chain(std::iter::repeat(""));
    let cells = names.zip(row).filter(|(_, cell)| !cell.is_empty());
    let cells: Vec<String> = cells.map(|(name, cell)| labelled(name, cell)).collect();
    cells.join(if !header.is_empty() {
        "; "
    } else if row.len() <= 2 {
        ": "
    } else {
        " | "
    })
}

/// Formats `Name: cell`, or only the cell if it has no name.
pub(super) fn labelled(name: &str, cell: &str) -> String {
    if name.is_empty() {
        cell.to_owned()
    } else {
        format!("{}: {cell}", name.trim_end_matches(':'))
    }
}
