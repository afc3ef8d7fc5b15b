//! `frontdesk collection`: lists and removes collections. `frontdesk learn` makes them.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::audit::AuditEntry;
use crate::app::App;
use crate::domain::Action;
use crate::knowledge::is_staged;

/// List and remove collections
#[derive(Debug, Args)]
pub(super) struct Collections {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every collection with its size
    List,
    /// Remove a collection that no agent answers from, with all documents, web sites and answers
    Remove {
        /// The collection's name
        collection: String,
    },
}

impl Collections {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match &self.command {
            None | Some(Command::List) => None,
            Some(Command::Remove { collection }) => {
                Some((Action::CollectionRemoved, collection.clone()))
            }
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        match self.command {
            None | Some(Command::List) => list(&app).await?,
            Some(Command::Remove { collection }) => {
                // Records which collections have a folder: these would be learned again.
                app.folders_at_start().await?;
                let rows = app.desk.store.collections().await?;
                let Some(row) = rows.iter().find(|row| row.slug == collection) else {
                    bail!("there is no collection {collection}; `frontdesk collection` lists them");
                };
                app.desk.library.sync_index().await?;
                app.desk.remove_collection(row).await?;
                println!("{collection} is removed with all that it held.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(app: &App) -> anyhow::Result<()> {
    let mut sizes = app.desk.store.collection_sizes().await?;
    sizes.retain(|size| !is_staged(&size.slug));
    if sizes.is_empty() {
        println!("There are no collections; `frontdesk learn FOLDER` makes one.");
    }
    for size in sizes {
        println!("{}  {} documents, {} chunks", size.slug, size.documents, size.chunks);
    }
    Ok(())
}
