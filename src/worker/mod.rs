//! What works in the background: the dispatcher (inbox to turn), the courier (outbox to provider), the keeper (unknown
//! sends, cases nobody was told of, old webhooks), the learner (uploads), and what listens to other replicas and keeps the index in step.
//!
//! All state is in the database; a worker that dies loses nothing, another goes on where its leases end.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::courier::Courier;
use crate::desk::Desk;
use crate::domain::What;
use crate::domain::machine::Limits;
use crate::knowledge::Progress;
use crate::pipeline::inbound::Intake;
use crate::store::replicas::HoldName;

mod carrier;
mod courier;
mod dispatch;
mod gate;
mod keeper;
mod learner;
mod leases;
mod line;
mod listen;
mod pace;
mod purse;
mod turn;
mod typing;

/// How the worker works, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Quiet gap after a customer's last message before the bot answers, in milliseconds.
    pub gap_ms: i64,
    /// The most that a burst of messages can put an answer off, in milliseconds.
    pub longest_burst_ms: i64,
    /// Messages older than this are stored and not answered, in minutes.
    pub stale_minutes: i64,
    /// How many turns run at once.
    pub turns: usize,
    /// How many messages are being sent at once.
    pub sends: usize,
    /// Whether the customer sees "typing…" (and blue ticks) while the bot works.
    pub typing: bool,
    /// The longest that one turn may take, in milliseconds.
    pub turn_ms: u64,
    /// After this many milliseconds without a sign of life of its process, another one may run a turn. Renewed while
    /// the turn runs.
    pub lease_ms: i64,
    /// How long one message may be in sending, in milliseconds: longer than any time-out of a provider. Then its outcome is
    /// unknown.
    pub send_lease_ms: i64,
    /// How often the database is asked for work that nobody announced, in milliseconds.
    pub poll_ms: u64,
    /// How long turns under way get to finish when the process is told to stop, in milliseconds.
    pub grace_ms: u64,
    /// The most messages to one customer at once; 0: no limit.
    pub pair_burst: i64,
    /// The milliseconds that each of them costs before there may be as many again.
    pub pair_gap_ms: i64,
    /// How long the bodies of webhooks are kept, in days; 0: for ever.
    pub keep_webhooks_days: i64,
    /// How many days the files of recordings are kept; 0: for ever. What was said in them stays.
    pub keep_recordings_days: i64,
    /// Whether turns are recorded, so that they can be run again.
    pub record_turns: bool,
    /// How many days what was recorded of turns is kept; 0: for ever. The turns stay.
    pub keep_tapes_days: i64,
    /// How many days entries of the audit log are kept; 0: for ever.
    pub keep_audit_days: i64,
    /// When a sender is taken for a machine.
    pub machine: Limits,
}

impl Settings {
    /// How messages are taken in.
    pub fn intake(&self) -> Intake {
        Intake {
            gap_ms: self.gap_ms,
            most_ms: self.longest_burst_ms.max(self.gap_ms),
            stale_ms: self.stale_minutes.saturating_mul(60_000),
            limits: self.machine,
        }
    }
}

/// A running worker.
pub struct Worker {
    /// In the order in which they are stopped: what the last turns say is sent before the courier goes.
    parts: Vec<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Worker {
    /// Starts working.
    pub fn start(desk: &Arc<Desk>, settings: &Settings) -> Self {
        let replicas = Arc::new(AtomicI64::new(1));
        let mut parts = Vec::new();
        let courier = Arc::new(Courier::new(desk, settings, &replicas));
        let (stop, stopped) = watch::channel(false);
        let dispatch = dispatch::run(desk.clone(), settings.clone(), courier.clone(), stopped);
        parts.push((stop, tokio::spawn(dispatch)));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(courier.run(stopped))));
        let (stop, stopped) = watch::channel(false);
        let keep = keeper::run(desk.clone(), settings.clone(), replicas, stopped);
        parts.push((stop, tokio::spawn(keep)));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(listen::run(desk.clone(), stopped))));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(follow(desk.clone(), settings.poll_ms, stopped))));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(fill_in(desk.clone(), stopped))));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(learner::run(desk.clone(), settings.poll_ms, stopped))));
        Self { parts }
    }

    /// Takes no new work, finishes what is under way, and returns.
    pub async fn stop(self) {
        for (stop, task) in self.parts {
            // A task that is gone does not listen any more, and needs not.
            let _ = stop.send(true);
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the worker ended badly");
            }
        }
    }
}

/// Keeps the index, the agents, the numbers and the curated answers in step with what other processes learn and publish.
async fn follow(desk: Arc<Desk>, poll_ms: u64, mut stopped: watch::Receiver<bool>) {
    let mut pause = tokio::time::interval(Duration::from_millis(poll_ms.max(100)));
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known = desk.library.revision().await;
    loop {
        tokio::select! {
            _ = pause.tick() => {}
            _ = stopped.changed() => return,
        }
        if let Err(error) = desk.library.follow().await {
            tracing::warn!(%error, "the index could not be brought up to date, it is tried again");
        }
        // Whoever learned in this process has brought the index up to date already.
        let revision = desk.library.revision().await;
        if revision != known {
            known = revision;
            desk.wake.announce(What::Knowledge);
        }
        if let Err(error) = desk.follow_agents().await {
            tracing::warn!(%error, "the agents could not be brought up to date, it is tried again");
        }
        if let Err(error) = desk.follow_numbers().await {
            tracing::warn!(%error, "the numbers could not be brought up to date, it is tried again");
        }
        if let Err(error) = desk.note_numbers().await {
            tracing::debug!(%error, "when numbers were last used is written down later");
        }
        if let Err(error) = desk.follow_answers().await {
            tracing::warn!(%error, "the curated answers could not be brought up to date, it is tried again");
        }
    }
}

/// Embeds what another model embedded before this one was configured; one process does it at a time. Until it is done,
/// retrieval compares words.
async fn fill_in(desk: Arc<Desk>, mut stopped: watch::Receiver<bool>) {
    let lease_ms = i64::try_from(3 * FILL_PAUSE.as_millis()).unwrap_or(i64::MAX);
    let mut pause = tokio::time::interval(FILL_PAUSE);
    let fill = async {
        loop {
            pause.tick().await;
            if !desk.store.hold(HoldName::FillIn, lease_ms).await.unwrap_or(false) {
                continue;
            }
            let keep = async {
                loop {
                    tokio::time::sleep(FILL_PAUSE).await;
                    // Who cannot say that he goes on is joined by another, who does the same work: no harm.
                    drop(desk.store.hold(HoldName::FillIn, lease_ms).await);
                }
            };
            let filled = tokio::select! {
                filled = desk.library.fill_in(&Silent) => filled,
                () = keep => continue,
            };
            match filled {
                Ok(filled) if filled.missing > 0 => {
                    tracing::info!(
                        "{} chunks were embedded with the configured model",
                        filled.missing
                    );
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, "documents could not be embedded, it is tried again");
                }
            }
        }
    };
    tokio::select! {
        () = fill => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// How long after a failure embedding is tried again.
const FILL_PAUSE: Duration = Duration::from_secs(30);

/// Watches, and says nothing.
struct Silent;

impl Progress for Silent {
    fn start(&self, _: usize) {}
    fn found(&self, _: usize) {}
    fn done(&self, _: &str) {}
}
