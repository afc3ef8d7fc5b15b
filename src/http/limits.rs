//! Limits in total and per caller: on expensive requests and on open streams. Webhooks are not
//! limited here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::{Frame, SizeHint};

use super::caller::Caller;
use super::error::Problem;
use super::fair_semaphore::{FairPermit, FairSemaphore};

/// Concurrent expensive requests, in total and per caller.
const EXPENSIVE: (usize, usize) = (32, 8);
/// How long an expensive request waits for a permit.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Open streams, in total and per caller.
const STREAMS: (usize, usize) = (256, 64);

/// Permits for expensive requests and streams.
pub struct Limits {
    expensive: ExpensiveRequests,
    streams: Arc<FairSemaphore<String>>,
}

pub(super) type ExpensiveRequests = Arc<FairSemaphore<String>>;
/// The permit of an expensive request. Work that continues after the response began keeps it.
pub(super) type ExpensivePermit = Arc<FairPermit<String>>;

impl Default for Limits {
    fn default() -> Self {
        Self {
            expensive: FairSemaphore::new(EXPENSIVE.0, EXPENSIVE.1),
            streams: FairSemaphore::new(STREAMS.0, STREAMS.1),
        }
    }
}

impl Limits {
    pub(super) fn expensive(&self) -> ExpensiveRequests {
        self.expensive.clone()
    }

    /// Returns a permit for a stream.
    pub(super) fn stream(&self, caller: &Caller) -> Result<FairPermit<String>, Problem> {
        self.streams.try_take(&caller.key()).ok_or_else(|| {
            let (all, each) = STREAMS;
            Problem::busy(format!(
                "Too many streams are open: there are {each} for one session or key and {all} in all. Close some, or try again later."
            ))
        })
    }
}

/// Middleware that makes an expensive request wait for a permit, which is held until the response
/// body was sent.
pub(super) async fn limit_expensive(mut request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>().map(Caller::key).unwrap_or_default();
    let Some(places) = request.extensions().get::<ExpensiveRequests>().cloned() else {
        return next.run(request).await;
    };
    let Some(place) = places.take(&caller, TIMEOUT).await else {
        let each = EXPENSIVE.1;
        return Problem::busy(format!(
            "Too many requests of this kind are under way: {each} of one caller run at once, a few more wait. Try again soon."
        ))
        .into_response();
    };
    let seat: ExpensivePermit = Arc::new(place);
    request.extensions_mut().insert(seat.clone());
    next.run(request).await.map(|body| Body::new(PermitBody { body, _seat: seat }))
}

/// A response body that holds a permit.
struct PermitBody {
    body: Body,
    _seat: ExpensivePermit,
}

impl HttpBody for PermitBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
