//! Message delivery: bursts, unknown sends, ownership, opt-out, other bots, the window, dead
//! tokens, rate limits, replayed webhooks, budgets, storms, the fast path. One file for each; this
//! one holds what they share.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::app::{Db, KEY, MAIN, SECRET, Setup, TestApp, write_home_files};
use crate::support::graph::Graph;
use crate::support::hooks::{message_webhook, sign, text_webhook};
use crate::support::openai::{self, OpenAi};
use crate::support::process::{BINARY, Process};

mod bursts;
mod unknown;
mod owner;
mod consent;
mod machine;
mod token;
mod pace;
mod window;
mod notices;
mod replay;
mod budget;
mod storm;
mod express;

/// The support contact of the agent `acme`.
const SUPPORT: &str = "+15550009999";
/// Time limit of every wait.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// Waits until a condition holds.
#[track_caller]
pub(super) fn until<F: AsyncFnMut() -> bool>(
    what: &str,
    mut happened: F,
) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let started = Instant::now();
        while !happened().await {
            assert!(started.elapsed() < TIMEOUT, "{place}: {what}: not within {TIMEOUT:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub(super) async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Sends a text from a customer to the number of `acme`; the message id combines his number and
/// `id`.
pub(super) async fn says(app: &TestApp, customer: &str, id: &str, text: &str) {
    says_to(app, MAIN, (customer, id), text).await;
}

async fn says_to(app: &TestApp, number: &str, (customer, id): (&str, &str), text: &str) {
    let hook = text_webhook(number, customer, &format!("wamid.{customer}.{id}"), text);
    assert_eq!(app.deliver(&hook).await, 200);
}

/// Like [`says`], for a text that was written some seconds ago.
async fn said(app: &TestApp, (customer, id): (&str, &str), text: &str, seconds_ago: i64) {
    let written = (frontdesk::domain::time::now_ms() / 1000 - seconds_ago).to_string();
    let content = json!({"type": "text", "text": {"body": text}, "timestamp": written});
    let hook = message_webhook(MAIN, customer, &format!("wamid.{customer}.{id}"), &content);
    assert_eq!(app.deliver(&hook).await, 200);
}

/// Returns what a customer received.
pub(super) fn got(app: &TestApp, customer: &str) -> Vec<String> {
    let to_him = |to: &str| to.trim_start_matches('+') == customer.trim_start_matches('+');
    app.received().into_iter().filter(|(to, _)| to_him(to)).map(|(_, text)| text).collect()
}

/// Returns the customer's words at the end of a chat request.
pub(super) fn question(request: &Value) -> String {
    openai::question(request).to_owned()
}

pub(super) fn questions(app: &TestApp) -> Vec<String> {
    app.model.requests().iter().map(question).collect()
}

pub(super) async fn cases(app: &TestApp) -> Vec<Value> {
    app.get("/escalations?open=true").await["items"].as_array().unwrap().clone()
}

pub(super) async fn owner(app: &TestApp, customer: &str) -> String {
    app.conversation_with(customer).await["owner"].as_str().unwrap().to_owned()
}

async fn resolve(app: &TestApp, customer: &str) {
    let id = app.conversation_with(customer).await["id"].as_str().unwrap().to_owned();
    let (status, _) = app.call(&format!("/conversations/{id}/resolve"), &json!({})).await;
    assert_eq!(status, 200);
}

/// Returns the outgoing messages in a customer's thread with state and note.
async fn ours(app: &TestApp, customer: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let thread = app.thread(customer).await.into_iter();
    let ours = thread.filter(|message| message["direction"] == "out");
    ours.map(|message| (text(&message["state"]), text(&message["note"]))).collect()
}

/// What outlives a process: data, configuration, and the fake services.
pub(super) struct Place {
    pub(super) home: TempDir,
    pub(super) whatsapp: Graph,
    pub(super) model: OpenAi,
    pub(super) http: reqwest::Client,
}

impl Place {
    /// Creates one with a SQLite file.
    pub(super) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        write_home_files(home.path());
        let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
        drop(rustls::crypto::ring::default_provider().install_default());
        let place = Self { home, whatsapp, model, http: reqwest::Client::new() };
        place.configure("", "");
        place
    }

    /// Writes the configuration with these settings of the worker and more sections.
    pub(super) fn configure(&self, worker: &str, more: &str) {
        let setup = Setup::on(Db::Sqlite);
        let settings = setup.settings(self.home.path(), "", &self.whatsapp, &self.model);
        let settings = settings.replace("[worker]\ngap_ms = 0\n", &format!("[worker]\n{worker}\n"));
        std::fs::write(self.home.path().join("desk.toml"), format!("{settings}{more}")).unwrap();
    }

    pub(super) async fn start(&self) -> Process {
        Process::start(self.home.path()).await
    }

    pub(super) async fn deliver(&self, to: &Process, body: Vec<u8>) {
        let signature = sign(SECRET, &body);
        let request = self.http.post(format!("{}/webhooks/meta", to.url));
        let request = request.header("x-hub-signature-256", signature).body(body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    pub(super) async fn get(&self, from: &Process, path: &str) -> Value {
        let request = self.http.get(format!("{}/api/v1{path}", from.url)).bearer_auth(KEY);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Runs the binary with this configuration. Returns success and its output.
    pub(super) async fn run(&self, args: &[&str]) -> (bool, String) {
        ran(self.home.path(), args).await
    }
}

async fn ran(home: &Path, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(BINARY);
    command.args(args).args(["--config", "desk.toml"]).current_dir(home).env_clear();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

/// Runs SQL on a SQLite file.
pub(crate) async fn change(file: &str, sql: &str) {
    let mut database = SqliteConnection::connect(file).await.unwrap();
    database.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
}

/// Locks a SQLite file against all other writers until the connection is dropped.
async fn hold(file: &str) -> SqliteConnection {
    let mut database = SqliteConnection::connect(file).await.unwrap();
    database.execute("begin exclusive").await.unwrap();
    database
}
