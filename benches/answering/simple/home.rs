//! A desk that knows the made-up passages, on its own database.

use std::path::PathBuf;

use super::PASSAGES;
use super::figures::Figures;
use super::floor::passage;
use super::load::{Round, run};
use super::upstream::Upstream;
use crate::desk::{RATE, serve, write};
use crate::hook::{NUMBER, SECRET};
use crate::process::Process;

/// A desk's folder: prompt, documents, configuration, and the database when it is SQLite.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    /// URL of the database; empty for SQLite.
    pub(crate) postgres: String,
}

pub(crate) async fn measure(upstream: &Upstream, round: Round, home: &Home) -> Figures {
    let desk = home.open().await;
    let (sent, answered) = (upstream.sent(), upstream.answered());
    let mut figures = run(upstream, round, &desk).await;
    desk.stop();
    let (sent, answered) = (upstream.sent() - sent, upstream.answered() - answered);
    let asked = (round.messages + round.warm) as u64;
    if (sent, answered) != (asked, asked) {
        println!("WRONG: {asked} messages, {answered} answers of the model, {sent} replies");
        figures.is_wrong();
    }
    figures
}

impl Home {
    /// Writes a desk's files. `turns` is the number of concurrent turns; `None` uses the desk's
    /// default.
    pub(crate) fn furnish(upstream: &Upstream, postgres: &str, turns: Option<usize>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| write(folder.path(), path, text);
        for index in 0..PASSAGES {
            write(
                &format!("knowledge/shop/branch-{index}.md"),
                &format!("# Branch {index}\n\n{}", passage(index)),
            );
        }
        write(
            "prompts/shop.md",
            "---\nname: Shop\nknowledge: [shop]\nhandoff: { keywords: [human, 'speak to someone', 'persona real'] }\n---\n\
            You answer customers of {{ agent }}. Today is {{ today }}.\n",
        );
        let url = &upstream.url;
        let turns = turns.map_or_else(String::new, |turns| format!("turns = {turns}\n"));
        write(
            "frontdesk.toml",
            &format!(
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
