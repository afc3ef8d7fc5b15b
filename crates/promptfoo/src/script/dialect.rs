//! Which patterns mean the same in Rust as in JavaScript. In doubt they do not: a suite's verdict is the same on every way.

use std::sync::LazyLock;

use regex::Regex;

use super::linear;

/// What both read in the same way: no sets of sets, flags, names, and braces or brackets that stand for themselves.
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

/// The pattern in linear time, where it finds in this text just what JavaScript finds.
pub(super) fn shared(pattern: &str, text: &str) -> Option<Regex> {
    // Of words, digits and spaces Rust knows more; JavaScript sees two letters in one emoji.
    let of_ascii = |rest: &str| rest.starts_with(['d', 'D', 'w', 'W', 's', 'S', 'b', 'B']);
    let is_same = SHARED.is_match(pattern)
        && is_plain(pattern)
        && is_plain(text)
        && (text.is_ascii() || !pattern.split('\\').skip(1).any(of_ascii));
    is_same.then(|| linear(pattern).ok()).flatten()
}

/// Whether both count its letters and lines in the same way.
fn is_plain(text: &str) -> bool {
    !text.contains(|letter: char| matches!(letter, '\r' | '\u{2028}' | '\u{2029}' | '\u{10000}'..))
}
