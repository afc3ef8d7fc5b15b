//! Parses sitemaps (sitemaps.org): XML, gzipped XML, or plain text with one address per line.
//! Fetches nothing.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Maximum unpacked bytes read of a sitemap; the rest is ignored.
const MAX_UNPACKED: u64 = 10 * 1024 * 1024;
/// Bytes inspected to detect a sitemap.
const SAMPLE: usize = 4096;
/// Maximum length of an address, in bytes.
const MAX_LEN: usize = 2048;

/// Addresses in a sitemap, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sitemap {
    /// Addresses of pages.
    Pages(Vec<String>),
    /// Addresses of other sitemaps.
    Index(Vec<String>),
}

/// Whether a file is an XML sitemap, gzipped or not.
pub(super) fn is_one(file: &[u8]) -> bool {
    let mut start = Vec::new();
    // A file that cannot be unpacked is no sitemap.
    drop(unpacked(file).take(SAMPLE as u64).read_to_end(&mut start));
    let start = String::from_utf8_lossy(&start);
    ["<urlset", "<sitemapindex"]
        .iter()
        .any(|root| start.contains(root) || has_prefixed(&start, root))
}

/// Whether the root has a namespace prefix: `<sm:urlset`.
fn has_prefixed(start: &str, root: &str) -> bool {
    let name = root.trim_start_matches('<');
    start
        .match_indices(name)
        .any(|(at, _)| start.get(..at).is_some_and(|before| before.ends_with(':')))
}

/// Parses a sitemap, up to `most` addresses. Addresses before a syntax error count; `None` when
/// there are none.
pub(super) fn read(file: &[u8], most: usize) -> Option<Sitemap> {
    let mut bytes = Vec::new();
    // A truncated gzip file is read as far as it goes.
    drop(unpacked(file).take(MAX_UNPACKED).read_to_end(&mut bytes));
    let text = decode(&bytes);
    let found = if text.trim_start().starts_with('<') {
        from_xml(&text, most)
    } else {
        Sitemap::Pages(from_lines(&text, most))
    };
    match &found {
        Sitemap::Pages(list) | Sitemap::Index(list) if list.is_empty() => None,
        _ => Some(found),
    }
}

fn unpacked(file: &[u8]) -> Box<dyn Read + '_> {
    if file.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    }
}

/// UTF-8, as the protocol requires, unless a byte order mark says otherwise.
fn decode(bytes: &[u8]) -> String {
    encoding_rs::UTF_8.decode(bytes).0.into_owned()
}

fn from_lines(text: &str, most: usize) -> Vec<String> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("http") && line.len() <= MAX_LEN);
    lines.take(most).map(ToOwned::to_owned).collect()
}

fn from_xml(text: &str, most: usize) -> Sitemap {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut walk = Walk::default();
    while walk.found.len() < most {
        match reader.read_event() {
            Ok(Event::Start(tag)) => walk.begin(tag.local_name().as_ref()),
            Ok(Event::End(tag)) => walk.end(tag.local_name().as_ref()),
            Ok(Event::Text(text)) => walk.text(&text),
            Ok(Event::CData(text)) => walk.text(&text),
            Ok(Event::GeneralRef(name)) => walk.reference(&name),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    if walk.index { Sitemap::Index(walk.found) } else { Sitemap::Pages(walk.found) }
}

/// Walks the elements. Only `<loc>` directly below `<url>` or `<sitemap>` counts, not that of an
/// image.
#[derive(Default)]
struct Walk {
    index: bool,
    /// Inside `<url>` or `<sitemap>`.
    entry: bool,
    /// Open elements below the entry.
    depth: usize,
    /// The address being read.
    loc: Option<String>,
    found: Vec<String>,
}

impl Walk {
    fn begin(&mut self, name: &str) {
        match name {
            "sitemapindex" => self.index = true,
            "url" | "sitemap" if !self.entry => (self.entry, self.depth) = (true, 0),
            _ if self.entry => {
                self.depth += 1;
                if name == "loc" && self.depth == 1 {
                    self.loc = Some(String::new());
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "url" | "sitemap" if self.depth == 0 => self.entry = false,
            _ if self.entry => {
                self.depth = self.depth.saturating_sub(1);
                if name == "loc" && self.depth == 0 {
                    let found = self.loc.take().map(|text| text.trim().to_owned());
                    self.found
                        .extend(found.filter(|text| !text.is_empty() && text.len() <= MAX_LEN));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, more: &str) {
        if let Some(loc) = self.loc.as_mut().filter(|loc| loc.len() <= MAX_LEN) {
            loc.push_str(more);
        }
    }

    fn reference(&mut self, name: &str) {
        let c = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => numbered(name),
        };
        if let Some(c) = c {
            self.text(c.encode_utf8(&mut [0; 4]));
        }
    }
}

/// Resolves a numeric character reference: `#38` or `#x26`.
fn numbered(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    code.ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    const PAGES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
  <!-- <url><loc>https://a.com/commented</loc></url> -->
  <url><loc> https://a.com/x?a=1&amp;b=2 </loc><lastmod>2024-01-01</lastmod>
    <image:image><image:loc>https://a.com/x.png</image:loc></image:image></url>
  <url><loc><![CDATA[https://a.com/y?c&d]]></loc></url>
  <url><loc>https://a.com/&#x7A;</loc></url>
  <url><loc></loc></url>
</urlset>"#;

    fn pages(file: &[u8], most: usize) -> Vec<String> {
        match read(file, most) {
            Some(Sitemap::Pages(list)) => list,
            other => panic!("no pages: {other:?}"),
        }
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_sitemap_lists_its_pages_and_not_their_images() {
        let expected = ["https://a.com/x?a=1&b=2", "https://a.com/y?c&d", "https://a.com/z"];
        assert!(is_one(PAGES.as_bytes()));
        assert_eq!(pages(PAGES.as_bytes(), 100), expected);
        let file = packed(PAGES.as_bytes());
        assert!(is_one(&file));
        assert_eq!(pages(&file, 100), expected);
        assert_eq!(pages(PAGES.as_bytes(), 1), ["https://a.com/x?a=1&b=2"]);
        let with_prefix =
            "<s:urlset xmlns:s='x'><s:url><s:loc>https://a.com/</s:loc></s:url></s:urlset>";
        assert!(is_one(with_prefix.as_bytes()));
        assert_eq!(pages(with_prefix.as_bytes(), 9), ["https://a.com/"]);
        assert_eq!(
            pages(b"https://a.com/1\r\nnonsense\nhttps://a.com/2\n", 9),
            ["https://a.com/1", "https://a.com/2"]
        );
    }

    #[test]
    fn an_index_lists_sitemaps() {
        let index = "<sitemapindex><sitemap><loc>https://a.com/1.xml</loc></sitemap><sitemap><loc>https://a.com/2.xml.gz</loc></sitemap></sitemapindex>";
        let expected =
            Sitemap::Index(vec!["https://a.com/1.xml".into(), "https://a.com/2.xml.gz".into()]);
        assert!(is_one(index.as_bytes()));
        assert_eq!(read(index.as_bytes(), 9), Some(expected));
    }

    #[test]
    fn what_comes_before_a_fault_counts() {
        for fault in [
            "</sitemap><url><loc>b",
            "<url><loc>https://a.com/b",
            "<!DOCTYPE",
            "&nothing",
            "<\u{0}>",
        ] {
            let text = format!("<urlset><url><loc>https://a.com/a</loc></url>{fault}");
            assert_eq!(pages(text.as_bytes(), 9), ["https://a.com/a"], "{fault}");
        }
        for nothing in ["", "<html><body>No</body></html>", "<urlset/>", "\u{1f}\u{8b}"] {
            assert_eq!(read(nothing.as_bytes(), 9), None, "{nothing}");
            assert!(!is_one(b"<html>"));
        }
        let cut = packed(PAGES.as_bytes());
        assert!(!is_one(&cut[..12]));
    }

    #[test]
    fn entities_are_not_multiplied() {
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><urlset><url><loc>https://a.com/&b;</loc></url></urlset>"#;
        assert_eq!(pages(bomb.as_bytes(), 9), ["https://a.com/"]);
    }

    #[test]
    fn a_packed_file_of_nothing_is_bounded() {
        let bomb = packed(&vec![b' '; 80 * 1024 * 1024]);
        assert!(bomb.len() < 1024 * 1024);
        assert!(!is_one(&bomb));
        assert_eq!(read(&bomb, 9), None);
    }

    proptest! {
        #[test]
        fn no_file_breaks_the_reader(file in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&file, 9);
            is_one(&file);
        }

        #[test]
        fn no_xml_breaks_the_reader(parts in proptest::collection::vec(
            "(<urlset>|</?url>|<loc>|</loc>|<sitemapindex>|</?sitemap>|<!\\[CDATA\\[|\\]\\]>|<!--|-->|&[a-z#0-9x]{0,8};|<\\?xml|<!DOCTYPE [^>]{0,5}|\\PC{0,6}|https://a.com/[a-z]{0,5}|<[a-z:]{0,4} ?[a-z]?=?['\"]?>)", 0..40)) {
            let text = parts.concat();
            read(text.as_bytes(), 9);
            prop_assert!(read(text.as_bytes(), 0).is_none());
        }
    }
}
