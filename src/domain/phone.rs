//! Phone numbers of customers as people write them.

/// Lengths of a phone number with its country code, in digits (E.164).
const LENGTHS: std::ops::RangeInclusive<usize> = 7..=15;

/// Returns a phone number's digits as WhatsApp writes them: country code first, without `+` or `00`.
/// `None` if the text is no such number: a number of a country alone, with a leading 0, reaches nobody.
pub fn wa_id(text: &str) -> Option<String> {
    // `4477…0.0` is how a spreadsheet writes a number, and `(0)` is dialled only within a country.
    if text.trim().ends_with(".0") || text.contains("(0)") {
        return None;
    }
    let is_filler = |letter: &char| matches!(letter, ' ' | '-' | '(' | ')' | '.' | '/' | '\u{a0}');
    let text: String = text.trim().chars().filter(|letter| !is_filler(letter)).collect();
    let digits = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(&text);
    let is_number = LENGTHS.contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    is_number.then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for text in ["+44 7700 900123", "0044 7700-900123", "447700900123", " (+44) 7700.900123 "] {
            assert_eq!(wa_id(text).as_deref(), Some("447700900123"), "{text}");
        }
        for text in [
            "",
            "07700 900123",
            "+44",
            "seven",
            "+44 7700 900123 ext 4",
            "1234567890123456",
            "447700900123.0",
            "+44 (0) 7700 900123",
        ] {
            assert_eq!(wa_id(text), None, "{text}");
        }
    }
}
