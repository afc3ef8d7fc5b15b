//! The dispatcher: claims conversations that are due and has their turns run, one at a time in a conversation, many at
//! once in all.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::Settings;
use super::leases::Leases;
use super::purse::Purse;
use super::turn::{Heard, Job};
use crate::desk::Desk;
use crate::pipeline::inbound;
use crate::store::turns::Claim;

/// How many conversations are claimed at once.
const BATCH: usize = 64;

/// Dispatches until it is told to stop; then finishes the turns under way, or hands them over.
pub(super) async fn run(desk: Arc<Desk>, settings: Settings, stopped: watch::Receiver<bool>) {
    let hands = Hands {
        places: Arc::new(Semaphore::new(settings.turns.max(1))),
        leases: Arc::new(Leases::default()),
        purse: Arc::new(Purse::new(desk.engine.budget.clone())),
        stopped,
    };
    let leases = hands.leases.clone();
    let mut turns = JoinSet::new();
    tokio::select! {
        () = dispatch(&desk, &settings, &hands, &mut turns) => {}
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

/// Lets go of what could not be finished: another replica, or the next start, takes it at once.
async fn hand_over(desk: &Desk, leases: &Leases, mut turns: JoinSet<()>) {
    let left = leases.all();
    turns.abort_all();
    while turns.join_next().await.is_some() {}
    tracing::info!("{} turns are handed over", left.len());
    for claim in left {
        if let Err(error) = desk.store.release_turn(&claim, None, true).await {
            tracing::warn!(%error, conversation = claim.id, "a turn could not be handed over: its lease runs out");
        }
    }
}

/// What turns share.
struct Hands {
    places: Arc<Semaphore>,
    leases: Arc<Leases>,
    purse: Arc<Purse>,
    stopped: watch::Receiver<bool>,
}

impl Hands {
    /// Waits until there shall be no new turns.
    async fn stopped(&self) {
        // An error means that whoever would stop us is gone.
        drop(self.stopped.clone().wait_for(|stopped| *stopped).await);
    }
}

/// Claims until it is told to stop, and never stops between a claim and its turn.
async fn dispatch(desk: &Arc<Desk>, settings: &Settings, hands: &Hands, turns: &mut JoinSet<()>) {
    let wake = desk.wake.for_dispatcher();
    while !*hands.stopped.borrow() {
        while claim_some(desk, settings, hands, turns).await {}
        while turns.try_join_next().is_some() {}
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(settings.poll_ms)) => {}
            () = hands.stopped() => {}
        }
    }
}

/// Claims as many turns as there are places; true if there may be more.
async fn claim_some(
    desk: &Arc<Desk>,
    settings: &Settings,
    hands: &Hands,
    turns: &mut JoinSet<()>,
) -> bool {
    let places = &hands.places;
    let first = tokio::select! {
        place = places.clone().acquire_owned() => place.ok(),
        () = hands.stopped() => None,
    };
    let Some(first) = first else { return false };
    let free = places.available_permits().min(BATCH - 1);
    let most = i64::try_from(free + 1).unwrap_or(1);
    let claims = match desk.store.claim_turns(most, settings.lease_ms).await {
        Ok(claims) => claims,
        Err(error) => {
            tracing::error!(%error, "turns cannot be claimed, it is tried again");
            return false;
        }
    };
    let full = claims.len() > free;
    let heard = listen(desk, &claims).await;
    let mut place = Some(first);
    for (claim, heard) in claims.into_iter().zip(heard) {
        let permit = match place.take() {
            Some(permit) => permit,
            None => match places.clone().acquire_owned().await {
                Ok(permit) => permit,
                Err(_) => return false,
            },
        };
        let job = Job::new(desk, hands.leases.hold(claim), &hands.purse, settings);
        turns.spawn(async move {
            crate::step!("turn.claimed");
            job.run(heard).await;
            drop(permit);
        });
    }
    full
}

/// Listens to what happens in these conversations, and reads what was said there: with one query for all.
async fn listen(desk: &Arc<Desk>, claims: &[Claim]) -> Vec<Heard> {
    let stirs: Vec<_> =
        claims.iter().map(|claim| desk.wake.listen(&claim.conversation())).collect();
    let bots =
        claims.iter().filter_map(|claim| desk.bots.get(&desk.number(&claim.number_id)?.agent));
    let history = bots.map(|bot| bot.agent.history).max().unwrap_or_default();
    let said = inbound::read(&desk.store, claims, history).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "what was said cannot be read, each turn tries it again");
        Vec::new()
    });
    let said = said.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
    stirs.into_iter().zip(said).map(|(stirs, said)| Heard { stirs, said }).collect()
}
