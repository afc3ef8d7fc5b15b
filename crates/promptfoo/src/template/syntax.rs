//! Translates Nunjucks syntax to minijinja's, inside tags and outside quotes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

static RAW: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\{%-?\s*(?:raw|verbatim)\s*-?%\}"));
static END: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{%-?\s*end(?:raw|verbatim)\s*-?%\}"));
/// Marks a missing end of a raw block in the set of missing delimiters.
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

/// Translates a template for minijinja. Line numbers stay the same.
pub(super) fn adapted(template: &str) -> Cow<'_, str> {
    let mut made = String::new();
    let mut rest = template;
    // A delimiter that was not found is not searched again, so that many open tags do not take
    // quadratic time.
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

/// Length of the tag at the start of a text, including the content of a `raw` block.
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

/// The names that begin the expressions of a template.
pub(super) fn names(template: &str) -> impl Iterator<Item = &str> {
    NAME.captures_iter(template).filter_map(|found| found.get(1)).map(|name| name.as_str())
}
