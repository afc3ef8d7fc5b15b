//! XML as a tree of bounded size. Declares no entities and loads nothing from elsewhere: a document type is refused.

use roxmltree::{Document, Node, ParsingOptions};

/// The most nodes of a document; each takes some 60 bytes.
const MAX_NODES: u32 = 4_000_000;

/// Reads a document; `None` when it is no XML, or too much of it.
pub(super) fn parse(text: &str) -> Option<Document<'_>> {
    let options =
        ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).ok()
}

/// The name of an element without its prefix; empty for what is no element.
pub(super) fn name<'a>(node: Node<'a, '_>) -> &'a str {
    if node.is_element() { node.tag_name().name() } else { "" }
}

/// An attribute by its name without prefix.
pub(super) fn attribute<'a>(node: Node<'a, '_>, wanted: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.name() == wanted).map(|found| found.value())
}

/// The first child of this name.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, wanted: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| name(*child) == wanted)
}

/// The first element of this name anywhere below.
pub(super) fn below<'a, 'i>(node: Node<'a, 'i>, wanted: &str) -> Option<Node<'a, 'i>> {
    node.descendants().find(|child| name(*child) == wanted)
}

/// All text below an element, as it is.
pub(super) fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}
