//! What the web face needs, and every handler gets.

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

/// The state of every handler.
pub(super) type WebState = Arc<Web>;
