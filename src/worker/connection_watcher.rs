//! Asks now and then how the linked numbers stand to WhatsApp: a webhook that says so may be lost, and a
//! server that is gone says nothing. After a gap it takes in the messages whose webhooks may have been
//! lost. One process asks, as long as its lease holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::desk::{Desk, LinkError, Number};
use crate::domain::time::{DAY_MS, Millis, now_ms};
use crate::domain::{ConnectionChange, ConnectionReason, ConnectionState};
use crate::store;
use crate::store::connection_changes::ConnectionCause;
use crate::store::replicas::HoldName;

/// Polls of the database between two questions about a number that is linked.
const CALM: u32 = 60;
/// The same of a number that somebody has to link, and of one whose gap could not be read.
const IDLE: u32 = 30;
/// The same of a number that is being linked, and of one whose link is missing for the first time.
const BUSY: u32 = 3;
/// How often in a row a link must be missing until that counts: it is for a moment whenever a server
/// connects anew.
const MISSING: u32 = 2;
/// How often in a row a number may be found connecting until that counts as offline: five minutes.
const CONNECTING: u32 = 100;
/// The most doublings of the wait for a server that is gone.
const MAX_DOUBLINGS: u32 = 6;
/// Messages have the second in which they were written.
const SECOND_MS: Millis = 1000;
/// How often the gap of a number that was paired again is read, once in [`CALM`] polls.
const REFILLS: u32 = 10;
/// Time limit for reading a gap.
const FILL_TIMEOUT: Duration = Duration::from_mins(1);
/// How long one process asks after its last question, in polls of the database, and how often others
/// try to.
const LEASE: u32 = 90;
const TRY: u32 = 30;
/// The longest gap whose messages are taken in, in milliseconds.
const MAX_GAP_MS: Millis = DAY_MS;
/// How much more is read, in milliseconds: longer than a server tries a webhook again.
const OVERLAP_MS: Millis = 30 * 60_000;

/// Runs until stopped.
pub(super) async fn run(desk: Arc<Desk>, poll_ms: u64, mut stopped: watch::Receiver<bool>) {
    let poll = Duration::from_millis(poll_ms.max(100));
    let next_try = Instant::now();
    let mut watcher = ConnectionWatcher { desk, poll, next_try, watched: HashMap::new() };
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
    /// When the lease may be tried again.
    next_try: Instant,
    /// By the number's id.
    watched: HashMap<String, WatchedNumber>,
}

/// What is known of a number, and when it is asked about next.
#[derive(Debug, Clone, Copy)]
struct WatchedNumber {
    due: Instant,
    /// How often in a row its link was missing.
    missing: u32,
    /// How often in a row it was connecting.
    connecting: u32,
    /// Until when everything came in, as far as is known, and when it was first linked, in Unix
    /// milliseconds; `None` before that.
    known: Option<(Millis, Millis)>,
    /// Whether webhooks may have been lost since then.
    has_gap: bool,
    /// How often the gap is read still: after a phone was paired again, its messages reach the server
    /// within minutes.
    refills: u32,
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
        if numbers.is_empty() || self.next_try > now {
            return;
        }
        let lease = i64::try_from((self.poll * LEASE).as_millis()).unwrap_or(i64::MAX);
        // A database that does not answer says so elsewhere.
        if !self.desk.store.hold(HoldName::Connections, lease).await.unwrap_or(false) {
            self.watched.clear();
            self.next_try = now + self.poll * TRY;
            return;
        }
        if let Err(error) = self.begin(&numbers).await {
            tracing::warn!(%error, "what is known of linked numbers could not be read, it is tried again");
            return;
        }
        let now = now_ms();
        let answers = join_all(numbers.iter().map(|number| self.desk.ask_connection(number))).await;
        let mut ready = Vec::new();
        for (number, answer) in numbers.iter().zip(answers) {
            match self.take(number, (answer, now)).await {
                Ok(is_ready) => ready.extend(is_ready.then_some(number)),
                Err(error) => self.put_off(number, &error),
            }
        }
        // One after the other: a list of messages may be large.
        for number in ready {
            let filled = tokio::time::timeout(FILL_TIMEOUT, self.complete(number, now)).await;
            let filled = filled.unwrap_or_else(|_| {
                Err(LinkError::Provider("no list of messages in time".to_owned()))
            });
            if let Err(error) = filled {
                self.put_off(number, &error);
            }
            drop(self.desk.store.hold(HoldName::Connections, lease).await);
        }
    }

    /// Asks about a number later.
    fn put_off(&mut self, number: &Number, error: &LinkError) {
        let again = Instant::now() + self.poll * IDLE;
        self.watched.entry(number.id.to_string()).and_modify(|watched| watched.due = again);
        tracing::warn!(
            %error,
            number = number.slug,
            "what was found of the number's link could not be stored, or its missed messages not read; it is tried again"
        );
    }

    /// Notes what is known of numbers that were not watched yet.
    async fn begin(&mut self, numbers: &[Arc<Number>]) -> store::Result<()> {
        if numbers.iter().all(|number| self.watched.contains_key(number.id.as_str())) {
            return Ok(());
        }
        let rows = self.desk.store.number_connections().await?;
        for number in numbers {
            let row = rows.iter().find(|row| row.number_id == number.id.as_str());
            let known = row.and_then(|row| row.complete_until.zip(row.linked_at));
            let fresh = WatchedNumber::new(known);
            self.watched.entry(number.id.to_string()).or_insert(fresh);
        }
        Ok(())
    }

    /// Stores how a number stands that was asked about at a moment. Returns whether it is linked.
    async fn take(
        &mut self,
        number: &Arc<Number>,
        (answer, now): (Result<ConnectionChange, LinkError>, Millis),
    ) -> Result<bool, LinkError> {
        let asked = answer?;
        let Some(watched) = self.watched.get_mut(number.id.as_str()) else { return Ok(false) };
        let (change, polls) = watched.judge(asked);
        watched.due = Instant::now() + self.poll * polls;
        let calm_ms = i64::try_from((self.poll * CALM).as_millis()).unwrap_or(i64::MAX);
        // A process that was suspended, or had no database, saw nothing of what became of webhooks.
        watched.has_gap |= watched.known.is_some_and(|(until, _)| now - until > 3 * calm_ms);
        if let Some(change) = change {
            self.desk.report_connection(number, change, ConnectionCause::Found).await?;
        }
        Ok(asked.state == ConnectionState::Ready)
    }

    /// Takes in the messages of a linked number's gap, if there is one: all came in until this moment
    /// then.
    async fn complete(&mut self, number: &Arc<Number>, now: Millis) -> Result<(), LinkError> {
        let Some(mut watched) = self.watched.get(number.id.as_str()).copied() else {
            return Ok(());
        };
        if let Some((until, linked_at)) = watched.known.filter(|_| watched.has_gap) {
            let since = (until.max(now - MAX_GAP_MS) - OVERLAP_MS).max(linked_at - SECOND_MS);
            let count = self.desk.take_in_missed(number, since).await?;
            if count > 0 {
                tracing::info!(
                    number = number.slug,
                    count,
                    "the chats of the server's list around a gap were taken in"
                );
            }
        }
        watched.refills = watched.refills.saturating_sub(1);
        if watched.refills == 0 {
            self.desk.store.record_complete_until(&number.id, now).await?;
            let linked_at = watched.known.map_or(now, |(_, linked_at)| linked_at);
            (watched.known, watched.has_gap) = (Some((now, linked_at)), false);
        }
        self.watched.insert(number.id.to_string(), watched);
        Ok(())
    }
}

impl WatchedNumber {
    /// A number that is asked about at once.
    fn new(known: Option<(Millis, Millis)>) -> Self {
        Self { due: Instant::now(), missing: 0, connecting: 0, known, has_gap: true, refills: 0 }
    }

    /// What an answer counts for, and after how many polls of the database the number is asked about
    /// again.
    fn judge(&mut self, answer: ConnectionChange) -> (Option<ConnectionChange>, u32) {
        let ConnectionChange { state, .. } = answer;
        self.has_gap |= state != ConnectionState::Ready;
        match state {
            ConnectionState::Ready => {
                (self.missing, self.connecting) = (0, 0);
                (Some(answer), CALM)
            }
            ConnectionState::Connecting | ConnectionState::Pairing => {
                (self.missing, self.connecting) = (0, self.connecting.saturating_add(1));
                let is_stuck = self.connecting > CONNECTING;
                (Some(if is_stuck { ConnectionReason::NotReached.into() } else { answer }), BUSY)
            }
            ConnectionState::Offline | ConnectionState::Stopped => {
                self.missing = self.missing.saturating_add(1);
                if self.missing < MISSING {
                    return (None, BUSY);
                }
                self.connecting = 0;
                let doublings = (self.missing - MISSING).min(MAX_DOUBLINGS);
                let is_stopped = state == ConnectionState::Stopped;
                self.refills = if is_stopped { REFILLS } else { self.refills };
                (Some(answer), if is_stopped { IDLE } else { BUSY << doublings })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_is_missing_for_a_moment_is_not_lost() {
        let mut watched = WatchedNumber::new(None);
        let closed = ConnectionChange::from(ConnectionReason::LoggedOut);
        let ready = ConnectionChange::from(ConnectionState::Ready);
        assert_eq!(watched.judge(ready), (Some(ready), CALM));
        assert_eq!(watched.judge(closed), (None, BUSY));
        assert_eq!(watched.judge(ready), (Some(ready), CALM));
        assert_eq!(
            (watched.judge(closed), watched.judge(closed)),
            ((None, BUSY), (Some(closed), IDLE))
        );
    }

    #[test]
    fn a_server_that_is_gone_is_asked_ever_more_seldom() {
        let mut watched = WatchedNumber::new(None);
        let gone = ConnectionChange::from(ConnectionReason::Unreachable);
        let waits: Vec<_> = (0..12).map(|_| watched.judge(gone).1).collect();
        assert_eq!(waits[..5], [3, 3, 6, 12, 24]);
        assert_eq!(waits[11], BUSY << MAX_DOUBLINGS);
    }

    #[test]
    fn a_server_that_connects_for_ever_is_offline() {
        let mut watched = WatchedNumber::new(None);
        let connecting = ConnectionChange::from(ConnectionState::Connecting);
        let last = (0..=CONNECTING).map(|_| watched.judge(connecting).0).last().flatten();
        assert_eq!(last, Some(ConnectionReason::NotReached.into()));
    }
}
