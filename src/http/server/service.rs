//! Wraps every request and response of a connection: checks the host, meters the body, and reports
//! requests in progress to the connection's activity. Does not look at routes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, Version};
use axum::response::IntoResponse;
use http_body::{Frame, SizeHint};
use hyper::service::Service;

use super::Limits;
use super::activity::{ConnectionActivity, Unread};
use super::body::{Intake, MeteredBody};
use super::connections::Peer;

/// Maximum bytes of a response that an HTTP/2 stream gets at once.
const PIECE: usize = 16 * 1024;

/// The hyper service of one connection, in front of the router.
#[derive(Clone)]
pub(super) struct ConnectionService {
    router: Router,
    address: SocketAddr,
    peer: Peer,
    limits: Arc<Limits>,
    activity: Arc<ConnectionActivity>,
}

impl ConnectionService {
    pub(super) fn new(
        router: Router,
        (address, peer): (SocketAddr, Peer),
        limits: Arc<Limits>,
        activity: Arc<ConnectionActivity>,
    ) -> Self {
        Self { router, address, peer, limits, activity }
    }
}

impl<B> Service<Request<B>> for ConnectionService
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<TrackedBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let under_way = UnderWay::begin(&self.activity, request.version() >= Version::HTTP_2);
        if let Err(problem) = self.limits.hosts.check(request.uri(), request.headers()) {
            if !request.body().is_end_stream() {
                self.activity.mark_body_unread();
            }
            let response = problem.into_response().map(|body| TrackedBody::new(body, under_way));
            return Box::pin(std::future::ready(Ok(response)));
        }
        let has_body = !request.body().is_end_stream();
        let intake = has_body.then(|| Intake::new(self.limits.budget.clone(), self.peer));
        let (activity, stall) = (&self.activity, self.limits.deadlines.stall);
        let mut request = request.map(|body| match &intake {
            Some(intake) => {
                Body::new(MeteredBody::new(body, intake.clone(), activity.clone(), stall))
            }
            None => Body::empty(),
        });
        request.extensions_mut().insert(ConnectInfo(self.address));
        // For handlers that release bytes they do not keep.
        if let Some(intake) = &intake {
            request.extensions_mut().insert(intake.clone());
        }
        let answered = tower_service::Service::call(&mut self.router.clone(), request);
        Box::pin(async move {
            let Ok(mut response) = answered.await;
            if let Some(problem) = intake.as_ref().and_then(|intake| intake.refusal()) {
                response = problem.into_response();
            }
            Ok(response.map(|body| TrackedBody::new(body, under_way)))
        })
    }
}

/// A request in progress, until this is dropped.
struct UnderWay {
    activity: Arc<ConnectionActivity>,
    unread: Arc<Unread>,
    /// Whether other requests may run concurrently (HTTP/2).
    shared: bool,
}

impl UnderWay {
    fn begin(activity: &Arc<ConnectionActivity>, shared: bool) -> Self {
        Self { activity: activity.clone(), unread: activity.begins(shared), shared }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.activity.ends();
    }
}

/// A response body that tracks whether its pieces were taken.
pub(super) struct TrackedBody {
    body: Body,
    /// The part of the last frame that was not handed out yet.
    rest: Bytes,
    under_way: UnderWay,
}

impl TrackedBody {
    fn new(body: Body, under_way: UnderWay) -> Self {
        Self { body, rest: Bytes::new(), under_way }
    }

    /// Splits off the part of a frame that is handed out now. hyper counts a piece of an HTTP/2
    /// stream as taken when the peer accepts one byte, and stops tracking after the last piece. So
    /// the last byte goes alone, once all before it may be sent. The data is copied: a slice would
    /// keep a large response in memory.
    fn piece(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        if !self.under_way.shared {
            return frame;
        }
        frame.map_data(|mut data| {
            let alone = usize::from(data.len() > 1);
            let piece = data.split_to(PIECE.min(data.len() - alone));
            self.rest = data;
            Bytes::copy_from_slice(&piece)
        })
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = if self.rest.is_empty() {
            Pin::new(&mut self.body).poll_frame(cx)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))))
        };
        let polled = polled.map_ok(|frame| self.piece(frame));
        if let Poll::Ready(Some(Ok(_))) = &polled {
            self.under_way.unread.handed_out();
        } else {
            self.under_way.unread.took();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint() + SizeHint::with_exact(self.rest.len() as u64)
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.under_way.unread.took();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn http2_is_given_answers_in_small_copies_and_their_last_byte_alone() {
        let activity = Arc::new(ConnectionActivity::new());
        for (shared, lengths) in [
            (false, vec![40_000]),
            (true, vec![PIECE, PIECE, 5000, 1]),
            (true, vec![PIECE, 1]),
            (true, vec![2, 1]),
            (true, vec![1]),
            (true, vec![]),
        ] {
            let whole: Bytes = (0..=u8::MAX).cycle().take(lengths.iter().sum()).collect();
            let under_way = UnderWay::begin(&activity, shared);
            let mut answer = TrackedBody::new(Body::from(whole.clone()), under_way);
            let (mut given, mut all) = (Vec::new(), Vec::<u8>::new());
            while !answer.is_end_stream() {
                let left = (whole.len() - all.len()) as u64;
                assert_eq!(answer.size_hint().exact(), Some(left));
                let frame = std::future::poll_fn(|cx| Pin::new(&mut answer).poll_frame(cx)).await;
                let data = frame.unwrap().unwrap().into_data().unwrap();
                assert_ne!(whole.as_ptr_range().contains(&data.as_ptr()), shared);
                given.push(data.len());
                all.extend(data);
            }
            assert_eq!((given, Bytes::from(all)), (lengths, whole));
        }
    }
}
