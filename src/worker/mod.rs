//! Background work: the dispatcher (inbox to turn), the outbox dispatcher (outbox to provider),
//! maintenance, the learner (uploads), the fetcher of customers' files, the uploader of files to
//! customers, the feeder of campaigns, follow-ups to silent customers, the watcher of linked numbers, the listener for other
//! replicas, and the tasks that keep the process up to date.
//!
//! All state is in the database: nothing is lost if a worker dies, and another continues once its
//! leases expire.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::outbox_dispatcher::OutboxDispatcher;
use crate::desk::Desk;

mod campaign_feeder;
mod connection_watcher;
mod dispatch;
mod file_fetcher;
mod file_uploader;
mod follow;
mod follow_ups;
mod gate;
mod learner;
mod leases;
mod listen;
mod maintenance;
mod outbox_dispatcher;
mod rate_limiter;
mod customer_files;
mod sender;
mod settings;
mod spend_tracker;
mod turn;
mod typing;
mod uptime;

pub use settings::Settings;

/// A running worker.
pub struct Worker {
    /// In shutdown order: the outbox dispatcher stops after the turns, so that their replies are
    /// sent.
    parts: Vec<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Worker {
    /// Starts all parts.
    pub fn start(desk: &Arc<Desk>, settings: &Settings) -> Self {
        let replicas = Arc::new(AtomicI64::new(1));
        let mut parts = Vec::new();
        let outbox = Arc::new(OutboxDispatcher::new(desk, settings, &replicas));
        let (stop, stopped) = watch::channel(false);
        let dispatch = dispatch::run(desk.clone(), settings.clone(), outbox.clone(), stopped);
        parts.push((stop, tokio::spawn(dispatch)));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(outbox.run(stopped))));
        let (stop, stopped) = watch::channel(false);
        let keep = maintenance::run(desk.clone(), settings.clone(), replicas, stopped);
        parts.push((stop, tokio::spawn(keep)));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(listen::run(desk.clone(), stopped))));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(follow::follow(desk.clone(), settings.poll_ms, stopped))));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(follow::fill_in(desk.clone(), stopped))));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(learner::run(desk.clone(), settings.poll_ms, stopped))));
        let (stop, stopped) = watch::channel(false);
        parts
            .push((stop, tokio::spawn(file_fetcher::run(desk.clone(), settings.poll_ms, stopped))));
        let (stop, stopped) = watch::channel(false);
        parts.push((
            stop,
            tokio::spawn(file_uploader::run(desk.clone(), settings.poll_ms, stopped)),
        ));
        let (stop, stopped) = watch::channel(false);
        parts.push((
            stop,
            tokio::spawn(campaign_feeder::run(desk.clone(), settings.poll_ms, stopped)),
        ));
        let (stop, stopped) = watch::channel(false);
        parts.push((stop, tokio::spawn(follow_ups::run(desk.clone(), settings.poll_ms, stopped))));
        let (stop, stopped) = watch::channel(false);
        let connections = connection_watcher::run(desk.clone(), settings.poll_ms, stopped);
        parts.push((stop, tokio::spawn(connections)));
        Self { parts }
    }

    /// Stops claiming work, waits for the work in progress, and returns.
    pub async fn stop(self) {
        for (stop, task) in self.parts {
            // A part that has ended no longer listens.
            let _ = stop.send(true);
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the worker ended badly");
            }
        }
    }
}
