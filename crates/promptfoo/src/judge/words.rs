//! Formats numbers for reasons as promptfoo does, and compares scores with thresholds.

/// Formats a number with two decimals; ties round up, as in JavaScript.
pub(super) fn format_two_decimals(number: f64) -> String {
    let is_tie = (number * 8.0).fract() == 0.0 && (number * 4.0).fract() != 0.0;
    if is_tie {
        return format!("{:.2}", (number * 100.0 + 0.5).floor() / 100.0);
    }
    format!("{number:.2}")
}

/// Whether a score reaches a threshold, up to floating-point error.
pub(super) fn reaches(score: f64, threshold: f64) -> bool {
    score >= threshold - f64::EPSILON
}

/// The first 200 characters of a text.
pub(super) fn truncate(text: &str) -> String {
    let start: String = text.chars().take(200).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

/// Converts a count for division.
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
            [
                format_two_decimals(0.625),
                format_two_decimals(0.125),
                format_two_decimals(0.5),
                format_two_decimals(0.666_666),
                format_two_decimals(48.0)
            ],
            ["0.63", "0.13", "0.50", "0.67", "48.00"]
        );
    }
}
