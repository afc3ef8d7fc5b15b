//! What works in the background: the dispatcher (inbox to turn), the courier (outbox to provider), and what keeps the
//! index in step.
//!
//! All state is in the database; a worker that dies loses nothing, another goes on where its leases end.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::desk::{Desk, Woken};

mod courier;
mod dispatch;
mod gate;

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
    /// The longest that one turn may take, in milliseconds; then another process may run it again.
    pub lease_ms: i64,
    /// How long one message may be in sending, in milliseconds: longer than any time-out of a provider. Then its outcome is
    /// unknown.
    pub send_lease_ms: i64,
    /// How often the database is asked for work that nobody announced, in milliseconds.
    pub poll_ms: u64,
}

/// A running worker.
pub struct Worker {
    /// In the order in which they are stopped: what the last turns say is sent before the courier goes.
    parts: Vec<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Worker {
    /// Starts working.
    pub fn start(desk: &Arc<Desk>, woken: Woken, settings: &Settings) -> Self {
        let (dispatch, stopped) = watch::channel(false);
        let dispatcher = dispatch::run(desk.clone(), woken.due, settings.clone(), stopped);
        let (carry, stopped) = watch::channel(false);
        let courier = courier::run(desk.clone(), woken.courier, settings.clone(), stopped);
        let (learn, stopped) = watch::channel(false);
        let follower = follow(desk.clone(), settings.poll_ms, stopped);
        let parts = vec![
            (dispatch, tokio::spawn(dispatcher)),
            (carry, tokio::spawn(courier)),
            (learn, tokio::spawn(follower)),
        ];
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

/// Keeps the index in step with what other processes learn.
async fn follow(desk: Arc<Desk>, poll_ms: u64, mut stopped: watch::Receiver<bool>) {
    let mut pause = tokio::time::interval(Duration::from_millis(poll_ms.max(100)));
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = pause.tick() => {}
            _ = stopped.changed() => return,
        }
        if let Err(error) = desk.library.follow().await {
            tracing::warn!(%error, "the index could not be brought up to date, it is tried again");
        }
    }
}
