//! Part of the answers without a model: turns text into stems that can be compared.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use frontdesk_language::data::{self, Language};
use frontdesk_language::weekdays::{Weekdays, asked_weekdays, weekdays};
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;
use whatlang::{Detector, Lang};

/// How much of a passage is used to detect its language, in bytes.
const LANGUAGE_SAMPLE_BYTES: usize = 600;

/// Weights of a stop word, and of a stop word that is also a function word.
const STOP_WORD_WEIGHT: f32 = 0.3;
const FUNCTION_WORD_WEIGHT: f32 = 0.02;

/// Small words that say nothing about whether a text answers a question.
static FUNCTION: LazyLock<HashSet<&str>> =
    LazyLock::new(|| data::each(|language| &language.questions.function_words).collect());

/// By language, the words and phrases that only ask or are only polite, such as "how long" and
/// "hello".
static ASKING: LazyLock<HashMap<&str, HashSet<&str>>> = LazyLock::new(|| {
    let phrases = |language: &'static Language| {
        let asks = language.curated.asks.values().flatten();
        let polite = language.search.courtesies.iter().chain(&language.curated.courtesies);
        asks.chain(polite).chain(&language.questions.function_words).map(String::as_str).collect()
    };
    data::languages().iter().map(|language| (language.code.as_str(), phrases(language))).collect()
});

/// Weight of a day that is asked about: less than a content word, because most hours are a day's.
const DAY_WEIGHT: f32 = 0.9;

/// Maximum words of a phrase that only asks.
const LONGEST_PHRASE: usize = 3;

/// Minimum stem length for a prefix match, in characters.
const SHORTEST_STEM: usize = 4;

/// Stemmer and stop words for the language of a question and its best passage.
pub(super) struct Words {
    stemmer: Option<Stemmer>,
    stops: &'static [&'static str],
    /// Words and phrases that only ask.
    asking: Option<&'static HashSet<&'static str>>,
    /// The weekday, 0 for Monday.
    today: Option<u8>,
    /// The weekdays that the message asks about, each with the stem of the word for it.
    asked: Vec<(u8, String)>,
}

impl Words {
    /// Detects the language from the question and the passage together. `today` is the weekday, 0
    /// for Monday, that "today" means.
    pub(super) fn of(question: &str, passage: &str, today: Option<u8>) -> Self {
        let mut sample = question.to_owned();
        sample.push('\n');
        sample.push_str(
            passage.get(..passage.floor_char_boundary(LANGUAGE_SAMPLE_BYTES)).unwrap_or(passage),
        );
        let language = Detector::new().detect(&sample).map_or(Lang::Eng, |info| info.lang());
        let (code, algorithm) = known(language);
        let mut words = Self {
            stemmer: algorithm.map(Stemmer::create),
            stops: stop_words::lookup(code).unwrap_or_default(),
            asking: ASKING.get(code),
            today,
            asked: Vec::new(),
        };
        let asked = days_of(question, today).days();
        words.asked = asked.map(|day| (day, words.day_stem(question, day))).collect();
        words
    }

    /// Returns the stem of the word with which a question names a day; a mark for "today" and the
    /// like, with which documents name none.
    fn day_stem(&self, question: &str, day: u8) -> String {
        let named =
            question.unicode_words().find(|word| weekdays(word).overlaps(Weekdays::only(day)));
        named.map_or_else(|| day_mark(day), |word| self.stem(word))
    }

    /// Returns the weekdays that a text is about; none if the message asks about none.
    pub(super) fn days(&self, text: &str) -> Weekdays {
        if self.asked.is_empty() {
            return Weekdays::default();
        }
        text.lines().map(weekdays).fold(Weekdays::default(), Weekdays::and)
    }

    /// Returns the weekdays that one of the message's questions asks about.
    pub(super) fn asked_days(&self, question: &str) -> Weekdays {
        days_of(question, self.today)
    }

    /// Returns the stems of all words; for scripts without spaces, pairs of neighbouring
    /// characters. If the message asks about a day that the text is about, also the stem for that
    /// day: "Tuesday to Friday" then answers what is asked about Wednesday.
    pub(super) fn stems(&self, text: &str) -> Vec<String> {
        let mut stems = self.word_stems(text);
        let days = self.days(text);
        for (day, stem) in &self.asked {
            if days.overlaps(Weekdays::only(*day)) && !stems.contains(stem) {
                stems.push(stem.clone());
            }
        }
        stems
    }

    fn word_stems(&self, text: &str) -> Vec<String> {
        let mut stems = Vec::new();
        let mut run = String::new();
        for word in text.unicode_words() {
            if word.chars().all(is_dense) {
                run.push_str(word);
                continue;
            }
            pairs(&std::mem::take(&mut run), &mut stems);
            stems.extend(
                word.split(['\'', '’', '_'])
                    .map(|part| self.stem(part))
                    .filter(|stem| !stem.is_empty()),
            );
        }
        pairs(&run, &mut stems);
        stems
    }

    /// Returns the distinct stems of a question, each with the weight of its word, 0 to 1.
    pub(super) fn weighted_stems(&self, question: &str) -> Vec<(String, f32)> {
        let mut asked = Vec::new();
        // A set, because a linear search would be quadratic in a very long question.
        let mut known: HashSet<String> = HashSet::new();
        let asking = self.asking(question);
        for (at, whole) in question.unicode_words().enumerate() {
            // The day that it means is compared instead.
            if weekdays(whole).is_empty() && !days_of(whole, self.today).is_empty() {
                continue;
            }
            for (place, word) in whole.split(['\'', '’']).enumerate() {
                let small = word.to_lowercase();
                let tail = place > 0 && small.chars().count() <= 2;
                let function =
                    tail || small.chars().count() <= 2 || FUNCTION.contains(small.as_str());
                let stop = tail || self.stops.contains(&small.as_str());
                let meaning = match (stop, function) {
                    _ if asking.contains(&at) => FUNCTION_WORD_WEIGHT,
                    (true, true) => FUNCTION_WORD_WEIGHT,
                    (true, false) => STOP_WORD_WEIGHT,
                    (false, _) => 1.0,
                };
                for stem in self.word_stems(word) {
                    if known.insert(stem.clone()) {
                        asked.push((stem, meaning));
                    }
                }
            }
        }
        for stem in self.word_stems(question) {
            if stem.chars().any(is_dense) && known.insert(stem.clone()) {
                asked.push((stem, 1.0));
            }
        }
        let marks = days_of(question, self.today).days().map(day_mark);
        let marks = marks.filter(|mark| self.asked.iter().any(|(_, stem)| stem == mark));
        asked.extend(marks.map(|mark| (mark, DAY_WEIGHT)));
        asked
    }

    /// Returns the positions of the words that only ask or are only polite.
    fn asking(&self, question: &str) -> HashSet<usize> {
        let Some(asking) = self.asking else { return HashSet::new() };
        let words: Vec<String> = question.unicode_words().map(str::to_lowercase).collect();
        let known = |(at, length): (usize, usize)| {
            let phrase = words.get(at..at + length)?.join(" ");
            asking.contains(phrase.as_str()).then_some(at..at + length)
        };
        let phrases =
            (0..words.len()).flat_map(|at| (1..=LONGEST_PHRASE).map(move |many| (at, many)));
        phrases.filter_map(known).flatten().collect()
    }

    fn stem(&self, word: &str) -> String {
        let small = word.to_lowercase();
        let stem = self
            .stemmer
            .as_ref()
            .map_or_else(|| small.clone(), |stemmer| stemmer.stem(&small).into_owned());
        stem.nfkd().filter(|c| !is_combining_mark(*c) || *c > '\u{0700}').nfc().collect()
    }
}

/// Returns the weekdays that a question asks about.
fn days_of(question: &str, today: Option<u8>) -> Weekdays {
    today.map_or_else(|| weekdays(question), |today| asked_weekdays(question, today))
}

/// A stem that stands for a weekday, and that no text has.
fn day_mark(day: u8) -> String {
    format!("\0{day}")
}

/// Similarity of two stems: 1 when equal, 0.8 when one extends the other by a short ending, else 0.
pub(super) fn similarity(a: &str, b: &str) -> f32 {
    if a == b {
        return 1.0;
    }
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let more = long.chars().count() - short.chars().count().min(long.chars().count());
    let goes_on = long.starts_with(short) && short.chars().count() >= SHORTEST_STEM && more <= 3;
    if goes_on && !short.chars().any(|c| c.is_ascii_digit()) { 0.8 } else { 0.0 }
}

fn pairs(run: &str, stems: &mut Vec<String>) {
    let letters: Vec<char> = run.chars().collect();
    if let [only] = letters.as_slice() {
        stems.push(only.to_string());
    }
    stems.extend(letters.windows(2).map(|pair| pair.iter().collect::<String>()));
}

/// Letters of scripts without spaces between words.
fn is_dense(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

fn known(language: Lang) -> (&'static str, Option<Algorithm>) {
    match language {
        Lang::Ara => ("ar", Some(Algorithm::Arabic)),
        Lang::Dan => ("da", Some(Algorithm::Danish)),
        Lang::Deu => ("de", Some(Algorithm::German)),
        Lang::Ell => ("el", Some(Algorithm::Greek)),
        Lang::Eng => ("en", Some(Algorithm::English)),
        Lang::Fin => ("fi", Some(Algorithm::Finnish)),
        Lang::Fra => ("fr", Some(Algorithm::French)),
        Lang::Hin => ("hi", None),
        Lang::Hun => ("hu", Some(Algorithm::Hungarian)),
        Lang::Ita => ("it", Some(Algorithm::Italian)),
        Lang::Nld => ("nl", Some(Algorithm::Dutch)),
        Lang::Nob => ("no", Some(Algorithm::Norwegian)),
        Lang::Pol => ("pl", None),
        Lang::Por => ("pt", Some(Algorithm::Portuguese)),
        Lang::Ron => ("ro", Some(Algorithm::Romanian)),
        Lang::Rus => ("ru", Some(Algorithm::Russian)),
        Lang::Spa => ("es", Some(Algorithm::Spanish)),
        Lang::Swe => ("sv", Some(Algorithm::Swedish)),
        Lang::Tur => ("tr", Some(Algorithm::Turkish)),
        Lang::Ukr => ("uk", None),
        _ => ("", None),
    }
}
