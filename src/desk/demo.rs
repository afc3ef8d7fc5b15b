//! The built-in demo shop: its prompt and documents, how a copy of them is recognised, and leaving
//! it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

use rust_embed::Embed;

use super::{Desk, RemovalError};
use crate::domain::{CollectionId, CollectionOrigin, DocumentState, What};
use crate::knowledge::{DocumentSource, SourceFolder};
use crate::store;
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

/// Returns the demo's documents, one source folder per collection.
pub fn folders() -> Vec<SourceFolder> {
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

/// Returns the paths of the demo's documents by collection.
pub fn paths() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::<String, BTreeSet<String>>::new();
    for folder in folders() {
        let paths = folder.documents.into_iter().map(|document| document.path);
        all.entry(folder.collection).or_default().extend(paths);
    }
    all
}

/// Returns the demo's prompt files as pairs of name and content.
pub fn prompts() -> Vec<(String, String)> {
    let read = |name: &str| {
        let file = DemoPrompts::get(name)?;
        Some((name.to_owned(), String::from_utf8_lossy(&file.data).into_owned()))
    };
    // Subfolders hold other prompts, for example those of graders.
    let agents = DemoPrompts::iter().filter(|name| !name.contains('/'));
    agents.filter_map(|name| read(&name)).collect()
}

/// Whether a folder of the owner's holds the demo's documents and nothing else, as in a checkout.
/// `root`: the folder of all collections.
pub fn is_copy(root: &Path, folder: &SourceFolder) -> bool {
    let of_demo = |path: &str| DemoKnowledge::get(&format!("{}/{path}", folder.collection));
    let count = DemoKnowledge::iter()
        .filter(|file| file.split_once('/').is_some_and(|(name, _)| name == folder.collection))
        .count();
    let is_same = |path: &str| {
        let file = root.join(&folder.collection).join(path);
        let (Some(demo), Ok(meta)) = (of_demo(path), file.metadata()) else { return false };
        // The length first, so that a large file of the owner's is not read for nothing.
        meta.len() == demo.data.len() as u64
            && std::fs::read(file).is_ok_and(|data| data == *demo.data)
    };
    count > 0
        && count == folder.documents.len()
        && folder.settings.is_none()
        && folder.documents.iter().all(|document| is_same(&document.path))
}

/// Whether a prompt file, named by its path, is the demo's, unchanged.
pub fn is_prompt(path: &str, source: &str) -> bool {
    let name = Path::new(path).file_name().and_then(OsStr::to_str).unwrap_or_default();
    DemoPrompts::get(name).is_some_and(|file| *file.data == *source.as_bytes())
}

impl Desk {
    /// Leaves out of a folder of the demo what was removed from its collection, and marks the
    /// collection as the demo's. False if nothing is left.
    pub async fn keep_of_demo(&self, folder: &mut SourceFolder) -> store::Result<bool> {
        let store = &self.store;
        let all = store.all_collections().await?;
        if let Some(row) = all.iter().find(|row| row.slug == folder.collection) {
            let is_there = store.collections().await?.iter().any(|it| it.id == row.id);
            let rows = store.documents(&CollectionId::stored(row.id.clone()), 0).await?;
            let is_removed = |row: &DocumentRow| row.state == DocumentState::Removed;
            let is_demo =
                |row: &&DocumentRow| folder.documents.iter().any(|it| it.path == row.path);
            let of_demo: Vec<_> = rows.iter().filter(is_demo).collect();
            if !is_there || !of_demo.is_empty() && of_demo.iter().all(|row| is_removed(row)) {
                return Ok(false);
            }
            let gone: BTreeSet<_> =
                of_demo.iter().filter(|row| is_removed(row)).map(|row| row.path.clone()).collect();
            folder.documents.retain(|document| !gone.contains(&document.path));
        }
        self.library.set_origin(&folder.collection, CollectionOrigin::Demo);
        Ok(true)
    }

    /// Whether a document was learned from the demo's file at its path, and not from another one.
    async fn is_of_demo(
        &self,
        row: &CollectionRow,
        document: &DocumentRow,
        paths: &BTreeSet<String>,
    ) -> Result<bool, RemovalError> {
        let is_file = document.source_id.is_none() && document.uploaded == 0;
        if !is_file || !paths.contains(&document.path) {
            return Ok(false);
        }
        let Some(file) = DemoKnowledge::get(&format!("{}/{}", row.slug, document.path)) else {
            return Ok(false);
        };
        let id = CollectionId::stored(row.id.clone());
        let hash = self.library.content_hash(&id, &file.data).await?;
        // One that could not be learned has none.
        Ok(document.hash.is_empty() || document.hash == hash)
    }

    /// Removes the demo's documents from a collection, and the collection with them if it holds
    /// nothing else. `paths`: those of the demo's documents.
    pub async fn remove_demo_documents(
        &self,
        row: &CollectionRow,
        paths: &BTreeSet<String>,
        removal: &mut DemoRemoval,
    ) -> Result<(), RemovalError> {
        let (store, id) = (&self.store, CollectionId::stored(row.id.clone()));
        // Without them an agent, also one with a gate for them, would answer from nothing.
        if !self.readers(&row.slug).await?.is_empty() {
            removal.kept.push(row.slug.clone());
            return Ok(());
        }
        for document in store.documents(&id, 0).await? {
            if document.state != DocumentState::Removed
                && self.is_of_demo(row, &document, paths).await?
            {
                store.forget(&document.id).await?;
                removal.documents += 1;
                removal.passages += document.chunks;
            }
        }
        for path in store.answer_files(&id).await?.iter().filter(|path| paths.contains(*path)) {
            store.answers_of_file(&id, path, Vec::new()).await?;
        }
        // Nothing else of the collection is the demo's.
        self.library.set_origin(&row.slug, CollectionOrigin::Console);
        // An upload may have come while the documents went.
        if !store.remove_empty_collection(&id).await? {
            removal.kept.push(row.slug.clone());
        }
        self.library.sync_index().await?;
        self.reload_answers().await?;
        self.announce(What::Knowledge).await;
        Ok(())
    }
}
