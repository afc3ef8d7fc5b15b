//! Logs and metrics. Logs never contain secrets, message bodies, or full phone numbers. A line
//! begins with its spans (`spans.rs`); spans have lines of their own only if the configuration asks
//! for them.

use std::io::IsTerminal;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Deserialize;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::time::ChronoUtc;
use tracing_subscriber::util::SubscriberInitExt;

/// Filter directives before the configured ones, which can override them. whisper.cpp logs a lot
/// for each recording: `info,whisper_rs=debug` shows it. The desk's spans are on at every level, so
/// that a warning says what it belongs to. Notices of Postgres are of no use to an operator, such
/// as `relation "_sqlx_migrations" already exists, skipping` at every start.
const ALWAYS: &str = "whisper_rs=off,frontdesk::spans=info,sqlx::postgres::notice=warn";
/// Date and time of a line, in UTC: logs are kept for longer than a day, and compared with others.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";
/// How often the recorded durations are sorted into buckets: until then, each takes memory.
const UPKEEP: Duration = Duration::from_secs(30);

/// Settings of the log, as in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A level, or a filter by module.
    pub level: String,
    /// Whether to write one JSON object per line.
    pub json: bool,
    /// Whether to log the end of each webhook, turn, send and learned document, with its outcome
    /// and times; at level `debug` also of each stage.
    pub spans: bool,
}

/// Starts logging. Only the first call in a process takes effect. The error names the invalid
/// filter.
pub fn start(settings: &Settings) -> Result<(), String> {
    // Colours are for a terminal: in a file or a collector they are noise. NO_COLOR is a convention
    // of many programs (no-color.org).
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let coloured = !plain && std::io::stderr().is_terminal();
    // A second call, as in tests, keeps the first subscriber.
    drop(subscriber(settings, coloured, std::io::stderr)?.try_init());
    Ok(())
}

fn subscriber<W>(
    settings: &Settings,
    coloured: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, String>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(format!("{ALWAYS},{}", settings.level))
        .map_err(|error| format!("[log] level `{}` cannot be read: {error}", settings.level))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(ChronoUtc::new(TIME.into()))
        .with_ansi(coloured)
        .with_target(false)
        .with_span_events(if settings.spans { FmtSpan::CLOSE } else { FmtSpan::NONE })
        // A log that cannot be written would be reported there, too, which panics.
        .log_internal_errors(false)
        .with_writer(writer);
    if settings.json {
        // The list of spans already contains the innermost one; only a line about a span's own end
        // needs `span`.
        return Ok(Box::new(logs.json().with_current_span(settings.spans).finish()));
    }
    Ok(Box::new(logs.finish()))
}

/// Starts collecting metrics and returns the handle that renders them. If the process collects
/// already, this handle stays empty.
pub fn metrics() -> PrometheusHandle {
    // Only an empty list of buckets is refused.
    let builder = PrometheusBuilder::new().set_buckets(crate::metrics::BUCKETS).unwrap_or_default();
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    drop(::metrics::set_global_recorder(recorder));
    crate::metrics::describe();
    handle
}

/// Sorts recorded durations into their buckets for ever, also when nobody asks for the metrics.
pub async fn run_upkeep(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, Once};

    use super::*;
    use crate::spans;

    /// A log in memory.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the lines that `work` logs.
    fn written(settings: &Settings, work: impl FnOnce()) -> Vec<String> {
        // With only one subscriber, tracing caches a span's interest as the first thread sees it,
        // which may be another test's. A global default prevents that.
        static EVERYWHERE: Once = Once::new();
        let log = Memory::default();
        let writer = log.clone();
        let subscriber = subscriber(settings, false, move || writer.clone()).unwrap();
        let everywhere = tracing_subscriber::Registry::default();
        EVERYWHERE.call_once(|| drop(tracing::subscriber::set_global_default(everywhere)));
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }

    /// Returns the log lines of a turn with one warning in its reply stage.
    fn lines(level: &str, json: bool, spans: bool) -> Vec<String> {
        written(&Settings { level: level.into(), json, spans }, || {
            let turn = spans::turn("num_1", "conv_1");
            turn.in_scope(|| {
                let reply = spans::reply();
                reply.in_scope(|| tracing::warn!("the model was slow"));
                reply.ended("answer");
            });
            turn.ended("answer");
        })
    }

    #[test]
    fn a_warning_says_which_turn_it_is_part_of_and_the_turn_has_no_line_of_its_own() {
        for level in ["info", "warn", "frontdesk=warn"] {
            let lines = lines(level, false, false);
            assert_eq!(lines.len(), 1, "{level}: {lines:?}");
            let line = &lines[0];
            let end = "WARN turn{number=num_1 conversation=conv_1}: the model was slow";
            assert!(line.ends_with(end), "{level}: {line}");
        }
    }

    #[test]
    fn who_asks_for_spans_sees_how_they_ended_and_when_debugging_the_stages_too() {
        let ends = lines("info", false, true);
        assert_eq!(ends.len(), 2, "{ends:?}");
        assert!(
            ends[1].contains("turn{number=num_1 conversation=conv_1 outcome=answer}"),
            "{ends:?}"
        );
        assert!(ends[1].contains("time.busy"), "{ends:?}");
        let all = lines("debug", false, true);
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[1].contains(":reply{outcome=answer}: close"), "{all:?}");
    }

    #[test]
    fn what_nobody_ends_says_whether_it_panicked() {
        let settings = Settings { level: "info".into(), json: false, spans: true };
        let ends = written(&settings, || {
            drop(spans::turn("num_1", "conv_1"));
            let caught = std::panic::catch_unwind::<_, ()>(|| {
                let _turn = spans::turn("num_1", "conv_2");
                std::panic::resume_unwind(Box::new("on purpose"))
            });
            assert!(caught.is_err());
        });
        assert_eq!(ends.len(), 2, "{ends:?}");
        assert!(ends[0].contains("conversation=conv_1 outcome=aborted}: close"), "{ends:?}");
        assert!(ends[1].contains("conversation=conv_2 outcome=panicked}: close"), "{ends:?}");
    }

    #[test]
    fn a_line_of_json_names_each_span_once() {
        let lines = lines("info", true, false);
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["fields"]["message"], "the model was slow");
        assert_eq!(line["spans"].as_array().map(Vec::len), Some(1), "{line}");
        assert_eq!(line["spans"][0]["conversation"], "conv_1");
        assert!(line["span"].is_null(), "{line}");
    }

    #[test]
    fn what_the_address_of_a_page_asks_for_is_not_told() {
        let settings = Settings { level: "info".into(), json: true, spans: true };
        let path = "https://example.com/prices?token=hush#top";
        let page = spans::Document { collection: "col_1", source: Some("src_1"), id: None, path };
        let lines = written(&settings, || drop(spans::learn(page)));
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        let span = &line["span"];
        assert_eq!(span["path"], "https://example.com/prices", "{line}");
        assert_eq!(span["source"], "src_1");
        assert!(span["document"].is_null());
        assert!(!lines[0].contains("hush"), "{line}");
    }

    #[test]
    fn a_line_begins_with_its_date_and_zone_and_has_no_colours_outside_of_a_terminal() {
        let line = lines("info", false, false).remove(0);
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(
            chrono::DateTime::parse_from_rfc3339(time).unwrap().offset().utc_minus_local(),
            0
        );
        assert!(rest.trim_start().starts_with("WARN turn{"), "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
        let json: serde_json::Value = serde_json::from_str(&lines("info", true, false)[0]).unwrap();
        let time = json["timestamp"].as_str().unwrap();
        assert!(
            time.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(time).is_ok(),
            "{json}"
        );
    }

    #[test]
    fn a_terminal_gets_colours() {
        let log = Memory::default();
        let writer = log.clone();
        let settings = Settings { level: "info".into(), json: false, spans: false };
        let subscriber = subscriber(&settings, true, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || tracing::warn!("look"));
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains('\u{1b}'), "{text}");
    }
}
