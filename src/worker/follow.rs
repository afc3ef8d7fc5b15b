//! Keeps this process up to date: with what other processes learn, publish and choose, and with the
//! embedding model in use.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::desk::Desk;
use crate::domain::What;
use crate::store::replicas::HoldName;

/// How often the re-embedding job is attempted and its lock renewed.
const FILL_PAUSE: Duration = Duration::from_secs(30);

/// How often a process looks whether another one has embedded everything with a new embedder.
const PENDING_PAUSE: Duration = Duration::from_secs(5);

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
            tracing::warn!(%error, "the models could not be brought up to date, it is tried again");
        }
        if let Err(error) = desk.store_number_activity().await {
            tracing::debug!(%error, "when numbers were last used is written down later");
        }
        if let Err(error) = desk.reload_answers().await {
            tracing::warn!(%error, "the curated answers could not be brought up to date, it is tried again");
        }
    }
}

/// Embeds what the embedder in use lacks, or the one that is to replace it, and then uses that one; one
/// process at a time embeds. Without vectors of the embedder in use, documents are found by words.
pub(super) async fn fill_in(desk: Arc<Desk>, mut stopped: watch::Receiver<bool>) {
    let mut pause = tokio::time::interval(FILL_PAUSE);
    // After hours of work no missed tick is made up for.
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let fill = async {
        loop {
            tokio::select! {
                _ = pause.tick() => {}
                () = desk.embedder_changed() => {}
                // Another process may embed everything sooner.
                () = tokio::time::sleep(PENDING_PAUSE), if desk.has_pending_embedder() => {
                    use_pending(&desk).await;
                    continue;
                }
            }
            while !fill_once(&desk).await {}
        }
    };
    tokio::select! {
        () = fill => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// Embeds once what is left. False if the embedder changed meanwhile: it begins anew then.
async fn fill_once(desk: &Desk) -> bool {
    // Another process may have embedded everything.
    let is_in_use = use_pending(desk).await;
    if is_in_use && is_complete(desk).await {
        return true;
    }
    let lease_ms = i64::try_from(3 * FILL_PAUSE.as_millis()).unwrap_or(i64::MAX);
    if !desk.store.hold(HoldName::FillIn, lease_ms).await.unwrap_or(false) {
        return true;
    }
    let keep = async {
        loop {
            tokio::time::sleep(FILL_PAUSE).await;
            // If the lock expires, another process does the same work as well, which is harmless.
            drop(desk.store.hold(HoldName::FillIn, lease_ms).await);
        }
    };
    let filled = tokio::select! {
        filled = desk.fill_embeddings() => filled,
        () = keep => return true,
        // What is embedded for a model that is no longer wanted is sent to nobody.
        () = desk.embedder_changed() => return false,
    };
    match filled {
        Ok(filled) if filled.missing > 0 => {
            tracing::info!("{} chunks were embedded", filled.missing);
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, "documents could not be embedded, it is tried again");
        }
    }
    use_pending(desk).await;
    true
}

/// Uses the embedder that waits for its vectors, if they are there. Returns whether none waits.
async fn use_pending(desk: &Desk) -> bool {
    match desk.use_pending_embedder().await {
        Ok(is_used) => is_used,
        Err(error) => {
            tracing::warn!(%error, "the new embeddings are used later");
            false
        }
    }
}

/// Whether the embedder in use has embedded everything. Logs what is left; customers are answered
/// meanwhile.
async fn is_complete(desk: &Desk) -> bool {
    let Ok(left) = desk.library.embedding_progress().await else { return false };
    for left in &left {
        tracing::info!(
            collection = left.collection,
            done = left.done,
            total = left.total,
            "{}: {} of {} chunks are embedded; until all are, its documents are found by words alone",
            left.collection,
            left.done,
            left.total
        );
    }
    left.is_empty()
}
