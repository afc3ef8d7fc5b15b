//! Part of stage 1: the quiet gap that ends a burst of messages, longer if more is likely to come.
//! Pure: must not know the waiting messages, nor the maximum length of a burst.

use std::collections::HashSet;
use std::sync::LazyLock;

use frontdesk_language::data;
use frontdesk_language::fold::{Kind, fold, is_invisible};
use unicode_normalization::UnicodeNormalization;

use crate::domain::{Content, MediaKind};

/// Maximum length of a greeting, in bytes.
const MAX_GREETING_LEN: usize = 200;

/// Returns the quiet gap after this message, in milliseconds: `base_ms`, or two and a half times
/// that if the text looks unfinished, is only a greeting, or is a file without text. Never below 0.
pub(crate) fn gap_ms(content: &Content, base_ms: i64) -> i64 {
    let base = base_ms.max(0);
    let more = match content {
        Content::Text { body } => is_unfinished(body),
        Content::Media(media) => match media.kind {
            MediaKind::Voice | MediaKind::Sticker => false,
            _ => content.words().is_none_or(is_unfinished),
        },
        _ => false,
    };
    if more { base.saturating_mul(2).saturating_add(base / 2) } else { base }
}

/// Whether more is likely to follow. Never after the end of a sentence, even in a greeting.
fn is_unfinished(text: &str) -> bool {
    let end = text.trim_end_matches(is_decoration);
    if ends_sentence(end) {
        return false;
    }
    ends_with_continuation(end) || ends_in_link(end) || leaves_open(end) || is_greeting(text)
}

/// Trailing characters without meaning: white space, emoji, and the marks of bold and italics.
fn is_decoration(c: char) -> bool {
    c.is_whitespace()
        || is_invisible(c)
        || matches!(c, '*' | '_' | '~' | '`')
        || (Kind::of(c) == Kind::Symbol && c != '⋯')
}

/// Question and exclamation marks, and full stops that nobody repeats to trail off.
const ENDS: &[char] =
    &['?', '!', '？', '！', '؟', '۔', '।', '॥', '։', '።', '။', '។', '‽', '⁇', '⁈', '⁉', '‼'];
/// Full stops that people repeat to trail off.
const STOPS: &[char] = &['.', '．', '。', '｡'];
/// Brackets and quotes that may follow the end of a sentence.
const CLOSERS: &[char] =
    &[')', ']', '}', '）', '］', '"', '\'', '”', '“', '’', '‘', '»', '›', '」', '』', '】', '》'];

fn ends_sentence(end: &str) -> bool {
    let end = end.trim_end_matches(|c: char| CLOSERS.contains(&c) || is_decoration(c));
    let bare = end.trim_end_matches(STOPS);
    let stops = end[bare.len()..].chars().count();
    stops == 1 || bare.ends_with(ENDS)
}

/// Whether it ends with a comma, colon, dash, ellipsis or ampersand.
fn ends_with_continuation(end: &str) -> bool {
    const TRAILING: &[char] = &[
        ',', '，', '、', '､', '،', ':', '：', '-', '‐', '‒', '–', '—', '―', '－', '…', '⋯', '‥',
        '&', '＆',
    ];
    let stops = end.chars().rev().take_while(|c| STOPS.contains(c)).count();
    stops > 1 || end.ends_with(TRAILING)
}

/// Whether the last word needs another one. A single letter is an answer, such as the choice `A`.
fn ends_in_link(end: &str) -> bool {
    static LINKS: LazyLock<HashSet<&str>> =
        LazyLock::new(|| data::each(|language| &language.unfinished.links).collect());
    let mut words = end.split_whitespace().rev();
    let Some(last) = words.next() else { return false };
    let last = last.trim_matches(|c: char| !c.is_alphanumeric());
    let last: String = last.nfkc().flat_map(char::to_lowercase).take(16).collect();
    LINKS.contains(last.as_str()) && (last.chars().count() > 1 || words.next().is_some())
}

/// Opening characters with their closing ones.
const PAIRS: &[(char, &[char])] = &[
    ('(', &[')', '）']),
    ('（', &[')', '）']),
    ('[', &[']', '］']),
    ('［', &[']', '］']),
    ('{', &['}']),
    ('【', &['】']),
    ('《', &['》']),
    ('「', &['」']),
    ('『', &['』']),
    ('«', &['»']),
    ('"', &['"', '”']),
    ('“', &['”', '“', '"']),
    ('„', &['“', '”', '"']),
];

/// Whether a bracket or quote is still open at the end.
fn leaves_open(end: &str) -> bool {
    PAIRS.iter().any(|(open, close)| {
        let width = open.len_utf8();
        let last = end.rmatch_indices(*open).map(|(at, _)| end.split_at(at));
        let mut openers = last.filter(|(before, rest)| opens(*open, before, &rest[width..]));
        openers.next().is_some_and(|(_, rest)| !rest[width..].contains(*close))
    })
}

/// Whether the character opens something here: a word must follow at once. Excludes `:(`, the
/// Russian sad smiley `((` and the inch mark.
fn opens(open: char, before: &str, after: &str) -> bool {
    let quote = matches!(open, '"' | '“');
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    word(after.trim_start_matches(['¿', '¡', '$', '€', '£', '#', '@']).chars().next())
        && !(quote && word(before.chars().next_back()))
}

/// Whether a message is only a greeting.
fn is_greeting(text: &str) -> bool {
    static PHRASES: LazyLock<Vec<(String, bool)>> = LazyLock::new(phrases);
    if text.len() > MAX_GREETING_LEN {
        return false;
    }
    let said = plain(text);
    let (mut rest, mut greeted) = (said.trim(), false);
    while !rest.is_empty() {
        let next = PHRASES.iter().find_map(|(phrase, greeting)| {
            Some((rest.strip_prefix(phrase.as_str()).filter(|rest| parts(phrase, rest))?, greeting))
        });
        let Some((after, greeting)) = next else { return false };
        greeted |= greeting;
        rest = after.trim_start();
    }
    greeted
}

/// Returns greetings and words for whom they greet, longest first; true for a greeting.
fn phrases() -> Vec<(String, bool)> {
    let greetings = data::each(|language| &language.greetings.phrases);
    let greeted = data::each(|language| &language.greetings.greeted);
    let greetings = greetings.map(|phrase| (plain(phrase), true));
    let mut phrases: Vec<_> =
        greetings.chain(greeted.map(|phrase| (plain(phrase), false))).collect();
    phrases.sort_by_key(|(phrase, _)| std::cmp::Reverse(phrase.len()));
    phrases
}

/// Whether a phrase ends where the rest begins. Scripts without spaces need no space there.
fn parts(phrase: &str, rest: &str) -> bool {
    rest.is_empty()
        || rest.starts_with(' ')
        || phrase.chars().next().is_some_and(|c| Kind::of(c) == Kind::Dense)
}

/// Returns the folded words with one space between them; repeated letters (`hiiii`) become one.
fn plain(text: &str) -> String {
    let mut letters = fold(text);
    for letter in letters.iter_mut().filter(|c| Kind::of(**c) == Kind::Symbol) {
        *letter = ' ';
    }
    letters.dedup();
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::domain::Media;
    use crate::domain::message::ChoiceSource;

    const BASE: i64 = 700;
    const LONG: i64 = 1750;

    fn gap(text: &str) -> i64 {
        gap_ms(&Content::Text { body: text.to_owned() }, BASE)
    }

    fn media(kind: MediaKind, caption: Option<&str>) -> Content {
        Content::Media(Media { kind, caption: caption.map(str::to_owned), ..Media::default() })
    }

    #[test]
    fn a_text_that_looks_unfinished_is_waited_for() {
        for text in [
            "I have a question,",
            "I'd like to order:",
            "so I was thinking -",
            "well —",
            "wait...",
            "wait..",
            "hmm…",
            "hmm, 🤔",
            "hmm...🤔",
            "*listen,*",
            "我想问一下，",
            "那个。。。",
            "那个……",
            "أريد أن أسأل،",
            "मुझे पूछना है:",
            "the red one (size",
            "the red one (size 4, ",
            "he told me \"come",
            "he told me “come tomorrow",
            "il m'a dit «venez demain",
            "er sagte „komm morgen",
            "彼は「明日",
            "quiero la roja (¿tienen",
            "I need a helmet and",
            "I need a helmet AND",
            "but",
            "because",
            "a ticket with",
            "quiero una bici y",
            "pero",
            "Pero 🙂",
            "estoy en la calle de",
            "quero uma bicicleta mas",
            "eu moro em",
            "je voudrais un vélo et",
            "mais",
            "un vélo pour",
            "ich brauche ein Fahrrad mit",
            "und",
            "für",
            "fu\u{0308}r",
            "vorrei una bici ma",
            "con",
            "salt &",
        ] {
            assert_eq!(gap(text), LONG, "{text:?}");
        }
    }

    #[test]
    fn after_a_greeting_the_question_follows() {
        for text in [
            "hi",
            "Hi 👋",
            "hiiii",
            "HELLOOO",
            "heyy",
            "hello there",
            "hi hi",
            "Hi, how are you",
            "good morning",
            "Good morning team",
            "what's up",
            "hola",
            "hola buenas",
            "Holaaa",
            "Buenos días",
            "hola a todos",
            "oi",
            "oi, tudo bem",
            "Olá, boa tarde",
            "salut",
            "bonjour madame",
            "ciao",
            "Buongiorno a tutti",
            "hallo",
            "Hallo zusammen",
            "Grüß Gott",
            "hoi",
            "dzień dobry",
            "merhaba",
            "GÜNAYDIN",
            "Selamat pagi kak",
            "xin chào",
            "Καλημέρα",
            "здравствуйте",
            "Добрий день",
            "שלום",
            "مرحبا",
            "مرحباً",
            "السلام عليكم ورحمة الله وبركاته",
            "नमस्ते",
            "नमस्ते जी",
            "namaste",
            "你好",
            "您好，在吗",
            "こんにちは",
            "おはようございます",
            "안녕하세요",
            "สวัสดีครับ",
        ] {
            assert_eq!(gap(text), LONG, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_looks_finished_or_neither_waits_no_longer() {
        for text in [
            "When do you open?",
            "When do you open? 🙂",
            "When do you open",
            "I need a helmet.",
            "Thanks!",
            "thanks",
            "ok :)",
            "ok :(",
            "не работает((",
            "жаль( а когда будет",
            "спасибо)))",
            "really?!",
            "really?...",
            "(really?)",
            "he said \"come in.\"",
            "*Is it open?*",
            "هل أنتم مفتوحون؟",
            "几点开门？",
            "几点开门。",
            "营业时间",
            "कब खुलता है।",
            "the 27\" model",
            "a screen of 27\"x40",
            "the 27\" model or the 29\" one",
            "er sagte „komm“",
            "il m'a dit «venez»",
            "she said “come”",
            "彼は「明日」",
            "a) the red one",
            "A",
            "y",
            "e",
            "sí",
            "si",
            "no",
            "quiero más",
            "c'est où",
            "quanto é",
            "what is it for",
            "wann macht ihr auf",
            "wann macht ihr zu",
            "9 am",
            "can I rent a car",
            "42",
            "and?",
            "hola, ¿abren el domingo?",
            "Hello, do you sell helmets",
            "history",
            "hire a bike",
            "aloe",
            "team",
            "morgen",
            "adios",
            "hi!",
            "Hello.",
            "你好吃",
            "www.shop.com",
            "me@shop.de",
            "",
            " ",
            "👍",
            "*",
        ] {
            assert_eq!(gap(text), BASE, "{text:?}");
        }
    }

    #[test]
    fn a_file_without_words_is_followed_by_its_question() {
        for kind in [MediaKind::Image, MediaKind::Video, MediaKind::Document, MediaKind::Audio] {
            assert_eq!(gap_ms(&media(kind, None), BASE), LONG, "{kind:?}");
            assert_eq!(gap_ms(&media(kind, Some(" ")), BASE), LONG, "{kind:?}");
            assert_eq!(gap_ms(&media(kind, Some("hello")), BASE), LONG, "{kind:?}");
            assert_eq!(gap_ms(&media(kind, Some("Do you have this one?")), BASE), BASE, "{kind:?}");
            assert_eq!(gap_ms(&media(kind, Some("my receipt")), BASE), BASE, "{kind:?}");
        }
        assert_eq!(gap_ms(&media(MediaKind::Voice, None), BASE), BASE);
        assert_eq!(gap_ms(&media(MediaKind::Sticker, None), BASE), BASE);
    }

    #[test]
    fn a_tap_is_finished_whatever_the_button_says() {
        let title = "Hello".to_owned();
        let tap = Content::Choice { id: None, title, source: ChoiceSource::Button };
        assert_eq!(gap_ms(&tap, BASE), BASE);
    }

    #[test]
    fn no_base_gives_no_gap_and_a_huge_one_no_overflow() {
        let unfinished = Content::Text { body: "and".to_owned() };
        assert_eq!(gap_ms(&unfinished, 0), 0);
        assert_eq!(gap_ms(&unfinished, -5), 0);
        assert_eq!(gap_ms(&unfinished, 1), 2);
        assert_eq!(gap_ms(&unfinished, i64::MAX), i64::MAX);
        assert_eq!(gap_ms(&media(MediaKind::Image, None), 0), 0);
    }

    #[test]
    fn a_long_hostile_text_is_looked_at_quickly() {
        let started = std::time::Instant::now();
        for text in [
            "(".repeat(200_000),
            "\"a".repeat(100_000),
            "and ".repeat(100_000),
            "((a".repeat(70_000),
        ] {
            let _ = gap(&text);
        }
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn any_text_waits_the_base_or_longer_and_nothing_else(text in any::<String>(), base in -10..100_000_i64) {
            for content in [Content::Text { body: text.clone() }, media(MediaKind::Image, Some(&text))] {
                let gap = gap_ms(&content, base);
                prop_assert!(gap == base.max(0) || gap == base.max(0) * 5 / 2, "{}", gap);
            }
        }

        #[test]
        fn the_end_of_a_sentence_ends_the_wait(text in any::<String>(), mark in select(&["?", "!", "؟", "？", "।", "。)"][..])) {
            let open = text.ends_with(['.', '。', '．', '｡']) && mark.starts_with('。');
            prop_assume!(!open);
            prop_assert_eq!(gap(&format!("{text}{mark}")), BASE);
        }

        #[test]
        fn a_text_that_trails_off_is_always_waited_for(
            text in any::<String>(),
            mark in select(&[",", ":", " -", "…", "a...", "،", "，", " and", " mit", " (a", " \"a"][..]),
        ) {
            prop_assert_eq!(gap(&format!("{text}{mark}")), LONG);
        }

        #[test]
        fn plain_words_after_a_greeting_are_no_greeting(
            hello in select(&["hi", "hola", "buenos dias", "guten tag", "你好", "namaste"][..]),
            word in "[b-df-hj-np-tv-z]{3,9}",
        ) {
            prop_assert_eq!(gap(&format!("{hello} {word}x")), BASE);
        }
    }
}
