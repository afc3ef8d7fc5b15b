//! Splits text of any language into terms: words, their folded form, their stem, and stop words.
//! Knows no chunks and no scores.

use std::collections::HashSet;
use std::sync::{LazyLock, OnceLock};

use foldhash::fast::FixedState;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};
use whatlang::Lang;

use crate::data;
use crate::fold::{Purpose, is_invisible, letters};

/// Maximum word length, in characters; longer runs are cut into pieces, so that no text makes one
/// huge word.
const MAX_WORD_CHARS: usize = 48;

/// Maximum length of the text that is read to detect its language, in bytes.
const MAX_DETECTION_BYTES: usize = 400;

/// Minimum confidence of a language guess, 0 to 1. On pieces of 5 to 20 words of the shared data at
/// most 2 in 100 guesses above it are wrong, and twice as many short pieces get a language as with
/// the usual 0.9.
const MIN_LANGUAGE_CONFIDENCE: f64 = 0.3;

/// Splits a text into words: runs of letters, marks and digits, in lower case, in Unicode form
/// NFKC, with accents. Scripts without spaces between words give pairs of adjacent letters instead.
pub fn words(text: &str) -> Vec<String> {
    if text.is_ascii() {
        return ascii_words(text);
    }
    if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        cut(text.chars())
    } else {
        cut(text.nfkc())
    }
}

/// Folds a word from [`words`] for comparison. Keeps marks that carry meaning, as in Indic scripts.
pub fn fold(word: &str) -> String {
    if word.is_ascii() { word.to_owned() } else { letters(word.nfd(), Purpose::Search).collect() }
}

/// Folds a word from [`words`] as texts of a language are compared: like [`fold`], but Vietnamese
/// keeps its marks, because words differ by nothing else (`ma`, `má`, `mà`).
pub fn fold_in(word: &str, language: Option<Lang>) -> String {
    if language == Some(Lang::Vie) { word.to_owned() } else { fold(word) }
}

/// Returns the folded stem of a word from [`words`]; `None` if the language has no stemmer.
pub fn stem(word: &str, language: Lang) -> Option<String> {
    let stemmer = Stemmer::create(algorithm(language)?);
    Some(fold(&stemmer.stem(word)))
}

/// Detects the language of a text; `None` if it is too short or uncertain.
pub fn language(text: &str) -> Option<Lang> {
    let start = &text[..text.floor_char_boundary(MAX_DETECTION_BYTES)];
    let guess = whatlang::detect(start)?;
    (guess.confidence() > MIN_LANGUAGE_CONFIDENCE).then(|| guess.lang())
}

/// Whether a folded word is a stop word, such as `the`, of English (which occurs everywhere) or of
/// these languages.
pub fn is_stop_word(folded: &str, languages: &[Lang]) -> bool {
    static LISTS: LazyLock<Vec<OnceLock<WordSet>>> =
        LazyLock::new(|| Lang::all().iter().map(|_| OnceLock::new()).collect());
    let english = (!languages.contains(&Lang::Eng)).then_some(&Lang::Eng);
    let mut lists =
        languages.iter().chain(english).filter_map(|lang| Some((lang, LISTS.get(*lang as usize)?)));
    lists.any(|(lang, list)| list.get_or_init(|| stop_words(*lang)).contains(folded))
}

/// Words of fixed lists; no sender can choose them, so the hash need not be random.
type WordSet = HashSet<String, FixedState>;

/// Whether a folded word is a stop word of English or of the language with this ISO 639-1 code.
pub fn is_function_word(folded: &str, code: &str) -> bool {
    let listed = data::of(code).map(|language| &language.detection.function_words);
    listed.is_some_and(|words| words.iter().any(|word| word == folded))
        || is_stop_word(folded, from_two_letters(code).as_slice())
}

/// Whether a folded word is a polite word of chats.
pub(crate) fn is_courtesy(folded: &str) -> bool {
    courtesies().contains(folded)
}

/// Splits a text of ASCII: the same words as [`cut`] gives.
fn ascii_words(text: &str) -> Vec<String> {
    let runs = text.as_bytes().split(|byte| !byte.is_ascii_alphanumeric());
    let pieces = runs.flat_map(|run| run.chunks(MAX_WORD_CHARS));
    pieces.map(|piece| String::from_utf8_lossy(piece).to_ascii_lowercase()).collect()
}

fn cut(letters: impl Iterator<Item = char>) -> Vec<String> {
    let mut words = Vec::new();
    let mut run = Run::default();
    for c in letters.flat_map(char::to_lowercase).filter(|c| !is_invisible(*c)) {
        if !(c.is_alphanumeric() || is_combining_mark(c)) {
            run.finish(&mut words);
            continue;
        }
        if run.letters == MAX_WORD_CHARS || run.spaceless != is_spaceless(c) {
            run.finish(&mut words);
            run.spaceless = is_spaceless(c);
        }
        run.push(c);
    }
    run.finish(&mut words);
    words
}

/// A run of adjacent letters.
#[derive(Default)]
struct Run {
    text: String,
    letters: usize,
    spaceless: bool,
}

impl Run {
    fn push(&mut self, c: char) {
        self.text.push(c);
        self.letters += 1;
    }

    fn finish(&mut self, words: &mut Vec<String>) {
        self.letters = 0;
        if self.text.is_empty() {
            return;
        }
        if self.spaceless {
            pairs(&self.text, words);
            self.text.clear();
        } else {
            words.push(std::mem::take(&mut self.text));
        }
    }
}

/// Splits a run into pairs of adjacent letters, each with its marks; a single letter stays alone.
fn pairs(run: &str, words: &mut Vec<String>) {
    let mut starts: Vec<usize> = run
        .char_indices()
        .filter(|(at, c)| *at == 0 || !is_combining_mark(*c))
        .map(|(at, _)| at)
        .collect();
    starts.push(run.len());
    if starts.len() == 2 {
        words.push(run.to_owned());
    }
    words.extend(starts.windows(3).map(|letters| run[letters[0]..letters[2]].to_owned()));
}

/// Han, Hiragana, Katakana, Thai, Lao, Khmer and Myanmar.
pub fn is_spaceless(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{2fdf}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a9e0}'..='\u{a9ff}'
        | '\u{aa60}'..='\u{aa7f}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

fn algorithm(language: Lang) -> Option<Algorithm> {
    Some(match language {
        Lang::Ara => Algorithm::Arabic,
        Lang::Dan => Algorithm::Danish,
        Lang::Deu => Algorithm::German,
        Lang::Ell => Algorithm::Greek,
        Lang::Eng => Algorithm::English,
        Lang::Fin => Algorithm::Finnish,
        Lang::Fra => Algorithm::French,
        Lang::Hun => Algorithm::Hungarian,
        Lang::Ita => Algorithm::Italian,
        Lang::Nld => Algorithm::Dutch,
        Lang::Nob => Algorithm::Norwegian,
        Lang::Por => Algorithm::Portuguese,
        Lang::Ron => Algorithm::Romanian,
        Lang::Rus => Algorithm::Russian,
        Lang::Spa => Algorithm::Spanish,
        Lang::Swe => Algorithm::Swedish,
        Lang::Tam => Algorithm::Tamil,
        Lang::Tur => Algorithm::Turkish,
        _ => return None,
    })
}

/// Stop words: the function words of a language and the courtesies of all languages. Without
/// phrases: the Vietnamese list has many, whose syllables are also content words.
fn stop_words(language: Lang) -> WordSet {
    let single = entries(language).filter(|entry| !entry.contains(' ')).flat_map(words);
    single.map(|word| fold(&word)).chain(courtesies().iter().cloned()).collect()
}

/// The courtesies of all languages, folded.
fn courtesies() -> &'static HashSet<String> {
    static FOLDED: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let each = data::each(|language| &language.search.courtesies);
        each.flat_map(words).map(|word| fold(&word)).collect()
    });
    &FOLDED
}

/// Function words of a language, folded; empty if it has no list. The entries are split like texts:
/// `don't` gives `don` and `t`.
pub(crate) fn function_words(language: Lang) -> HashSet<String> {
    entries(language).flat_map(words).map(|word| fold(&word)).collect()
}

/// The entries of a language's stop word list.
fn entries(language: Lang) -> impl Iterator<Item = &'static str> {
    two_letters(language).and_then(stop_words::lookup).unwrap_or_default().iter().copied()
}

/// Returns the language of an ISO 639-1 code.
pub fn from_two_letters(code: &str) -> Option<Lang> {
    Lang::all().iter().copied().find(|language| two_letters(*language) == Some(code))
}

/// Returns the ISO 639-1 code of a language, which is the key of the stop word lists.
pub fn two_letters(language: Lang) -> Option<&'static str> {
    Some(match language {
        Lang::Afr => "af",
        Lang::Ara => "ar",
        Lang::Aze => "az",
        Lang::Bel => "be",
        Lang::Ben => "bn",
        Lang::Bul => "bg",
        Lang::Cat => "ca",
        Lang::Ces => "cs",
        Lang::Cmn => "zh",
        Lang::Dan => "da",
        Lang::Deu => "de",
        Lang::Ell => "el",
        Lang::Eng => "en",
        Lang::Epo => "eo",
        Lang::Est => "et",
        Lang::Fin => "fi",
        Lang::Fra => "fr",
        Lang::Guj => "gu",
        Lang::Heb => "he",
        Lang::Hin => "hi",
        Lang::Hrv => "hr",
        Lang::Hun => "hu",
        Lang::Hye => "hy",
        Lang::Ind => "id",
        Lang::Ita => "it",
        Lang::Jpn => "ja",
        Lang::Kor => "ko",
        Lang::Lat => "la",
        Lang::Lav => "lv",
        Lang::Lit => "lt",
        Lang::Mar => "mr",
        Lang::Nep => "ne",
        Lang::Nld => "nl",
        Lang::Nob => "no",
        Lang::Pes => "fa",
        Lang::Pol => "pl",
        Lang::Por => "pt",
        Lang::Ron => "ro",
        Lang::Rus => "ru",
        Lang::Slk => "sk",
        Lang::Slv => "sl",
        Lang::Spa => "es",
        Lang::Swe => "sv",
        Lang::Tam => "ta",
        Lang::Tgl => "tl",
        Lang::Tha => "th",
        Lang::Tur => "tr",
        Lang::Ukr => "uk",
        Lang::Urd => "ur",
        Lang::Uzb => "uz",
        Lang::Vie => "vi",
        Lang::Zul => "zu",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_word_keeps_its_marks_and_loses_its_accents_only_when_folded() {
        assert_eq!(
            words("Café-Öffnungszeiten, 9–17 Uhr!"),
            ["café", "öffnungszeiten", "9", "17", "uhr"]
        );
        assert_eq!(words("हिन्दी में"), ["हिन्दी", "में"]);
        assert_eq!(words("ﬁne ＡＢＣ co\u{ad}operate"), ["fine", "abc", "cooperate"]);
        assert_eq!(words("☎\u{fe0f} 1\u{fe0f}\u{20e3} 👍🏽"), ["1"], "pictures are no words");
        let folded: Vec<String> =
            words("Información ЁЛКА ΌΡΟΣ Straße İstanbul हिन्दी").iter().map(|w| fold(w)).collect();
        assert_eq!(folded, ["informacion", "елка", "οροσ", "strasse", "istanbul", "हिन्दी"]);
        assert_eq!(fold("أحمدُ"), fold("احمد"), "nobody writes the vowels");
    }

    #[test]
    fn vietnamese_keeps_its_marks() {
        assert_eq!(fold_in("bảo", Some(Lang::Vie)), "bảo");
        assert_eq!(fold_in("bảo", None), "bao");
        assert!(is_stop_word("cua", &[Lang::Vie]));
        assert!(!is_stop_word("hinh", &[Lang::Vie]), "a syllable of a phrase in the list");
    }

    proptest! {
        #[test]
        fn a_text_of_ascii_has_the_same_words_as_any_text(text in "[ -~\\n]{0,200}|[a-z0-9]{40,120}") {
            prop_assert_eq!(words(&text), cut(text.chars()));
        }
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        assert_eq!(words("退货政策"), ["退货", "货政", "政策"]);
        assert_eq!(words("買iPhone。"), ["買", "iphone"]);
        assert_eq!(words("ที่นี่"), ["ที่นี่"], "a letter takes its marks along");
    }

    #[test]
    fn a_stem_is_the_same_for_forms_of_a_word() {
        assert_eq!(stem("deliveries", Lang::Eng), stem("delivery", Lang::Eng));
        assert_eq!(stem("devoluciones", Lang::Spa), stem("devolución", Lang::Spa));
        assert_eq!(stem("डिलीवरी", Lang::Hin), None);
    }

    #[test]
    fn the_language_of_a_sentence_is_told_and_of_a_word_is_not() {
        let text =
            "Puede devolver los productos en un plazo de treinta días desde la fecha de compra.";
        assert_eq!(language(text), Some(Lang::Spa));
        assert_eq!(language("ok"), None);
    }

    #[test]
    fn stop_words_are_those_of_english_and_of_the_languages_given() {
        assert!(is_stop_word("the", &[]));
        assert!(is_stop_word("don", &[]), "half of don't");
        assert!(!is_stop_word("delivery", &[Lang::Spa]));
        assert!(!is_stop_word("para", &[]));
        assert!(is_stop_word("para", &[Lang::Spa]));
        assert!(is_function_word("para", "es") && is_function_word("ngapi", "sw"));
        assert!(!is_function_word("ngapi", "es") && !is_function_word("baiskeli", "sw"));
    }

    #[test]
    fn what_is_compared_with_folded_words_is_written_folded() {
        for language in data::languages() {
            let written = [
                &language.detection.function_words,
                &language.follow_up.openers,
                &language.follow_up.pointers,
                &language.follow_up.rests,
                &language.citations.negations,
            ];
            let numbers = language.citations.numbers.values();
            for word in written.into_iter().chain(numbers).flatten() {
                assert_eq!(fold(word), *word, "data/{}.toml", language.code);
            }
        }
    }

    #[test]
    fn a_huge_run_is_cut_into_pieces() {
        let pieces = words(&"x".repeat(100_000));
        assert!(pieces.iter().all(|piece| piece.len() <= MAX_WORD_CHARS));
        assert_eq!(pieces.concat().len(), 100_000);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}|(?s).{0,60}|[\\p{L}\\p{M}]{0,40}") {
            language(&text);
            for word in words(&text) {
                prop_assert!(!word.is_empty());
                is_stop_word(&fold(&word), &[Lang::Spa]);
                for language in Lang::all() {
                    stem(&word, *language);
                }
            }
        }
    }
}
