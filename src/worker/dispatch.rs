//! The dispatcher: claims due conversations and runs their turns, one at a time per conversation
//! and many in parallel.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::Settings;
use super::leases::Leases;
use super::outbox_dispatcher::OutboxDispatcher;
use super::spend_tracker::SpendTracker;
use super::turn::{Job, TurnInput};
use crate::desk::{Begin, Desk};
use crate::pipeline::inbound;
use crate::spans;
use crate::store::turns::{Claim, ConversationSnapshot};

/// Maximum number of conversations per claim.
const BATCH: usize = 64;

/// Runs until stopped. Then finishes the running turns within the grace period, and releases the
/// others.
pub(super) async fn run(
    desk: Arc<Desk>,
    settings: Settings,
    outbox: Arc<OutboxDispatcher>,
    stopped: watch::Receiver<bool>,
) {
    let context = WorkerContext {
        outbox,
        places: Arc::new(Semaphore::new(settings.turns.max(1))),
        leases: Arc::new(Leases::default()),
        spend: Arc::new(SpendTracker::new(desk.engine.budget.clone())),
        stopped,
    };
    let leases = context.leases.clone();
    let mut turns = JoinSet::new();
    let mut begun = desk.notifier.register_dispatcher(&context.places, settings.lease_ms);
    tokio::select! {
        () = dispatch(&desk, &settings, &context, (&mut begun, &mut turns)) => {}
        () = leases.keep(&desk, settings.lease_ms) => {}
    }
    begun.close();
    let let_go = async {
        while let Some(Begin { claim, .. }) = begun.recv().await {
            release(&desk, &claim).await;
        }
    };
    tokio::select! {
        () = let_go => {}
        () = leases.keep(&desk, settings.lease_ms) => {}
    }
    let finish = async { while turns.join_next().await.is_some() {} };
    let grace = Duration::from_millis(settings.grace_ms);
    let finished = tokio::select! {
        done = tokio::time::timeout(grace, finish) => done.is_ok(),
        () = leases.keep(&desk, settings.lease_ms) => false,
    };
    if !finished {
        hand_over(&desk, &leases, turns).await;
    }
}

/// Releases unfinished turns: another replica, or the next start, can claim them at once.
async fn hand_over(desk: &Desk, leases: &Leases, mut turns: JoinSet<()>) {
    let left = leases.all();
    turns.abort_all();
    while turns.join_next().await.is_some() {}
    tracing::info!("{} turns are handed over", left.len());
    for claim in left {
        release(desk, &claim).await;
    }
}

async fn release(desk: &Desk, claim: &Claim) {
    if let Err(error) = desk.store.release_turn(claim, None, true).await {
        tracing::warn!(%error, conversation = claim.id, "a turn could not be handed over: its lease runs out");
    }
}

/// State that all turns of a worker share.
struct WorkerContext {
    outbox: Arc<OutboxDispatcher>,
    places: Arc<Semaphore>,
    leases: Arc<Leases>,
    spend: Arc<SpendTracker>,
    stopped: watch::Receiver<bool>,
}

impl WorkerContext {
    /// Waits until no new turns may start.
    async fn stopped(&self) {
        // An error means that the sender is gone, which also means to stop.
        drop(self.stopped.clone().wait_for(|stopped| *stopped).await);
    }
}

/// Claims and starts turns until stopped. Never stops between a claim and its turn.
async fn dispatch(
    desk: &Arc<Desk>,
    settings: &Settings,
    context: &WorkerContext,
    (begun, turns): (&mut mpsc::UnboundedReceiver<Begin>, &mut JoinSet<()>),
) {
    let wake = desk.notifier.dispatcher_notify();
    let mut poll = tokio::time::interval(Duration::from_millis(settings.poll_ms.max(1)));
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut fresh = Vec::with_capacity(BATCH);
    let mut look = true;
    while !*context.stopped.borrow() {
        // Waits for a free slot along with everything else: holders of slots may be the turns in
        // `begun` that wait to start.
        tokio::select! {
            _ = begun.recv_many(&mut fresh, BATCH), if !begun.is_closed() => {
                run_all(desk, settings, context, (fresh.drain(..), turns));
            }
            place = context.places.clone().acquire_owned(), if look => {
                let Ok(place) = place else { return };
                look = claim_some(desk, settings, context, (place, turns)).await;
            }
            () = wake.notified() => look = true,
            _ = poll.tick() => look = true,
            () = context.stopped() => return,
        }
        while turns.try_join_next().is_some() {}
    }
}

/// Claims as many turns as there are free slots. Returns whether there may be more.
async fn claim_some(
    desk: &Arc<Desk>,
    settings: &Settings,
    context: &WorkerContext,
    (first, turns): (OwnedSemaphorePermit, &mut JoinSet<()>),
) -> bool {
    let places = &context.places;
    let more = std::iter::from_fn(|| places.clone().try_acquire_owned().ok());
    let places: Vec<_> = std::iter::once(first).chain(more.take(BATCH - 1)).collect();
    let most = i64::try_from(places.len()).unwrap_or(1);
    let claims = match desk.store.claim_turns(most, settings.lease_ms).await {
        Ok(claims) => claims,
        Err(error) => {
            tracing::error!(%error, "turns cannot be claimed, it is tried again");
            return false;
        }
    };
    let full = claims.len() >= places.len();
    let fresh =
        claims.into_iter().zip(places).map(|(claim, place)| Begin { claim, snapshot: None, place });
    run_all(desk, settings, context, (fresh, turns));
    full
}

/// Starts the turns of claimed conversations.
fn run_all(
    desk: &Arc<Desk>,
    settings: &Settings,
    context: &WorkerContext,
    (fresh, turns): (impl Iterator<Item = Begin>, &mut JoinSet<()>),
) {
    let mut unread = Vec::new();
    for Begin { claim, snapshot, place } in fresh {
        let (told, heard) = oneshot::channel();
        let events = desk.notifier.listen(&claim.conversation());
        let heard = TurnInput { events, said: Some(heard) };
        match snapshot {
            // The turn has not started yet, so its receiver still exists.
            Some(said) => drop(told.send(said)),
            None => unread.push((claim.clone(), told)),
        }
        let with = (&context.spend, &context.outbox);
        let span = spans::turn(&claim.number_id, &claim.id);
        let job = Job::new(desk, context.leases.hold(claim), with, settings);
        let run = async move {
            crate::failpoint!("turn.claimed");
            let outcome = span.around(Box::pin(job.run(heard))).await;
            span.ended(outcome);
            drop(place);
        };
        turns.spawn(run);
    }
    if !unread.is_empty() {
        tokio::spawn(read(desk.clone(), unread));
    }
}

/// Loads the messages of several conversations with one query, and passes them to their turns.
async fn read(desk: Arc<Desk>, unread: Vec<(Claim, oneshot::Sender<ConversationSnapshot>)>) {
    let (claims, told): (Vec<_>, Vec<_>) = unread.into_iter().unzip();
    let bots = claims.iter().filter_map(|one| desk.bots.get(&desk.number(&one.number_id)?.agent));
    let history = bots.map(|bot| bot.agent.history).max().unwrap_or_default();
    match inbound::read(&desk.store, &claims, history).await {
        // A closed channel means that the turn is gone.
        Ok(said) => told.into_iter().zip(said).for_each(|(told, said)| drop(told.send(said))),
        Err(error) => {
            tracing::warn!(%error, "what was said cannot be read, each turn tries it again");
        }
    }
}
