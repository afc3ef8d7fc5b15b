//! Receives notifications of other replicas through Postgres, and forwards them to the notifier. On
//! SQLite there are no other replicas. A lost notification only delays work: polling finds it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::desk::Desk;
use crate::store::signal::Signal;

/// Pause before reconnecting.
const PAUSE: Duration = Duration::from_secs(2);

/// Runs until stopped.
pub(super) async fn run(desk: Arc<Desk>, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        () = listen(&desk) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

async fn listen(desk: &Desk) {
    let mut again = false;
    loop {
        match hear(desk, again).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(%error, "other replicas are not heard, work is found by polling");
                tokio::time::sleep(PAUSE).await;
                again = true;
            }
        }
    }
}

async fn hear(desk: &Desk, again: bool) -> crate::store::Result<()> {
    let Some(mut listener) = desk.store.listen().await? else { return Ok(()) };
    if again {
        desk.notifier.missed();
    }
    loop {
        for signal in listener.next().await? {
            match signal {
                Signal::Event(conversation) => {
                    desk.notifier.conversation_event(&conversation, None);
                }
                Signal::Changed(conversation) => desk.notifier.changed(&conversation),
                Signal::Announced(what) => desk.notifier.announce(what),
                Signal::Missed => desk.notifier.missed(),
            }
        }
    }
}
