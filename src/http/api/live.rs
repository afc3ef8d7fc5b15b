//! The live stream: says in which conversations something changed, and what else changed, on any
//! replica. It carries no content: clients read that from the other routes.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use serde::Serialize;
use utoipa::ToSchema;

use crate::desk::live::{Change, Changes};
use crate::domain::What;
use crate::http::WebState;
use crate::http::auth::signed_out;
use crate::http::caller::Caller;
use crate::http::error::Problem;

/// Time after which a disconnected browser reconnects.
const RETRY: Duration = Duration::from_secs(1);
/// Keep-alive interval: proxies close silent connections.
const ALIVE: Duration = Duration::from_secs(15);

/// A server-sent event: its name, and its data as JSON.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub(super) enum LiveEvent {
    /// The first event.
    Hello {},
    /// Something changed in a conversation: a message came, was answered, sent or settled, or the
    /// owner changed.
    Conversation {
        /// The conversation's id.
        id: String,
    },
    /// Something else changed.
    Changed {
        /// The kind of thing that changed.
        what: What,
    },
    /// Too many events were missed: everything must be read again.
    Reload {},
}

/// Streams what changes. Server-sent events, each with an id: `hello` first, `conversation` with its id when
/// something changed in it, `changed` with `what` when something else changed, and `reload` when
/// too many events were missed. With `Last-Event-ID` the stream continues after that event; without
/// it, it starts now.
#[utoipa::path(get, path = "/live", operation_id = "live", tag = "live",
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was heard.")),
    responses((status = 200, description = "Events, for as long as the stream is open", content_type = "text/event-stream", body = LiveEvent),
        (status = 429, response = Problem)))]
pub(super) async fn live(
    State(web): State<WebState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = web.limits.stream(&caller)?;
    let after = headers.get("last-event-id").map(|id| id.to_str().unwrap_or_default());
    let changes = web.desk.notifier.changes(after.filter(|id| !id.is_empty()));
    let ended = Box::pin(web.desk.notifier.live_ended());
    let events = events(changes).take_until(ended);
    let events = events.take_until(Box::pin(signed_out(web, caller)));
    let events = events.inspect(move |_| _ = &place);
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE));
    // Stops nginx from buffering the events.
    Ok(([("x-accel-buffering", "no")], stream).into_response())
}

fn events(changes: Changes) -> impl Stream<Item = Result<Event, Infallible>> {
    let hello = written(Event::default().retry(RETRY), changes.id(), &LiveEvent::Hello {});
    let rest = futures::stream::unfold(changes, |mut changes| async {
        let next = changes.next().await;
        Some((next, changes))
    });
    let rest = rest.flat_map(futures::stream::iter).map(|(id, change)| event(id, change));
    futures::stream::once(std::future::ready(hello)).chain(rest).map(Ok)
}

fn event(id: String, change: Change) -> Event {
    let told = match change {
        Change::Conversation(id) => LiveEvent::Conversation { id: id.to_string() },
        Change::Of(what) => LiveEvent::Changed { what },
        Change::Reload => LiveEvent::Reload {},
    };
    written(Event::default(), id, &told)
}

fn written(event: Event, id: String, told: &LiveEvent) -> Event {
    let told = serde_json::to_value(told).unwrap_or_default();
    let name = told["event"].as_str().unwrap_or_default();
    event.id(id).event(name).data(told["data"].to_string())
}
