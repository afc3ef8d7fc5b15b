//! The language of a question, which is often too short for its letters to tell: its function words vote. It knows no
//! chunks, and nothing of what was said before.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use whatlang::{Info, Lang};

use crate::data::{self, Language};
use crate::terms;

/// Above this confidence, 0 to 1, the letters alone are believed: of the shared questions at most 2 in 1,000 are taken for
/// another language, even of their first three words.
const CERTAIN: f64 = 0.9;
/// Above this confidence, 0 to 1, the letters are believed where the function words do not speak against them.
const LIKELY: f64 = 0.3;
/// So many function words bear out the guess of the letters where several languages have them.
const BEAR_OUT: usize = 2;
/// Function words of so few letters are words of many languages: `ya` and `wa` of Zulu, of Arabic in Latin letters.
const SHORT: usize = 2;
/// How much of a text is read, in bytes.
const TELLING: usize = 400;

/// The language of a question as an ISO 639-1 code; `None` where it cannot be told. Names of things without a function
/// word (`iphone 12`) have no language.
///
/// The letters decide where a script has one language or the text is long. Else the language with the most function words
/// in the question wins, because hardly any question goes without (`what`, `para`, `wie`). Of seven sets of the shared
/// data it tells 84 to 99 of 100 questions and takes at most 3 for another language, where the letters alone, with
/// the confidence that is enough for a document, tell 42 to 97.
pub fn language(question: &str) -> Option<&'static str> {
    let start = &question[..question.floor_char_boundary(TELLING)];
    let letters = whatlang::detect(start);
    let certain = letters.as_ref().is_some_and(is_certain);
    listed(start, certain).or_else(|| terms::two_letters(guess(start, letters)?))
}

fn is_certain(letters: &Info) -> bool {
    letters.confidence() > CERTAIN
}

/// The language of those that neither letters nor lists of stop words tell whose function words the text has: at least
/// [`BEAR_OUT`] different ones that are not [`SHORT`], and more than it has of any other language. Against letters that are
/// certain one more, which may be short.
fn listed(text: &str, certain: bool) -> Option<&'static str> {
    let said: HashSet<String> = terms::words(text).iter().map(|word| terms::fold(word)).collect();
    let count = |language: &'static Language| {
        let own = language.detection.function_words.iter().filter(|word| said.contains(*word));
        let (short, long): (Vec<_>, Vec<_>) = own.partition(|word| word.len() <= SHORT);
        (long.len(), short.len(), language)
    };
    let counts: Vec<_> = data::languages().iter().map(count).collect();
    let (most, short, language) = *counts.iter().max_by_key(|(long, ..)| *long)?;
    let enough = most >= BEAR_OUT && (!certain || most + short > BEAR_OUT);
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
    let backed = own == most && (own >= BEAR_OUT || guess.confidence() > LIKELY);
    backed.then(|| guess.lang())
}

/// What a question is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuestionWords {
    /// Its words, folded, in their order, from the first that is not only polite.
    pub words: Vec<String>,
    /// How many of them say something by themselves: neither function words nor courtesies. Two letters of a script
    /// without spaces count as one.
    pub content: usize,
    /// Whether one of them is only polite.
    pub polite: bool,
}

/// Reads a question in a language (ISO 639-1 code, where it is known).
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

/// The English name of a language by its ISO 639-1 code.
pub fn name(code: &str) -> Option<&'static str> {
    let known = of_code(code);
    let known = known.map(|lang| if lang == Lang::Cmn { "Chinese" } else { lang.eng_name() });
    known.or_else(|| data::of(code).map(|language| language.name.as_str()))
}

fn of_code(code: &str) -> Option<Lang> {
    let primary = code.split(['-', '_']).next()?.to_lowercase();
    Lang::all().iter().copied().find(|lang| terms::two_letters(*lang) == Some(primary.as_str()))
}

/// How many words of the text are function words of each language.
fn votes(text: &str) -> HashMap<Lang, usize> {
    let mut votes: HashMap<Lang, usize> = HashMap::new();
    for word in terms::words(text) {
        for lang in FUNCTION_WORDS.get(&terms::fold(&word)).into_iter().flatten() {
            *votes.entry(*lang).or_default() += 1;
        }
    }
    votes
}

/// Each function word with the languages that have it.
static FUNCTION_WORDS: LazyLock<HashMap<String, Vec<Lang>>> = LazyLock::new(|| {
    let mut known: HashMap<String, Vec<Lang>> = HashMap::new();
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

    /// Questions of a set of the shared data with the first two letters of their ids, or `None` where there is no data.
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
