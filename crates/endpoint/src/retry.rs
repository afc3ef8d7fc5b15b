//! Retry policy: timeouts, waits between attempts, and when to give up. Never sends.

use std::future::{Future, IntoFuture};
use std::time::Duration;

use tokio::time::Instant;

use super::Access;
use super::failure::{Failure, RetryAdvice};

/// Wait after the first failure; doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Time and attempts left in one call, with the failures so far.
pub struct RetryBudget {
    /// Message of each failed attempt.
    pub failures: Vec<String>,
    attempt_limit: Duration,
    whole_limit: Duration,
    longest_wait: Duration,
    retries: u32,
    failed: u32,
    was_empty: bool,
    /// Deadlines of the current model and of the whole call.
    until: Instant,
    end: Instant,
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextAttempt {
    /// Retry; the wait is over.
    Again,
    /// Give up this model; another one may answer.
    OtherModel,
    /// Give up: no model of this endpoint will answer.
    Stop,
}

impl RetryBudget {
    pub(super) fn new(access: &Access, spare: bool) -> Self {
        let whole_limit = Duration::from_millis(access.timeout_ms);
        let now = Instant::now();
        let first = if spare { whole_limit / 3 * 2 } else { whole_limit };
        Self {
            failures: Vec::new(),
            attempt_limit: Duration::from_millis(access.attempt_ms),
            whole_limit,
            longest_wait: Duration::from_millis(access.retry_cap_ms),
            retries: access.retries,
            failed: 0,
            was_empty: false,
            until: after(now, first),
            end: after(now, whole_limit),
        }
    }

    /// Waits for one attempt, up to the attempt timeout.
    pub async fn attempt<T, E: Into<Failure>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        self.within(self.attempt_limit, work).await?.map_err(Into::into)
    }

    /// Waits for a part of an attempt, up to `limit` and the time left.
    pub async fn within<T>(
        &self,
        limit: Duration,
        work: impl IntoFuture<Output = T>,
    ) -> Result<T, Failure> {
        let left = self.until.saturating_duration_since(Instant::now());
        let waited = tokio::time::timeout(limit.min(left), work).await;
        waited.map_err(|_| {
            let words = if limit <= left {
                format!("no answer within {} ms", limit.as_millis())
            } else {
                let whole = self.whole_limit.as_millis();
                format!("no answer within {whole} ms, all attempts together")
            };
            Failure::transient_failure(words)
        })
    }

    /// Records a failed attempt. Waits until the next one, or returns that there is none.
    pub async fn after(&mut self, failure: Failure) -> NextAttempt {
        self.failures.push(failure.words);
        match self.wait(failure.remedy) {
            Ok(wait) => {
                tokio::time::sleep(wait).await;
                NextAttempt::Again
            }
            Err(next) => next,
        }
    }

    /// Returns how long to wait before the next attempt, if there is one.
    fn wait(&mut self, remedy: RetryAdvice) -> Result<Duration, NextAttempt> {
        self.failed += 1;
        let wait = match remedy {
            RetryAdvice::Nothing => return Err(NextAttempt::Stop),
            RetryAdvice::Once if !self.was_empty => Duration::ZERO,
            RetryAdvice::Later(asked) if self.failed <= self.retries => {
                asked.unwrap_or_else(|| doubled(self.failed)).min(self.longest_wait)
            }
            _ => return Err(NextAttempt::OtherModel),
        };
        self.was_empty |= remedy == RetryAdvice::Once;
        let fits = after(Instant::now(), wait) < self.until;
        if fits { Ok(wait) } else { Err(NextAttempt::OtherModel) }
    }

    /// Starts again with another model, in the time left.
    pub fn next_model(&mut self) {
        self.until = self.end;
        self.failed = 0;
        self.was_empty = false;
    }
}

/// Wait after the `failed`-th failure, with up to 20% jitter so that callers do not retry at the
/// same moment.
fn doubled(failed: u32) -> Duration {
    let spread = f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX);
    let doubled = FIRST_WAIT.saturating_mul(1 << failed.saturating_sub(1).min(10));
    doubled.mul_f64(1.0 + 0.2 * spread)
}

/// Adds a duration, capped at a century so that it cannot overflow.
fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(Duration::from_hours(100 * 365 * 24))
}

#[cfg(test)]
mod tests {
    use super::super::scripted::access;
    use super::*;

    #[tokio::test]
    async fn waits_double_and_end_with_the_retries() {
        let mut patience = RetryBudget::new(&Access { retries: 3, ..access("http://x") }, false);
        for least in [0.5, 1.0, 2.0] {
            let wait = patience.wait(RetryAdvice::Later(None)).unwrap().as_secs_f64();
            assert!((least..=least * 1.2).contains(&wait), "{wait}");
        }
        assert_eq!(patience.wait(RetryAdvice::Later(None)), Err(NextAttempt::OtherModel));
    }

    #[tokio::test]
    async fn a_second_model_finds_a_third_of_the_time_left() {
        let access = Access { timeout_ms: 300, attempt_ms: 60_000, ..access("http://x") };
        let mut patience = RetryBudget::new(&access, true);
        let started = Instant::now();
        let never = std::future::pending::<Result<(), Failure>>;
        let failure = patience.attempt(never()).await.unwrap_err();
        assert!(started.elapsed().as_millis() >= 200);
        assert_eq!(failure.words, "no answer within 300 ms, all attempts together");
        assert_eq!(patience.after(failure).await, NextAttempt::OtherModel);
        patience.next_model();
        patience.attempt(never()).await.unwrap_err();
        assert!(started.elapsed().as_millis() >= 300);
    }

    #[tokio::test]
    async fn an_empty_answer_is_asked_for_once_more() {
        let mut patience = RetryBudget::new(&access("http://x"), false);
        assert_eq!(patience.wait(RetryAdvice::Once), Ok(Duration::ZERO));
        assert_eq!(patience.wait(RetryAdvice::Once), Err(NextAttempt::OtherModel));
        patience.next_model();
        assert_eq!(patience.wait(RetryAdvice::Once), Ok(Duration::ZERO));
    }

    #[test]
    fn absurd_times_do_not_overflow() {
        let absurd = Access {
            timeout_ms: u64::MAX,
            attempt_ms: u64::MAX,
            retry_cap_ms: u64::MAX,
            ..access("http://x")
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let patience = RetryBudget::new(&absurd, true);
            assert_eq!(patience.within(Duration::MAX, async { 1 }).await, Ok(1));
            assert!(doubled(u32::MAX) > Duration::from_secs(1));
        });
    }
}
