//! Part of stage 1: how long it is quiet before a burst of messages is over. Longer when more is likely to come.
//! Pure: must not know what waits already, nor how long a burst may take in all.

use std::sync::LazyLock;

use frontdesk_language::fold::{Kind, fold, is_invisible};
use unicode_normalization::UnicodeNormalization;

use crate::domain::{Content, MediaKind};

/// A longer message is more than a greeting, in bytes.
const LONGEST_GREETING: usize = 200;

/// The quiet gap after this message, in milliseconds: `base_ms`, or two and a half times as much when the text looks
/// unfinished, is only a greeting, or is a file without words. Never less than 0.
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

/// Whether more is likely to follow. The end of a sentence settles it, also after a greeting.
fn is_unfinished(text: &str) -> bool {
    let end = text.trim_end_matches(is_decoration);
    if ends_sentence(end) {
        return false;
    }
    trails_off(end) || ends_in_link(end) || leaves_open(end) || is_greeting(text)
}

/// What stands after the last word and says nothing of it: white space, emoji, and the marks of bold and italics.
fn is_decoration(c: char) -> bool {
    c.is_whitespace()
        || is_invisible(c)
        || matches!(c, '*' | '_' | '~' | '`')
        || (Kind::of(c) == Kind::Symbol && c != '⋯')
}

/// Question and exclamation marks, and full stops that nobody types three times to trail off.
const ENDS: &[char] =
    &['?', '!', '？', '！', '؟', '۔', '।', '॥', '։', '።', '။', '។', '‽', '⁇', '⁈', '⁉', '‼'];
/// Full stops that people repeat to trail off.
const STOPS: &[char] = &['.', '．', '。', '｡'];
/// What may close around the end of a sentence.
const CLOSERS: &[char] =
    &[')', ']', '}', '）', '］', '"', '\'', '”', '“', '’', '‘', '»', '›', '」', '』', '】', '》'];

fn ends_sentence(end: &str) -> bool {
    let end = end.trim_end_matches(|c: char| CLOSERS.contains(&c) || is_decoration(c));
    let bare = end.trim_end_matches(STOPS);
    let stops = end[bare.len()..].chars().count();
    stops == 1 || bare.ends_with(ENDS)
}

/// Comma, colon, dash, ellipsis, ampersand.
fn trails_off(end: &str) -> bool {
    const TRAILING: &[char] = &[
        ',', '，', '、', '､', '،', ':', '：', '-', '‐', '‒', '–', '—', '―', '－', '…', '⋯', '‥',
        '&', '＆',
    ];
    let stops = end.chars().rev().take_while(|c| STOPS.contains(c)).count();
    stops > 1 || end.ends_with(TRAILING)
}

/// Conjunctions and prepositions that want something after them, parted by bars, in small letters and with the accents
/// that tell them from other words (`mas` from `más`, `ou` from `où`). Left out is what also ends a sentence: `for`, `an`,
/// `zu`.
const LINKS: &[&str] = &[
    // English
    "and|or|but|because|cuz|bcz|if|unless|although|whereas|than|nor|with|without|of|into|between|via|the|my|your",
    // Spanish
    "y|e|o|pero|porque|aunque|sino|ni|con|de|del|para|por|sin|sobre|entre|desde|hasta|hacia|según|segun|mientras|a|en",
    // Portuguese
    "ou|mas|porém|porem|com|sem|pra|até|em",
    // French
    "et|mais|donc|puis|puisque|lorsque|avec|sans|pour|dans|chez|des|à|vers|depuis",
    // German
    "und|oder|aber|denn|weil|dass|sondern|sowie|obwohl|wenn|falls|ob|mit|ohne|für|fuer|von|vom|zum|zur|bei|beim",
    "seit|wegen|zwischen|gegen|als",
    // Italian
    "ma|oppure|poiché|mentre|quindi|anche|senza|di|della|dei|per|tra|fra|nel|nella|al|alla|dalla|sul|sulla",
];

/// Whether the last word is one of [`LINKS`]. A letter alone is an answer, such as the choice `A`.
fn ends_in_link(end: &str) -> bool {
    let mut words = end.split_whitespace().rev();
    let Some(last) = words.next() else { return false };
    let last = last.trim_matches(|c: char| !c.is_alphanumeric());
    let last: String = last.nfkc().flat_map(char::to_lowercase).take(16).collect();
    let link = LINKS.iter().flat_map(|line| line.split('|')).any(|link| link == last);
    link && (last.chars().count() > 1 || words.next().is_some())
}

/// What opens, and what closes it.
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

/// Whether a bracket or quote is open at the end.
fn leaves_open(end: &str) -> bool {
    PAIRS.iter().any(|(open, close)| {
        let width = open.len_utf8();
        let last = end.rmatch_indices(*open).map(|(at, _)| end.split_at(at));
        let mut openers = last.filter(|(before, rest)| opens(*open, before, &rest[width..]));
        openers.next().is_some_and(|(_, rest)| !rest[width..].contains(*close))
    })
}

/// Whether the character opens something here: a word follows at once. `:(` and the `((` of a sad Russian do not, nor
/// does the mark for inches.
fn opens(open: char, before: &str, after: &str) -> bool {
    let quote = matches!(open, '"' | '“');
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    word(after.trim_start_matches(['¿', '¡', '$', '€', '£', '#', '@']).chars().next())
        && !(quote && word(before.chars().next_back()))
}

/// How people say hello, parted by bars. What they say to part, or to thank, is not here: then nothing follows.
const GREETINGS: &[&str] = &[
    // English
    "hi|hello|helo|hey|hiya|heya|howdy|greetings|good morning|good afternoon|good evening|good day|gm",
    "how are you|how are you doing|how r u|hows it going|how s it going|whats up|what s up|sup",
    "anyone there|anybody there|is anyone there|is anybody there|are you there|you there",
    // Spanish
    "hola|ola|buenas|muy buenas|buenos dias|buen dia|buenas tardes|buenas noches|que tal|como estas|como esta",
    "como estan|saludos",
    // Portuguese
    "oi|bom dia|boa tarde|boa noite|tudo bem|tudo bom|e ai|opa|alo",
    // French
    "bonjour|bonsoir|salut|coucou|rebonjour|bjr|bsr|slt|ca va|comment allez vous",
    // German
    "hallo|guten morgen|guten tag|guten abend|gruss gott|gruess gott|grusse|servus|moin|gruezi|hallochen",
    // Italian
    "ciao|buongiorno|buon giorno|buonasera|buona sera|buon pomeriggio|salve|come va|come stai",
    // Dutch, Scandinavian, Finnish
    "hoi|goedemorgen|goedemiddag|goedenavond|goedendag|goeiemorgen|hej|hejsan|hei|moi|god morgon|god dag|god kvall",
    "god morgen|god aften|hyvaa paivaa",
    // Polish, Czech, Romanian, Hungarian
    "czesc|dzien dobry|dobry wieczor|witam|siema|dobry den|ahoj|buna|buna ziua|buna seara|szia|jo napot",
    // Turkish, Indonesian, Swahili, Vietnamese
    "merhaba|merhabalar|selam|selamlar|gunaydin|iyi gunler|iyi aksamlar|selamun aleykum|halo|permisi",
    "selamat pagi|selamat siang|selamat sore|selamat malam|jambo|habari|xin chao|chao shop|chao ban|em oi|shop oi",
    // Greek, Russian, Ukrainian
    "γεια|γεια σας|γεια σου|καλημερα|καλησπερα|здравствуйте|здравствуй|привет|добрый день|доброе утро",
    "добрый вечер|доброго дня|доброго времени суток|приветствую|привіт|добрий день|доброго ранку|добрий вечір|вітаю",
    // Hebrew, Arabic, Persian, Urdu
    "שלום|היי|הי|אהלן|בוקר טוב|ערב טוב|צהריים טובים|مرحبا|مرحبا بك|اهلا|اهلا وسهلا|هلا|هلا والله|هاي|الو",
    "السلام عليكم|السلام عليكم ورحمه الله|السلام عليكم ورحمه الله وبركاته|سلام|سلام عليكم|صباح الخير|مساء الخير",
    "درود|assalamualaikum|assalamu alaikum|assalam alaikum|salam|salaam|salam alaikum|salamu alaikum",
    // Hindi, Bengali, Tamil
    "नमस्ते|नमस्कार|प्रणाम|हैलो|हेलो|हाय|राम राम|सुप्रभात|namaste|namaskar|namaskaram|ram ram|নমস্কার|হ্যালো",
    "আসসালামু আলাইকুম|வணக்கம்|vanakkam",
    // Chinese, Japanese, Korean, Thai
    "你好|您好|早上好|上午好|中午好|下午好|晚上好|早安|午安|晚安|在吗|在嗎|在不在|有人吗|有人嗎|嗨|哈喽|哈囉",
    "こんにちは|こんばんは|おはよう|おはようございます|はじめまして|初めまして|もしもし|すみません",
    "안녕|안녕하세요|안녕하십니까|여보세요|저기요|สวัสดี|หวัดดี|ฮัลโหล",
];

/// Whom they greet.
const GREETED: &[&str] = &[
    "there|all|everyone|everybody|team|again|sir|madam|maam|dear|friend|friends|bro|bot|to you|guys|folks",
    "a todos|a todas|equipo|amigo|amiga|amigos|senor|senora|y|e|a|et|und|pessoal|gente|todos|moca|moco",
    "zusammen|alle|liebes team|an alle|leute|tous|tout le monde|a tous|madame|monsieur|ragazzi|a tutti",
    "allemaal|kak|min|pak|bu|bang|ad|shop|hocam|всем|ji|जी|sir ji|bhai|亲|啊|呀|吗|嗎|客服|ครับ|ค่ะ|คะ|จ้า|당신",
];

/// Whether a message is nothing but a greeting.
fn is_greeting(text: &str) -> bool {
    static PHRASES: LazyLock<Vec<(String, bool)>> = LazyLock::new(phrases);
    if text.len() > LONGEST_GREETING {
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

/// Greetings and whom they greet, the longest first, and whether it is a greeting.
fn phrases() -> Vec<(String, bool)> {
    let each = |lines: &'static [&'static str], greeting| {
        lines.iter().flat_map(|line| line.split('|')).map(move |phrase| (plain(phrase), greeting))
    };
    let mut phrases: Vec<_> = each(GREETINGS, true).chain(each(GREETED, false)).collect();
    phrases.sort_by_key(|(phrase, _)| std::cmp::Reverse(phrase.len()));
    phrases
}

/// Whether a phrase ends where the rest begins. Scripts without spaces need none.
fn parts(phrase: &str, rest: &str) -> bool {
    rest.is_empty()
        || rest.starts_with(' ')
        || phrase.chars().next().is_some_and(|c| Kind::of(c) == Kind::Dense)
}

/// The folded words with one space between them; a letter that is doubled or stretched, as in `hiiii`, stands once.
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
