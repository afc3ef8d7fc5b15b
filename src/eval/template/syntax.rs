//! Nunjucks' syntax written as minijinja's: what is within tags and not within quotes.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

static TAG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?s)\{%-?\s*(?:raw|verbatim)\s*-?%\}.*?\{%-?\s*end(?:raw|verbatim)\s*-?%\}|\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}",
    )
});
static PIECE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?s)"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|===|!==|\.length\b|\belseif\b|\bverbatim\b|\bendverbatim\b|\bnull\b"#,
    )
});
static LOOP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?s)^\{%(-?)\s*for\s+([\w$]+\s*,\s*[\w$]+)\s+in\s+(.*?)\s*(-?)%\}$")
});
static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{\{-?\s*([A-Za-z_$][\w$]*)"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is right")
}

/// A template as minijinja reads it. Lines stay where they are.
pub(super) fn adapted(template: &str) -> Cow<'_, str> {
    TAG.replace_all(template, |found: &regex::Captures<'_>| tag(&found[0]))
}

fn tag(text: &str) -> String {
    if text.starts_with("{#") {
        return text.to_owned();
    }
    let raw = text.contains("endraw") || text.contains("endverbatim");
    if raw {
        return text.replace("endverbatim", "endraw").replace("verbatim", "raw");
    }
    let text = PIECE.replace_all(text, |piece: &regex::Captures<'_>| match &piece[0] {
        "===" => "==".to_owned(),
        "!==" => "!=".to_owned(),
        ".length" => "|length".to_owned(),
        "elseif" => "elif".to_owned(),
        "null" => "none".to_owned(),
        other => other.to_owned(),
    });
    LOOP.replace(&text, "{%$1 for $2 in ($3)|pairs $4%}").into_owned()
}

/// The names that a template begins its expressions with.
pub(super) fn names(template: &str) -> impl Iterator<Item = &str> {
    NAME.captures_iter(template).filter_map(|found| found.get(1)).map(|name| name.as_str())
}
