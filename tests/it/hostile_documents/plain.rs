//! Hostile texts: endless nesting, expansion, endless lines and words, unexpected characters.

use super::{Document, Fate};

fn doc(name: &str, text: impl Into<Vec<u8>>, fate: Fate) -> Document {
    Document { name: name.to_owned(), bytes: text.into(), fate }
}

const KB: usize = 1024;

pub(super) fn all() -> Vec<Document> {
    let mut all = pages();
    all.extend(markdown());
    all.extend(rows());
    all.extend(values());
    all.extend(texts());
    all
}

fn pages() -> Vec<Document> {
    let page = |body: &str| {
        format!(
            "<!doctype html><html><body><h1>Shop</h1><p>It opens at nine.</p>{body}</body></html>"
        )
    };
    let attributes: String = (0..40_000).map(|n| format!(" a{n}=b")).collect();
    let quoted = ["<blockquote>".repeat(250), "<p>a".repeat(20_000)].concat();
    let listed = ["<ul><li>".repeat(120), "<br>a".repeat(20_000)].concat();
    let coded = format!("<p>&{}lt;div&gt;{}", "amp;".repeat(2000), "x".repeat(KB));
    let tables = ["<table><tr><td>".repeat(120), "a".to_owned()].concat();
    vec![
        doc("deep.html", page(&"<div>".repeat(100_000)), Fate::Refused("nests elements")),
        doc("deep-tables.html", page(&tables), Fate::Either),
        doc("deep-inline.html", page(&"<b><i><span>".repeat(100_000)), Fate::Read),
        doc("deep-links.html", page(&"<a href=/x>".repeat(100_000)), Fate::Either),
        doc("tags.html", page(&"<p>x".repeat(450_000)), Fate::Refused("tags")),
        doc("attributes.html", page(&format!("<a{attributes} href=x>y</a>")), Fate::Read),
        doc("unclosed-tags.html", page(&"<a href=\"".repeat(100_000)), Fate::Either),
        doc("unclosed-remarks.html", page(&"<!--".repeat(200_000)), Fate::Read),
        doc("unclosed-scripts.html", page(&"<script>".repeat(100_000)), Fate::Read),
        doc("unclosed-selects.html", page(&"<select><svg><textarea>".repeat(50_000)), Fate::Either),
        doc("quotes.html", page(&quoted), Fate::Read),
        doc("lists.html", page(&listed), Fate::Read),
        doc("coded.html", page(&coded), Fate::Read),
        doc(
            "base.html",
            format!(
                "<base href='/{}/'>{}",
                "b".repeat(KB * KB),
                page(&"<a href=x>y</a> ".repeat(3000))
            ),
            Fate::Read,
        ),
        doc(
            "cells.html",
            page(&format!(
                "<table>{}</table>",
                format!("<tr>{}</tr>", "<td>a</td>".repeat(200)).repeat(200)
            )),
            Fate::Read,
        ),
        // Each row would be padded to the widest one.
        doc(
            "missing-cells.html",
            page(&format!("<table><tr>{}{}</table>", "<td>".repeat(6000), "<tr><td>".repeat(5122))),
            Fate::Read,
        ),
        doc(
            "column-names.html",
            page(&format!(
                "<table><tr><th>{}</th><th>b</th></tr>{}</table>",
                "n".repeat(100 * KB),
                "<tr><td>a</td><td>b</td></tr>".repeat(3000)
            )),
            Fate::Refused("MB of text"),
        ),
        doc("one-word.html", page(&"a".repeat(64 * KB)), Fate::Read),
        doc("entities.html", page(&"&#x1F4A9;&amp;&lt;&nosuch;".repeat(40_000)), Fate::Read),
    ]
}

fn markdown() -> Vec<Document> {
    let headings: String =
        (1..6).map(|level| format!("{} {}\n\n", "#".repeat(level), "h".repeat(190))).collect();
    let mut all = vec![
        doc(
            "questions.md",
            headings + &"###### Open?\n\nyes\n\n".repeat(80_000),
            Fate::Refused("MB of text"),
        ),
        doc(
            "references.md",
            format!(
                "[a]: https://a.example/{}\n\n{}",
                "x".repeat(200 * KB),
                "[a] ".repeat(100_000)
            ),
            Fate::Read,
        ),
        doc(
            "tables.md",
            format!("|{}\n|{}\n{}", "a|".repeat(1000), "-|".repeat(1000), "|x\n".repeat(20_000)),
            Fate::Either,
        ),
        doc("front-matter.md", format!("---\n{}\n", "a: b\n".repeat(200_000)), Fate::Either),
        doc("footnotes.md", "[^a][^b]\n\n[^a]: x[^b]\n[^b]: y[^a]\n".repeat(10_000), Fate::Read),
        doc(
            "missing-cells.md",
            format!(
                "It opens at nine.\n\n<table><tr>{}{}</table>\n",
                "<td>".repeat(5000),
                "<tr><td>".repeat(4500)
            ),
            Fate::Read,
        ),
        doc("fences.md", "```\na\n".repeat(60_000), Fate::Either),
    ];
    for (name, unit) in [
        ("quotes", "> "),
        ("bullets", "- "),
        ("brackets", "["),
        ("stars", "*"),
        ("pictures", "!["),
        ("bold", "<b>"),
        ("ticks", "`a``b"),
        ("strong", "**a "),
        ("lines", "_a *b "),
        ("rows", "|a"),
        ("divs", "<div>\n"),
        ("closings", "](a"),
        ("quoted-lines", ">>>> - 1. a\n"),
    ] {
        all.push(doc(
            &format!("nested-{name}.md"),
            format!("It opens at nine.\n\n{}", unit.repeat(30_000)),
            Fate::Either,
        ));
    }
    all
}

fn rows() -> Vec<Document> {
    let names = (0..500).map(|n| format!("{n}{}", "n".repeat(2000))).collect::<Vec<_>>().join(",");
    let row = vec!["a"; 500].join(",") + "\n";
    vec![
        doc("one-field.csv", format!("Name,Text\na,\"{}\"\n", "word ".repeat(20 * KB)), Fate::Read),
        doc("open-quote.csv", format!("Name,Text\na,\"{}", "b,c\n".repeat(20 * KB)), Fate::Either),
        doc("open-quotes.csv", "Name,Text\n".to_owned() + &"a,\"b\n".repeat(60_000), Fate::Either),
        doc("columns.csv", vec!["a"; 1_000_000].join(","), Fate::Refused("columns")),
        doc(
            "column-names.csv",
            format!("{names}\n{}", row.repeat(2000)),
            Fate::Refused("MB of text"),
        ),
        doc("rows.csv", "Name,Text\n".to_owned() + &"a,b\n".repeat(210_000), Fate::Refused("rows")),
        doc("delimiters.tsv", "\t;,|".repeat(10 * KB), Fate::Either),
        doc("separator.csv", "sep=\u{1}\na\u{1}b\n", Fate::Either),
    ]
}

fn values() -> Vec<Document> {
    let deep = |number: usize, open: &str, close: &str| {
        [open.repeat(number), "1".to_owned(), close.repeat(number)].concat()
    };
    vec![
        doc("deep.json", deep(100_000, "[", "]"), Fate::Refused("JSON")),
        doc("deep-fields.json", deep(100_000, "{\"a\":", "}"), Fate::Refused("JSON")),
        doc("nearly-deep.json", deep(120, "{\"a\":{\"b\":1},\"c\":[", "]}"), Fate::Either),
        doc("values.json", format!("[{}1]", "1,".repeat(1_100_000)), Fate::Refused("values")),
        doc(
            "empty-lists.json",
            format!("[{}[]]", "[],".repeat(1_100_000)),
            Fate::Refused("values"),
        ),
        doc("numbers.json", format!("[{}1]", "1e308,-1e-300,".repeat(50_000)), Fate::Read),
        doc("digits.json", format!("[{}]", "9".repeat(64 * KB)), Fate::Either),
        doc(
            "fields.json",
            format!(
                "{{{}\"z\":1}}",
                (0..60_000).map(|n| format!("\"field{n}\":{n},")).collect::<String>()
            ),
            Fate::Either,
        ),
        doc(
            "name.json",
            format!("{{\"{}\": {{\"a\":[{{\"b\":1}}]}}}}", "N".repeat(64 * KB)),
            Fate::Either,
        ),
        doc(
            "escapes.json",
            format!("[\"{}\"]", "\\u0000\\ud83d\\ude00\\u202e".repeat(30_000)),
            Fate::Read,
        ),
        doc("broken-lines.jsonl", "{\"a\": 1}\n{\n".repeat(60_000), Fate::Read),
        doc("values.jsonl", "[1,2,3,4,5,6,7,8,9]\n".repeat(120_000), Fate::Refused("values")),
    ]
}

/// Large content in one paragraph, word or line, and unexpected characters. A megabyte with
/// `HOSTILE_FULL`.
fn texts() -> Vec<Document> {
    let mb = if std::env::var_os("HOSTILE_FULL").is_some() { KB * KB } else { 64 * KB };
    let mut all = Vec::new();
    for (name, unit) in [
        ("word", "a"),
        ("line", "word "),
        ("dots", "."),
        ("dashes", "-"),
        ("digits", "7"),
        ("blanks", "a \u{3000}"),
        ("sentences", "A. "),
        ("questions", "Why? "),
        ("lines", "a\n"),
        ("headings", "OPEN\n\n"),
        ("bullets", "- a\n"),
        ("rules", "Ab\n==\n"),
        ("chinese", "我们九点开门"),
        ("thai", "เปิดเก้าโมง"),
        ("marks", "a\u{301}\u{302}\u{303}"),
        ("joined", "👨\u{200d}👩\u{200d}👧"),
        ("flags", "🇫🇷"),
        ("reversed", "\u{202e}a\u{202c}"),
        ("ligatures", "ﷺ"),
        ("nulls", "a\u{0}"),
        ("returns", "\r\r\n"),
    ] {
        let text = unit.repeat(mb / unit.len());
        all.push(doc(&format!("text-{name}.txt"), text, Fate::Either));
    }
    let utf_16: Vec<u8> =
        "öffnet um neun\n".repeat(30_000).encode_utf16().flat_map(u16::to_le_bytes).collect();
    all.push(doc("text-utf-16.txt", [vec![0xFF, 0xFE], utf_16].concat(), Fate::Read));
    all.push(doc(
        "text-bytes.txt",
        (0..=255).cycle().take(mb / 2).collect::<Vec<u8>>(),
        Fate::Refused(""),
    ));
    all.push(doc("text-high.txt", vec![0xE4; mb / 2], Fate::Either));
    all.push(doc("text-broken-utf-8.txt", [0xF0, 0x9F, b'a', 0xC3].repeat(mb / 8), Fate::Either));
    all.push(doc("text-of-zeros.pdf", vec![0; mb], Fate::Refused("")));
    all
}
