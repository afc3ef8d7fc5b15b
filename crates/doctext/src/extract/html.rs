//! Reads HTML into blocks: sanitizes it, converts it to Markdown and reads that.

use super::converter::{convert, sanitized, to_markdown};
use super::{Block, ExtractedDocument, Unreadable, markdown, one_line};

/// Reads a page. Its title is `<title>`, else the first heading of level 1, else `name`.
pub(super) fn read(text: &str, name: String) -> Result<ExtractedDocument, Unreadable> {
    let mut page = sanitized(text, false)?;
    let mut markdown = convert(&page)?;
    if markdown.trim().is_empty() {
        page = sanitized(text, true)?;
        markdown = convert(&page)?;
    }
    let mut extracted = markdown::read(&markdown, name);
    if let Some(title) = page.title.as_deref().and_then(title) {
        extracted.title = title;
    }
    Ok(extracted)
}

/// Returns the text of the title, with entities such as `&amp;` decoded.
fn title(source: &str) -> Option<String> {
    let source = one_line(source).replace('<', "&lt;");
    let markdown = to_markdown(&format!("<p>{source}</p>")).ok()?;
    markdown::blocks(&markdown).into_iter().find_map(|block| match block {
        Block::Paragraph(text) => Some(one_line(&text)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sanitizer;
    use super::*;

    fn html(text: &str) -> ExtractedDocument {
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
        assert_eq!(read(&deep, String::new()), Err(Unreadable::TooDeep(sanitizer::MAX_DEPTH)));
        for unit in [
            "<div>",
            "<ul><li>",
            "<table><tr><td>",
            "<blockquote>",
            "<dl><dd>",
            "<section><p>",
            "<pre>",
        ] {
            let text = format!("{}x", unit.repeat(sanitizer::MAX_DEPTH));
            assert!(!html(&text).blocks.is_empty(), "{unit}");
        }
    }
}
