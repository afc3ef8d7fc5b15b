//! The events of a run of evals: follows its journal while it is written.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use frontdesk_promptfoo::run_log::RunLog;
use futures::{Stream, StreamExt};
use serde_json::json;

use super::evals::{Counts, Run, described, found, reading};
use crate::domain::stream::RunEventName;
use crate::http::WebState;
use crate::http::auth::signed_out;
use crate::http::caller::Caller;
use crate::http::error::Problem;
use crate::http::extract::Path;

/// How often a stream looks for new rows.
const LOOK: Duration = Duration::from_millis(200);
/// Rows that a stream reads at once.
const PIECE: usize = 200;

/// Server-sent events of a run: `row` with `title`, `verdict` and the counts so far for each row, and at the end one `done` with the run.
/// With `Last-Event-ID` the rows after that one are told.
#[utoipa::path(get, path = "/evals/runs/{id}/events", operation_id = "watch_run", tag = "evals", params(("id" = String, Path)),
    responses((status = 200, description = "Events until the run has ended", content_type = "text/event-stream", body = Run), (status = 404, response = Problem),
        (status = 429, response = Problem)))]
pub(super) async fn events(
    State(web): State<WebState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let row = found(&web, &id).await?;
    let place = web.limits.stream(&caller)?;
    let last = headers.get("last-event-id").and_then(|it| it.to_str().ok()?.parse().ok());
    let run_log = web.jobs.run_log(&row.id);
    let ended = Box::pin(web.desk.wake.live_ended());
    let out = Box::pin(signed_out(web.clone(), caller));
    let tail = Tail::new(web, row.id, run_log, last.unwrap_or(0));
    let stream = futures::stream::unfold(tail, |mut tail| async {
        let event = tail.next().await?;
        Some((Ok(event), tail))
    });
    let stream = stream.take_until(ended).take_until(out).inspect(move |_| _ = &place);
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// Follows a journal while it is written.
struct Tail {
    web: WebState,
    id: String,
    run_log: RunLog,
    /// The byte to go on from.
    at: u64,
    /// Rows so far.
    told: u64,
    /// Rows that the listener knows already.
    seen: u64,
    counts: [usize; 4],
    /// What was read and not told yet, the next last.
    waiting: Vec<Event>,
    over: bool,
}

impl Tail {
    fn new(web: WebState, id: String, run_log: RunLog, seen: u64) -> Self {
        let waiting = Vec::new();
        Self { web, id, run_log, at: 0, told: 0, seen, counts: [0; 4], waiting, over: false }
    }

    /// What is told next; `None` after the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            // Asked before the rows are read: when it has ended, all of them are there.
            let row = self.web.desk.store.eval_run(&self.id).await.ok().flatten();
            let rows = self.read().await;
            if rows > 0 {
                continue;
            }
            match row {
                Some(row) if row.state.is_active() => tokio::time::sleep(LOOK).await,
                row => {
                    self.over = true;
                    let run = row.map(|row| described(&self.web, row));
                    return Event::default().event(RunEventName::Done.as_str()).json_data(run).ok();
                }
            }
        }
    }

    /// Reads what is new; how many rows.
    async fn read(&mut self) -> usize {
        let (run_log, at) = (self.run_log.clone(), self.at);
        let Ok((rows, next)) = reading(move || run_log.page(at, PIECE, |_| true)).await else {
            return 0;
        };
        self.at = next;
        let many = rows.len();
        for (_, row) in rows {
            self.told += 1;
            let verdict = row.verdict();
            self.counts[verdict as usize] += 1;
            if self.told <= self.seen {
                continue;
            }
            let told = json!({"title": row.title(), "verdict": verdict, "score": row.score, "counts": Counts::from(self.counts)});
            let event = Event::default().event(RunEventName::Row.as_str());
            let event = event.id(self.told.to_string()).json_data(told);
            self.waiting.extend(event.ok());
        }
        self.waiting.reverse();
        many
    }
}
