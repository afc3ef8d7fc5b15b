//! Sections of a prompt file's header, with their defaults. Validates nothing; the header does.

use std::collections::BTreeMap;
use std::fmt;

use frontdesk_language::data::{Language, languages};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{
    FollowUp, Grounding, GroundingCheck, Handoff, HandoffRule, OptOut, Searching, Sentence, Voice,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SearchHeader {
    pub(super) follow_up: bool,
    pub(super) translate: bool,
}

impl Default for SearchHeader {
    fn default() -> Self {
        Self { follow_up: true, translate: true }
    }
}

impl From<SearchHeader> for Searching {
    fn from(header: SearchHeader) -> Self {
        Self { follow_up: header.follow_up, translate: header.translate }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct VoiceHeader {
    pub(super) transcribe: bool,
    pub(super) audio: bool,
    pub(super) video: bool,
    pub(super) language: String,
    pub(super) vocabulary: Vec<String>,
    pub(super) quote: bool,
    pub(super) failure_reply: Words,
    pub(super) too_long_reply: Words,
    pub(super) default_reply: Option<Words>,
}

impl Default for VoiceHeader {
    fn default() -> Self {
        Self {
            transcribe: true,
            audio: true,
            video: false,
            language: "auto".into(),
            vocabulary: Vec::new(),
            quote: false,
            failure_reply: Words::of(|language| language.sentences.voice_failed.as_deref()),
            too_long_reply: Words::of(|language| language.sentences.voice_too_long.as_deref()),
            default_reply: None,
        }
    }
}

impl VoiceHeader {
    /// Returns the texts for customers, each with its key.
    pub(super) fn sentences(&self) -> [(&'static str, &Words); 3] {
        [
            ("voice.failure_reply", &self.failure_reply),
            ("voice.too_long_reply", &self.too_long_reply),
            ("voice.default_reply", self.default_reply.as_ref().unwrap_or(&self.failure_reply)),
        ]
    }
}

impl From<VoiceHeader> for Voice {
    fn from(header: VoiceHeader) -> Self {
        let default_reply = match header.default_reply {
            Some(words) => words.into(),
            None => header.failure_reply.clone().into(),
        };
        Self {
            transcribe: header.transcribe,
            audio: header.audio,
            video: header.video,
            language: Some(header.language).filter(|language| language != "auto"),
            vocabulary: header.vocabulary,
            failure_reply: header.failure_reply.into(),
            too_long_reply: header.too_long_reply.into(),
            default_reply,
            quote: header.quote,
        }
    }
}

/// One sentence for everybody, or one for each language, with `default` for all other languages.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Words {
    One(String),
    Many(ByLanguage),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ByLanguage {
    default: String,
    languages: BTreeMap<String, String>,
}

/// Not derived: `untagged` would read the key `no` (Norwegian) as false.
impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or texts by language with `default` among them")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Words, E> {
                Ok(Words::One(text.to_owned()))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut texts: M) -> Result<Words, M::Error> {
                let (mut default, mut languages) = (None, BTreeMap::new());
                while let Some((language, text)) = texts.next_entry::<String, String>()? {
                    if language == "default" {
                        default = Some(text);
                    } else {
                        languages.insert(language, text);
                    }
                }
                let default = default.ok_or_else(|| M::Error::missing_field("default"))?;
                Ok(Words::Many(ByLanguage { default, languages }))
            }
        }

        from.deserialize_any(Either)
    }
}

impl Words {
    /// Returns the built-in sentence of each language, with English as the default.
    pub(super) fn of(sentence: fn(&'static Language) -> Option<&'static str>) -> Self {
        let said = |language: &'static Language| {
            Some((language.code.clone(), sentence(language)?.to_owned()))
        };
        let languages: BTreeMap<String, String> = languages().iter().filter_map(said).collect();
        let default = languages.get("en").cloned().unwrap_or_default();
        Self::Many(ByLanguage { default, languages })
    }

    /// Returns the text in all languages.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        let (default, languages) = match self {
            Self::One(words) => (words, None),
            Self::Many(many) => (&many.default, Some(many.languages.values())),
        };
        [default].into_iter().chain(languages.into_iter().flatten()).map(String::as_str)
    }

    /// Returns the languages that have a text of their own.
    pub(super) fn languages(&self) -> impl Iterator<Item = &str> {
        let languages = match self {
            Self::One(_) => None,
            Self::Many(many) => Some(many.languages.keys()),
        };
        languages.into_iter().flatten().map(String::as_str)
    }
}

/// Only for the table of defaults: the text for all other languages.
impl Serialize for Words {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(words) => to.serialize_str(words),
            Self::Many(many) => to.serialize_str(&many.default),
        }
    }
}

impl From<Words> for Sentence {
    fn from(words: Words) -> Self {
        match words {
            Words::One(default) => Self { default, languages: BTreeMap::new() },
            Words::Many(ByLanguage { default, languages }) => Self { default, languages },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct OptOutHeader {
    pub(super) reply: String,
    pub(super) welcome: String,
}

impl Default for OptOutHeader {
    fn default() -> Self {
        let welcome = "Welcome back! We will answer you here again.".into();
        Self { reply: String::new(), welcome }
    }
}

impl From<OptOutHeader> for OptOut {
    fn from(header: OptOutHeader) -> Self {
        let reply = Some(header.reply).filter(|reply| !reply.trim().is_empty());
        Self { reply, welcome: header.welcome }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HandoffHeader {
    pub(super) keywords: Vec<String>,
    pub(super) patterns: Vec<String>,
    pub(super) reply: Words,
    pub(super) notify: Vec<String>,
    pub(super) return_minutes: i64,
}

impl Default for HandoffHeader {
    fn default() -> Self {
        Self {
            keywords: Vec::new(),
            patterns: Vec::new(),
            reply: Words::of(|language| language.sentences.hand_off.as_deref()),
            notify: Vec::new(),
            return_minutes: 24 * 60,
        }
    }
}

impl From<HandoffHeader> for Handoff {
    fn from(header: HandoffHeader) -> Self {
        let keywords = header.keywords.into_iter().map(HandoffRule::Keyword);
        let patterns = header.patterns.into_iter().map(HandoffRule::Pattern);
        Self {
            rules: keywords.chain(patterns).collect(),
            reply: header.reply.into(),
            notify: header.notify,
            return_minutes: header.return_minutes,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FollowUpHeader {
    pub(super) after_minutes: i64,
    pub(super) text: Option<Words>,
    pub(super) close_minutes: i64,
    pub(super) close_text: Option<Words>,
}

impl FollowUpHeader {
    /// Returns the texts for customers that it has, each with its key.
    pub(super) fn sentences(&self) -> impl Iterator<Item = (&'static str, &Words)> {
        let text = self.text.as_ref().map(|words| ("follow_up.text", words));
        let close = self.close_text.as_ref().map(|words| ("follow_up.close_text", words));
        text.into_iter().chain(close)
    }

    /// Returns the first key that does not fit the others and the reason.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let Self { after_minutes: after, close_minutes: close, .. } = self;
        if *after > 0 && self.text.is_none() {
            let why =
                "follow_up.after_minutes needs follow_up.text: what silent customers are asked";
            return Err(("follow_up.after_minutes", why.into()));
        }
        if (1..=*after).contains(close) {
            let why = format!(
                "follow_up.close_minutes is {close}, it must be more than follow_up.after_minutes, which is {after}"
            );
            return Err(("follow_up.close_minutes", why));
        }
        Ok(())
    }
}

impl From<FollowUpHeader> for FollowUp {
    fn from(header: FollowUpHeader) -> Self {
        let said = |words: Option<Words>| words.map(Into::into).unwrap_or_default();
        Self {
            after_minutes: header.after_minutes,
            text: said(header.text),
            close_minutes: header.close_minutes,
            close_text: said(header.close_text),
        }
    }
}

/// Reads `grounding`: its settings, or only its `check`.
pub(super) fn grounding<'de, D: Deserializer<'de>>(from: D) -> Result<Grounding, D::Error> {
    struct Either;

    impl<'de> Visitor<'de> for Either {
        type Value = Grounding;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "one of {}, or a section", GroundingCheck::WORDS.join(", "))
        }

        // YAML reads a bare `off` as false.
        fn visit_bool<E: Error>(self, on: bool) -> Result<Grounding, E> {
            if on {
                return Err(E::invalid_value(Unexpected::Bool(on), &self));
            }
            Ok(Grounding { check: GroundingCheck::Off, ..Grounding::default() })
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<Grounding, E> {
            let check = word.parse().map_err(E::custom)?;
            Ok(Grounding { check, ..Grounding::default() })
        }

        fn visit_map<M: MapAccess<'de>>(self, keys: M) -> Result<Grounding, M::Error> {
            Grounding::deserialize(MapAccessDeserializer::new(keys))
        }
    }

    from.deserialize_any(Either)
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_language_of_the_console_has_all_fixed_texts() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/console/src/locales");
        for entry in std::fs::read_dir(folder).expect("the console has languages") {
            let code = entry.expect("readable").file_name();
            let code = code.to_str().expect("a code");
            let language = frontdesk_language::data::of(code).expect(code);
            let said = &language.sentences;
            let all = [
                &said.voice_failed,
                &said.voice_too_long,
                &said.no_answer,
                &said.did_you_mean,
                &said.list,
                &said.failure,
                &said.greeting,
                &said.unreadable,
                &said.hand_off,
            ];
            assert!(all.iter().all(|text| text.is_some()), "{code}");
        }
    }
}
