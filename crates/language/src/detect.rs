//! Language detection of questions, which are often too short for letter statistics: their function
//! words vote. Knows no chunks and no earlier messages.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use foldhash::fast::FixedState;
use whatlang::{Info, Lang};

use crate::data::{self, Language};
use crate::terms;

/// Confidence of the letter statistics, 0 to 1, above which they decide alone. On the shared
/// questions at most 2 in 1,000 are wrong above it, even when only the first three words are read.
const CERTAIN: f64 = 0.9;
/// Confidence of the letter statistics, 0 to 1, above which they decide if the function words do
/// not contradict them.
const LIKELY: f64 = 0.3;
/// Function words that confirm the statistics' guess when several languages have equally many.
const MIN_FUNCTION_WORDS: usize = 2;
/// Maximum length of a short function word, in bytes. Short ones occur in many languages: `ya` and
/// `wa` are Zulu and also Arabic in Latin letters.
const SHORT: usize = 2;
/// Maximum length of the text that is read, in bytes.
const MAX_DETECTION_BYTES: usize = 400;

/// Detects the language of a question, as an ISO 639-1 code; `None` if uncertain. Product names
/// without a function word (`iphone 12`) have no language.
///
/// The letter statistics decide when the script has one language or the text is long. Otherwise the
/// language with the most function words wins, because hardly any question has none (`what`,
/// `para`, `wie`). On seven sets of the shared data it gets 84% to 99% of the questions right and
/// at most 3% wrong; the letter statistics alone, at the confidence used for documents, get 42% to
/// 97% right.
pub fn language(question: &str) -> Option<&'static str> {
    let start = &question[..question.floor_char_boundary(MAX_DETECTION_BYTES)];
    let letters = whatlang::detect(start);
    let certain = letters.as_ref().is_some_and(is_certain);
    listed(start, certain).or_else(|| terms::two_letters(guess(start, letters)?))
}

fn is_certain(letters: &Info) -> bool {
    letters.confidence() > CERTAIN
}

/// Detects the languages that have `detection.function_words`. Requires at least
/// [`MIN_FUNCTION_WORDS`] different function words longer than [`SHORT`], and more than any other
/// language has. If the letter statistics are certain, one more word is required, which may be
/// short.
fn listed(text: &str, certain: bool) -> Option<&'static str> {
    let said: HashSet<String> = terms::words(text).iter().map(|word| terms::fold(word)).collect();
    let count = |language: &'static Language| {
        let own = language.detection.function_words.iter().filter(|word| said.contains(*word));
        let (short, long): (Vec<_>, Vec<_>) = own.partition(|word| word.len() <= SHORT);
        (long.len(), short.len(), language)
    };
    let counts: Vec<_> = data::languages().iter().map(count).collect();
    let (most, short, language) = *counts.iter().max_by_key(|(long, ..)| *long)?;
    let enough = most >= MIN_FUNCTION_WORDS && (!certain || most + short > MIN_FUNCTION_WORDS);
    let alone = || counts.iter().filter(|(long, ..)| *long == most).count() == 1;
    let others = || votes(text).values().copied().max().unwrap_or(0);
    (enough && alone() && most + short > others()).then_some(language.code.as_str())
}

fn guess(text: &str, letters: Option<Info>) -> Option<Lang> {
    if let Some(sure) = letters.as_ref().filter(|guess| is_certain(guess)) {
        return Some(sure.lang());
    }
    let votes = votes(text);
    let most = votes.values().copied().max().unwrap_or(0);
    let mut first = votes.iter().filter(|(_, count)| **count == most).map(|(lang, _)| *lang);
    if let (Some(winner), None) = (first.next(), first.next()) {
        return Some(winner);
    }
    let guess = letters?;
    let own = votes.get(&guess.lang()).copied().unwrap_or(0);
    let backed = own == most && (own >= MIN_FUNCTION_WORDS || guess.confidence() > LIKELY);
    backed.then(|| guess.lang())
}

/// Words of a question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuestionWords {
    /// Folded words in order, without leading courtesies.
    pub words: Vec<String>,
    /// Number of content words: neither function words nor courtesies. In scripts without spaces,
    /// two letter pairs count as one word.
    pub content: usize,
    /// Whether one of them is a courtesy.
    pub polite: bool,
}

/// Analyses a question in a language (ISO 639-1 code, if known).
pub fn question_words(question: &str, language: Option<&str>) -> QuestionWords {
    let listed = language.and_then(data::of).map(|known| &known.detection.function_words);
    let language: Vec<Lang> = language.and_then(of_code).into_iter().collect();
    let words: Vec<String> = terms::words(question).iter().map(|word| terms::fold(word)).collect();
    let is_listed = |word: &String| listed.is_some_and(|listed| listed.contains(word));
    let says = |word: &&String| !terms::is_stop_word(word, &language) && !is_listed(word);
    let (pairs, whole): (Vec<&String>, Vec<&String>) =
        words.iter().filter(says).partition(|word| word.chars().all(terms::is_spaceless));
    let content = whole.len() + pairs.len().div_ceil(2);
    let polite = words.iter().any(|word| terms::is_courtesy(word));
    let words = words.into_iter().skip_while(|word| terms::is_courtesy(word)).collect();
    QuestionWords { words, content, polite }
}

/// Returns the English name of a language by its ISO 639-1 code.
pub fn name(code: &str) -> Option<&'static str> {
    let known = of_code(code);
    let known = known.map(|lang| if lang == Lang::Cmn { "Chinese" } else { lang.eng_name() });
    known.or_else(|| data::of(code).map(|language| language.name.as_str()))
}

fn of_code(code: &str) -> Option<Lang> {
    let primary = code.split(['-', '_']).next()?.to_lowercase();
    Lang::all().iter().copied().find(|lang| terms::two_letters(*lang) == Some(primary.as_str()))
}

/// Counts the function words of each language in the text.
fn votes(text: &str) -> HashMap<Lang, usize> {
    let mut votes: HashMap<Lang, usize> = HashMap::new();
    for word in terms::words(text) {
        for lang in FUNCTION_WORDS.get(&terms::fold(&word)).into_iter().flatten() {
            *votes.entry(*lang).or_default() += 1;
        }
    }
    votes
}

/// Maps each function word to the languages that have it.
static FUNCTION_WORDS: LazyLock<HashMap<String, Vec<Lang>, FixedState>> = LazyLock::new(|| {
    let mut known: HashMap<String, Vec<Lang>, FixedState> = HashMap::default();
    for lang in Lang::all() {
        for word in terms::function_words(*lang) {
            known.entry(word).or_default().push(*lang);
        }
    }
    known
});

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_language_of_a_few_words_is_told() {
        for (text, expected) in [
            ("and on Sundays?", Some("en")),
            ("what about the kids?", Some("en")),
            ("¿Y los domingos?", Some("es")),
            ("und wie ist es am Sonntag?", Some("de")),
            ("Et le dimanche ?", Some("fr")),
            ("а в воскресенье?", Some("ru")),
            ("周日呢？", Some("zh")),
            ("日曜日はどうですか", Some("ja")),
            ("일요일은요?", Some("ko")),
            ("Mnafungua saa ngapi Jumapili?", Some("sw")),
            ("Naomba bei ya baiskeli kwa watoto", Some("sw")),
            ("Sanibonani nina bantu, ngifuna ukuthenga izicathulo kwa Zulu", Some("zu")),
            ("Ngiyabonga kakhulu, kwa mama ya bantwana ngifuna ukuthenga isicathulo", Some("zu")),
            ("Ndatenda zvikuru, ndinoda kudzosera zvandakatenga kwa imi ya", None),
            ("iphone 12", None),
            ("12:30", None),
            ("", None),
        ] {
            assert_eq!(language(text), expected, "{text}");
        }
    }

    #[test]
    fn short_words_and_one_more_are_no_swahili() {
        for text in [
            "ya akhi wa ana kaman ayez a3raf el se3r",
            "kayf halak ya sadiqi wa shukran",
            "nani wa arimasu ka",
        ] {
            assert_ne!(language(text), Some("sw"), "{text}");
        }
    }

    /// Reads a question set of the shared data: each text with the first two letters of its id;
    /// `None` if the data is missing.
    fn questions(set: &str) -> Option<Vec<(String, String)>> {
        let near = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
        let shared = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from);
        let path = shared.join("data/retrieval").join(set).join("queries.jsonl");
        let text = std::fs::read_to_string(path).ok()?;
        let read = |line: &str| {
            let value: Value = serde_json::from_str(line).ok()?;
            let id = value["_id"].as_str()?;
            Some((id.get(..2)?.to_owned(), value["text"].as_str()?.to_owned()))
        };
        Some(text.lines().step_by(7).filter_map(read).collect())
    }

    #[test]
    fn the_language_of_real_questions_is_told() {
        for (set, spoken, right_at_least) in [
            ("xquad-mixed12", "", 95.0),
            ("xquad-en", "en", 97.0),
            ("covidfaq", "en", 80.0),
            ("stackfaq-threads", "en", 94.0),
            ("squad2-es", "es", 97.0),
            ("faquad-pt", "pt", 90.0),
            ("xquad-de", "de", 95.0),
        ] {
            let Some(questions) = questions(set) else {
                println!("skipped: no shared data");
                return;
            };
            for words in [usize::MAX, 5, 3] {
                let (mut right, mut wrong) = (0.0, 0.0);
                for (own, text) in &questions {
                    let text: Vec<&str> = text.split_whitespace().take(words).collect();
                    let expected = if spoken.is_empty() { own } else { spoken };
                    match language(&text.join(" ")) {
                        Some(told) if told == expected => right += 1.0,
                        Some(_) => wrong += 1.0,
                        None => {}
                    }
                }
                #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
                let share = |count: f64| 100.0 * count / questions.len() as f64;
                let (right, wrong) = (share(right), share(wrong));
                println!("{set:<17} {words:>20} words: right {right:.1}, wrong {wrong:.1}");
                assert!(wrong < 10.0, "{set}: {wrong}");
                assert!(words < usize::MAX || right >= right_at_least, "{set}: {right}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}|(?s).{0,60}|[\\p{L}\\p{M}]{0,40}") {
            language(&text);
        }
    }
}
