//! The sections of a prompt file's header, with their defaults. Checks nothing: that is the header's.

use serde::Deserialize;

use crate::domain::{Handoff, HandoffRule, OptOut, Searching, Voice};

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
pub(super) struct VoiceHeader {
    pub(super) transcribe: bool,
    pub(super) language: String,
    pub(super) failure_reply: String,
}

impl Default for VoiceHeader {
    fn default() -> Self {
        Self {
            transcribe: true,
            language: "auto".into(),
            failure_reply: "Sorry, I could not understand your voice message. Could you write it?"
                .into(),
        }
    }
}

impl From<VoiceHeader> for Voice {
    fn from(header: VoiceHeader) -> Self {
        let language = Some(header.language).filter(|language| language != "auto");
        Self { transcribe: header.transcribe, language, failure_reply: header.failure_reply }
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
