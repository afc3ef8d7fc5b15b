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

/// The digits that a phone number begins with, such as a country code: `+55`. `None` if the text is none.
pub fn prefix(text: &str) -> Option<String> {
    let digits = text.trim().trim_start_matches('+');
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.to_owned())
}

/// The other spelling of a phone: in Brazil mobile numbers got a ninth digit, in Mexico and Argentina
/// they had or have a digit between country and area. People write one, WhatsApp may use the other.
pub fn other_spelling(wa_id: &str) -> Option<String> {
    // Country, digits before the one that comes and goes, that digit, digits after it.
    let rules = [("55", 2, '9', 8), ("52", 0, '1', 10), ("54", 0, '9', 10)];
    rules.into_iter().find_map(|(country, before, extra, after)| {
        let (head, tail) = wa_id.strip_prefix(country)?.split_at_checked(before)?;
        match tail.strip_prefix(extra) {
            Some(short) if short.len() == after => Some(format!("{country}{head}{short}")),
            _ if tail.len() == after => Some(format!("{country}{head}{extra}{tail}")),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_at_most_one_other_spelling() {
        for (one, other) in [
            ("5511987654321", "551187654321"),
            ("5215512345678", "525512345678"),
            ("5491123456789", "541123456789"),
        ] {
            assert_eq!(other_spelling(one).as_deref(), Some(other));
            assert_eq!(other_spelling(other).as_deref(), Some(one));
        }
        for one in ["447700900123", "5511", "55", "", "34600123456"] {
            assert_eq!(other_spelling(one), None, "{one}");
        }
    }

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
