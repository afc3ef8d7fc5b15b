//! Text folding: removes accents, width and invisible characters, and unifies letters that people
//! type for one another. Whole messages (hand-off rules, opt-out, the quiet gap) and single words
//! (`terms`) use the same `letters`, so that a word is the same everywhere. Decides nothing.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Replaces any white space and punctuation between two words.
pub const GAP: char = ' ';

/// What folded text is compared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A match triggers an action, such as calling a person, so it is strict: `мой` is not `мои`.
    Match,
    /// A match only adds to a score, so it is lenient: `и` finds `й`.
    Search,
}

/// How a character behaves at a word boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// White space and punctuation.
    Gap,
    /// Letters and digits of scripts that put spaces between words.
    Spaced,
    /// Letters of scripts without spaces between words.
    Dense,
    /// Korean: words have spaces between them, but suffixes join the word.
    Hangul,
    /// Emoji and other pictures.
    Symbol,
    /// Vowel signs and other marks that belong to the preceding letter.
    Mark,
}

impl Kind {
    /// Returns the kind of a character.
    pub fn of(c: char) -> Self {
        match c {
            '\u{0E00}'..='\u{0EFF}' | '\u{0F00}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' if is_combining_mark(c) => {
                Self::Mark
            }
            // Thai, Lao, Tibetan, Burmese, Khmer.
            '\u{0E00}'..='\u{0EFF}' | '\u{0F00}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
            // Kana and Han.
            | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30FA}' | '\u{30FC}'..='\u{312F}'
            | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
            | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}'
                if c.is_alphanumeric() =>
            {
                Self::Dense
            }
            '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '\u{AC00}'..='\u{D7FF}' => Self::Hangul,
            _ if is_combining_mark(c) => Self::Mark,
            _ if c.is_alphanumeric() => Self::Spaced,
            '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' => Self::Symbol,
            _ => Self::Gap,
        }
    }
}

/// Folds a text for comparison: lower case, no accents, width or invisible characters, and one
/// `GAP` for each separator of words. No `GAP` at the ends.
pub fn fold(text: &str) -> Vec<char> {
    if text.is_ascii() { of_ascii(text) } else { of_any(text) }
}

/// [`fold`] for ASCII, without Unicode tables.
fn of_ascii(text: &str) -> Vec<char> {
    let mut folded = Vec::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            folded.push(c.to_ascii_lowercase());
        } else if folded.last().is_some_and(|last| *last != GAP) {
            folded.push(GAP);
        }
    }
    if folded.last() == Some(&GAP) {
        folded.pop();
    }
    folded
}

fn of_any(text: &str) -> Vec<char> {
    let small = text.nfkd().flat_map(char::to_lowercase);
    let mut folded = Vec::with_capacity(text.len());
    for c in letters(small, Purpose::Match) {
        if !is_apostrophe(c) && Kind::of(c) != Kind::Gap {
            folded.push(c);
        } else if folded.last().is_some_and(|last| *last != GAP) {
            folded.push(GAP);
        }
    }
    if folded.last() == Some(&GAP) {
        folded.pop();
    }
    folded
}

/// Folds lower-case letters in decomposed form (NFD, NFKD) and composes them again.
pub(crate) fn letters(
    decomposed: impl Iterator<Item = char>,
    purpose: Purpose,
) -> impl Iterator<Item = char> {
    let mut base = GAP;
    let shown = decomposed.filter(|c| !is_invisible(*c)).filter(move |c| {
        let mark = is_combining_mark(*c);
        if !mark {
            base = *c;
        }
        !mark || keeps_mark(base, *c, purpose)
    });
    shown.flat_map(plain).nfc()
}

/// Whether a mark distinguishes words: not on Latin, Greek, Cyrillic, Hebrew or Arabic letters, nor
/// on symbols. Exception: й is its own letter, except for search.
fn keeps_mark(base: char, mark: char, purpose: Purpose) -> bool {
    let accent = matches!(base, '\0'..='\u{052F}' | '\u{0590}'..='\u{077F}' | '\u{08A0}'..='\u{08FF}'
        | '\u{1E00}'..='\u{1FFF}' | '\u{2C60}'..='\u{2C7F}' | '\u{A640}'..='\u{A7FF}');
    let short_i = purpose == Purpose::Match && base == 'и' && mark == '\u{0306}';
    short_i || !(accent || matches!(Kind::of(base), Kind::Symbol | Kind::Gap))
}

/// Folds one letter.
fn plain(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'ς' => ('σ', None),
        'ı' => ('i', None),
        'ł' => ('l', None),
        'ø' => ('o', None),
        'đ' | 'ð' => ('d', None),
        // Arabic: all forms of alef, and letters that differ between keyboards.
        'ٱ' => ('ا', None),
        'ى' | 'ی' => ('ي', None),
        'ک' => ('ك', None),
        'ة' => ('ه', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

/// Whether people type the character as an apostrophe.
pub fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | 'ʹ' | '`' | '´' | '＇' | '׳')
}

/// Zero-width characters, layout controls, the Arabic tatweel, variation selectors and skin tones.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{0640}' | '\u{180B}'..='\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{20E3}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::terms;

    fn message(text: &str) -> String {
        fold(text).into_iter().collect()
    }

    #[test]
    fn messages_and_words_are_folded_alike() {
        for (text, folded) in [
            ("ёлка", "елка"),
            ("Łódź", "lodz"),
            ("Œuvre", "oeuvre"),
            ("Þórður", "thordur"),
            ("ΆΝΘΡΩΠΟΣ", "ανθρωποσ"),
            ("کتاب‌ها", "كتابها"),
            ("هدية", "هديه"),
            ("ٱلصَّلٰوة", "الصلوه"),
            ("1\u{FE0F}\u{20E3}", "1"),
            ("हिन्दी", "हिन्दी"),
            ("がぎ", "がぎ"),
        ] {
            let words: Vec<String> =
                terms::words(text).iter().map(|word| terms::fold(word)).collect();
            assert_eq!(words.concat(), folded, "{text}");
            assert_eq!(message(text), folded, "{text}");
        }
    }

    #[test]
    fn a_short_i_is_another_letter_unless_it_is_searched_for() {
        assert_ne!(message("мой"), message("мои"));
        assert_ne!(message("МОЙ"), message("мои"));
        assert_eq!(terms::fold("мой"), terms::fold("мои"));
    }

    proptest! {
        #[test]
        fn plain_text_is_folded_as_any_other(text in "[\\x00-\\x7f]{0,40}") {
            prop_assert_eq!(of_ascii(&text), of_any(&text));
        }
    }
}
