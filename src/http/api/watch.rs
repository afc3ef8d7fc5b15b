//! Events of an eval run: follows its run log while it is written.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use frontdesk_promptfoo::row::Verdict;
use frontdesk_promptfoo::run_log::RunLog;
use futures::{Stream, StreamExt};
use serde::Serialize;
use utoipa::ToSchema;

use super::evals::{Counts, Run, described, find_run, read_blocking};
use crate::domain::stream::RunEventName;
use crate::http::WebState;
use crate::http::auth::signed_out;
use crate::http::caller::Caller;
use crate::http::error::Problem;
use crate::http::extract::Path;

/// Poll interval for new rows.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Times in a row that the run or its rows cannot be read before the stream ends without `done`.
const MAX_FAILURES: u32 = 25;
/// Maximum number of rows that are read at once.
const PIECE: usize = 200;

/// A server-sent event of a run: its name, and its data as JSON.
#[derive(Serialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "no value is ever made")]
#[expect(dead_code, reason = "it describes the stream to those who read the API's document")]
pub(super) enum RunEvent {
    /// A row ended.
    Row(RowEnded),
    /// The run has ended: the last event.
    Done(Run),
}

/// A row of a run that ended.
#[derive(Serialize, ToSchema)]
pub(super) struct RowEnded {
    /// Title of the case.
    title: String,
    /// Its verdict.
    verdict: Verdict,
    /// Its score.
    score: f64,
    /// Number of rows so far, by verdict.
    counts: Counts,
}

/// Streams the events of a run. Server-sent events: `row` for each row, and one `done` with the run
/// at the end. A stream that ends without `done` broke: with `Last-Event-ID` it continues after that
/// row.
#[utoipa::path(get, path = "/evals/runs/{id}/events", operation_id = "watch_run", tag = "evals",
    params(("id" = String, Path), ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was heard.")),
    responses((status = 200, description = "Events until the run has ended", content_type = "text/event-stream", body = RunEvent), (status = 404, response = Problem),
        (status = 429, response = Problem)))]
pub(super) async fn events(
    State(web): State<WebState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let row = find_run(&web, &id).await?;
    let place = web.limits.stream(&caller)?;
    let last = headers.get("last-event-id").and_then(|it| it.to_str().ok()?.parse().ok());
    let run_log = web.jobs.run_log(&row.id);
    let ended = Box::pin(web.desk.notifier.live_ended());
    let out = Box::pin(signed_out(web.clone(), caller));
    let tail = Tail::new(web, row.id, run_log, last.unwrap_or(0));
    let stream = futures::stream::unfold(tail, |mut tail| async {
        let event = tail.next().await?;
        Some((Ok(event), tail))
    });
    let stream = stream.take_until(ended).take_until(out).inspect(move |_| _ = &place);
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

struct Tail {
    web: WebState,
    id: String,
    run_log: RunLog,
    /// Byte offset to continue from.
    at: u64,
    /// Number of rows read.
    rows_read: u64,
    /// Number of rows that the client already has.
    seen: u64,
    counts: [usize; 4],
    /// Times in a row that the run or its rows could not be read.
    failures: u32,
    /// Events not sent yet, in reverse order.
    waiting: Vec<Event>,
    over: bool,
}

impl Tail {
    fn new(web: WebState, id: String, run_log: RunLog, seen: u64) -> Self {
        let waiting = Vec::new();
        let (counts, failures) = ([0; 4], 0);
        Self { web, id, run_log, at: 0, rows_read: 0, seen, counts, failures, waiting, over: false }
    }

    /// Returns the next event; `None` after the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            // Read before the rows: if the run has ended by now, all of its rows are there.
            let row = self.web.desk.store.eval_run(&self.id).await;
            let rows = self.read().await;
            let (Ok(row), Ok(rows)) = (row, rows) else {
                self.failures += 1;
                // Without `done` the client connects again, from its last event.
                if self.failures >= MAX_FAILURES {
                    return None;
                }
                tokio::time::sleep(POLL_INTERVAL).await;
                continue;
            };
            self.failures = 0;
            if rows > 0 {
                continue;
            }
            match row {
                Some(row) if row.state.is_active() => tokio::time::sleep(POLL_INTERVAL).await,
                None => return None,
                Some(row) => {
                    self.over = true;
                    let (run, done) = (described(&self.web, row), RunEventName::Done.as_str());
                    return Event::default().event(done).json_data(run).ok();
                }
            }
        }
    }

    /// Reads new rows and returns their number.
    async fn read(&mut self) -> Result<usize, Problem> {
        let (run_log, at) = (self.run_log.clone(), self.at);
        let (rows, next) = read_blocking(move || run_log.page(at, PIECE, |_| true)).await?;
        self.at = next;
        let many = rows.len();
        for (_, row) in rows {
            self.rows_read += 1;
            let verdict = row.verdict();
            self.counts[verdict as usize] += 1;
            if self.rows_read <= self.seen {
                continue;
            }
            let (title, score, counts) = (row.title(), row.score, Counts::from(self.counts));
            let told = RowEnded { title, verdict, score, counts };
            let event = Event::default().event(RunEventName::Row.as_str());
            let event = event.id(self.rows_read.to_string()).json_data(told);
            self.waiting.extend(event.ok());
        }
        self.waiting.reverse();
        Ok(many)
    }
}
