//! `frontdesk publish`: makes a version of an agent live, through its gate. `frontdesk versions`
//! lists the versions.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use frontdesk_promptfoo::policy::Policy;
use serde_json::json;

use super::audit::actor;
use super::bar::{Bar, RunBar};
use super::client::DeskClient;
use super::time::moment;
use crate::app::App;
use crate::config::Config;
use crate::eval::gate::{self, PublishOutcome, Verdict};
use crate::prompts;
use crate::store::audit::Actor;

/// Exit code when a gate refused the version, as `eval` has when a case fails.
const REFUSED: u8 = 100;

/// Make a version of an agent live, if its gate passes
///
/// If the agent's header names a gate (`gate: {suite: eval/suites/acme.yaml}`), its suite runs on
/// the new and the live version. A version that breaks the rule is refused, and the cases that got
/// worse are shown. A running desk uses the new version within a second. Exits with 100 when the
/// gate refused it.
#[derive(Debug, Args)]
pub(super) struct Publish {
    /// The agent's short name
    agent: String,
    /// The prompt file [default: AGENT.md in the folder of prompts]
    file: Option<PathBuf>,
    /// Publish the earlier version with this number again
    #[arg(long, value_name = "N", conflicts_with = "file")]
    version: Option<i64>,
    /// What changed and why, for the list of versions
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    /// Publish even if the gate refuses; recorded in the audit log
    #[arg(long)]
    force: bool,
    /// Only run the gate
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
    /// Use the API of this desk, such as `http://127.0.0.1:8080` [default: use the database]
    #[arg(long)]
    url: Option<String>,
}

/// Show the versions of an agent
#[derive(Debug, Args)]
pub(super) struct Versions {
    /// The agent's short name
    agent: String,
}

/// The prompt file to publish.
struct PromptSource {
    source: String,
    /// Whether it is the agent's own prompt file, which the desk reads at start.
    own_file: bool,
}

impl Publish {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        if let Some(url) = &self.url {
            return self.over_api(url, &config).await;
        }
        let own = self.own_file(&config);
        let app = ready(config).await?;
        let chosen = match self.version {
            Some(number) => {
                let row = app.desk.store.version(&self.agent, number).await?;
                let row = row.ok_or_else(|| anyhow!("the agent {} has no version {number}; `frontdesk versions {}` shows which there are", self.agent, self.agent))?;
                PromptSource { source: row.source, own_file: false }
            }
            None => self.read(&own)?,
        };
        if self.version.is_none() {
            app.check_knowledge(&format!("{}.md", self.agent), &chosen.source).await?;
        }
        let before = live(&app, &self.agent).await?;
        let (_turn, publisher) =
            app.jobs.publisher(Actor::here(actor()), &Policy::command_line()).await;
        let wanted = gate::PublishRequest {
            agent: &self.agent,
            source: &chosen.source,
            note: &self.note,
            force: self.force,
            dry_run: self.dry_run,
        };
        let became = publisher.publish(wanted, &RunBar::default()).await?;
        if chosen.own_file
            && matches!(became, PublishOutcome::Live(..) | PublishOutcome::Unchanged(_))
        {
            note_file(&app, &self.agent, &chosen.source).await?;
        }
        Ok(tell(&self.agent, before, &became))
    }

    fn own_file(&self, config: &Config) -> PathBuf {
        config.files.prompts.join(format!("{}.md", self.agent))
    }

    fn read(&self, own: &Path) -> anyhow::Result<PromptSource> {
        let file = self.file.clone().unwrap_or_else(|| own.to_owned());
        let source = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let same = |one: &Path| one.canonicalize().ok();
        Ok(PromptSource { source, own_file: same(&file) == same(own) })
    }

    async fn over_api(&self, url: &str, config: &Config) -> anyhow::Result<ExitCode> {
        let key = config.http.known_admin_key(config.data_folder())?;
        let client = DeskClient { url: url.trim_end_matches('/').to_owned(), key };
        let mut body = json!({"force": self.force, "dry_run": self.dry_run});
        // Desks of earlier versions know no notes.
        if !self.note.is_empty() {
            body["note"] = self.note.as_str().into();
        }
        if let Some(number) = self.version {
            body["version"] = number.into();
        } else {
            let source = self.read(&self.own_file(config))?.source;
            let check = json!({"source": source});
            let (_, checked) =
                client.post(&format!("/agents/{}/check", self.agent), &check).await?;
            let new = checked["new_collections"].as_array().map_or(&[][..], Vec::as_slice);
            let new: Vec<_> = new.iter().filter_map(|name| name.as_str()).collect();
            if !new.is_empty() {
                bail!(
                    "knowledge names {}, and the desk has no such collection: correct it, or make it first",
                    new.join(", ")
                );
            }
            body["source"] = source.into();
        }
        let (status, said) = client.post(&format!("/agents/{}/publish", self.agent), &body).await?;
        if status == 200 {
            let version = &said["version"];
            let (agent, verdict) = (&self.agent, &said["verdict"]);
            println!(
                "{}",
                match (self.dry_run, said["changed"] == true) {
                    (true, _) => format!("{agent}: it may be published; nothing was"),
                    (false, true) => format!("{agent}: version {version} answers customers now"),
                    (false, false) =>
                        format!("{agent}: this is version {version}, which answers already"),
                }
            );
            if verdict["passed"] == false {
                println!("The gate had refused it; that it was forced is written down.");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(report) = said["verdict"]["report"].as_str() {
            println!("{report}");
        }
        let why = said["detail"].as_str().unwrap_or("the desk refused it");
        if said["verdict"].is_object() {
            println!("{why}");
            return Ok(ExitCode::from(REFUSED));
        }
        bail!("{why}")
    }
}

/// Builds the app to publish with, and learns documents if it has none.
pub(super) async fn ready(config: Config) -> anyhow::Result<App> {
    let app = App::assemble_from_database(config).await?;
    app.desk.library.sync_index().await?;
    app.desk.reload_answers().await?;
    if app.desk.engine.live().index.size().await? == 0 {
        app.learn(&Bar::default()).await?;
    }
    Ok(app)
}

/// Returns the number of the live version; `None` if the agent does not exist yet.
pub(super) async fn live(app: &App, agent: &str) -> anyhow::Result<Option<i64>> {
    let rows = app.desk.store.agents().await?;
    Ok(rows.into_iter().find(|row| row.slug == agent).map(|row| row.ordinal))
}

/// Records that an agent's own file is in force, so that the next start does not overwrite versions
/// published later.
pub(super) async fn note_file(app: &App, agent: &str, source: &str) -> anyhow::Result<()> {
    let rows = app.desk.store.agents().await?;
    if let Some(row) = rows.into_iter().find(|row| row.slug == agent) {
        let id = crate::domain::AgentId::stored(row.id);
        app.desk.store.note_file(&id, &prompts::hash(source)).await?;
    }
    Ok(())
}

/// Prints the result and returns the exit code.
fn tell(agent: &str, before: Option<i64>, became: &PublishOutcome) -> ExitCode {
    match became {
        PublishOutcome::Live(published, verdict) => {
            println!("{agent}: version {} answers customers now", published.ordinal);
            match verdict {
                None => println!("  it has no gate, or is the first version: no suite was run"),
                Some(verdict) if verdict.passed => println!("  {}", passed(verdict)),
                Some(verdict) => {
                    println!("  forced past its gate, which is written down: {}", verdict.reason);
                }
            }
        }
        PublishOutcome::Unchanged(number) => {
            println!("{agent}: this is version {number}, which answers already");
        }
        PublishOutcome::Tried(verdict) => {
            println!("{agent}: it may be published; nothing was");
            if let Some(verdict) = verdict {
                println!("  {}", passed(verdict));
            }
        }
        PublishOutcome::Refused(verdict) => {
            refused(agent, verdict);
            if let Some(number) = before {
                println!(
                    "Version {number} goes on. Mend the prompt, or the suite where it asks for the wrong thing;"
                );
            }
            println!("`--force` publishes it all the same, which is written down.");
            return ExitCode::from(REFUSED);
        }
    }
    ExitCode::SUCCESS
}

fn passed(verdict: &Verdict) -> String {
    let [passed, failed, errors, skipped] = verdict.counts;
    format!(
        "its gate holds ({}: {}): {passed} passed, {failed} failed, {errors} errors, {skipped} skipped; {} better, {} worse",
        verdict.suite, verdict.rule, verdict.comparison.better, verdict.comparison.worse
    )
}

/// Prints why a gate refused something.
pub(super) fn refused(what: &str, verdict: &Verdict) {
    println!("{what}: refused by its gate ({}: {})", verdict.suite, verdict.rule);
    println!("{}", verdict.reason);
    if !verdict.report.is_empty() {
        println!("\n{}", verdict.report);
    }
}

impl Versions {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let app = App::assemble_from_database(config).await?;
        let mut before = i64::MAX;
        loop {
            let rows = app.desk.store.versions(&self.agent, before, 100).await?;
            if rows.is_empty() && before == i64::MAX {
                bail!("there is no agent {}; `frontdesk agent` lists them", self.agent);
            }
            let Some(last) = rows.last() else { return Ok(ExitCode::SUCCESS) };
            before = last.ordinal;
            for row in &rows {
                let live = if row.live == 1 { "  answers customers" } else { "" };
                let quoted = |note: &str| format!("  \"{note}\"");
                let note = Some(row.note.as_str()).filter(|note| !note.is_empty()).map(quoted);
                let (when, author) = (moment(row.created_at), &row.author);
                println!("{:>5}  {when}{live}  {author}{}", row.ordinal, note.unwrap_or_default());
            }
        }
    }
}
