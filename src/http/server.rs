//! The server's loop: takes connections, bounds how many there are, how slow they may be and what they may hold, and ends them in order.
//! Knows nothing of what is asked.
//!
//! | file | bounds |
//! | --- | --- |
//! | `connections` | how many connections there are, of one address and in all |
//! | `activity` | how long a connection may stand still, whatever it waits for |
//! | `socket` | tells the activity what is read and written |
//! | `streams` | how long an answer of HTTP/2 may go unread |
//! | `body` | how slowly bodies come, and their bytes, of one address and in all |
//! | `service` | what every request passes: its host, its body, its answer |
//! | `network` | addresses of proxies |

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

/// The most that a request's head may take, and what is read of a body at once, in bytes.
const BUFFER: usize = 32 * 1024;
/// The most requests that a connection of HTTP/2 asks at once.
const STREAMS: u32 = 100;
/// What a connection of HTTP/2 may send of all bodies before they are read, and of one of them, in bytes.
const WINDOWS: (u32, u32) = (256 * 1024, 128 * 1024);
/// What is kept of an answer until a connection of HTTP/2 takes it, in bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// How many requests of HTTP/2 may be taken back before they were looked at (the "rapid reset"), and how many may be wrong.
const RESETS: (usize, usize) = (20, 64);
/// How often a peer of HTTP/2 is asked whether it is still there, and how long it has to say so.
const PINGS: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));
/// How long no connection is taken after the system refused one, because all files are open.
const BREATH: Duration = Duration::from_millis(100);
/// What a connection hears for which there is no place.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The usual budget for bodies that are being read, in bytes.
const BODIES: usize = 64 * 1024 * 1024;

/// What all connections share.
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
    /// Settles the budget for bodies where the configuration leaves it to us, and refuses one in which the largest could never be read.
    pub fn settle_budget(&mut self, max_upload_bytes: usize) -> Result<(), String> {
        let least = body::smallest_budget(self.max_body_bytes, max_upload_bytes);
        if self.max_bytes_in_flight == 0 {
            self.max_bytes_in_flight = least.max(BODIES);
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

/// Where a server is on its way to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It takes connections.
    Serving,
    /// Requests under way are finished.
    Finishing,
    /// What is left is cut off.
    Over,
}

/// Serves until `shutdown` ends; then requests under way have `grace` to finish.
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
        let Some((stream, peer)) = sound(taken).await else { continue };
        let activity = Arc::new(ConnectionActivity::new());
        let Some(place) = connections.take(peer.ip(), &activity) else {
            refuse(&stream);
            continue;
        };
        // Events of a stream are small, and would wait for each other.
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

/// A connection that was taken. Nothing where it was gone already, or after a pause where the system has no more to give.
async fn sound(taken: std::io::Result<(TcpStream, SocketAddr)>) -> Option<(TcpStream, SocketAddr)> {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    match taken {
        Ok(taken) => return Some(taken),
        Err(error)
            if [ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted]
                .contains(&error.kind()) => {}
        Err(error) => {
            tracing::error!(%error, "no connection can be taken right now");
            tokio::time::sleep(BREATH).await;
        }
    }
    None
}

/// Says that there is no place, as far as that can be said without waiting.
fn refuse(stream: &TcpStream) {
    CONNECTIONS_REFUSED.one();
    drop(stream.try_write(FULL));
}

fn builder(executor: StreamExecutor) -> Builder<StreamExecutor> {
    let mut builder = Builder::new(executor);
    // Its own deadline would end connections that wait for their next request, too: `activity` tells them apart.
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

/// A connection and what it is measured by.
struct ConnectionTask {
    connection: HttpConnection,
    activity: Arc<ConnectionActivity>,
    deadlines: Deadlines,
}

/// Serves one connection to its end.
async fn run(watched: ConnectionTask, place: Place, mut phase: watch::Receiver<Phase>) {
    let ConnectionTask { connection, activity, deadlines } = watched;
    let mut connection = pin!(connection);
    let mut timer = pin!(sleep_until(activity.due(&deadlines).0));
    // It may have begun before this task listened.
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
                // A request may have come in the last moment.
                if activity.is_idle() {
                    break;
                }
                activity.stays();
            }
        }
    }
    drop(place);
}

/// Goes on with a connection; ready when it has ended, or stood still for too long. The timer is set anew only where a deadline
/// is nearer than it was: where it is further away, the timer finds so when it fires.
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
