//! Opt-out: whether a message is the word for it, or for opting in again. A sentence that contains
//! the word does not count. Pure: must not query anything, and does not know who has opted out.

use std::sync::LazyLock;

use frontdesk_language::data::languages;
use frontdesk_language::fold::{Kind, fold};

/// Maximum length, in bytes; a longer message is a sentence.
const MAX_LEN: usize = 400;

/// Request of a customer who writes one of these words and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Consent {
    /// Send no more messages.
    OptOut,
    /// Send messages again.
    OptIn,
}

/// Returns the request if the message is one of the words of these languages and nothing else.
/// Languages are ISO 639-1 codes, regions ignored; empty: all. [`EVERYWHERE`] counts in all.
///
/// Case, accents, width, white space, punctuation, emoji and repetition are ignored.
pub(crate) fn read(text: &str, languages: &[String]) -> Option<Consent> {
    static WORDS: LazyLock<Vec<Word>> = LazyLock::new(words);
    if text.len() > MAX_LEN {
        return None;
    }
    let said = letters(text);
    let spoken = |word: &&Word| word.language.is_none_or(|code| speaks(languages, code));
    WORDS.iter().filter(spoken).find(|word| word.is_all_of(&said)).map(|word| word.consent)
}

/// A word or phrase normalized for comparison.
struct Word {
    /// `None` means every language.
    language: Option<&'static str>,
    letters: Vec<char>,
    consent: Consent,
}

impl Word {
    /// Whether the text is this word and nothing else, once or repeated.
    fn is_all_of(&self, said: &[char]) -> bool {
        !said.is_empty() && said.chunks(self.letters.len()).all(|part| part == self.letters)
    }
}

fn words() -> Vec<Word> {
    let each =
        each().map(|(language, word, consent)| Word { language, letters: letters(word), consent });
    each.filter(|word| !word.letters.is_empty()).collect()
}

/// Returns each word with its meaning and its language; `None` means every language.
fn each() -> impl Iterator<Item = (Option<&'static str>, &'static str, Consent)> {
    let everywhere = EVERYWHERE.iter().map(|(word, consent)| (None, *word, *consent));
    let lists = languages().iter().flat_map(|language| {
        let code = Some(language.code.as_str());
        let out = language.consent.opt_out.iter();
        let back = language.consent.opt_in.iter();
        let out = out.map(move |word| (code, word.as_str(), Consent::OptOut));
        out.chain(back.map(move |word| (code, word.as_str(), Consent::OptIn)))
    });
    everywhere.chain(lists)
}

/// Returns only the letters, marks and digits, folded. Gaps are dropped, so that `STOP ALL`,
/// `stop-all` and `stopall` are equal, and scripts without spaces need none.
fn letters(text: &str) -> Vec<char> {
    let mut letters = fold(text);
    letters.retain(|c| !matches!(Kind::of(*c), Kind::Gap | Kind::Symbol));
    letters
}

fn speaks(languages: &[String], code: &str) -> bool {
    let primary =
        |language: &str| language.trim().split(['-', '_']).next().unwrap_or("").to_owned();
    languages.is_empty()
        || languages.iter().any(|language| primary(language).eq_ignore_ascii_case(code))
}

/// Opt-out and opt-in words that WhatsApp and SMS users know in every language.
const EVERYWHERE: &[(&str, Consent)] = &[
    ("stop", Consent::OptOut),
    ("stopall", Consent::OptOut),
    ("unsubscribe", Consent::OptOut),
    ("start", Consent::OptIn),
    ("unstop", Consent::OptIn),
];

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::Consent::{OptIn, OptOut};
    use super::*;

    fn read_in(text: &str, languages: &[&str]) -> Option<Consent> {
        let languages: Vec<String> = languages.iter().map(|code| (*code).to_owned()).collect();
        read(text, &languages)
    }

    fn everything() -> Vec<(Option<&'static str>, &'static str, Consent)> {
        each().collect()
    }

    #[test]
    fn a_message_that_is_the_word_opts_out() {
        for message in [
            "STOP",
            "stop",
            " Stop. ",
            "STOP!",
            "*stop*",
            "_Stop_",
            "\"STOP\"",
            "“stop”",
            "'stop'",
            "STOP 🛑",
            "🛑🛑 stop 🙏🏽",
            "ＳＴＯＰ",
            "st\u{200B}op",
            "S T O P",
            "Stop stop stop!!!",
            "STOP\nSTOP",
            "stop all",
            "STOPALL",
            "Un-subscribe",
            "opt-out",
            "Unsubscribe\u{00A0}me",
            "baja",
            "¡BAJA!",
            "No mas  mensajes",
            "PARAR",
            "nao quero receber mensagens",
            "désabonner",
            "DESABONNER",
            "Arret",
            "arretez de m’ecrire",
            "abmelden",
            "STOPP!",
            "Disiscrivimi",
            "afmelden",
            "إلغاء الاشتراك",
            "الغاء الإشتراك",
            "स्टॉप",
            "मैसेज बंद करो।",
            "UNREG",
            "RET",
            "MESAJ İSTEMİYORUM",
            "mesaj istemiyorum",
            "«Стоп»",
            "отписаться",
            "ВІДПИСАТИСЯ",
            "nie wysylajcie wiadomosci",
            "הסר",
            "配信停止。",
            "退 订",
            "退訂！",
            "수신 거부",
            "Ngung nhan tin",
            "หยุดส่งข้อความ",
            "avregistrera mig",
        ] {
            assert_eq!(read(message, &[]), Some(OptOut), "{message:?}");
        }
    }

    #[test]
    fn a_message_that_is_the_other_word_opts_in() {
        for message in [
            "START",
            "start!",
            "Unstop",
            "Alta",
            "réabonner",
            "старт",
            "ابدأ",
            "配信再開",
            "수신 동의",
        ] {
            assert_eq!(read(message, &[]), Some(OptIn), "{message:?}");
        }
    }

    #[test]
    fn a_sentence_that_contains_the_word_is_only_a_sentence() {
        for message in [
            "stop, o Zé não vem",
            "Stop, o Zé não vem!",
            "please don't stop",
            "where is the bus stop?",
            "stop the order 1234",
            "how do I unsubscribe from the newsletter",
            "can I start on Monday?",
            "START the engine, then?",
            "stop 2",
            "nonstop",
            "stopped",
            "stops",
            "la temperatura baja",
            "planta baja",
            "para",
            "alto",
            "parar de pagar",
            "keine Nachrichten mehr von Karl bekommen",
            "wie kann ich mich abmelden",
            "стоп, а когда доставка?",
            "لا أريد إلغاء الاشتراك",
            "退订后还能用吗",
            "đúng",
            "stop start",
            "stop baja",
        ] {
            assert_eq!(read(message, &[]), None, "{message:?}");
        }
    }

    #[test]
    fn words_that_can_mean_something_else_are_none() {
        for message in [
            "cancel",
            "end",
            "quit",
            "no",
            "NO!",
            "yes",
            "ok",
            "exit",
            "fin",
            "sair",
            "voltar",
            "dur",
            "bitte",
            "hallo",
            "hola",
            "1",
            "0",
            "",
            " ",
            "🛑",
            "...",
            "s",
            "sto",
            "top",
            "\u{301}",
            "basta",
            "хватит",
            "停止",
            "그만",
            "توقف",
            "отпишите",
        ] {
            assert_eq!(read(message, &[]), None, "{message:?}");
        }
    }

    #[test]
    fn an_agent_hears_its_own_languages_and_the_words_of_everywhere() {
        assert_eq!(read_in("baja", &["es"]), Some(OptOut));
        assert_eq!(read_in("baja", &["pl", " ES-MX"]), Some(OptOut));
        assert_eq!(read_in("退订", &["zh_Hant"]), Some(OptOut));
        assert_eq!(read_in("baja", &["pl"]), None);
        assert_eq!(read_in("ret", &["en", "da"]), None);
        for language in ["pl", "sw", "xx", ""] {
            assert_eq!(read_in("Stop", &[language]), Some(OptOut), "{language:?}");
            assert_eq!(read_in("UNSUBSCRIBE", &[language]), Some(OptOut), "{language:?}");
            assert_eq!(read_in("start", &[language]), Some(OptIn), "{language:?}");
            assert_eq!(read_in("unstop", &[language]), Some(OptIn), "{language:?}");
        }
    }

    #[test]
    fn the_lists_are_in_order() {
        let mut meanings = HashMap::new();
        let mut seen = HashSet::new();
        for (code, word, consent) in everything() {
            let letters = letters(word);
            assert!(letters.len() > 1, "{code:?} has an entry that is too short: {word:?}");
            assert!(word.len() <= MAX_LEN && word == word.trim(), "{word:?}");
            assert!(seen.insert((code, letters.clone())), "{code:?} has {word:?} twice");
            let before = meanings.insert(letters, consent);
            assert!(before.is_none_or(|before| before == consent), "{word:?} means both");
        }
        let words: HashSet<_> = seen.iter().map(|(_, letters)| letters.clone()).collect();
        for word in &words {
            for other in words.iter().filter(|other| *other != word) {
                assert!(other.chunks(word.len()).any(|part| part != word), "{word:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_long_message_is_no_word_and_costs_nothing() {
        assert_eq!(read(&"stop ".repeat(20), &[]), Some(OptOut));
        assert_eq!(read(&"stop ".repeat(100_000), &[]), None);
    }

    const AROUND: &[&str] = &[
        "",
        " ",
        ".",
        "!",
        "!!!",
        "*",
        "_",
        "\"",
        "«",
        "»",
        "“",
        "”",
        "(",
        ")",
        "\n",
        "…",
        " 🛑",
        "🙏🏽 ",
        "。",
        "，",
        "\u{200B}",
        "\u{FEFF}",
        "¡",
        "؟",
        "-",
        "~",
        "❗",
        "👨‍👩‍👧",
        "\u{00A0}",
    ];

    fn cased(word: &str, case: u8) -> String {
        match case {
            0 => word.to_owned(),
            1 => word.to_uppercase(),
            _ => word.chars().rev().enumerate().fold(String::new(), |rest, (at, c)| {
                let c = if at % 2 == 0 { c.to_uppercase().collect() } else { c.to_string() };
                c + &rest
            }),
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_without_panic(text in any::<String>(), code in ".{0,6}") {
            let _ = read(&text, &[]);
            let _ = read(&text, &[code]);
        }

        #[test]
        fn every_word_is_read_whatever_stands_around_it(
            (code, word, consent) in select(everything()),
            before in prop::collection::vec(select(AROUND), 0..4),
            after in prop::collection::vec(select(AROUND), 0..4),
            case in 0..3_u8,
        ) {
            let text = format!("{}{}{}", before.concat(), cased(word, case), after.concat());
            prop_assert_eq!(read(&text, &[]), Some(consent), "{:?}", text);
            let own = code.unwrap_or("sw").to_owned();
            prop_assert_eq!(read(&text, &[own]), Some(consent), "{:?}", text);
        }

        #[test]
        fn every_word_within_a_sentence_is_only_a_sentence(
            (_, word, _) in select(everything()),
            before in "([a-z]{2,7} ){0,3}",
            other in select(&["order", "Maria", "então", "mañana", "когда", "12", "تأخر", "明天", "내일"][..]),
            parting in select(&[" ", ", ", ": ", "\n"][..]),
            first: bool,
        ) {
            let text = if first {
                format!("{before}{other}{parting}{word}")
            } else {
                format!("{word}{parting}{before}{other}?")
            };
            prop_assert_eq!(read(&text, &[]), None, "{:?}", text);
        }
    }
}
