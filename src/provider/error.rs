//! What can go wrong with a provider, and when to try again. Decides; never waits and never sends.

use std::time::Duration;

use crate::domain::Fault;

/// A webhook whose signature is wrong, missing or cannot be checked.
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
    /// The provider refused it and said why. It did not go out.
    #[error("refused ({class:?}): {} {}", fault.code, fault.title)]
    Refused {
        /// What sort of refusal it is.
        class: Class,
        /// In the provider's words.
        fault: Fault,
        /// How long the provider asks us to wait.
        retry_after: Option<Duration>,
    },
    /// It surely did not go out: no connection was made.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request left, and no answer came: it may have gone out.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// What sort of refusal it is: PROVIDERS.md section 1.11, Meta's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The token or its permissions are wrong: nothing of this number can be sent.
    Token,
    /// The 24-hour window is closed: only a template may be sent.
    WindowClosed,
    /// The customer or the platform does not want it.
    Declined,
    /// The recipient cannot be reached.
    Undeliverable,
    /// The request was wrong: ours to mend.
    OurFault,
    /// Too much at once, for the number or the account.
    Throttled,
    /// Too much at once to this one recipient.
    PairRate,
    /// Reported as spam too often: nothing is tried again soon.
    SpamLimit,
    /// A passing fault of the provider.
    Transient,
}

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Try again after this time.
    After(Duration),
    /// Give up; the message is failed.
    Never,
    /// It may have gone out: wait for the provider's status event, do not send again.
    Unknown,
}

/// Attempts after which a passing fault is final: at five minutes each, about a day, when the 24-hour window closes.
const MOST_ATTEMPTS: u32 = 300;
/// The longest time that a provider can make us wait.
const LONGEST_WAIT: Duration = Duration::from_mins(15);

impl Error {
    /// What to do after the `attempt`-th try (the first is 1) failed with this error.
    ///
    /// Pair rate waits 4^x seconds, as Meta documents; every other wait doubles, up to five minutes. `spread` in
    /// 0..1 lengthens a wait by up to a fifth, so that many messages do not come back at once.
    pub fn retry(&self, attempt: u32, spread: f64) -> Retry {
        let (most, first_ms, factor, asked) = match self {
            Self::Unknown(_) => return Retry::Unknown,
            Self::NotSent(_) => (MOST_ATTEMPTS, 500.0, 2.0_f64, None),
            Self::Refused { class, retry_after, .. } => match class {
                Class::PairRate => (6, 1000.0, 4.0, *retry_after),
                // The queue waits for a token that works; every few minutes one message asks.
                Class::Token => (MOST_ATTEMPTS, 60_000.0, 2.0, *retry_after),
                Class::Throttled | Class::Transient => (MOST_ATTEMPTS, 1000.0, 2.0, *retry_after),
                _ => return Retry::Never,
            },
        };
        if attempt >= most {
            return Retry::Never;
        }
        let steps = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = (first_ms * factor.powi(steps)).min(300_000.0) * (1.0 + 0.2 * spread);
        let wait = Duration::from_secs_f64(wait / 1000.0);
        Retry::After(asked.map_or(wait, |asked| asked.max(wait)).min(LONGEST_WAIT))
    }

    /// The error as a fault to store with the message.
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
        let asked = refused(Class::Throttled, Some(Duration::from_secs(30)));
        assert_eq!(asked.retry(1, 0.9), Retry::After(Duration::from_secs(30)));
        let absurd = refused(Class::Throttled, Some(Duration::from_hours(24)));
        assert_eq!(absurd.retry(1, 0.0), Retry::After(LONGEST_WAIT));
        assert_eq!(refused(Class::Transient, None).retry(MOST_ATTEMPTS, 0.0), Retry::Never);
    }
}
