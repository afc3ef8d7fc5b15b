//! An agent: the parsed content of a prompt file, as the pipeline uses it.

use std::collections::BTreeMap;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};

use super::id::{AgentId, CollectionId, VersionId};
use super::media::MediaKind;
use super::offers::Location;

/// An agent (bot): one version of a prompt file with its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// The prompt version in use; `None` for a draft that is not stored.
    pub version: Option<VersionId>,
    /// Its short name, taken from the file name: `prompts/acme.md` is `acme`.
    pub slug: String,
    /// Its display name.
    pub name: String,
    /// The model's name; empty means the configured default.
    pub model: String,
    /// Sampling temperature, 0 to 2.
    pub temperature: f32,
    /// Maximum length of an answer, in tokens.
    pub max_output_tokens: u32,
    /// The collections it answers from.
    pub knowledge: Vec<CollectionId>,
    /// How many passages the prompt contains.
    pub passages: usize,
    /// What is searched for besides the question itself.
    pub search: Searching,
    /// Below this probability that the passages answer (0 to 1) the bot gives no answer; `None`
    /// means the default of the model in use.
    pub min_confidence: Option<f32>,
    /// Whether curated answers replace the model's.
    pub curated: Consult,
    /// Whether a reply names the documents that support it.
    pub sources: bool,
    /// Whether a model may offer choices to tap.
    pub choices: bool,
    /// Whether a model may send the files of the documents in its prompt.
    pub files: bool,
    /// The places of the business, which a model may send.
    pub locations: Vec<Location>,
    /// The most earlier messages in the prompt.
    pub history: usize,
    /// IANA name of the business's time zone, for `today` and `time` in the prompt.
    pub time_zone: String,
    /// ISO 639-1 codes of the languages of its customers; empty means any. They decide which words
    /// opt out.
    pub languages: Vec<String>,
    /// The replies to an opt-out and an opt-in.
    pub opt_out: OptOut,
    /// How voice notes are handled.
    pub voice: Voice,
    /// Which files of customers it reads.
    pub media: MediaAccess,
    /// When a person is called.
    pub handoff: Handoff,
    /// What it does when a customer stays silent.
    pub follow_up: FollowUp,
    /// Whether the passages must support a reply's statements.
    pub grounding: Grounding,
    /// The texts it sends without a model.
    pub texts: Texts,
    /// The system prompt, a template.
    pub prompt: String,
}

/// What is searched for besides the question itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searching {
    /// Whether a question that depends on the previous one is searched together with it.
    pub follow_up: bool,
    /// Whether a question in another language than the documents is translated into theirs; needs a
    /// model.
    pub translate: bool,
}

/// Whether and when an agent sends curated answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consult {
    /// Whether it sends them.
    pub enabled: bool,
    /// The similarity between a question and a phrasing that is needed, 0 to 1; `None` means the
    /// measured default.
    pub threshold: Option<f32>,
}

impl Default for Consult {
    fn default() -> Self {
        Self { enabled: true, threshold: None }
    }
}

/// Whether and how strictly a model's statements are checked against the passages before a reply is
/// sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grounding {
    /// What happens to unsupported statements. Default: `hold`. A check that removes correct
    /// statements is worse than none: of the replies that people rated as supported, up to 9 %
    /// score below the default threshold; of the others, 22 to 52 %. With a good model, most
    /// removed statements would be correct.
    pub check: GroundingCheck,
    /// A statement with at least this score (0 to 1) counts as supported. Default: 0.2.
    pub threshold: f32,
    /// With `hold`, an unsupported statement below this score (0 to 1) holds the reply back.
    /// Default: 0.01, which needs a wrong number, not one that the customer wrote or a sum, beside
    /// words that no source has in this order. It is the highest bar that holds back at most 1 % of
    /// the replies that people rated as supported, in each of three sets, with and without a
    /// model of meaning (benches/RESULTS.md).
    pub hold_below: f32,
    /// Whether a model judges the statements too: one more short call per reply.
    pub judge: bool,
}

impl Default for Grounding {
    fn default() -> Self {
        Self { check: GroundingCheck::Hold, threshold: 0.2, hold_below: 0.01, judge: false }
    }
}

words! {
    /// What happens to unsupported statements.
    pub enum GroundingCheck {
        /// Nothing is checked.
        Off = "off",
        /// They are noted in the trace and sent.
        Note = "note",
        /// One that scores below `hold_below` in words of its own, or says the opposite of a
        /// passage, is enough to send the `no_answer` text instead. The others are noted.
        Hold = "hold",
        /// They are removed. If that would remove more than half, or leave nothing, the `no_answer`
        /// text is sent.
        Remove = "remove",
        /// A single one is enough to send the `no_answer` text instead.
        Refuse = "refuse",
    }
}

/// How an agent handles voice notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Voice {
    /// Whether voice notes are transcribed.
    pub transcribe: bool,
    /// Whether audio files that were not recorded in the chat are transcribed.
    pub audio: bool,
    /// Whether the sound of videos is transcribed.
    pub video: bool,
    /// ISO 639-1 code of the spoken language; `None` detects it.
    pub language: Option<String>,
    /// Names that customers may say, in their correct spelling.
    pub vocabulary: Vec<String>,
    /// The reply to a voice note that could not be transcribed.
    pub failure_reply: Sentence,
    /// The reply to a voice note that is too long.
    pub too_long_reply: Sentence,
    /// The reply to a voice note when `transcribe` is off.
    pub default_reply: Sentence,
    /// Whether the answer to a voice note quotes it.
    pub quote: bool,
}

impl Voice {
    /// Whether recordings of this kind are transcribed.
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

/// Which files of customers an agent reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaAccess {
    /// Whether its model is shown pictures, if it sees.
    pub images: bool,
    /// Whether its model reads the text of documents.
    pub documents: bool,
}

impl Default for MediaAccess {
    fn default() -> Self {
        Self { images: true, documents: true }
    }
}

/// A text in several languages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sentence {
    /// The text for customers whose language is unknown or not listed.
    pub default: String,
    /// Texts by ISO 639-1 code.
    pub languages: BTreeMap<String, String>,
}

impl Sentence {
    /// Returns the text for a customer who speaks this language.
    pub fn to(&self, language: Option<&str>) -> &str {
        let primary =
            |code: &str| code.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let same = |code: &str| {
            let wanted = primary(code);
            let mut all = self.languages.iter();
            all.find(|(key, _)| primary(key) == wanted).map(|(_, text)| text)
        };
        let known = language.and_then(|code| self.languages.get(code).or_else(|| same(code)));
        known.unwrap_or(&self.default)
    }

    /// Returns the text in all languages.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.default).chain(self.languages.values()).map(String::as_str)
    }
}

/// The replies to an opt-out keyword (STOP) and an opt-in keyword (START).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOut {
    /// The single message that confirms an opt-out; `None` sends nothing.
    pub reply: Option<String>,
    /// The message that confirms an opt-in.
    pub welcome: String,
}

/// When a conversation goes to a person, and who is notified.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Handoff {
    /// The rules; the first that matches is the reason.
    pub rules: Vec<HandoffRule>,
    /// The message to the customer.
    pub reply: Sentence,
    /// WhatsApp numbers of the support contacts, as `+` and digits.
    pub notify: Vec<String>,
    /// The bot takes a conversation back after a person has been inactive for this long, in
    /// minutes; 0: only when the case is resolved.
    pub return_minutes: i64,
}

/// What an agent does when a customer stays silent. The times count from its reply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FollowUp {
    /// It asks once after so many minutes; 0: never.
    pub after_minutes: i64,
    /// What it asks.
    pub text: Sentence,
    /// It closes the conversation after so many minutes; 0: never.
    pub close_minutes: i64,
    /// What it says then; empty: nothing.
    pub close_text: Sentence,
}

/// One hand-off rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoffRule {
    /// A word or phrase, matched as whole words, ignoring case, accents and width.
    Keyword(String),
    /// A regular expression, matched against the message as written.
    Pattern(String),
}

words! {
    /// The kind of a hand-off rule.
    pub enum HandoffRuleKind {
        /// A word or phrase.
        Keyword = "keyword",
        /// A regular expression.
        Pattern = "pattern",
    }
}

/// The texts an agent sends without a model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Texts {
    /// Sent if the documents do not answer.
    pub no_answer: Sentence,
    /// Follows it if the documents hold something near the question, which it introduces.
    #[serde(default)]
    pub did_you_mean: Sentence,
    /// The label of the button that opens a list of choices.
    #[serde(default)]
    pub list: Sentence,
    /// Sent after an error inside frontdesk.
    pub failure: Sentence,
    /// Sent if a customer only says hello and there is no model.
    pub greeting: Sentence,
    /// Sent if a message contains nothing that the bot can read, such as a picture without a
    /// caption.
    pub unreadable: Sentence,
}

impl Texts {
    /// Divides a message of the bot into what it says and the choices that it offers below
    /// `did_you_mean`; the latter is empty if it offers none.
    pub fn split_choices<'a>(&self, text: &'a str) -> (&'a str, &'a str) {
        let asked = self.did_you_mean.all().filter(|asked| !asked.is_empty());
        let found = asked.filter_map(|asked| Some((text.rfind(asked)?, asked.len()))).max();
        found.map_or((text, ""), |(at, length)| (&text[..at], &text[at + length..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_the_same_with_and_without_its_region() {
        let texts = [("pt-BR", "Olá"), ("ES", "Hola"), ("zh", "你好"), ("zh-TW", "您好")];
        let languages = texts.map(|(code, text)| (code.to_owned(), text.to_owned()));
        let sentence = Sentence { default: "Hello".into(), languages: languages.into() };
        for (code, text) in [
            ("pt", "Olá"),
            ("pt-PT", "Olá"),
            ("es", "Hola"),
            ("zh", "你好"),
            ("zh-TW", "您好"),
            ("zh_HK", "你好"),
            ("fr", "Hello"),
        ] {
            assert_eq!(sentence.to(Some(code)), text, "{code}");
        }
        assert_eq!(sentence.to(None), "Hello");
    }
}
