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
use tower_service::Service;

use super::Limits;
use super::body::{Intake, MeteredBody};
use super::pulse::Pulse;

/// The way into the router for the requests of one connection.
#[derive(Clone)]
pub(super) struct Entrance {
    router: Router,
    peer: SocketAddr,
    limits: Arc<Limits>,
    pulse: Arc<Pulse>,
}

impl Entrance {
    pub(super) fn new(
        (router, peer): (Router, SocketAddr),
        limits: Arc<Limits>,
        pulse: Arc<Pulse>,
    ) -> Self {
        Self { router, peer, limits, pulse }
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

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let under_way = UnderWay::begin(&self.pulse, request.version() >= Version::HTTP_2);
        if let Err(problem) = self.limits.hosts.check(request.uri(), request.headers()) {
            if !request.body().is_end_stream() {
                self.pulse.leaves_rest();
            }
            let response = problem.into_response().map(|body| Answer::new(body, under_way));
            return Box::pin(std::future::ready(Ok(response)));
        }
        let has_body = !request.body().is_end_stream();
        let intake = has_body.then(|| Intake::new(self.limits.budget.clone()));
        let (pulse, stall) = (&self.pulse, self.limits.deadlines.stall);
        let mut request = request.map(|body| match &intake {
            Some(intake) => Body::new(MeteredBody::new(body, intake.clone(), pulse.clone(), stall)),
            None => Body::empty(),
        });
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let answered = self.router.call(request);
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
struct UnderWay(Arc<Pulse>);

impl UnderWay {
    fn begin(pulse: &Arc<Pulse>, shared: bool) -> Self {
        pulse.begins(shared);
        Self(pulse.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ends();
    }
}

/// An answer's body, which knows whether what was given out of it was taken.
pub(super) struct Answer {
    body: Body,
    under_way: UnderWay,
    given: bool,
}

impl Answer {
    fn new(body: Body, under_way: UnderWay) -> Self {
        Self { body, under_way, given: false }
    }

    fn taken(&mut self) {
        if std::mem::take(&mut self.given) {
            self.under_way.0.took();
        }
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
            let first = !std::mem::replace(&mut self.given, true);
            self.under_way.0.gave(first);
        } else {
            self.taken();
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
        self.taken();
    }
}
