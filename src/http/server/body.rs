//! Incoming request bodies: they must make progress, and they share a budget of bytes, with a share
//! per address and a reserve for small bodies. Does not know how large one may be: that is up to
//! each route.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::activity::ConnectionActivity;
use super::connections::{PARTS, Peer};
use crate::http::error::Problem;

/// Minimum average rate of a body after the initial patience, in bytes per millisecond.
const RATE: u64 = 16;
/// Bytes are reserved in multiples of this.
const STEP: usize = 16 * 1024;
/// Maximum size of a small body, such as a webhook or a sign-in, in bytes. One part in `PARTS` of
/// the budget is reserved for them.
const SMALL: usize = 4 * STEP;
/// Size that a form may have in addition to its file, in bytes.
const FORM: usize = 1024 * 1024;
/// Number of pieces of any size, and minimum average size of a piece in bytes beyond that number.
/// Each piece costs memory of its own.
const PIECES: (usize, usize) = (4096, 128);

/// The number of body bytes that may be held at once.
pub(super) struct Budget {
    most: usize,
    held: Mutex<HeldBytes>,
}

#[derive(Default)]
struct HeldBytes {
    all: usize,
    by_peer: HashMap<Peer, usize>,
}

impl Budget {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// Reserves bytes. `large` means that the body is larger than a small one.
    fn reserve(&self, peer: Peer, bytes: usize, large: bool) -> bool {
        let fits = |held: usize, most: usize| {
            let most = if large { most / PARTS * (PARTS - 1) } else { most };
            held.checked_add(bytes).is_some_and(|all| all <= most)
        };
        let mut held = self.held();
        let own = held.by_peer.get(&peer).copied().unwrap_or(0);
        let in_share = peer == Peer::Trusted || fits(own, self.most / PARTS);
        if !in_share || !fits(held.all, self.most) {
            return false;
        }
        held.all += bytes;
        held.by_peer.insert(peer, own + bytes);
        true
    }

    fn give_back(&self, peer: Peer, bytes: usize) {
        let mut held = self.held();
        held.all -= bytes;
        if let Entry::Occupied(mut own) = held.by_peer.entry(peer) {
            *own.get_mut() -= bytes;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HeldBytes> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the smallest budget that fits the largest bodies: one of any client within its share,
/// and one with a file.
pub(super) fn smallest_budget(anybody: usize, file: usize) -> usize {
    let beside_small = |bytes: usize| bytes.next_multiple_of(STEP).div_ceil(PARTS - 1) * PARTS;
    (beside_small(anybody) * PARTS).max(beside_small(file + FORM))
}

/// The largest file in a form that a budget has room for, in bytes.
pub(super) fn largest_file(budget: usize) -> usize {
    let part = budget / PARTS * (PARTS - 1);
    (part / STEP * STEP).saturating_sub(FORM)
}

/// Why a body was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyError {
    /// It arrived too slowly.
    Slow,
    /// The budget is used up.
    Full,
    /// It arrived in too many small pieces.
    TooManyPieces,
}

/// The reserved bytes of one request's body, released when the request ends.
pub(in crate::http) struct Intake {
    budget: Arc<Budget>,
    account: Mutex<Account>,
    cut: OnceLock<BodyError>,
}

/// The peer, the bytes that it holds, and the bytes that are reserved for it.
struct Account {
    peer: Peer,
    bytes: usize,
    reserved: usize,
}

impl Intake {
    pub(super) fn new(budget: Arc<Budget>, peer: Peer) -> Arc<Self> {
        let account = Mutex::new(Account { peer, bytes: 0, reserved: 0 });
        Arc::new(Self { budget, account, cut: OnceLock::new() })
    }

    /// Reserves what is missing for `more` bytes. Returns whether the budget allows it.
    fn hold(&self, more: usize) -> bool {
        let mut account = self.account();
        account.bytes += more;
        let missing = account.bytes.saturating_sub(account.reserved).next_multiple_of(STEP);
        let large = account.bytes > SMALL;
        let has = missing == 0 || self.budget.reserve(account.peer, missing, large);
        if has {
            account.reserved += missing;
        }
        has
    }

    /// Releases what arrived so far: the reader no longer keeps it.
    pub(in crate::http) fn release(&self) {
        let mut account = self.account();
        self.budget.give_back(account.peer, std::mem::take(&mut account.reserved));
        account.bytes = 0;
    }

    /// Exempts the rest of the body from the address's share: the sender is authenticated.
    pub(in crate::http) fn exempt_from_share(&self) {
        self.release();
        self.account().peer = Peer::Trusted;
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the response to a body that was cut off.
    pub(super) fn refusal(&self) -> Option<Problem> {
        let cut = self.cut.get()?;
        crate::metrics::BODIES_CUT.one();
        Some(match cut {
            BodyError::Slow => {
                Problem::timeout("The body came too slowly, or stopped before its end.")
            }
            BodyError::Full => Problem::unavailable(
                "Too many bodies are being read right now ([http] max_bytes_in_flight). Try again soon.",
            ),
            BodyError::TooManyPieces => {
                Problem::bad_request("The body came in too many small pieces.")
            }
        })
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.release();
    }
}

/// A body that is measured while it is read.
pub(super) struct MeteredBody<B: HttpBody> {
    body: B,
    intake: Arc<Intake>,
    activity: Arc<ConnectionActivity>,
    patience: Duration,
    bytes: usize,
    pieces: usize,
    /// Total time that the reader waited for data.
    waited: Duration,
    waits_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl<B: HttpBody> MeteredBody<B> {
    /// `stall` is how long the body may make no progress, in milliseconds.
    pub(super) fn new(
        body: B,
        intake: Arc<Intake>,
        activity: Arc<ConnectionActivity>,
        stall: u64,
    ) -> Self {
        Self {
            body,
            intake,
            activity,
            patience: Duration::from_millis(stall),
            bytes: 0,
            pieces: 0,
            waited: Duration::ZERO,
            waits_since: None,
            timer: None,
            ended: false,
        }
    }

    fn cut<T>(&mut self, why: BodyError) -> Poll<Option<Result<T, axum::Error>>> {
        let _ = self.intake.cut.set(why);
        Poll::Ready(Some(Err(axum::Error::new(format!("the body was cut off: {why:?}")))))
    }

    /// Whether the body arrives too slowly.
    fn is_slow(&mut self, cx: &mut Context<'_>) -> bool {
        let earned = Duration::from_millis(self.bytes as u64 / RATE);
        let allowed = (self.patience + earned).saturating_sub(self.waited);
        let timer = match (&mut self.timer, self.waits_since) {
            (Some(timer), Some(_)) => timer,
            (timer, _) => {
                let now = Instant::now();
                self.waits_since = Some(now);
                let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(now)));
                timer.as_mut().reset(now + allowed);
                timer
            }
        };
        timer.as_mut().poll(cx).is_ready()
    }

    fn takes(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.bytes += bytes;
        self.pieces += 1;
        if self.pieces > PIECES.0 && self.bytes / self.pieces < PIECES.1 {
            return Err(BodyError::TooManyPieces);
        }
        if self.intake.hold(bytes) { Ok(()) } else { Err(BodyError::Full) }
    }
}

impl<B> HttpBody for MeteredBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            return if this.is_slow(cx) { this.cut(BodyError::Slow) } else { Poll::Pending };
        };
        if let Some(since) = this.waits_since.take() {
            this.waited += since.elapsed();
        }
        let Some(frame) = frame else {
            this.ended = true;
            return Poll::Ready(None);
        };
        let frame = frame.map_err(axum::Error::new)?;
        match this.takes(frame.data_ref().map_or(0, Bytes::len)) {
            Ok(()) => Poll::Ready(Some(Ok(frame))),
            Err(why) => this.cut(why),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: HttpBody> Drop for MeteredBody<B> {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.activity.mark_body_unread();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const STRANGER: Peer = Peer::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const OTHER: Peer = Peer::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

    #[test]
    fn bodies_share_a_budget_and_give_it_back() {
        let budget = Budget::new(16 * SMALL);
        let intake = |peer| Intake::new(budget.clone(), peer);
        let (one, other) = (intake(Peer::Trusted), intake(Peer::Trusted));
        assert!(one.hold(1) && one.hold(STEP - 1) && one.hold(9 * SMALL - STEP));
        assert_eq!(budget.held().all, 9 * SMALL);
        assert!(other.hold(3 * SMALL) && !other.hold(1), "a part is kept for small ones");
        let small: Vec<_> = (0..4).map(|_| intake(Peer::Trusted)).collect();
        assert!(small.iter().all(|small| small.hold(SMALL)));
        assert!(!intake(Peer::Trusted).hold(1), "nothing is left");
        one.release();
        assert!(one.hold(5 * SMALL), "what it holds counts, not what came");
        drop((one, other, small));
        let held = budget.held();
        assert!(held.all == 0 && held.by_peer.is_empty());
    }

    #[test]
    fn one_address_has_its_share_and_room_for_small_bodies_in_it() {
        let budget = Budget::new(16 * SMALL);
        let intake = |peer| Intake::new(budget.clone(), peer);
        let (large, small, late) = (intake(STRANGER), intake(STRANGER), intake(STRANGER));
        assert!(large.hold(3 * SMALL) && !large.hold(1));
        assert!(small.hold(SMALL) && !late.hold(1));
        assert!(intake(OTHER).hold(3 * SMALL), "another one has his own");
        late.exempt_from_share();
        assert!(late.hold(5 * SMALL), "whoever is known takes no part of it");
        drop((large, small, late));
        assert!(budget.held().by_peer.is_empty());
    }

    #[test]
    fn the_smallest_budget_is_enough_for_the_largest_bodies() {
        for (anybody, file) in [(1, 1), (4_194_304, 1), (2000, 20_971_520), (1_000_001, 3_000_003)]
        {
            let most = smallest_budget(anybody, file);
            assert!(Intake::new(Budget::new(most), STRANGER).hold(anybody), "{anybody}");
            assert!(Intake::new(Budget::new(most), Peer::Trusted).hold(file + FORM), "{file}");
            let largest = largest_file(most);
            assert!(largest >= file && smallest_budget(1, largest) <= most, "{largest}");
        }
    }

    #[test]
    fn crumbs_are_refused_and_pieces_are_not() {
        let measured = || {
            let intake = Intake::new(Budget::new(1 << 30), Peer::Trusted);
            let activity = Arc::new(ConnectionActivity::new());
            MeteredBody::new(axum::body::Body::empty(), intake, activity, 1000)
        };
        let (mut crumbs, mut pieces) = (measured(), measured());
        let first = (1..100_000).find(|_| crumbs.takes(1).is_err());
        assert_eq!(first, Some(PIECES.0 + 1));
        assert!((0..20_000).all(|_| pieces.takes(1024).is_ok()));
    }
}
