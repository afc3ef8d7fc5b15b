//! Sections of a prompt file's header, with their defaults. Validates nothing; the header does.

use std::collections::BTreeMap;

use frontdesk_language::data::{Language, languages};
use serde::Deserialize;

use crate::domain::{Handoff, HandoffRule, OptOut, Searching, Sentence, Voice};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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

#[derive(Debug, Clone, PartialEq, Deserialize)]
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
    /// Returns the key of a sentence that is empty.
    pub(super) fn empty_sentence(&self) -> Option<&'static str> {
        self.sentences().find(|(_, words)| words.trim().is_empty()).map(|(key, _)| key)
    }

    /// Returns the sentences in all languages, each with its key.
    pub(super) fn sentences(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let default = self.default_reply.as_ref().unwrap_or(&self.failure_reply);
        let sentences = [
            ("failure_reply", &self.failure_reply),
            ("too_long_reply", &self.too_long_reply),
            ("default_reply", default),
        ];
        sentences.into_iter().flat_map(|(key, words)| words.all().map(move |text| (key, text)))
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
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a sentence, or sentences by language with `default` among them")]
pub(super) enum Words {
    One(String),
    Many(ByLanguage),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct ByLanguage {
    default: String,
    #[serde(flatten)]
    languages: BTreeMap<String, String>,
}

impl Words {
    /// Returns the built-in sentence of each language, with English as the default.
    fn of(sentence: fn(&'static Language) -> Option<&'static str>) -> Self {
        let said = |language: &'static Language| {
            Some((language.code.clone(), sentence(language)?.to_owned()))
        };
        let languages: BTreeMap<String, String> = languages().iter().filter_map(said).collect();
        let default = languages.get("en").cloned().unwrap_or_default();
        Self::Many(ByLanguage { default, languages })
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        let (default, languages) = match self {
            Self::One(words) => (words, None),
            Self::Many(many) => (&many.default, Some(many.languages.values())),
        };
        [default].into_iter().chain(languages.into_iter().flatten())
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

#[derive(Debug, Clone, PartialEq, Deserialize)]
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

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HandoffHeader {
    pub(super) keywords: Vec<String>,
    pub(super) patterns: Vec<String>,
    pub(super) reply: String,
    pub(super) notify: Vec<String>,
    pub(super) return_minutes: i64,
}

impl Default for HandoffHeader {
    fn default() -> Self {
        Self {
            keywords: Vec::new(),
            patterns: Vec::new(),
            reply: "I am passing you to a colleague, who will answer you here.".into(),
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
            reply: header.reply,
            notify: header.notify,
            return_minutes: header.return_minutes,
        }
    }
}
