//! Why a case was opened. The database has the English text; the console translates the code, which
//! is read from that text.

use std::fmt::{Display, Formatter};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::loop_guard::LoopReason;
use super::note::NoteCode;

/// Why a case was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum CaseReason {
    /// The pipeline called a person.
    Turn(TurnReason),
    /// The loop guard takes the customer for another bot.
    Loop(LoopReason),
    /// A message did not get its answer, or did not arrive.
    Message(MessageReason),
}

/// Why a person is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TurnReason {
    /// The customer used a hand-off word.
    Keyword {
        /// The word or phrase of the rule.
        keyword: String,
    },
    /// The message matched a hand-off pattern.
    Pattern {
        /// The regular expression of the rule.
        pattern: String,
    },
    /// The customer accepted the bot's offer of a person.
    PersonOffer {},
    /// The model called a person.
    Model {
        /// Whether the documents do not answer the question.
        unanswered: bool,
    },
    /// The model budget is used up, and no sentence of the documents answers the question.
    Budget {},
    /// The agent's prompt cannot be used: rendering its template exceeds a limit.
    Prompt {
        /// What is wrong with it.
        problem: String,
    },
    /// The bot failed: the customer got the failure sentence. The bot keeps the conversation.
    Failure {},
}

/// What happened to a message that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MessageReason {
    /// The customer's message arrived too late for the bot.
    Stale {},
    /// The customer wrote while the bot was paused on the number.
    BotPaused {},
    /// A message of ours could not be sent.
    Unsent {
        /// What is wrong, in words.
        problem: String,
        /// The same as a code; null for the provider's own words.
        code: Option<NoteCode>,
    },
    /// A message of ours can only be sent by another version, which is gone.
    Orphaned {},
    /// WhatsApp took a message of ours and could not deliver it.
    Undelivered {
        /// The provider's words, or that it does not say why, in English.
        problem: String,
    },
    /// It is not known whether a message of ours arrived.
    Unknown {},
}

const PERSON_OFFER: &str = "the customer accepted the offer of a person";
const MODEL: &str = "the bot called a person";
const UNANSWERED: &str = "the bot called a person: the documents do not answer";
const BUDGET: &str =
    "the day's money for models is used up, and the documents hold no plain answer";
const PROMPT: &str = "the bot's prompt cannot be used: ";
const FAILURE: &str = "the bot failed: the customer got the failure sentence";
const STALE: &str = "a message arrived too late for the bot to answer it";
const BOT_PAUSED: &str = "the customer wrote while the bot was paused on this number";
const UNSENT: &str = "a message could not be sent: ";
const ORPHANED: &str = "a message could not be sent: it is another version's";
const UNDELIVERED: &str = "WhatsApp could not deliver our message: ";
const UNKNOWN: &str = "it is not known whether this message of ours reached the customer";

impl CaseReason {
    /// The reason with this text; `None` for the words of another version.
    pub fn of(text: &str) -> Option<Self> {
        let turn = || TurnReason::of(text).map(Self::Turn);
        let other_bot = || LoopReason::of(text).map(Self::Loop);
        turn().or_else(other_bot).or_else(|| MessageReason::of(text).map(Self::Message))
    }
}

impl TurnReason {
    fn of(text: &str) -> Option<Self> {
        let quoted = |before: &str, after: &str| {
            Some(text.strip_prefix(before)?.strip_suffix(after)?.to_owned())
        };
        Some(match text {
            PERSON_OFFER => Self::PersonOffer {},
            MODEL => Self::Model { unanswered: false },
            UNANSWERED => Self::Model { unanswered: true },
            BUDGET => Self::Budget {},
            FAILURE => Self::Failure {},
            _ => {
                let keyword =
                    quoted("the customer said “", "”").map(|keyword| Self::Keyword { keyword });
                let pattern = || quoted("the message matched the pattern `", "`");
                let pattern = || pattern().map(|pattern| Self::Pattern { pattern });
                let prompt = || quoted(PROMPT, "").map(|problem| Self::Prompt { problem });
                keyword.or_else(pattern).or_else(prompt)?
            }
        })
    }
}

impl MessageReason {
    /// A message of ours could not be sent, for this reason in words.
    pub fn unsent(problem: String) -> Self {
        Self::Unsent { code: NoteCode::of(&problem), problem }
    }

    /// The reason with this text; `None` for any other.
    pub fn of(text: &str) -> Option<Self> {
        let after = |start: &str| text.strip_prefix(start).map(ToOwned::to_owned);
        Some(match text {
            STALE => Self::Stale {},
            BOT_PAUSED => Self::BotPaused {},
            ORPHANED => Self::Orphaned {},
            UNKNOWN => Self::Unknown {},
            _ => match after(UNSENT) {
                Some(problem) => Self::unsent(problem),
                None => Self::Undelivered { problem: after(UNDELIVERED)? },
            },
        })
    }
}

impl Display for CaseReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Turn(reason) => reason.fmt(f),
            Self::Loop(reason) => reason.fmt(f),
            Self::Message(reason) => reason.fmt(f),
        }
    }
}

impl Display for TurnReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keyword { keyword } => write!(f, "the customer said “{keyword}”"),
            Self::Pattern { pattern } => write!(f, "the message matched the pattern `{pattern}`"),
            Self::PersonOffer {} => f.write_str(PERSON_OFFER),
            Self::Model { unanswered: false } => f.write_str(MODEL),
            Self::Model { unanswered: true } => f.write_str(UNANSWERED),
            Self::Budget {} => f.write_str(BUDGET),
            Self::Prompt { problem } => write!(f, "{PROMPT}{problem}"),
            Self::Failure {} => f.write_str(FAILURE),
        }
    }
}

impl Display for MessageReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stale {} => f.write_str(STALE),
            Self::BotPaused {} => f.write_str(BOT_PAUSED),
            Self::Unsent { problem, .. } => write!(f, "{UNSENT}{problem}"),
            Self::Orphaned {} => f.write_str(ORPHANED),
            Self::Undelivered { problem } => write!(f, "{UNDELIVERED}{problem}"),
            Self::Unknown {} => f.write_str(UNKNOWN),
        }
    }
}

impl From<TurnReason> for CaseReason {
    fn from(reason: TurnReason) -> Self {
        Self::Turn(reason)
    }
}

impl From<LoopReason> for CaseReason {
    fn from(reason: LoopReason) -> Self {
        Self::Loop(reason)
    }
}

impl From<MessageReason> for CaseReason {
    fn from(reason: MessageReason) -> Self {
        Self::Message(reason)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reason_has_the_code_and_the_values_of_its_text() {
        let closed = "the 24-hour window is closed: WhatsApp takes only a template";
        let texts = [
            TurnReason::Keyword { keyword: "a “real” person".into() }.into(),
            TurnReason::Pattern { pattern: r"(?i)`order` \d+".into() }.into(),
            TurnReason::PersonOffer {}.into(),
            TurnReason::Model { unanswered: false }.into(),
            TurnReason::Model { unanswered: true }.into(),
            TurnReason::Budget {}.into(),
            TurnReason::Prompt { problem: "it takes too long".into() }.into(),
            TurnReason::Failure {}.into(),
            LoopReason::Repeats { times: 5 }.into(),
            LoopReason::Floods { texts: 12 }.into(),
            LoopReason::AnswersAtOnce { times: 4 }.into(),
            MessageReason::Stale {}.into(),
            MessageReason::BotPaused {}.into(),
            MessageReason::unsent("Message undeliverable".into()).into(),
            MessageReason::unsent(closed.into()).into(),
            MessageReason::Orphaned {}.into(),
            MessageReason::Undelivered { problem: "it does not say why".into() }.into(),
            MessageReason::Unknown {}.into(),
        ];
        for reason in texts {
            let reason: CaseReason = reason;
            assert_eq!(CaseReason::of(&reason.to_string()), Some(reason));
        }
        for other in ["", "the customer said so", "many times came in a row", "said human"] {
            assert_eq!(CaseReason::of(other), None, "{other}");
        }
    }

    #[test]
    fn the_code_is_beside_its_values() {
        let json = |reason: CaseReason| serde_json::to_value(reason).unwrap();
        let keyword = TurnReason::Keyword { keyword: "human".into() };
        assert_eq!(json(keyword.into()), json!({"kind": "keyword", "keyword": "human"}));
        let floods = LoopReason::Floods { texts: 12 };
        assert_eq!(json(floods.into()), json!({"kind": "floods", "texts": 12}));
        let closed = MessageReason::unsent(NoteCode::WindowClosed.text().into());
        let problem = NoteCode::WindowClosed.text();
        let wanted = json!({"kind": "unsent", "problem": problem, "code": "window_closed"});
        assert_eq!(json(closed.into()), wanted);
    }
}
