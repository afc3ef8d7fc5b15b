//! How a number sends: how fast, what becomes of a message whose outcome stays unknown, and what goes out when WhatsApp's
//! 24-hour window is closed.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};

use super::time::Millis;

/// How a number sends.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// Messages a second, for all replicas together; above 0.
    pub rate: f64,
    /// What becomes of a message whose outcome stays unknown.
    pub unknown: Unknown,
    /// What goes out instead of a message when the window is closed; `None`: nothing, and a case is opened.
    pub template: Option<Template>,
}

/// What becomes of a message when nobody knows whether it went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unknown {
    /// How long a status event is waited for, in milliseconds.
    pub after_ms: Millis,
    /// What is done when none came.
    pub then: Then,
    /// How often a message is sent again at the most, with `resend`; then a person is asked.
    pub times: i64,
}

impl Default for Unknown {
    fn default() -> Self {
        Self { after_ms: 10 * 60_000, then: Then::Ask, times: 1 }
    }
}

words! {
    /// What is done about a message whose outcome stayed unknown.
    pub enum Then {
        /// A case is opened: a person looks and decides.
        Ask = "ask",
        /// It is sent again; the customer may get it twice, or as often as `times` allows.
        Resend = "resend",
        /// It is given up; the customer may not have got it.
        Drop = "drop",
    }
}

words! {
    /// What came of sending a message.
    pub enum SendOutcome {
        /// The provider took it.
        Sent = "sent",
        /// It is tried again.
        Again = "again",
        /// Whether it went out is not known.
        Unknown = "unknown",
        /// It will not go out.
        Failed = "failed",
    }
}

/// A message template that WhatsApp approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name at WhatsApp.
    pub name: String,
    /// Its language's code at WhatsApp, such as `en_US`.
    pub language: String,
    /// Whether the message becomes the template's `{{1}}`.
    #[serde(default)]
    pub with_text: bool,
}
