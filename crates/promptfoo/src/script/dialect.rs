//! Decides whether a regular expression means the same in Rust and JavaScript. In doubt it does
//! not, so that a verdict never depends on the engine.

use std::sync::LazyLock;

use regex::Regex;

use super::linear;

/// Syntax that both read alike: no nested classes, flags, named groups or unescaped literal
/// brackets.
static SHARED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?x)^(?:
        \(\?: | \( | \| | \^ | \$ | \\[bB]
        | (?:
            \)
            | [^\\\[\](){}*+?|^$]
            | \\[dDwWsStnrfv]
            | \\[[:punct:]&&[^<>]]
            | \[\^?-?
                (?: [a-zA-Z0-9]-[a-zA-Z0-9] | [^\\\[\]&~^-] | \\[dDwWsStnrfv] | \\[[:punct:]&&[^<>]] )+
            -?\]
        )
        (?: (?: [*+?] | \{[0-9]+(?:,[0-9]*)?\} ) \?? )?
    )*$";
    Regex::new(pattern).expect("the pattern is valid")
});

/// The linear-time regex, if it finds the same as JavaScript in this text.
pub(super) fn linear_equivalent(pattern: &str, text: &str) -> Option<Regex> {
    // Beyond ASCII these classes differ: in Rust `\d`, `\w` and `\b` know Unicode, in JavaScript
    // they do not, and `\s` is another set.
    let of_ascii = |rest: &str| rest.starts_with(['d', 'D', 'w', 'W', 's', 'S', 'b', 'B']);
    let is_same = SHARED.is_match(pattern)
        && is_plain(pattern)
        && is_plain(text)
        && (text.is_ascii() || !pattern.split('\\').skip(1).any(of_ascii));
    is_same.then(|| linear(pattern).ok()).flatten()
}

/// Whether both count characters and lines alike: JavaScript has more line terminators and counts a
/// character above U+FFFF as two.
fn is_plain(text: &str) -> bool {
    !text.contains(|letter: char| matches!(letter, '\r' | '\u{2028}' | '\u{2029}' | '\u{10000}'..))
}
