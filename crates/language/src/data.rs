//! What is known of each language: one file a language, `data/<code>.toml`, compiled in and read once. A language that is missing
//! is a file and a line in `FILES`. Decides nothing: the keys say what their words are for, and who reads them decides the rest.
//!
//! Where two uses have different words for one thing, each has its own key: curated answers and the check of citations do
//! not take the same words for numbers, for no, and for courtesies.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// The languages by ISO 639-1 code, each with its file.
const FILES: &[(&str, &str)] = &[
    ("ar", include_str!("../data/ar.toml")),
    ("bn", include_str!("../data/bn.toml")),
    ("cs", include_str!("../data/cs.toml")),
    ("da", include_str!("../data/da.toml")),
    ("de", include_str!("../data/de.toml")),
    ("el", include_str!("../data/el.toml")),
    ("en", include_str!("../data/en.toml")),
    ("es", include_str!("../data/es.toml")),
    ("fa", include_str!("../data/fa.toml")),
    ("fi", include_str!("../data/fi.toml")),
    ("fr", include_str!("../data/fr.toml")),
    ("he", include_str!("../data/he.toml")),
    ("hi", include_str!("../data/hi.toml")),
    ("hu", include_str!("../data/hu.toml")),
    ("id", include_str!("../data/id.toml")),
    ("it", include_str!("../data/it.toml")),
    ("ja", include_str!("../data/ja.toml")),
    ("ko", include_str!("../data/ko.toml")),
    ("nl", include_str!("../data/nl.toml")),
    ("no", include_str!("../data/no.toml")),
    ("pl", include_str!("../data/pl.toml")),
    ("pt", include_str!("../data/pt.toml")),
    ("ro", include_str!("../data/ro.toml")),
    ("ru", include_str!("../data/ru.toml")),
    ("sv", include_str!("../data/sv.toml")),
    ("sw", include_str!("../data/sw.toml")),
    ("ta", include_str!("../data/ta.toml")),
    ("th", include_str!("../data/th.toml")),
    ("tr", include_str!("../data/tr.toml")),
    ("uk", include_str!("../data/uk.toml")),
    ("ur", include_str!("../data/ur.toml")),
    ("vi", include_str!("../data/vi.toml")),
    ("zh", include_str!("../data/zh.toml")),
];

/// Words by what they mean, such as those for each day.
pub type Groups = BTreeMap<String, Vec<String>>;

/// What is known of one language. A list that its file lacks is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Language {
    /// ISO 639-1 code, which is the name of its file.
    #[serde(skip)]
    pub code: String,
    /// English name.
    pub name: String,
    /// To tell the language.
    pub detection: Detection,
    /// For the search.
    pub search: Search,
    /// Messages that ask nothing.
    pub small_talk: SmallTalk,
    /// How people say hello.
    pub greetings: Greetings,
    /// Messages that go on.
    pub unfinished: Continuation,
    /// Questions that go on from the last one.
    pub follow_up: FollowUp,
    /// Questions that are answered without a model.
    pub questions: Questions,
    /// In what questions must not differ to be one.
    pub curated: CuratedWords,
    /// What of a reply needs support.
    pub citations: Citations,
    /// Words of consent.
    pub consent: Consent,
    /// What transcripts hold that nobody said.
    pub subtitles: Subtitles,
    /// What customers read where a prompt says nothing else.
    pub sentences: Sentences,
}

/// To tell the language.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Detection {
    /// Words that have a task in a sentence and say nothing by themselves, written as `terms::fold` leaves them. Only for
    /// languages that neither letters nor the lists of stop words tell; without the words that are as frequent in another
    /// language.
    pub function_words: Vec<String>,
}

/// For the search.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// What people write around a question in a chat, which the lists of stop words lack.
    pub courtesies: Vec<String>,
}

/// Messages that ask nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmallTalk {
    /// What people say to be polite, in small letters.
    pub phrases: Vec<String>,
    /// Words around them that ask nothing either.
    pub fillers: Vec<String>,
}

/// How people say hello.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Greetings {
    /// How they say it. What they say to part, or to thank, is not here: then nothing follows.
    pub phrases: Vec<String>,
    /// Whom they greet.
    pub greeted: Vec<String>,
}

/// Messages that go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Continuation {
    /// Conjunctions and prepositions that want something after them, in small letters and with the accents that tell them
    /// from other words (`mas` from `más`, `ou` from `où`). Left out is what also ends a sentence: `for`, `an`, `zu`.
    pub links: Vec<String>,
}

/// Questions that go on from the last one. The words are written as `terms::fold` leaves them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FollowUp {
    /// What such a question begins with.
    pub openers: Vec<String>,
    /// Words that stand for something said before.
    pub pointers: Vec<String>,
    /// What the rest of a question begins with when all of it is two or three words: `on Sundays?`.
    pub rests: Vec<String>,
}

/// Questions that are answered without a model.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Questions {
    /// Small words of which no answer can be recognised, with their accents.
    pub function_words: Vec<String>,
}

/// In what questions must not differ to be one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CuratedWords {
    /// What is only polite, and left out.
    pub courtesies: Vec<String>,
    /// Words that say no.
    pub negations: Vec<String>,
    /// What is asked for: the moment, the place, the person, the reason, the manner, the amount.
    pub asks: Groups,
    /// Words for small numbers, by the number. Those for one are articles in most languages.
    pub numbers: Groups,
    /// Days, months and times of day.
    pub days: Groups,
    /// Opposites and other words of which a question means one: by group, the words of each side.
    pub opposites: BTreeMap<String, Vec<Vec<String>>>,
}

/// What of a reply needs support. Negations and numbers are written as `terms::fold` leaves them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Citations {
    /// What people say around an answer: thanks, offers of help, wishes.
    pub courtesies: Vec<String>,
    /// With a negation beside them these words say that nothing was found.
    pub knowing: Vec<String>,
    /// Words that say that something is not so.
    pub negations: Vec<String>,
    /// Words for small numbers, by the number. Those for one are articles in most languages and say nothing.
    pub numbers: Groups,
}

/// Words of consent. Only what can mean nothing else when it is the whole message to a support bot: not `cancel`, `end`, `quit`,
/// `no`; not Spanish `para`; not Turkish `dur`, which is also "wait"; not Vietnamese `dừng`, which without its accents is
/// also "right"; not Russian `отписка`, which is also a brush-off; not Swahili `acha`, which is Hindi for "fine"; and nothing
/// that ends a paid subscription or a course as well, where there is a better word.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consent {
    /// Words that end it.
    pub opt_out: Vec<String>,
    /// Words that begin it again.
    pub opt_in: Vec<String>,
}

/// What transcripts hold that nobody said.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subtitles {
    /// What nobody says to a business: the ends of films and videos.
    pub credits: Vec<String>,
    /// What is written over silence and people say as well.
    pub polite: Vec<String>,
    /// Words of notes of sounds.
    pub sounds: Vec<String>,
}

/// What customers read where a prompt says nothing else.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sentences {
    /// A voice message was not understood.
    pub voice_failed: Option<String>,
    /// A voice message was too long.
    pub voice_too_long: Option<String>,
}

/// All languages.
pub fn languages() -> &'static [Language] {
    static READ: LazyLock<Vec<Language>> =
        LazyLock::new(|| FILES.iter().map(|(code, text)| read(code, text)).collect());
    &READ
}

/// A language by its ISO 639-1 code; a region behind it is ignored.
pub fn of(code: &str) -> Option<&'static Language> {
    let primary = code.split(['-', '_']).next().unwrap_or_default();
    languages().iter().find(|language| language.code.eq_ignore_ascii_case(primary))
}

/// One list of all languages, such as `|language| &language.greetings.phrases`. A word that two languages have comes twice.
pub fn each(
    list: fn(&'static Language) -> &'static [String],
) -> impl Iterator<Item = &'static str> {
    languages().iter().flat_map(list).map(String::as_str)
}

/// The words of all languages with the key of their group.
pub fn each_of(
    groups: fn(&'static Language) -> &'static Groups,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = languages().iter().flat_map(groups);
    all.flat_map(|(group, words)| words.iter().map(move |word| (group.as_str(), word.as_str())))
}

fn read(code: &str, text: &str) -> Language {
    let mut language: Language =
        toml::from_str(text).unwrap_or_else(|wrong| panic!("data/{code}.toml: {wrong}"));
    code.clone_into(&mut language.code);
    language
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_file_is_read_and_has_its_line() {
        let codes: HashSet<&str> =
            languages().iter().map(|language| language.code.as_str()).collect();
        assert_eq!(codes.len(), FILES.len(), "a language stands there once");
        assert!(codes.iter().all(|code| code.len() == 2 && code.is_ascii()));
        assert!(languages().iter().all(|language| !language.name.is_empty()));
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let files: HashSet<String> =
            files.map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        let files: HashSet<&str> = files.iter().map(String::as_str).collect();
        assert_eq!(codes, files);
    }

    /// How many words each list had when the lists stood in the code, all languages in one.
    const BEFORE: &[(&str, usize)] = &[
        ("search.courtesies", 62),
        ("small_talk.phrases", 241),
        ("small_talk.fillers", 72),
        ("greetings.phrases", 233),
        ("greetings.greeted", 79),
        ("unfinished.links", 116),
        ("follow_up.openers", 201),
        ("follow_up.pointers", 350),
        ("follow_up.rests", 102),
        ("questions.function_words", 105),
        ("curated.courtesies", 57),
        ("curated.negations", 61),
        ("curated.asks", 100),
        ("curated.numbers", 79),
        ("curated.days", 216),
        ("curated.opposites", 250),
        ("citations.courtesies", 145),
        ("citations.knowing", 55),
        ("citations.negations", 65),
        ("citations.numbers", 84),
        ("consent.opt_out", 160),
        ("consent.opt_in", 62),
        ("subtitles.credits", 57),
        ("subtitles.polite", 21),
        ("subtitles.sounds", 40),
        ("sentences.voice_failed", 10),
        ("sentences.voice_too_long", 10),
    ];

    fn count(value: &toml::Value) -> usize {
        match value {
            toml::Value::Array(values) => values.iter().map(count).sum(),
            toml::Value::Table(values) => values.iter().map(|(_, value)| count(value)).sum(),
            toml::Value::String(word) => {
                assert!(!word.is_empty() && word == word.trim() && !word.contains('|'), "{word:?}");
                1
            }
            other => panic!("{other:?} is no word"),
        }
    }

    #[test]
    fn no_list_loses_a_word() {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        // Swahili is newer.
        for (_, text) in FILES.iter().filter(|(code, _)| *code != "sw") {
            let file: toml::Table = toml::from_str(text).unwrap();
            for (section, value) in &file {
                for (list, words) in value.as_table().into_iter().flatten() {
                    *counts.entry(format!("{section}.{list}")).or_default() += count(words);
                }
            }
        }
        for (list, before) in BEFORE {
            assert!(counts[*list] >= *before, "{list}: {} words of {before}", counts[*list]);
        }
    }

    #[test]
    fn groups_are_called_as_in_english_and_no_word_is_of_two() {
        let english = of("en").unwrap();
        let lists: [fn(&'static Language) -> &'static Groups; 3] = [
            |language| &language.curated.asks,
            |language| &language.curated.days,
            |language| &language.curated.numbers,
        ];
        for list in lists {
            let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
            for (group, word) in each_of(list) {
                assert!(list(english).contains_key(group), "{group}");
                let before = seen.insert(word, group);
                assert!(before.is_none_or(|before| before == group), "{word}");
            }
        }
        for language in languages() {
            for (group, sides) in &language.curated.opposites {
                assert_eq!(english.curated.opposites[group].len(), sides.len(), "{group}");
            }
        }
    }

    #[test]
    fn a_mistyped_key_is_an_error() {
        assert!(toml::from_str::<Language>("[search]\ncourtesy = []").is_err());
        assert!(toml::from_str::<Language>("greeting = 1").is_err());
    }
}
