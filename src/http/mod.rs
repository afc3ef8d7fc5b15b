//! The web face: webhooks, the API, health. Handlers get a [`Desk`]; they do not know how it is built.
//!
//! Every route needs the admin key or a session, but for webhooks (which are signed), health, the console's own files, signing
//! in and the OpenAPI document.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response_with_state;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;

use crate::desk::Desk;
use crate::eval::jobs::Jobs;

mod api;
mod audit;
mod auth;
mod bounds;
mod console;
mod error;
mod verdict;
mod extract;
mod guess_limit;
mod headers;
mod health;
mod host;
mod limits;
mod server;
mod session;
mod shares;
mod webhooks;

use self::headers::ResponseHeaders;
pub use api::openapi;
pub use guess_limit::GuessLimit;
pub use health::Readiness;
pub use limits::Limits;
pub use server::Network;
pub use session::{LINK_FILE, keep_link, sign_in_link};

/// How the web server is reached, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 for any free one.
    pub port: u16,
    /// The address under which people and WhatsApp reach this desk; empty for host and port.
    pub base_url: String,
    /// The key that guards the API; empty for one that is made on the first start.
    pub admin_key: SecretString,
    /// The largest body that is taken, in bytes.
    pub max_body_bytes: usize,
    /// The most connections at once; 0 for as many as the process's open files are good for.
    pub max_connections: usize,
    /// The most bytes of bodies that are being read at once; 0 for what is usual, or the largest body needs.
    pub max_bytes_in_flight: usize,
    /// How long a request's head may take, in milliseconds.
    pub header_ms: u64,
    /// How long a connection without a request stays open, in milliseconds.
    pub idle_ms: u64,
    /// How long a body, or whoever reads an answer, may make no progress, in milliseconds.
    pub stall_ms: u64,
    /// Proxies in front, whose connections are those of many.
    pub trusted_proxies: Vec<Network>,
    /// A folder with a built console in the place of the one in the binary; empty for that one.
    pub console: PathBuf,
}

/// What the web face needs.
pub struct Web {
    /// The desk.
    pub desk: Arc<Desk>,
    /// Runs of evals, and publishing.
    pub jobs: Arc<Jobs>,
    /// The key that guards the API.
    pub admin_key: String,
    /// How the server is reached.
    pub settings: Settings,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Whether the built-in demo shop answers.
    pub demo: bool,
    /// Tells streams that somebody signed out.
    pub sign_outs: watch::Sender<()>,
    /// The file with the link that signs in first, gone once it is used.
    pub link_file: PathBuf,
    /// Who was wrong too often.
    pub guesses: GuessLimit,
    /// How long requests under way get to finish when the server stops.
    pub grace: Duration,
    /// What is limited, for each caller and in all.
    pub limits: Limits,
    /// Whether a webhook could be stored, a moment ago.
    pub readiness: Readiness,
}

/// The shortest key that a configuration may have, in characters.
const SHORTEST_KEY: usize = 24;

/// The usual budget for bodies that are being read, in bytes.
const BODIES: usize = 64 * 1024 * 1024;

/// What every handler gets.
type Shared = Arc<Web>;

/// Serves until `shutdown` ends, then finishes the requests under way.
pub async fn serve(
    mut web: Web,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    web.settings.port = listener.local_addr()?.port();
    let (settings, grace) = (web.settings.clone(), web.grace);
    let wake = web.desk.wake.clone();
    let stopped = async move {
        shutdown.await;
        wake.end_live();
    };
    server::serve((router(web), &settings), listener, stopped, grace).await;
    Ok(())
}

fn router(web: Web) -> Router {
    let limit = web.settings.max_body_bytes;
    let shared: Shared = Arc::new(web);
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

impl Settings {
    /// Whether the desk is reached through TLS.
    fn is_secure(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// The address of the desk, without a slash at its end.
    pub fn base_url(&self) -> String {
        if self.base_url.is_empty() {
            let host = if self.host == "0.0.0.0" { "127.0.0.1" } else { &self.host };
            return format!("http://{host}:{}", self.port);
        }
        self.base_url.trim_end_matches('/').to_owned()
    }

    /// Settles the budget for bodies where the configuration leaves it to us, and refuses one in which the largest could never be read.
    pub fn settle_budget(&mut self, max_upload_bytes: usize) -> Result<(), String> {
        let least = server::smallest_budget(self.max_body_bytes, max_upload_bytes);
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

    /// The key of the configuration, or the one kept in the folder `data`, which is made when there is none. One that could be
    /// guessed is refused.
    pub fn admin_key(&self, data: Option<&Path>) -> std::io::Result<String> {
        let configured = self.admin_key.expose_secret();
        if configured.is_empty() {
            return kept_key(data.unwrap_or(Path::new(".")));
        }
        if configured.chars().count() < SHORTEST_KEY {
            return Err(std::io::Error::other(format!(
                "[http] admin_key is shorter than {SHORTEST_KEY} characters, and could be guessed: `openssl rand -hex 24` makes one; \
                 or leave it empty, and one is made and kept beside the database"
            )));
        }
        Ok(configured.to_owned())
    }
}

/// The key kept in a folder; made, readable by its owner alone, when there is none.
fn kept_key(folder: &Path) -> std::io::Result<String> {
    let file = folder.join("admin.key");
    if let Ok(key) = std::fs::read_to_string(&file)
        && !key.trim().is_empty()
    {
        return Ok(key.trim().to_owned());
    }
    let mut random = [0_u8; 24];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    let key = format!("fd_{}", hex::encode(random));
    std::fs::create_dir_all(folder)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&file)?;
    std::io::Write::write_all(&mut written, key.as_bytes())?;
    Ok(key)
}
