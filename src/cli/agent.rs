//! `frontdesk agent`: lists, renames and removes agents, and suggests one for a collection. Prompt
//! files and `frontdesk publish` make them.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::audit::AuditEntry;
use crate::app::App;
use crate::config::Config;
use crate::domain::{Action, AgentId, CollectionId};

/// List, suggest, rename and remove agents
#[derive(Debug, Args)]
pub(super) struct Agents {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every agent, with its live version and its numbers
    List,
    /// Print a prompt file for a collection: name, languages, hours and hand-off words as its
    /// documents say, for you to review
    #[command(
        after_help = "For example, from a website to an agent:\n  frontdesk learn https://example.com --collection shop\n  frontdesk agent suggest shop > prompts/shop.md"
    )]
    Suggest {
        /// The collection's name
        collection: String,
    },
    /// Show questions that an agent answers, made from its documents
    Questions {
        /// The agent's short name
        agent: String,
    },
    /// Give an agent that has no prompt file another short name
    Rename {
        /// The agent's short name
        agent: String,
        /// Its new short name
        name: String,
        /// Also if it answered within a day on a number of another configuration file
        #[arg(long)]
        force: bool,
    },
    /// Remove an agent that neither a number nor a running eval uses; its history stays
    Remove {
        /// The agent's short name
        agent: String,
        /// Also if it answered within a day on a number of another configuration file
        #[arg(long)]
        force: bool,
    },
}

impl Agents {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match &self.command {
            None | Some(Command::List | Command::Suggest { .. } | Command::Questions { .. }) => {
                None
            }
            Some(Command::Rename { name, .. }) => Some((Action::AgentRenamed, name.clone())),
            Some(Command::Remove { agent, .. }) => Some((Action::AgentRemoved, agent.clone())),
        }
    }

    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let app = if matches!(self.command, Some(Command::Suggest { .. })) {
            // `> prompts/NAME.md` has made the file, which is still empty.
            App::assemble_from_database(config).await?
        } else {
            App::assemble_for_command(config, &[]).await?
        };
        match self.command {
            None | Some(Command::List) => list(&app).await?,
            Some(Command::Suggest { collection }) => suggest(&app, &collection).await?,
            Some(Command::Questions { agent }) => questions(&app, &agent).await?,
            Some(Command::Rename { agent, name, force }) => {
                app.jobs.rename_agent(&agent, &name, force).await?;
                println!("{agent} is {name} now. Suites that name it have to be changed.");
            }
            Some(Command::Remove { agent, force }) => {
                let version = app.desk.agent(&agent).await?.ordinal;
                let slug = app.jobs.remove_agent(&agent, force).await?;
                println!(
                    "{slug} is removed. Its conversations and versions stay; `frontdesk publish {slug} --version {version}` brings it back."
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn suggest(app: &App, collection: &str) -> anyhow::Result<()> {
    let rows = app.desk.store.collections().await?;
    let Some(row) = rows.iter().find(|row| row.slug == collection) else {
        bail!("there is no collection {collection}; `frontdesk collection` lists them");
    };
    let sources = app.desk.library.sources(&CollectionId::stored(row.id.clone())).await?;
    let site = sources.first().map(|source| source.url.as_str());
    let suggested = app.desk.suggest_agent(row, site).await?;
    print!("{}", suggested.prompt_file(collection));
    Ok(())
}

async fn questions(app: &App, agent: &str) -> anyhow::Result<()> {
    let row = app.desk.agent(agent).await?;
    app.desk.library.sync_index().await?;
    let Some(bot) = app.desk.bots.get(&AgentId::stored(row.id)) else {
        bail!("{agent} has no version that answers");
    };
    let found = app.desk.sample_questions(&bot).await?;
    if found.is_empty() {
        println!("No question was found that {agent} answers: add documents to its collections.");
    }
    for question in found {
        let by =
            question.title.map_or("calls a person".to_owned(), |title| format!("from {title}"));
        println!("{}  ({by})", question.text);
    }
    Ok(())
}

async fn list(app: &App) -> anyhow::Result<()> {
    let agents = app.desk.store.agents().await?;
    if agents.is_empty() {
        println!("There are no agents; write one as prompts/NAME.md.");
    }
    let numbers = app.desk.numbers.all();
    for row in agents {
        let theirs = numbers.iter().filter(|it| it.agent.as_str() == row.id);
        let names: Vec<_> = theirs.map(|it| it.slug.as_str()).collect();
        let names = if names.is_empty() { "none".into() } else { names.join(", ") };
        println!("{}  version {}, numbers: {names}", row.slug, row.ordinal);
    }
    Ok(())
}
