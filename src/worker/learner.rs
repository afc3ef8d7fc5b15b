//! Learns what was uploaded, beside serving: as many files at once as there are processes that read them. Each is leased: of
//! several desks one learns it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;

use crate::desk::Desk;
use crate::domain::What;

/// How long it waits after something went wrong.
const PAUSE: Duration = Duration::from_secs(5);

/// Learns until it is told to stop; what is under way then is learned again at the next start.
pub(super) async fn run(desk: Arc<Desk>, poll_ms: u64, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        () = learn(&desk, Duration::from_millis(poll_ms.max(100))) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    if let Err(error) = desk.store.let_uploads_go().await {
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

/// Learns one file after the other. A file is in memory only here.
async fn learn_each(desk: &Desk, poll: Duration) {
    loop {
        match desk.library.learn_uploaded().await {
            Ok(Some(upload)) => {
                tracing::info!(document = upload.document_id, "an uploaded document was looked at");
                desk.announce(What::Knowledge).await;
            }
            Ok(None) => {
                tokio::select! {
                    () = desk.library.uploaded() => {}
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

/// What a dead process left, and what was learned in another way than now.
async fn take_up(desk: &Desk) -> Result<(), crate::knowledge::Error> {
    desk.store.take_up_uploads().await?;
    desk.library.renew_uploads().await.map(drop)
}
