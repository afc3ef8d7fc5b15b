//! Part of the grounding check: the comparable parts of a text, in any language. Content words as
//! stems in their order, numbers in one form, names, negations. Knows no passages and no scores.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::LazyLock;

use foldhash::quality::FixedState;
use frontdesk_language::Lang;
use frontdesk_language::data::{self, Language};
use frontdesk_language::phrase::Phrases;
use frontdesk_language::terms::{fold, is_stop_word, stem, two_letters, words};
use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

use crate::pipeline::language::Languages;

/// The stem of a content word as a number, which is compared faster and takes less memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stem(u64);

impl Stem {
    fn of(text: &str) -> Self {
        let hash = FixedState::default().hash_one(text);
        Self((hash & !1) | u64::from(text.starts_with(|c: char| c.is_ascii_digit())))
    }

    /// Whether it begins with a digit.
    pub(super) fn is_number(self) -> bool {
        self.0 & 1 == 1
    }

    /// One of 64 bits, which two stems share in one case of 64.
    pub(super) fn bit(self) -> u64 {
        1 << (self.0 >> (u64::BITS - 6))
    }
}

/// Returns distinct stems in a fixed order, for binary search.
pub(super) fn distinct(stems: impl Iterator<Item = Stem>) -> Box<[Stem]> {
    let mut stems: Vec<Stem> = stems.collect();
    stems.sort_unstable();
    stems.dedup();
    stems.into()
}

/// Reads texts in the languages of a reply and its sources.
pub(super) struct Reader {
    /// Language of the stemmer; both sides use the same.
    stemmed: Option<Lang>,
    /// Languages of the stop words.
    languages: Vec<Lang>,
    /// Negations of these languages, and of English, which occurs everywhere; of all if none is
    /// detected.
    negations: HashSet<&'static str>,
    /// Whether the reply's language differs from that of all its sources.
    pub(super) is_other_language: bool,
}

impl Reader {
    /// Detects the languages of a reply and its sources.
    pub(super) fn of(reply: &str, evidence: &[&str], known: &Languages) -> Self {
        let written = known.of_document(reply);
        let read: Vec<Lang> = evidence.iter().filter_map(|text| known.of_document(text)).collect();
        let is_other_language =
            written.is_some_and(|lang| !read.is_empty() && !read.contains(&lang));
        let stemmed = written.filter(|lang| read.contains(lang)).or(read.first().copied());
        let mut languages = read;
        languages.extend(written);
        languages.sort_unstable_by_key(|lang| *lang as u8);
        languages.dedup();
        let negations = negations(&languages);
        Self { stemmed: stemmed.or(written), languages, negations, is_other_language }
    }

    /// Identifies readers that read every text in the same way.
    pub(super) fn key(&self) -> u64 {
        let languages: Vec<u8> = self.languages.iter().map(|lang| *lang as u8).collect();
        FixedState::default().hash_one((self.stemmed.map(|lang| lang as u8), languages))
    }

    /// Whether a model trained on these languages (ISO 639-1 codes; empty: all) supports the texts.
    pub(super) fn is_read_by(&self, codes: &[String]) -> bool {
        let known =
            |lang: &Lang| two_letters(*lang).is_some_and(|code| codes.iter().any(|c| c == code));
        codes.is_empty() || self.languages.iter().all(known)
    }

    /// Returns the stems of the content words, in order. Small number words become digits.
    pub(super) fn content(&self, text: &str) -> Vec<Stem> {
        words(text).iter().filter_map(|word| self.meaning(word)).collect()
    }

    /// Whether a word is a negation: not the `no` of a number, as in "tram No 5".
    pub(super) fn is_negation(&self, word: &str, next: Option<&String>) -> bool {
        let counts = |next: &String| next.starts_with(|c: char| c.is_ascii_digit());
        let numbers = word == "no" && next.is_some_and(counts);
        !numbers && self.negations.contains(fold(word).as_str())
    }

    /// Returns a sentence without the `no` at its beginning that answers a question: "No, we are
    /// open".
    pub(super) fn without_answer<'a>(&self, said: &'a str) -> &'a str {
        let Some((first, rest)) = said.split_once([',', ':', ';', '!', '.', '–', '—', '،', '，'])
        else {
            return said;
        };
        let first = words(first);
        let answers = first.len() == 1 && first.iter().all(|word| self.is_negation(word, None));
        if answers { rest } else { said }
    }

    /// Returns the stem of a content word, or the digits of a small number word.
    pub(super) fn meaning(&self, word: &str) -> Option<Stem> {
        self.stem(word).map(|stem| Stem::of(&stem))
    }

    fn stem(&self, word: &str) -> Option<String> {
        let folded = fold(word);
        if let Some(number) = NUMBER_WORDS.get(folded.as_str()) {
            return Some((*number).to_owned());
        }
        let lone = folded.chars().count() == 1 && folded.is_ascii();
        let small = lone && !folded.starts_with(|c: char| c.is_ascii_digit());
        if small || is_stop_word(&folded, &self.languages) {
            return None;
        }
        let stem = self.stemmed.and_then(|lang| stem(word, lang));
        Some(stem.unwrap_or(folded))
    }

    /// Returns the content words as stems, each with its written form.
    pub(super) fn forms(&self, text: &str) -> Vec<(Stem, String)> {
        let stem = |word: String| self.meaning(&word).map(|stem| (stem, word));
        words(text).into_iter().filter_map(stem).collect()
    }

    /// Returns capitalized words within a sentence, stemmed and as written. None in German: all
    /// nouns are.
    pub(super) fn names(&self, text: &str) -> Vec<(Stem, String)> {
        if self.languages.contains(&Lang::Deu) {
            return Vec::new();
        }
        let within = text.unicode_words().skip(1).filter(|word| {
            word.starts_with(char::is_uppercase) && word.chars().any(char::is_lowercase)
        });
        within
            .flat_map(|word| self.content(word).into_iter().map(|stem| (stem, word.to_owned())))
            .collect()
    }
}

/// Returns the numbers of a text in one form: `1,000`, `1000.00`, `1 000` are `1000`; `09:00` is
/// `9`.
pub(super) fn numbers(text: &str) -> Vec<String> {
    if !text.contains(char::is_numeric) {
        return Vec::new();
    }
    let text = western(text);
    NUMBER.find_iter(&text).map(|found| plain_number(found.as_str())).collect()
}

/// Returns the numbers that a text supports: its own, number words, 12-hour and 24-hour times.
pub(super) fn supported_numbers(text: &str) -> HashSet<String> {
    let mut known: HashSet<String> = numbers(text).into_iter().collect();
    let in_words = words(text);
    let in_words = in_words.iter().filter_map(|word| NUMBER_WORDS.get(fold(word).as_str()));
    known.extend(in_words.map(|number| (*number).to_owned()));
    if known.is_empty() {
        return known;
    }
    let text = western(text);
    for clock in CLOCK.captures_iter(&text) {
        let of = |group: usize| clock.get(group).map(|found| found.as_str());
        let afternoon = of(5).is_some_and(|unit| unit.starts_with(['p', 'P']));
        let hour = |group: usize| of(group).and_then(|hour| hour.parse::<u8>().ok());
        // In a range, the unit stands behind the end; `9 to 5 pm` begins in the morning.
        let start = hour(1).filter(|start| Some(*start) < hour(3));
        for (hour, minutes) in [(start, of(2)), (hour(3), of(4).or_else(|| of(6)))] {
            let other = match hour {
                Some(hour @ 13..=23) => hour - 12,
                Some(hour @ 1..=11) if afternoon => hour + 12,
                _ => continue,
            };
            known.insert(plain_number(&format!("{other}:{}", minutes.unwrap_or("00"))));
        }
    }
    known
}

/// Returns the words of a text that limit it or deny a part of it, folded.
pub(super) fn limits(text: &str) -> HashSet<String> {
    static LIMITS: LazyLock<HashSet<String>> =
        LazyLock::new(|| folded(|language| &language.citations.limits));
    words(text).iter().map(|word| fold(word)).filter(|word| LIMITS.contains(word)).collect()
}

/// Returns a text with English contractions as two words.
pub(super) fn spelled_out(text: &str) -> String {
    let text = text.to_lowercase().replace('’', "'");
    text.replace("can't", "can not").replace("won't", "will not").replace("n't", " not")
}

/// Whether a text contains a negation as English contracts it.
fn is_contracted(text: &str) -> bool {
    text.to_lowercase().replace('’', "'").contains("n't")
}

/// Whether a word is a courtesy.
pub(super) fn is_courtesy(word: &str) -> bool {
    static STEMS: LazyLock<HashSet<String>> =
        LazyLock::new(|| folded(|language| &language.citations.courtesies));
    STEMS.contains(&fold(word))
}

/// Whether a text says that its speaker does not know or did not find something.
pub(super) fn says_unknown(text: &str) -> bool {
    static PHRASES: LazyLock<Phrases> =
        LazyLock::new(|| Phrases::of(data::each(|language| &language.citations.not_knowing)));
    PHRASES.is_in(text)
}

/// Whether a text holds a negation and a word of knowing of one language: `so` is such a word in
/// Italian, and says nothing beside an English `not`.
pub(super) fn denies_knowing(text: &str) -> bool {
    let (mut negating, mut knowing) = (HashSet::new(), HashSet::new());
    for word in words(text) {
        let folded = fold(&word);
        negating.extend(DENIALS.negations.get(&folded).into_iter().flatten());
        knowing.extend(DENIALS.short_knowing.get(&word).into_iter().flatten());
        knowing.extend(DENIALS.knowing.get(&folded).into_iter().flatten());
    }
    if !knowing.is_empty() && is_contracted(text) {
        negating.insert("en");
    }
    !negating.is_disjoint(&knowing)
}

/// The words of which a denial of knowledge consists, each with the codes of its languages.
struct DenialWords {
    /// Folded.
    negations: Codes,
    /// Words of knowing of at most three letters, as written: an accent tells `sé` from `se`.
    short_knowing: Codes,
    /// The longer ones, folded.
    knowing: Codes,
}

type Codes = foldhash::HashMap<String, Vec<&'static str>>;

static DENIALS: LazyLock<DenialWords> = LazyLock::new(|| {
    let (negations, short_knowing, knowing) = Default::default();
    let mut all = DenialWords { negations, short_knowing, knowing };
    let add = |codes: &mut Codes, word: String, language: &'static Language| {
        codes.entry(word).or_default().push(language.code.as_str());
    };
    for language in data::languages() {
        for word in &language.citations.negations {
            add(&mut all.negations, word.clone(), language);
        }
        for word in &language.citations.knowing {
            match word.chars().count() {
                0..=3 => add(&mut all.short_knowing, word.clone(), language),
                _ => add(&mut all.knowing, fold(word), language),
            }
        }
    }
    all
});

/// Returns the words of a list of all languages, folded.
fn folded(list: fn(&'static Language) -> &'static [String]) -> HashSet<String> {
    data::each(list).flat_map(words).map(|word| fold(&word)).collect()
}

/// Converts digits of any script to ASCII.
fn western(text: &str) -> String {
    const ZEROS: [char; 8] = ['٠', '۰', '०', '০', '௦', '๐', '０', '੦'];
    let digit = |c: char| {
        let value = ZEROS.iter().find_map(|zero| {
            u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10)
        });
        value.and_then(|value| char::from_digit(value, 10)).unwrap_or(c)
    };
    text.chars().map(digit).collect()
}

fn plain_number(found: &str) -> String {
    let mut number = found.replace([' ', '\u{a0}', '\u{202f}'], "");
    if THOUSANDS.is_match(&number) {
        number = number.replace([',', '.'], "");
    }
    let number = number.replace(',', ".");
    let number = if number.contains(':') {
        number.strip_suffix(":00").unwrap_or(&number)
    } else if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        &number
    };
    let short = number.trim_start_matches('0');
    if short.is_empty() || short.starts_with(['.', ':']) {
        format!("0{short}")
    } else {
        short.to_owned()
    }
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions of this file are fixed, and tested")
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"\d{1,3}(?:[ \u{a0}\u{202f}]\d{3})+(?:[.,]\d{1,2})?\b|\d+(?:[.,:]\d+)*")
});
/// Thousands groups; the first does not start with 0.
static THOUSANDS: LazyLock<Regex> = LazyLock::new(|| fixed(r"^[1-9]\d{0,2}(?:[.,]\d{3})+$"));
/// A time of day, or a range of two: a number is one only with its unit or with minutes after a
/// colon. `14 days` are no hours.
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r"(?i)\b(?:(\d{1,2})(?:[:.](\d{2}))?\s*(?:[-–—]|\p{L}{1,3}|until|till)\s*)?",
        r"(\d{1,2})(?:(?:[:.](\d{2}))?\s*(p\.?m|a\.?m|h|uhr)\b|:(\d{2})\b)"
    ))
});

/// Small number words. Those for one are left out: in most languages they are articles.
static NUMBER_WORDS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let each = data::each_of(|language| &language.citations.numbers);
    each.map(|(number, word)| (word, number)).collect()
});

fn negations(languages: &[Lang]) -> HashSet<&'static str> {
    let codes: Vec<&str> = languages.iter().filter_map(|lang| two_letters(*lang)).collect();
    let is_read = |code: &str| languages.is_empty() || code == "en" || codes.contains(&code);
    let read = data::languages().iter().filter(|language| is_read(&language.code));
    read.flat_map(|language| &language.citations.negations).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(reply: &str, evidence: &[&str]) -> Reader {
        Reader::of(reply, evidence, &Languages::default())
    }

    #[test]
    fn a_number_has_one_form() {
        let forms = numbers("1,000 and 1000.00, 1 000; 09:00, 9:30, £4.95 or 4,95, 20th, 007, ١٤");
        assert_eq!(forms, ["1000", "1000", "1000", "9", "9:30", "4.95", "4.95", "20", "7", "14"]);
        assert_eq!(numbers("0.5 and 100"), ["0.5", "100"]);
    }

    #[test]
    fn an_hour_of_one_clock_supports_that_of_the_other() {
        let known =
            supported_numbers("Open from 9 am to 5:30 pm, on Sunday until 14:00, in two days.");
        for number in ["9", "5:30", "17:30", "14", "2"] {
            assert!(known.contains(number), "{number} of {known:?}");
        }
        assert!(!known.contains("21"), "9 am is not 21:00");
        let known = supported_numbers("Open from 2 to 6 pm, and on Friday from 14 to 18 Uhr.");
        for number in ["14", "18", "2", "6"] {
            assert!(known.contains(number), "{number} of {known:?}");
        }
        assert!(!supported_numbers("From 9 to 5 pm.").contains("21"), "it begins in the morning");
    }

    #[test]
    fn a_number_that_is_no_hour_supports_only_itself() {
        for (text, other) in [
            ("You can return it within 14 days.", "2"),
            ("It costs €13.00.", "1"),
            ("Children from 15 years, 20 pieces", "3"),
            ("It takes 18 hours.", "6"),
        ] {
            let known = supported_numbers(text);
            assert!(!known.contains(other), "{text}: {known:?}");
        }
    }

    #[test]
    fn a_word_of_knowing_counts_beside_a_negation_of_its_language() {
        assert!(denies_knowing("We don't know."));
        assert!(denies_knowing("No lo sé."));
        assert!(denies_knowing("Non lo so."));
        assert!(!denies_knowing("We do not deliver so far."), "`so` is Italian");
        assert!(!denies_knowing("No se admiten devoluciones."), "`se` is not `sé`");
    }

    #[test]
    fn content_is_stems_without_small_words_in_any_language() {
        let stems = |reader: &Reader, text: &str| -> Vec<String> {
            words(text).iter().filter_map(|word| reader.stem(word)).collect()
        };
        let english = reader("The deliveries take two days, but not on Sundays in winter.", &[]);
        let text = "The deliveries take two days";
        assert_eq!(stems(&english, text), ["deliveri", "take", "2", "day"]);
        let numbers: Vec<bool> = english.content(text).into_iter().map(Stem::is_number).collect();
        assert_eq!(numbers, [false, false, true, false]);
        let text = "Los pedidos se entregan en dos días en toda la península y las islas.";
        let spanish = reader(text, &[text]);
        assert!(stems(&spanish, text).contains(&"2".to_owned()));
        assert!(!stems(&spanish, text).contains(&"los".to_owned()));
        assert!(!spanish.is_other_language);
    }

    #[test]
    fn another_language_than_the_passages_is_noticed() {
        let spanish = "Puede devolver los productos en un plazo de treinta días desde la compra.";
        let english = "You can return the goods within thirty days of the purchase in our shops.";
        assert!(reader(spanish, &[english]).is_other_language);
        assert!(!reader(english, &[spanish, english]).is_other_language);
    }
}
