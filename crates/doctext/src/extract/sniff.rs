//! Detects the type of a file by its content. Reads no more of it than necessary.

use super::Unreadable;
use super::archive::Archive;

/// Maximum bytes before a PDF's signature.
const BEFORE_PDF: usize = 1024;

/// Type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, or anything else.
    Text,
    /// PDF.
    Pdf,
    /// A Word document (OOXML).
    Word,
    /// A PowerPoint presentation (OOXML).
    Slides,
    /// An Excel workbook (OOXML).
    Workbook,
    /// An OpenDocument text.
    OpenText,
    /// An OpenDocument spreadsheet.
    OpenSheet,
    /// An EPUB book.
    Epub,
    /// An unsupported type, with its article.
    Other(&'static str),
}

/// Signatures of formats that often have a wrong extension.
const MAGIC: &[(&[u8], &str)] = &[
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

/// Detects the type by content. `named` is the type by extension, which decides if the content is
/// ambiguous.
pub(super) fn kind(bytes: &[u8], named: Kind) -> Result<Kind, Unreadable> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return packed(bytes, named);
    }
    if is_pdf(bytes, named) {
        return Ok(Kind::Pdf);
    }
    match MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((magic, _)) if magic.is_ascii() && is_prose(bytes) => Ok(Kind::Text),
        Some((_, "an old Office document")) if is_locked(bytes) => {
            Err(Unreadable::Encrypted(named.name()))
        }
        Some((_, what)) => Ok(Kind::Other(what)),
        None => Ok(Kind::Text),
    }
}

/// Returns the type by file extension.
pub(super) fn named(ending: &str) -> Kind {
    match ending {
        "pdf" => Kind::Pdf,
        "docx" => Kind::Word,
        "pptx" => Kind::Slides,
        "xlsx" => Kind::Workbook,
        "odt" => Kind::OpenText,
        "ods" => Kind::OpenSheet,
        "epub" => Kind::Epub,
        _ => Kind::Text,
    }
}

impl Kind {
    /// Returns the correct extension, and the name of the type with its article.
    pub(super) fn ending(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Pdf => Some(("pdf", "a PDF")),
            Self::Word => Some(("docx", "a Word document")),
            Self::Slides => Some(("pptx", "a PowerPoint presentation")),
            Self::Workbook => Some(("xlsx", "an Excel workbook")),
            Self::OpenText => Some(("odt", "an OpenDocument text")),
            Self::OpenSheet => Some(("ods", "an OpenDocument spreadsheet")),
            Self::Epub => Some(("epub", "an EPUB book")),
            Self::Text | Self::Other(_) => None,
        }
    }

    /// Returns the name of the type, without an article.
    pub(super) fn name(self) -> &'static str {
        let named = self.ending().and_then(|(_, what)| what.split_once(' '));
        named.map_or("file", |(_, name)| name)
    }
}

/// A text may start with the signature by chance, or explain it.
fn is_pdf(bytes: &[u8], named: Kind) -> bool {
    let start = bytes.get(..BEFORE_PDF).unwrap_or(bytes);
    let within = || start.windows(5).any(|window| window == b"%PDF-");
    bytes.starts_with(b"%PDF-") || (named == Kind::Pdf && within())
}

/// Detects the type of a zip archive.
fn packed(bytes: &[u8], named: Kind) -> Result<Kind, Unreadable> {
    let what = if named == Kind::Text { "zip archive" } else { named.name() };
    let mut archive = Archive::open(bytes, what)?;
    let mimetype = archive.text("mimetype").ok().flatten().unwrap_or_default();
    for (mime, kind) in [
        ("application/vnd.oasis.opendocument.text", Kind::OpenText),
        ("application/vnd.oasis.opendocument.spreadsheet", Kind::OpenSheet),
        ("application/epub+zip", Kind::Epub),
    ] {
        if mimetype.trim() == mime {
            return Ok(kind);
        }
    }
    for (part, kind) in [
        ("word/", Kind::Word),
        ("ppt/", Kind::Slides),
        ("xl/", Kind::Workbook),
        ("META-INF/container.xml", Kind::Epub),
    ] {
        if archive.holds(part) {
            return Ok(kind);
        }
    }
    Ok(Kind::Other("a zip archive"))
}

/// Office stores password-protected documents in its old format, in a stream with this name.
fn is_locked(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(name.len()).any(|window| window == name)
}

/// A text may start with `RIFF` or `ID3`, but not with the signature of a document.
fn is_prose(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.starts_with("{\\rtf") && !text.contains('\0'))
}
