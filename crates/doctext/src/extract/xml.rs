//! Parses XML into a tree of limited size. Refuses document types, so there are no entities and no
//! external resources.

use roxmltree::{Document, Node, ParsingOptions};

/// Maximum nodes of a document; each takes about 60 bytes.
const MAX_NODES: u32 = 2_000_000;
/// Maximum nesting of elements.
const MAX_DEPTH: usize = 512;
/// Maximum attributes of a tag, which are compared with each other, and of a document.
const MAX_IN_TAG: usize = 1000;
const MAX_ATTRIBUTES: usize = 2_000_000;
/// Maximum namespace declarations: elements inherit lists of them.
const MAX_NAMESPACES: usize = 12_000;

/// Parses a document; `None` if it is not XML or exceeds a limit.
pub(super) fn parse(text: &str) -> Option<Document<'_>> {
    if !is_bounded(text) {
        return None;
    }
    let options =
        ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).ok()
}

/// Checks the limits before parsing, because the parser does its work before it returns a tree.
fn is_bounded(text: &str) -> bool {
    let (mut depth, mut attributes, mut namespaces) = (0_usize, 0_usize, 0_usize);
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let skipped = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")].into_iter().find_map(
            |(begin, end)| {
                let inside = after.strip_prefix(begin)?;
                Some(inside.split_once(end).map_or("", |(_, behind)| behind))
            },
        );
        if let Some(behind) = skipped {
            rest = behind;
            continue;
        }
        let (tag, behind) = after.split_at(tag_length(after));
        rest = behind;
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
            continue;
        }
        depth += usize::from(!tag.ends_with('/'));
        let own = tag.bytes().filter(|byte| *byte == b'=').count();
        // Counts too many if values contain the sign, as URLs do.
        if own > MAX_IN_TAG {
            return false;
        }
        attributes += own;
        namespaces += if own > 0 { tag.matches("xmlns").count() } else { 0 };
        if depth > MAX_DEPTH || attributes > MAX_ATTRIBUTES || namespaces > MAX_NAMESPACES {
            return false;
        }
    }
    true
}

/// Returns the length of a tag; a `>` in quotation marks does not end it.
fn tag_length(text: &str) -> usize {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return at,
            _ => {}
        }
    }
    text.len()
}

/// Returns the local name of an element; empty for other nodes.
pub(super) fn name<'a>(node: Node<'a, '_>) -> &'a str {
    if node.is_element() { node.tag_name().name() } else { "" }
}

/// Returns an attribute by its local name.
pub(super) fn attribute<'a>(node: Node<'a, '_>, wanted: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.name() == wanted).map(|found| found.value())
}

/// Returns the first child with this name.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, wanted: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| name(*child) == wanted)
}

/// Returns the first descendant with this name.
pub(super) fn below<'a, 'i>(node: Node<'a, 'i>, wanted: &str) -> Option<Node<'a, 'i>> {
    node.descendants().find(|child| name(*child) == wanted)
}

/// Returns all text below an element.
pub(super) fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::format_collect, reason = "inputs of tests are written as they read best")]

    use super::*;

    #[test]
    fn what_would_keep_the_parser_for_hours_is_no_document() {
        assert!(
            parse("<a x='1>2' y=\"<\"><!-- <b> --><![CDATA[<c>]]><d/></a>").is_none(),
            "a `<` in a value"
        );
        assert!(parse("<a x='1>2'><!-- <b> --><![CDATA[<c>]]><d/><?e <f>?></a>").is_some());
        let deep = |levels: usize| "<a>".repeat(levels) + &"</a>".repeat(levels);
        assert!(parse(&deep(500)).is_some());
        assert!(parse(&deep(600)).is_none());
        let wide = |number: usize| (0..number).map(|n| format!(" a{n}=''")).collect::<String>();
        assert!(parse(&format!("<a{}/>", wide(900))).is_some());
        assert!(parse(&format!("<a{}/>", wide(1100))).is_none());
        let named: String = (0..13_000).map(|n| format!("<b xmlns:n{n}='n{n}'/>")).collect();
        assert!(parse(&format!("<a>{named}</a>")).is_none());
    }
}
