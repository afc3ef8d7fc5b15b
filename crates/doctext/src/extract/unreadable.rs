//! Errors of files that cannot be read, with advice on what to do. Decides nothing.

use super::{FORMATS, MAX_BYTES};

/// Why a file cannot be read, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The extension is not supported.
    #[error("`{name}` has none of the endings that can be learned: {}", FORMATS.join(", "))]
    Format {
        /// File name.
        name: String,
    },
    /// The file is empty, or holds only white space.
    #[error("the file is empty: write something into it, or remove it")]
    Empty,
    /// There is content, but no text to answer a customer with.
    #[error("the file holds no text outside of its {0}: save the text itself in it")]
    NoText(&'static str),
    /// Larger than the limit; size in bytes.
    #[error(
        "the file has {} MB, and {} MB is the most: split it into several files",
        .0.div_ceil(1024 * 1024),
        MAX_BYTES / 1024 / 1024
    )]
    TooLarge(u64),
    /// The content has another format than the extension says.
    #[error("the file is {what} named .{ending}: {remedy}")]
    Disguised {
        /// Type of the content, with its article.
        what: &'static str,
        /// Extension of the file.
        ending: String,
        /// What to do.
        remedy: String,
    },
    /// More rows than the limit.
    #[error("the file has more than {0} rows: split it into several files")]
    TooManyRows(usize),
    /// Elements nested deeper than the limit.
    #[error("the page nests elements more than {0} deep: save its text as .md or .txt")]
    TooDeep(usize),
    /// HTML that the parser failed on.
    #[error("the page's HTML cannot be read: save its text as .md or .txt")]
    BrokenPage,
    /// Protected by a password.
    #[error("the {0} is protected by a password: save it without one")]
    Encrypted(&'static str),
    /// A PDF of scanned pages.
    #[error(
        "the PDF has {0} pages of pictures and no text: run text recognition (OCR) over it, or save its text as .docx \
         or .txt"
    )]
    Scanned(usize),
    /// A PDF whose fonts do not map glyphs to letters.
    #[error(
        "the PDF does not say which letters its shapes are: print it to PDF again from the program that wrote it, or \
         run text recognition (OCR) over it"
    )]
    Unmapped,
    /// The file is corrupt.
    #[error("the {0} is damaged and cannot be opened: save it again in the program that wrote it")]
    Damaged(&'static str),
    /// Invalid JSON.
    #[error("line {line} is no JSON ({why}): correct it there")]
    Syntax {
        /// Line number, from 1.
        line: usize,
        /// Message of the parser.
        why: String,
    },
    /// It unpacks to more than the limit.
    #[error(
        "the {what} unpacks to {most}: save it without pictures and attachments, or split it into several files"
    )]
    Bomb {
        /// Name of the format.
        what: &'static str,
        /// The exceeded limit.
        most: String,
    },
    /// Reading took longer than the limit.
    #[error("reading the {what} took more than {seconds} s: split it into several files")]
    TooSlow {
        /// Name of the format.
        what: &'static str,
        /// Limit in seconds.
        seconds: u64,
    },
    /// A PDF with an unusual compression that no known program writes.
    #[error(
        "the {0} is packed in an unusual way that is not read: print it to PDF again from the program that wrote it"
    )]
    Packed(&'static str),
    /// More text than the limit in MB, including repeated text.
    #[error(
        "the file comes to more than {0} MB of text when it is read: split it into several files, and shorten long \
         headings and names of columns"
    )]
    TooMuchText(usize),
    /// More of something than the limit.
    #[error("the file has more than {most} {what}: split it into several files")]
    TooMany {
        /// Name of the items, in the plural.
        what: &'static str,
        /// Limit.
        most: usize,
    },
}
