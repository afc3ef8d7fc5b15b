//! Excel workbooks to blocks: every sheet that is shown, its cells as Excel shows them. Calculates nothing: a formula is
//! what it had come to when the file was saved.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};

use super::archive::Archive;
use super::sheets::{self, MAX_CELLS, MAX_COLUMNS, Sheet};
use super::{Extracted, Unreadable, encoding, rows};

mod number;

/// What this format is called where it cannot be read.
const WHAT: &str = "Excel workbook";
/// The most merged areas that are looked at.
const MAX_MERGED: usize = 20_000;

type Workbook<'a> = Xlsx<Cursor<&'a [u8]>>;
/// The cells of a sheet by row and column, both from 0.
type Cells = BTreeMap<u32, BTreeMap<u32, String>>;

/// Reads a workbook.
pub(super) fn read(bytes: &[u8], title: String) -> Result<Extracted, Unreadable> {
    Archive::open(bytes, WHAT)?.measure()?;
    let damaged = |_| Unreadable::Damaged(WHAT);
    let mut workbook: Workbook<'_> = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let (mut found, mut warnings, mut left) = (Vec::new(), Vec::new(), MAX_CELLS);
    for sheet in workbook.sheets_metadata().to_vec() {
        if sheet.typ != SheetType::WorkSheet {
            continue;
        }
        if sheet.visible != SheetVisible::Visible {
            warnings.push(format!("sheet {} is hidden: it was not read", sheet.name));
            continue;
        }
        let mut cells = cells(&mut workbook, &sheet.name, &mut left).map_err(damaged)?;
        if left == 0 {
            return Err(Unreadable::TooManyRows(rows::MAX_ROWS));
        }
        fill_down(&mut workbook, &sheet.name, &mut cells);
        found.push(Sheet { name: sheet.name, rows: dense(cells) });
    }
    let (blocks, odd) = sheets::blocks(found)?;
    warnings.extend(odd);
    Ok(Extracted { title, blocks, warnings })
}

fn cells(
    workbook: &mut Workbook<'_>,
    sheet: &str,
    left: &mut usize,
) -> Result<Cells, calamine::XlsxError> {
    let mut reader = workbook.worksheet_cells_reader(sheet)?;
    let mut cells = Cells::new();
    while *left > 0 {
        let Some((cell, style)) = reader.next_cell_with_style_id()? else { break };
        let (row, column) = cell.get_position();
        let format = reader.styles().get(style).and_then(|style| style.number_format.as_ref());
        let text = shown(cell.get_value(), format.map_or("", |format| &format.format_code));
        if !text.is_empty() && column as usize <= MAX_COLUMNS {
            *left -= 1;
            cells.entry(row).or_default().insert(column, text);
        }
    }
    Ok(cells)
}

/// A cell's value as Excel shows it.
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

/// A cell that is merged over several rows counts for each of them.
fn fill_down(workbook: &mut Workbook<'_>, sheet: &str, cells: &mut Cells) {
    let Ok(merged) = workbook.merge_cells_by_sheet_name(sheet) else { return };
    for area in merged.into_iter().take(MAX_MERGED) {
        let (row, column) = area.start;
        let Some(text) = cells.get(&row).and_then(|row| row.get(&column)).cloned() else {
            continue;
        };
        let Some(below) = row.checked_add(1).filter(|below| *below <= area.end.0) else { continue };
        for (_, row) in cells.range_mut(below..=area.end.0) {
            row.entry(column).or_insert_with(|| text.clone());
        }
    }
}

fn dense(cells: Cells) -> Vec<(usize, Vec<String>)> {
    let row = |(number, cells): (u32, BTreeMap<u32, String>)| {
        let mut row = Vec::new();
        for (column, text) in cells {
            row.resize(column as usize, String::new());
            row.push(text);
        }
        (number as usize + 1, row)
    };
    cells.into_iter().map(row).collect()
}
