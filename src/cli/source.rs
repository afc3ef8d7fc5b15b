//! `frontdesk source`: manages the web sites that documents come from. `frontdesk learn` adds them.

use std::process::ExitCode;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::audit::AuditEntry;
use super::learn::{about_file, admit, in_words, refresh};
use crate::app::App;
use crate::desk::Change;
use crate::domain::{Action, SourceId};
use crate::knowledge::web::Limits;
use crate::store::sources::SourceRow;

/// Show the web sites that documents come from, read them again, or remove them
#[derive(Debug, Args)]
pub(super) struct Source {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every source, when it is read, and which pages failed
    List,
    /// Read a source again now
    Refresh {
        /// The source's id, src_…, or its address
        source: String,
        /// Override the gates of the agents that use the collection; recorded in the audit log
        #[arg(long)]
        force: bool,
    },
    /// Remove a source and the documents learned from it
    Remove {
        /// The source's id, src_…, or its address
        source: String,
        /// Override the gates of the agents that use the collection; recorded in the audit log
        #[arg(long)]
        force: bool,
    },
}

impl Source {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match &self.command {
            None | Some(Command::List) => None,
            Some(Command::Refresh { source, .. }) => {
                Some((Action::SourceRefreshed, source.clone()))
            }
            Some(Command::Remove { source, .. }) => Some((Action::SourceRemoved, source.clone())),
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        match self.command {
            None | Some(Command::List) => list(&app).await?,
            Some(Command::Refresh { source, force }) => {
                let row = find(&app, &source).await?;
                let collection = app.desk.library.collection_of(&row).await?;
                admit(&app, (&collection, Change::Source), force).await?;
                if refresh(&app, &collection, &row).await? {
                    return Ok(ExitCode::FAILURE);
                }
            }
            Some(Command::Remove { source, force }) => {
                let row = find(&app, &source).await?;
                let collection = app.desk.library.collection_of(&row).await?;
                admit(&app, (&collection, Change::Source), force).await?;
                app.desk.library.remove_source(&SourceId::stored(row.id)).await?;
                println!("{} and its {} documents are removed.", row.url, row.pages);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn find(app: &App, wanted: &str) -> anyhow::Result<SourceRow> {
    let all = app.desk.store.sources().await?;
    let plain = |url: &str| url.trim_end_matches('/').to_owned();
    let fits = |row: &SourceRow| row.id == wanted || plain(&row.url) == plain(wanted);
    let mut found: Vec<_> = all.into_iter().filter(fits).collect();
    match (found.pop(), found.len()) {
        (Some(row), 0) => Ok(row),
        (Some(_), _) => {
            bail!("{wanted} is in several collections: name the source by its id, src_…")
        }
        (None, _) => bail!("there is no source {wanted}; `frontdesk source` lists them"),
    }
}

async fn list(app: &App) -> anyhow::Result<()> {
    let all = app.desk.store.sources().await?;
    if all.is_empty() {
        println!(
            "There are no sources; `frontdesk learn https://example.com/help --collection acme` adds one."
        );
    }
    for row in all {
        let collection = app.desk.library.collection_of(&row).await?;
        let Limits { depth, pages } = Limits::of(&row);
        println!("{}  {}  {}: {}", row.id, collection, row.kind, row.url);
        let every = row
            .every_minutes
            .map_or("when asked".into(), |minutes| format!("every {}", in_words(minutes)));
        let next = row.due_at.map_or(String::new(), |at| format!(", next {}", moment(at)));
        println!("    read {every}{next}; at most {depth} links deep, {pages} pages");
        let last = row.crawled_at.map_or("never read".into(), |at| format!("read {}", moment(at)));
        println!("    {}, {last}, {} documents, {} failed", row.state, row.pages, row.failed);
        if let Some(error) = &row.error {
            println!("    {error}");
        }
        for page in app.desk.store.failed_pages(&SourceId::stored(row.id)).await? {
            println!("    failed  {}", about_file(&page.url, &page.error));
        }
    }
    Ok(())
}

fn moment(ms: i64) -> String {
    let moment = DateTime::<Utc>::from_timestamp_millis(ms);
    moment.map_or_else(|| ms.to_string(), |at| at.format("%Y-%m-%d %H:%M").to_string())
}
