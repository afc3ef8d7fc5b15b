//! When a number was last active, as far as this process knows.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::domain::time::now_ms;
use crate::domain::{Account, Echo};

/// How long the echo of a test message is waited for, in milliseconds.
const TEST_ECHO_MS: i64 = 120_000;
/// Shortest time between two writes of a number's last activity, in milliseconds.
const NOTE_MS: i64 = 60_000;

/// When a number was last active, as far as this process knows. Times are Unix milliseconds, 0 if
/// unknown.
#[derive(Debug, Default)]
pub struct NumberActivity {
    /// Of the last webhook, the last customer message and the last send.
    moments: [AtomicI64; 3],
    written: [AtomicI64; 3],
    tried: AtomicI64,
    /// The account as the last webhook named it.
    account: RwLock<Option<Account>>,
    /// The last test message.
    test: RwLock<Option<TestMessage>>,
}

/// A message that was sent to try the number.
#[derive(Debug)]
struct TestMessage {
    /// The recipient's phone, digits only.
    to: String,
    text: String,
    /// When it was sent, in Unix milliseconds.
    at: i64,
}

impl NumberActivity {
    /// Records a webhook, and whether it brought a customer's message.
    pub fn record_webhook(&self, message: bool) {
        let now = now_ms();
        self.moments[0].store(now, Ordering::Relaxed);
        if message {
            self.moments[1].store(now, Ordering::Relaxed);
        }
    }

    /// Records that a message was sent.
    pub fn record_sent(&self) {
        self.moments[2].store(now_ms(), Ordering::Relaxed);
    }

    /// Times of the last webhook, the last customer message and the last send, in Unix
    /// milliseconds; 0 if this process knows of none.
    pub fn moments(&self) -> [i64; 3] {
        [0, 1, 2].map(|at| self.moments[at].load(Ordering::Relaxed))
    }

    /// Whether this is the account that was stored last.
    pub fn knows_account(&self, account: &Account) -> bool {
        self.account.read().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(account)
    }

    /// Notes the account that was stored.
    pub fn learn_account(&self, account: Account) {
        *self.account.write().unwrap_or_else(PoisonError::into_inner) = Some(account);
    }

    /// Whether a test message may be sent: once per `pause_ms`. If so, counts it as sent.
    pub fn try_acquire_test_send(&self, pause_ms: i64) -> bool {
        let now = now_ms();
        let last = self.tried.load(Ordering::Relaxed);
        let free = now - last >= pause_ms;
        free && self.tried.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Notes a test message, which is not in the outbox.
    pub fn record_test(&self, to: &str, text: &str) {
        let message = TestMessage { to: to.to_owned(), text: text.trim().to_owned(), at: now_ms() };
        *self.test.write().unwrap_or_else(PoisonError::into_inner) = Some(message);
    }

    /// Whether an echo is that of the last test message, which says nothing about who has the
    /// conversation.
    pub fn is_test(&self, echo: &Echo) -> bool {
        let last = self.test.read().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().is_some_and(|sent| {
            now_ms() - sent.at <= TEST_ECHO_MS
                && echo.to.wa_id.as_deref() == Some(&sent.to)
                && echo.content.words() == Some(&sent.text)
        })
    }

    /// Returns the times to store: on the first activity of a kind, and then at most every
    /// [`NOTE_MS`].
    pub(super) fn due(&self) -> Option<[i64; 3]> {
        let moments = self.moments();
        let written = [0, 1, 2].map(|at| self.written[at].load(Ordering::Relaxed));
        let news = |at: &usize| {
            moments[*at] > written[*at] && (written[*at] == 0 || now_ms() - written[*at] >= NOTE_MS)
        };
        [0, 1, 2].iter().any(news).then_some(moments)
    }

    /// Notes that these times were stored.
    pub(super) fn noted(&self, moments: [i64; 3]) {
        for (at, moment) in moments.into_iter().enumerate() {
            self.written[at].store(moment, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_number_does_is_written_down_at_once_and_then_seldom() {
        let seen = NumberActivity::default();
        assert_eq!(seen.due(), None);
        seen.record_webhook(false);
        let first = seen.due().unwrap();
        assert!(first[0] > 0 && first[1] == 0 && first[2] == 0);
        seen.noted(first);
        seen.moments[0].store(first[0] + 1, Ordering::Relaxed);
        assert_eq!(seen.due(), None, "a minute has not gone by");
        seen.record_webhook(true);
        assert!(seen.due().is_some(), "the first message is told at once");
        assert!(
            seen.try_acquire_test_send(3000)
                && !seen.try_acquire_test_send(3000)
                && seen.try_acquire_test_send(0)
        );
    }
}
