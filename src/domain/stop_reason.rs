//! Why a number is stopped. The database has the English text; the console translates the code,
//! which is read from that text.

use std::fmt::{Display, Formatter};

use serde::Serialize;
use utoipa::ToSchema;

use super::time::Millis;

/// Why a number is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StopReason {
    /// WhatsApp refuses its access token.
    TokenRefused {
        /// The provider's words.
        problem: String,
    },
    /// Its provider forbids it to send. Never stored: it follows from the number's health.
    Forbidden {
        /// When it may again, milliseconds since 1970; null if that is not known.
        until: Option<Millis>,
    },
    /// A number of the configuration file is the same WhatsApp number, and goes first.
    SameNumber {
        /// Name of that number.
        slug: String,
    },
    /// A number of the configuration file has the same name, and goes first.
    SameName {
        /// The name.
        slug: String,
    },
}

const TOKEN_REFUSED: &str = "WhatsApp refuses the number's access token: ";
const FORBIDDEN: &str = "WhatsApp forbids the number's account to send messages: ask for a review in WhatsApp Manager > Account quality. \
                         What waits is sent once that is over; a test message that goes out ends it at once";
const CONFIGURED: &str = "[numbers.";
const SAME_NUMBER: &str =
    "] of the configuration file is the same WhatsApp number and goes first: remove one of the two";
const SAME_NAME: &str = "] of the configuration file has the same name and goes first: give it another name there, or \
                         remove this number and add it under another";

impl StopReason {
    /// The reason with this text; `None` for any other, and for one that is never stored.
    pub fn of(text: &str) -> Option<Self> {
        if let Some(problem) = text.strip_prefix(TOKEN_REFUSED) {
            return Some(Self::TokenRefused { problem: problem.to_owned() });
        }
        let slug = |end: &str| Some(text.strip_prefix(CONFIGURED)?.strip_suffix(end)?.to_owned());
        let same_number = slug(SAME_NUMBER).map(|slug| Self::SameNumber { slug });
        same_number.or_else(|| slug(SAME_NAME).map(|slug| Self::SameName { slug }))
    }
}

impl Display for StopReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TokenRefused { problem } => write!(f, "{TOKEN_REFUSED}{problem}"),
            Self::Forbidden { .. } => f.write_str(FORBIDDEN),
            Self::SameNumber { slug } => write!(f, "{CONFIGURED}{slug}{SAME_NUMBER}"),
            Self::SameName { slug } => write!(f, "{CONFIGURED}{slug}{SAME_NAME}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_the_code_and_the_values_of_its_text() {
        for reason in [
            StopReason::TokenRefused { problem: "190: expired".into() },
            StopReason::SameNumber { slug: "main".into() },
            StopReason::SameName { slug: "desk".into() },
        ] {
            assert_eq!(StopReason::of(&reason.to_string()), Some(reason));
        }
        assert_eq!(StopReason::of("its settings are damaged"), None);
    }
}
