//! Hears what other replicas did, through Postgres, and wakes what waits here. On SQLite there are no others. Misses
//! nothing that matters: polling finds the work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::desk::Desk;
use crate::store::signal::Signal;

/// How long to wait before listening anew when the connection broke.
const PAUSE: Duration = Duration::from_secs(2);

/// Listens until it is told to stop.
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
        desk.wake.missed();
    }
    loop {
        for signal in listener.next().await? {
            match signal {
                Signal::Event(conversation) => desk.wake.conversation_event(&conversation, None),
                Signal::Changed(conversation) => desk.wake.changed(&conversation),
                Signal::Announced(what) => desk.wake.announce(what),
                Signal::Missed => desk.wake.missed(),
            }
        }
    }
}
