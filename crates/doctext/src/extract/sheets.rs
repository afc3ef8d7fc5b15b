//! Turns spreadsheet sheets of any program into blocks: one block for each row, below a heading for
//! the sheet.

use super::rows::{self, Table};
use super::{Block, Unreadable};

/// Maximum columns read of a sheet.
pub(super) const MAX_COLUMNS: usize = 1000;

/// A sheet with its cells as shown.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// Name on its tab.
    pub(super) name: String,
    /// Rows that are not empty, with their numbers from 1; cells are trimmed.
    pub(super) rows: Vec<(usize, Vec<String>)>,
}

/// Returns the blocks of all sheets, and warnings.
pub(super) fn blocks(sheets: Vec<Sheet>) -> Result<(Vec<Block>, Vec<String>), Unreadable> {
    let sheets: Vec<Sheet> = sheets.into_iter().filter(|sheet| !sheet.rows.is_empty()).collect();
    let several = sheets.len() > 1;
    let (mut blocks, mut warnings) = (Vec::new(), Vec::new());
    for sheet in sheets {
        blocks.push(Block::Place(format!("sheet {}", sheet.name)));
        if several && !sheet.name.is_empty() {
            blocks.push(Block::Heading { level: 1, text: sheet.name.clone() });
        }
        let name = sheet.name.clone();
        let (own, odd) = read(sheet)?;
        blocks.extend(own);
        warnings.extend(odd.into_iter().map(|warning| format!("sheet {name}, {warning}")));
    }
    Ok((blocks, rows::limited(warnings)))
}

/// Reads a sheet. Lines above the table are its title and remarks; the header follows.
fn read(sheet: Sheet) -> Result<(Vec<Block>, Vec<String>), Unreadable> {
    let used = |row: &[String]| row.iter().filter(|cell| !cell.is_empty()).count();
    let widest = sheet.rows.iter().map(|(_, row)| used(row)).max().unwrap_or(0);
    let lines =
        if widest > 1 { sheet.rows.iter().take_while(|(_, row)| used(row) < 2).count() } else { 0 };
    let (mut blocks, mut table) = (Vec::new(), Table::default());
    for (index, (number, row)) in sheet.rows.into_iter().enumerate() {
        if index < lines {
            blocks.extend(row.into_iter().filter(|cell| !cell.is_empty()).map(Block::Paragraph));
        } else if widest < 2 {
            blocks.extend(row.into_iter().filter(|cell| !cell.is_empty()).map(Block::Paragraph));
        } else {
            table.add(&row, number)?;
        }
    }
    blocks.extend(table.blocks);
    Ok((blocks, table.warnings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(name: &str, text: &str) -> Sheet {
        let row = |line: &str| line.split('|').map(str::to_owned).collect();
        Sheet { name: name.to_owned(), rows: (1..).zip(text.lines().map(row)).collect() }
    }

    #[test]
    fn lines_above_the_table_are_text_and_sheets_are_told_apart() {
        let sheets = vec![
            sheet("Prices", "Price list 2026|\n|\nItem|Price\nBell|2 €"),
            sheet("Empty", ""),
            sheet("FAQ", "Question|Answer\nOpen?|Daily."),
        ];
        let (blocks, warnings) = blocks(sheets).unwrap();
        let place = |text: &str| Block::Place(text.to_owned());
        let heading = |text: &str| Block::Heading { level: 1, text: text.to_owned() };
        let expected = [
            place("sheet Prices"),
            heading("Prices"),
            Block::Paragraph("Price list 2026".into()),
            Block::Row(vec![("Item".into(), "Bell".into()), ("Price".into(), "2 €".into())]),
            place("sheet FAQ"),
            heading("FAQ"),
            Block::Pair { question: "Open?".into(), answer: "Daily.".into() },
        ];
        assert_eq!((&blocks[..], warnings.len()), (&expected[..], 0));
    }

    #[test]
    fn a_sheet_of_one_column_is_text() {
        let (blocks, _) =
            blocks(vec![sheet("Notes", "We close early.\nOn Sundays, too.")]).unwrap();
        assert_eq!(blocks.len(), 3);
        assert_eq!(blocks[1], Block::Paragraph("We close early.".into()));
    }
}
