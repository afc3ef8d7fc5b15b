//! The outbox dispatcher: claims the oldest message of each conversation within each number's rate,
//! passes it through the send gate, sends it, and records the result. Never repeats a send whose
//! outcome is unknown.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::Settings;
use super::rate_limiter::{Allowance, RateLimiter};
use super::sender::MessageSender;
use crate::desk::{Desk, Number};
use crate::domain::Then;
use crate::domain::time::now_ms;
use crate::spans;
use crate::store::outbox::{ClaimRequest, Pair, Terms, ToSend};

/// Maximum number of messages per claim.
const BATCH: usize = 64;

pub(super) struct OutboxDispatcher {
    desk: Arc<Desk>,
    settings: Settings,
    limiter: Arc<Mutex<RateLimiter>>,
    places: Arc<Semaphore>,
    replicas: Arc<AtomicI64>,
    under_way: Mutex<JoinSet<()>>,
}

impl OutboxDispatcher {
    pub(super) fn new(desk: &Arc<Desk>, settings: &Settings, replicas: &Arc<AtomicI64>) -> Self {
        let numbers = desk.numbers.all();
        let rates = numbers.iter().map(|one| (one.id.to_string(), one.sending.rate));
        let limiter = Mutex::new(RateLimiter::new(rates.collect()));
        Self {
            limiter: Arc::new(limiter),
            places: Arc::new(Semaphore::new(settings.sends.max(1))),
            settings: settings.clone(),
            replicas: replicas.clone(),
            desk: desk.clone(),
            under_way: Mutex::default(),
        }
    }

    /// Runs until stopped; then finishes the sends in progress.
    pub(super) async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let wake = self.desk.notifier.outbox_notify();
        while !*stopped.borrow() {
            self.claim_all().await;
            self.under_way(|tasks| while tasks.try_join_next().is_some() {});
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep(self.pause()) => {}
                _ = stopped.changed() => break,
            }
        }
        // Sends what the last turns queued, as far as it is due. All slots free means that no send
        // is in progress; tasks that only wait for a retry are dropped, since their messages are in
        // the outbox.
        let sends = u32::try_from(self.settings.sends.max(1)).unwrap_or(u32::MAX);
        drop(self.places.acquire_many(sends).await);
        self.claim_all().await;
        drop(self.places.acquire_many(sends).await);
        self.under_way(JoinSet::abort_all);
    }

    fn under_way<T>(&self, use_it: impl FnOnce(&mut JoinSet<()>) -> T) -> T {
        use_it(&mut self.under_way.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_limiter<T>(&self, use_it: impl FnOnce(&mut RateLimiter) -> T) -> T {
        use_it(&mut self.limiter.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long until a message may become due without a notification.
    fn pause(&self) -> Duration {
        let (now, poll) = (now_ms(), self.settings.poll_ms);
        let next = self.with_limiter(|limiter| limiter.next_moment(now));
        let wait = next.map_or(poll, |next| u64::try_from(next - now).unwrap_or(1).clamp(1, poll));
        Duration::from_millis(wait)
    }

    /// Claims everything that may be sent now.
    async fn claim_all(&self) {
        let alive = u32::try_from(self.replicas.load(Ordering::Relaxed)).unwrap_or(1);
        self.with_limiter(|limiter| limiter.set_replicas(alive, now_ms()));
        loop {
            // Numbers near their rate limit are claimed one by one, so that they do not delay the
            // others.
            let mut except = Vec::new();
            let numbers = self.desk.numbers.all();
            for number in &numbers {
                let (most, id) = (self.allowed(number), number.id.to_string());
                if most < BATCH {
                    if most > 0 {
                        self.claim(most, (Vec::new(), Some(id.clone()))).await;
                    }
                    except.push(id);
                }
            }
            let others = except.len() < numbers.len();
            if !others || !self.claim(BATCH, (except, None)).await {
                return;
            }
        }
    }

    /// How many messages of a number may be claimed now.
    fn allowed(&self, number: &Number) -> usize {
        let allowed = self.with_limiter(|limiter| {
            limiter.set_rate(number.id.as_str(), number.sending.rate, number.revision);
            limiter.allow(number.id.as_str(), now_ms())
        });
        match allowed {
            Allowance::UpTo(count) => usize::try_from(count).unwrap_or(BATCH),
            Allowance::Probe => 1,
            Allowance::Nothing => 0,
        }
    }

    /// Claims up to `most` messages. Returns whether there may be more.
    async fn claim(&self, most: usize, (except, only): (Vec<String>, Option<String>)) -> bool {
        let Ok(first) = self.places.clone().acquire_owned().await else { return false };
        let more = std::iter::from_fn(|| self.places.clone().try_acquire_owned().ok());
        let places: Vec<_> = std::iter::once(first).chain(more.take(most - 1)).collect();
        let limit = i64::try_from(places.len()).unwrap_or(1);
        let (lease_ms, ordered) = (self.settings.send_lease_ms, self.ordered());
        let asked = ClaimRequest { limit, lease_ms, except, only, ordered, pair: self.pair() };
        let claimed = self.desk.store.claim_sends(asked).await.unwrap_or_else(|error| {
            tracing::error!(%error, "messages cannot be claimed, it is tried again");
            Vec::new()
        });
        let full = claimed.len() >= places.len();
        for (message, place) in claimed.into_iter().zip(places) {
            self.with_limiter(|limiter| limiter.taken(&message.number_id, 1, now_ms()));
            self.spawn(message, place, Next::Always);
        }
        full
    }

    /// Returns the numbers that resend messages of unknown outcome.
    fn ordered(&self) -> Vec<String> {
        let numbers = self.desk.numbers.all();
        numbers.iter().filter(|one| resends(one)).map(|one| one.id.to_string()).collect()
    }

    fn pair(&self) -> Pair {
        Pair { burst: self.settings.pair_burst, gap_ms: self.settings.pair_gap_ms }
    }

    fn spawn(&self, message: ToSend, place: OwnedSemaphorePermit, next: Next) {
        let sender = MessageSender { desk: self.desk.clone(), limiter: self.limiter.clone() };
        let span = spans::send(&message.number_id, &message.conversation_id, &message.id);
        let carry = async move {
            crate::failpoint!("send.claimed");
            let again = sender.deliver(&message, span).await;
            crate::failpoint!("send.recorded");
            drop(place);
            // Wakes at once for the conversation's next message, or later for a retry of this one.
            if let Some(due) = again {
                let wait = u64::try_from(due - now_ms()).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            let nothing = next == Next::UnlessAsked(sender.desk.notifier.outbox_wake_count());
            if again.is_some() || !nothing {
                sender.desk.notifier.wake_outbox();
            }
        };
        self.under_way(|tasks| tasks.spawn(carry));
    }

    /// The fast path: reserves a slot for the first reply of a turn that is about to be committed,
    /// so that it is claimed with the commit and sent at once. `None` if it must be queued: no slot
    /// is free, other messages may be waiting, or the number may not send now.
    pub(super) fn fast_path(self: &Arc<Self>, number: &str) -> Option<FastPathSlot> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let asked = self.desk.notifier.outbox_wake_count();
        let known = self.desk.number(number)?;
        let free = self.with_limiter(|limiter| {
            limiter.set_rate(number, known.sending.rate, known.revision);
            limiter.take_fast_path(number, now_ms())
        });
        free.then(|| FastPathSlot {
            terms: Terms {
                lease_ms: self.settings.send_lease_ms,
                ordered: resends(&known),
                pair: self.pair(),
            },
            outbox: self.clone(),
            number: number.to_owned(),
            place: Some(place),
            asked,
        })
    }
}

/// Whether a number resends messages of unknown outcome.
fn resends(number: &Number) -> bool {
    number.sending.unknown.then == Then::Resend
}

/// Whether to look for more messages after a send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Always.
    Always,
    /// Only if the dispatcher was woken since this count. Nothing can be queued behind a message
    /// that was claimed with its turn, except what came later.
    UnlessAsked(u64),
}

/// A reserved send slot and one message of the number's rate; released on drop.
pub(super) struct FastPathSlot {
    /// The terms under which the commit claims the reply.
    pub(super) terms: Terms,
    outbox: Arc<OutboxDispatcher>,
    number: String,
    place: Option<OwnedSemaphorePermit>,
    asked: u64,
}

impl FastPathSlot {
    /// Sends the claimed reply. `more`: the turn has further replies behind it.
    pub(super) fn carry(mut self, message: ToSend, more: bool) {
        let next = if more { Next::Always } else { Next::UnlessAsked(self.asked) };
        if let Some(place) = self.place.take() {
            self.outbox.spawn(message, place, next);
        }
    }
}

impl Drop for FastPathSlot {
    fn drop(&mut self) {
        if self.place.is_some() {
            self.outbox.with_limiter(|limiter| limiter.put_back(&self.number, now_ms()));
        }
    }
}
