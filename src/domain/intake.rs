//! How a customer's message is taken in: what the settings of its number and agent say about it.

use super::loop_guard::Limits;
use super::time::Millis;

/// How a message is taken in; depends on the settings of its number and agent and on its text.
#[derive(Debug, Clone, PartialEq)]
pub struct IntakePolicy {
    /// Quiet gap after this message, in milliseconds.
    pub gap_ms: Millis,
    /// Maximum length of a burst, in milliseconds.
    pub max_burst_ms: Millis,
    /// The bot does not answer messages older than this: a person is called. In milliseconds.
    pub stale_ms: Millis,
    /// The bot takes a conversation back after a person has been inactive for this long, in
    /// milliseconds; 0: only when the case is resolved.
    pub return_ms: Millis,
    /// Whether the bot is paused on the number: a person is called.
    pub paused: bool,
    /// Limits of the loop guard.
    pub limits: Limits,
    /// Set if the message is an opt-out or opt-in keyword.
    pub consent: Option<ConsentRequest>,
}

/// A customer's opt-out or opt-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRequest {
    /// True for an opt-out, false for an opt-in.
    pub out: bool,
    /// The reply to send, if the agent has one.
    pub reply: Option<String>,
    /// Whether it came in on a practice number. Then it changes nothing: customers are known on all
    /// numbers, and anybody may practise in their name. An opt-out is stored without an answer, an
    /// opt-in is answered like any text, as on a real number without an opt-out before it.
    pub practice: bool,
}

impl IntakePolicy {
    /// Whether the message is an opt-out that is kept.
    pub fn opts_out(&self) -> bool {
        self.consent.as_ref().is_some_and(|said| said.out && !said.practice)
    }
}
