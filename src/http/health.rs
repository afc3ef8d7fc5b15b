//! Health checks and metrics, for monitoring.

use axum::extract::{Request, State};

use super::error::Problem;
use super::{WebState, auth};
use crate::metrics::{SENDS_WAITING, TURNS_WAITING};

/// Liveness: the process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Readiness: a webhook could be stored.
pub(super) async fn ready(State(web): State<WebState>) -> Result<&'static str, Problem> {
    let ready = web.readiness.now(&web.desk.store).await;
    ready.map_err(|why| Problem::unavailable(format!("Webhooks cannot be stored: {why}.")))?;
    Ok("ready\n")
}

/// Metrics in the Prometheus text format. Needs the admin key.
pub(super) async fn metrics(
    State(web): State<WebState>,
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
