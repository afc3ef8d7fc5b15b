//! Staging: learns a changed collection as a draft beside the live one, so that it can be tested
//! before it answers.

use std::collections::HashSet;

use super::collection::DRAFT_SUFFIX;
use super::learn::LearnJob;
use super::vectors::text_hash;
use super::{Error, Library, Progress, SilentProgress, SourceFolder, answers, collection};
use crate::domain::{
    AnswerContent, AnswerId, CollectionId, DocumentId, DocumentState, SettingsOrigin, searchable,
};
use crate::store::answers::{AnswerRow, FileOutcome};
use crate::store::knowledge::{DocumentRow, NewChunk, NewDocument};

/// Path under which the draft keeps copies of curated answers made by hand.
const BY_HAND: &str = "@by-hand";

/// A manual change of a collection, which can be tested before it is applied.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Adds a curated answer.
    AddAnswer(AnswerContent),
    /// Changes a curated answer.
    ChangeAnswer(AnswerId, AnswerContent),
    /// Removes a curated answer.
    RemoveAnswer(AnswerId),
    /// Removes a document.
    RemoveDocument(DocumentId),
}

impl Library {
    /// Whether learning a source folder would change its collection.
    pub async fn differs(&self, from: SourceFolder) -> Result<bool, Error> {
        let file = from.settings.as_deref().map(collection::Settings::read).transpose();
        let file = file.map_err(|why| Error::Settings(format!("{}: {why}", collection::FILE)))?;
        let id = self.store.collection(&from.collection).await?;
        let own = self.own_settings(&id).await?.unwrap_or_default();
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
                // Learning keeps what a file held before it became invalid.
                let Ok(wanted) = answers::parse(&bytes) else { continue };
                let all = self.store.answers(&id, None, i64::MAX).await?;
                let mut held: Vec<_> = all
                    .iter()
                    .filter(|row| row.source.as_deref() == Some(path.as_str()))
                    .map(|row| format!("{:?}", row.curated()))
                    .collect();
                let mut wanted: Vec<_> = wanted.iter().map(|it| format!("{it:?}")).collect();
                held.sort();
                wanted.sort();
                if held != wanted {
                    return Ok(true);
                }
                continue;
            }
            left.remove(path.as_str());
            let hash = work.hash(&bytes);
            // A document that failed last time is no change while its content is the same.
            let same = |row: &DocumentRow| {
                row.path == path && row.hash == hash && row.state != DocumentState::Removed
            };
            if !rows.iter().any(same) {
                return Ok(true);
            }
        }
        Ok(from.whole && !(left.is_empty() && answers_left.is_empty()))
    }

    /// Learns a source folder into a draft, with copies of what the collection has from elsewhere:
    /// web pages, uploads, answers made by hand.
    pub async fn stage(
        &self,
        from: SourceFolder,
        progress: &dyn Progress,
    ) -> Result<CollectionId, Error> {
        self.stage_with(from, None, progress).await
    }

    /// Copies a collection into a draft and applies a manual change.
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
        from.collection = format!("{}{DRAFT_SUFFIX}", from.collection);
        let draft = self.store.collection(&from.collection).await?;
        self.copy_settings(&draft, &real).await?;
        let whole = std::mem::replace(&mut from.whole, true);
        let paths: HashSet<String> =
            from.documents.iter().map(|document| document.path.clone()).collect();
        let failed = self.learn(from, progress).await?.failed;
        if !whole {
            // Without a whole folder there is no settings file, and learning may have reset the
            // settings: copy them again.
            self.copy_settings(&draft, &real).await?;
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
        // Learning keeps the answers of a file that has become invalid.
        let refused = |path: &String| failed.iter().any(|(failed, _)| failed == path);
        let stays = |path: &String| refused(path) || !(whole || paths.contains(path));
        let elsewhere = all.iter().filter(|row| row.source.as_ref().is_none_or(stays));
        let mut curated: Vec<_> = elsewhere.filter_map(|row| answer_with(row, edit)).collect();
        if let Some(Edit::AddAnswer(new)) = edit {
            curated.push(new.clone());
        }
        if self.store.answers_of_file(&draft, BY_HAND, curated).await? == FileOutcome::Full {
            return Err(Error::Source(answers::full()));
        }
        self.sync_index().await?;
        Ok(draft)
    }

    /// Copies the settings of one collection to another.
    async fn copy_settings(&self, draft: &CollectionId, real: &CollectionId) -> Result<(), Error> {
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

    /// Empties the draft of a collection.
    pub async fn unstage(&self, name: &str) -> Result<(), Error> {
        let collection = format!("{name}{DRAFT_SUFFIX}");
        let empty = SourceFolder { collection, documents: Vec::new(), whole: true, settings: None };
        self.learn(empty, &SilentProgress).await.map(drop)
    }

    /// Empties the drafts that a crashed process left.
    pub async fn unstage_all(&self) -> Result<(), Error> {
        for row in self.store.collections().await? {
            let Some(name) = row.slug.strip_suffix(DRAFT_SUFFIX) else { continue };
            let id = CollectionId::stored(row.id.clone());
            let documents = self.store.documents(&id, 0).await?;
            if documents.iter().any(|row| row.state != DocumentState::Removed) {
                self.unstage(name).await?;
            }
        }
        Ok(())
    }
}

/// An answer after an edit; `None` when the edit removes it.
fn answer_with(row: &AnswerRow, edit: Option<&Edit>) -> Option<AnswerContent> {
    match edit {
        Some(Edit::RemoveAnswer(id)) if id.as_str() == row.id => None,
        Some(Edit::ChangeAnswer(id, changed)) if id.as_str() == row.id => Some(changed.clone()),
        _ => Some(row.curated()),
    }
}
