//! An agent: what a prompt file says, ready to be used by the pipeline.

use std::collections::BTreeMap;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};

use super::id::{AgentId, CollectionId, VersionId};
use super::message::MediaKind;

/// A bot: one published prompt version with its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// The prompt version in use; `None` for a draft that is not stored.
    pub version: Option<VersionId>,
    /// Its short name, from the file name: `prompts/acme.md` is `acme`.
    pub slug: String,
    /// Its name, as people read it.
    pub name: String,
    /// The model's name; empty for the default of the configuration.
    pub model: String,
    /// 0 to 2.
    pub temperature: f32,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
    /// The collections it answers from.
    pub knowledge: Vec<CollectionId>,
    /// How many passages the model is shown.
    pub passages: usize,
    /// What is searched for beside the question itself.
    pub search: Searching,
    /// Below this confidence (0 to 1) there is no answer; `None` for the default of the model in use.
    pub min_confidence: Option<f32>,
    /// Whether curated answers win over the model.
    pub curated: Consult,
    /// Whether a reply names the documents that it rests on.
    pub sources: bool,
    /// How many earlier messages the model is shown at the most.
    pub history: usize,
    /// IANA name of the business's time zone, for `today` and `time` in the prompt.
    pub time_zone: String,
    /// ISO 639-1 codes of the languages that its customers write in; empty: any. They say which words opt out.
    pub languages: Vec<String>,
    /// What a customer gets who opts out, or comes back.
    pub opt_out: OptOut,
    /// What to do with voice notes.
    pub voice: Voice,
    /// When to call a person.
    pub handoff: Handoff,
    /// Whether a reply's statements must rest on the passages.
    pub grounding: Grounding,
    /// The sentences it uses without a model.
    pub texts: Texts,
    /// The system prompt, a template.
    pub prompt: String,
}

/// What is searched for beside the question itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searching {
    /// A question that leans on the one before it is searched with that.
    pub follow_up: bool,
    /// A question in another language than the documents is put in theirs; needs a model.
    pub translate: bool,
}

/// Whether an agent gives curated answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consult {
    /// Whether it does.
    pub enabled: bool,
    /// How near a question must come to a phrasing, 0 to 1; `None` for the measured default.
    pub threshold: Option<f32>,
}

impl Default for Consult {
    fn default() -> Self {
        Self { enabled: true, threshold: None }
    }
}

/// Whether, and how strictly, a model's statements are checked against the passages before they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grounding {
    /// What becomes of a statement that is not supported. Default: it is noted. A check that takes out right sentences
    /// is worse than none: of the replies that people found supported up to 7 in 100 are below the default threshold, of
    /// the others 22 to 51 in 100, so that in the replies of a good model most of what would be removed is right.
    pub check: GroundingCheck,
    /// At or above this score (0 to 1) a statement counts as supported. Default: 0.2.
    pub threshold: f32,
    /// Whether the model is asked, too: one more short call a reply.
    pub judge: bool,
}

impl Default for Grounding {
    fn default() -> Self {
        Self { check: GroundingCheck::Note, threshold: 0.2, judge: false }
    }
}

words! {
    /// What becomes of statements that are not supported.
    pub enum GroundingCheck {
        /// Nothing is checked.
        Off = "off",
        /// They are noted in the trace, and sent.
        Note = "note",
        /// They are taken out. When more than half would go, or nothing is left, the sentence for no answer is sent.
        Remove = "remove",
        /// One of them is enough for the sentence for no answer.
        Refuse = "refuse",
    }
}

/// What an agent does with voice notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Voice {
    /// Whether voice notes are transcribed.
    pub transcribe: bool,
    /// Whether audio files are transcribed, which somebody sent without recording them in the chat.
    pub audio: bool,
    /// Whether the sound of videos is transcribed.
    pub video: bool,
    /// ISO 639-1 code of the language spoken, or `None` to detect it.
    pub language: Option<String>,
    /// Names that customers may say, as they are spelt.
    pub vocabulary: Vec<String>,
    /// What a customer gets whose note could not be understood.
    pub failure_reply: Sentence,
    /// What a customer gets whose note is too long.
    pub too_long_reply: Sentence,
    /// What a customer gets whose note is not transcribed, because `transcribe` says so.
    pub default_reply: Sentence,
    /// Whether the answer to a voice note quotes it.
    pub quote: bool,
}

impl Voice {
    /// Whether a recording of this kind is transcribed.
    pub fn hears(&self, kind: MediaKind) -> bool {
        self.transcribe
            && match kind {
                MediaKind::Voice => true,
                MediaKind::Audio => self.audio,
                MediaKind::Video => self.video,
                _ => false,
            }
    }
}

/// A sentence in some languages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sentence {
    /// For everybody whose language is not among the others, or is not known.
    pub default: String,
    /// By ISO 639-1 code.
    pub languages: BTreeMap<String, String>,
}

impl Sentence {
    /// The sentence for a customer who speaks this language.
    pub fn to(&self, language: Option<&str>) -> &str {
        let known = language.and_then(|code| self.languages.get(code));
        known.unwrap_or(&self.default)
    }
}

/// What a customer gets who writes the opt-out word (STOP), or the one that takes it back (START).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOut {
    /// The one message that confirms the opt-out; `None`: silence.
    pub reply: Option<String>,
    /// The message that says that he will be answered again.
    pub welcome: String,
}

/// When a conversation goes to a person, and who is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Handoff {
    /// The rules; the first that matches is the reason.
    pub rules: Vec<HandoffRule>,
    /// What the customer gets.
    pub reply: String,
    /// The support contacts' WhatsApp numbers, as `+` and digits.
    pub notify: Vec<String>,
    /// The bot returns when a person has done nothing for this long, in minutes; 0: only when the case is resolved.
    pub return_minutes: i64,
}

/// One hand-off rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoffRule {
    /// A word or phrase, matched whole, whatever its case, accents and width.
    Keyword(String),
    /// A regular expression over the message as it was written.
    Pattern(String),
}

words! {
    /// What sort of hand-off rule it is.
    pub enum HandoffRuleKind {
        /// A word or phrase.
        Keyword = "keyword",
        /// A regular expression.
        Pattern = "pattern",
    }
}

/// The sentences an agent uses without a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// When the documents do not answer.
    pub no_answer: String,
    /// When something of ours broke.
    pub failure: String,
    /// When a customer only says hello and there is no model.
    pub greeting: String,
    /// When a message holds nothing that the bot can read, such as a picture without words.
    pub unreadable: String,
}
