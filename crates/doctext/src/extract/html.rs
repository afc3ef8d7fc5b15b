//! HTML to blocks: sieved, turned into Markdown, and read as Markdown.

use htmd::element_handler::{ElementHandler, HandlerResult, Handlers};
use htmd::{Element, HtmlToMarkdown};

use super::sieve::{self, Sieved};
use super::{Block, Extracted, Unreadable, markdown, one_line};

/// Parts of a page that are not its text.
const SKIPPED: &[&str] = &["nav", "header", "footer", "aside", "form"];
/// Characters that no text holds: `encoding` removes them. They mark where rows and cells of a table begin.
const ROW: char = '\u{1}';
const CELL: char = '\u{2}';
const HEADER_CELL: char = '\u{3}';
/// The parser's reader calls itself for elements in elements: deeper ones get a stack of their own, in bytes.
const DEEP: usize = 12;
const DEEP_STACK: usize = 64 * 1024 * 1024;
/// A table with places for more cells, most of them empty, is read cell by cell: what is short would become much.
const MAX_CELLS: usize = 100_000;

/// Reads a page. Its title is what `<title>` says, else the first heading of level 1, else `name`.
pub(super) fn read(text: &str, name: String) -> Result<Extracted, Unreadable> {
    let mut page = sieved(text, false)?;
    let mut markdown = convert(&page)?;
    if markdown.trim().is_empty() {
        page = sieved(text, true)?;
        markdown = convert(&page)?;
    }
    let mut extracted = markdown::read(&markdown, name);
    if let Some(title) = page.title.as_deref().and_then(title) {
        extracted.title = title;
    }
    Ok(extracted)
}

/// Reads a bit of HTML in a Markdown document.
pub(super) fn fragment(source: &str) -> Vec<Block> {
    let has_text = |page: &Sieved| {
        page.html.split('<').any(|tag| !tag.rsplit('>').next().unwrap_or(tag).trim().is_empty())
    };
    let converted = match sieved(source, true) {
        Ok(page) if !has_text(&page) => return Vec::new(),
        page => page.and_then(|page| convert(&page)),
    };
    match converted {
        Ok(markdown) => markdown::blocks(&markdown),
        Err(_) => vec![Block::Paragraph(one_line(source))],
    }
}

fn sieved(text: &str, forms: bool) -> Result<Sieved, Unreadable> {
    sieve::sieve(text, forms).map_err(|refusal| match refusal {
        sieve::Refusal::TooDeep => Unreadable::TooDeep(sieve::MAX_DEPTH),
        sieve::Refusal::TooManyTags => Unreadable::TooMany { what: "tags", most: sieve::MAX_TAGS },
    })
}

/// The title's text; entities such as `&amp;` are read.
fn title(source: &str) -> Option<String> {
    let source = one_line(source).replace('<', "&lt;");
    let markdown = to_markdown(&format!("<p>{source}</p>")).ok()?;
    markdown::blocks(&markdown).into_iter().find_map(|block| match block {
        Block::Paragraph(text) => Some(one_line(&text)),
        _ => None,
    })
}

fn convert(page: &Sieved) -> Result<String, Unreadable> {
    if page.depth <= DEEP {
        return to_markdown(&page.html);
    }
    std::thread::scope(|scope| {
        let deep = std::thread::Builder::new().stack_size(DEEP_STACK);
        let reader = deep.spawn_scoped(scope, || to_markdown(&page.html));
        reader.ok().and_then(|reader| reader.join().ok()).unwrap_or(Err(Unreadable::BrokenPage))
    })
}

fn to_markdown(html: &str) -> Result<String, Unreadable> {
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

/// A handler that writes an element by what its children became.
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

/// A link within a line is one; a link around whole blocks puts its address below them.
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
        let address =
            if markdown::is_address(url) { format!("<{url}>\n\n") } else { String::new() };
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

/// A table of facts becomes a Markdown table; one that only places things on the page becomes its cells, one by one.
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

/// A cell is one line: its paragraphs and list items follow each other.
fn in_a_cell(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> =
        lines.map(|line| line.trim_start_matches("*   ").trim_start_matches("# ")).collect();
    let separator = if text.contains("*   ") { "; " } else { " " };
    lines.join(separator).replace('|', "&#124;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> Extracted {
        read(text, "File name".to_owned()).expect("it can be read")
    }

    fn paragraph(text: &str) -> Block {
        Block::Paragraph(text.to_owned())
    }

    fn heading(level: u8, text: &str) -> Block {
        Block::Heading { level, text: text.to_owned() }
    }

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn a_page_is_read_without_its_frame() {
        let read = html(
            "<!doctype html><html><head><title>Events &amp; classes</title><style>p{}</style></head><body>
             <header><a href=/>Logo</a></header><nav><ul><li>Home</li></ul></nav>
             <main><article><header><h1>Events<br>and <em>classes</em></h1></header>
             <p>Book by <a href=\"mailto:hi@a.example\">mail</a> or
                <a href='/book'>here</a>.</p><aside>Ad</aside>
             <form><label>Mail</label><input></form><script>x()</script></article></main>
             <footer>Imprint</footer></body></html>",
        );
        assert_eq!(read.title, "Events & classes");
        let expected =
            [heading(1, "Events and classes"), paragraph("Book by mail (hi@a.example) or here.")];
        assert_eq!(read.blocks, expected);
    }

    #[test]
    fn the_title_is_the_pages_or_the_headings_or_the_files() {
        assert_eq!(html("<title> </title><h2>A</h2><h1>B</h1>c").title, "B");
        assert_eq!(html("<title>1 &lt; 2 *x* <b></title><h1>B</h1>").title, "1 < 2 *x* <b>");
        assert_eq!(html("<p>c").title, "File name");
    }

    #[test]
    fn a_page_in_one_form_is_not_empty() {
        let text = "<body><form action=x.aspx><h1>Shop</h1><p>Open daily.</p></form></body>";
        assert_eq!(html(text).blocks, [heading(1, "Shop"), paragraph("Open daily.")]);
    }

    #[test]
    fn tables_of_facts_keep_rows_headers_and_row_headers() {
        let text = "<table><caption>Prices</caption><thead><tr><td>Size</td><th>Price</th></tr></thead>
                    <tr><th>S</th><td><ul><li>€8</li><li>€9 | used</li></ul></td></tr><tr><th>M</th></tr></table>";
        let rows = vec![row(&["S", "€8; €9 | used"]), row(&["M", ""])];
        assert_eq!(
            html(text).blocks,
            [paragraph("Prices"), Block::Table { header: row(&["Size", "Price"]), rows }]
        );
        let plain =
            "<table><tr><td>Mon</td><td>9-17</td></tr><tr><td>Tue</td><td>closed</td></tr></table>";
        let rows = vec![row(&["Mon", "9-17"]), row(&["Tue", "closed"])];
        assert_eq!(html(plain).blocks, [Block::Table { header: Vec::new(), rows }]);
    }

    #[test]
    fn a_table_that_would_be_mostly_empty_becomes_its_cells() {
        let text =
            format!("<table><tr>{}{}</table>", "<td>a".repeat(2_000), "<tr><th>b".repeat(2_000));
        let read = html(&text);
        assert_eq!(read.blocks.len(), 4_000);
        assert_eq!((&read.blocks[0], &read.blocks[3_999]), (&paragraph("a"), &paragraph("b")));
        let full = format!("<table>{}</table>", "<tr><td>a<td>b<td>c".repeat(40_000));
        assert!(
            matches!(&html(&full).blocks[..], [Block::Table { rows, .. }] if rows.len() == 40_000)
        );
    }

    #[test]
    fn tables_that_place_things_become_their_cells() {
        let text = "<table><tr><td><p>Menu</p></td><td><h2>Shop</h2><p>Open.</p>
                    <table><tr><th>Day</th></tr><tr><td>Mon</td></tr></table></td></tr></table>";
        let inner = Block::Table { header: row(&["Day"]), rows: vec![row(&["Mon"])] };
        assert_eq!(
            html(text).blocks,
            [paragraph("Menu"), heading(2, "Shop"), paragraph("Open."), inner]
        );
    }

    #[test]
    fn definitions_stay_with_their_terms_and_lists_with_their_levels() {
        let text = "<dl><dt>Deposit</dt> <dd><p>€50</p></dd><dt>Fee</dt><dd>none</dd></dl>
                    <ol start=3><li>A<ul><li>B</li></ul></li><li>C</li></ol>";
        let item = |level, marker: &str, text: &str| Block::Item {
            level,
            marker: marker.to_owned(),
            text: text.to_owned(),
        };
        let expected = [
            paragraph("Deposit\n€50"),
            paragraph("Fee\nnone"),
            item(0, "1.", "A"),
            item(1, "-", "B"),
            item(0, "2.", "C"),
        ];
        assert_eq!(html(text).blocks, expected);
    }

    #[test]
    fn cards_that_are_one_link_keep_their_text_and_address() {
        let text = "<a href='https://a.example/x'><h3>Quay 7</h3><p>A bike.</p></a><a href=/y><p>More</p></a>";
        let expected = [
            heading(3, "Quay 7"),
            paragraph("A bike."),
            paragraph("https://a.example/x"),
            paragraph("More"),
        ];
        assert_eq!(html(text).blocks, expected);
    }

    #[test]
    fn what_looks_like_markdown_in_a_page_is_text() {
        let text = "<p># 5 * 3 * 2 [x](y) _z_ `a` &lt;b&gt; 1. c</p><pre>a  b\n* c ``` d</pre>";
        let expected = [
            paragraph("# 5 * 3 * 2 [x](y) _z_ `a` <b> 1. c"),
            Block::Code("a  b\n* c ``` d".to_owned()),
        ];
        assert_eq!(html(text).blocks, expected);
    }

    #[test]
    fn deep_nesting_is_refused_and_the_deepest_that_is_not_is_read() {
        let deep = format!("{}x", "<div>".repeat(100_000));
        assert_eq!(read(&deep, String::new()), Err(Unreadable::TooDeep(sieve::MAX_DEPTH)));
        for unit in [
            "<div>",
            "<ul><li>",
            "<table><tr><td>",
            "<blockquote>",
            "<dl><dd>",
            "<section><p>",
            "<pre>",
        ] {
            let text = format!("{}x", unit.repeat(sieve::MAX_DEPTH));
            assert!(!html(&text).blocks.is_empty(), "{unit}");
        }
    }
}
