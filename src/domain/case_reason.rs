//! Why a case was opened.

use serde::{Deserialize, Serialize};

/// Why a person is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
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

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keyword { keyword } => write!(f, "the customer said “{keyword}”"),
            Self::Pattern { pattern } => write!(f, "the message matched the pattern `{pattern}`"),
            Self::PersonOffer {} => f.write_str("the customer accepted the offer of a person"),
            Self::Model { unanswered: false } => f.write_str("the bot called a person"),
            Self::Model { unanswered: true } => {
                f.write_str("the bot called a person: the documents do not answer")
            }
            Self::Budget {} => f.write_str(
                "the day's money for models is used up, and the documents hold no plain answer",
            ),
            Self::Prompt { problem } => write!(f, "the bot's prompt cannot be used: {problem}"),
            Self::Failure {} => {
                f.write_str("the bot failed: the customer got the failure sentence")
            }
        }
    }
}
