//! The courier: claims messages of the outbox, the oldest of each conversation, as fast as each number may send, passes
//! each through the send gate, sends it, and records how that ended. Never repeats a send whose outcome is unknown.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::Settings;
use super::carrier::Carrier;
use super::pace::{Allowance, Pace};
use crate::desk::{Desk, Number};
use crate::domain::Then;
use crate::domain::time::now_ms;
use crate::store::outbox::{Asked, Ended, Pair, ToSend};

/// How many messages are claimed at once.
const BATCH: usize = 64;

/// Carries until it is told to stop; then finishes the sends under way.
pub(super) async fn run(
    desk: Arc<Desk>,
    settings: Settings,
    replicas: Arc<AtomicI64>,
    mut stopped: watch::Receiver<bool>,
) {
    let rates = desk.numbers.iter().map(|one| (one.id.to_string(), one.sending.rate));
    let pace = Mutex::new(Pace::new(rates.collect()));
    let sends = settings.sends.max(1);
    let resends = |number: &&Number| number.sending.unknown.then == Then::Resend;
    let ordered = desk.numbers.iter().filter(resends).map(|one| one.id.to_string()).collect();
    let courier = Courier {
        desk,
        pace: Arc::new(pace),
        places: Arc::new(Semaphore::new(sends)),
        settings,
        replicas,
        ordered,
    };
    let wake = courier.desk.wake.for_courier();
    let mut under_way = JoinSet::new();
    while !*stopped.borrow() {
        courier.claim_all(&mut under_way).await;
        while under_way.try_join_next().is_some() {}
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(courier.pause()) => {}
            _ = stopped.changed() => break,
        }
    }
    // What the last turns left is sent before the process goes, as far as it is due. Every place free again means that
    // nothing is under way; tasks that only wait for another try are dropped, their messages are in the outbox.
    courier.claim_all(&mut under_way).await;
    drop(courier.places.acquire_many(u32::try_from(sends).unwrap_or(u32::MAX)).await);
    under_way.abort_all();
}

struct Courier {
    desk: Arc<Desk>,
    settings: Settings,
    pace: Arc<Mutex<Pace>>,
    places: Arc<Semaphore>,
    replicas: Arc<AtomicI64>,
    /// Numbers that send again what stays unknown.
    ordered: Vec<String>,
}

impl Courier {
    fn with_pace<T>(&self, use_it: impl FnOnce(&mut Pace) -> T) -> T {
        use_it(&mut self.pace.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long until something may be sent that nobody announces.
    fn pause(&self) -> Duration {
        let (now, poll) = (now_ms(), self.settings.poll_ms);
        let next = self.with_pace(|pace| pace.next_moment(now));
        let wait = next.map_or(poll, |next| u64::try_from(next - now).unwrap_or(1).clamp(1, poll));
        Duration::from_millis(wait)
    }

    /// Claims what may go now.
    async fn claim_all(&self, under_way: &mut JoinSet<()>) {
        let alive = u32::try_from(self.replicas.load(Ordering::Relaxed)).unwrap_or(1);
        self.with_pace(|pace| pace.set_replicas(alive, now_ms()));
        loop {
            // A number that may send little now is asked for alone, so that it holds back no other.
            let mut except = Vec::new();
            for number in &self.desk.numbers {
                let (most, id) = (self.allowed(number), number.id.to_string());
                if most < BATCH {
                    if most > 0 {
                        self.claim(most, (Vec::new(), Some(id.clone())), under_way).await;
                    }
                    except.push(id);
                }
            }
            let others = except.len() < self.desk.numbers.len();
            if !others || !self.claim(BATCH, (except, None), under_way).await {
                return;
            }
        }
    }

    /// How many messages of a number may be claimed now.
    fn allowed(&self, number: &Number) -> usize {
        match self.with_pace(|pace| pace.allow(number.id.as_str(), now_ms())) {
            Allowance::UpTo(count) => usize::try_from(count).unwrap_or(BATCH),
            Allowance::Probe => 1,
            Allowance::Nothing => 0,
        }
    }

    /// Claims at most so many messages; true if there may be more.
    async fn claim(
        &self,
        most: usize,
        (except, only): (Vec<String>, Option<String>),
        under_way: &mut JoinSet<()>,
    ) -> bool {
        let Ok(first) = self.places.clone().acquire_owned().await else { return false };
        let most = most.min(self.places.available_permits() + 1);
        let pair = Pair { burst: self.settings.pair_burst, gap_ms: self.settings.pair_gap_ms };
        let limit = i64::try_from(most).unwrap_or(1);
        let lease_ms = self.settings.send_lease_ms;
        let ordered = self.ordered.clone();
        let asked = Asked { limit, lease_ms, except, only, ordered, pair };
        let claimed = self.desk.store.claim_sends(asked).await.unwrap_or_else(|error| {
            tracing::error!(%error, "messages cannot be claimed, it is tried again");
            Vec::new()
        });
        let full = claimed.len() >= most;
        let mut place = Some(first);
        for message in claimed {
            self.with_pace(|pace| pace.taken(&message.number_id, 1, now_ms()));
            let permit = match place.take() {
                Some(permit) => permit,
                None => match self.places.clone().acquire_owned().await {
                    Ok(permit) => permit,
                    Err(_) => return false,
                },
            };
            self.spawn(message, permit, under_way);
        }
        full
    }

    fn spawn(&self, message: ToSend, place: OwnedSemaphorePermit, under_way: &mut JoinSet<()>) {
        let carrier = Carrier { desk: self.desk.clone(), pace: self.pace.clone() };
        under_way.spawn(async move {
            crate::step!("send.claimed");
            let ended = carrier.carry(&message).await;
            let again = if let Ended::Again(due, _) = &ended { Some(*due) } else { None };
            carrier.record(&message, ended).await;
            crate::step!("send.recorded");
            drop(place);
            // At once for the conversation's next message; later for another try of this one.
            if let Some(due) = again {
                let wait = u64::try_from(due - now_ms()).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            carrier.desk.wake.send();
        });
    }
}
