//! Send settings of a number: its rate, how messages with an unknown outcome are handled, and what
//! is sent when WhatsApp's 24-hour window is closed.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};

use super::filled_template::{FilledTemplate, MAX_BODY_LEN, TemplateValue};
use super::template::TemplatePart;
use super::time::Millis;

/// Send settings of a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// Messages per second, for all replicas together; above 0.
    pub rate: f64,
    /// How messages with an unknown outcome are handled.
    pub unknown: Unknown,
    /// The template sent instead of a message when the window is closed; `None` sends nothing and
    /// opens a case.
    pub template: Option<FallbackTemplate>,
}

/// How a message is handled when it is unknown whether it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unknown {
    /// How long to wait for a status event, in milliseconds.
    pub after_ms: Millis,
    /// What to do if none came.
    pub then: Then,
    /// The most times a message is sent again with `resend`; after that a person is asked.
    pub times: i64,
}

impl Default for Unknown {
    fn default() -> Self {
        Self { after_ms: 10 * 60_000, then: Then::Ask, times: 1 }
    }
}

words! {
    /// What to do about a message whose outcome stays unknown.
    pub enum Then {
        /// Open a case: a person decides.
        Ask = "ask",
        /// Send it again. The customer may get it twice, or more often if `times` allows.
        Resend = "resend",
        /// Give it up. The customer may not have got it.
        Drop = "drop",
    }
}

words! {
    /// The outcome of sending a message.
    pub enum SendOutcome {
        /// The provider accepted it.
        Sent = "sent",
        /// It will be retried.
        Again = "again",
        /// Unknown whether it was sent.
        Unknown = "unknown",
        /// It will not be sent.
        Failed = "failed",
    }
}

/// The message template that is sent in place of a message when the window is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FallbackTemplate {
    /// Its name at WhatsApp.
    pub name: String,
    /// WhatsApp's code of its language, such as `en_US`.
    pub language: String,
    /// Whether the message text fills the template's `{{1}}`.
    #[serde(default)]
    pub with_text: bool,
}

impl FallbackTemplate {
    /// The template with a message's text in its first parameter, on one line.
    pub fn filled(&self, text: &str) -> FilledTemplate {
        let words: Vec<_> = text.split_whitespace().collect();
        let value = words.join(" ").chars().take(MAX_BODY_LEN).collect();
        let first = TemplateValue { part: TemplatePart::Body, name: "1".to_owned(), value };
        FilledTemplate {
            name: self.name.clone(),
            language: self.language.clone(),
            named: false,
            values: if self.with_text { vec![first] } else { Vec::new() },
            text: text.to_owned(),
            buttons: Vec::new(),
            header: None,
            copies: None,
        }
    }
}
