//! Word lists of each language: one file per language, `data/<code>.toml`, compiled in and read
//! once. To add a language, add a file and a line in `FILES`. Decides nothing: the keys say what
//! the words are for, the code that reads them decides the rest.
//!
//! Uses that need different words have separate keys: curated answers and the citation check have
//! different lists of numbers, negations and courtesies.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// ISO 639-1 code and file of each language.
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

/// Words by group, such as the words for each day.
pub type Groups = BTreeMap<String, Vec<String>>;

/// Word lists of one language. A list that is missing in the file is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Language {
    /// ISO 639-1 code, from the file name.
    #[serde(skip)]
    pub code: String,
    /// English name.
    pub name: String,
    /// Words for language detection.
    pub detection: Detection,
    /// Words for search.
    pub search: Search,
    /// Small talk: messages that ask nothing.
    pub small_talk: SmallTalk,
    /// Greetings.
    pub greetings: Greetings,
    /// Endings of unfinished messages.
    pub unfinished: Continuation,
    /// Words of follow-up questions.
    pub follow_up: FollowUp,
    /// Words for answers without a model.
    pub questions: Questions,
    /// Words that matter when questions are compared with curated ones.
    pub curated: CuratedWords,
    /// Words for the citation check of replies.
    pub citations: Citations,
    /// Words of offers to call a person.
    pub person_offer: PersonOffer,
    /// Opt-out and opt-in words.
    pub consent: Consent,
    /// Text that speech recognition invents in silence.
    pub subtitles: Subtitles,
    /// Default sentences for customers.
    pub sentences: Sentences,
    /// How customers call a person.
    pub hand_off: HandOff,
}

/// Words for language detection.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Detection {
    /// Function words, folded by `terms::fold`. Only for languages that neither the script nor the
    /// stop word lists identify; without words that are as frequent in another language.
    pub function_words: Vec<String>,
}

/// Words for search.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Polite phrases of chats that the stop word lists lack.
    pub courtesies: Vec<String>,
}

/// Small talk: messages that ask nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmallTalk {
    /// Polite phrases, in lower case.
    pub phrases: Vec<String>,
    /// Words around them that ask nothing either.
    pub fillers: Vec<String>,
}

/// Greetings.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Greetings {
    /// Greeting phrases. Without thanks and goodbyes: no question follows those.
    pub phrases: Vec<String>,
    /// Words for the person who is greeted.
    pub greeted: Vec<String>,
}

/// Endings of unfinished messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Continuation {
    /// Conjunctions and prepositions that need something after them, in lower case, with the
    /// accents that distinguish them (`mas` from `más`, `ou` from `où`). Without words that can
    /// also end a sentence: `for`, `an`, `zu`.
    pub links: Vec<String>,
}

/// Words of follow-up questions, folded by `terms::fold`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FollowUp {
    /// First words of a follow-up question.
    pub openers: Vec<String>,
    /// Words that refer to something said before.
    pub pointers: Vec<String>,
    /// First words of an elliptic question of two or three words: `on Sundays?`.
    pub rests: Vec<String>,
}

/// Words for answers without a model.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Questions {
    /// Function words, with accents: they do not show that a sentence answers the question.
    pub function_words: Vec<String>,
    /// Words between two weekdays that mean all days between them, too, such as "to".
    pub day_spans: Vec<String>,
    /// Words that belong to the name of a weekday, such as "feira".
    pub day_suffixes: Vec<String>,
    /// Names of weekdays that are also other words, such as "segunda", the second.
    pub day_ordinals: Vec<String>,
    /// Phrases of two words, such as "good morning", whose second word is no day.
    pub day_lookalikes: Vec<String>,
}

/// Words that matter when questions are compared with curated ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CuratedWords {
    /// Polite words, ignored.
    pub courtesies: Vec<String>,
    /// Negations.
    pub negations: Vec<String>,
    /// Question words, grouped by what they ask for: time, place, person, reason, manner, amount.
    pub asks: Groups,
    /// Words for small numbers, by number. The word for one is an article in most languages.
    pub numbers: Groups,
    /// Days, months and times of day.
    pub days: Groups,
    /// Opposites and other exclusive alternatives: by group, the words of each side.
    pub opposites: BTreeMap<String, Vec<Vec<String>>>,
}

/// Words for the citation check of replies. Negations and numbers are folded by `terms::fold`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Citations {
    /// Phrases around an answer: thanks, offers of help, wishes.
    pub courtesies: Vec<String>,
    /// Words that together with a negation of their language say that nothing was found. Words of
    /// up to three letters need their accents.
    pub knowing: Vec<String>,
    /// Phrases that say that the speaker does not know or did not find something, for
    /// `phrase::Phrases`: a few words may stand between theirs, and words of up to three letters
    /// need their accents.
    pub not_knowing: Vec<String>,
    /// Negations.
    pub negations: Vec<String>,
    /// Words that limit a statement, or deny a part of it. If only one of two sentences has one, a
    /// negation in the other is no contradiction: "within 30 days", "not after 30 days".
    pub limits: Vec<String>,
    /// Words for small numbers, by number. The word for one is an article in most languages and is
    /// no evidence.
    pub numbers: Groups,
}

/// Words of offers to call a person. A sentence that holds one of each of the first three lists is
/// such an offer; their phrases, and those of `writes`, are for `phrase::Phrases`. `people` has no
/// words for the business, such as shop: its address is no person.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PersonOffer {
    /// Phrases that offer or ask for leave.
    pub frames: Vec<String>,
    /// What is done: words for passing somebody on, asking, calling.
    pub actions: Vec<String>,
    /// Words for the staff.
    pub people: Vec<String>,
    /// Words that accept an offer. None that is a refusal in another language.
    pub accepts: Vec<String>,
    /// Words around them: please, thanks.
    pub fillers: Vec<String>,
    /// Those of `accepts` that with thanks alone also end a conversation: ok.
    pub acknowledges: Vec<String>,
    /// What the customer does with a keyword that the bot quotes: write, send.
    pub writes: Vec<String>,
    /// Adjacent words for what the customer may do himself, which offer nothing: you can.
    pub self_service: Vec<String>,
}

/// Opt-out and opt-in words. Only words that can mean nothing else when they are the whole message
/// to a support bot: not `cancel`, `end`, `quit`, `no`; not Spanish `para`; not Turkish `dur`, also
/// "wait"; not Vietnamese `dừng`, without accents also "right"; not Russian `отписка`, also a
/// brush-off; not Swahili `acha`, Hindi for "fine"; and no word that also ends a paid subscription
/// or a course, if there is a better one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consent {
    /// Words that withdraw consent.
    pub opt_out: Vec<String>,
    /// Words that give consent again.
    pub opt_in: Vec<String>,
}

/// Text that speech recognition invents in silence.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subtitles {
    /// Credits of films and videos, which nobody says to a business.
    pub credits: Vec<String>,
    /// Polite phrases that are invented in silence but that people also say.
    pub polite: Vec<String>,
    /// Words in descriptions of sounds.
    pub sounds: Vec<String>,
}

/// Default sentences for customers, used when the prompt file sets none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sentences {
    /// A voice message was not understood.
    pub voice_failed: Option<String>,
    /// A voice message was too long.
    pub voice_too_long: Option<String>,
    /// The documents do not answer the question.
    pub no_answer: Option<String>,
    /// The documents do not answer, but hold something near it, which follows as a numbered list.
    pub did_you_mean: Option<String>,
    /// The label of the button that opens a list of choices: at most 20 characters.
    pub list: Option<String>,
    /// Something failed.
    pub failure: Option<String>,
    /// A customer only says hello.
    pub greeting: Option<String>,
    /// A message contains nothing that can be read.
    pub unreadable: Option<String>,
    /// A person is called.
    pub hand_off: Option<String>,
}

/// How customers call a person, offered as hand-off words of a new agent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HandOff {
    /// Words and phrases.
    pub keywords: Vec<String>,
}

/// All languages.
pub fn languages() -> &'static [Language] {
    static READ: LazyLock<Vec<Language>> =
        LazyLock::new(|| FILES.iter().map(|(code, text)| read(code, text)).collect());
    &READ
}

/// Returns a language by ISO 639-1 code; a region suffix is ignored.
pub fn of(code: &str) -> Option<&'static Language> {
    let primary = code.split(['-', '_']).next().unwrap_or_default();
    languages().iter().find(|language| language.code.eq_ignore_ascii_case(primary))
}

/// Returns one list of all languages, such as `|language| &language.greetings.phrases`. Words of
/// several languages are repeated.
pub fn each(
    list: fn(&'static Language) -> &'static [String],
) -> impl Iterator<Item = &'static str> {
    languages().iter().flat_map(list).map(String::as_str)
}

/// Returns the words of all languages with the key of their group.
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

    /// Minimum number of words in each list: the counts before the lists moved from code to files.
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
        // Swahili was added after these counts.
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
