//! `frontdesk apply`: brings a desk in line with the files: learns documents and publishes prompt
//! files, each through its gate, and prints a table of the changes.

use std::process::ExitCode;

use clap::Args;
use frontdesk_promptfoo::policy::Policy;

use super::audit::{AuditEntry, actor};
use super::bar::{Bar, RunBar};
use super::learn::about_file;
use super::publish::{live, note_file, refused};
use crate::app::{App, prompt_sources, source_folders};
use crate::config::Config;
use crate::domain::Action;
use crate::eval::gate::{self, LearnOptions, LearnOutcome, PublishOutcome, Publisher};
use crate::knowledge::SourceFolder;
use crate::prompts;
use crate::store::audit::Actor;

/// Make the desk match the files: learn documents and publish prompts, each through its gate
///
/// Learns every collection in the folder of documents and publishes every file in the folder of
/// prompts. If an agent has a gate, its suite runs on the new version; with `knowledge: true` in
/// the gate, also on changed documents. What a gate refuses stays as it was; the rest is applied.
/// Exits with 0 when everything matches the files, with 100 when a gate refused something.
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// Only run the gates and show what would change
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
    /// Override the gates; recorded in the audit log
    #[arg(long)]
    force: bool,
}

/// A row of the table: subject, result, and whether a gate refused it.
type ApplyRow = (String, String, bool);

impl Apply {
    /// The command's audit entry, beside those of the gates.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        (!self.dry_run).then(|| (Action::KnowledgeLearned, "files".to_owned()))
    }

    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let app = App::assemble_from_database(config.clone()).await?;
        app.desk.library.sync_index().await?;
        app.desk.reload_answers().await?;
        let (_turn, publisher) =
            app.jobs.publisher(Actor::here(actor()), &Policy::command_line()).await;
        // A mistake in one ends the command before anything is changed.
        let mut files = Vec::new();
        for (name, source) in prompt_sources(&config)? {
            app.check_knowledge(&name, &source).await?;
            files.push((prompts::parse(&name, &source)?.slug, source));
        }
        let mut lines = Vec::new();
        for at in 0..source_folders(&config)?.len() {
            let again = || nth(&config, at);
            lines.push(self.learn(&publisher, &again).await?);
        }
        for (slug, source) in &files {
            lines.push(self.publish(&app, &publisher, (slug, source)).await?);
        }
        let wide = lines.iter().map(|line| line.0.chars().count()).max().unwrap_or(0);
        println!("{}", if self.dry_run { "\nNothing was changed. It would be:" } else { "" });
        for (what, became, _) in &lines {
            println!("{what:<wide$}  {became}");
        }
        let refused = lines.iter().any(|line| line.2);
        if refused {
            println!(
                "\nWhat was refused stays as it was. `--force` goes past the gates, which is written down."
            );
        }
        Ok(if refused { ExitCode::from(100) } else { ExitCode::SUCCESS })
    }

    async fn learn(
        &self,
        publisher: &Publisher<'_>,
        again: &(dyn Fn() -> std::io::Result<SourceFolder> + Send + Sync),
    ) -> anyhow::Result<ApplyRow> {
        let what = format!("documents {}", again()?.collection);
        let (documents, cases) = (Bar::default(), RunBar::default());
        let taking = LearnOptions {
            force: self.force,
            dry_run: self.dry_run,
            documents: &documents,
            cases: &cases,
        };
        let changes = publisher.desk.library.differs(again()?).await?;
        let taken = publisher.learn(again, taking).await?;
        Ok(match taken {
            LearnOutcome::Learned(summary, verdicts) => {
                for (path, why) in &summary.failed {
                    println!("  failed  {}", about_file(path, why));
                }
                let forced = verdicts.iter().any(|(_, verdict)| !verdict.passed);
                let how = if forced { "forced: " } else { "" };
                let became = format!(
                    "{how}{} learned, {} unchanged, {} removed, {} failed",
                    summary.learned,
                    summary.unchanged,
                    summary.removed,
                    summary.failed.len()
                );
                (what, became, false)
            }
            LearnOutcome::Tried(_) => {
                (what, if changes { "changed, may be learned" } else { "unchanged" }.into(), false)
            }
            LearnOutcome::Refused(verdicts) => {
                for (agent, verdict) in verdicts.iter().filter(|it| !it.1.passed) {
                    refused(&format!("{what}, for {agent}"), verdict);
                }
                (what, "refused by its gate: the documents that were there go on".into(), true)
            }
        })
    }

    async fn publish(
        &self,
        app: &App,
        publisher: &Publisher<'_>,
        (agent, source): (&str, &str),
    ) -> anyhow::Result<ApplyRow> {
        let before = live(app, agent).await?;
        let Self { force, dry_run } = *self;
        let wanted = gate::PublishRequest { agent, source, note: "", force, dry_run };
        let became = publisher.publish(wanted, &RunBar::default()).await?;
        let before = before.map_or("new".into(), |number| format!("version {number}"));
        let (said, stays) = match &became {
            PublishOutcome::Live(now, verdict) => {
                let forced = verdict.as_ref().is_some_and(|verdict| !verdict.passed);
                let how = if forced { ", forced past its gate" } else { "" };
                (format!("{before} -> version {}{how}", now.ordinal), false)
            }
            PublishOutcome::Unchanged(number) => (format!("unchanged: version {number}"), false),
            PublishOutcome::Tried(_) => {
                (format!("{before} -> a new version, may be published"), false)
            }
            PublishOutcome::Refused(verdict) => {
                refused(agent, verdict);
                (format!("refused by its gate: {before} goes on"), true)
            }
        };
        if !dry_run && !stays {
            note_file(app, agent, source).await?;
        }
        Ok((format!("agent {agent}"), said, stays))
    }
}

/// Lists the source folders again and returns one of them.
fn nth(config: &Config, at: usize) -> std::io::Result<SourceFolder> {
    let all =
        source_folders(config).map_err(|error| std::io::Error::other(format!("{error:#}")))?;
    all.into_iter()
        .nth(at)
        .ok_or_else(|| std::io::Error::other("the folder of documents changed meanwhile"))
}
