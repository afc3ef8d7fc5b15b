//! `frontdesk demo remove`: leaves the built-in demo shop.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::audit::AuditEntry;
use crate::app::App;
use crate::domain::Action;

/// Leave the built-in demo shop
#[derive(Debug, Args)]
pub(super) struct Demo {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Remove the demo's agent and documents; they do not come back, and conversations stay
    Remove,
}

impl Demo {
    /// The command's audit entry.
    #[expect(clippy::unnecessary_wraps, reason = "other commands have none")]
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match self.command {
            Command::Remove => Some((Action::DemoRemoved, String::new())),
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        let Command::Remove = self.command;
        // Records which collections are the demo's.
        app.folders_at_start().await?;
        app.desk.library.sync_index().await?;
        let removed = app.jobs.remove_demo().await?;
        let stays = !removed.kept.is_empty() || !removed.kept_agents.is_empty();
        if removed.agents.is_empty() && removed.documents == 0 && !stays {
            println!("There is nothing of the demo here.");
            return Ok(ExitCode::SUCCESS);
        }
        for agent in &removed.agents {
            println!("The agent {agent} is removed; its conversations stay.");
        }
        for agent in &removed.kept_agents {
            println!(
                "The agent {agent} stays: its prompt is not the demo's any more. `frontdesk agent remove {agent}` removes it."
            );
        }
        let (documents, passages) = (removed.documents, removed.passages);
        println!("{documents} documents with {passages} passages are removed.");
        for collection in &removed.kept {
            println!(
                "The collection {collection} stays: it holds other documents or answers, or an agent uses it."
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
