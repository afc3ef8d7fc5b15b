//! Runs the desk as a separate process: the real binary, on its own database.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::PASSAGES;
use super::figures::Figures;
use super::floor::passage;
use super::hook::{NUMBER, SECRET};
use super::load::{Round, run};
use super::process::Process;
use super::upstream::Upstream;

#[path = "../../tests/it/support/postgres.rs"]
#[expect(dead_code, unused_imports, reason = "tests use the rest of it")]
pub(crate) mod postgres;

/// Send rate limit of the desk in messages per second: the largest allowed value, because
/// WhatsApp's own limit would cap the measurement.
const RATE: u32 = 10_000;
/// Number of starts of the demo desk for the median.
const STARTS: usize = 5;

/// A desk's folder: prompt, documents, configuration, and the database when it is SQLite.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    /// URL of the database; empty for SQLite.
    pub(crate) postgres: String,
}

pub(crate) async fn measure(upstream: &Upstream, round: Round, home: &Home) -> Figures {
    let desk = home.open().await;
    let (sent, answered) = (upstream.sent(), upstream.answered());
    let figures = run(upstream, round, &desk).await;
    desk.stop();
    let (sent, answered) = (upstream.sent() - sent, upstream.answered() - answered);
    let asked = (round.messages + round.warm) as u64;
    if (sent, answered) != (asked, asked) {
        println!("WRONG: {asked} messages, {answered} answers of the model, {sent} replies");
    }
    figures
}

/// Prints the startup time of the demo desk and its idle memory.
pub(crate) async fn report_start() {
    let home = tempfile::tempdir().expect("a folder");
    let first = serve(home.path()).await.ready_after;
    let mut starts = Vec::new();
    let mut memory = 0;
    for _ in 0..STARTS {
        let desk = serve(home.path()).await;
        starts.push(desk.ready_after);
        tokio::time::sleep(Duration::from_secs(2)).await;
        memory = desk.memory_mb();
    }
    starts.sort_unstable();
    println!("demo desk: first start, learning its documents: ready in {} ms", first.as_millis());
    println!(
        "demo desk: cold start to ready: {} ms (median of {STARTS}); idle: {memory} MB",
        starts[STARTS / 2].as_millis()
    );
}

async fn serve(home: &Path) -> Process {
    Process::start(|port| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
        command.arg("serve").current_dir(home).env_remove("DATABASE_URL");
        command.env("FRONTDESK__HTTP__PORT", port.to_string()).env("FRONTDESK__LOG__LEVEL", "warn");
        command
    })
    .await
}

impl Home {
    /// Writes a desk's files. `turns` is the number of concurrent turns; `None` uses the desk's
    /// default.
    pub(crate) fn furnish(upstream: &Upstream, postgres: &str, turns: Option<usize>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: String| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        for index in 0..PASSAGES {
            write(
                &format!("knowledge/shop/branch-{index}.md"),
                format!("# Branch {index}\n\n{}", passage(index)),
            );
        }
        write("prompts/shop.md", "---\nname: Shop\nknowledge: [shop]\nhandoff: { keywords: [human, 'speak to someone', 'persona real'] }\n---\n\
            You answer customers of {{ agent }}. Today is {{ today }}.\n".into());
        let url = &upstream.url;
        let turns = turns.map_or_else(String::new, |turns| format!("turns = {turns}\n"));
        write(
            "frontdesk.toml",
            format!(
                "[store]\nurl = \"{postgres}\"\nconnections = 16\n\
                 [llm]\nkind = \"openai\"\nbase_url = \"{url}/v1\"\napi_key = \"key\"\nmodel = \"m\"\n\
                 [embed]\nkind = \"openai\"\nbase_url = \"{url}/v1\"\napi_key = \"key\"\nmodel = \"fake\"\n\
                 [worker]\ngap_ms = 0\ntyping = false\n{turns}\
                 [numbers.main]\nprovider = \"meta\"\nagent = \"shop\"\nphone_number_id = \"{NUMBER}\"\naccess_token = \"t\"\n\
                 app_secret = \"{SECRET}\"\nverify_token = \"v\"\nbase_url = \"{url}\"\nrate = {RATE}\n"
            ),
        );
        Self { folder, postgres: postgres.to_owned() }
    }

    pub(crate) async fn open(&self) -> Process {
        serve(self.folder.path()).await
    }

    pub(crate) fn sqlite_file(&self) -> PathBuf {
        self.folder.path().join("data/frontdesk.db")
    }
}
