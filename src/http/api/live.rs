//! The live stream: in which conversations something happened, on whichever replica. Says only where; what it is, the
//! other routes tell.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt};
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

use crate::domain::ConversationId;
use crate::http::Shared;

/// Something happened in a conversation: a message came, was answered, sent or settled, or its owner changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changed {
    /// The conversation's id.
    id: String,
}

/// Server-sent events: `conversation` with its id when something happened in it; `reload` when too much happened to be
/// told one by one, or some of it may have been missed. What happened before the stream began is not told.
#[utoipa::path(get, path = "/live", operation_id = "live", tag = "live",
    responses((status = 200, description = "Events, for as long as the stream is open", content_type = "text/event-stream", body = Changed)))]
pub(super) async fn live(
    State(web): State<Shared>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = events(web.desk.wake.changes()).take_until(Box::pin(web.desk.wake.live_ended()));
    Sse::new(events).keep_alive(KeepAlive::default())
}

fn events(changes: Receiver<ConversationId>) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(changes, |mut changes| async {
        match changes.recv().await {
            Ok(id) => Some((Some(id), changes)),
            Err(RecvError::Lagged(_)) => Some((None, changes)),
            Err(RecvError::Closed) => None,
        }
    })
    .map(|change| {
        let event = match change {
            Some(id) => {
                Event::default().event("conversation").json_data(Changed { id: id.to_string() })
            }
            None => Ok(Event::default().event("reload").data("{}")),
        };
        Ok(event.unwrap_or_else(|_| Event::default().event("reload").data("{}")))
    })
}
