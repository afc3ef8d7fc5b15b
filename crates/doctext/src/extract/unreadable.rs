//! Why a file cannot be learned, in words that say what to do. Decides nothing.

use super::{FORMATS, MAX_BYTES};

/// A file that cannot be learned: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
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
    /// More than is read, in bytes.
    #[error(
        "the file has {} MB, and {} MB is the most: split it into several files",
        .0.div_ceil(1024 * 1024),
        MAX_BYTES / 1024 / 1024
    )]
    TooLarge(u64),
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
    /// Elements within elements without end.
    #[error("the page nests elements more than {0} deep: save its text as .md or .txt")]
    TooDeep(usize),
    /// HTML that the parser gave up on.
    #[error("the page's HTML cannot be read: save its text as .md or .txt")]
    BrokenPage,
    /// It cannot be opened without a password.
    #[error("the {0} is protected by a password: save it without one")]
    Encrypted(&'static str),
    /// A PDF of pictures.
    #[error(
        "the PDF has {0} pages of pictures and no text: run text recognition (OCR) over it, or save its text as .docx \
         or .txt"
    )]
    Scanned(usize),
    /// A PDF whose fonts do not say which letters their shapes are.
    #[error(
        "the PDF does not say which letters its shapes are: print it to PDF again from the program that wrote it, or \
         run text recognition (OCR) over it"
    )]
    Unmapped,
    /// Its own format is broken.
    #[error("the {0} is damaged and cannot be opened: save it again in the program that wrote it")]
    Damaged(&'static str),
    /// JSON with a mistake in it.
    #[error("line {line} is no JSON ({why}): correct it there")]
    Syntax {
        /// From 1.
        line: usize,
        /// What the parser says.
        why: String,
    },
    /// What is packed in it would fill the memory.
    #[error(
        "the {what} unpacks to {most}: save it without pictures and attachments, or split it into several files"
    )]
    Bomb {
        /// What it is.
        what: &'static str,
        /// The bound that it breaks.
        most: String,
    },
    /// It takes longer than a document may, in seconds.
    #[error("reading the {what} took more than {seconds} s: split it into several files")]
    TooSlow {
        /// What it is.
        what: &'static str,
        /// The bound.
        seconds: u64,
    },
    /// It is packed in a way that no program writes.
    #[error(
        "the {0} is packed in an unusual way that is not read: print it to PDF again from the program that wrote it"
    )]
    Packed(&'static str),
    /// More text than is read, in MB, with what is repeated of it.
    #[error(
        "the file comes to more than {0} MB of text when it is read: split it into several files, and shorten long \
         headings and names of columns"
    )]
    TooMuchText(usize),
    /// More of something than is read.
    #[error("the file has more than {most} {what}: split it into several files")]
    TooMany {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// The bound.
        most: usize,
    },
}
