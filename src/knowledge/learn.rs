//! Learns a source folder: skips unchanged documents by hash, replaces changed ones atomically,
//! removes missing ones. One that cannot be read is marked failed with the reason.

use std::collections::{HashMap, HashSet};

use frontdesk_doctext::chunk;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::task::JoinSet;

use super::hash::hash_of;
use super::progress::{Progress, Summary};
use super::reading::{self, Content, File, ReadError};
use super::vectors::{BATCH, stored_chunks};
use super::{DocumentSource, Error, Library, SourceFolder, answers, collection, remedy};
use crate::domain::{CollectionId, DocumentId, DocumentState, LearnOutcome, SourceId, searchable};
use crate::reader::Pool;
use crate::spans::{self, Span};
use crate::store::knowledge::{DocumentRow, Failure, NewDocument};

/// How many documents are stored concurrently in SQLite, where they share a commit.
const STORED_AT_ONCE: usize = 16;

impl Library {
    /// Learns a source folder on request and updates the index.
    pub async fn learn(
        &self,
        from: SourceFolder,
        progress: &dyn Progress,
    ) -> Result<Summary, Error> {
        self.learn_folder(from, progress, true).await
    }

    /// Learns what changed in a source folder. An unchanged file that broke its reader is not
    /// retried: it could break it at every start.
    pub async fn learn_changes(
        &self,
        from: SourceFolder,
        progress: &dyn Progress,
    ) -> Result<Summary, Error> {
        self.learn_folder(from, progress, false).await
    }

    async fn learn_folder(
        &self,
        from: SourceFolder,
        progress: &dyn Progress,
        again: bool,
    ) -> Result<Summary, Error> {
        // First, because a mistake there must not leave an empty collection behind.
        let wrong = |why| Error::Settings(format!("{}: {why}", collection::FILE));
        let file = from.settings.as_deref().map(collection::Settings::read);
        let file = file.transpose().map_err(wrong)?;
        let collection = self.store.collection(&from.collection).await?;
        if from.whole {
            self.apply_settings(&collection, file.as_ref()).await?;
            self.renew_uploads().await?;
        }
        let mut work = LearnJob::begin(self, progress, (collection, None)).await?;
        work.again = again;
        let paths: HashSet<String> = from.documents.iter().map(|one| one.path.clone()).collect();
        progress.start(paths.len());
        for document in from.documents {
            let path = document.path.clone();
            work.begin_reading(document).await?;
            work.store_batch().await?;
            progress.done(&path);
        }
        work.flush().await?;
        if from.whole {
            work.remove_all_but(&paths).await?;
        }
        work.summary.failed.sort();
        self.sync_index().await?;
        Ok(work.summary)
    }
}

/// A run that learns a source folder or a web source.
pub(super) struct LearnJob<'a> {
    library: &'a Library,
    progress: &'a dyn Progress,
    settings: chunk::Settings,
    collection: CollectionId,
    /// The web source of the documents; `None` for files.
    source: Option<SourceId>,
    known: HashMap<String, DocumentRow>,
    /// Whether unchanged files that broke their reader are retried.
    again: bool,
    reading: JoinSet<Reading>,
    waiting: Vec<ChunkedDocument>,
    pub(super) summary: Summary,
}

/// A document whose reading has ended.
struct Reading {
    path: String,
    hash: String,
    read: Result<Content, ReadError>,
    span: Span,
}

/// A document in chunks, not embedded yet.
struct ChunkedDocument {
    path: String,
    title: String,
    hash: String,
    pieces: Vec<chunk::Piece>,
    span: Span,
}

impl ChunkedDocument {
    /// The texts to embed, the same ones that lexical search indexes.
    fn texts(&self) -> impl Iterator<Item = String> {
        self.pieces.iter().map(|piece| searchable(&self.title, &piece.heading, &piece.body))
    }
}

impl<'a> LearnJob<'a> {
    /// Loads the collection's documents and settings.
    pub(super) async fn begin(
        library: &'a Library,
        progress: &'a dyn Progress,
        (collection, source): (CollectionId, Option<SourceId>),
    ) -> Result<Self, Error> {
        let own = library.own_settings(&collection).await?.unwrap_or_default();
        let stored = library.store.documents(&collection, 0).await?;
        let known = stored.into_iter().map(|row| (row.path.clone(), row)).collect();
        Ok(Self {
            library,
            progress,
            settings: own.chunk.unwrap_or_else(|| library.settings.chunk.clone()),
            collection,
            source,
            known,
            again: false,
            reading: JoinSet::new(),
            waiting: Vec::new(),
            summary: Summary::default(),
        })
    }

    /// Starts reading a document concurrently with others, unless it is unchanged.
    pub(super) async fn begin_reading(&mut self, document: DocumentSource) -> Result<(), Error> {
        let (path, name) = (document.path, document.name);
        let uploaded = |row: &DocumentRow| row.uploaded == 1 && row.state != DocumentState::Removed;
        if self.known.get(&path).is_some_and(uploaded) {
            let why = "a file of this name was uploaded: rename this one, or remove that one";
            self.summary.failed.push((path, why.into()));
            return Ok(());
        }
        let bytes = match tokio::task::spawn_blocking(document.read).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return self.fail_unread(path, error.to_string()).await,
            Err(error) => return self.fail_unread(path, error.to_string()).await,
        };
        if self.source.is_none() && answers::is_answers(&path) {
            return self.answers(path, &bytes).await;
        }
        let hash = self.hash(&bytes);
        if let Some(row) = self.known.get(&path).filter(|row| row.hash == hash) {
            match row.state {
                DocumentState::Ready => {
                    self.summary.unchanged += 1;
                    return Ok(());
                }
                DocumentState::Failed if !self.again && row.code.is_some_and(remedy::is_final) => {
                    self.summary.failed.push((path, row.error.clone().unwrap_or_default()));
                    return Ok(());
                }
                DocumentState::Failed | DocumentState::Learning | DocumentState::Removed => {}
            }
        }
        let name = name.unwrap_or_else(|| path.clone());
        // Nobody waits for web pages, so they are read in the background.
        let own = |readers: &Pool| match self.source {
            Some(_) => readers.in_background(),
            None => readers.clone(),
        };
        let (readers, settings) = (self.library.readers.as_ref().map(own), self.settings.clone());
        let file = File { name, bytes, own: self.source.is_none() };
        let span = self.span(&path);
        self.reading.spawn(async move {
            let read = span.around(reading::read(readers.as_ref(), file, settings)).await;
            Reading { path, hash, read, span }
        });
        // A slow document occupies one slot; later ones are read in the others.
        while self.reading.len() >= self.library.readers() {
            self.take_read().await?;
        }
        Ok(())
    }

    fn span(&self, path: &str) -> Span {
        let source = self.source.as_ref().map(SourceId::as_str);
        let collection = self.collection.as_str();
        spans::learn(spans::Document { collection, source, id: None, path })
    }

    /// Embeds and stores the chunked documents once they fill a batch.
    pub(super) async fn store_batch(&mut self) -> Result<(), Error> {
        if self.waiting.iter().map(|read| read.pieces.len()).sum::<usize>() >= BATCH {
            self.store_waiting().await?;
        }
        Ok(())
    }

    /// Waits until one of the documents has been read.
    async fn take_read(&mut self) -> Result<(), Error> {
        let Reading { path, hash, read, span } = match self.reading.join_next().await {
            None => return Ok(()),
            Some(Ok(read)) => read,
            Some(Err(error)) => return Err(Error::Source(format!("reading failed: {error}"))),
        };
        match read {
            Ok(Content { title, warnings, pieces }) => {
                let named = warnings.into_iter().map(|warning| (path.clone(), warning));
                self.summary.warnings.extend(named);
                self.waiting.push(ChunkedDocument { path, title, hash, pieces, span });
                Ok(())
            }
            Err(ReadError::Refused(failure)) => {
                let failed = span.around(self.fail(path, hash, failure)).await;
                span.ended(LearnOutcome::Failed.as_str());
                failed
            }
            // An old version stays; the next run tries again.
            Err(ReadError::Unavailable { why, .. }) => {
                span.ended(LearnOutcome::Unavailable.as_str());
                self.summary.failed.push((path, why));
                Ok(())
            }
        }
    }

    /// Whether every document begun so far is stored or has failed.
    pub(super) fn is_flushed(&self) -> bool {
        self.waiting.is_empty() && self.reading.is_empty()
    }

    /// Whether a document was ready when this run began.
    pub(super) fn was_ready(&self, path: &str) -> bool {
        self.known.get(path).is_some_and(|row| row.state == DocumentState::Ready)
    }

    /// Hash of a document's content and of how it is chunked.
    pub(super) fn hash(&self, bytes: &[u8]) -> String {
        hash_of(bytes, &self.settings)
    }

    /// Waits until all documents have been read.
    pub(super) async fn finish_reading(&mut self) -> Result<(), Error> {
        while !self.reading.is_empty() {
            self.take_read().await?;
        }
        Ok(())
    }

    /// Waits until all documents have been read, and stores them.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        self.finish_reading().await?;
        self.store_waiting().await
    }

    /// Embeds and stores the waiting documents. A document is stored once it is fully embedded;
    /// embeddings made before a crash are reused.
    async fn store_waiting(&mut self) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        let texts = waiting.iter().flat_map(ChunkedDocument::texts).collect();
        if let Err(why) = self.library.embed_new(texts, self.progress).await? {
            // An old version stays; the next run tries again.
            let failed = waiting.into_iter().map(|read| {
                read.span.ended(LearnOutcome::Unavailable.as_str());
                (read.path, why.clone())
            });
            self.summary.failed.extend(failed);
            return Ok(());
        }
        let storing: Vec<_> = waiting.into_iter().map(|read| self.store(read)).collect();
        // In Postgres each waits for the collection's row, and would hold a connection meanwhile.
        let at_once = if self.library.store.is_shared() { 1 } else { STORED_AT_ONCE };
        let stored: Vec<_> = stream::iter(storing).buffered(at_once).try_collect().await?;
        for one in stored {
            match one {
                Ok(chunks) => {
                    self.summary.learned += 1;
                    self.summary.chunks += chunks;
                }
                Err(failed) => self.summary.failed.push(failed),
            }
        }
        Ok(())
    }

    /// Stores a document. Returns the number of its chunks, or its path and why the collection has
    /// no room for it.
    async fn store(&self, read: ChunkedDocument) -> Result<Result<usize, (String, String)>, Error> {
        let ChunkedDocument { path, title, hash, pieces, span } = read;
        let chunks = stored_chunks(&title, pieces);
        let many = chunks.len();
        let learned = NewDocument {
            collection: self.collection.clone(),
            path: path.clone(),
            title,
            hash,
            source: self.source.clone(),
            uploaded: false,
            chunks: Ok(chunks),
        };
        match span.around(self.put(learned)).await? {
            Ok(document) => {
                span.record("document", document);
                span.ended(LearnOutcome::Learned.as_str());
                Ok(Ok(many))
            }
            Err(why) => {
                span.ended(LearnOutcome::Failed.as_str());
                Ok(Err((path, why)))
            }
        }
    }

    /// Stores a document. The inner error says why the collection has no room for it.
    async fn put(&self, learned: NewDocument) -> Result<Result<DocumentId, String>, Error> {
        let room = self.library.settings.room();
        let put = self.library.store.learn_within(learned, room).await?;
        Ok(put.map_err(|full| remedy::in_words(&remedy::full(full))))
    }

    async fn fail_unread(&mut self, path: String, why: String) -> Result<(), Error> {
        self.fail(path, String::new(), remedy::unread(why)).await
    }

    /// Gives up a document that cannot be read. A version learned earlier stays.
    pub(super) async fn give_up(
        &mut self,
        path: &str,
        hash: String,
        failure: Failure,
    ) -> Result<(), Error> {
        if self.was_ready(path) {
            self.summary.failed.push((path.to_owned(), failure.error));
            return Ok(());
        }
        self.fail(path.to_owned(), hash, failure).await
    }

    async fn fail(&mut self, path: String, hash: String, failure: Failure) -> Result<(), Error> {
        let mut why = failure.error.clone();
        let learned = NewDocument {
            collection: self.collection.clone(),
            title: path.clone(),
            path: path.clone(),
            hash,
            source: self.source.clone(),
            uploaded: false,
            chunks: Err(failure),
        };
        if let Err(full) = self.put(learned).await? {
            why = format!("{why}; and {full}");
        }
        self.summary.failed.push((path, why));
        Ok(())
    }

    /// Removes the documents of the same source (or, without a source, the files) whose paths are
    /// not listed.
    pub(super) async fn remove_all_but(&mut self, paths: &HashSet<String>) -> Result<(), Error> {
        for row in self.known.values() {
            let theirs = row.uploaded == 1 || row.source_id != self.source;
            let ours = !theirs && row.state != DocumentState::Removed;
            if ours && !paths.contains(&row.path) {
                self.library.store.forget(&row.id).await?;
                self.summary.removed += 1;
            }
        }
        if self.source.is_some() {
            return Ok(()); // Files of answers belong to the folder.
        }
        let store = &self.library.store;
        for path in store.answer_files(&self.collection).await? {
            if !paths.contains(&path) {
                store.answers_of_file(&self.collection, &path, Vec::new()).await?;
                self.summary.removed += 1;
            }
        }
        Ok(())
    }

    /// Replaces a file's curated answers with its current ones. An invalid file changes nothing.
    async fn answers(&mut self, path: String, bytes: &[u8]) -> Result<(), Error> {
        match self.library.learn_answers(&self.collection, &path, bytes).await? {
            Ok(true) => self.summary.learned += 1,
            Ok(false) => self.summary.unchanged += 1,
            Err(why) => self.summary.failed.push((path, why)),
        }
        Ok(())
    }
}
