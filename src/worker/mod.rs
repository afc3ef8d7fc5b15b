//! What works in the background: the dispatcher (inbox to turn), the courier (outbox to provider) and housekeeping.
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
    /// How often the database is asked for work that nobody announced, in milliseconds.
    pub poll_ms: u64,
}

/// A running worker.
pub struct Worker {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Worker {
    /// Starts working.
    pub fn start(desk: &Arc<Desk>, woken: Woken, settings: &Settings) -> Self {
        let (stop, stopped) = watch::channel(false);
        let dispatcher = dispatch::run(desk.clone(), woken.due, settings.clone(), stopped.clone());
        let courier = courier::run(desk.clone(), woken.courier, settings.clone(), stopped.clone());
        let follow = follow(desk.clone(), settings.poll_ms, stopped);
        Self {
            stop,
            tasks: vec![tokio::spawn(dispatcher), tokio::spawn(courier), tokio::spawn(follow)],
        }
    }

    /// Takes no new work, finishes what is under way, and returns.
    pub async fn stop(self) {
        // A task that is gone does not listen any more, and needs not.
        let _ = self.stop.send(true);
        for task in self.tasks {
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
