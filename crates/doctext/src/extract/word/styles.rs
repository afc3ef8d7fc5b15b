//! Reads styles and lists of a Word document, which determine the role of a paragraph. Reads no
//! text.

use std::collections::HashMap;

use roxmltree::Node;

use crate::extract::xml;

/// Maximum depth of style inheritance.
const MAX_BASES: usize = 12;

/// Maximum lists; further ones get bullets.
const MAX_LISTS: usize = 20_000;

/// Direct properties of a style.
#[derive(Debug, Default)]
struct Style {
    name: String,
    base: Option<String>,
    outline: Option<u8>,
    list: Option<(String, u8)>,
    bold: Option<bool>,
}

/// Effective style of a paragraph.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ParagraphStyle {
    /// Heading level, from 1; `None` for body text.
    pub(super) heading: Option<u8>,
    /// Whether it is the document's title.
    pub(super) title: bool,
    /// Whether it is an entry of the table of contents.
    pub(super) contents: bool,
    /// Whether its text is bold by default.
    pub(super) bold: bool,
    /// List id and nesting level from 0; `None` outside of lists.
    pub(super) list: Option<(String, u8)>,
}

/// Styles of a document.
#[derive(Debug, Default)]
pub(super) struct Styles {
    by_id: HashMap<String, Style>,
}

impl Styles {
    /// Reads the styles part; empty if it cannot be parsed.
    pub(super) fn read(text: &str) -> Self {
        let Some(document) = xml::parse(text) else { return Self::default() };
        let style = |node| {
            let id = xml::attribute(node, "styleId").filter(|_| xml::name(node) == "style")?;
            let value =
                |name| xml::child(node, name).and_then(|child| xml::attribute(child, "val"));
            let own = own(node);
            let name = value("name").unwrap_or(id).to_lowercase();
            Some((id.to_owned(), Style { name, base: value("basedOn").map(str::to_owned), ..own }))
        };
        Self { by_id: document.descendants().filter_map(style).collect() }
    }

    /// Returns the effective style of a paragraph: direct properties, then its style, then the
    /// styles it is based on.
    pub(super) fn of(&self, paragraph: Node<'_, '_>) -> ParagraphStyle {
        let own = own(paragraph);
        let properties = xml::child(paragraph, "pPr");
        let named = properties.and_then(|all| xml::child(all, "pStyle"));
        let mut next = named.and_then(|style| xml::attribute(style, "val"));
        let mut look = ParagraphStyle { list: own.list, ..ParagraphStyle::default() };
        let (mut outline, mut bold) = (own.outline, None);
        for _ in 0..MAX_BASES {
            let Some(style) = next.and_then(|id| self.by_id.get(id)) else { break };
            look.title |= style.name == "title";
            look.contents |= style.name.starts_with("toc ") || style.name == "contents heading";
            let level = style.name.strip_prefix("heading ").and_then(|level| level.parse().ok());
            outline = outline.or(level.map(|level: u8| level.saturating_sub(1))).or(style.outline);
            look.list = look.list.or_else(|| style.list.clone());
            bold = bold.or(style.bold);
            next = style.base.as_deref();
        }
        look.bold = bold.unwrap_or(false);
        look.heading = if look.title {
            Some(1)
        } else {
            outline.filter(|level| *level < 9).map(|level| level.saturating_add(1).min(6))
        };
        // List number 0 removes a paragraph from the list of its style.
        look.list = look.list.filter(|(list, _)| list != "0");
        look
    }
}

/// Returns the direct properties of a style or a paragraph.
fn own(node: Node<'_, '_>) -> Style {
    let properties = xml::child(node, "pPr");
    let value = |parent: Node<'_, '_>, name| {
        xml::child(parent, name).and_then(|child| xml::attribute(child, "val")).map(str::to_owned)
    };
    let list = properties.and_then(|all| xml::child(all, "numPr")).and_then(|list| {
        let level = value(list, "ilvl").and_then(|level| level.parse().ok()).unwrap_or(0);
        Some((value(list, "numId")?, std::cmp::min(level, 8)))
    });
    Style {
        outline: properties
            .and_then(|all| value(all, "outlineLvl"))
            .and_then(|level| level.parse().ok()),
        list,
        bold: xml::child(node, "rPr").and_then(|all| xml::child(all, "b")).map(is_on),
        ..Style::default()
    }
}

/// Whether a switch such as `<w:b/>` is on.
pub(super) fn is_on(switch: Node<'_, '_>) -> bool {
    !matches!(xml::attribute(switch, "val"), Some("0" | "false" | "off" | "none"))
}

/// Lists of a document, with the current item numbers.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Whether a level of a list is numbered.
    numbered: HashMap<(String, u8), bool>,
    counted: HashMap<String, [u32; 9]>,
}

impl Lists {
    /// Reads the numbering part; empty if it cannot be parsed.
    pub(super) fn read(text: &str) -> Self {
        let Some(document) = xml::parse(text) else { return Self::default() };
        let mut kinds: HashMap<&str, Vec<(u8, bool)>> = HashMap::new();
        for node in document.descendants().filter(|node| xml::name(*node) == "abstractNum") {
            let level = |level| {
                let depth =
                    xml::attribute(level, "ilvl")?.parse().ok().filter(|depth| *depth < 9)?;
                let format = xml::child(level, "numFmt").and_then(|f| xml::attribute(f, "val"));
                let numbered = !matches!(format, Some("bullet" | "none") | None);
                Some((depth, numbered))
            };
            let id = xml::attribute(node, "abstractNumId").unwrap_or_default();
            kinds.insert(id, node.children().filter_map(level).collect());
        }
        let mut lists = Self::default();
        let nums = document.descendants().filter(|node| xml::name(*node) == "num");
        for node in nums.take(MAX_LISTS) {
            let kind = xml::child(node, "abstractNumId").and_then(|id| xml::attribute(id, "val"));
            let id = xml::attribute(node, "numId").unwrap_or_default();
            for (level, numbered) in kind.and_then(|kind| kinds.get(kind)).into_iter().flatten() {
                lists.numbered.insert((id.to_owned(), *level), *numbered);
            }
        }
        lists
    }

    /// Returns the marker of the next item of a list: `-`, or its number.
    pub(super) fn marker(&mut self, list: &str, level: u8) -> String {
        if !self.numbered.get(&(list.to_owned(), level)).copied().unwrap_or(false) {
            return "-".to_owned();
        }
        let counted = self.counted.entry(list.to_owned()).or_default();
        let mut number = 0;
        for (depth, count) in counted.iter_mut().enumerate().skip(usize::from(level)) {
            *count = if depth == usize::from(level) { *count + 1 } else { 0 };
            number = number.max(*count);
        }
        format!("{number}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLES: &str = r#"<w:styles xmlns:w="w">
        <w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>
        <w:style w:styleId="Mine"><w:name w:val="My own"/><w:basedOn w:val="berschrift2"/></w:style>
        <w:style w:styleId="T"><w:name w:val="Title"/></w:style>
        <w:style w:styleId="TOC1"><w:name w:val="toc 1"/></w:style>
        <w:style w:styleId="LB"><w:name w:val="List Bullet"/><w:pPr><w:numPr><w:numId w:val="3"/></w:numPr></w:pPr></w:style>
        <w:style w:styleId="A"><w:name w:val="a"/><w:basedOn w:val="B"/></w:style>
        <w:style w:styleId="B"><w:name w:val="b"/><w:basedOn w:val="A"/></w:style></w:styles>"#;

    fn look(properties: &str) -> ParagraphStyle {
        let text = format!("<w:p xmlns:w='w'><w:pPr>{properties}</w:pPr></w:p>");
        let document = xml::parse(&text).unwrap();
        Styles::read(STYLES).of(document.root_element())
    }

    #[test]
    fn a_style_counts_through_what_it_is_based_on() {
        assert_eq!(look("<w:pStyle w:val='Mine'/>").heading, Some(2));
        assert_eq!(look("<w:pStyle w:val='Mine'/><w:outlineLvl w:val='0'/>").heading, Some(1));
        assert_eq!(look("<w:outlineLvl w:val='9'/>").heading, None);
        let title = look("<w:pStyle w:val='T'/>");
        assert!(title.title && title.heading == Some(1));
        assert!(look("<w:pStyle w:val='TOC1'/>").contents);
        assert_eq!(look("<w:pStyle w:val='LB'/>").list, Some(("3".to_owned(), 0)));
        let out = "<w:pStyle w:val='LB'/><w:numPr><w:numId w:val='0'/></w:numPr>";
        assert_eq!(look(out).list, None);
        assert_eq!(look("<w:pStyle w:val='A'/>"), ParagraphStyle::default());
    }

    #[test]
    fn numbered_lists_are_counted_and_inner_ones_begin_anew() {
        let mut lists = Lists::read(
            r#"<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="7">
            <w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/></w:lvl>
            <w:lvl w:ilvl="2"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>
            <w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num></w:numbering>"#,
        );
        let mut markers = |levels: &[u8]| {
            levels.iter().map(|level| lists.marker("1", *level)).collect::<Vec<_>>()
        };
        assert_eq!(markers(&[0, 1, 1, 2, 0, 1]), ["1.", "1.", "2.", "-", "2.", "1."]);
        assert_eq!(Lists::default().marker("9", 0), "-");
    }
}
