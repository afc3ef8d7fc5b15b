//! Parts of numbers: digits, and the dashes between them. Finds no numbers: `find.rs` does.

use std::sync::LazyLock;

use regex::Regex;

/// Minimum digits of a phone or account number.
pub(super) const SHORTEST: usize = 7;
/// Dashes between numbers, without the hyphen.
pub(super) const DASHES: &str = r"\u{2012}-\u{2015}\u{2212}";

/// Separator between the ends of a range.
pub(super) static DASH: LazyLock<Regex> = LazyLock::new(|| fixed(&format!(r"[\-{DASHES}]")));

/// Returns the digits of a number.
pub(super) fn digits(written: &str) -> String {
    written.chars().filter(char::is_ascii_digit).collect()
}

/// Compiles a constant pattern. The tests compile them all.
pub(super) fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions for details are fixed, and tested")
}
