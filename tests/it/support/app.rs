//! The application under test: a real database, the real server on 127.0.0.1:0, and fakes of
//! external services.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::app::App;
use frontdesk::config::Config;
use frontdesk::desk::Desk;
use frontdesk::knowledge::SilentProgress;
use frontdesk::store::Error as StoreError;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::graph::Graph;
use super::hooks::sign;
use super::openai::OpenAi;
use super::postgres::Postgres;
use super::process::{BINARY, Process};

/// Phone number id of the number on which the agent `acme` answers.
pub(crate) const MAIN: &str = "106540352242922";
/// Phone number id of the number on which the agent `bolt` answers.
pub(crate) const SECOND: &str = "202020202020202";
/// App secret that signs the webhooks of both numbers.
pub(crate) const SECRET: &str = "app-secret-123";
/// Admin key of the API.
pub(crate) const KEY: &str = "test-admin-key-of-the-desk";
/// Time limit for the application to finish its work.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Settings that switch the loop guard and the per-customer rate limit off, for tests in which one
/// customer writes many messages fast.
pub(crate) const SENDER_LIMITS_OFF: &str = "[worker]\npair_burst = 0\n[worker.machine]\nrepeats = 0\na_minute = 0\nquick_replies = 0\nquick_ms = 0";

/// The database that a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Db {
    Sqlite,
    Postgres,
}

impl Db {
    /// Creates an empty database on Postgres and returns its URL; empty for SQLite.
    pub(crate) async fn url(self) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres => Postgres::shared().unwrap().database().await,
        }
    }
}

/// Runs a test on both databases.
macro_rules! on_both {
    ($(async fn $name:ident($db:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn run($db: $crate::support::app::Db) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($crate::support::app::Db::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if $crate::support::postgres::Postgres::shared().is_some() {
                    run($crate::support::app::Db::Postgres).await;
                }
            }
        }
    )*};
}
pub(crate) use on_both;

/// The options that the application starts with.
pub(crate) struct Setup {
    db: Db,
    extra: String,
    files: Vec<(&'static str, String)>,
    extractive: bool,
    ports: Option<Vec<u16>>,
    speech: bool,
}

/// The running application.
pub(crate) struct TestApp {
    pub(crate) whatsapp: Graph,
    pub(crate) model: OpenAi,
    pub(crate) desk: Arc<Desk>,
    pub(crate) url: String,
    pub(crate) home: TempDir,
    pub(crate) config: Config,
    pub(crate) http: reqwest::Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Setup {
    pub(crate) fn on(db: Db) -> Self {
        let (extra, files) = (String::new(), Vec::new());
        Self { db, extra, files, extractive: false, ports: None, speech: true }
    }

    /// Adds TOML settings that override the defaults of the tests.
    pub(crate) fn with(mut self, toml: &str) -> Self {
        self.extra.push_str(toml);
        self.extra.push('\n');
        self
    }

    /// Replaces the content of one file in the home folder.
    pub(crate) fn file(mut self, path: &'static str, text: &str) -> Self {
        self.files.push((path, text.to_owned()));
        self
    }

    /// Disables the model, embeddings and transcription.
    pub(crate) fn extractive(mut self) -> Self {
        self.extractive = true;
        self.speech = false;
        self
    }

    /// Looks for a model at these ports of this machine, in place of the configured one.
    pub(crate) fn auto(mut self, ports: &[u16]) -> Self {
        self.ports = Some(ports.to_vec());
        self.extractive()
    }

    /// Disables transcription.
    pub(crate) fn without_speech(mut self) -> Self {
        self.speech = false;
        self
    }

    pub(crate) async fn start(self) -> TestApp {
        let home = tempfile::tempdir().unwrap();
        write_home_files(home.path());
        for (path, text) in &self.files {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
        let store = self.db.url().await;
        let toml = self.settings(home.path(), &store, &whatsapp, &model);
        let config = merged(&toml, &self.extra);
        let app = Box::pin(App::assemble(config.clone())).await.unwrap();
        Box::pin(app.learn(&SilentProgress)).await.unwrap();
        serve(app, (whatsapp, model), (home, config)).await
    }

    /// Returns the configuration as TOML. An empty `store` means SQLite in `home`.
    pub(crate) fn settings(
        &self,
        home: &Path,
        store: &str,
        whatsapp: &Graph,
        model: &OpenAi,
    ) -> String {
        let (home, graph, openai) = (home.display(), &whatsapp.url, &model.url);
        let llm = if let Some(ports) = &self.ports {
            format!("kind = \"auto\"\nports = {ports:?}\nlook_ms = 100")
        } else if self.extractive {
            "kind = \"extractive\"".to_owned()
        } else {
            format!(
                "kind = \"openai\"\nbase_url = \"{openai}\"\napi_key = \"sk-test\"\ntimeout_ms = 4000\nretries = 1"
            )
        };
        let embed = if self.extractive {
            "kind = \"off\"".to_owned()
        } else {
            format!(
                "kind = \"openai\"\nbase_url = \"{openai}\"\napi_key = \"sk-test\"\nmodel = \"fake\"\nretries = 1"
            )
        };
        let speech = if self.speech {
            format!("kind = \"openai\"\nbase_url = \"{openai}\"\napi_key = \"sk-test\"")
        } else {
            "kind = \"off\"".to_owned()
        };
        format!(
            "[http]\nadmin_key = \"{KEY}\"\nbase_url = \"https://desk.example.com\"\n\
             console = \"{home}/console\"\n\
             [store]\npath = \"{home}/desk.db\"\nurl = \"{store}\"\nwait_ms = 1000\n\
             [files]\nprompts = \"{home}/prompts\"\nknowledge = \"{home}/knowledge\"\nsuites = \"{home}/suites\"\n\
             [llm]\n{llm}\n[embed]\n{embed}\n[speech]\n{speech}\n\
             [retrieve]\nrewrite_ms = 0\n\
             [worker]\ngap_ms = 0\npoll_ms = 200\n\
             {}{}",
            number("main", "acme", MAIN, graph),
            number("second", "bolt", SECOND, graph)
        )
    }
}

/// Serves an application on a port of its own.
async fn serve(
    app: App,
    (whatsapp, model): (Graph, OpenAi),
    (home, config): (TempDir, Config),
) -> TestApp {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let desk = app.desk.clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        app.serve(listener, async move { drop(stopped.await) }).await.unwrap();
    });
    let http = reqwest::Client::new();
    TestApp { whatsapp, model, desk, url, home, config, http, stop, served }
}

/// Runs SQL directly on the database (SQLite in `home` when `url` is empty). Returns the number of
/// changed rows.
pub(crate) async fn change(home: &Path, url: &str, sql: &str) -> u64 {
    let sql = AssertSqlSafe(sql.to_owned());
    if url.is_empty() {
        let file = format!("sqlite://{}", home.join("desk.db").display());
        let mut database = SqliteConnection::connect(&file).await.unwrap();
        database.execute(sql).await.unwrap().rows_affected()
    } else {
        let mut database = PgConnection::connect(url).await.unwrap();
        database.execute(sql).await.unwrap().rows_affected()
    }
}

/// Returns the configuration section of a number.
pub(crate) fn number(name: &str, agent: &str, id: &str, graph: &str) -> String {
    format!(
        "[numbers.{name}]\nprovider = \"meta\"\nagent = \"{agent}\"\nphone_number_id = \"{id}\"\n\
         access_token = \"{}\"\napp_secret = \"{SECRET}\"\nverify_token = \"verify-me\"\nbase_url = \"{graph}\"\n",
        Graph::TOKEN
    )
}

/// Returns the settings `toml` overridden by `extra`.
fn merged(toml: &str, extra: &str) -> Config {
    let text = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
    let mut all = text(toml);
    overlay(&mut all, text(extra));
    let mut config = Config::from_toml(&toml::to_string(&all).unwrap()).unwrap();
    config.reader.program = Some(BINARY.into());
    config
}

/// A number's section is replaced as a whole, not merged.
fn is_number(section: &toml::Table) -> bool {
    section.contains_key("provider")
}

fn overlay(all: &mut toml::Table, extra: toml::Table) {
    for (key, value) in extra {
        match (all.get_mut(&key), value) {
            (Some(toml::Value::Table(known)), toml::Value::Table(more)) if !is_number(&more) => {
                overlay(known, more);
            }
            (_, value) => drop(all.insert(key, value)),
        }
    }
}

/// Writes the prompts and documents of two small businesses.
pub(crate) fn write_home_files(home: &Path) {
    let files = [
        ("prompts/acme.md", ACME),
        ("prompts/bolt.md", BOLT),
        (
            "knowledge/acme/hours.md",
            "# Opening hours\n\nWe open from Monday to Friday at 9:00 and close at 18:00.\n\nOn Saturday we close at 13:00.\n",
        ),
        (
            "knowledge/acme/returns.md",
            "# Returns\n\nYou can return an unused lamp within 30 days with the receipt.\n\n## Refunds\n\nThe money is back on your card after 5 working days.\n",
        ),
        (
            "knowledge/bolt/hours.md",
            "# Opening hours\n\nBolt Gym is open day and night, every day of the year.\n",
        ),
    ];
    for (path, text) in files {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

// The fake model's scripted answers are rarely in the documents: they are noted, not held back.
const ACME: &str = "---
name: Acme Lamps
knowledge: [acme]
handoff: { keywords: [human, \"speak to someone\"], notify: [\"+15550009999\"], reply: \"A colleague will answer you here.\" }
voice: { failure_reply: \"I could not hear that, please write.\" }
no_answer: \"I do not know that.\"
failure: \"Something broke, please try again.\"
unreadable: \"Please write your question.\"
greeting: \"Hello from Acme!\"
grounding: { check: note }
---
You answer customers of {{ agent }}.
";

const BOLT: &str = "---
name: Bolt Gym
knowledge: [bolt]
failure: \"Bolt is out of breath.\"
grounding: { check: note }
---
You are {{ agent }}'s coach.
";

impl TestApp {
    pub(crate) async fn start() -> Self {
        Setup::on(Db::Sqlite).start().await
    }

    /// Starts the application, and beside it the real binary on data of its own with the same fakes
    /// and more settings.
    pub(crate) async fn start_with_process(more: &str) -> (Self, Process) {
        let app = Self::start().await;
        let home = app.home.path();
        let settings = Setup::on(Db::Sqlite).settings(home, "", &app.whatsapp, &app.model);
        let settings = settings.replace("/desk.db", "/other.db");
        std::fs::write(home.join("desk.toml"), format!("{settings}{more}")).unwrap();
        let process = Process::start(home).await;
        (app, process)
    }

    /// Delivers a signed webhook as Meta does and returns the status.
    pub(crate) async fn deliver(&self, body: &[u8]) -> StatusCode {
        self.post("/webhooks/meta", body, Some(&sign(SECRET, body))).await
    }

    /// Delivers a signed webhook to the process beside the application, which takes it in.
    pub(crate) async fn deliver_to(&self, process: &Process, body: Vec<u8>) {
        let request = self.http.post(format!("{}/webhooks/meta", process.url));
        let request = request.header("x-hub-signature-256", sign(SECRET, &body)).body(body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    /// Posts a webhook with the given signature and returns the status.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &[u8],
        signature: Option<&str>,
    ) -> StatusCode {
        let mut request = self.http.post(format!("{}{path}", self.url)).body(body.to_vec());
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        request.send().await.unwrap().status()
    }

    /// Waits until no turn and no send is pending. An exhausted connection pool counts as pending
    /// work.
    pub(crate) async fn settle(&self) {
        let started = Instant::now();
        loop {
            let left = self.desk.store.backlog().await;
            match &left {
                Ok((0, 0)) => return,
                Ok(_) | Err(StoreError::Unavailable(_)) => {}
                Err(error) => panic!("{error}"),
            }
            assert!(started.elapsed() < TIMEOUT, "work is left over: {left:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Runs SQL directly on the application's database. Returns the number of changed rows.
    pub(crate) async fn change(&self, sql: &str) -> u64 {
        change(self.home.path(), self.config.store.url.expose_secret(), sql).await
    }

    /// Returns the messages that customers received as (recipient, text), in order.
    pub(crate) fn received(&self) -> Vec<(String, String)> {
        self.whatsapp.sent().into_iter().map(|sent| (sent.to, sent.text)).collect()
    }

    /// Sends a GET to the API with the key.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}/api/v1{path}", self.url)).bearer_auth(KEY);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    /// Sends a POST to the API with the key and returns the status and the body.
    pub(crate) async fn call(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.http.post(format!("{}/api/v1{path}", self.url)).bearer_auth(KEY);
        let response = request.json(body).send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap_or_default())
    }

    /// Returns the only conversation with this customer.
    pub(crate) async fn conversation_with(&self, wa_id: &str) -> Value {
        let all = self.get("/conversations?limit=200").await;
        let mut items = all["items"].as_array().unwrap().iter();
        items
            .find(|one| one["wa_id"] == wa_id)
            .unwrap_or_else(|| panic!("no {wa_id} in {all}"))
            .clone()
    }

    /// Returns the messages of a customer's conversation, oldest first.
    pub(crate) async fn thread(&self, wa_id: &str) -> Vec<Value> {
        let conversation = self.conversation_with(wa_id).await;
        let path = format!("/conversations/{}/messages", conversation["id"].as_str().unwrap());
        let mut messages = self.get(&path).await["items"].as_array().unwrap().clone();
        messages.reverse();
        messages
    }

    /// Stops the application as SIGTERM does, even with work pending. Its files exist until the
    /// returned folder is dropped.
    pub(crate) async fn stop_and_keep(self) -> TempDir {
        let _ = self.stop.send(());
        self.served.await.unwrap();
        self.home
    }

    /// Waits until no work is pending, stops the application, and starts it anew on the same data.
    pub(crate) async fn restart(self, meanwhile: impl FnOnce()) -> Self {
        self.settle().await;
        let Self { whatsapp, model, home, config, stop, served, .. } = self;
        let _ = stop.send(());
        served.await.unwrap();
        meanwhile();
        let app = Box::pin(App::assemble(config.clone())).await.unwrap();
        serve(app, (whatsapp, model), (home, config)).await
    }

    /// Waits until no work is pending, then stops the application as SIGTERM does.
    pub(crate) async fn stop(self) {
        self.settle().await;
        let _ = self.stop.send(());
        self.served.await.unwrap();
    }
}
