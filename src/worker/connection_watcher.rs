//! Asks now and then how the linked numbers stand to WhatsApp: a webhook that says so may be lost, and a
//! server that is gone says nothing. One process asks at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::desk::{Desk, LinkError, Number};
use crate::domain::ConnectionState;
use crate::store::replicas::HoldName;

/// Polls of the database between two questions about a number that is linked, or that nobody links.
const CALM: u32 = 60;
/// The same of a number that is being linked, and after a server's first failure.
const BUSY: u32 = 3;
/// The most doublings of the wait after failures.
const MAX_DOUBLINGS: u32 = 6;
/// How long one process asks before another may, in polls of the database.
const LEASE: u32 = 15;

/// Runs until stopped.
pub(super) async fn run(desk: Arc<Desk>, poll_ms: u64, mut stopped: watch::Receiver<bool>) {
    let poll = Duration::from_millis(poll_ms.max(100));
    let mut watcher = ConnectionWatcher { desk, poll, watched: HashMap::new() };
    loop {
        tokio::select! {
            () = tokio::time::sleep(poll) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        tokio::select! {
            () = watcher.look() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

struct ConnectionWatcher {
    desk: Arc<Desk>,
    poll: Duration,
    /// By the number's id.
    watched: HashMap<String, WatchedNumber>,
}

/// When a number is asked about next.
#[derive(Debug, Clone, Copy)]
struct WatchedNumber {
    due: Instant,
    /// Failures in a row.
    failures: u32,
}

impl ConnectionWatcher {
    /// Asks about the numbers that are due.
    async fn look(&mut self) {
        let mut numbers = self.desk.numbers.all();
        numbers.retain(|number| number.client.device_link().is_some());
        let now = Instant::now();
        self.watched.retain(|id, _| numbers.iter().any(|number| number.id.as_str() == id));
        numbers.retain(|number| {
            self.watched.get(number.id.as_str()).is_none_or(|watched| watched.due <= now)
        });
        if numbers.is_empty() {
            return;
        }
        let lease = i64::try_from((self.poll * LEASE).as_millis()).unwrap_or(i64::MAX);
        // The database says so itself, and the lease of another process ends soon.
        if !self.desk.store.hold(HoldName::Connections, lease).await.unwrap_or(false) {
            return;
        }
        let asked = join_all(numbers.iter().map(|number| self.ask(number))).await;
        for (number, watched) in numbers.iter().zip(asked) {
            self.watched.insert(number.id.to_string(), watched);
        }
    }

    async fn ask(&self, number: &Number) -> WatchedNumber {
        let failures = self.watched.get(number.id.as_str()).map_or(0, |watched| watched.failures);
        let (polls, failures) = match self.desk.check_connection(number, failures).await {
            Ok(ConnectionState::Offline) | Err(LinkError::Provider(_)) => {
                (BUSY << failures.min(MAX_DOUBLINGS), failures + 1)
            }
            Ok(ConnectionState::Connecting | ConnectionState::Pairing) => (BUSY, 0),
            Ok(ConnectionState::Ready | ConnectionState::Stopped)
            | Err(LinkError::NoLink | LinkError::Phone) => (CALM, 0),
            Err(LinkError::Store(error)) => {
                tracing::warn!(%error, number = number.slug, "how the number stands could not be stored, it is asked again");
                (BUSY, failures)
            }
        };
        WatchedNumber { due: Instant::now() + self.poll * polls, failures }
    }
}
