//! Reads Excel workbooks into blocks: every visible sheet, cells as Excel shows them. Calculates
//! nothing: a formula has the value from the last save.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};

use super::archive::Archive;
use super::limits::{Budget, MAX_CELLS, MAX_TEXT, Repeats, too_much_text};
use super::sheets::{self, MAX_COLUMNS, Sheet};
use super::{ExtractedDocument, Unreadable, encoding};

mod number;

/// Name of the format in errors.
pub(super) const WHAT: &str = "Excel workbook";
/// Maximum merged areas that are filled.
const MAX_MERGED: usize = 20_000;
/// Maximum size of shared strings, and of any other part except sheets and pictures, in bytes.
const MAX_SHARED: u64 = 32 * 1024 * 1024;
/// Maximum size of the workbook structure, in bytes: the reader keeps all of it in memory.
const MAX_FRAME: u64 = 4 * 1024 * 1024;
/// Maximum size of the cell styles, in bytes.
const MAX_STYLES: u64 = 16 * 1024 * 1024;
/// Name prefixes of parts that are not read.
const UNREAD: [&str; 3] = ["pivotcacherecords", "pivotcachedefinition", "externallink"];
/// Names in the files of the workbook structure and of other small parts.
const FRAME: [&str; 4] = ["styles", "workbook", "theme", "[content_types]"];

type Workbook<'a> = Xlsx<Cursor<&'a [u8]>>;
/// Cells of a sheet by row and column, both from 0.
type Cells = BTreeMap<u32, BTreeMap<u32, String>>;

/// Reads a workbook.
pub(super) fn read(bytes: &[u8], title: String) -> Result<ExtractedDocument, Unreadable> {
    Archive::open(bytes, WHAT)?.measure(most_of)?;
    let damaged = |_| Unreadable::Damaged(WHAT);
    let mut workbook: Workbook<'_> = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let (mut found, mut warnings, mut left) = (Vec::new(), Vec::new(), CellBudgets::default());
    for sheet in workbook.sheets_metadata().to_vec() {
        if sheet.typ != SheetType::WorkSheet {
            continue;
        }
        if sheet.visible != SheetVisible::Visible {
            warnings.push(format!("sheet {} is hidden: it was not read", sheet.name));
            continue;
        }
        let mut cells = cells(&mut workbook, &sheet.name, &mut left)?;
        fill_down(&mut workbook, (&sheet.name, &mut cells), &mut left);
        found.push(Sheet { name: sheet.name, rows: dense(cells, &mut left)? });
    }
    let (blocks, odd) = sheets::blocks(found)?;
    warnings.extend(odd);
    Ok(ExtractedDocument { title, blocks, warnings })
}

/// Returns the maximum size of a part of the archive, by its name.
fn most_of(name: &str) -> u64 {
    // The reader normalises names in the same way.
    let name = name.replace('\\', "/").to_ascii_lowercase();
    // Parts kept in memory are recognised by file name in any folder, because the file itself
    // defines the workbook's folder.
    let file = name.rsplit('/').next().unwrap_or_default();
    let ending = file.rsplit('.').next().unwrap_or_default();
    let is_frame =
        ending == "rels" || (ending == "xml" && FRAME.iter().any(|part| file.contains(part)));
    let is_unread = name.starts_with("xl/worksheets/sheet")
        || name.contains("/media/")
        || name.starts_with("customxml/item")
        || UNREAD.iter().any(|start| file.starts_with(start));
    if file == "styles.xml" {
        MAX_STYLES
    } else if is_frame {
        MAX_FRAME
    } else if is_unread && file != "sharedstrings.xml" {
        u64::MAX
    } else {
        MAX_SHARED
    }
}

/// What may still be read of the file.
struct CellBudgets {
    cells: Budget,
    text: Budget,
    /// Including the empty cells before used ones.
    places: Budget,
    repeats: Repeats,
}

impl Default for CellBudgets {
    fn default() -> Self {
        Self {
            cells: Budget::new(MAX_CELLS),
            text: Budget::new(MAX_TEXT),
            places: Budget::new(2 * MAX_CELLS),
            repeats: Repeats::default(),
        }
    }
}

fn too_many(most: usize) -> Unreadable {
    Unreadable::TooMany { what: "cells", most }
}

fn cells(
    workbook: &mut Workbook<'_>,
    sheet: &str,
    left: &mut CellBudgets,
) -> Result<Cells, Unreadable> {
    let damaged = |_| Unreadable::Damaged(WHAT);
    let mut reader = workbook.worksheet_cells_reader(sheet).map_err(damaged)?;
    let mut cells = Cells::new();
    while let Some((cell, style)) = reader.next_cell_with_style_id().map_err(damaged)? {
        let (row, column) = cell.get_position();
        let format = reader.styles().get(style).and_then(|style| style.number_format.as_ref());
        let text = shown(cell.get_value(), format.map_or("", |format| &format.format_code));
        if !text.is_empty() && column as usize <= MAX_COLUMNS {
            if !left.cells.take(1) {
                return Err(too_many(MAX_CELLS));
            }
            if !left.text.take(text.len()) {
                return Err(too_much_text());
            }
            cells.entry(row).or_default().insert(column, text);
        }
    }
    Ok(cells)
}

/// Returns a cell's value as Excel shows it.
#[expect(clippy::cast_precision_loss, reason = "to Excel every number is a float")]
fn shown(value: &DataRef<'_>, format: &str) -> String {
    match value {
        DataRef::String(text) => encoding::clean(text).trim().to_owned(),
        DataRef::SharedString(text) => encoding::clean(text).trim().to_owned(),
        DataRef::Int(number) => number::shown(*number as f64, format),
        DataRef::Float(number) => number::shown(*number, format),
        DataRef::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        DataRef::DateTime(value) => number::date(value),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// Copies a cell merged over several rows into each of them.
fn fill_down(
    workbook: &mut Workbook<'_>,
    (sheet, cells): (&str, &mut Cells),
    left: &mut CellBudgets,
) {
    let Ok(merged) = workbook.merge_cells_by_sheet_name(sheet) else { return };
    for area in merged.into_iter().take(MAX_MERGED) {
        let (row, column) = area.start;
        let Some(text) = cells.get(&row).and_then(|row| row.get(&column)).cloned() else {
            continue;
        };
        let Some(below) = row.checked_add(1).filter(|below| *below <= area.end.0) else { continue };
        for (_, row) in cells.range_mut(below..=area.end.0) {
            let again = left.repeats.of(&text);
            if again.is_empty() || !left.cells.take(1) {
                return;
            }
            row.entry(column).or_insert_with(|| again.to_owned());
        }
    }
}

fn dense(cells: Cells, left: &mut CellBudgets) -> Result<Vec<(usize, Vec<String>)>, Unreadable> {
    let row = |(number, cells): (u32, BTreeMap<u32, String>)| {
        let width = cells.last_key_value().map_or(0, |(column, _)| *column as usize + 1);
        if !left.places.take(width) {
            return Err(too_many(2 * MAX_CELLS));
        }
        let mut row = Vec::with_capacity(width);
        for (column, text) in cells {
            row.resize(column as usize, String::new());
            row.push(text);
        }
        Ok((number as usize + 1, row))
    };
    cells.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_nobody_reads_have_no_bound_of_their_own_and_those_that_are_held_do() {
        for unread in [
            "xl/pivotCache/pivotCacheRecords1.xml",
            "xl/externalLinks/externalLink1.xml",
            "customXml/item1.xml",
            "xl/worksheets/sheet1.xml",
            "xl\\worksheets\\sheet1.xml",
            "xl/media/theme.png",
        ] {
            assert_eq!(most_of(unread), u64::MAX, "{unread}");
        }
        // The file itself defines the workbook's folder.
        for folder in [
            "xl/",
            "xl/pivotCache/",
            "xl/media/",
            "customXml/item/",
            "xl/worksheets/sheets/",
            "xl\\worksheets\\sheets\\",
        ] {
            let most = |file: &str| most_of(&format!("{folder}{file}"));
            assert_eq!(most("sharedStrings.xml"), MAX_SHARED, "{folder}");
            assert_eq!(most("styles.xml"), MAX_STYLES, "{folder}");
            assert_eq!(most("workbook.xml"), MAX_FRAME, "{folder}");
            assert_eq!(most("_rels/workbook.xml.rels"), MAX_FRAME, "{folder}");
        }
    }
}
