//! Hostile office files, spreadsheets and e-books: archives with false metadata, and small XML that
//! expands.

use std::io::{Cursor, Write};

use super::{Document, Fate};

fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn doc(name: &str, bytes: Vec<u8>, fate: Fate) -> Document {
    Document { name: name.to_owned(), bytes, fate }
}

const WORD: &str = "xmlns:w=\"http://w\" xmlns:r=\"http://r\"";
const RELATIONS: &str = "<Relationships><Relationship Id=\"d\" Type=\"x/officeDocument\" Target=\"word/document.xml\"/></Relationships>";

fn word(body: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let document = format!("<w:document {WORD}><w:body>{body}</w:body></w:document>");
    let parts = [("_rels/.rels", RELATIONS.as_bytes()), ("word/document.xml", document.as_bytes())];
    zip(&[&parts[..], more].concat())
}

fn paragraph(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

const TEXT: &str = "application/vnd.oasis.opendocument.text";
const SHEET: &str = "application/vnd.oasis.opendocument.spreadsheet";

fn open(kind: &str, body: &str) -> Vec<u8> {
    let inner = if kind == TEXT { "text" } else { "spreadsheet" };
    let content = format!(
        "<o:document xmlns:o=\"o\" xmlns:t=\"t\" xmlns:b=\"b\" xmlns:x=\"x\"><o:body><o:{inner}>{body}</o:{inner}></o:body></o:document>"
    );
    zip(&[("mimetype", kind.as_bytes()), ("content.xml", content.as_bytes())])
}

fn workbook(sheet: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let book = format!(
        "<workbook xmlns=\"{main}\" xmlns:r=\"{relation}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
    );
    let relations = format!(
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"r1\" Type=\"{relation}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
         <Relationship Id=\"r2\" Type=\"{relation}/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>"
    );
    let sheet = format!("<worksheet xmlns=\"{main}\">{sheet}</worksheet>");
    let package = format!(
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"r1\" Type=\"{relation}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let parts = [
        ("_rels/.rels", package.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    zip(&[&parts[..], more].concat())
}

fn slides(list: &str, slide: &str) -> Vec<u8> {
    let relations = "<Relationships><Relationship Id=\"d\" Type=\"x/officeDocument\" Target=\"ppt/presentation.xml\"/></Relationships>";
    let own = "<Relationships><Relationship Id=\"s\" Type=\"x/slide\" Target=\"slides/slide1.xml\"/></Relationships>";
    let show = format!("<p:presentation xmlns:p=\"p\" xmlns:r=\"r\">{list}</p:presentation>");
    let slide = format!(
        "<p:sld xmlns:p=\"p\" xmlns:a=\"a\"><p:cSld><p:spTree>{slide}</p:spTree></p:cSld></p:sld>"
    );
    zip(&[
        ("_rels/.rels", relations.as_bytes()),
        ("ppt/presentation.xml", show.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", own.as_bytes()),
        ("ppt/slides/slide1.xml", slide.as_bytes()),
    ])
}

fn book(spine: &str, chapter: &str) -> Vec<u8> {
    let container = "<container><rootfiles><rootfile full-path=\"b.opf\"/></rootfiles></container>";
    let package = format!(
        "<package><metadata><title>Book</title></metadata><manifest><item id=\"c\" href=\"c.xhtml\" media-type=\"application/xhtml+xml\"/></manifest><spine>{spine}</spine></package>"
    );
    zip(&[
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container.as_bytes()),
        ("b.opf", package.as_bytes()),
        ("c.xhtml", chapter.as_bytes()),
    ])
}

pub(super) fn all() -> Vec<Document> {
    let mut all = archives();
    all.extend(words());
    all.extend(sheets());
    all.extend(opened());
    all.extend(shown());
    all
}

/// Archives that unpack to very much or have false metadata.
fn archives() -> Vec<Document> {
    let blanks = vec![b' '; 80 << 20];
    let bomb = Fate::Refused("unpacks to more");
    let mut all = Vec::new();
    for (kind, part) in [
        ("docx", "word/document.xml"),
        ("pptx", "ppt/presentation.xml"),
        ("xlsx", "xl/sharedStrings.xml"),
        ("odt", "content.xml"),
        ("ods", "content.xml"),
        ("epub", "META-INF/container.xml"),
    ] {
        let mime = match kind {
            "odt" => TEXT,
            "ods" => SHEET,
            "epub" => "application/epub+zip",
            _ => "",
        };
        let bytes = zip(&[("mimetype", mime.as_bytes()), (part, &blanks)]);
        all.push(doc(&format!("zip-bomb.{kind}"), bytes.clone(), bomb));
        // The central directory declares one byte for each part.
        let mut lying = bytes;
        let list = lying.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
        lying[list + 24..list + 28].copy_from_slice(&1_u32.to_le_bytes());
        all.push(doc(&format!("zip-lies.{kind}"), lying, Fate::Refused("")));
    }
    let names: Vec<String> = (0..12_000).map(|n| format!("word/{n}")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    all.push(doc("zip-many.docx", zip(&many), Fate::Refused("more than 10000 files")));
    let nested = zip(&[("a.docx", &zip(&[("b.docx", &zip(&[("c", &blanks[..1 << 20])]))]))]);
    all.push(doc("zip-nested.docx", nested, Fate::Refused("zip archive")));
    // Every entry of the central directory points to the same bytes.
    let mut overlapping = zip(&[("word/document.xml", &blanks[..30 << 20])]);
    let list = overlapping.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    let end = overlapping.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let (entry, mut tail) = (overlapping[list..end].to_vec(), overlapping.split_off(end));
    for _ in 1..50 {
        overlapping.extend(&entry);
    }
    tail[8..10].copy_from_slice(&50_u16.to_le_bytes());
    tail[10..12].copy_from_slice(&50_u16.to_le_bytes());
    tail[12..16].copy_from_slice(&u32::try_from(entry.len() * 50).unwrap().to_le_bytes());
    overlapping.extend(tail);
    all.push(doc("zip-overlapping.docx", overlapping, Fate::Refused("")));
    all
}

fn words() -> Vec<Document> {
    let hello = paragraph("The shop opens at nine.");
    let deep = |levels: usize, open: &str, close: &str| {
        [open.repeat(levels), hello.clone(), close.repeat(levels)].concat()
    };
    let boxed =
        deep(40, "<w:p><w:r><w:pict><w:txbxContent>", "</w:txbxContent></w:pict></w:r></w:p>");
    let note = "n".repeat(1 << 17);
    let notes = format!(
        "<w:footnotes {WORD}><w:footnote w:id=\"1\"><w:p><w:r><w:t>{note}</w:t></w:r></w:p></w:footnote></w:footnotes>"
    );
    let address = format!("https://a.example/{}", "x".repeat(1 << 20));
    let links = |target: &str, kind: &str, more: &str| {
        format!(
            "<Relationships><Relationship Id=\"l\" Type=\"x/{kind}\" Target=\"{target}\" {more}/></Relationships>"
        )
    };
    let referred = "<w:p><w:r><w:footnoteReference w:id=\"1\"/></w:r></w:p>".repeat(2000);
    let linked =
        "<w:p><w:hyperlink r:id=\"l\"><w:r><w:t>a</w:t></w:r></w:hyperlink></w:p>".repeat(2000);
    let cell =
        |inside: &str, property: &str| format!("<w:tc><w:tcPr>{property}</w:tcPr>{inside}</w:tc>");
    let merged = format!(
        "<w:tbl><w:tr>{}{}</w:tr>{}</w:tbl>",
        cell(&paragraph(&note), "<w:vMerge w:val=\"restart\"/>"),
        cell(&paragraph("a"), ""),
        format!("<w:tr>{}{}</w:tr>", cell("", "<w:vMerge/>"), cell(&paragraph("b"), ""))
            .repeat(1000)
    );
    let wide = format!(
        "<w:tbl>{}</w:tbl>",
        format!(
            "<w:tr>{}{}</w:tr>",
            cell("", "<w:gridSpan w:val=\"64\"/>").repeat(40),
            cell(&paragraph("a"), "")
        )
        .repeat(2000)
    );
    let entities: String = (1..9)
        .map(|n| format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10)))
        .collect();
    let laughs = format!(
        "<!DOCTYPE w [<!ENTITY e0 \"ha\">{entities}]><w:document {WORD}><w:body><w:p><w:r><w:t>&e8;</w:t></w:r></w:p></w:body></w:document>"
    );
    let attributes: String = (0..40_000).map(|n| format!(" a{n}=\"\"")).collect();
    let damaged = Fate::Refused("damaged");
    vec![
        doc("boxes.docx", word(&boxed, &[]), Fate::Either),
        doc(
            "boxes-deeper.docx",
            word(
                &deep(
                    5000,
                    "<w:p><w:r><w:pict><w:txbxContent>",
                    "</w:txbxContent></w:pict></w:r></w:p>",
                ),
                &[],
            ),
            damaged,
        ),
        doc(
            "nested-tables.docx",
            word(&deep(160, "<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"), &[]),
            Fate::Either,
        ),
        doc(
            "nested-controls.docx",
            word(&deep(100_000, "<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>"), &[]),
            damaged,
        ),
        doc(
            "notes.docx",
            word(
                &(hello.clone() + &referred),
                &[
                    ("word/footnotes.xml", notes.as_bytes()),
                    (
                        "word/_rels/document.xml.rels",
                        links("footnotes.xml", "footnotes", "").as_bytes(),
                    ),
                ],
            ),
            Fate::Read,
        ),
        doc(
            "links.docx",
            word(
                &(hello.clone() + &linked),
                &[(
                    "word/_rels/document.xml.rels",
                    links(&address, "hyperlink", "TargetMode=\"External\"").as_bytes(),
                )],
            ),
            Fate::Read,
        ),
        doc("merged.docx", word(&(hello.clone() + &merged), &[]), Fate::Read),
        doc("wide-table.docx", word(&(hello.clone() + &wide), &[]), Fate::Refused("cells")),
        doc(
            "laughs.docx",
            zip(&[("_rels/.rels", RELATIONS.as_bytes()), ("word/document.xml", laughs.as_bytes())]),
            damaged,
        ),
        doc("attributes.docx", word(&format!("<w:p{attributes}/>{hello}"), &[]), damaged),
        doc("elements.docx", word(&"<w:p/>".repeat(2_500_000), &[]), damaged),
        doc(
            "namespaces.docx",
            word(
                &(0..20_000).map(|n| format!("<w:p xmlns:n{n}=\"n{n}\"/>")).collect::<String>(),
                &[],
            ),
            damaged,
        ),
        doc(
            "styles.docx",
            word(
                &hello,
                &[
                    (
                        "word/styles.xml",
                        format!(
                            "<w:styles {WORD}>{}</w:styles>",
                            "<w:style w:styleId=\"a\"><w:basedOn w:val=\"a\"/></w:style>"
                                .repeat(10_000)
                        )
                        .as_bytes(),
                    ),
                    ("word/_rels/document.xml.rels", links("styles.xml", "styles", "").as_bytes()),
                ],
            ),
            Fate::Read,
        ),
        doc("one-word.docx", word(&paragraph(&"a".repeat(1 << 17)), &[]), Fate::Read),
    ]
}

fn sheets() -> Vec<Document> {
    let shared = |text: &str, number: usize| {
        format!(
            "<sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">{}</sst>",
            format!("<si><t>{text}</t></si>").repeat(number)
        )
    };
    let long = shared(&"s".repeat(1 << 17), 1);
    let used: String = (1..2000).map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>0</v></c><c r=\"B{row}\"><v>1</v></c></row>")).collect();
    let far: String = (1..20_000)
        .map(|row| format!("<row r=\"{row}\"><c r=\"ALK{row}\"><v>1</v></c></row>"))
        .collect();
    let small = "<sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>Open</t></is></c></row></sheetData>";
    let merged: String = (1..3000).map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\" t=\"inlineStr\"><is><t>a</t></is></c><c r=\"B{row}\"><v>1</v></c></row>")).collect();
    let areas: String =
        (0..5000).map(|n| format!("<mergeCell ref=\"C{}:D1048576\"/>", n + 1)).collect();
    let styles = format!(
        "<styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><cellXfs>{}</cellXfs></styleSheet>",
        "<xf/>".repeat(2_000_000)
    );
    let cells = |text: &str, property: &str| {
        format!("<b:table-cell {property}><t:p>{text}</t:p></b:table-cell>")
    };
    let table = |rows: &str| format!("<b:table b:name=\"S\">{rows}</b:table>");
    let big = "m".repeat(1 << 17);
    vec![
        doc(
            "shared.xlsx",
            workbook(
                &format!("<sheetData>{used}</sheetData>"),
                &[("xl/sharedStrings.xml", long.as_bytes())],
            ),
            Fate::Refused("MB of text"),
        ),
        doc(
            "strings.xlsx",
            workbook(small, &[("xl/sharedStrings.xml", shared("", 2_000_000).as_bytes())]),
            Fate::Either,
        ),
        doc(
            "far-column.xlsx",
            workbook(&format!("<sheetData>{far}</sheetData>"), &[]),
            Fate::Refused("cells"),
        ),
        doc(
            "dimension.xlsx",
            workbook(&format!("<dimension ref=\"A1:XFD1048576\"/>{small}"), &[]),
            Fate::Read,
        ),
        doc(
            "last-cell.xlsx",
            workbook(
                "<sheetData><row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row><row r=\"4294967295\"><c r=\"ZZZZZZZ9\"><v>1</v></c></row></sheetData>",
                &[],
            ),
            Fate::Either,
        ),
        doc(
            "merged.xlsx",
            workbook(
                &format!("<sheetData>{merged}</sheetData><mergeCells>{areas}</mergeCells>"),
                &[],
            ),
            Fate::Either,
        ),
        doc(
            "styles.xlsx",
            workbook(small, &[("xl/styles.xml", styles.as_bytes())]),
            Fate::Refused(""),
        ),
        doc(
            "columns.ods",
            open(
                SHEET,
                &table(&format!(
                    "<b:table-row b:number-rows-repeated=\"1048576\">{}</b:table-row>",
                    cells("a", "b:number-columns-repeated=\"16384\"")
                )),
            ),
            Fate::Either,
        ),
        doc(
            "cells.ods",
            open(
                SHEET,
                &table(
                    &format!(
                        "<b:table-row>{}</b:table-row>",
                        cells("a", "b:number-columns-repeated=\"16384\"")
                    )
                    .repeat(1000),
                ),
            ),
            // Repeated rows add nothing new: most are left out.
            Fate::Read,
        ),
        doc(
            "repeated.ods",
            open(
                SHEET,
                &table(&format!(
                    "<b:table-row>{}</b:table-row>",
                    cells(&big, "b:number-columns-repeated=\"1000\"")
                )),
            ),
            Fate::Either,
        ),
        doc(
            "spanned.ods",
            open(
                SHEET,
                &table(&format!(
                    "<b:table-row>{}{}</b:table-row>{}",
                    cells(&big, "b:number-rows-spanned=\"1000000\""),
                    cells("a", ""),
                    format!("<b:table-row><b:covered-table-cell/>{}</b:table-row>", cells("b", ""))
                        .repeat(1000)
                )),
            ),
            Fate::Either,
        ),
        doc("tables.ods", open(SHEET, &table("<b:table-row/>").repeat(50_000)), Fate::Refused("")),
    ]
}

fn opened() -> Vec<Document> {
    let hello = "<t:p>The shop opens at nine.</t:p>";
    let deep = |levels: usize, open: &str, close: &str| {
        [&open.repeat(levels), hello, &close.repeat(levels)].concat()
    };
    let list: String = (0..20_000).map(|n| format!("<t:list-style b:name=\"l{n}\"><t:list-level-style-number/></t:list-style><t:list t:style-name=\"l{n}\"><t:list-item>{hello}</t:list-item></t:list>")).collect();
    vec![
        doc(
            "spaces.odt",
            open(TEXT, &"<t:p>a<t:s t:c=\"2000000000\"/>b<t:tab/></t:p>".repeat(1000)),
            Fate::Read,
        ),
        doc(
            "sections.odt",
            open(TEXT, &deep(100_000, "<t:section>", "</t:section>")),
            Fate::Refused("damaged"),
        ),
        doc(
            "frames.odt",
            open(TEXT, &deep(120, "<t:p><x:frame><x:text-box>", "</x:text-box></x:frame></t:p>")),
            Fate::Either,
        ),
        doc(
            "lists.odt",
            open(TEXT, &deep(150, "<t:list><t:list-item>", "</t:list-item></t:list>")),
            Fate::Either,
        ),
        doc("list-styles.odt", open(TEXT, &list), Fate::Read),
        doc(
            "notes.odt",
            open(
                TEXT,
                &format!(
                    "<t:p>{}</t:p>{hello}",
                    deep(100, "<t:note><t:note-body>", "</t:note-body></t:note>")
                ),
            ),
            Fate::Read,
        ),
    ]
}

fn shown() -> Vec<Document> {
    let shape = "<p:sp><p:txBody><a:p><a:r><a:t>The shop opens at nine.</a:t></a:r></a:p></p:txBody></p:sp>";
    let ids = |number: usize| {
        format!("<p:sldIdLst>{}</p:sldIdLst>", "<p:sldId id=\"1\" r:id=\"s\"/>".repeat(number))
    };
    let deep = |levels: usize| {
        ["<p:grpSp>".repeat(levels), shape.to_owned(), "</p:grpSp>".repeat(levels)].concat()
    };
    let big = "m".repeat(1 << 17);
    let cell = |text: &str, more: &str| {
        format!("<a:tc {more}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>")
    };
    let merged = format!(
        "<p:graphicFrame><a:tbl><a:tr>{}{}</a:tr>{}</a:tbl></p:graphicFrame>",
        cell(&big, ""),
        cell("a", ""),
        format!("<a:tr>{}{}</a:tr>", cell("", "vMerge=\"1\""), cell("b", "")).repeat(1000)
    );
    let page = |body: &str| {
        format!("<html><body><h1>A</h1><p>The shop opens at nine.</p>{body}</body></html>")
    };
    let item = "<itemref idref=\"c\"/>";
    vec![
        doc("slides.pptx", slides(&ids(100_000), shape), Fate::Read),
        doc("groups.pptx", slides(&ids(1), &deep(200)), Fate::Either),
        doc("groups-deeper.pptx", slides(&ids(1), &deep(100_000)), Fate::Refused("")),
        doc("merged.pptx", slides(&ids(1), &(shape.to_owned() + &merged)), Fate::Read),
        doc("shapes.pptx", slides(&ids(1), &shape.repeat(20_000)), Fate::Read),
        doc("spine.epub", book(&item.repeat(100_000), &page("")), Fate::Read),
        doc("deep.epub", book(item, &page(&"<div>".repeat(100_000))), Fate::Refused("")),
        doc("tags.epub", book(item, &page(&"<p>x".repeat(900_000))), Fate::Refused("")),
        doc(
            "large.epub",
            book(item, &page(&" ".repeat(60 << 20))),
            Fate::Refused("unpacks to more"),
        ),
    ]
}
