//! The shared state of the web server's handlers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use super::guess_limit::GuessLimit;
use super::limits::Limits;
use super::readiness::Readiness;
use super::settings::Settings;
use crate::desk::Desk;
use crate::eval::jobs::Jobs;

/// The shared state of all handlers.
pub struct Web {
    /// The desk.
    pub desk: Arc<Desk>,
    /// Eval runs and publishing.
    pub jobs: Arc<Jobs>,
    /// The admin key of the API.
    pub admin_key: String,
    /// The server's settings.
    pub settings: Settings,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Notifies open streams that a session was signed out.
    pub sign_outs: watch::Sender<()>,
    /// The file with the first sign-in link; removed once the link is used.
    pub link_file: PathBuf,
    /// The limit on wrong keys and links.
    pub guesses: GuessLimit,
    /// How long requests in progress may take to finish when the server stops.
    pub grace: Duration,
    /// The limits on expensive requests and streams.
    pub limits: Limits,
    /// The cached readiness check.
    pub readiness: Readiness,
}

/// The state that every handler gets.
pub(super) type WebState = Arc<Web>;
