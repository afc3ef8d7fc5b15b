//! Nunjucks' syntax written as minijinja's: what is within tags and not within quotes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

static RAW: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\{%-?\s*(?:raw|verbatim)\s*-?%\}"));
static END: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{%-?\s*end(?:raw|verbatim)\s*-?%\}"));
/// Stands for the end of a raw block among the ends that are missing.
const ENDRAW: &str = "endraw";

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
    let mut made = String::new();
    let mut rest = template;
    // What was looked for and is not there is not looked for again: many open tags must not cost a walk to the end each.
    let mut missing = HashSet::new();
    while let Some(start) = rest.find('{') {
        let (before, tagged) = rest.split_at(start);
        made.push_str(before);
        let length = tag_length(tagged, &mut missing);
        let (found, after) = tagged.split_at(length.unwrap_or(1));
        if length.is_some() {
            made.push_str(&tag(found));
        } else {
            made.push_str(found);
        }
        rest = after;
    }
    made.push_str(rest);
    Cow::Owned(made)
}

/// How long the tag is that a text begins with, with all that a `raw` block holds.
fn tag_length(text: &str, missing: &mut HashSet<&'static str>) -> Option<usize> {
    match text.as_bytes().get(1)? {
        b'#' => end(text, "#}", missing),
        b'{' => end(text, "}}", missing),
        b'%' => raw_length(text, missing).or_else(|| end(text, "%}", missing)),
        _ => None,
    }
}

fn end(text: &str, sign: &'static str, missing: &mut HashSet<&'static str>) -> Option<usize> {
    if missing.contains(sign) {
        return None;
    }
    let found = text[2..].find(sign).map(|at| 2 + at + sign.len());
    if found.is_none() {
        missing.insert(sign);
    }
    found
}

fn raw_length(text: &str, missing: &mut HashSet<&'static str>) -> Option<usize> {
    let open = RAW.find(text)?.end();
    if missing.contains(ENDRAW) {
        return None;
    }
    let close = END.find(&text[open..]).map(|found| open + found.end());
    if close.is_none() {
        missing.insert(ENDRAW);
    }
    close
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
