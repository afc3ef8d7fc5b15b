//! Turns the parts of all pages into blocks: detects headings by size, list items, and running
//! heads. Knows no positions on a page except top and bottom.

use std::collections::HashMap;

use super::layout::{Line, PageLayout, Part};
use super::lines::is_wide;
use crate::extract::{Block, one_line, rows};

/// Minimum size of a heading, relative to the text.
const LARGER: f64 = 1.12;
/// Maximum length of a heading, in characters.
const MAX_HEADING: usize = 160;
/// Maximum length of a bold heading, in characters.
const MAX_BOLD: usize = 90;
/// Minimum pages with the same text at top or bottom to be a running head.
const MIN_RUNNING_HEAD_PAGES: usize = 3;

/// Returns the blocks of a document, and its largest heading on the first page with text.
pub(super) fn blocks(mut layouts: Vec<PageLayout>) -> (Vec<Block>, Option<String>) {
    remove_running_heads(&mut layouts);
    let sizes = Sizes::of(&layouts);
    let mut blocks: Vec<Block> = Vec::new();
    let mut title: Option<(u8, String)> = None;
    for (number, layout) in (1_usize..).zip(&layouts) {
        let mut own: Vec<Block> = layout.parts.iter().flat_map(|part| sizes.shape(part)).collect();
        if title.is_none() && !own.is_empty() {
            let headings = own.iter().filter_map(|block| match block {
                Block::Heading { level, text } => Some((*level, text.clone())),
                _ => None,
            });
            title = Some(headings.min_by_key(|(level, _)| *level).unwrap_or_default());
        }
        if let Some(last) = blocks.last_mut() {
            go_on(last, &mut own);
        }
        if !own.is_empty() {
            blocks.push(Block::Place(format!("page {number}")));
            blocks.append(&mut own);
        }
    }
    (blocks, title.map(|(_, text)| text).filter(|text| !text.is_empty()))
}

/// Joins content across a page break: a sentence belongs to the page where it starts, a table keeps
/// its header.
fn go_on(last: &mut Block, own: &mut Vec<Block>) {
    match (last, own.first_mut()) {
        (Block::Paragraph(text) | Block::Item { text, .. }, Some(Block::Paragraph(more))) => {
            let open =
                !text.ends_with(['.', '!', '?', ':', '。', '！', '？', '।', '؟', '…', '"', '”']);
            if open && more.starts_with(char::is_lowercase) {
                join(text, more, false);
                own.remove(0);
            }
        }
        (Block::Table { header: above, .. }, Some(Block::Table { header, rows })) => {
            let columns = rows.first().map_or(header.len(), Vec::len);
            if above.len() == columns && !above.is_empty() && above != header {
                let first = std::mem::replace(header, above.clone());
                if !first.is_empty() {
                    rows.insert(0, first);
                }
            }
        }
        _ => {}
    }
}

/// Removes running heads and page numbers.
fn remove_running_heads(layouts: &mut [PageLayout]) {
    let pages = layouts.len();
    if pages < 2 {
        return;
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for layout in layouts.iter() {
        let mut keys: Vec<String> =
            edges(layout).filter_map(|at| layout.parts.get(at)).map(key).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            *seen.entry(key).or_default() += 1;
        }
    }
    for layout in layouts {
        let printed: Vec<usize> = edges(layout)
            .filter(|at| {
                layout.parts.get(*at).is_some_and(|part| {
                    let key = key(part);
                    let often = seen.get(&key).copied().unwrap_or(0);
                    is_number(&key) || (often >= MIN_RUNNING_HEAD_PAGES && often * 2 > pages)
                })
            })
            .collect();
        let mut at = 0;
        layout.parts.retain(|_| {
            at += 1;
            !printed.contains(&(at - 1))
        });
    }
}

/// Returns the two topmost and the two bottom parts of a page, if they are short.
fn edges(layout: &PageLayout) -> impl Iterator<Item = usize> + use<> {
    let y = |part: &Part| match part {
        Part::Text(lines) => lines.first().map_or(0.0, |line| line.span.y),
        Part::Table { y, .. } => *y,
    };
    let mut order: Vec<(usize, f64)> = layout.parts.iter().map(y).enumerate().collect();
    order.sort_by(|one, other| one.1.total_cmp(&other.1));
    let count = order.len();
    let near = order.into_iter().enumerate().filter(move |(at, _)| *at < 2 || at + 2 >= count);
    let short: Vec<usize> = near
        .map(|(_, (index, _))| index)
        .filter(
            |index| matches!(layout.parts.get(*index), Some(Part::Text(lines)) if lines.len() <= 2),
        )
        .collect();
    short.into_iter()
}

/// Returns a text with its numbers masked, to compare it with other pages.
fn key(part: &Part) -> String {
    let Part::Text(lines) = part else { return String::new() };
    let text: Vec<&str> = lines.iter().map(|line| line.span.text.as_str()).collect();
    let text = text.join(" ").to_lowercase();
    let mut key = String::new();
    for c in text.chars() {
        let c = if c.is_numeric() { '#' } else { c };
        if !(c == '#' && key.ends_with('#')) {
            key.push(c);
        }
    }
    key
}

/// Whether a text is only a page number, such as `- 3 -`, `Page 3 of 12`, `3 / 12`.
fn is_number(key: &str) -> bool {
    const WORDS: &[&str] = &[
        "page",
        "seite",
        "página",
        "pagina",
        "pág",
        "pag",
        "p",
        "of",
        "von",
        "de",
        "di",
        "sur",
        "страница",
        "стр",
        "из",
        "ページ",
        "第",
        "页",
        "頁",
    ];
    key.contains('#')
        && key
            .split(|c: char| !c.is_alphabetic())
            .all(|word| word.is_empty() || WORDS.contains(&word))
        && key.chars().count() <= 24
}

/// Font sizes of a document.
struct Sizes {
    /// Size of most letters.
    body: f64,
    /// Sizes of headings, largest first.
    headings: Vec<i32>,
    /// Whether bold is significant: most letters are not bold.
    bold: bool,
}

/// Converts a size to half points.
#[expect(
    clippy::cast_possible_truncation,
    reason = "letters are some points high; `as` bounds the rest"
)]
fn half_points(size: f64) -> i32 {
    (size * 2.0).round().min(10_000.0) as i32
}

impl Sizes {
    fn of(layouts: &[PageLayout]) -> Self {
        let (mut letters, mut bold, mut all) = (HashMap::<i32, usize>::new(), 0, 0);
        let texts = layouts.iter().flat_map(|layout| &layout.parts).filter_map(|part| match part {
            Part::Text(lines) => Some(lines),
            Part::Table { .. } => None,
        });
        for line in texts.clone().flatten() {
            let count = line.span.text.chars().count();
            *letters.entry(half_points(line.span.size)).or_default() += count;
            all += count;
            bold += if line.span.bold { count } else { 0 };
        }
        let most = letters.iter().max_by_key(|(size, count)| (**count, **size));
        let body = most.map_or(11.0, |(size, _)| f64::from(*size) / 2.0);
        let mut sizes = Self { body, headings: Vec::new(), bold: bold * 3 < all };
        let mut found: Vec<i32> = texts
            .filter(|lines| sizes.is_large(lines))
            .filter_map(|lines| lines.first().map(|line| half_points(line.span.size)))
            .collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.dedup_by(|one, other| (*other - *one).abs() <= 1);
        sizes.headings = found;
        sizes
    }

    fn is_large(&self, lines: &[Line]) -> bool {
        let letters: usize = lines.iter().map(|line| line.span.text.chars().count()).sum();
        let says = lines.iter().any(|line| line.span.text.contains(char::is_alphabetic));
        let listed =
            lines.iter().any(|line| bullet(&line.span.text).is_some_and(|(mark, _)| mark == "-"));
        says && !listed
            && letters <= MAX_HEADING
            && lines.first().is_some_and(|line| line.span.size > self.body * LARGER)
    }

    fn shape(&self, part: &Part) -> Vec<Block> {
        match part {
            Part::Text(lines) => match self.heading(lines) {
                Some(level) => {
                    let text: Vec<&str> =
                        lines.iter().map(|line| line.span.text.as_str()).collect();
                    vec![Block::Heading { level, text: one_line(&text.join(" ")) }]
                }
                None => flow(lines),
            },
            Part::Table { rows, .. } => rows::table(rows.clone(), None),
        }
    }

    fn heading(&self, lines: &[Line]) -> Option<u8> {
        let first = lines.first()?;
        if self.is_large(lines) {
            let size = half_points(first.span.size);
            let at = self.headings.iter().position(|one| (one - size).abs() <= 1).unwrap_or(0);
            return Some(u8::try_from(at + 1).unwrap_or(6).min(5));
        }
        let bold = self.bold && lines.len() == 1 && first.span.bold;
        let text = &first.span.text;
        let reads = !text.ends_with(['.', ',', ';', ':', '!'])
            && bullet(text).is_none()
            && text.contains(char::is_alphabetic)
            && text.chars().count() <= MAX_BOLD;
        (bold && reads).then(|| u8::try_from(self.headings.len() + 1).unwrap_or(6).min(6))
    }
}

/// Turns lines into a paragraph, or into list items if they start with bullets.
fn flow(lines: &[Line]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let left = lines.iter().map(|line| line.span.x).fold(f64::INFINITY, f64::min);
    let mut ended = true;
    for line in lines {
        let text = line.span.text.as_str();
        if let Some((marker, text)) = bullet(text) {
            let level = u8::from(line.span.x > left + line.span.size * 1.5);
            blocks.push(Block::Item { level, marker, text: text.to_owned() });
        } else {
            match blocks.last_mut() {
                Some(Block::Item { text: last, .. } | Block::Paragraph(last)) => {
                    join(last, text, ended);
                }
                _ => blocks.push(Block::Paragraph(text.to_owned())),
            }
        }
        ended = line.ended;
    }
    blocks
}

/// Appends a line, and rejoins a word that was hyphenated at the line end.
fn join(text: &mut String, next: &str, ended: bool) {
    let parted = text.ends_with('-')
        && text.chars().rev().nth(1).is_some_and(char::is_lowercase)
        && next.starts_with(char::is_lowercase);
    if text.ends_with('\u{AD}') || (parted && !ended) {
        text.pop();
    } else if ended {
        text.push('\n');
    } else if !(text.chars().next_back().is_some_and(|c| is_wide(&c.to_string()))
        && next.chars().next().is_some_and(|c| is_wide(&c.to_string())))
    {
        text.push(' ');
    }
    text.push_str(next);
}

/// Splits a list item into marker and text.
fn bullet(line: &str) -> Option<(String, &str)> {
    if let Some(text) =
        line.strip_prefix(['•', '◦', '▪', '●', '○', '■', '‣', '⁃', '∙', '·', '➢', '✓'])
    {
        let text = text.trim_start_matches(['•', ' ']);
        return (!text.is_empty()).then(|| ("-".to_owned(), text));
    }
    if let Some((marker, text)) = line.split_once(' ')
        && matches!(marker, "-" | "–" | "*" | "o")
    {
        return Some(("-".to_owned(), text));
    }
    let (number, text) = line.split_once(['.', ')'])?;
    let short = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    // Some programs leave no space after the number; `2.5` and `3.a` are not list items.
    let begins = text.starts_with(' ') || text.starts_with(char::is_uppercase);
    let text = text.trim_start();
    (short && begins && !text.is_empty()).then(|| (format!("{number}."), text))
}

#[cfg(test)]
mod tests {
    use super::super::lines::Span;
    use super::*;

    fn line(text: &str, size: f64, y: f64, bold: bool) -> Part {
        let span = Span { text: text.into(), x: 50.0, end: 300.0, y, size, bold, right: false };
        Part::Text(vec![Line { span, ended: false }])
    }

    fn layout(parts: Vec<Part>) -> PageLayout {
        PageLayout { parts }
    }

    fn shaped(layouts: Vec<PageLayout>) -> Vec<String> {
        let told = |block: &Block| match block {
            Block::Place(place) => format!("@{place}"),
            Block::Heading { level, text } => format!("{level} {text}"),
            Block::Item { marker, text, .. } => format!("{marker} {text}"),
            Block::Paragraph(text) => text.clone(),
            Block::Table { header, rows } => format!("{header:?} {rows:?}"),
            other => format!("{other:?}"),
        };
        blocks(layouts).0.iter().map(told).collect()
    }

    #[test]
    fn headings_are_larger_or_bold_and_numbered_by_size() {
        let parts = vec![
            line("Terms", 20.0, 10.0, false),
            line("Returns", 14.0, 40.0, false),
            line("A bike may be sent back within thirty days of its delivery.", 10.0, 60.0, false),
            line("Exceptions", 10.0, 80.0, true),
            line("Gift cards are not taken back, whatever the reason is.", 10.0, 90.0, false),
        ];
        let found = shaped(vec![layout(parts)]);
        assert_eq!(found[1..3], ["1 Terms", "2 Returns"]);
        assert_eq!(found[4], "3 Exceptions");
    }

    #[test]
    fn what_is_printed_on_every_page_is_dropped_and_sentences_go_on_over_pages() {
        let page = |number: usize, text: &str| {
            layout(vec![
                line("Saltmarsh Cycles", 8.0, 10.0, false),
                line(text, 10.0, 100.0, false),
                line(&format!("Page {number} of 4"), 8.0, 800.0, false),
            ])
        };
        let layouts = vec![
            page(1, "We deliver to every"),
            page(2, "address on the island."),
            page(3, "Somebody has to sign, or the deliv-"),
            page(4, "ery is repeated."),
        ];
        let expected = [
            "@page 1",
            "We deliver to every address on the island.",
            "@page 3",
            "Somebody has to sign, or the delivery is repeated.",
        ];
        assert_eq!(shaped(layouts), expected);
    }

    #[test]
    fn a_table_keeps_its_header_on_the_next_page() {
        let table = |rows: &[&[&str]]| Part::Table {
            rows: rows.iter().map(|row| row.iter().map(|c| (*c).to_owned()).collect()).collect(),
            y: 100.0,
        };
        let layouts = vec![
            layout(vec![table(&[&["Zone", "Days"], &["Mainland", "three"]])]),
            layout(vec![table(&[&["Islands", "six"], &["Abroad", "twelve"]])]),
        ];
        let found = shaped(layouts);
        let expected = "[\"Zone\", \"Days\"] [[\"Islands\", \"six\"], [\"Abroad\", \"twelve\"]]";
        assert_eq!(found[3], expected);
    }

    #[test]
    fn bullets_and_numbers_are_told_from_text() {
        assert_eq!(bullet("• A lock"), Some(("-".into(), "A lock")));
        assert_eq!(bullet("3.Lock it"), Some(("3.".into(), "Lock it")));
        assert_eq!(bullet("12) Lock it"), Some(("12.".into(), "Lock it")));
        for text in ["2.5 bar", "2.50 €", "555. Call", "Open.", "•", "-5 °C"] {
            assert_eq!(bullet(text), None, "{text}");
        }
    }
}
