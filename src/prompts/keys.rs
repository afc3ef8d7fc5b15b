//! The keys of a prompt file's header: what each takes, for errors and for `docs/prompt-files.md`,
//! whose table is generated from this list. Pure.

use serde::Deserialize as _;
use serde_json::Value;

use super::{Gate, Header, no_case_worse};
use crate::domain::{GroundingCheck, Location};

/// Maximum length of a value in an error, in characters.
const MAX_SHOWN: usize = 60;

/// A key of the header.
struct Key {
    /// With the keys around it, such as `handoff.reply`.
    path: &'static str,
    form: Form,
    about: &'static str,
}

/// What a key takes. The limits are those of `bounds`.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Texts,
    Number,
    Switch,
    /// Places with their coordinates.
    Locations,
    /// A text for customers.
    Sentence,
    Word(&'static [&'static str]),
}

const KEYS: &[Key] = &[
    key("name", Form::Text, "The bot's name; required."),
    key("model", Form::Text, "The model; by default that of `[llm]`."),
    key("temperature", Form::Number, "How freely the model writes."),
    key("max_output_tokens", Form::Number, "Maximum length of an answer in tokens."),
    key("knowledge", Form::Texts, "The collections that it answers from: folders in `knowledge/`."),
    key("passages", Form::Number, "Maximum passages in the prompt."),
    key("search.follow_up", Form::Switch, "Whether follow-up questions are completed."),
    key(
        "search.translate",
        Form::Switch,
        "Whether questions in other languages than the documents' are translated; needs a model.",
    ),
    key(
        "gate.suite",
        Form::Text,
        "The suite that a new version must pass before it goes live; required in `gate`.",
    ),
    key("gate.rule", Form::Text, "What it must hold, such as `score >= baseline - 0.02`."),
    key(
        "gate.baseline",
        Form::Text,
        "A file of accepted scores; by default the live version runs the suite, too.",
    ),
    key("gate.knowledge", Form::Switch, "Whether changed documents must pass, too."),
    key(
        "min_confidence",
        Form::Number,
        "Below this probability that the documents found hold the answer, the bot says that it does not know; by default the model's.",
    ),
    key("curated.enabled", Form::Switch, "Whether curated answers replace the model's."),
    key(
        "curated.threshold",
        Form::Number,
        "How similar a question must be to a curated one; by default as measured.",
    ),
    key("sources", Form::Switch, "Whether an answer names its documents."),
    key(
        "choices",
        Form::Switch,
        "Whether the model may end an answer with choices to tap: buttons, or a list of more than three.",
    ),
    key(
        "choices_list",
        Form::Sentence,
        "Label of the button that opens such a list, at most 20 characters.¹",
    ),
    key(
        "files",
        Form::Switch,
        "Whether the model may send the files of documents that it answers from: PDF, Office files and text.",
    ),
    key(
        "locations",
        Form::Locations,
        "The business's places; the model shows customers the one that they ask for on a map.",
    ),
    key("history", Form::Number, "Maximum earlier messages in the prompt."),
    key("time_zone", Form::Text, "IANA name of the time zone of date and time in the prompt."),
    key(
        "languages",
        Form::Texts,
        "Languages of the customers (ISO 639-1), for opt-out words and fixed texts; by default any.",
    ),
    key("opt_out.reply", Form::Text, "The confirmation of STOP; by default none."),
    key("opt_out.welcome", Form::Text, "The reply to START."),
    key("voice.transcribe", Form::Switch, "Whether voice notes are transcribed."),
    key("voice.audio", Form::Switch, "Whether forwarded audio files are."),
    key("voice.video", Form::Switch, "Whether the sound of videos is."),
    key("voice.language", Form::Text, "The spoken language (ISO 639-1); `auto` detects it."),
    key("voice.vocabulary", Form::Texts, "Names in their correct spelling."),
    key("voice.quote", Form::Switch, "Whether the answer quotes the voice note."),
    key("voice.failure_reply", Form::Sentence, "Sent if a voice note was not understood.¹"),
    key("voice.too_long_reply", Form::Sentence, "Sent if a voice note is too long.¹"),
    key(
        "voice.default_reply",
        Form::Sentence,
        "Sent if `voice.transcribe` is off; by default `voice.failure_reply`.",
    ),
    key("media.images", Form::Switch, "Whether a model that sees is shown customers' pictures."),
    key(
        "media.documents",
        Form::Switch,
        "Whether a model reads the documents that customers send.",
    ),
    key("handoff.keywords", Form::Texts, "Words and phrases that call a person."),
    key("handoff.patterns", Form::Texts, "Regular expressions that call a person."),
    key("handoff.reply", Form::Sentence, "Sent if a person is called.¹"),
    key("handoff.notify", Form::Texts, "Phone numbers that are notified, with the question."),
    key(
        "handoff.return_minutes",
        Form::Number,
        "The bot returns after a person has been silent for so many minutes; 0: when the case is resolved.",
    ),
    key(
        "follow_up.after_minutes",
        Form::Number,
        "A customer who stays silent so many minutes after an answer is asked once; 0: never.",
    ),
    key("follow_up.text", Form::Sentence, "What silent customers are asked."),
    key(
        "follow_up.close_minutes",
        Form::Number,
        "After so many minutes of silence the conversation is closed, until the customer writes; 0: never.",
    ),
    key(
        "follow_up.close_text",
        Form::Sentence,
        "Sent then, within the 24-hour window; by default nothing.",
    ),
    key("grounding", Form::Word(GroundingCheck::WORDS), "Short for `grounding.check`."),
    key(
        "grounding.check",
        Form::Word(GroundingCheck::WORDS),
        "What happens to a statement that no passage supports.",
    ),
    key("grounding.threshold", Form::Number, "The score from which a statement is supported."),
    key(
        "grounding.hold_below",
        Form::Number,
        "Below this score an unsupported statement holds the reply back.",
    ),
    key("grounding.judge", Form::Switch, "Whether a model judges, too: one more call per answer."),
    key("no_answer", Form::Sentence, "Sent if the documents do not answer.¹"),
    key(
        "did_you_mean",
        Form::Sentence,
        "Follows `no_answer` without a model, above a numbered list of what the documents hold near it.¹",
    ),
    key("failure", Form::Sentence, "Sent if something fails.¹"),
    key("greeting", Form::Sentence, "Sent if a customer only says hello and there is no model.¹"),
    key("unreadable", Form::Sentence, "Sent if nothing in a message can be read.¹"),
];

const fn key(path: &'static str, form: Form, about: &'static str) -> Key {
    Key { path, form, about }
}

/// Returns the table of all keys, as Markdown.
pub fn reference() -> String {
    let all = defaults();
    let row = |key: &Key| {
        let Key { path, about, .. } = key;
        format!("| `{path}` | {} | {} | {about} |\n", key.takes(), cell(default_of(&all, path)))
    };
    let head = "| key | takes | default | meaning |\n|---|---|---|---|\n".to_owned();
    std::iter::once(head).chain(KEYS.iter().map(row)).collect()
}

/// Returns the first key of a header with a value that it does not take, and the reason; `None` if
/// there is none, or an unknown key before it.
pub(super) fn mistake(yaml: &str) -> Option<(String, String)> {
    let Ok(Value::Object(header)) = serde_saphyr::from_str(yaml) else { return None };
    let all = defaults();
    header.iter().find_map(|(name, value)| check(&all, name, value).err())?
}

/// Returns the line of the file on which a header key stands, such as `handoff.reply`; if it does not
/// stand there, that of the keys around it, or the first.
pub(super) fn line_of(yaml: &str, path: &str) -> usize {
    let (mut at, mut found) = (0, None);
    for (depth, key) in path.split('.').enumerate() {
        let stands = |line: &str| {
            line.match_indices(key).any(|(start, _)| {
                let before = line.get(..start).unwrap_or_default();
                let after = line.get(start + key.len()..).unwrap_or_default();
                let begins = if depth == 0 {
                    before.chars().all(|c| matches!(c, '{' | '"' | '\''))
                } else {
                    !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
                };
                begins && after.trim_start_matches(['"', '\'']).trim_start().starts_with(':')
            })
        };
        let Some(offset) = yaml.lines().skip(at).position(stands) else { break };
        at += offset;
        found = Some(at);
    }
    found.map_or(1, |index| index + 2)
}

/// The error is `None` for an unknown key.
fn check(all: &Value, path: &str, value: &Value) -> Result<(), Option<(String, String)>> {
    let inside = |key: &Key| key.path.strip_prefix(path)?.strip_prefix('.');
    let section: Vec<&str> = KEYS.iter().filter_map(inside).collect();
    if let (Value::Object(keys), false) = (value, section.is_empty()) {
        return keys
            .iter()
            .try_for_each(|(name, value)| check(all, &format!("{path}.{name}"), value));
    }
    let own = KEYS.iter().find(|key| key.path == path);
    let takes = match own {
        Some(key) if key.fits(value, default_of(all, path)) => return Ok(()),
        Some(key) if section.is_empty() => key.takes(),
        Some(key) => format!("{}, or a section with {}", key.takes(), section.join(", ")),
        None if section.is_empty() => return Err(None),
        None => format!("a section with {}", section.join(", ")),
    };
    Err(Some((path.to_owned(), format!("{path} is {}, it takes {takes}", shown(value)))))
}

impl Key {
    /// Says what it takes.
    fn takes(&self) -> String {
        let header = Header::default();
        match self.form {
            Form::Text => {
                let limit = header.texts().into_iter().find(|(path, ..)| *path == self.path);
                limit.map_or("a text".into(), |(.., most)| {
                    format!("a text of at most {most} characters")
                })
            }
            Form::Texts => {
                let limit = header.lists().into_iter().find(|(path, ..)| *path == self.path);
                limit.map_or("a list of texts".into(), |(.., many, longest)| {
                    format!("a list of at most {many} texts of at most {longest} characters")
                })
            }
            Form::Number => self.range(),
            Form::Switch => "true or false".into(),
            Form::Locations => "a list of at most 20 places, each with name, latitude, longitude and, if wanted, address".into(),
            Form::Sentence => "a text, or texts by language with `default` among them".into(),
            Form::Word(words) => format!("one of {}", words.join(", ")),
        }
    }

    fn range(&self) -> String {
        let header = Header::default();
        let whole = header.whole_numbers().into_iter().find(|(path, ..)| *path == self.path);
        let share = header.fractions().into_iter().find(|(path, ..)| *path == self.path);
        match (whole, share) {
            (Some((.., least, most)), _) => format!("a whole number from {least} to {most}"),
            (None, Some((.., most))) => format!("a number from 0 to {most}"),
            (None, None) => "a number".into(),
        }
    }

    /// Whether a value has the form of this key. Limits of texts and lists are checked elsewhere.
    fn fits(&self, value: &Value, default: &Value) -> bool {
        if value.is_null() {
            return default.is_null();
        }
        match self.form {
            Form::Text => is_scalar(value),
            Form::Texts => value.as_array().is_some_and(|list| list.iter().all(is_scalar)),
            Form::Number => self.fits_number(value),
            Form::Switch => value.is_boolean(),
            Form::Locations => Vec::<Location>::deserialize(value).is_ok(),
            Form::Sentence => match value {
                Value::Object(texts) => {
                    texts.contains_key("default") && texts.values().all(is_scalar)
                }
                text => text.is_string(),
            },
            // YAML reads a bare `off` as false.
            Form::Word(words) => match value {
                Value::Bool(false) => words.contains(&"off"),
                word => word.as_str().is_some_and(|word| words.contains(&word)),
            },
        }
    }

    fn fits_number(&self, value: &Value) -> bool {
        let header = Header::default();
        let whole = header.whole_numbers().into_iter().find(|(path, ..)| *path == self.path);
        match whole {
            Some((.., least, most)) => {
                value.as_i64().is_some_and(|number| (least..=most).contains(&number))
            }
            None => value.is_number(),
        }
    }
}

/// Returns the defaults of all keys.
fn defaults() -> Value {
    let gate =
        Gate { suite: String::new(), rule: no_case_worse(), baseline: None, knowledge: false };
    let header = Header { gate: Some(gate), ..Header::default() };
    // As text first: otherwise 0.2 would become 0.20000000298.
    let text = serde_json::to_string(&header).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn default_of<'a>(all: &'a Value, path: &str) -> &'a Value {
    all.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null)
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => format!("`{text}`"),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        _ => "–".into(),
    }
}

fn is_scalar(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

/// Returns a value as an error shows it.
fn shown(value: &Value) -> String {
    if value.is_null() {
        return "empty".into();
    }
    let text = value.to_string();
    let begin: String = text.chars().take(MAX_SHOWN).collect();
    if begin.len() < text.len() { begin + "…" } else { begin }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(path: &str, value: &Value) -> Vec<String> {
        let Value::Object(keys) = value else { return vec![path.to_owned()] };
        let below = |(name, value): (&String, &Value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            leaves(&path, value)
        };
        keys.iter().flat_map(below).collect()
    }

    #[test]
    fn each_key_of_the_code_has_its_row_and_no_other() {
        let mut told: Vec<&str> = KEYS.iter().map(|key| key.path).collect();
        told.retain(|path| *path != "grounding");
        let mut known = leaves("", &defaults());
        told.sort_unstable();
        known.sort_unstable();
        assert_eq!(told, known);
    }

    #[test]
    fn the_page_of_prompt_files_is_made_of_the_list() {
        let page = include_str!("../../docs/prompt-files.md");
        assert!(page.contains(&reference()), "docs/prompt-files.md should hold:\n{}", reference());
    }

    #[test]
    fn a_wrong_value_is_told_with_its_key_and_what_that_takes() {
        for (yaml, key, why) in [
            (
                "temperature: hot",
                "temperature",
                "temperature is \"hot\", it takes a number from 0 to 2",
            ),
            ("passages: -1", "passages", "passages is -1, it takes a whole number from 1 to 50"),
            ("passages: many", "passages", "it takes a whole number"),
            ("history: 2.5", "history", "history is 2.5, it takes a whole number from 0 to 200"),
            ("sources: perhaps", "sources", "sources is \"perhaps\", it takes true or false"),
            ("knowledge: acme", "knowledge", "knowledge is \"acme\", it takes a list"),
            ("name: [A]", "name", "name is [\"A\"], it takes a text of at most 100 characters"),
            (
                "voice: loud",
                "voice",
                "voice is \"loud\", it takes a section with transcribe, audio",
            ),
            ("voice: { video: 7 }", "voice.video", "voice.video is 7, it takes true or false"),
            (
                "grounding: strict",
                "grounding",
                "it takes one of off, note, hold, remove, refuse, or a section with check",
            ),
            ("grounding: { check: strict }", "grounding.check", "it takes one of off, note"),
            ("no_answer: { es: No }", "no_answer", "with `default` among them"),
            ("gate: suite.yaml", "gate", "a section with suite, rule"),
            ("temperature:", "temperature", "temperature is empty, it takes a number"),
        ] {
            let (path, told) = mistake(yaml).expect(yaml);
            assert_eq!(path, key);
            assert!(told.contains(why), "{told}");
        }
        let long = mistake(&format!("sources: {}", "x".repeat(500))).expect("it is wrong").1;
        assert!(long.len() < 120, "{long}");
    }

    #[test]
    fn a_key_is_found_on_its_line() {
        let yaml = "# name: no\nname: A\ngate: { suite: a.yaml, knowledge: true }\nopt_out:\n  reply: Bye\n\
            knowledge: [a]\nhandoff:\n  keywords: [reply]\n  \"reply\" : Hi\n";
        for (path, line) in [
            ("name", 3),
            ("knowledge", 7),
            ("gate.knowledge", 4),
            ("handoff.reply", 10),
            ("opt_out.reply", 6),
            ("voice.quote", 1),
            ("gate.rule", 4),
        ] {
            assert_eq!(line_of(yaml, path), line, "{path}");
        }
        assert_eq!(line_of("{name: A, model: 7}", "name"), 2);
    }

    #[test]
    fn what_a_key_takes_is_no_mistake() {
        for yaml in [
            "name: 42\nmodel: gpt-4o\nmin_confidence:\ngrounding: off",
            "grounding: { check: off, threshold: 0.3 }\nno_answer: { default: a, es: b }",
            "handoff: { reply: A, keywords: [human, 112] }\nsources: false",
            "colour: red\ntemperature: hot",
        ] {
            assert_eq!(mistake(yaml), None, "{yaml}");
        }
    }
}
