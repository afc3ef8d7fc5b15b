//! The outbox dispatcher: claims messages of the outbox, the oldest of each conversation, as fast as each number may send,
//! passes each through the send gate, sends it, and records how that ended. Never repeats a send whose outcome is unknown.

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

/// How many messages are claimed at once.
const BATCH: usize = 64;

/// Claims the messages of the outbox and has them sent.
pub(super) struct OutboxDispatcher {
    desk: Arc<Desk>,
    settings: Settings,
    limiter: Arc<Mutex<RateLimiter>>,
    places: Arc<Semaphore>,
    replicas: Arc<AtomicI64>,
    under_way: Mutex<JoinSet<()>>,
}

impl OutboxDispatcher {
    /// A dispatcher with no send under way.
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

    /// Runs until it is told to stop; then finishes the sends under way.
    pub(super) async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let wake = self.desk.wake.for_outbox();
        while !*stopped.borrow() {
            self.claim_all().await;
            self.under_way(|tasks| while tasks.try_join_next().is_some() {});
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep(self.pause()) => {}
                _ = stopped.changed() => break,
            }
        }
        // What the last turns left is sent before the process goes, as far as it is due. Every place free again means
        // that nothing is under way; tasks that only wait for another try are dropped, their messages are in the outbox.
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

    /// How long until something may be sent that nobody announces.
    fn pause(&self) -> Duration {
        let (now, poll) = (now_ms(), self.settings.poll_ms);
        let next = self.with_limiter(|limiter| limiter.next_moment(now));
        let wait = next.map_or(poll, |next| u64::try_from(next - now).unwrap_or(1).clamp(1, poll));
        Duration::from_millis(wait)
    }

    /// Claims what may go now.
    async fn claim_all(&self) {
        let alive = u32::try_from(self.replicas.load(Ordering::Relaxed)).unwrap_or(1);
        self.with_limiter(|limiter| limiter.set_replicas(alive, now_ms()));
        loop {
            // A number that may send little now is asked for alone, so that it holds back no other.
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
            limiter.know(number.id.as_str(), number.sending.rate, number.revision);
            limiter.allow(number.id.as_str(), now_ms())
        });
        match allowed {
            Allowance::UpTo(count) => usize::try_from(count).unwrap_or(BATCH),
            Allowance::Probe => 1,
            Allowance::Nothing => 0,
        }
    }

    /// Claims at most so many messages; true if there may be more.
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

    /// Numbers that send again what stays unknown.
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
            // At once for the conversation's next message; later for another try of this one.
            if let Some(due) = again {
                let wait = u64::try_from(due - now_ms()).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            let nothing = next == Next::UnlessAsked(sender.desk.wake.sends_asked());
            if again.is_some() || !nothing {
                sender.desk.wake.send();
            }
        };
        self.under_way(|tasks| tasks.spawn(carry));
    }

    /// The fast path: a place for the first reply of a turn that is about to be committed, so that it is claimed with the
    /// commit and leaves at once. None when it has to wait its turn in the outbox: all places are taken, others may be waiting, or the
    /// number may not send.
    pub(super) fn fast_path(self: &Arc<Self>, number: &str) -> Option<FastPathSlot> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let asked = self.desk.wake.sends_asked();
        let known = self.desk.number(number)?;
        let free = self.with_limiter(|limiter| {
            limiter.know(number, known.sending.rate, known.revision);
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

/// Whether a number sends again what stays unknown.
fn resends(number: &Number) -> bool {
    number.sending.unknown.then == Then::Resend
}

/// When to look for the next message after a send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// In any case.
    Always,
    /// Unless nobody asked for a look since this was counted: nothing can wait behind a message that was claimed with its
    /// turn, but what came later.
    UnlessAsked(u64),
}

/// A reserved place among the sends and in the number's rate; given back when it is dropped.
pub(super) struct FastPathSlot {
    /// How the reply is to be claimed.
    pub(super) terms: Terms,
    outbox: Arc<OutboxDispatcher>,
    number: String,
    place: Option<OwnedSemaphorePermit>,
    asked: u64,
}

impl FastPathSlot {
    /// Sends the reply that was claimed; `more` when others of the turn stand behind it.
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
