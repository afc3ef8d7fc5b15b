//! `frontdesk collection`: lists, renames and removes collections. `frontdesk learn` makes them.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::audit::AuditEntry;
use crate::app::App;
use crate::domain::Action;
use crate::knowledge::is_staged;
use crate::store::knowledge::CollectionRow;

/// List, rename and remove collections
#[derive(Debug, Args)]
pub(super) struct Collections {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every collection with its size
    List,
    /// Give a collection a title for people; prompt files and folders go on with its name
    Rename {
        /// The collection's name
        collection: String,
        /// The title; empty: its name
        title: String,
    },
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
            Some(Command::Rename { collection, .. }) => {
                Some((Action::CollectionRenamed, collection.clone()))
            }
            Some(Command::Remove { collection }) => {
                Some((Action::CollectionRemoved, collection.clone()))
            }
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        match self.command {
            None | Some(Command::List) => list(&app).await?,
            Some(Command::Rename { collection, title }) => {
                let row = named(&app, &collection).await?;
                let title = app.desk.rename_collection(&row, &title).await?;
                let shown = if title.is_empty() { &collection } else { &title };
                println!("{collection} is called {shown}.");
            }
            Some(Command::Remove { collection }) => {
                // Records which collections have a folder: these would be learned again.
                app.folders_at_start().await?;
                let row = named(&app, &collection).await?;
                app.desk.library.sync_index().await?;
                app.desk.remove_collection(&row).await?;
                println!("{collection} is removed with all that it held.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn named(app: &App, collection: &str) -> anyhow::Result<CollectionRow> {
    let rows = app.desk.store.collections().await?;
    let row = rows.into_iter().find(|row| row.slug == collection);
    row.with_context(|| {
        format!("there is no collection {collection}; `frontdesk collection` lists them")
    })
}

async fn list(app: &App) -> anyhow::Result<()> {
    let rows = app.desk.store.collections().await?;
    let mut sizes = app.desk.store.collection_sizes().await?;
    sizes.retain(|size| !is_staged(&size.slug));
    if sizes.is_empty() {
        println!("There are no collections; `frontdesk learn FOLDER` makes one.");
    }
    for size in sizes {
        let title = rows.iter().find(|row| row.slug == size.slug).map_or("", |row| &row.title);
        let title = if title.is_empty() { String::new() } else { format!(" ({title})") };
        println!("{}{title}  {} documents, {} chunks", size.slug, size.documents, size.chunks);
    }
    Ok(())
}
