//! Bodies of requests while they come: they must make progress, and all that are being read have a budget of bytes together. Does not
//! know how large one may be: that is each route's own.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::pulse::Pulse;
use crate::http::error::Problem;

/// The slowest that a body may come, beside its first patience: bytes a millisecond.
const RATE: u64 = 16;
/// Of one body so many bytes are reserved at the most: whoever takes more reads it piece by piece.
const MOST_HELD: usize = 24 * 1024 * 1024;
/// Bytes are reserved in steps of so many.
const STEP: usize = 16 * 1024;
/// So many pieces may be as small as they like; of more of them each has so many bytes on average. Each costs memory of its own.
const PIECES: (usize, usize) = (4096, 128);

/// How many bytes of bodies may be held at once.
pub(super) struct Budget {
    most: usize,
    held: AtomicUsize,
}

impl Budget {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicUsize::new(0) })
    }

    fn reserve(&self, bytes: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|all| *all <= self.most);
        self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// It came too slowly.
    Slow,
    /// There are too many bytes of others.
    Full,
    /// It came in too many pieces.
    Crumbs,
}

/// What a request's body holds, for as long as the request is under way.
pub(super) struct Intake {
    budget: Arc<Budget>,
    reserved: AtomicUsize,
    cut: OnceLock<Cut>,
}

impl Intake {
    pub(super) fn new(budget: Arc<Budget>) -> Arc<Self> {
        Arc::new(Self { budget, reserved: AtomicUsize::new(0), cut: OnceLock::new() })
    }

    /// Makes sure that so many bytes are reserved.
    fn hold(&self, bytes: usize) -> bool {
        let wanted = bytes.min(MOST_HELD);
        let reserved = self.reserved.load(Ordering::Relaxed);
        if wanted <= reserved {
            return true;
        }
        let step = (wanted - reserved).next_multiple_of(STEP);
        let has = self.budget.reserve(step);
        if has {
            self.reserved.store(reserved + step, Ordering::Relaxed);
        }
        has
    }

    /// What the caller hears where the body was cut off.
    pub(super) fn refusal(&self) -> Option<Problem> {
        let cut = self.cut.get()?;
        metrics::counter!("frontdesk_bodies_cut_total").increment(1);
        Some(match cut {
            Cut::Slow => Problem::timeout("The body came too slowly, or stopped before its end."),
            Cut::Full => Problem::unavailable(
                "Too many bodies are being read right now ([http] max_bytes_in_flight). Try again soon.",
            ),
            Cut::Crumbs => Problem::bad_request("The body came in too many small pieces."),
        })
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(*self.reserved.get_mut(), Ordering::AcqRel);
    }
}

/// A body that is measured while it is read.
pub(super) struct MeteredBody<B: HttpBody> {
    body: B,
    intake: Arc<Intake>,
    pulse: Arc<Pulse>,
    patience: Duration,
    bytes: usize,
    pieces: usize,
    /// How long its reader waited for it.
    waited: Duration,
    waits_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl<B: HttpBody> MeteredBody<B> {
    /// `stall` is how long it may make no progress, in milliseconds.
    pub(super) fn new(body: B, intake: Arc<Intake>, pulse: Arc<Pulse>, stall: u64) -> Self {
        Self {
            body,
            intake,
            pulse,
            patience: Duration::from_millis(stall),
            bytes: 0,
            pieces: 0,
            waited: Duration::ZERO,
            waits_since: None,
            timer: None,
            ended: false,
        }
    }

    fn cut<T>(&mut self, why: Cut) -> Poll<Option<Result<T, axum::Error>>> {
        let _ = self.intake.cut.set(why);
        Poll::Ready(Some(Err(axum::Error::new(format!("the body was cut off: {why:?}")))))
    }

    /// Whether the body has come too slowly for its reader.
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

    fn takes(&mut self, bytes: usize) -> Result<(), Cut> {
        self.bytes += bytes;
        self.pieces += 1;
        if self.pieces > PIECES.0 && self.bytes / self.pieces < PIECES.1 {
            return Err(Cut::Crumbs);
        }
        if self.intake.hold(self.bytes) { Ok(()) } else { Err(Cut::Full) }
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
            return if this.is_slow(cx) { this.cut(Cut::Slow) } else { Poll::Pending };
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
            self.pulse.leaves_rest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_a_budget_and_give_it_back() {
        let budget = Budget::new(8 * STEP);
        let (one, other) = (Intake::new(budget.clone()), Intake::new(budget.clone()));
        assert!(one.hold(1) && one.hold(STEP) && one.hold(5 * STEP));
        assert!(other.hold(3 * STEP) && !other.hold(3 * STEP + 1));
        drop(one);
        assert!(other.hold(3 * STEP + 1));
        drop(other);
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn whoever_reads_piece_by_piece_holds_no_more_than_a_file() {
        let budget = Budget::new(2 * MOST_HELD);
        let intake = Intake::new(budget.clone());
        assert!(intake.hold(1024 * 1024 * 1024));
        assert_eq!(budget.held.load(Ordering::Relaxed), MOST_HELD);
    }

    #[test]
    fn crumbs_are_refused_and_pieces_are_not() {
        let measured = || {
            let (intake, pulse) = (Intake::new(Budget::new(1 << 30)), Arc::new(Pulse::new()));
            MeteredBody::new(axum::body::Body::empty(), intake, pulse, 1000)
        };
        let (mut crumbs, mut pieces) = (measured(), measured());
        let first = (1..100_000).find(|_| crumbs.takes(1).is_err());
        assert_eq!(first, Some(PIECES.0 + 1));
        assert!((0..20_000).all(|_| pieces.takes(1024).is_ok()));
    }
}
