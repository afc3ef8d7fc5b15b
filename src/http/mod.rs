//! The web server: webhooks, the API, health checks and the console. Handlers get a
//! [`Desk`](crate::desk::Desk); they do not know how it is built.
//!
//! Every route needs the admin key or a session, except webhooks (which are signed), health checks,
//! the console's files, signing in and the OpenAPI document.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response_with_state;
use axum::routing::get;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

mod admin_key;
mod api;
mod audit;
mod auth;
mod bounds;
mod caller;
mod console;
mod description;
mod error;
mod verdict;
mod extract;
mod fair_semaphore;
mod guess_limit;
mod headers;
mod health;
mod host;
mod limits;
mod network;
mod note;
mod readiness;
mod server;
mod session;
mod settings;
mod web;
mod webhooks;

use self::headers::ResponseHeaders;
use self::web::WebState;
pub use api::openapi;
pub use guess_limit::GuessLimit;
pub use limits::Limits;
pub use network::Network;
pub use readiness::Readiness;
pub use session::{LINK_FILE, keep_link, sign_in_link};
pub use settings::Settings;
pub use web::Web;

/// Serves until `shutdown` completes, then finishes the requests in progress.
pub async fn serve(
    mut web: Web,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    web.settings.port = listener.local_addr()?.port();
    let (settings, grace) = (web.settings.clone(), web.grace);
    let wake = web.desk.notifier.clone();
    let stopped = async move {
        shutdown.await;
        wake.end_live();
    };
    server::serve((router(web), &settings), listener, stopped, grace).await;
    Ok(())
}

fn router(web: Web) -> Router {
    let limit = web.settings.max_body_bytes;
    let shared: WebState = Arc::new(web);
    Router::new()
        .merge(webhooks::routes())
        .merge(api::routes(&shared))
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/", get(console::page))
        .fallback(console::page)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(DefaultBodyLimit::max(limit))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(map_response_with_state(ResponseHeaders::of(&shared.settings), headers::add_headers))
        .with_state(shared)
}
