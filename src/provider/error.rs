//! Provider errors and when to retry after them. Decides only; never waits and never sends.

use std::time::Duration;

use frontdesk_endpoint::address::AddressError;

use crate::domain::Fault;

/// The signature of a webhook is wrong, missing or cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnverifiedWebhook(pub String);

/// A body that is not a webhook of this provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedWebhook(pub String);

/// A call to the provider that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The provider refused the call and said why. Nothing was sent.
    #[error("refused ({class:?}): {} {}", fault.code, fault.title)]
    Refused {
        /// Category of the refusal.
        class: Class,
        /// The provider's error.
        fault: Fault,
        /// Wait requested by the provider; `None` if it gave none.
        retry_after: Option<Duration>,
    },
    /// Nothing was sent: the connection failed.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request was sent and got no answer: the message may have been sent.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// Category of a refusal: PROVIDERS.md section 1.11, Meta's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The token or its permissions are invalid: the number cannot send anything.
    Token,
    /// The 24-hour window is closed: only templates may be sent.
    WindowClosed,
    /// The customer or the platform rejects the message.
    Declined,
    /// The recipient cannot be reached.
    Undeliverable,
    /// The request was invalid: a fault on this side.
    OurFault,
    /// Rate limit of the number or the account exceeded.
    Throttled,
    /// Rate limit towards this recipient exceeded.
    PairRate,
    /// Reported as spam too often: not to be retried soon.
    SpamLimit,
    /// A transient fault of the provider.
    Transient,
    /// The provider has no such file, or no longer.
    Gone,
    /// The file is larger than allowed.
    TooLarge,
    /// The file is not the one that was sent: its hash differs.
    Damaged,
}

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Retry after this time.
    After(Duration),
    /// Give up; the message fails.
    Never,
    /// The message may have been sent: wait for the provider's status event, do not resend.
    Unknown,
}

/// Maximum attempts after transient errors: at five minutes each about a day, when the 24-hour
/// window closes.
const MAX_ATTEMPTS: u32 = 300;
/// Maximum wait that a provider can impose.
const MAX_WAIT: Duration = Duration::from_mins(15);

/// What lets the numbers of the console use an address that was refused; `None` if nothing does.
pub fn address_hint(refused: &AddressError) -> Option<&'static str> {
    match refused {
        AddressError::Private { .. } => Some(
            "The owner of this desk can allow the host: [providers] allowed_hosts in the configuration.",
        ),
        AddressError::Never { .. } => None,
    }
}

impl From<AddressError> for Error {
    fn from(refused: AddressError) -> Self {
        let details = address_hint(&refused).map(ToOwned::to_owned);
        let fault = Fault { code: 0, title: refused.to_string(), details };
        Self::Refused { class: Class::OurFault, fault, retry_after: None }
    }
}

impl Error {
    /// Returns what to do after attempt number `attempt` (from 1) failed with this error.
    ///
    /// Pair rate waits 4^x seconds, as Meta documents; every other wait doubles, up to five
    /// minutes. `spread` is jitter from 0 to 1: it lengthens the wait by up to a fifth, so that
    /// many messages do not retry at once.
    pub fn retry(&self, attempt: u32, spread: f64) -> Retry {
        let (most, first_ms, factor, asked) = match self {
            Self::Unknown(_) => return Retry::Unknown,
            Self::NotSent(_) => (MAX_ATTEMPTS, 500.0, 2.0_f64, None),
            Self::Refused { class, retry_after, .. } => match class {
                Class::PairRate => (6, 1000.0, 4.0, *retry_after),
                // A download that went wrong is worth some more, one that never agrees is not.
                Class::Damaged => (5, 1000.0, 4.0, *retry_after),
                // The queue waits for a valid token; every few minutes one message probes it.
                Class::Token => (MAX_ATTEMPTS, 60_000.0, 2.0, *retry_after),
                Class::Throttled | Class::Transient => (MAX_ATTEMPTS, 1000.0, 2.0, *retry_after),
                _ => return Retry::Never,
            },
        };
        if attempt >= most {
            return Retry::Never;
        }
        let steps = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = (first_ms * factor.powi(steps)).min(300_000.0) * (1.0 + 0.2 * spread);
        let wait = Duration::from_secs_f64(wait / 1000.0);
        Retry::After(asked.map_or(wait, |asked| asked.max(wait)).min(MAX_WAIT))
    }

    /// The error as a [`Fault`] to store with the message.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused { fault, .. } => fault.clone(),
            other => Fault::ours(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(class: Class, retry_after: Option<Duration>) -> Error {
        Error::Refused { class, fault: Fault::ours("x"), retry_after }
    }

    #[test]
    fn only_passing_faults_are_tried_again() {
        for class in [
            Class::WindowClosed,
            Class::Declined,
            Class::Undeliverable,
            Class::OurFault,
            Class::SpamLimit,
            Class::Gone,
            Class::TooLarge,
        ] {
            assert_eq!(refused(class, None).retry(1, 0.0), Retry::Never, "{class:?}");
        }
        let token = refused(Class::Token, None).retry(1, 0.0);
        assert_eq!(token, Retry::After(Duration::from_mins(1)), "the queue waits");
        assert_eq!(Error::Unknown("t".into()).retry(1, 0.0), Retry::Unknown);
        assert_eq!(
            Error::NotSent("t".into()).retry(1, 0.0),
            Retry::After(Duration::from_millis(500))
        );
    }

    #[test]
    fn waits_grow_and_honour_the_provider_up_to_a_cap() {
        let pair = refused(Class::PairRate, None);
        let waits: Vec<_> = (1..=4).map(|attempt| pair.retry(attempt, 0.0)).collect();
        assert_eq!(waits, [1, 4, 16, 64].map(|s| Retry::After(Duration::from_secs(s))));
        assert_eq!(refused(Class::Damaged, None).retry(5, 0.0), Retry::Never);
        let asked = refused(Class::Throttled, Some(Duration::from_secs(30)));
        assert_eq!(asked.retry(1, 0.9), Retry::After(Duration::from_secs(30)));
        let absurd = refused(Class::Throttled, Some(Duration::from_hours(24)));
        assert_eq!(absurd.retry(1, 0.0), Retry::After(MAX_WAIT));
        assert_eq!(refused(Class::Transient, None).retry(MAX_ATTEMPTS, 0.0), Retry::Never);
    }
}
