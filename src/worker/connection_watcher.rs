//! Asks now and then how the linked numbers stand to WhatsApp: a webhook that says so may be lost, and a
//! server that is gone says nothing. After a gap it takes in the messages whose webhooks may have been
//! lost. One process asks at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::desk::{Desk, LinkError, Number};
use crate::domain::ConnectionState;
use crate::domain::time::{DAY_MS, Millis, now_ms};
use crate::store;
use crate::store::replicas::HoldName;

/// Polls of the database between two questions about a number that is linked, or that nobody links.
const CALM: u32 = 60;
/// The same of a number that is being linked, and after a server's first failure.
const BUSY: u32 = 3;
/// The most doublings of the wait after failures.
const MAX_DOUBLINGS: u32 = 6;
/// The longest gap whose messages are taken in, in milliseconds.
const MAX_GAP_MS: Millis = DAY_MS;
/// How much more is read, in milliseconds: clocks differ, and a webhook may be on its way.
const OVERLAP_MS: Millis = 2 * 60_000;
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
    /// Until when everything came in, as far as is known, in Unix milliseconds; `None` if nothing ever
    /// did.
    complete_until: Option<Millis>,
    /// Whether webhooks may have been lost since then.
    has_gap: bool,
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
        if let Err(error) = self.begin(&numbers).await {
            tracing::warn!(%error, "when the numbers last got webhooks could not be read, it is tried again");
            return;
        }
        let asked = join_all(numbers.iter().map(|number| self.ask(number))).await;
        for (number, watched) in numbers.iter().zip(asked) {
            self.watched.insert(number.id.to_string(), watched);
        }
    }

    /// Notes until when the messages of numbers came in that were not watched yet.
    async fn begin(&mut self, numbers: &[Arc<Number>]) -> store::Result<()> {
        if numbers.iter().all(|number| self.watched.contains_key(number.id.as_str())) {
            return Ok(());
        }
        let rows = self.desk.store.numbers().await?;
        for number in numbers {
            let row = rows.iter().find(|row| row.id == number.id.as_str());
            let fresh = WatchedNumber::new(row.and_then(|row| row.last_webhook_at));
            self.watched.entry(number.id.to_string()).or_insert(fresh);
        }
        Ok(())
    }

    /// Asks how a number stands, and takes in what was missed once it is linked again. Returns when to
    /// ask again.
    async fn ask(&self, number: &Arc<Number>) -> WatchedNumber {
        let now = now_ms();
        let watched = self.watched.get(number.id.as_str()).copied();
        let mut watched = watched.unwrap_or_else(|| WatchedNumber::new(None));
        let mut found = self.desk.check_connection(number, watched.failures).await;
        if matches!(found, Ok(ConnectionState::Ready)) {
            match self.fill_gap(number, watched).await {
                Ok(()) => (watched.complete_until, watched.has_gap) = (Some(now), false),
                Err(error) => found = Err(error),
            }
        } else {
            watched.has_gap = true;
        }
        let (polls, failures) = match found {
            Ok(ConnectionState::Offline) | Err(LinkError::Provider(_)) => {
                (BUSY << watched.failures.min(MAX_DOUBLINGS), watched.failures + 1)
            }
            Ok(ConnectionState::Connecting | ConnectionState::Pairing) => (BUSY, 0),
            Ok(ConnectionState::Ready | ConnectionState::Stopped)
            | Err(LinkError::NoLink | LinkError::Phone) => (CALM, 0),
            Err(LinkError::Store(error)) => {
                tracing::warn!(%error, number = number.slug, "what became of the number's link could not be stored, it is asked again");
                (BUSY, watched.failures)
            }
        };
        WatchedNumber { due: Instant::now() + self.poll * polls, failures, ..watched }
    }

    /// Takes in the messages of a gap.
    async fn fill_gap(
        &self,
        number: &Arc<Number>,
        watched: WatchedNumber,
    ) -> Result<(), LinkError> {
        let Some(until) = watched.complete_until.filter(|_| watched.has_gap) else {
            return Ok(());
        };
        let since = until.max(now_ms() - MAX_GAP_MS) - OVERLAP_MS;
        let count = self.desk.take_in_missed(number, since).await?;
        if count > 0 {
            tracing::info!(
                number = number.slug,
                count,
                "the server's messages since the gap were taken in"
            );
        }
        Ok(())
    }
}

impl WatchedNumber {
    /// A number that is asked about at once.
    fn new(complete_until: Option<Millis>) -> Self {
        Self { due: Instant::now(), failures: 0, complete_until, has_gap: true }
    }
}
