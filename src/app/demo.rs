//! The built-in demo shop: its prompt and documents, and leaving it.

use std::path::Path;

use rust_embed::Embed;

use super::App;
use crate::config::Config;
use crate::desk::RemovalError;
use crate::domain::{CollectionId, CollectionOrigin, DocumentState};
use crate::knowledge::{DocumentSource, SourceFolder};
use crate::store::knowledge::{CollectionRow, DocumentRow};

#[derive(Embed)]
#[folder = "knowledge/"]
struct DemoKnowledge;

#[derive(Embed)]
#[folder = "prompts/"]
struct DemoPrompts;

/// What was removed of the demo.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DemoRemoval {
    /// Short names of the agents.
    pub agents: Vec<String>,
    /// Number of documents.
    pub documents: usize,
    /// Number of their passages.
    pub passages: i64,
    /// Collections that stay, because they hold something else or an agent uses them.
    pub kept: Vec<String>,
    /// Agents that stay, because their prompts were changed.
    pub kept_agents: Vec<String>,
}

/// Whether the built-in demo shop is used: neither configured folder exists.
pub fn is_demo(config: &Config) -> bool {
    !config.files.prompts.is_dir() && !config.files.knowledge.is_dir()
}

/// Returns the demo's documents, one source folder per collection.
pub(super) fn folders() -> Vec<SourceFolder> {
    let mut folders: Vec<SourceFolder> = Vec::new();
    for file in DemoKnowledge::iter() {
        let Some((collection, path)) = file.split_once('/') else { continue };
        let (name, path) = (file.to_string(), path.to_owned());
        let read = move || {
            let file = DemoKnowledge::get(&name);
            Ok(file.map(|file| file.data.into_owned()).unwrap_or_default())
        };
        let document = DocumentSource { path, name: None, read: Box::new(read) };
        match folders.iter_mut().find(|folder| folder.collection == collection) {
            Some(folder) => folder.documents.push(document),
            None => folders.push(SourceFolder {
                collection: collection.to_owned(),
                documents: vec![document],
                whole: true,
                settings: None,
            }),
        }
    }
    folders
}

/// Returns the demo's prompt files as pairs of name and content.
pub(super) fn prompts() -> Vec<(String, String)> {
    let read = |name: &str| {
        let file = DemoPrompts::get(name)?;
        Some((name.to_owned(), String::from_utf8_lossy(&file.data).into_owned()))
    };
    // Subfolders hold other prompts, for example those of graders.
    let agents = DemoPrompts::iter().filter(|name| !name.contains('/'));
    agents.filter_map(|name| read(&name)).collect()
}

impl App {
    /// Leaves out of a folder of the demo what was removed from its collection, and marks the
    /// collection as the demo's. False if nothing is left.
    pub(super) async fn keep_of_demo(&self, folder: &mut SourceFolder) -> anyhow::Result<bool> {
        let store = &self.desk.store;
        let all = store.all_collections().await?;
        if let Some(row) = all.iter().find(|row| row.slug == folder.collection) {
            let is_there = store.collections().await?.iter().any(|it| it.id == row.id);
            let rows = store.documents(&CollectionId::stored(row.id.clone()), 0).await?;
            let is_removed = |row: &DocumentRow| row.state == DocumentState::Removed;
            if !is_there || !rows.is_empty() && rows.iter().all(is_removed) {
                return Ok(false);
            }
            folder.documents.retain(|document| {
                !rows.iter().any(|row| row.path == document.path && is_removed(row))
            });
        }
        self.desk.library.learns_at_start(&folder.collection, CollectionOrigin::Demo);
        Ok(true)
    }

    /// Removes the demo's agents, unless a number or a run uses them, and its documents; what the
    /// owner has changed or put beside them stays, and documents that an agent answers from. They
    /// do not come back at the next start.
    pub async fn remove_demo(&self) -> Result<DemoRemoval, RemovalError> {
        let mut removal = DemoRemoval::default();
        let own = |folder: &Path, name: &str| folder.join(name).exists();
        let agents = self.desk.store.agents().await?;
        for (file, source) in prompts() {
            let slug = file.trim_end_matches(".md");
            let Some(row) = agents.iter().find(|row| row.slug == slug) else { continue };
            if own(&self.config.files.prompts, &file) || row.file_hash.is_none() {
                continue;
            }
            if row.source != source {
                removal.kept_agents.push(slug.to_owned());
                continue;
            }
            self.jobs.remove_agent(slug, false).await?;
            removal.agents.push(slug.to_owned());
        }
        let collections = self.desk.store.collections().await?;
        for folder in folders() {
            let name = &folder.collection;
            let row = collections.iter().find(|row| row.slug == *name);
            if let Some(row) = row.filter(|_| !own(&self.config.files.knowledge, name)) {
                self.remove_demo_documents(row, &folder, &mut removal).await?;
            }
        }
        Ok(removal)
    }

    async fn remove_demo_documents(
        &self,
        row: &CollectionRow,
        folder: &SourceFolder,
        removal: &mut DemoRemoval,
    ) -> Result<(), RemovalError> {
        let (store, id) = (&self.desk.store, CollectionId::stored(row.id.clone()));
        let theirs = |path: &str| folder.documents.iter().any(|document| document.path == path);
        // Without them an agent, also one with a gate for them, would answer from nothing.
        if !self.desk.readers(&row.slug).await?.is_empty() {
            removal.kept.push(row.slug.clone());
            return Ok(());
        }
        let mut is_left = false;
        for document in store.documents(&id, 0).await? {
            let is_file = document.source_id.is_none() && document.uploaded == 0;
            if document.state == DocumentState::Removed {
                continue;
            }
            if is_file && theirs(&document.path) {
                store.forget(&document.id).await?;
                removal.documents += 1;
                removal.passages += document.chunks;
            } else {
                is_left = true;
            }
        }
        for path in store.answer_files(&id).await?.iter().filter(|path| theirs(path)) {
            store.answers_of_file(&id, path, Vec::new()).await?;
        }
        is_left |= !store.answers(&id, None, 1).await?.is_empty();
        if is_left {
            removal.kept.push(row.slug.clone());
        } else {
            self.desk.remove_collection(row).await?;
        }
        self.desk.library.sync_index().await?;
        self.desk.reload_answers().await?;
        Ok(())
    }
}
