//! Logs and metrics. Logs never hold secrets, message bodies, or phone numbers in full.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::ChronoUtc;

/// What is written to the terminal, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A level, or a filter by module.
    pub level: String,
    /// One JSON object a line, for machines.
    pub json: bool,
}

/// Begins to log. Only the first call of a process counts. The error names the filter that cannot be read.
pub fn start(settings: &Settings) -> Result<(), String> {
    // whisper.cpp tells much of each recording; who wants it says so: `info,whisper_rs=debug`.
    let filter = EnvFilter::try_new(format!("whisper_rs=off,{}", settings.level))
        .map_err(|error| format!("[log] level `{}` cannot be read: {error}", settings.level))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(ChronoUtc::new("%H:%M:%S%.3f".into()))
        .with_target(false)
        .with_writer(std::io::stderr);
    // A second start, as in tests, keeps the first.
    let started = if settings.json { logs.json().try_init() } else { logs.try_init() };
    drop(started);
    Ok(())
}

/// Begins to collect metrics; the handle renders them. In a process that collects already, this one stays empty.
pub fn metrics() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    drop(::metrics::set_global_recorder(recorder));
    crate::metrics::describe();
    handle
}
