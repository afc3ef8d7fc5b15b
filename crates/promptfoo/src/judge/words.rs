//! Numbers and comparisons as the reports word them.

/// A number with two digits behind the point; a tie is rounded up.
pub(super) fn two(number: f64) -> String {
    let is_tie = (number * 8.0).fract() == 0.0 && (number * 4.0).fract() != 0.0;
    if is_tie {
        return format!("{:.2}", (number * 100.0 + 0.5).floor() / 100.0);
    }
    format!("{number:.2}")
}

/// Whether a score reaches a threshold, but for the last digit.
pub(super) fn reaches(score: f64, threshold: f64) -> bool {
    score >= threshold - f64::EPSILON
}

/// The beginning of what somebody said.
pub(super) fn beginning(text: &str) -> String {
    let start: String = text.chars().take(200).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "no text has so many sentences")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_rounded_up() {
        assert_eq!(
            [two(0.625), two(0.125), two(0.5), two(0.666_666), two(48.0)],
            ["0.63", "0.13", "0.50", "0.67", "48.00"]
        );
    }
}
