//! Splits a text into sentences: not inside a web address, and not after an abbreviation. Knows no
//! Markdown: the marks around a text are letters like others.

use unicode_segmentation::UnicodeSegmentation;

use crate::terms::is_spaceless;

/// Maximum length of an abbreviation, in bytes.
const MAX_ABBREVIATION_LEN: usize = 24;

/// Abbreviations that are rarely the last word of a sentence, in lower case, without the full stop.
const ABBREVIATIONS: &[&str] = &[
    "approx", "av", "bzw", "ca", "dr", "env", "etc", "ext", "incl", "inkl", "max", "min", "mr",
    "mrs", "ms", "nr", "núm", "p.ej", "prof", "sr", "sra", "st", "tel", "vs",
];

const FULL_STOPS: [char; 2] = ['.', '．'];

/// Maximum length of the number of a list item, in digits.
const MAX_ITEM_DIGITS: usize = 3;

/// Maximum distance between the numbers of two items of a list in one line, in bytes.
const MAX_ITEM_LEN: usize = 400;

/// Characters before the number of a list item in the middle of a sentence.
const BEFORE_ITEMS: &[char] =
    &[':', '：', ',', '，', '،', '、', ';', '；', '؛', '(', '（', '-', '–', '—'];

/// The zeros of decimal digits: ASCII, full-width, Arabic, Persian, Devanagari, Bengali, Tamil and
/// Thai.
const ZEROS: &[char] = &['0', '０', '٠', '۰', '०', '০', '௦', '๐'];

/// German months, which have a capital letter and follow ordinals, in lower case.
const MONTHS: &[&str] = &[
    "januar",
    "jänner",
    "februar",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
];

/// Words of German before an ordinal and a noun, which has a capital letter: "im 2. Stock".
const BEFORE_ORDINALS: &[&str] = &["am", "im", "vom", "zum", "der", "die", "das", "dem", "den"];

/// Returns the sentences of a text in order, each with the white space after it. Joined, they are
/// the text.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut end) = (0, 0);
    for piece in text.split_sentence_bounds() {
        end += piece.len();
        let (said, rest) = (&text[start..end], &text[end..]);
        if ends_sentence(said, rest) {
            found.push(said);
            start = end;
        }
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

/// Whether a sentence ends between `said` and `rest`, where Unicode's rules see an end.
fn ends_sentence(said: &str, rest: &str) -> bool {
    let bare = said.trim_end();
    if !said.ends_with('\n') && is_item_number(bare, rest) {
        return false;
    }
    if bare.len() == said.len() {
        // Scripts with spaces have one between sentences: a mark without it is within an address.
        let before = bare.chars().next_back();
        let dense = |c: char| is_spaceless(c) || matches!(c, '。' | '．' | '！' | '？' | '｡');
        let emoji = |c: char| matches!(c, '\u{2600}'..='\u{27BF}' | '\u{1F300}'..='\u{1FAFF}');
        return before.is_some_and(dense)
            || rest.chars().next().is_some_and(|c| dense(c) || emoji(c));
    }
    said.ends_with('\n') || !is_abbreviated(bare, rest)
}

/// Whether a text ends with an abbreviation, an initial or an ordinal number.
fn is_abbreviated(said: &str, rest: &str) -> bool {
    let Some(head) = said.strip_suffix('.') else { return false };
    let from = head.floor_char_boundary(head.len().saturating_sub(MAX_ABBREVIATION_LEN));
    let tail = &head[from..];
    let word = tail.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or(tail);
    if word.is_empty() || (from > 0 && word.len() == tail.len()) {
        return false;
    }
    let lower = word.to_lowercase();
    let initials = word.split('.').all(|part| {
        let mut letters = part.chars();
        letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
    });
    let small = word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    initials
        || (small && is_ordinal(head, word, rest))
        || ABBREVIATIONS.contains(&lower.as_str())
        || (lower == "no" && rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether a text ends with the number of a list item: alone, or after a colon and the like with
/// another item beside it. "Rooms: 1. Breakfast is free." is no list.
fn is_item_number(said: &str, rest: &str) -> bool {
    let Some((before, number)) = number_at_end(said) else { return false };
    let before = before.trim_end();
    if before.is_empty() {
        return true;
    }
    if !before.ends_with(BEFORE_ITEMS) || is_range(before) {
        return false;
    }
    let earlier = &before[before.floor_char_boundary(before.len().saturating_sub(MAX_ITEM_LEN))..];
    let later = &rest[..rest.floor_char_boundary(MAX_ITEM_LEN)];
    has_item(later, number + 1, |before| !before.ends_with([':', '：']))
        || (number > 1 && has_item(earlier, number - 1, |_| true))
}

/// Whether a text has a list item with this number. `begins` tells whether one may begin after a
/// text.
fn has_item(text: &str, number: u32, begins: impl Fn(&str) -> bool) -> bool {
    text.match_indices(FULL_STOPS).any(|(at, stop)| {
        let (said, after) = text.split_at(at + stop.len());
        let before = number_at_end(said).filter(|(_, found)| *found == number);
        before.is_some_and(|(before, _)| {
            let before = before.trim_end();
            !before.ends_with(char::is_alphanumeric) && !is_range(before) && begins(before)
        }) && after.starts_with(|c: char| c.is_whitespace() || is_spaceless(c))
    })
}

/// Whether a text ends with a number and a dash or comma: the next number ends a range, as in
/// "9 – 5.".
fn is_range(before: &str) -> bool {
    let number = before.strip_suffix([',', '-', '–', '—']);
    number.is_some_and(|number| number.trim_end().ends_with(|c| digit(c).is_some()))
}

/// Splits a small number with a full stop off the end of a text. Other numbers are no items: those
/// right behind a mark, as in "9–5." and "18:30.".
fn number_at_end(said: &str) -> Option<(&str, u32)> {
    let head = said.strip_suffix(FULL_STOPS)?;
    let before = head.trim_end_matches(|c| digit(c).is_some());
    let digits = &head[before.len()..];
    let is_attached = |c: char| (c.is_ascii_punctuation() && c != '(') || matches!(c, '–' | '—');
    if !(1..=MAX_ITEM_DIGITS).contains(&digits.chars().count()) || before.ends_with(is_attached) {
        return None;
    }
    let number = digits.chars().filter_map(digit).fold(0, |number, digit| number * 10 + digit);
    Some((before, number))
}

/// Returns the value of a decimal digit of any of several scripts.
pub fn digit(c: char) -> Option<u32> {
    let value = |zero: &char| u32::from(c).checked_sub(u32::from(*zero)).filter(|it| *it < 10);
    ZEROS.iter().find_map(value)
}

/// Whether a small number with a full stop behind it is an ordinal.
fn is_ordinal(head: &str, number: &str, rest: &str) -> bool {
    let next = rest.unicode_words().next().unwrap_or_default();
    let before = head.trim_start().strip_suffix(number).unwrap_or_default();
    let last = before.split_whitespace().next_back().unwrap_or_default();
    rest.starts_with(char::is_lowercase)
        || MONTHS.contains(&next.to_lowercase().as_str())
        || BEFORE_ORDINALS.contains(&last.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(str::trim).collect()
    }

    #[test]
    fn an_address_is_not_cut() {
        assert_eq!(
            split("Here's a [video](https://www.youtube.com/watch?v=dQw4) about it. Watch it!"),
            ["Here's a [video](https://www.youtube.com/watch?v=dQw4) about it.", "Watch it!"]
        );
        assert_eq!(
            split("See shop.example/find?q=lamp!new&x=1. Is it open? Yes."),
            ["See shop.example/find?q=lamp!new&x=1.", "Is it open?", "Yes."]
        );
        assert_eq!(
            split("见 https://a.example/?q=1 。营业。"),
            ["见 https://a.example/?q=1 。", "营业。"]
        );
    }

    #[test]
    fn an_abbreviation_ends_no_sentence() {
        for text in [
            "We deliver, e.g. to York, in approx. 2 days.",
            "Fragen Sie Dr. Weber am 3. Mai, z.B. im Laden.",
            "It is order No. 5 of Mr. A. Smith.",
            "Llame al tel. 555 o vea la pág. núm. 4.",
            "Der Laden ist im 2. Stock.",
            "Geöffnet bis 24. Dezember.",
            "1. Open the app.",
        ] {
            assert_eq!(split(text), [text]);
        }
        assert_eq!(split("No. We are closed."), ["No.", "We are closed."]);
    }

    #[test]
    fn a_number_may_end_a_sentence() {
        assert_eq!(
            split("We open at 9. The moon is free."),
            ["We open at 9.", "The moon is free."]
        );
        assert_eq!(split("Great!👍 We open at 9."), ["Great!", "👍 We open at 9."]);
    }

    #[test]
    fn a_list_in_one_line_is_split_into_its_items() {
        for (text, items) in [
            ("1. Open the app. 2. Tap pay.", &["1. Open the app.", "2. Tap pay."][..]),
            ("Do this: 1. Open it. 2. Tap pay.", &["Do this: 1. Open it.", "2. Tap pay."]),
            (
                "Do: 1. Open it, 2. Tap pay, 3. Wait. Bye.",
                &["Do: 1. Open it, 2. Tap pay, 3. Wait.", "Bye."],
            ),
            ("So: 1. App öffnen. 2. Zahlen.", &["So: 1. App öffnen.", "2. Zahlen."]),
            ("Pasos (1. Ábrala. 2. Pague.)", &["Pasos (1. Ábrala.", "2. Pague.)"]),
            ("Étapes : 1. Ouvrez. 2. Payez.", &["Étapes : 1. Ouvrez.", "2. Payez."]),
            ("Шаги: 1. Откройте. 2. Платите.", &["Шаги: 1. Откройте.", "2. Платите."]),
            ("请：1. 打开应用。2. 支付。", &["请：1. 打开应用。", "2. 支付。"]),
            ("1.打开应用。2.支付。", &["1.打开应用。", "2.支付。"]),
            ("１．開く。２．支払う。", &["１．開く。", "２．支払う。"]),
            ("방법: 1. 앱을 엽니다. 2. 결제합니다.", &["방법: 1. 앱을 엽니다.", "2. 결제합니다."]),
            ("١. افتح التطبيق. ٢. ادفع الآن.", &["١. افتح التطبيق.", "٢. ادفع الآن."]),
            ("ऐसे: १. ऐप खोलें। २. भुगतान करें।", &["ऐसे: १. ऐप खोलें।", "२. भुगतान करें।"]),
        ] {
            assert_eq!(split(text), items);
        }
    }

    #[test]
    fn a_number_after_a_colon_or_an_amount_is_no_item() {
        for (text, parts) in [
            ("Rooms: 1. Breakfast is free.", &["Rooms: 1.", "Breakfast is free."][..]),
            ("Rooms: 1. Beds: 2. All is free.", &["Rooms: 1.", "Beds: 2.", "All is free."]),
            ("Open on the 1, 2. Then closed.", &["Open on the 1, 2.", "Then closed."]),
            ("€5. It is cheap.", &["€5.", "It is cheap."]),
            ("2024. A good year.", &["2024.", "A good year."]),
            (
                "Mon to Fri 9–5. Saturdays 10–6. Closed Sundays.",
                &["Mon to Fri 9–5.", "Saturdays 10–6.", "Closed Sundays."],
            ),
            ("Mon 9 - 1. Sat 10 - 2. No more.", &["Mon 9 - 1.", "Sat 10 - 2.", "No more."]),
            (
                "Until 18:30. Sundays until 19:31. Bye.",
                &["Until 18:30.", "Sundays until 19:31.", "Bye."],
            ),
            ("Small 3,5. Large 4,6. Both blue.", &["Small 3,5.", "Large 4,6.", "Both blue."]),
        ] {
            assert_eq!(split(text), parts);
        }
    }

    #[test]
    fn sentences_of_other_scripts_are_told_apart() {
        assert_eq!(
            split("退货政策。30天内。好吗？好！"),
            ["退货政策。", "30天内。", "好吗？", "好！"]
        );
        assert_eq!(split("هل التوصيل مجاني؟ نعم."), ["هل التوصيل مجاني؟", "نعم."]);
        assert_eq!(split("यह दुकान है। बंद है।"), ["यह दुकान है।", "बंद है।"]);
        assert_eq!(split("One.\nTwo etc.\nThree"), ["One.", "Two etc.", "Three"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "(?s)([a-zA-Z0-9 .:!?()/。？\n-]|é|e\\.g\\. |https://a\\.b/\\?c=1){0,60}|\\PC{0,60}") {
            let all = sentences(&text);
            prop_assert_eq!(all.concat(), text.as_str());
            prop_assert!(all.iter().all(|sentence| !sentence.is_empty()));
        }
    }
}
