//! What every request passes on its way in and every answer on its way out: the host is ours, the body is measured, and the connection's
//! pulse knows that something is under way. Does not look at what is asked.

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
use super::body::{Intake, MeteredBody};
use super::connections::Peer;
use super::pulse::{Pulse, Unread};

/// The way into the router for the requests of one connection.
#[derive(Clone)]
pub(super) struct Entrance {
    router: Router,
    address: SocketAddr,
    peer: Peer,
    limits: Arc<Limits>,
    pulse: Arc<Pulse>,
}

impl Entrance {
    pub(super) fn new(
        router: Router,
        (address, peer): (SocketAddr, Peer),
        limits: Arc<Limits>,
        pulse: Arc<Pulse>,
    ) -> Self {
        Self { router, address, peer, limits, pulse }
    }
}

impl<B> Service<Request<B>> for Entrance
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let under_way = UnderWay::begin(&self.pulse, request.version() >= Version::HTTP_2);
        if let Err(problem) = self.limits.hosts.check(request.uri(), request.headers()) {
            if !request.body().is_end_stream() {
                self.pulse.leaves_rest();
            }
            let response = problem.into_response().map(|body| Answer::new(body, under_way));
            return Box::pin(std::future::ready(Ok(response)));
        }
        let has_body = !request.body().is_end_stream();
        let intake = has_body.then(|| Intake::new(self.limits.budget.clone(), self.peer));
        let (pulse, stall) = (&self.pulse, self.limits.deadlines.stall);
        let mut request = request.map(|body| match &intake {
            Some(intake) => Body::new(MeteredBody::new(body, intake.clone(), pulse.clone(), stall)),
            None => Body::empty(),
        });
        request.extensions_mut().insert(ConnectInfo(self.address));
        // For whoever gives back what it does not keep.
        if let Some(intake) = &intake {
            request.extensions_mut().insert(intake.clone());
        }
        let answered = tower_service::Service::call(&mut self.router.clone(), request);
        Box::pin(async move {
            let Ok(mut response) = answered.await;
            if let Some(problem) = intake.as_ref().and_then(|intake| intake.refusal()) {
                response = problem.into_response();
            }
            Ok(response.map(|body| Answer::new(body, under_way)))
        })
    }
}

/// A request that is under way until this is dropped.
struct UnderWay {
    pulse: Arc<Pulse>,
    unread: Arc<Unread>,
}

impl UnderWay {
    fn begin(pulse: &Arc<Pulse>, shared: bool) -> Self {
        Self { pulse: pulse.clone(), unread: pulse.begins(shared) }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.pulse.ends();
    }
}

/// An answer's body, which knows whether what was given out of it was taken.
pub(super) struct Answer {
    body: Body,
    under_way: UnderWay,
}

impl Answer {
    fn new(body: Body, under_way: UnderWay) -> Self {
        Self { body, under_way }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(_))) = &polled {
            self.under_way.unread.gave();
        } else {
            self.under_way.unread.took();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.under_way.unread.took();
    }
}
