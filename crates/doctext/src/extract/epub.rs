//! Reads EPUB books into blocks: the chapters in reading order, each like a web page. Does not
//! decrypt books with DRM.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;

use super::archive::Archive;
use super::{Block, ExtractedDocument, Unreadable, encoding, html, one_line, rows, xml};

/// Name of the format in errors.
const WHAT: &str = "EPUB book";

/// XHTML allows self-closing tags for empty elements; HTML would treat everything after them as
/// their content.
static EMPTY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)<(script|style|title|iframe|object|textarea|a|div|p|span|td|th|li)(\s[^<>]*)?/>",
    )
    .expect("it is a constant, and tested")
});

/// Reads a book. Its title is the book's own, else `name`.
pub(super) fn read(bytes: &[u8], name: String) -> Result<ExtractedDocument, Unreadable> {
    let mut archive = Archive::open(bytes, WHAT)?;
    let package = rootfile(&mut archive)?;
    let text = archive.text(&package)?.ok_or(Unreadable::Damaged(WHAT))?;
    let book = Book::read(&text, &package).ok_or(Unreadable::Damaged(WHAT))?;
    let locked = locked(&mut archive)?;
    let mut extracted = ExtractedDocument {
        title: book.title.unwrap_or(name),
        blocks: Vec::new(),
        warnings: Vec::new(),
    };
    let mut read = HashSet::new();
    // A chapter can be listed twice.
    for chapter in book.chapters.into_iter().filter(|chapter| read.insert(chapter.clone())) {
        if locked.contains(&chapter) {
            return Err(Unreadable::Encrypted(WHAT));
        }
        match read_chapter(&mut archive, &chapter)? {
            Ok(blocks) => extracted.blocks.extend(blocks),
            Err(why) => extracted.warnings.push(format!("{chapter}: {why}")),
        }
    }
    extracted.warnings = rows::limited(extracted.warnings);
    Ok(extracted)
}

/// Returns the path of the package document.
fn rootfile(archive: &mut Archive<'_>) -> Result<String, Unreadable> {
    let damaged = || Unreadable::Damaged(WHAT);
    let container = archive.text("META-INF/container.xml")?.ok_or_else(damaged)?;
    let document = xml::parse(&container).ok_or_else(damaged)?;
    let root = xml::below(document.root(), "rootfile").ok_or_else(damaged)?;
    xml::attribute(root, "full-path").map(str::to_owned).ok_or_else(damaged)
}

/// Returns the encrypted parts (DRM). Fonts may be encrypted, too; they are not needed.
fn locked(archive: &mut Archive<'_>) -> Result<HashSet<String>, Unreadable> {
    let Some(text) = archive.text("META-INF/encryption.xml")? else { return Ok(HashSet::new()) };
    let Some(document) = xml::parse(&text) else { return Ok(HashSet::new()) };
    let references = document.descendants().filter(|node| xml::name(*node) == "CipherReference");
    Ok(references.filter_map(|node| xml::attribute(node, "URI")).map(resolved_from("")).collect())
}

fn read_chapter(
    archive: &mut Archive<'_>,
    path: &str,
) -> Result<Result<Vec<Block>, String>, Unreadable> {
    let Some(bytes) = archive.bytes(path)? else {
        return Ok(Err("the chapter is missing".to_owned()));
    };
    let Some(text) = encoding::decode(&bytes, true) else {
        return Ok(Err("the chapter is no text".to_owned()));
    };
    let page = EMPTY.replace_all(&text, "<$1$2></$1>");
    let read = html::read(&page, String::new());
    Ok(read.map(|read| read.blocks).map_err(|why| why.to_string()))
}

/// Package document of a book.
struct Book {
    title: Option<String>,
    /// Paths of the chapters in the archive, in reading order.
    chapters: Vec<String>,
}

impl Book {
    fn read(package: &str, path: &str) -> Option<Self> {
        let document = xml::parse(package)?;
        let manifest = xml::below(document.root(), "manifest")?;
        let spine = xml::below(document.root(), "spine")?;
        let mut items = HashMap::new();
        for item in manifest.children() {
            if let Some(id) = xml::attribute(item, "id") {
                items.entry(id).or_insert(item);
            }
        }
        let item = |id: &str| {
            let item = *items.get(id)?;
            let kind = xml::attribute(item, "media-type").unwrap_or_default();
            let contents = xml::attribute(item, "properties")
                .is_some_and(|all| all.split(' ').any(|one| one == "nav"));
            (kind.contains("html") && !contents).then(|| xml::attribute(item, "href"))?
        };
        let references = spine.children().filter_map(|item| xml::attribute(item, "idref"));
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let title = xml::below(document.root(), "title").map(|title| one_line(&xml::text(title)));
        Some(Self {
            title: title.filter(|title| !title.is_empty()),
            chapters: references.filter_map(item).map(resolved_from(folder)).collect(),
        })
    }
}

/// Returns a function that resolves a relative URL against a folder of the archive.
fn resolved_from(folder: &str) -> impl Fn(&str) -> String {
    move |address| {
        let address = address.split(['#', '?']).next().unwrap_or(address);
        let mut parts: Vec<String> =
            folder.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        for part in address.split('/').map(unescaped) {
            match part.as_str() {
                ".." => drop(parts.pop()),
                "." | "" => {}
                _ => parts.push(part),
            }
        }
        parts.join("/")
    }
}

/// Decodes percent-encoding.
fn unescaped(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_within_the_archive() {
        let from = resolved_from("OEBPS/text");
        assert_eq!(from("../a%20b/c.xhtml#top"), "OEBPS/a b/c.xhtml");
        assert_eq!(from("../../../../etc/x%zz"), "etc/x%zz");
    }

    #[test]
    fn elements_that_end_in_their_own_tag_swallow_nothing() {
        let page = "<script src='x'/><title/><a id=\"p1\"/><p>Text</p><img/>";
        assert_eq!(
            EMPTY.replace_all(page, "<$1$2></$1>"),
            "<script src='x'></script><title></title><a id=\"p1\"></a><p>Text</p><img/>"
        );
    }

    #[test]
    fn a_book_says_the_order_of_its_chapters() {
        let package = r#"<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
            <metadata><dc:title>The  Manual</dc:title></metadata><manifest>
            <item id="b" href="b.xhtml" media-type="application/xhtml+xml"/>
            <item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
            <item id="pic" href="pic.svg" media-type="image/svg+xml"/>
            <item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>
            <spine><itemref idref="nav"/><itemref idref="a"/><itemref idref="b"/><itemref idref="pic"/><itemref idref="gone"/></spine></package>"#;
        let book = Book::read(package, "OEBPS/content.opf").unwrap();
        assert_eq!(book.title.as_deref(), Some("The Manual"));
        assert_eq!(book.chapters, ["OEBPS/a.xhtml", "OEBPS/b.xhtml"]);
    }
}
