//! Formats numbers and dates with spreadsheet formats: decimals, percent, currency. Knows no cells.

use calamine::ExcelDateTime;

/// Formats a number with a format such as `#,##0.00 "€"`. Omits thousands separators, so that no
/// comma looks like a decimal one.
pub(super) fn shown(number: f64, format: &str) -> String {
    let mut sections = format.split(';');
    let first = sections.next().unwrap_or_default();
    let (section, number) = match sections.next() {
        // A format for negative numbers contains its own sign or brackets.
        Some(negative) if number < 0.0 && Shape::read(negative).has_digits => {
            (negative, number.abs())
        }
        _ => (first, number),
    };
    let shape = Shape::read(section);
    if !shape.has_digits || shape.odd {
        return general(number);
    }
    let number = if shape.percent { number * 100.0 } else { number };
    let digits = format!("{:.*}", shape.decimals, number.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let kept = fraction.trim_end_matches('0').len().max(shape.least_decimals);
    let fraction = fraction.get(..kept.min(fraction.len())).unwrap_or_default();
    let sign = if number < 0.0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    let whole = format!("{whole:0>width$}", width = shape.least_whole);
    format!("{}{sign}{whole}{point}{fraction}{}", shape.before, shape.after).trim().to_owned()
}

/// Formats a number without a format, with the 15 digits that a spreadsheet shows.
fn general(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse::<f64>().unwrap_or(number);
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

/// Formats a date as `2026-03-01`, a time as `09:30`, a duration in hours.
pub(super) fn date(value: &ExcelDateTime) -> String {
    let minutes = (value.as_f64().abs() * 24.0 * 60.0).round();
    if value.is_duration() || value.as_f64() < 1.0 {
        return format!("{:02}:{:02}", (minutes / 60.0).trunc(), minutes % 60.0);
    }
    let (year, month, day, hour, minute, ..) = value.to_ymd_hms_milli();
    let date = format!("{year}-{month:02}-{day:02}");
    if minutes % (24.0 * 60.0) == 0.0 { date } else { format!("{date} {hour:02}:{minute:02}") }
}

/// Parsed section of a format.
#[derive(Debug, Default)]
struct Shape {
    before: String,
    after: String,
    has_digits: bool,
    percent: bool,
    /// A fraction, an exponent or a date, which are not supported.
    odd: bool,
    least_whole: usize,
    decimals: usize,
    least_decimals: usize,
}

impl Shape {
    fn read(section: &str) -> Self {
        let mut shape = Self::default();
        let mut chars = section.chars();
        let mut point = false;
        while let Some(c) = chars.next() {
            match c {
                '0' | '#' | '?' => shape.digit(c, point),
                '.' => point = true,
                ',' => {}
                '%' => {
                    shape.percent = true;
                    shape.literal('%');
                }
                '"' => chars.by_ref().take_while(|c| *c != '"').for_each(|c| shape.literal(c)),
                '[' => {
                    // A colour, a condition, or a currency with its locale such as `[$€-407]`.
                    let inner: String = chars.by_ref().take_while(|c| *c != ']').collect();
                    let currency = inner.strip_prefix('$').unwrap_or_default();
                    currency.chars().take_while(|c| *c != '-').for_each(|c| shape.literal(c));
                }
                '\\' => chars.next().into_iter().for_each(|c| shape.literal(c)),
                // A space of the width of the next character, or a character that fills the cell.
                '_' | '*' => drop(chars.next()),
                '/' => shape.odd = true,
                c if c.is_ascii_alphabetic() => shape.odd = true,
                c => shape.literal(c),
            }
        }
        shape
    }

    fn digit(&mut self, c: char, point: bool) {
        self.has_digits = true;
        let least = usize::from(c == '0');
        if point {
            self.decimals = (self.decimals + 1).min(15);
            self.least_decimals += least;
        } else {
            self.least_whole = (self.least_whole + least).min(15);
        }
    }

    fn literal(&mut self, c: char) {
        if self.has_digits { self.after.push(c) } else { self.before.push(c) }
    }
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn numbers_are_shown_as_their_format_says() {
        for (number, format, expected) in [
            (649.0, "General", "649"),
            (0.1 + 0.2, "", "0.3"),
            (-0.0, "", "0"),
            (1e21, "", "1000000000000000000000"),
            (649.5, "#,##0.00\\ \"€\"", "649.50 €"),
            (1649.5, "[$€-407]\\ #,##0.00", "€ 1649.50"),
            (12.0, "\"$\"#,##0.00_);[Red]\\(\"$\"#,##0.00\\)", "$12.00"),
            (-12.0, "\"$\"#,##0.00_);[Red]\\(\"$\"#,##0.00\\)", "($12.00)"),
            (-3.0, "0.0", "-3.0"),
            (0.15, "0%", "15%"),
            (0.0725, "0.0#%", "7.25%"),
            (742.0, "00000", "00742"),
            (2.5, "#.##", "2.5"),
            (2.5, "# ?/?", "2.5"),
            (2500.0, "0.00E+00", "2500"),
            (7.0, "0 \"pcs\"", "7 pcs"),
            (7.0, "\"only text\"", "7"),
            (7.0, "\"never closed", "7"),
        ] {
            assert_eq!(shown(number, format), expected, "{number} as {format}");
        }
    }

    #[test]
    fn dates_times_and_durations_are_told_apart() {
        let value = |value, kind| date(&ExcelDateTime::new(value, kind, false));
        assert_eq!(value(46082.0, ExcelDateTimeType::DateTime), "2026-03-01");
        assert_eq!(value(46_082.395_833_333_3, ExcelDateTimeType::DateTime), "2026-03-01 09:30");
        assert_eq!(value(0.395_833_333_3, ExcelDateTimeType::DateTime), "09:30");
        assert_eq!(value(1.510_416_666_7, ExcelDateTimeType::TimeDelta), "36:15");
        assert!(!value(1e300, ExcelDateTimeType::DateTime).is_empty());
    }
}
