//! Health checks and metrics, for monitoring.

use axum::extract::{Request, State};
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

use super::error::Problem;
use super::{WebState, auth};
use crate::metrics::{NUMBERS_DISCONNECTED, SENDS_WAITING, TURNS_WAITING};

/// Version of the Prometheus text format, which newer servers require.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

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
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let address = auth::peer(request.extensions());
    auth::check(&web, (request.headers(), address)).await?;
    let (turns, sends) = web.desk.store.backlog().await?;
    TURNS_WAITING.set(count(turns));
    SENDS_WAITING.set(count(sends));
    NUMBERS_DISCONNECTED.set(count(web.desk.store.count_disconnected().await?));
    web.metrics.run_upkeep();
    Ok(([(CONTENT_TYPE, FORMAT)], web.metrics.render()))
}

fn count(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap_or(i32::MAX))
}
