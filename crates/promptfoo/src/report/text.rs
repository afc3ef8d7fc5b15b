//! Text for a terminal. Output of a model must not move the cursor or break the layout.

/// Makes a text safe on one line: line breaks become `⏎`, control characters symbols.
pub(crate) fn line(text: &str) -> String {
    text.trim_end_matches(['\n', '\r']).replace("\r\n", "\n").chars().map(harmless).collect()
}

/// Returns up to `most` lines, made safe for a terminal, and whether there are more.
pub(super) fn lines(text: &str, most: usize) -> (Vec<String>, bool) {
    let mut all = text.lines().map(line);
    let first: Vec<String> = all.by_ref().take(most).collect();
    let more = all.next().is_some();
    (first, more)
}

fn harmless(c: char) -> char {
    match c {
        '\n' => '⏎',
        '\t' => ' ',
        '\u{7f}' => '␡',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        // C1 controls and bidirectional control characters.
        '\u{80}'..='\u{9f}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => '\u{fffd}',
        other => other,
    }
}

/// Display width of a text in terminal columns.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Truncates a text to `most` columns, with `…` at the cut.
pub(crate) fn fit(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut taken = 0;
    let fits = |c: &char| {
        taken += columns(*c);
        taken < most
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

/// Pads a text with spaces to a width in columns.
pub(super) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Display width of a character: 0 for combining marks, 2 for wide scripts and emoji. The ranges
/// are the common ones of Unicode's `East_Asian_Width`.
fn columns(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f
        | 0x0483..=0x0489
        | 0x0591..=0x05bd
        | 0x064b..=0x065f
        | 0x200b..=0x200d
        | 0x20d0..=0x20f0
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f
        | 0x231a..=0x231b
        | 0x23e9..=0x23ec
        | 0x2614..=0x2615
        | 0x26a1
        | 0x2705
        | 0x2728
        | 0x274c
        | 0x274e
        | 0x2753..=0x2757
        | 0x2795..=0x2797
        | 0x2b1b..=0x2b1c
        | 0x2b50
        | 0x2e80..=0x303e
        | 0x3041..=0x33ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xa000..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x1fa70..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Formats a number with thousands separators.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a duration in milliseconds for reading.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{ms:.2} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.1} s", ms / 1_000.0),
        ms => format!("{:.0} min {:.0} s", (ms / 60_000.0).floor(), (ms % 60_000.0) / 1_000.0),
    }
}

/// Formats an amount in US dollars; small amounts have more digits.
pub(super) fn dollars(amount: f64) -> String {
    match amount {
        0.0 => "$0".to_owned(),
        amount if amount < 0.01 => format!("${}", digits(amount, 6)),
        amount if amount < 1.0 => format!("${}", digits(amount, 4)),
        amount => format!("${amount:.2}"),
    }
}

/// Formats a share from 0 to 1 as a percentage.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    // Less than all must not be rounded to 100 %.
    match text.as_str() {
        "100.0" if share < 1.0 => "99.9 %".to_owned(),
        text => format!("{} %", text.strip_suffix(".0").unwrap_or(text)),
    }
}

/// Formats a score with at most four decimals.
pub(crate) fn score(score: f64) -> String {
    digits(score, 4)
}

/// Formats a number with at most `most` decimals, without trailing zeros.
fn digits(number: f64, most: usize) -> String {
    // An empty sum is -0.0; adding 0.0 removes the sign.
    let text = format!("{:.most$}", number + 0.0);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// `1 case`, `2 cases`.
pub(crate) fn plural(number: usize, word: &str) -> String {
    format!("{} {word}{}", thousands(number as u64), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_codes_are_shown_and_not_sent() {
        assert_eq!(
            line("a\u{1b}[31mred\u{7}\n b\u{9b}2J\u{202e}"),
            "a␛[31mred␇⏎ b\u{fffd}2J\u{fffd}"
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(width("日本 e\u{301}"), 6);
        assert_eq!(fit("日本語です", 6), "日本…");
        assert_eq!(fit("short", 6), "short");
        assert_eq!(width(&pad("日", 5)), 5);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(duration(61_500.0), "1 min 2 s");
        assert_eq!(percent(0.99999), "99.9 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(score(0.5), "0.5");
        assert_eq!(score(1.0), "1");
    }
}
