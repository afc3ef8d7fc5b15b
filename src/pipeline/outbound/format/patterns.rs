//! Part of formatting: patterns of code and addresses in a reply.

use std::sync::LazyLock;

use regex::Regex;

/// Compiles a constant pattern. The tests compile them all.
pub(super) fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions of the formatting are fixed, and tested")
}

/// Web and mail addresses.
pub(super) static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?:https?://|www\.)[^\s<>()\[\]]+|[\w.+-]+@[\w-]+\.[\w.-]+"));

/// Code, which must stay unchanged.
pub(super) static CODE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?s)```.*?(?:```|\z)|`[^`\n]+`"));
