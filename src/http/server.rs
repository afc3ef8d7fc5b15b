//! The server loop: accepts connections, limits their number, pace and memory, and shuts them down
//! in order. Does not know the routes.
//!
//! | file | limits |
//! | --- | --- |
//! | `connections` | number of connections, per address and in total |
//! | `activity` | how long a connection may make no progress, whatever it waits for |
//! | `socket` | reports reads and writes to `activity` |
//! | `streams` | how long a response may go unread on HTTP/2 |
//! | `body` | how slow bodies may be, and their bytes, per address and in total |
//! | `service` | wraps every request and response: host check, body, response body |

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::{Builder, Connection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use self::activity::{ConnectionActivity, Deadlines};
use self::body::Budget;
use self::connections::{Connections, Place};
use self::service::ConnectionService;
use self::socket::TrackedSocket;
use self::streams::StreamExecutor;
use super::Settings;
use super::host::Hosts;
use crate::metrics::{CONNECTIONS_CUT, CONNECTIONS_REFUSED};

mod activity;
mod body;
mod connections;
mod service;
mod socket;
mod streams;

pub(super) use body::Intake;

/// Maximum size of a request's head, and of the read buffer, in bytes.
const BUFFER: usize = 32 * 1024;
/// Maximum concurrent requests on an HTTP/2 connection.
const STREAMS: u32 = 100;
/// HTTP/2 flow-control windows, in bytes: of the connection and of one stream.
const WINDOWS: (u32, u32) = (256 * 1024, 128 * 1024);
/// Maximum bytes of a response that are buffered per HTTP/2 stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Reset streams that are tolerated on an HTTP/2 connection: those reset by the peer before they
/// were accepted ("rapid reset"), and those reset for errors of the peer.
const RESETS: (usize, usize) = (20, 64);
/// HTTP/2 keep-alive: interval between pings, and time to answer one.
const PINGS: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));
/// Pause after a failed accept, for example because no file descriptors are left.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Response to a connection that is refused for lack of capacity.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Default budget for bodies that are being read, in bytes.
const BODIES: usize = 64 * 1024 * 1024;

/// State that all connections share.
pub(super) struct Limits {
    deadlines: Deadlines,
    budget: Arc<Budget>,
    hosts: Hosts,
}

impl Limits {
    fn of(settings: &Settings) -> Self {
        Self {
            deadlines: Deadlines::of(settings),
            budget: Budget::new(settings.max_bytes_in_flight),
            hosts: Hosts::of(settings),
        }
    }
}

impl Settings {
    /// The largest file that a form may have, in bytes.
    pub(super) fn largest_file(&self) -> usize {
        body::largest_file(self.max_bytes_in_flight)
    }

    /// Computes the budget for bodies if it is not configured, with room for the largest file that
    /// a person may send. Refuses one that is too small for other bodies.
    pub fn settle_budget(
        &mut self,
        max_upload_bytes: usize,
        max_file_bytes: usize,
    ) -> Result<(), String> {
        let least = body::smallest_budget(self.max_body_bytes, max_upload_bytes);
        if self.max_bytes_in_flight == 0 {
            let sent = body::smallest_budget(self.max_body_bytes, max_file_bytes);
            self.max_bytes_in_flight = least.max(sent).max(BODIES);
        }
        if self.max_bytes_in_flight < least {
            return Err(format!(
                "in `http.max_bytes_in_flight`: {} is too little for bodies of [http] max_body_bytes or [knowledge] max_upload_bytes; it has to be {least} at least",
                self.max_bytes_in_flight
            ));
        }
        Ok(())
    }
}

/// The phase of a server's shutdown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Accepts connections.
    Serving,
    /// Finishes requests in progress.
    Finishing,
    /// Closes the remaining connections.
    Over,
}

/// Serves until `shutdown` completes; then requests in progress have `grace` to finish.
pub(super) async fn serve(
    (router, settings): (Router, &Settings),
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) {
    let limits = Arc::new(Limits::of(settings));
    let connections = Connections::of(settings);
    let (phase, watched) = watch::channel(Phase::Serving);
    let mut shutdown = pin!(shutdown);
    loop {
        let taken = tokio::select! {
            taken = listener.accept() => taken,
            () = &mut shutdown => break,
        };
        let Some((stream, peer)) = accepted_or_pause(taken).await else { continue };
        let activity = Arc::new(ConnectionActivity::new());
        let Some(place) = connections.take(peer.ip(), &activity) else {
            refuse(&stream);
            continue;
        };
        // Events of a stream are small: Nagle's algorithm would delay them.
        drop(stream.set_nodelay(true));
        let deadlines = limits.deadlines;
        let from = (peer, place.peer());
        let service =
            ConnectionService::new(router.clone(), from, limits.clone(), activity.clone());
        let socket = TokioIo::new(TrackedSocket::new(stream, activity.clone()));
        let builder = builder(StreamExecutor::new(activity.clone(), deadlines.stall));
        let served = builder.serve_connection(socket, service);
        let watched = ConnectionTask { connection: served.into_owned(), activity, deadlines };
        tokio::spawn(run(watched, place, phase.subscribe()));
    }
    drop((listener, watched));
    phase.send_replace(Phase::Finishing);
    if timeout(grace, phase.closed()).await.is_err() {
        tracing::warn!(connections = phase.receiver_count(), "requests did not finish in time");
        phase.send_replace(Phase::Over);
        phase.closed().await;
    }
}

/// Unwraps an accepted connection. `None` if the peer is gone already, or after a pause if the
/// system is out of resources.
async fn accepted_or_pause(
    taken: std::io::Result<(TcpStream, SocketAddr)>,
) -> Option<(TcpStream, SocketAddr)> {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    match taken {
        Ok(taken) => return Some(taken),
        Err(error)
            if [ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted]
                .contains(&error.kind()) => {}
        Err(error) => {
            tracing::error!(%error, "no connection can be taken right now");
            tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
        }
    }
    None
}

/// Sends [`FULL`] if that is possible without waiting.
fn refuse(stream: &TcpStream) {
    CONNECTIONS_REFUSED.one();
    drop(stream.try_write(FULL));
}

fn builder(executor: StreamExecutor) -> Builder<StreamExecutor> {
    let mut builder = Builder::new(executor);
    // hyper's own header timeout would also close idle connections; `activity` distinguishes the
    // two.
    builder.http1().max_buf_size(BUFFER).header_read_timeout(None);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(PINGS.0).keep_alive_timeout(PINGS.1);
    http2.max_concurrent_streams(STREAMS).max_send_buf_size(SEND_BUFFER);
    http2.max_header_list_size(u32::try_from(BUFFER).unwrap_or(u32::MAX));
    http2.initial_connection_window_size(WINDOWS.0).initial_stream_window_size(WINDOWS.1);
    http2.max_pending_accept_reset_streams(RESETS.0).max_local_error_reset_streams(RESETS.1);
    builder
}

type HttpConnection =
    Connection<'static, TokioIo<TrackedSocket>, ConnectionService, StreamExecutor>;

/// A connection with the activity and deadlines that may close it.
struct ConnectionTask {
    connection: HttpConnection,
    activity: Arc<ConnectionActivity>,
    deadlines: Deadlines,
}

/// Serves one connection until it ends.
async fn run(watched: ConnectionTask, place: Place, mut phase: watch::Receiver<Phase>) {
    let ConnectionTask { connection, activity, deadlines } = watched;
    let mut connection = pin!(connection);
    let mut timer = pin!(sleep_until(activity.due(&deadlines).0));
    // The shutdown may have begun before this task subscribed.
    let mut changed = *phase.borrow_and_update() != Phase::Serving;
    loop {
        if std::mem::take(&mut changed) {
            match *phase.borrow_and_update() {
                Phase::Serving => {}
                Phase::Finishing => connection.as_mut().graceful_shutdown(),
                Phase::Over => break,
            }
        }
        let served = std::future::poll_fn(|cx| {
            progress(cx, (connection.as_mut(), timer.as_mut()), &activity, &deadlines)
        });
        tokio::select! {
            () = served => break,
            gone = phase.changed() => {
                if gone.is_err() {
                    break;
                }
                changed = true;
            }
            () = activity.evicted() => {
                // A request may have come in the meantime.
                if activity.is_idle() {
                    break;
                }
                activity.stays();
            }
        }
    }
    drop(place);
}

/// Drives a connection; ready when it has ended or missed a deadline. The timer is reset only for
/// an earlier deadline: a later one is found when the timer fires.
fn progress(
    cx: &mut Context<'_>,
    (connection, mut timer): (Pin<&mut HttpConnection>, Pin<&mut Sleep>),
    activity: &ConnectionActivity,
    deadlines: &Deadlines,
) -> Poll<()> {
    if let Poll::Ready(ended) = connection.poll(cx) {
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke");
        }
        return Poll::Ready(());
    }
    let mut fired = false;
    loop {
        let (due, why) = activity.due(deadlines);
        if let Some(why) = why.filter(|_| due <= Instant::now()) {
            tracing::debug!(%why, "a connection was closed");
            CONNECTIONS_CUT.one_of(why.as_str());
            return Poll::Ready(());
        }
        if fired || due < timer.deadline() {
            timer.as_mut().reset(due);
        }
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        fired = true;
    }
}
