//! Part of formatting: converts known HTML tags in a reply to Markdown; every other `<` is text.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::patterns::{CODE, fixed};

/// Converts HTML tags outside code to Markdown, and escapes what else would be taken for HTML.
pub(super) fn without_tags(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut from = 0;
    for code in CODE.find_iter(markdown) {
        text.push_str(&prose(markdown.get(from..code.start()).unwrap_or("")));
        text.push_str(code.as_str());
        from = code.end();
    }
    text.push_str(&prose(markdown.get(from..).unwrap_or("")));
    text
}

fn prose(text: &str) -> Cow<'_, str> {
    let defined = DEFINITION.replace_all(text, r"$1\[$2]:$3");
    if !defined.contains('<') {
        return Cow::Owned(defined.into_owned());
    }
    let visible = INVISIBLE.replace_all(&defined, "");
    let linked = ANCHOR.replace_all(&visible, "[$2]($1)");
    Cow::Owned(TAG.replace_all(&linked, said_in_markdown).into_owned())
}

fn said_in_markdown(found: &Captures<'_>) -> String {
    let whole = found.get(0).map_or("", |whole| whole.as_str());
    let Some(name) = found.get(2) else {
        // An address in angle brackets is Markdown; a lone `<` is text.
        return if whole.len() > 1 { whole.to_owned() } else { r"\<".to_owned() };
    };
    let closing = found.get(1).is_some_and(|slash| !slash.is_empty());
    match (name.as_str().to_ascii_lowercase().as_str(), closing) {
        ("b" | "strong", _) => "**".to_owned(),
        ("i" | "em", _) => "*".to_owned(),
        ("s" | "del" | "strike", _) => "~~".to_owned(),
        ("code" | "kbd", _) => "`".to_owned(),
        ("pre", _) => "\n```\n".to_owned(),
        ("li", false) => "\n- ".to_owned(),
        ("td" | "th", true) => " ".to_owned(),
        ("br" | "tr", _) | ("li" | "dt" | "dd", true) => "\n".to_owned(),
        ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", false) => "\n\n## ".to_owned(),
        ("blockquote", false) => "\n\n> ".to_owned(),
        ("p" | "div" | "ul" | "ol" | "table" | "hr" | "section" | "blockquote", _)
        | ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", true) => "\n\n".to_owned(),
        _ => String::new(),
    }
}

/// A line that Markdown would take for a link definition and drop, although it has no address.
static DEFINITION: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?m)^( {0,3})\[([^\]\n]+)\]:([ \t]*(?:[^h</\s]|h[^t]|$))"));

/// Content that a browser does not show.
static INVISIBLE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?is)<!--.*?-->|<(?:script|style)\b[^>]*>.*?</(?:script|style)\s*>"));

static ANCHOR: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r#"(?is)<a\s[^<>]*?href\s*=\s*["']([^"'<>\s]*)["'][^<>]*>([^<>\[\]]*)</a\s*>"#)
});

/// A known tag with its slash and name, an address in angle brackets, or a lone `<`.
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r"(?i)<(/?)(a|abbr|article|aside|b|blockquote|body|br|button|caption|center|cite|code|col|colgroup|dd|del|div|dl|dt|em|figure",
        r"|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|li|main|mark|nav|ol|option|p|pre|q|s|section|select",
        r"|small|span|strike|strong|sub|summary|sup|svg|table|tbody|td|tfoot|th|thead|title|tr|u|ul|video)(?:\s[^<>]*|\s*/)?>",
        r"|<(?:https?://|mailto:|tel:)[^\s<>]+>|<[\w.+-]+@[\w.-]+>|\]\(<|\\<|<"
    ))
});
