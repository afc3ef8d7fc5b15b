//! Tracks what a connection waits for, and the deadline for each kind of delay that a peer can
//! cause. Counts no bytes.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::http::Settings;
use crate::metrics::MissedDeadline;

/// How long a closing connection still reads after its last response, so that the peer can receive
/// that response, in milliseconds.
const LINGER: u64 = 2_000;
/// Size of an HTTP/2 ping or its answer, in bytes. A write of at most this size does not show that
/// the peer reads a response.
const PING: usize = 17;

/// How long a connection may make no progress, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    header: u64,
    idle: u64,
    /// Also applies to bodies.
    pub(super) stall: u64,
}

impl Deadlines {
    pub(super) fn of(settings: &Settings) -> Self {
        let at_least = |ms: u64| ms.max(1);
        Self {
            header: at_least(settings.header_ms),
            idle: at_least(settings.idle_ms),
            stall: at_least(settings.stall_ms),
        }
    }
}

/// Since when the last piece of a response waits to be taken for sending; `None` if it was taken.
#[derive(Default)]
pub(super) struct Unread(Mutex<Option<Instant>>);

impl Unread {
    /// Records that a piece was handed to hyper.
    pub(super) fn handed_out(&self) {
        *self.at() = Some(Instant::now());
    }

    /// Records that hyper has taken it.
    pub(super) fn took(&self) {
        *self.at() = None;
    }

    /// Waits until a piece has not been taken for `stall`.
    pub(super) async fn stalls(&self, stall: Duration) {
        loop {
            let since = self.since().unwrap_or_else(Instant::now);
            sleep_until(since + stall).await;
            if self.since().is_some_and(|since| since.elapsed() >= stall) {
                return;
            }
        }
    }

    fn since(&self) -> Option<Instant> {
        *self.at()
    }

    fn at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The activity of one connection. Times are milliseconds since its start plus 1; 0 means unset.
pub(super) struct ConnectionActivity {
    began: Instant,
    /// Number of requests whose response is not finished.
    open: AtomicUsize,
    /// Whether there was any request.
    asked: AtomicBool,
    /// Whether requests run concurrently (HTTP/2). Then incoming bytes need not belong to a
    /// request.
    shared: AtomicBool,
    /// When the last request ended.
    idle: AtomicU64,
    /// When the first byte of the next request arrived.
    head: AtomicU64,
    /// Since when writes are blocked by the peer.
    blocked: AtomicU64,
    /// When the peer last accepted bytes that may belong to a response.
    wrote: AtomicU64,
    /// State of the current response on HTTP/1, where responses come one after the other.
    unread: Arc<Unread>,
    /// State of the response to the latest request on HTTP/2, where each has its own.
    newest: Mutex<Arc<Unread>>,
    /// Whether a request's body was not read to its end.
    rest: AtomicBool,
    /// Since when the connection is closing.
    ending: AtomicU64,
    /// Whether the connection is chosen for eviction.
    leaving: AtomicBool,
    evict: Notify,
}

impl ConnectionActivity {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            open: AtomicUsize::new(0),
            asked: AtomicBool::new(false),
            shared: AtomicBool::new(false),
            idle: AtomicU64::new(1),
            head: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            wrote: AtomicU64::new(0),
            unread: Arc::default(),
            newest: Mutex::default(),
            rest: AtomicBool::new(false),
            ending: AtomicU64::new(0),
            leaving: AtomicBool::new(false),
            evict: Notify::new(),
        }
    }

    fn now(&self) -> u64 {
        self.number(Instant::now())
    }

    fn number(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.began);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// Records that a request's head is complete. Returns the state of its response.
    pub(super) fn begins(&self, shared: bool) -> Arc<Unread> {
        self.open.fetch_add(1, Ordering::AcqRel);
        self.asked.store(true, Ordering::Relaxed);
        self.shared.store(shared, Ordering::Relaxed);
        self.head.store(0, Ordering::Relaxed);
        if !shared {
            return self.unread.clone();
        }
        let unread = Arc::<Unread>::default();
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = unread.clone();
        unread
    }

    /// Returns the state of the response to the latest HTTP/2 request.
    pub(super) fn newest(&self) -> Arc<Unread> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records that a request's response is finished or abandoned.
    pub(super) fn ends(&self) {
        self.idle.store(self.now(), Ordering::Relaxed);
        self.open.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) fn read(&self) {
        if self.head.load(Ordering::Relaxed) == 0 && self.is_idle() {
            self.head.store(self.now(), Ordering::Relaxed);
        }
    }

    pub(super) fn wrote(&self, bytes: usize) {
        if bytes > PING || !self.shared.load(Ordering::Relaxed) {
            self.wrote.store(self.now(), Ordering::Relaxed);
        }
        self.blocked.store(0, Ordering::Relaxed);
    }

    pub(super) fn blocked(&self) {
        if self.blocked.load(Ordering::Relaxed) == 0 {
            self.blocked.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Records that a request's body was not read to its end.
    pub(super) fn mark_body_unread(&self) {
        self.rest.store(true, Ordering::Relaxed);
    }

    /// Records that the connection is closing. Returns whether the peer may still be sending.
    pub(super) fn closes(&self) -> bool {
        if self.ending.load(Ordering::Relaxed) == 0 {
            self.ending.store(self.now(), Ordering::Relaxed);
        }
        self.rest.load(Ordering::Relaxed)
    }

    /// Whether no request is in progress.
    pub(super) fn is_idle(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    /// Returns since when no request is in progress; `None` if one is, or if the connection is
    /// chosen for eviction.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let free = self.is_idle() && !self.leaving.load(Ordering::Relaxed);
        free.then(|| self.moment(self.idle.load(Ordering::Relaxed)))
    }

    /// Asks the connection to close if it is still idle.
    pub(super) fn evict(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.evict.notify_one();
    }

    /// Withdraws the eviction because a request came first.
    pub(super) fn stays(&self) {
        self.leaving.store(false, Ordering::Relaxed);
    }

    /// Waits until the connection is asked to close.
    pub(super) async fn evicted(&self) {
        self.evict.notified().await;
    }

    fn moment(&self, ms: u64) -> Instant {
        self.began + Duration::from_millis(ms.saturating_sub(1))
    }

    /// Returns the next deadline and what is missed by then; `None` if only a later check is
    /// needed.
    pub(super) fn due(&self, deadlines: &Deadlines) -> (Instant, Option<MissedDeadline>) {
        let since = |moment: &AtomicU64| Some(moment.load(Ordering::Relaxed)).filter(|at| *at > 0);
        let unread = self.unread.since().map(|at| self.number(at));
        let all = [
            since(&self.ending).map(|at| (at + LINGER, MissedDeadline::Linger)),
            since(&self.blocked).map(|at| (at + deadlines.stall, MissedDeadline::Unread)),
            unread.map(|at| (at + deadlines.stall, MissedDeadline::Unread)),
            self.is_idle().then(|| self.request_due(deadlines)),
        ];
        match all.into_iter().flatten().min_by_key(|(at, _)| *at) {
            Some((at, why)) => (self.moment(at), Some(why)),
            None => (self.moment(self.now() + deadlines.idle), None),
        }
    }

    /// Returns the deadline of the next request.
    fn request_due(&self, deadlines: &Deadlines) -> (u64, MissedDeadline) {
        if !self.asked.load(Ordering::Relaxed) {
            return (1 + deadlines.header, MissedDeadline::Header);
        }
        let head = self.head.load(Ordering::Relaxed);
        if head > 0 && !self.shared.load(Ordering::Relaxed) {
            return (head + deadlines.header, MissedDeadline::Header);
        }
        let idle = self.idle.load(Ordering::Relaxed);
        let mut wrote = self.wrote.load(Ordering::Relaxed);
        if self.shared.load(Ordering::Relaxed) {
            // Answers to several pings together look like part of a response: they may extend the
            // deadline only once.
            wrote = wrote.min(idle + deadlines.idle);
        }
        // The end of the last response may still be in transit.
        (idle.max(wrote) + deadlines.idle, MissedDeadline::Idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINES: Deadlines = Deadlines { header: 10_000, idle: 75_000, stall: 30_000 };

    /// Returns which deadline closes the connection, and in how many seconds.
    fn due(activity: &ConnectionActivity) -> (Option<MissedDeadline>, u128) {
        let (at, why) = activity.due(&DEADLINES);
        (why, (at.saturating_duration_since(Instant::now()).as_millis() + 500) / 1000)
    }

    #[tokio::test]
    async fn what_a_peer_puts_off_has_a_deadline_and_what_we_do_has_none() {
        let activity = ConnectionActivity::new();
        assert_eq!(
            due(&activity),
            (Some(MissedDeadline::Header), 10),
            "a connection that says nothing"
        );
        activity.read();
        assert_eq!(due(&activity), (Some(MissedDeadline::Header), 10), "half a head");
        let answer = activity.begins(false);
        assert_eq!(due(&activity).0, None, "we are at it");
        assert!(activity.idle_since().is_none());
        answer.handed_out();
        assert_eq!(due(&activity), (Some(MissedDeadline::Unread), 30));
        answer.took();
        assert_eq!(due(&activity).0, None, "a stream that has nothing to tell");
        activity.blocked();
        assert_eq!(due(&activity), (Some(MissedDeadline::Unread), 30));
        activity.wrote(1);
        activity.ends();
        assert_eq!(due(&activity), (Some(MissedDeadline::Idle), 75));
        assert!(activity.idle_since().is_some());
        activity.read();
        assert_eq!(due(&activity), (Some(MissedDeadline::Header), 10), "half of the next head");
        activity.begins(false);
        activity.mark_body_unread();
        activity.ends();
        assert!(activity.closes());
        assert_eq!(due(&activity), (Some(MissedDeadline::Linger), 2));
        activity.evict();
        assert!(activity.idle_since().is_none(), "it goes already");
        activity.evicted().await;
    }

    #[tokio::test]
    async fn what_is_read_beside_requests_is_no_head_where_they_go_on_together() {
        let activity = ConnectionActivity::new();
        let (first, second) = (activity.begins(true), activity.begins(true));
        assert!(Arc::ptr_eq(&activity.newest(), &second));
        first.handed_out();
        assert_eq!(due(&activity).0, None, "each answer has a deadline of its own");
        activity.ends();
        assert!(!activity.is_idle());
        activity.ends();
        activity.read();
        assert_eq!(due(&activity), (Some(MissedDeadline::Idle), 75), "a ping");
        activity.wrote.store(1_000_000, Ordering::Relaxed);
        assert_eq!(due(&activity), (Some(MissedDeadline::Idle), 150), "pings in pairs");
    }
}
