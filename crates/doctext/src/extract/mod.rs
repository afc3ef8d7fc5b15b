//! Turns the bytes of a file into blocks of text in reading order. Reads no files and no network;
//! `chunk` splits the blocks.
//!
//! | format | what becomes of it |
//! | --- | --- |
//! | `markdown` | headings, paragraphs, list items, tables, code; front matter is dropped |
//! | `html` | the same, without navigation, forms, scripts and the like |
//! | `text` | paragraphs and lists; only obvious headings |
//! | `csv` | one block for each row; question and answer pairs if the columns are named so |
//! | `xlsx`, `ods` | the same for every sheet, with cells as shown |
//! | `json`, `jsonl` | objects in lists as rows, everything else below headings with its names |
//! | `docx`, `odt` | headings by style, lists, tables, text boxes, footnotes at their references |
//! | `pptx` | slide by slide: title, text, tables, speaker notes |
//! | `epub` | its chapters in reading order, each like `html` |
//! | `pdf` | page by page: headings by size, paragraphs, lists, tables; running heads and page numbers are dropped |

mod address;
mod archive;
mod bounds;
mod converter;
mod csv;
mod encoding;
mod epub;
mod flow;
mod html;
mod json;
mod limits;
mod markdown;
mod opendocument;
mod package;
mod pdf;
mod rows;
mod sheets;
mod sanitizer;
mod slides;
mod sniff;
mod text;
mod unreadable;
mod word;
mod workbook;
mod xml;

pub use csv::table_rows;
pub use limits::too_much_text;
pub use unreadable::Unreadable;

use std::time::Duration;

use sniff::Kind;

/// Supported file extensions.
pub const FORMATS: &[&str] = &[
    "md", "markdown", "txt", "text", "csv", "tsv", "html", "htm", "pdf", "docx", "odt", "pptx",
    "xlsx", "ods", "epub", "json", "jsonl", "ndjson",
];

/// Names of the spreadsheet formats in errors.
pub const SHEETS: [&str; 2] = [workbook::WHAT, opendocument::SHEET];
/// Maximum size of a file, in bytes.
pub const MAX_BYTES: u64 = 20 * 1024 * 1024;
/// Maximum length of a heading, in characters; a longer one becomes a paragraph.
const MAX_HEADING: usize = 200;

/// Extracted content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedDocument {
    /// Title, never empty.
    pub title: String,
    /// Blocks in reading order, never empty.
    pub(crate) blocks: Vec<Block>,
    /// What could be read only in part, one sentence each.
    pub warnings: Vec<String>,
}

/// A unit of a document's structure. Its texts are never blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    /// A heading; level 1 is the outermost.
    Heading {
        /// 1 to 6.
        level: u8,
        /// One line of text.
        text: String,
    },
    /// Running text.
    Paragraph(String),
    /// A paragraph of a list item.
    Item {
        /// Nesting level, from 0.
        level: u8,
        /// `-`, or `3.`; empty for further paragraphs of the same item.
        marker: String,
        /// Text of the item.
        text: String,
    },
    /// A table.
    Table {
        /// Column names; empty if there is no header.
        header: Vec<String>,
        /// Cells, row by row.
        rows: Vec<Vec<String>>,
    },
    /// A row of a CSV file, a sheet or JSON: its cells that are not empty, each with its column
    /// name.
    Row(Vec<(String, String)>),
    /// A question and its answer.
    Pair {
        /// The question.
        question: String,
        /// The answer, with the other cells of the row.
        answer: String,
    },
    /// Text with significant line breaks.
    Code(String),
    /// Not text: the location of the following blocks in the document, such as `page 3`.
    Place(String),
}

/// Reads a file in this process, for tests.
#[cfg(test)]
pub(crate) fn extract(name: &str, bytes: &[u8]) -> Result<ExtractedDocument, Unreadable> {
    extract_within(name, bytes, Duration::from_mins(1))
}

/// Whether a file is read as text, by its extension: it is not packed.
pub fn is_text(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    sniff::named(&ending) == Kind::Text
}

/// Whether a file is plain text without markup, which cannot expand when it is read.
pub fn is_plain(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["txt", "text"].iter().any(|plain| ending.eq_ignore_ascii_case(plain))
}

/// Reads a file. `name` is its path in the collection; the extension gives the format. Readers that
/// check their deadline stop after `longest`; others cannot be stopped, so call this in a process
/// that can be killed.
pub fn extract_within(
    name: &str,
    bytes: &[u8],
    longest: Duration,
) -> Result<ExtractedDocument, Unreadable> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let (stem, ending) = file.rsplit_once('.').unwrap_or((file, ""));
    let ending = ending.to_ascii_lowercase();
    if !FORMATS.contains(&ending.as_str()) {
        return Err(Unreadable::Format { name: file.chars().take(200).collect() });
    }
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > MAX_BYTES {
        return Err(Unreadable::TooLarge(size));
    }
    if bytes.is_empty() {
        return Err(Unreadable::Empty);
    }
    let named = sniff::named(&ending);
    let kind = sniff::kind(bytes, named)?;
    if kind != named {
        return Err(wrong_extension_error(kind, named, bytes, &ending));
    }
    if kind == Kind::Text {
        return read_text(bytes, &ending, readable(stem));
    }
    read_packed(bytes.to_vec(), kind, (readable(stem), longest))
}

/// Reads a compressed format with a third-party parser, within limits.
fn read_packed(
    bytes: Vec<u8>,
    kind: Kind,
    (name, longest): (String, Duration),
) -> Result<ExtractedDocument, Unreadable> {
    let frame = match kind {
        Kind::Workbook | Kind::OpenSheet => "header rows",
        _ => "pictures",
    };
    let extracted = bounds::within(kind.name(), longest, move |deadline| match kind {
        Kind::Pdf => pdf::read(bytes, name, deadline),
        Kind::Word => word::read(&bytes, name),
        Kind::Slides => slides::read(&bytes, name),
        Kind::Workbook => workbook::read(&bytes, name),
        Kind::OpenText => opendocument::read_text(&bytes, name),
        Kind::OpenSheet => opendocument::read_sheets(&bytes, name),
        Kind::Epub => epub::read(&bytes, name),
        Kind::Text | Kind::Other(_) => Err(Unreadable::Damaged(kind.name())),
    })?;
    finish(extracted, frame)
}

fn read_text(bytes: &[u8], ending: &str, name: String) -> Result<ExtractedDocument, Unreadable> {
    let page = matches!(ending, "html" | "htm");
    let text = encoding::decode(bytes, page).ok_or_else(|| not_text(ending))?;
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    if !page && looks_like_a_page(&text) {
        let (ending, remedy) = (ending.to_owned(), "rename it to .html".to_owned());
        return Err(Unreadable::Disguised { what: "a web page", ending, remedy });
    }
    let (extracted, frame) = match ending {
        "md" | "markdown" => (markdown::read(&text, name), "front matter"),
        "html" | "htm" => (html::read(&text, name)?, "tags, navigation and forms"),
        "csv" | "tsv" => (csv::read(&text, ending == "tsv", name)?, "header row"),
        "json" => (json::read(&text, name)?, "names of fields"),
        "jsonl" | "ndjson" => (json::read_lines(&text, name)?, "names of fields"),
        _ => (text::read(&text, name), "rules and bullets"),
    };
    finish(extracted, frame)
}

fn finish(
    mut extracted: ExtractedDocument,
    frame: &'static str,
) -> Result<ExtractedDocument, Unreadable> {
    extracted.title = first_chars(&extracted.title, MAX_HEADING);
    demote_long_headings(&mut extracted.blocks);
    limits::check(&extracted.blocks)?;
    let says = |block: &Block| !matches!(block, Block::Place(_));
    if extracted.blocks.iter().any(says) { Ok(extracted) } else { Err(Unreadable::NoText(frame)) }
}

/// Error for a file whose content does not match its extension.
fn wrong_extension_error(kind: Kind, named: Kind, bytes: &[u8], ending: &str) -> Unreadable {
    if let Kind::Other(what) = kind {
        return disguised(what, ending);
    }
    let is_text = || encoding::decode(bytes, false).is_some();
    let (right, what) = match kind.ending() {
        Some(known) => known,
        None if is_text() => ("txt", "a text"),
        None => return Unreadable::Damaged(named.name()),
    };
    let remedy = format!("rename it to .{right}");
    Unreadable::Disguised { what, ending: ending.to_owned(), remedy }
}

/// Error for a text file that is full of NULs or other control characters: another program's data,
/// or text in an encoding that nothing tells.
fn not_text(ending: &str) -> Unreadable {
    let remedy = match ending {
        "txt" => "save it again as text in UTF-8",
        _ => "save it again in UTF-8, or save its text as .txt",
    };
    let remedy = remedy.to_owned();
    Unreadable::Disguised { what: "binary data", ending: ending.to_owned(), remedy }
}

fn disguised(what: &'static str, ending: &str) -> Unreadable {
    let remedy = "save its text in one of the formats ".to_owned() + &FORMATS.join(", ");
    Unreadable::Disguised { what, ending: ending.to_owned(), remedy }
}

fn looks_like_a_page(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(14).collect::<String>().to_ascii_lowercase();
    start == "<!doctype html" || start.starts_with("<html>") || start.starts_with("<html ")
}

/// Turns a file name into a title: `lost-property` becomes `Lost property`.
fn readable(stem: &str) -> String {
    let words = stem.replace(['-', '_', '.', '+'], " ");
    let words = one_line(&words);
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => "Untitled".to_owned(),
    }
}

fn demote_long_headings(blocks: &mut [Block]) {
    for block in blocks {
        if let Block::Heading { text, .. } = block
            && text.chars().count() > MAX_HEADING
        {
            *block = Block::Paragraph(std::mem::take(text));
        }
    }
}

/// Joins the text into one line, with single spaces.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Truncates a text to `most` characters and adds an ellipsis.
pub fn first_chars(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or(text).trim_end().to_owned() + "…",
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str, bytes: &[u8]) -> String {
        extract(name, bytes).expect_err("it should be refused").to_string()
    }

    #[test]
    fn the_ending_says_the_format() {
        assert_eq!(extract("a/Return Policy.MD", b"Text.").unwrap().title, "Return Policy");
        assert_eq!(extract("a.b/lost-property_2.txt", b"Text.").unwrap().title, "Lost property 2");
        assert_eq!(extract("c\\.txt", b"Text.").unwrap().title, "Untitled");
        for name in ["menu.doc", "menu", "md", "", "menu.md/menu", "ä.rtf"] {
            assert!(refusal(name, b"Text.").contains("md, markdown, txt"), "{name}");
        }
    }

    #[test]
    fn a_file_without_text_is_refused() {
        for name in ["a.md", "a.txt", "a.csv", "a.html"] {
            for bytes in [&b""[..], b" \r\n\t ", b"\xEF\xBB\xBF", b"\xFF\xFE\n\0"] {
                assert_eq!(extract(name, bytes), Err(Unreadable::Empty), "{name} {bytes:?}");
            }
        }
        assert!(refusal("a.md", b"---\ntitle: X\n---\n").contains("front matter"));
        assert!(refusal("a.csv", b"question,answer\n").contains("header row"));
        assert!(refusal("a.html", b"<nav>Home</nav>").contains("navigation"));
    }

    #[test]
    fn content_that_contradicts_the_ending_is_refused_by_name() {
        assert_eq!(
            refusal("menu.md", b"%PDF-1.7\n%\xE2\xE3"),
            "the file is a PDF named .md: rename it to .pdf"
        );
        assert_eq!(
            refusal("menu.md", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"),
            format!(
                "the file is an old Office document named .md: save its text in one of the formats {}",
                FORMATS.join(", ")
            )
        );
        assert_eq!(
            refusal("menu.docx", b"Soup of the day."),
            "the file is a text named .docx: rename it to .txt"
        );
        assert!(refusal("menu.txt", b"PK\x03\x04\x14\0").contains("zip archive is damaged"));
        assert!(refusal("menu.pdf", b"\x01\x02\0\0\x07\x01\0").contains("PDF is damaged"));
        assert!(refusal("menu.csv", b"\x89PNG\r\n\x1a\n\0\0").contains("a PNG image"));
        for bytes in [&b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xFF\xFF\0\0"[..], b"W\0e o\0pen\0 at 9.\0"] {
            assert_eq!(
                refusal("menu.txt", bytes),
                "the file is binary data named .txt: save it again as text in UTF-8"
            );
        }
        assert!(refusal("menu.md", b"\n<!DOCTYPE html><p>Hi</p>").contains("rename it to .html"));
    }

    #[test]
    fn a_text_may_begin_with_the_letters_of_another_format() {
        assert!(extract("a.txt", b"RIFF raff is not served here.").is_ok());
        assert!(extract("a.txt", b"ID3 is the entrance to take.").is_ok());
    }

    #[test]
    fn a_huge_file_is_refused_before_it_is_read() {
        assert!(
            refusal("a.txt", &vec![b'a'; 20 * 1024 * 1024 + 1])
                .contains("21 MB, and 20 MB is the most")
        );
    }

    #[test]
    fn a_heading_of_a_whole_page_is_a_paragraph() {
        let long = format!("# {}\n\nText.", "word ".repeat(100));
        let extracted = extract("a.md", long.as_bytes()).unwrap();
        assert!(matches!(extracted.blocks.first(), Some(Block::Paragraph(_))));
        assert!(
            extracted.title.ends_with('…') && extracted.title.chars().count() <= MAX_HEADING + 1
        );
    }
}
