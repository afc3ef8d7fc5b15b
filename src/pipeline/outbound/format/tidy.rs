//! Part of formatting: final cleanup of a text in WhatsApp's formatting. Code is left alone.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::patterns::{CODE, fixed};

/// Converts bold that Markdown ignored because of adjacent punctuation, and collapses blank lines.
pub(super) fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut from = 0;
    for code in CODE.find_iter(text) {
        tidied.push_str(&tidy_prose(text.get(from..code.start()).unwrap_or("")));
        tidied.push_str(code.as_str());
        from = code.end();
    }
    tidied.push_str(&tidy_prose(text.get(from..).unwrap_or("")));
    tidied.trim().to_owned()
}

fn tidy_prose(prose: &str) -> String {
    let bold = LOST_BOLD.replace_all(prose, |found: &Captures<'_>| {
        let part = |i| found.get(i).map_or("", |part| part.as_str());
        let space = if part(3).starts_with(|c: char| c.is_ascii_alphanumeric()) { " " } else { "" };
        format!("{}*{}*{space}{}", part(1), part(2), part(3))
    });
    BLANKS.replace_all(&LINE_END.replace_all(&bold, "\n"), "\n\n").into_owned()
}

static LOST_BOLD: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(^|[^0-9A-Za-z*\\])\*\*([^\s*](?:[^*\n]*[^\s*])?)\*\*([^*]|$)"));

static LINE_END: LazyLock<Regex> = LazyLock::new(|| fixed(r"[ \t]+\n"));

/// More than one blank line.
static BLANKS: LazyLock<Regex> = LazyLock::new(|| fixed(r"\n{3,}"));
