//! Learns uploaded documents in the background, as many in parallel as there are reader processes.
//! Each file is leased, so that only one desk learns it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;

use crate::desk::Desk;
use crate::domain::What;

/// Pause after an error.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs until stopped. Unfinished files are learned again at the next start.
pub(super) async fn run(desk: Arc<Desk>, poll_ms: u64, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        () = learn(&desk, Duration::from_millis(poll_ms.max(100))) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    if let Err(error) = desk.store.release_uploads().await {
        tracing::debug!(%error, "uploads under way could not be let go, their leases end by themselves");
    }
}

async fn learn(desk: &Desk, poll: Duration) {
    while let Err(error) = take_up(desk).await {
        tracing::warn!(%error, "uploads could not be taken up, it is tried again");
        tokio::time::sleep(PAUSE).await;
    }
    join_all((0..desk.library.readers()).map(|_| learn_each(desk, poll))).await;
}

/// Learns one file after the other. File contents are loaded only here.
async fn learn_each(desk: &Desk, poll: Duration) {
    loop {
        match desk.library.learn_uploaded().await {
            Ok(Some(upload)) => {
                tracing::info!(document = upload.document_id, "an uploaded document was looked at");
                desk.announce(What::Knowledge).await;
            }
            Ok(None) => {
                tokio::select! {
                    () = desk.library.wait_for_upload() => {}
                    () = tokio::time::sleep(poll) => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "an upload could not be learned, it is tried again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Recovers uploads of a dead process, and queues those that were learned with other settings than
/// the current ones.
async fn take_up(desk: &Desk) -> Result<(), crate::knowledge::Error> {
    desk.store.release_stale_uploads().await?;
    desk.library.renew_uploads().await.map(drop)
}
