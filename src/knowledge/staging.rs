//! Documents that are tried before they answer: a collection as it would be, learned beside the one that answers.

use std::collections::HashSet;

use super::learn::LearnJob;
use super::vectors::text_hash;
use super::{Error, Library, Progress, SilentProgress, SourceFolder, answers, collection};
use crate::domain::{
    AnswerContent, AnswerId, CollectionId, DocumentId, DocumentState, SettingsOrigin, searchable,
};
use crate::store::answers::AnswerRow;
use crate::store::knowledge::{DocumentRow, NewChunk, NewDocument};

/// How the name of a collection ends that only stands beside another.
const ENDING: &str = "@draft";
/// The path under which answers made by hand are copied.
const BY_HAND: &str = "@by-hand";

/// A change of a collection by hand, which can be tried before it is made.
#[derive(Debug, Clone)]
pub enum Edit {
    /// A curated answer is made.
    AddAnswer(AnswerContent),
    /// A curated answer is changed.
    ChangeAnswer(AnswerId, AnswerContent),
    /// A curated answer is removed.
    RemoveAnswer(AnswerId),
    /// A document is removed.
    RemoveDocument(DocumentId),
}

/// Whether a collection only stands beside another, to be tried.
pub fn is_staged(name: &str) -> bool {
    name.ends_with(ENDING)
}

impl Library {
    /// Whether learning a source folder would change what its collection holds.
    pub async fn differs(&self, from: SourceFolder) -> Result<bool, Error> {
        let id = self.store.collection(&from.collection).await?;
        let own = self.own_settings(&id).await?.unwrap_or_default();
        let file = from.settings.as_deref().map(collection::Settings::read).transpose();
        let file = file.map_err(|why| Error::Settings(format!("{}: {why}", collection::FILE)))?;
        let as_file_says = match file {
            Some(file) => file.from(SettingsOrigin::File) == own,
            None => own.from() != SettingsOrigin::File,
        };
        if from.whole && !as_file_says {
            return Ok(true);
        }
        let work = LearnJob::begin(self, &SilentProgress, (id.clone(), None)).await?;
        let rows = self.store.documents(&id, 0).await?;
        let files = |row: &&DocumentRow| {
            row.source_id.is_none() && row.uploaded == 0 && row.state == DocumentState::Ready
        };
        let mut left: HashSet<&str> =
            rows.iter().filter(files).map(|row| row.path.as_str()).collect();
        let held = self.store.answer_files(&id).await?;
        let mut answers_left: HashSet<&str> = held.iter().map(String::as_str).collect();
        for document in from.documents {
            let path = document.path;
            let read = tokio::task::spawn_blocking(document.read).await;
            let Ok(Ok(bytes)) = read else { continue };
            if answers::is_answers(&path) {
                answers_left.remove(path.as_str());
                let all = self.store.answers(&id, None, i64::MAX).await?;
                let mut held: Vec<_> = all
                    .iter()
                    .filter(|row| row.source.as_deref() == Some(path.as_str()))
                    .map(|row| format!("{:?}", row.curated()))
                    .collect();
                let mut wanted: Vec<_> = answers::parse(&bytes)
                    .unwrap_or_default()
                    .iter()
                    .map(|it| format!("{it:?}"))
                    .collect();
                held.sort();
                wanted.sort();
                if held != wanted {
                    return Ok(true);
                }
                continue;
            }
            left.remove(path.as_str());
            let hash = work.hash(&bytes);
            // A document that could not be read the last time is no change while it is the same.
            let same = |row: &DocumentRow| {
                row.path == path && row.hash == hash && row.state != DocumentState::Removed
            };
            if !rows.iter().any(same) {
                return Ok(true);
            }
        }
        Ok(from.whole && !(left.is_empty() && answers_left.is_empty()))
    }

    /// Learns a source folder beside its collection, with all that the collection has from elsewhere: the web, answers made by hand.
    pub async fn stage(
        &self,
        from: SourceFolder,
        progress: &dyn Progress,
    ) -> Result<CollectionId, Error> {
        self.stage_with(from, None, progress).await
    }

    /// Puts all that a collection has beside it, with a change by hand.
    pub async fn stage_edit(&self, collection: &str, edit: &Edit) -> Result<CollectionId, Error> {
        let collection = collection.to_owned();
        let nothing =
            SourceFolder { collection, documents: Vec::new(), whole: false, settings: None };
        self.stage_with(nothing, Some(edit), &SilentProgress).await
    }

    async fn stage_with(
        &self,
        mut from: SourceFolder,
        edit: Option<&Edit>,
        progress: &dyn Progress,
    ) -> Result<CollectionId, Error> {
        let real = self.store.collection(&from.collection).await?;
        from.collection = format!("{}{ENDING}", from.collection);
        let draft = self.store.collection(&from.collection).await?;
        self.settle_as(&draft, &real).await?;
        let whole = std::mem::replace(&mut from.whole, true);
        let paths: HashSet<String> =
            from.documents.iter().map(|document| document.path.clone()).collect();
        self.learn(from, progress).await?;
        if !whole {
            // What is no whole folder says nothing of settings: the collection goes on with those of the real one.
            self.settle_as(&draft, &real).await?;
        }
        for row in self.store.documents(&real, 0).await? {
            let elsewhere = row.source_id.is_some() || row.uploaded == 1 || !whole;
            if matches!(edit, Some(Edit::RemoveDocument(id)) if *id == row.id) {
                continue;
            }
            let ready = row.state == DocumentState::Ready;
            if elsewhere && ready && !paths.contains(&row.path) {
                self.copy(&draft, row).await?;
            }
        }
        let all = self.store.answers(&real, None, i64::MAX).await?;
        let elsewhere = all
            .iter()
            .filter(|row| row.source.as_ref().is_none_or(|path| !whole && !paths.contains(path)));
        let mut curated: Vec<_> = elsewhere.filter_map(|row| answer_with(row, edit)).collect();
        if let Some(Edit::AddAnswer(new)) = edit {
            curated.push(new.clone());
        }
        self.store.answers_of_file(&draft, BY_HAND, curated).await?;
        self.follow().await?;
        Ok(draft)
    }

    /// Gives a collection the settings of another one.
    async fn settle_as(&self, draft: &CollectionId, real: &CollectionId) -> Result<(), Error> {
        let rows = self.store.collections().await?;
        let said = |id: &CollectionId| {
            let row = rows.iter().find(|row| row.id == id.as_str());
            row.map(|row| row.settings.clone()).unwrap_or_default()
        };
        self.store.set_collection_settings(draft, said(draft), said(real)).await?;
        Ok(())
    }

    async fn copy(&self, to: &CollectionId, row: DocumentRow) -> Result<(), Error> {
        let chunks = self.store.chunks(&row.id, None).await?;
        let new = |chunk: crate::store::knowledge::ChunkRow| NewChunk {
            text_hash: text_hash(&searchable(&row.title, &chunk.heading, &chunk.body)),
            tokens: u32::try_from(chunk.tokens).unwrap_or(0),
            heading: chunk.heading,
            body: chunk.body,
            place: chunk.place,
        };
        let chunks = Ok(chunks.into_iter().map(new).collect());
        let (path, title, hash) = (row.path, row.title.clone(), row.hash);
        let collection = to.clone();
        let (source, uploaded) = (None, false);
        let copy = NewDocument { collection, path, title, hash, source, uploaded, chunks };
        self.store.learn(copy).await?;
        Ok(())
    }

    /// Takes away what stands beside a collection, and nothing else.
    pub async fn unstage(&self, name: &str) -> Result<(), Error> {
        let collection = format!("{name}{ENDING}");
        let empty = SourceFolder { collection, documents: Vec::new(), whole: true, settings: None };
        self.learn(empty, &SilentProgress).await.map(drop)
    }

    /// Takes away what a process left that died while it tried documents.
    pub async fn unstage_all(&self) -> Result<(), Error> {
        for row in self.store.collections().await? {
            let Some(name) = row.slug.strip_suffix(ENDING) else { continue };
            let id = CollectionId::stored(row.id.clone());
            let documents = self.store.documents(&id, 0).await?;
            if documents.iter().any(|row| row.state != DocumentState::Removed) {
                self.unstage(name).await?;
            }
        }
        Ok(())
    }
}

/// An answer as it is after a change; `None` for one that is removed.
fn answer_with(row: &AnswerRow, edit: Option<&Edit>) -> Option<AnswerContent> {
    match edit {
        Some(Edit::RemoveAnswer(id)) if id.as_str() == row.id => None,
        Some(Edit::ChangeAnswer(id, changed)) if id.as_str() == row.id => Some(changed.clone()),
        _ => Some(row.curated()),
    }
}
