//! What a page says beside its text (links, canonical address, robots directives), and the format
//! of a document from the web. `extract` reads the text.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use encoding_rs::Encoding;
use frontdesk_doctext::extract::FORMATS;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer,
    TokenizerOpts,
};
use url::Url;

use super::robots::NAME;

/// Maximum links of a page that are followed.
const MAX_LINKS: usize = 2000;
/// Maximum length of a link and of a `<base>`, in bytes; longer ones are ignored.
const MAX_LINK_LEN: usize = 2048;
/// Bytes fed to the tokenizer at once, and the time limit for a page.
const PIECE: usize = 16 * 1024;
const TIMEOUT: Duration = Duration::from_secs(3);

/// Links and directives of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PageFacts {
    /// Link targets in order, without duplicates.
    pub(super) links: Vec<Url>,
    /// The canonical address.
    pub(super) canonical: Option<Url>,
    /// Robots directives.
    pub(super) robots: RobotsDirectives,
}

/// Robots directives of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RobotsDirectives {
    /// The text must not be learned.
    pub(super) no_index: bool,
    /// The links must not be followed.
    pub(super) no_follow: bool,
}

impl RobotsDirectives {
    /// Adds the directives of a robots meta tag or header, such as `noindex, nofollow`.
    pub(super) fn add(&mut self, content: &str) {
        for word in content.split([',', ' ', ':']) {
            match word.trim().to_ascii_lowercase().as_str() {
                "none" => (self.no_index, self.no_follow) = (true, true),
                "noindex" => self.no_index = true,
                "nofollow" => self.no_follow = true,
                _ => {}
            }
        }
    }

    /// Adds an `X-Robots-Tag` header, unless it is for another crawler.
    pub(super) fn add_header(&mut self, value: &str) {
        let named = value.split_once(':').map(|(name, rest)| (name.trim(), rest));
        match named {
            Some((name, rest)) if name.eq_ignore_ascii_case(NAME) => self.add(rest),
            Some((name, _)) if !name.is_empty() && !name.contains([' ', ',', '_']) => {}
            _ => self.add(value),
        }
    }
}

/// Reads links and directives of a page. `address` is where it was found.
pub(super) fn facts(html: &str, address: &Url) -> PageFacts {
    let started = Instant::now();
    let input = BufferQueue::default();
    let sink = Sink(RefCell::new(PageLinks::default()));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let mut rest = html;
    // The tokenizer compares each attribute of a tag with all earlier ones: a tag with a million of
    // them would take hours.
    while !rest.is_empty() && started.elapsed() < TIMEOUT {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE));
        input.push_back(StrTendril::from_slice(piece));
        // `feed` returns early only when the sink asks for it, and this one never does.
        let _ = tokenizer.feed(&input);
        rest = behind;
    }
    tokenizer.sink.0.into_inner().resolved(address)
}

/// Links and directives as written in the tags.
#[derive(Default)]
struct PageLinks {
    base: Option<String>,
    hrefs: Vec<String>,
    canonical: Option<String>,
    robots: RobotsDirectives,
}

struct Sink(RefCell<PageLinks>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let TagToken(tag) = token else { return TokenSinkResult::Continue };
        if tag.kind != StartTag {
            return TokenSinkResult::Continue;
        }
        self.0.borrow_mut().tag(&tag);
        // The content of these elements is not HTML.
        match &*tag.name {
            "script" => TokenSinkResult::RawData(ScriptData),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
                TokenSinkResult::RawData(Rawtext)
            }
            "title" | "textarea" => TokenSinkResult::RawData(Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }
}

impl PageLinks {
    fn tag(&mut self, tag: &Tag) {
        let get = |name: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| attribute.value.trim())
        };
        let address = || get("href").filter(|href| href.len() <= MAX_LINK_LEN);
        let has = |name: &str, word: &str| {
            get(name).is_some_and(|value| {
                value.split_whitespace().any(|one| one.eq_ignore_ascii_case(word))
            })
        };
        match &*tag.name {
            "base" if self.base.is_none() => self.base = address().map(ToOwned::to_owned),
            "a" | "area" if self.hrefs.len() < MAX_LINKS && !has("rel", "nofollow") => {
                self.hrefs.extend(address().map(ToOwned::to_owned));
            }
            "link" if has("rel", "canonical") && self.canonical.is_none() => {
                self.canonical = address().map(ToOwned::to_owned);
            }
            "link" if self.hrefs.len() < MAX_LINKS && has("rel", "next") => {
                self.hrefs.extend(address().map(ToOwned::to_owned));
            }
            "meta" if has("name", "robots") || has("name", NAME) => {
                self.robots.add(get("content").unwrap_or_default());
            }
            "meta" if self.hrefs.len() < MAX_LINKS && has("http-equiv", "refresh") => {
                let content = get("content").unwrap_or_default();
                let target =
                    content.to_ascii_lowercase().find("url=").and_then(|at| content.get(at + 4..));
                let target = target.filter(|url| url.len() <= MAX_LINK_LEN);
                self.hrefs.extend(target.map(|url| url.trim_matches(['\'', '"', ' ']).to_owned()));
            }
            _ => {}
        }
    }

    fn resolved(self, address: &Url) -> PageFacts {
        let base = self.base.and_then(|base| address.join(&base).ok());
        let base = base.as_ref().unwrap_or(address);
        let mut links: Vec<Url> = Vec::new();
        let mut known = std::collections::HashSet::new();
        let followed = self.hrefs.iter().filter(|_| !self.robots.no_follow);
        for mut link in followed.filter_map(|href| base.join(href).ok()) {
            link.set_fragment(None);
            if matches!(link.scheme(), "http" | "https") && known.insert(link.clone()) {
                links.push(link);
            }
        }
        let canonical = self.canonical.and_then(|href| base.join(&href).ok());
        PageFacts { links, canonical, robots: self.robots }
    }
}

/// Extensions of files that are no documents and not worth a request.
const NO_DOCUMENTS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "bmp", "tif", "tiff", "heic", "mp3",
    "m4a", "ogg", "wav", "flac", "mp4", "m4v", "webm", "mov", "avi", "mkv", "css", "js", "mjs",
    "map", "wasm", "woff", "woff2", "ttf", "otf", "eot", "zip", "gz", "tgz", "bz2", "xz", "7z",
    "rar", "tar", "dmg", "iso", "exe", "msi", "apk", "deb", "rpm", "jar", "ics", "vcf", "rss",
    "atom", "torrent",
];

/// Whether an address may be a document, by its extension.
pub(super) fn may_be_document(url: &Url) -> bool {
    ending(url).is_none_or(|ending| !NO_DOCUMENTS.contains(&ending.as_str()))
}

/// Extension of an address's last path segment, in lower case.
fn ending(url: &Url) -> Option<String> {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    last.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase())
}

/// Content types and the extensions of their formats.
const TYPES: &[(&str, &str)] = &[
    ("text/html", "html"),
    ("application/xhtml+xml", "html"),
    ("text/markdown", "md"),
    ("text/x-markdown", "md"),
    ("text/csv", "csv"),
    ("text/tab-separated-values", "tsv"),
    ("application/pdf", "pdf"),
    ("application/json", "json"),
    ("application/ld+json", "json"),
    ("application/x-ndjson", "jsonl"),
    ("application/jsonl", "jsonl"),
    ("application/epub+zip", "epub"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    ("application/vnd.oasis.opendocument.text", "odt"),
];
/// Generic content types; the address's extension is more specific.
const VAGUE: &[&str] = &[
    "",
    "text/plain",
    "application/octet-stream",
    "binary/octet-stream",
    "application/force-download",
];

/// File name for extraction, with the extension of the format. `None` when the format is not
/// supported.
pub(super) fn file_name(url: &Url, content_type: &str, bytes: &[u8]) -> Option<String> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let own = ending(url).filter(|ending| FORMATS.contains(&ending.as_str()));
    let format = match TYPES.iter().find(|(name, _)| *name == kind) {
        Some((_, format)) => (*format).to_owned(),
        None if !VAGUE.contains(&kind.as_str()) => return None,
        None if looks_like_html(bytes) => "html".to_owned(),
        None if kind == "text/plain" => own.unwrap_or_else(|| "txt".to_owned()),
        None => own?,
    };
    if !FORMATS.contains(&format.as_str()) {
        return None;
    }
    let last = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let stem =
        percent_decoded(if stem.is_empty() { url.host_str().unwrap_or("page") } else { stem });
    Some(format!("{}.{format}", stem.replace(['/', '\\'], "-")))
}

/// Whether a document is an HTML page, by its extraction name.
pub(super) fn is_page(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ending == "html")
}

fn looks_like_html(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(bytes.get(..512).unwrap_or(bytes)).to_ascii_lowercase();
    let start = start.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// Decodes a path segment: `lost%20property`.
fn percent_decoded(text: &str) -> String {
    // Form decoding turns `+` into a space; in a path it stands for itself.
    let text = text.replace('+', "%2B");
    url::form_urlencoded::parse(text.as_bytes())
        .next()
        .map_or(text.clone(), |(name, _)| name.into_owned())
}

/// Converts a page to UTF-8 when the server names its encoding; otherwise returns it unchanged.
pub(super) fn in_utf_8(bytes: Vec<u8>, content_type: &str) -> Vec<u8> {
    let charset = content_type.split(';').skip(1).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let encoding = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    match encoding {
        Some(encoding) if std::str::from_utf8(&bytes).is_err() => {
            encoding.decode(&bytes).0.into_owned().into_bytes()
        }
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(html: &str) -> PageFacts {
        facts(html, &Url::parse("https://a.com/help/start").unwrap())
    }

    fn links(html: &str) -> Vec<String> {
        read(html).links.into_iter().map(String::from).collect()
    }

    #[test]
    fn a_page_leads_where_its_links_say() {
        let html = r##"<html><head><title><a href="/title">x</a></title><link rel="next" href="?p=2"></head>
            <body><A HREF='two'>2</a> <a href=/three>3</a> <a href="//b.com/x">b</a> <a href="#top">top</a>
            <a href="two#again">again</a> <a rel="nofollow sponsored" href="/ad">ad</a> <a name="no">no</a>
            <a href="mailto:x@a.com">mail</a> <a href="javascript:void(0)">js</a> <a href="http://[bad">bad</a>
            <script>document.write('<a href="/script">')</script><!-- <a href="/comment"> -->
            <map><area href="/map"></map> <a href="/a?x=1&amp;y=2">amp</a><a href="/unclosed"##;
        let expected = [
            "https://a.com/help/start?p=2",
            "https://a.com/help/two",
            "https://a.com/three",
            "https://b.com/x",
            "https://a.com/help/start",
            "https://a.com/map",
            "https://a.com/a?x=1&y=2",
        ];
        assert_eq!(links(html), expected);
        assert_eq!(
            links("<base href='/docs/'><base href='/no/'><a href=x>x</a>"),
            ["https://a.com/docs/x"]
        );
        assert_eq!(
            links("<meta http-equiv=Refresh content=\"0; URL='/new'\">"),
            ["https://a.com/new"]
        );
    }

    #[test]
    fn a_page_says_what_it_wants() {
        let page = read(
            "<link rel=canonical href=/help><meta name=ROBOTS content='NoIndex, follow'><a href=/x>x</a>",
        );
        assert_eq!(page.canonical.unwrap().as_str(), "https://a.com/help");
        assert_eq!((page.robots.no_index, page.links.len()), (true, 1));
        assert!(read("<a href=/x>x</a><meta name=frontdesk content=none>").links.is_empty());
        let header = |value: &str| {
            let mut robots = RobotsDirectives::default();
            robots.add_header(value);
            (robots.no_index, robots.no_follow)
        };
        assert_eq!(header("noindex"), (true, false));
        assert_eq!(header("frontdesk: none"), (true, true));
        assert_eq!(header("otherbot: noindex"), (false, false));
        assert_eq!(header("noarchive, nofollow"), (false, true));
        assert_eq!(header("unavailable_after: 25 Jun 2010"), (false, false));
    }

    #[test]
    fn the_format_is_what_server_and_address_say() {
        let name =
            |url: &str, kind: &str, bytes: &[u8]| file_name(&Url::parse(url).unwrap(), kind, bytes);
        assert_eq!(
            name("https://a.com/", "text/html; charset=utf-8", b"").as_deref(),
            Some("a.com.html")
        );
        assert_eq!(
            name("https://a.com/lost%20property/", "TEXT/HTML", b"").as_deref(),
            Some("lost property.html")
        );
        assert_eq!(
            name("https://a.com/faq.php?x=1", "text/html", b"").as_deref(),
            Some("faq.html")
        );
        assert_eq!(
            name("https://a.com/prices.csv", "text/plain", b"a,b").as_deref(),
            Some("prices.csv")
        );
        assert_eq!(name("https://a.com/notes", "text/plain", b"a").as_deref(), Some("notes.txt"));
        assert_eq!(
            name("https://a.com/notes", "text/plain", b" <!DOCTYPE html>").as_deref(),
            Some("notes.html")
        );
        assert_eq!(
            name("https://a.com/a.md", "application/octet-stream", b"# A").as_deref(),
            Some("a.md")
        );
        assert_eq!(name("https://a.com/a", "", b"abc"), None);
        assert_eq!(name("https://a.com/a.md", "image/png", b"abc"), None);
        for url in
            ["https://a.com/a", "https://a.com/a.pdf", "https://a.com/v1.2/", "https://a.com/"]
        {
            assert!(may_be_document(&Url::parse(url).unwrap()), "{url}");
        }
        assert!(!may_be_document(&Url::parse("https://a.com/a.b/Logo.PNG?x=1").unwrap()));
    }

    #[test]
    fn the_encoding_that_the_server_names_is_used() {
        let latin = in_utf_8(b"Caf\xE9".to_vec(), "text/html; Charset=\"ISO-8859-1\"");
        assert_eq!(latin, "Café".as_bytes());
        assert_eq!(in_utf_8("Café".into(), "text/html; charset=iso-8859-1"), "Café".as_bytes());
        assert_eq!(in_utf_8(b"Caf\xE9".to_vec(), "text/html; charset=klingon"), b"Caf\xE9");
    }

    #[test]
    fn a_page_of_links_alone_is_bounded() {
        let html: Vec<_> = (0..5000).map(|n| format!("<a href=/{n}>{n}</a>")).collect();
        let html = html.concat();
        assert_eq!(links(&html).len(), MAX_LINKS);
    }

    #[test]
    fn a_tag_of_endless_attributes_is_given_up() {
        let attributes: Vec<_> = (0..400_000).map(|n| format!(" a{n}")).collect();
        let attributes = attributes.concat();
        let started = Instant::now();
        let found = links(&format!("<a href=/first>1</a><a{attributes}><a href=/last>2</a>"));
        assert_eq!(found, ["https://a.com/first"]);
        assert!(started.elapsed() < TIMEOUT * 4, "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn no_page_breaks_the_reader(parts in proptest::collection::vec(
            "(<a href=['\"]?[a-z/:.#?%\\[\\]]{0,8}['\"]?>|<base href=.{0,4}>|</?script>|<title>|<!--|<meta name=robots content=\\PC{0,4}>|<link rel=canonical href=[a-z:/]{0,6}>|\\PC{0,8}|<|&[a-z]{0,4};)", 0..30)) {
            read(&parts.concat());
        }
    }
}
