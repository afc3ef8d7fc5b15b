//! Health and metrics, for whoever watches the process.

use std::time::Duration;

use axum::extract::{Request, State};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::Problem;
use super::{Shared, auth};
use crate::metrics::{SENDS_WAITING, TURNS_WAITING};
use crate::store::NotReady;

/// How long an answer holds: probes are no load.
const FRESH: Duration = Duration::from_secs(1);

/// Whether a webhook could be stored, a moment ago.
#[derive(Default)]
pub struct Readiness {
    last: Mutex<Option<(Instant, Result<(), NotReady>)>>,
}

/// The process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The desk can take in messages: a webhook could be stored.
pub(super) async fn ready(State(web): State<Shared>) -> Result<&'static str, Problem> {
    // Those who ask at once wait for one answer.
    let mut last = web.readiness.last.lock().await;
    let known = last.filter(|(at, _)| at.elapsed() < FRESH).map(|(_, ready)| ready);
    let ready = if let Some(ready) = known {
        ready
    } else {
        let ready = web.desk.store.ready().await;
        *last = Some((Instant::now(), ready));
        ready
    };
    drop(last);
    ready.map_err(|why| Problem::unavailable(format!("Webhooks cannot be stored: {why}.")))?;
    Ok("ready\n")
}

/// Metrics in Prometheus' text format. Needs the admin key.
pub(super) async fn metrics(
    State(web): State<Shared>,
    request: Request,
) -> Result<String, Problem> {
    let address = auth::peer(request.extensions());
    auth::check(&web, (request.headers(), address)).await?;
    let (turns, sends) = web.desk.store.backlog().await?;
    TURNS_WAITING.set(count(turns));
    SENDS_WAITING.set(count(sends));
    web.metrics.run_upkeep();
    Ok(web.metrics.render())
}

fn count(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap_or(i32::MAX))
}
