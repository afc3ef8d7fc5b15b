//! Logs and metrics of the real binary, as an operator and Prometheus read them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, write_home_files};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::text_webhook;
use crate::support::openai::OpenAi;
use crate::support::postgres::Postgres;
use crate::support::process::{BINARY, Process, free_port};

/// Id of a number that no desk here is connected to.
const STRANGER: &str = "999999999999999";

async fn metrics(app: &TestApp, of: &Process) -> String {
    let request = app.http.get(format!("{}/metrics", of.url)).bearer_auth(KEY);
    let response = request.send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    response.text().await.unwrap()
}

fn log(home: &Path) -> String {
    std::fs::read_to_string(home.join("desk.log")).unwrap()
}

/// Returns the value of a metric; the name includes its labels, if it has any.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let mut values = metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_a_file_has_dates_and_no_colours_and_names_a_number_that_is_not_connected() {
    let (app, process) = TestApp::start_with_process("").await;
    app.deliver_to(&process, text_webhook(STRANGER, "447700930020", "wamid.1", "Hello?")).await;
    let lost = app.http.post(format!("{}/webhooks/meta/nobody", process.url)).body("{}");
    assert_eq!(lost.send().await.unwrap().status(), 404);
    let counted = metrics(&app, &process).await;
    assert_eq!(value(&counted, "frontdesk_messages_unknown_number_total"), Some(1.0), "{counted}");
    assert_eq!(value(&counted, "frontdesk_webhooks_refused_total"), Some(1.0), "{counted}");
    assert!(process.stop().await);
    let log = log(app.home.path());
    assert!(!log.contains('\u{1b}'), "{log}");
    for line in log.lines() {
        let time = line.split(' ').next().unwrap_or_default();
        assert!(time.ends_with('Z') && DateTime::parse_from_rfc3339(time).is_ok(), "{line}");
    }
    let told = log.lines().find(|line| line.contains(STRANGER)).unwrap_or_else(|| panic!("{log}"));
    assert!(told.contains("WARN") && told.contains("not connected"), "{told}");
    assert!(
        log.lines().any(|line| line.contains("its address") && line.contains("nobody")),
        "{log}"
    );
    assert!(!log.contains("447700930020") && !log.contains("Hello?"), "{log}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_goes_on_when_nobody_reads_its_log_any_more() {
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    std::fs::write(home.path().join("desk.toml"), "[embed]\nkind = \"off\"\n").unwrap();
    drop(rustls::crypto::ring::default_provider().install_default());
    let port = free_port();
    let mut command = Command::new(BINARY);
    command.args(["serve", "--config", "desk.toml"]).current_dir(home.path()).env_clear();
    command.env("FRONTDESK__HTTP__PORT", port.to_string()).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    drop(child.stderr.take());
    let desk = Process { url: format!("http://127.0.0.1:{port}"), child };
    desk.wait_ready().await;
    // It is refused with a warning in the log.
    let http = reqwest::Client::new();
    let lost = http.post(format!("{}/webhooks/meta/nobody", desk.url)).body("{}").send().await;
    assert_eq!(lost.unwrap().status(), 404);
    assert!(desk.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_json_has_its_date_and_zone() {
    let (app, process) =
        TestApp::start_with_process("[log]\nlevel = \"debug\"\njson = true\n").await;
    assert!(process.stop().await);
    let log = log(app.home.path());
    assert!(!log.is_empty());
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.ends_with('Z') && DateTime::parse_from_rfc3339(time).is_ok(), "{line}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_starts_without_notices_of_the_database() {
    let Some(postgres) = Postgres::shared() else { return };
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
    let url = postgres.database().await;
    let settings = Setup::on(Db::Postgres).settings(home.path(), &url, &whatsapp, &model);
    let settings = format!("{settings}[log]\nlevel = \"debug\"\n");
    std::fs::write(home.path().join("desk.toml"), settings).unwrap();
    let (one, other) = (Process::start(home.path()).await, Process::start(home.path()).await);
    assert!(one.stop().await && other.stop().await);
    let log = log(home.path());
    assert!(!log.contains("already exists"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_has_its_help_and_a_value_before_anything_happened() {
    let (app, process) = TestApp::start_with_process("").await;
    let before = metrics(&app, &process).await;
    let page = include_str!("../../docs/metrics.md");
    let names = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut count = 0;
    for name in names {
        count += 1;
        assert!(before.contains(&format!("# HELP {name} ")), "{name} in {before}");
        let kind = if name.ends_with("_seconds") { "histogram" } else { "" };
        assert!(before.contains(&format!("# TYPE {name} {kind}")), "{name} in {before}");
        let values = || before.lines().filter(|line| line.starts_with(name));
        assert!(values().next().is_some(), "{name} in {before}");
    }
    assert!(count > 15, "only {count} metrics in the page");
    let build = format!("frontdesk_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    for (name, expected) in [
        ("frontdesk_turns_total{outcome=\"failure\"}", 0.0),
        ("frontdesk_model_errors_total{call=\"reply\"}", 0.0),
        ("frontdesk_turn_seconds_bucket{le=\"+Inf\"}", 0.0),
        (build.as_str(), 1.0),
    ] {
        assert_eq!(value(&before, name), Some(expected), "{name} in {before}");
    }
    assert!(process.stop().await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_money_stage_times_and_failures_of_the_model_are_counted() {
    let prices = "[llm.prices.\"gpt-4o-mini\"]\ninput = 1000.0\noutput = 1000.0\n";
    let (app, process) = TestApp::start_with_process(prices).await;
    let ask = |id: &str| text_webhook(MAIN, "447700930021", id, "When do you open?");
    app.deliver_to(&process, ask("wamid.1")).await;
    assert!(app.whatsapp.wait_sent(1, Duration::from_secs(20)).await);
    let failure = json!({"error": {"message": "broken"}});
    app.model.fail_next(9, &Failure::Status(400, failure, None));
    app.deliver_to(&process, ask("wamid.2")).await;
    assert!(app.whatsapp.wait_sent(2, Duration::from_secs(20)).await);
    let mut counted = String::new();
    for _ in 0..200 {
        counted = metrics(&app, &process).await;
        if value(&counted, "frontdesk_turn_seconds_count") == Some(2.0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for name in [
        "frontdesk_model_input_tokens_total{use=\"turns\"}",
        "frontdesk_model_output_tokens_total{use=\"turns\"}",
        "frontdesk_model_cost_microdollars_total{use=\"turns\"}",
        "frontdesk_model_errors_total{call=\"reply\"}",
        "frontdesk_stage_seconds_count{stage=\"reply\"}",
        "frontdesk_stage_seconds_count{stage=\"retrieve\"}",
        "frontdesk_send_seconds_count",
        "frontdesk_webhook_seconds_count",
    ] {
        assert!(value(&counted, name).is_some_and(|it| it > 0.0), "{name} in {counted}");
    }
    assert!(process.stop().await);
    app.stop().await;
}
