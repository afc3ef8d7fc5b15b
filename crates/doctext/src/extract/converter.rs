//! Converts HTML to Markdown.

use htmd::element_handler::{ElementHandler, HandlerResult, Handlers};
use htmd::{Element, HtmlToMarkdown};

use super::address::is_address;
use super::sanitizer::{self, SanitizedHtml};
use super::{Unreadable, one_line};

/// Parts of a page that are not its text.
const SKIPPED: &[&str] = &["nav", "header", "footer", "aside", "form"];
/// Control characters, which `encoding` removes from texts; they mark the start of rows and cells
/// of a table.
const ROW: char = '\u{1}';
const CELL: char = '\u{2}';
const HEADER_CELL: char = '\u{3}';
/// The converter recurses for nested elements: deeper pages get a thread with this stack, in bytes.
const DEEP: usize = 12;
const DEEP_STACK: usize = 64 * 1024 * 1024;
/// Maximum cells of a table that is mostly empty; a larger one is read cell by cell, because the
/// padding would be much longer than the text.
const MAX_CELLS: usize = 100_000;

/// Converts an HTML fragment in a Markdown document; empty if it has no text.
pub(super) fn fragment(source: &str) -> Result<String, Unreadable> {
    let page = sanitized(source, true)?;
    if has_text(&page) { convert(&page) } else { Ok(String::new()) }
}

fn has_text(page: &SanitizedHtml) -> bool {
    page.html.split('<').any(|tag| !tag.rsplit('>').next().unwrap_or(tag).trim().is_empty())
}

/// Sanitizes a page; `forms` keeps forms, for pages that consist of one.
pub(super) fn sanitized(text: &str, forms: bool) -> Result<SanitizedHtml, Unreadable> {
    sanitizer::sanitize(text, forms).map_err(|refusal| match refusal {
        sanitizer::Refusal::TooDeep => Unreadable::TooDeep(sanitizer::MAX_DEPTH),
        sanitizer::Refusal::TooManyTags => {
            Unreadable::TooMany { what: "tags", most: sanitizer::MAX_TAGS }
        }
    })
}

/// Converts a page to Markdown.
pub(super) fn convert(page: &SanitizedHtml) -> Result<String, Unreadable> {
    if page.depth <= DEEP {
        return to_markdown(&page.html);
    }
    std::thread::scope(|scope| {
        let deep = std::thread::Builder::new().stack_size(DEEP_STACK);
        let reader = deep.spawn_scoped(scope, || to_markdown(&page.html));
        reader.ok().and_then(|reader| reader.join().ok()).unwrap_or(Err(Unreadable::BrokenPage))
    })
}

/// Converts HTML with little nesting to Markdown.
pub(super) fn to_markdown(html: &str) -> Result<String, Unreadable> {
    let converter = HtmlToMarkdown::builder()
        .skip_tags(SKIPPED.to_vec())
        .add_handler(vec!["h1", "h2", "h3", "h4", "h5", "h6"], with(heading))
        .add_handler(vec!["a"], with(link))
        .add_handler(vec!["pre"], with(preformatted))
        .add_handler(vec!["dt"], with(|_, content| format!("\n\n{}\n", one_line(content))))
        .add_handler(vec!["dd"], with(|_, content| format!("{}\n\n", content.trim())))
        .add_handler(vec!["td"], with(|_, content| format!("{CELL}{}", content.trim())))
        .add_handler(vec!["th"], with(|_, content| format!("{HEADER_CELL}{}", content.trim())))
        .add_handler(vec!["tr"], with(|_, content| format!("{ROW}{}", content.trim())))
        .add_handler(
            vec!["thead"],
            with(|_, content| content.replace(CELL, &HEADER_CELL.to_string())),
        )
        .add_handler(vec!["table"], with(|_, content| table(content)))
        .build();
    converter.convert(html).map_err(|_| Unreadable::BrokenPage)
}

/// Creates a handler that formats an element from its converted content.
fn with(write: fn(&Element<'_>, &str) -> String) -> impl ElementHandler {
    move |handlers: &dyn Handlers, element: Element<'_>| -> Option<HandlerResult> {
        let content = handlers.walk_children(element.node).content;
        Some(write(&element, &content).into())
    }
}

fn heading(element: &Element<'_>, content: &str) -> String {
    let level =
        element.tag.bytes().next_back().map_or(1, |digit| usize::from(digit.saturating_sub(b'0')));
    let text = one_line(content);
    let text = text.trim_start_matches(['#', ' ']);
    if text.is_empty() {
        String::new()
    } else {
        format!("\n\n{} {text}\n\n", "#".repeat(level.clamp(1, 6)))
    }
}

/// An inline link stays a link; a link around blocks puts its URL below them.
fn link(element: &Element<'_>, content: &str) -> String {
    let text = content.trim();
    let href = element.attrs.iter().find(|attribute| &*attribute.name.local == "href");
    let url = href.map_or("", |attribute| attribute.value.trim());
    if text.is_empty()
        || url.is_empty()
        || url.contains(['<', '>', '\\'])
        || url.contains(char::is_whitespace)
    {
        return content.to_owned();
    }
    if content.contains("\n\n") || text.starts_with('#') {
        let address = if is_address(url) { format!("<{url}>\n\n") } else { String::new() };
        return format!("\n\n{text}\n\n{address}");
    }
    let before = content.get(..content.len() - content.trim_start().len()).unwrap_or_default();
    let after = content.get(content.trim_end().len()..).unwrap_or_default();
    format!("{before}[{text}](<{url}>){after}")
}

fn preformatted(_: &Element<'_>, content: &str) -> String {
    let text = content.trim_matches('\n');
    let text = text.strip_prefix('\\').filter(|text| text.starts_with(['`', '~'])).unwrap_or(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    if text.trim().is_empty() { String::new() } else { format!("\n\n{fence}\n{text}\n{fence}\n\n") }
}

/// A data table becomes a Markdown table; a layout table becomes its cells, one after the other.
fn table(content: &str) -> String {
    let (caption, rows) = content.split_once(ROW).unwrap_or((content, ""));
    let rows: Vec<Vec<Cell<'_>>> =
        rows.split(ROW).map(cells).filter(|row| !row.is_empty()).collect();
    let loose = is_layout(&rows) || is_empty(&rows);
    let facts = if loose { one_by_one(&rows) } else { as_markdown(&rows) };
    format!("\n\n{}\n\n{facts}\n\n", caption.trim())
}

struct Cell<'a> {
    header: bool,
    text: &'a str,
}

fn cells(row: &str) -> Vec<Cell<'_>> {
    let starts: Vec<(usize, &str)> = row.match_indices([CELL, HEADER_CELL]).collect();
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([row.len()]);
    let cell = |((at, mark), end): (&(usize, &str), usize)| Cell {
        header: mark.starts_with(HEADER_CELL),
        text: row.get(at + mark.len()..end).unwrap_or_default().trim(),
    };
    starts.iter().zip(ends).map(cell).collect()
}

fn columns(rows: &[Vec<Cell<'_>>]) -> usize {
    rows.iter().map(Vec::len).max().unwrap_or(0)
}

fn is_empty(rows: &[Vec<Cell<'_>>]) -> bool {
    let (places, cells) = (columns(rows).saturating_mul(rows.len()), rows.iter().flatten().count());
    places > MAX_CELLS && places / 2 > cells
}

fn is_layout(rows: &[Vec<Cell<'_>>]) -> bool {
    let all = || rows.iter().flatten();
    let small = columns(rows) < 2 || rows.len() < 2;
    !all().any(|cell| cell.header) && (small || all().any(|cell| cell.text.contains("\n\n")))
}

fn one_by_one(rows: &[Vec<Cell<'_>>]) -> String {
    rows.iter().flatten().map(|cell| cell.text).collect::<Vec<_>>().join("\n\n")
}

fn as_markdown(rows: &[Vec<Cell<'_>>]) -> String {
    let columns = columns(rows);
    let line = |row: &[Cell<'_>]| {
        let cells =
            (0..columns).map(|at| row.get(at).map_or(String::new(), |cell| in_a_cell(cell.text)));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let (header, rows) = match rows.split_first() {
        Some((first, rest)) if first.iter().all(|cell| cell.header) => (first.as_slice(), rest),
        _ => (&[][..], rows),
    };
    let mut lines = vec![line(header), format!("|{}", "---|".repeat(columns))];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

/// Joins the paragraphs and list items of a cell into one line.
fn in_a_cell(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> =
        lines.map(|line| line.trim_start_matches("*   ").trim_start_matches("# ")).collect();
    let separator = if text.contains("*   ") { "; " } else { " " };
    lines.join(separator).replace('|', "&#124;")
}
