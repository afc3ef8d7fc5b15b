//! Part of formatting: what code and addresses look like in a reply.

use std::sync::LazyLock;

use regex::Regex;

/// A fixed expression, which the tests compile.
pub(super) fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions of the formatting are fixed, and tested")
}

/// Addresses of web pages and mailboxes.
pub(super) static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?:https?://|www\.)[^\s<>()\[\]]+|[\w.+-]+@[\w-]+\.[\w.-]+"));

/// Code, of which every character counts.
pub(super) static CODE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?s)```.*?(?:```|\z)|`[^`\n]+`"));
