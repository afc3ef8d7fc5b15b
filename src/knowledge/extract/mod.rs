//! From the bytes of a file to blocks of text in reading order. Reads no files and no network, and cuts nothing
//! into pieces: that is `chunk`.
//!
//! | format | what becomes of it |
//! | --- | --- |
//! | `markdown` | headings, paragraphs, list items, tables, code; front matter is dropped |
//! | `html` | the same, without navigation, forms, scripts and the like |
//! | `text` | paragraphs and lists; a heading only where it is plain to see |
//! | `csv` | one block a row; a question and its answer where the columns say so |

mod csv;
mod encoding;
mod flow;
mod html;
mod markdown;
mod sieve;
mod text;

/// The file endings that can be learned.
pub const FORMATS: &[&str] = &["md", "markdown", "txt", "text", "csv", "tsv", "html", "htm"];

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 20 * 1024 * 1024;
/// A longer heading is a paragraph that somebody marked as a heading, in characters.
const MAX_HEADING: usize = 200;

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extracted {
    /// Its title, never empty.
    pub(crate) title: String,
    /// Its text in reading order, never empty.
    pub(crate) blocks: Vec<Block>,
    /// What could only be read in part, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// A part of a document that belongs together. No text in it is blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    /// A heading; level 1 is the outermost.
    Heading {
        /// 1 to 6.
        level: u8,
        /// What it says, on one line.
        text: String,
    },
    /// Running text.
    Paragraph(String),
    /// A paragraph of a list item.
    Item {
        /// 0 for an item of the outer list.
        level: u8,
        /// `-`, or `3.`; empty for what follows in the same item.
        marker: String,
        /// What it says.
        text: String,
    },
    /// A table.
    Table {
        /// The names of the columns; empty when the table has none.
        header: Vec<String>,
        /// The cells, row by row.
        rows: Vec<Vec<String>>,
    },
    /// A row of a file of rows: its cells that are not empty, each with the name of its column.
    Row(Vec<(String, String)>),
    /// A question that customers ask, and its answer.
    Pair {
        /// The question.
        question: String,
        /// The answer, and what else the row holds.
        answer: String,
    },
    /// Text whose line breaks matter.
    Code(String),
}

/// A file that cannot be learned: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// The ending is none of the formats.
    #[error("`{name}` has none of the endings that can be learned: {}", FORMATS.join(", "))]
    Format {
        /// The file.
        name: String,
    },
    /// Nothing is in it, or only white space.
    #[error("the file is empty: write something into it, or remove it")]
    Empty,
    /// There is content, but none that a customer could be answered with.
    #[error("the file holds no text outside of its {0}: save the text itself in it")]
    NoText(&'static str),
    /// More than is read.
    #[error(
        "the file has {} MB, and {} MB is the most: split it into several files",
        .0.div_ceil(1024 * 1024),
        MAX_BYTES / 1024 / 1024
    )]
    TooLarge(usize),
    /// The content is of another format than the ending says.
    #[error("the file is {what} named .{ending}: {remedy}")]
    Disguised {
        /// What it is, with its article.
        what: &'static str,
        /// What its name says.
        ending: String,
        /// What to do.
        remedy: String,
    },
    /// More rows than are read.
    #[error("the file has more than {0} rows: split it into several files")]
    TooManyRows(usize),
    /// HTML elements within elements without end.
    #[error("the page nests elements more than {0} deep: save its text as .md or .txt")]
    TooDeep(usize),
    /// HTML that the parser gave up on.
    #[error("the page's HTML cannot be read: save its text as .md or .txt")]
    BrokenPage,
}

/// Reads a file. `name` is its path within the collection: its ending says the format.
pub(crate) fn extract(name: &str, bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let (stem, ending) = file.rsplit_once('.').unwrap_or((file, ""));
    let ending = ending.to_ascii_lowercase();
    if !FORMATS.contains(&ending.as_str()) {
        return Err(Unreadable::Format { name: file.chars().take(200).collect() });
    }
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge(bytes.len()));
    }
    refuse_other_formats(bytes, &ending)?;
    let page = matches!(ending.as_str(), "html" | "htm");
    let text = encoding::decode(bytes, page).ok_or_else(|| disguised("binary data", &ending))?;
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    if !page && looks_like_a_page(&text) {
        let remedy = "rename it to .html".to_owned();
        return Err(Unreadable::Disguised { what: "a web page", ending, remedy });
    }
    read(&text, &ending, readable(stem))
}

fn read(text: &str, ending: &str, name: String) -> Result<Extracted, Unreadable> {
    let (mut extracted, frame) = match ending {
        "md" | "markdown" => (markdown::read(text, name), "front matter"),
        "html" | "htm" => (html::read(text, name)?, "tags, navigation and forms"),
        "csv" | "tsv" => (csv::read(text, ending == "tsv", name)?, "header row"),
        _ => (text::read(text, name), "rules and bullets"),
    };
    extracted.title = first_chars(&extracted.title, MAX_HEADING);
    demote_long_headings(&mut extracted.blocks);
    if extracted.blocks.is_empty() { Err(Unreadable::NoText(frame)) } else { Ok(extracted) }
}

/// Formats that are often named wrongly, by their first bytes.
const MAGIC: &[(&[u8], &str)] = &[
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive or an Office document"),
    (b"\xD0\xCF\x11\xE0", "an old Office document"),
    (b"{\\rtf", "a rich text document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xFF\xD8\xFF", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a sound, video or WebP file"),
    (b"OggS", "a sound file"),
    (b"ID3", "a sound file"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"7z\xBC\xAF", "a 7z archive"),
    (b"SQLite format 3\0", "a database"),
    (b"\x7FELF", "a program"),
];

fn refuse_other_formats(bytes: &[u8], ending: &str) -> Result<(), Unreadable> {
    match MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((magic, _)) if magic.is_ascii() && std::str::from_utf8(bytes).is_ok_and(is_prose) => {
            Ok(())
        }
        Some((_, what)) => Err(disguised(what, ending)),
        None => Ok(()),
    }
}

/// A text may well begin with `RIFF` or `ID3`, but not with a document's or an archive's signature.
fn is_prose(text: &str) -> bool {
    let signature =
        text.starts_with("%PDF-") || text.starts_with("{\\rtf") || text.starts_with("PK");
    !signature && !text.contains('\0')
}

fn disguised(what: &'static str, ending: &str) -> Unreadable {
    let remedy = "save its text in one of the formats ".to_owned() + &FORMATS.join(", ");
    Unreadable::Disguised { what, ending: ending.to_owned(), remedy }
}

fn looks_like_a_page(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(14).collect::<String>().to_ascii_lowercase();
    start == "<!doctype html" || start.starts_with("<html>") || start.starts_with("<html ")
}

/// A file name as people would write it: `lost-property` is `Lost property`.
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

/// The text on one line, with single spaces.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text, cut off with an ellipsis when it is longer.
pub(super) fn first_chars(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or(text).trim_end().to_owned() + "…",
        None => text.to_owned(),
    }
}

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
        for name in ["menu.docx", "menu", "md", "", "menu.md/menu", "ä.pdf"] {
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
        let said = refusal("menu.md", b"%PDF-1.7\n%\xE2\xE3");
        assert_eq!(
            said,
            "the file is a PDF named .md: save its text in one of the formats \
             md, markdown, txt, text, csv, tsv, html, htm"
        );
        assert!(refusal("menu.txt", b"PK\x03\x04\x14\0").contains("Office document"));
        assert!(refusal("menu.csv", b"\x89PNG\r\n\x1a\n\0\0").contains("a PNG image"));
        assert!(
            refusal("menu.txt", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xFF\xFF\0\0")
                .contains("binary data")
        );
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
            refusal("a.txt", &vec![b'a'; MAX_BYTES + 1]).contains("21 MB, and 20 MB is the most")
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
