//! What a number is made of: its digits, and the dashes that stand in it. Finds nothing.

use std::sync::LazyLock;

use regex::Regex;

/// Fewer digits are no phone or account number.
pub(super) const SHORTEST: usize = 7;
/// Dashes between numbers, but for the hyphen.
pub(super) const DASHES: &str = r"\u{2012}-\u{2015}\u{2212}";

/// What may stand between the ends of a range.
pub(super) static DASH: LazyLock<Regex> = LazyLock::new(|| fixed(&format!(r"[\-{DASHES}]")));

/// The digits of a number.
pub(super) fn digits(written: &str) -> String {
    written.chars().filter(char::is_ascii_digit).collect()
}

/// A fixed expression, which the tests compile.
pub(super) fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions for details are fixed, and tested")
}
