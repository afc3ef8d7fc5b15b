//! Keeps this process up to date: with what other processes learn, publish and choose, and with the
//! configured embedding model.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::desk::Desk;
use crate::domain::What;
use crate::knowledge::{BackfillCounts, SilentProgress};
use crate::store::replicas::HoldName;

/// How often the re-embedding job is attempted and its lock renewed.
const FILL_PAUSE: Duration = Duration::from_secs(30);

/// Polls the database for changes to the index, the agents, the numbers, the model and the
/// curated answers.
pub(super) async fn follow(desk: Arc<Desk>, poll_ms: u64, mut stopped: watch::Receiver<bool>) {
    let mut pause = tokio::time::interval(Duration::from_millis(poll_ms.max(100)));
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known = desk.library.revision().await;
    loop {
        tokio::select! {
            _ = pause.tick() => {}
            _ = stopped.changed() => return,
        }
        if let Err(error) = desk.library.sync_index().await {
            tracing::warn!(%error, "the index could not be brought up to date, it is tried again");
        }
        // Learning in this process has already updated the index, so the revision decides.
        let revision = desk.library.revision().await;
        if revision != known {
            known = revision;
            desk.notifier.announce(What::Knowledge);
        }
        if let Err(error) = desk.reload_agents().await {
            tracing::warn!(%error, "the agents could not be brought up to date, it is tried again");
        }
        if let Err(error) = desk.reload_numbers().await {
            tracing::warn!(%error, "the numbers could not be brought up to date, it is tried again");
        }
        if let Err(error) = desk.reload_models().await {
            tracing::warn!(%error, "the model could not be brought up to date, it is tried again");
        }
        if let Err(error) = desk.store_number_activity().await {
            tracing::debug!(%error, "when numbers were last used is written down later");
        }
        if let Err(error) = desk.reload_answers().await {
            tracing::warn!(%error, "the curated answers could not be brought up to date, it is tried again");
        }
    }
}

/// Re-embeds chunks that were embedded with another model than the one in use, or with the one that was
/// chosen to replace it; one process at a time. Without vectors of the model in use, retrieval uses
/// keyword search only.
pub(super) async fn fill_in(desk: Arc<Desk>, mut stopped: watch::Receiver<bool>) {
    let lease_ms = i64::try_from(3 * FILL_PAUSE.as_millis()).unwrap_or(i64::MAX);
    let mut pause = tokio::time::interval(FILL_PAUSE);
    let fill = async {
        let mut is_filled = false;
        loop {
            tokio::select! {
                _ = pause.tick() => {}
                () = desk.model_choices.embedder_changed.notified() => is_filled = false,
            }
            let pending = desk.model_choices.pending_embedder();
            if is_filled && pending.is_none() && desk.library.is_all_embedded() {
                continue;
            }
            // Another process may have embedded everything.
            if pending.is_some() && use_pending(&desk).await {
                continue;
            }
            if !desk.store.hold(HoldName::FillIn, lease_ms).await.unwrap_or(false) {
                continue;
            }
            tell_what_is_left(&desk).await;
            let keep = async {
                loop {
                    tokio::time::sleep(FILL_PAUSE).await;
                    // If the lock expires, another process does the same work as well, which is
                    // harmless.
                    drop(desk.store.hold(HoldName::FillIn, lease_ms).await);
                }
            };
            let filled = tokio::select! {
                filled = backfill(&desk) => filled,
                () = keep => continue,
            };
            is_filled = match filled {
                Ok(filled) => {
                    if filled.missing > 0 {
                        tracing::info!("{} chunks were embedded", filled.missing);
                    }
                    desk.model_choices.pending_embedder().is_none() || use_pending(&desk).await
                }
                Err(error) => {
                    tracing::warn!(%error, "documents could not be embedded, it is tried again");
                    false
                }
            };
        }
    };
    tokio::select! {
        () = fill => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// Embeds with the embedder in use, or with the one that is to replace it: what the old one has not
/// embedded needs it no more.
async fn backfill(desk: &Desk) -> Result<BackfillCounts, crate::knowledge::Error> {
    match desk.model_choices.pending_embedder() {
        Some(embedder) => desk.library.backfill_with(&*embedder, &SilentProgress).await,
        None => desk.library.backfill_embeddings(&SilentProgress).await,
    }
}

/// Uses the embedder that waits for its vectors, if they are there. Returns whether it is in use.
async fn use_pending(desk: &Desk) -> bool {
    match desk.use_pending_embedder().await {
        Ok(is_used) => is_used,
        Err(error) => {
            tracing::warn!(%error, "the new embeddings are used later");
            false
        }
    }
}

/// Logs what is embedded next. Customers are answered meanwhile.
async fn tell_what_is_left(desk: &Desk) {
    for left in desk.library.embedding_progress().await.unwrap_or_default() {
        tracing::info!(
            collection = left.collection,
            done = left.done,
            total = left.total,
            "{}: {} of {} chunks are embedded with the configured model; until all are, its documents are found by words alone",
            left.collection,
            left.done,
            left.total
        );
    }
}
