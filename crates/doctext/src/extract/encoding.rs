//! Decodes text in any encoding. Decides nothing about formats.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes read to detect the encoding.
const SAMPLE: usize = 64 * 1024;

/// Decodes a file, with `\n` line ends and without control characters. `None` if it is not text.
/// For a web page (`page`), `<meta charset>` counts.
pub(super) fn decode(bytes: &[u8], page: bool) -> Option<String> {
    let text = encoding_of(bytes, page).decode(bytes).0;
    is_text(&text).then(|| clean(&text))
}

fn encoding_of(bytes: &[u8], page: bool) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    if let Some(encoding) = utf_16_without_mark(bytes) {
        return encoding;
    }
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    if let Some(encoding) = page.then(|| declared(bytes)).flatten().filter(|e| *e != UTF_8) {
        return encoding;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

/// UTF-16 of a Latin-like script has a zero in every other byte.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let (pairs, _) = sample.as_chunks::<2>();
    if pairs.len() < 2 || bytes.len() % 2 == 1 {
        return None;
    }
    let high = pairs.iter().filter(|[first, second]| *first == 0 && *second != 0).count();
    let low = pairs.iter().filter(|[first, second]| *first != 0 && *second == 0).count();
    match (low * 10 >= pairs.len() * 7, high * 10 >= pairs.len() * 7) {
        (true, _) => Some(UTF_16LE),
        (_, true) => Some(UTF_16BE),
        _ => None,
    }
}

/// Returns the encoding that a page declares: `<meta charset="windows-1251">`.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(bytes.get(..2048).unwrap_or(bytes)).to_ascii_lowercase();
    let (_, rest) = head.split_once("charset")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start_matches([' ', '"', '\'']);
    let label: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_:".contains(*c)).collect();
    Encoding::for_label(label.as_bytes())
}

/// Texts can contain a few stray control characters, but not many.
fn is_text(text: &str) -> bool {
    let (mut odd, mut all) = (0_usize, 0_usize);
    for c in text.chars().take(SAMPLE) {
        all += 1;
        odd += usize::from((c.is_control() && !is_white(c)) || c == char::REPLACEMENT_CHARACTER);
    }
    odd < 3 || odd * 20 <= all
}

fn is_white(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{1A}' | '\u{1B}')
}

/// Normalises line ends to `\n` and removes control characters.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push('\n');
            }
            '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\n' | '\t' => out.push(c),
            '\u{FEFF}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> String {
        decode(bytes, false).expect("it is text")
    }

    #[test]
    fn utf_8_is_read_with_and_without_a_mark() {
        assert_eq!(read("Café मुफ़्त 送料".as_bytes()), "Café मुफ़्त 送料");
        assert_eq!(read(b"\xEF\xBB\xBFCaf\xC3\xA9"), "Café");
    }

    #[test]
    fn windows_1252_is_recognised() {
        let bytes =
            b"Das Caf\xE9 ist t\xE4glich ge\xF6ffnet, f\xFCr Sie \x96 Fr\xFChst\xFCck 12 \x80.";
        assert_eq!(read(bytes), "Das Café ist täglich geöffnet, für Sie – Frühstück 12 €.");
    }

    #[test]
    fn cyrillic_and_shift_jis_are_recognised() {
        let russian = "Мы работаем каждый день с девяти утра до шести вечера, кроме воскресенья.";
        assert_eq!(read(&encoding_rs::WINDOWS_1251.encode(russian).0), russian);
        let japanese = "営業時間は午前十時から午後七時までです。日曜日はお休みです。";
        assert_eq!(read(&encoding_rs::SHIFT_JIS.encode(japanese).0), japanese);
    }

    #[test]
    fn utf_16_is_read_with_a_mark_and_without() {
        let text = "Öffnungszeiten: 9 bis 17 Uhr";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read(&[&b"\xFF\xFE"[..], &little].concat()), text);
        assert_eq!(read(&[&b"\xFE\xFF"[..], &big].concat()), text);
        assert_eq!(read(&little), text);
        assert_eq!(read(&big), text);
    }

    #[test]
    fn a_page_may_say_its_encoding() {
        let bytes = b"<meta charset=\"windows-1250\"><p>\xA9</p><p>Za\xBFalenia</p>";
        assert!(decode(bytes, true).expect("it is text").contains("Zażalenia"));
    }

    #[test]
    fn line_ends_are_made_equal_and_control_characters_removed() {
        assert_eq!(read(b"a\r\nb\rc\nd\x0Ce\0\x07f"), "a\nb\nc\nd\nef");
    }

    #[test]
    fn binary_data_is_no_text() {
        assert_eq!(decode(&[0, 1, 2, 3, 0, 200, 0, 0, 9, 0, 4], false), None);
        let noise: Vec<u8> =
            (0..1024_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        assert_eq!(decode(&noise, false), None);
    }
}
