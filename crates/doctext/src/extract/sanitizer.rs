//! Cleans HTML before it is parsed: keeps only tags that structure text, properly nested, with
//! limited depth and without attributes. So the parser's work is limited for any input. Decides
//! nothing about the text.

/// Maximum nesting of elements.
pub(super) const MAX_DEPTH: usize = 256;

/// Maximum tags: each takes some hundred bytes as an element.
pub(super) const MAX_TAGS: usize = 400_000;
/// Maximum nesting of lists; deeper ones become text, because each level indents all its lines.
const MAX_LISTS: usize = 8;

/// Elements that need an end tag.
const CONTAINERS: &[&str] = &[
    "a",
    "address",
    "article",
    "aside",
    "blockquote",
    "caption",
    "center",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "legend",
    "main",
    "menu",
    "nav",
    "ol",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "ul",
];
/// Elements that the next one of their kind also closes.
const SELF_ENDING: &[&str] = &["p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot"];
/// Elements whose content is not text of the page.
const OPAQUE: &[&str] = &[
    "script", "style", "title", "noscript", "template", "svg", "math", "iframe", "object",
    "canvas", "audio", "video", "select", "datalist", "textarea",
];
/// Inline elements, removed without a replacement.
const INLINE: &[&str] = &[
    "span", "b", "strong", "i", "em", "u", "small", "big", "font", "mark", "sub", "sup", "abbr",
    "acronym", "cite", "code", "kbd", "samp", "var", "q", "time", "data", "dfn", "ins", "bdi",
    "bdo", "ruby", "rb", "rt", "tt", "nobr", "wbr",
];
/// Elements for struck-through text.
const CROSSED_OUT: &[&str] = &["del", "s", "strike"];
/// Other elements, replaced by a space.
const OTHER: &[&str] = &[
    "html", "head", "body", "meta", "link", "base", "br", "hr", "img", "input", "button", "label",
    "option", "output", "progress", "meter", "col", "colgroup", "picture", "source", "track",
    "embed", "param", "area", "map", "rp", "slot", "frame", "frameset", "noframes", "optgroup",
];

/// Whether HTML has an element with this name.
pub(super) fn is_html(name: &str) -> bool {
    [CONTAINERS, SELF_ENDING, OPAQUE, INLINE, CROSSED_OUT, OTHER]
        .iter()
        .any(|names| names.contains(&name))
}

/// Returns the lower-case name of the tag at the start of `source`; empty if there is none.
pub(super) fn tag_name(source: &str) -> String {
    let name = source.strip_prefix("</").or_else(|| source.strip_prefix('<')).unwrap_or_default();
    name_at(name).to_ascii_lowercase()
}

/// A sanitized page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SanitizedHtml {
    /// Text of the page with structural tags.
    pub(super) html: String,
    /// Raw content of `<title>`.
    pub(super) title: Option<String>,
    /// Maximum nesting in the page.
    pub(super) depth: usize,
}

/// Why a page is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nested deeper than `MAX_DEPTH`.
    TooDeep,
    /// More than `MAX_TAGS` tags.
    TooManyTags,
}

/// Sanitizes a page. `forms`: keep the text in forms.
pub(super) fn sanitize(source: &str, forms: bool) -> Result<SanitizedHtml, Refusal> {
    let mut sanitizer = Sanitizer { rest: source, forms, ..Sanitizer::default() };
    while let Some((text, rest)) = sanitizer.rest.split_once('<') {
        sanitizer.out.html.push_str(text);
        sanitizer.rest = rest;
        sanitizer.tag()?;
    }
    let mut out = sanitizer.out;
    out.html.push_str(sanitizer.rest);
    Ok(out)
}

#[derive(Default)]
struct Sanitizer<'a> {
    rest: &'a str,
    forms: bool,
    /// Open containers: the original name, and the name that is written.
    open: Vec<(&'static str, &'static str)>,
    /// Opaque elements without an end tag in the rest of the page.
    unclosed: Vec<&'static str>,
    tags: usize,
    out: SanitizedHtml,
}

impl Sanitizer<'_> {
    /// Reads what follows a `<`.
    fn tag(&mut self) -> Result<(), Refusal> {
        if let Some(comment) = self.rest.strip_prefix("!--") {
            self.rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            return Ok(());
        }
        if self.rest.starts_with(['!', '?']) {
            self.rest = self.rest.split_once('>').map_or("", |(_, rest)| rest);
            return Ok(());
        }
        let (end, source) = match self.rest.strip_prefix('/') {
            Some(source) => (true, source),
            None => (false, self.rest),
        };
        let name = name_at(source);
        if name.is_empty() {
            self.out.html.push_str("&lt;");
            return Ok(());
        }
        let attributes = source.get(name.len()..).unwrap_or_default();
        let length = length_of(attributes);
        self.rest = attributes.get(length + 1..).unwrap_or_default();
        let name = name.to_ascii_lowercase();
        if end {
            self.close(&name);
            return Ok(());
        }
        self.begin(&name, attributes.get(..length).unwrap_or_default())
    }

    fn begin(&mut self, name: &str, attributes: &str) -> Result<(), Refusal> {
        let shapes = find(CONTAINERS, name).or(find(SELF_ENDING, name)).is_some() || name == "br";
        self.tags += usize::from(shapes);
        if self.tags > MAX_TAGS {
            return Err(Refusal::TooManyTags);
        }
        if let Some(name) = find(CONTAINERS, name) {
            return self.open(name, attributes);
        }
        if let Some(name) = find(OPAQUE, name) {
            self.skip(name);
        } else if let Some(name) = find(SELF_ENDING, name) {
            self.write(&["<", name, ">"]);
        } else if CROSSED_OUT.contains(&name) {
            self.write(&["~~"]);
        } else if matches!(name, "br" | "hr") {
            self.write(&["<", name, ">"]);
        } else if name == "img" {
            let alt = attribute(attributes, "alt").unwrap_or_default().replace('<', "&lt;");
            self.write(&[&alt]);
        } else if !INLINE.contains(&name) {
            self.write(&[" "]);
        }
        Ok(())
    }

    fn open(&mut self, name: &'static str, attributes: &str) -> Result<(), Refusal> {
        self.end_unclosed(name);
        if self.open.len() >= MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        let shown = self.shown(name);
        self.open.push((name, shown));
        self.out.depth = self.out.depth.max(self.open.len());
        match attribute(attributes, "href").filter(|_| name == "a") {
            Some(url) => {
                let url = url.replace('"', "&quot;").replace('<', "&lt;");
                self.write(&["<a href=\"", &url, "\">"]);
            }
            None => self.write(&["<", shown, ">"]),
        }
        Ok(())
    }

    /// Closes an unclosed link before a link, and an unclosed heading before a heading: they do not
    /// nest.
    fn end_unclosed(&mut self, name: &str) {
        let is_heading = |name: &str| matches!(name.as_bytes(), [b'h', b'1'..=b'6']);
        match self.open.last() {
            Some((last, _)) if is_heading(name) && is_heading(last) => self.close(last),
            _ if name == "a" => self.close(name),
            _ => {}
        }
    }

    /// Returns the name to write instead. The header of an article contains its heading, and some
    /// pages are one large form.
    fn shown(&self, name: &'static str) -> &'static str {
        let within = |names: &[&str]| self.open.iter().any(|(name, _)| names.contains(name));
        match name {
            "header" | "footer" if within(&["main", "article", "section"]) => "div",
            "form" if self.forms => "div",
            // The quote marks before each line would be removed later anyway.
            "blockquote" => "div",
            "ul" | "ol" | "menu" | "dir" if self.lists() >= MAX_LISTS => "div",
            _ => name,
        }
    }

    fn lists(&self) -> usize {
        self.open.iter().filter(|(_, shown)| matches!(*shown, "ul" | "ol" | "menu" | "dir")).count()
    }

    /// Closes an element and everything open inside it. A table cell closes nothing outside of its
    /// table.
    fn close(&mut self, name: &str) {
        if let Some(name) = find(SELF_ENDING, name) {
            return self.write(&["</", name, ">"]);
        }
        if CROSSED_OUT.contains(&name) {
            return self.write(&["~~"]);
        }
        let table = self.open.iter().rposition(|(open, _)| *open == "table").unwrap_or(0);
        let Some(at) =
            self.open.iter().rposition(|(open, _)| *open == name).filter(|at| *at >= table)
        else {
            return;
        };
        while self.open.len() > at {
            if let Some((_, shown)) = self.open.pop() {
                self.write(&["</", shown, ">"]);
            }
        }
    }

    fn skip(&mut self, name: &'static str) {
        let found = if self.unclosed.contains(&name) { None } else { end_of(self.rest, name) };
        let Some((start, end)) = found else {
            self.unclosed.push(name);
            if matches!(name, "script" | "style") {
                self.rest = "";
            }
            return;
        };
        if name == "title" && self.out.title.is_none() {
            self.out.title = self.rest.get(..start).map(str::to_owned);
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
    }

    fn write(&mut self, parts: &[&str]) {
        self.out.html.extend(parts.iter().copied());
    }
}

fn find(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.iter().find(|known| **known == name).copied()
}

fn name_at(source: &str) -> &str {
    if !source.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return "";
    }
    let end = source.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | ':' | '_'));
    source.get(..end.unwrap_or(source.len())).unwrap_or_default()
}

/// Returns the number of bytes before the `>` that ends a tag; a `>` in quotation marks does not.
fn length_of(attributes: &str) -> usize {
    let (mut quote, mut value) = (None, false);
    for (at, byte) in attributes.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return at,
            (None, b'"' | b'\'') if value => quote = Some(byte),
            (None, byte) => value = byte == b'=' || (value && byte.is_ascii_whitespace()),
        }
    }
    attributes.len()
}

/// Returns the raw value of an attribute.
fn attribute<'a>(mut attributes: &'a str, wanted: &str) -> Option<&'a str> {
    loop {
        attributes = attributes.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        let end = attributes
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/'))
            .unwrap_or(attributes.len());
        let (name, rest) = attributes.split_at_checked(end)?;
        let rest = rest.trim_start();
        if name.is_empty() && !rest.starts_with('=') {
            return None;
        }
        let Some(value) = rest.strip_prefix('=') else {
            attributes = rest;
            continue;
        };
        let (value, rest) = value_at(value.trim_start());
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        attributes = rest;
    }
}

fn value_at(source: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = source.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    source.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((source, ""))
}

/// Returns where the end tag of an element starts and ends.
fn end_of(source: &str, name: &str) -> Option<(usize, usize)> {
    for (at, _) in source.match_indices("</") {
        let tag = source.get(at + 2..).unwrap_or_default();
        if name_at(tag).eq_ignore_ascii_case(name) {
            let after = tag.get(name.len()..).unwrap_or_default();
            return Some((
                at,
                source.len() - after.len() + (length_of(after) + 1).min(after.len()),
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(source: &str) -> String {
        sanitize(source, false).expect("it is not deep").html
    }

    #[test]
    fn only_the_tags_that_shape_a_text_stay() {
        let source = "<!DOCTYPE html><BODY class=x><div id='a>b' style=\"c\"><p>One <b>two</b><!-- <p> --> \
                      <img src=x alt='a bike'></P></div><button>Go</button></BODY>";
        assert_eq!(html(source), " <div><p>One two a bike</p></div> Go");
    }

    #[test]
    fn scripts_go_with_all_they_hold_and_the_title_is_kept() {
        let sanitized = sanitize(
            "<title>A &amp; b</TITLE ><script>if (a</b>) '<p>'</script>x<style>p{}",
            false,
        );
        assert_eq!(
            sanitized,
            Ok(SanitizedHtml {
                html: "x".to_owned(),
                title: Some("A &amp; b".to_owned()),
                depth: 0
            })
        );
        assert_eq!(html("<svg><title>no</title></svg>yes"), "yes");
        assert_eq!(html("<select>yes"), "yes");
    }

    #[test]
    fn links_keep_only_their_address() {
        assert_eq!(
            html("<a class=x HREF = 'b?c&amp;d\"' onclick=y>z</a>"),
            "<a href=\"b?c&amp;d&quot;\">z</a>"
        );
        assert_eq!(html("<a href=b/c x>z</a><a name>y</a>"), "<a href=\"b/c\">z</a><a>y</a>");
    }

    #[test]
    fn what_is_no_tag_stays_text() {
        assert_eq!(html("1 < 2 <3 </ x"), "1 &lt; 2 &lt;3 &lt;/ x");
        assert_eq!(html("<s>€8</s> €5"), "~~€8~~ €5");
    }

    #[test]
    fn end_tags_without_a_beginning_go_and_open_elements_are_closed() {
        assert_eq!(
            html("<div><section></x></section></div></div>"),
            "<div><section></section></div>"
        );
        assert_eq!(html("<div><ul><li>a</div>b"), "<div><ul><li>a</ul></div>b");
        assert_eq!(html("<div><table><td></div>a</table>"), "<div><table><td>a</table>");
    }

    #[test]
    fn a_header_in_an_article_is_text_and_a_pages_header_is_not() {
        let source = "<header>a</header><main><header>b</header></main>";
        assert_eq!(html(source), "<header>a</header><main><div>b</div></main>");
    }

    #[test]
    fn deep_nesting_is_refused_and_unclosed_paragraphs_are_not() {
        assert_eq!(sanitize(&"<div>".repeat(100_000), false), Err(Refusal::TooDeep));
        assert_eq!(sanitize(&"<div><table></div>".repeat(100_000), false), Err(Refusal::TooDeep));
        assert!(sanitize(&"<p>x<br><li>y<b><a name=z><h2>".repeat(50_000), false).is_ok());
        assert_eq!(sanitize(&"<p>x".repeat(500_000), false), Err(Refusal::TooManyTags));
    }
}
