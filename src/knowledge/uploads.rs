//! Learns uploaded files in the background. The files queue in the database and are read, chunked,
//! embedded and stored one by one. A file whose process died is learned again by another one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_doctext::chunk;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::hash::{METHOD, hash_of};
use super::reading::{self, Content, File, ReadError};
use super::vectors::stored_chunks;
use super::{Error, Library, Progress, ReadTurn, remedy};
use crate::domain::{
    CollectionId, DocumentId, FailureCode, LearnOutcome, LearningStage, searchable,
};
use crate::spans;
use crate::store::knowledge::{Failure, NewDocument};
use crate::store::uploads::{LearnedUpload, NewUpload, UploadRow};

/// Lease on an upload, in milliseconds: how long a file stays locked after its process died.
const LEASE_MS: i64 = 60_000;
/// Maximum tries that end with their process; then the file fails.
const MAX_TRIES: i64 = 3;
/// Consecutive times, per reader, that no worker process could be started before a file fails with
/// the reason. Some seconds lie between two of them.
const MAX_CONSECUTIVE_NO_READER: usize = 36;
/// Method stored for a file that could not be read for lack of a process. It matches no current
/// method, so the file is learned again at the next start.
const NOT_READ: &str = "not read";

/// Progress of learning a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learning {
    /// The current stage.
    pub stage: LearningStage,
    /// Units done in this stage.
    pub done: usize,
    /// Total units in this stage; 0 if unknown.
    pub total: usize,
}

/// The files that this process is learning, and the wake-up for the learner.
#[derive(Debug, Default)]
pub(super) struct UploadsUnderway {
    at: Mutex<HashMap<String, Learning>>,
    woken: Notify,
    /// Consecutive times that no worker process could be started.
    consecutive_no_reader: AtomicUsize,
}

/// Shows the progress of one upload until dropped.
struct UploadProgress {
    underway: Arc<UploadsUnderway>,
    document: String,
}

impl UploadsUnderway {
    fn set(&self, document: &str, (stage, done, total): (LearningStage, usize, usize)) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.insert(document.to_owned(), Learning { stage, done, total });
    }
}

impl UploadProgress {
    fn set(&self, stage: LearningStage, done: usize, total: usize) {
        self.underway.set(&self.document, (stage, done, total));
    }
}

impl Drop for UploadProgress {
    fn drop(&mut self) {
        let mut at = self.underway.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.remove(&self.document);
    }
}

impl Progress for UploadProgress {
    fn start(&self, _: usize) {}
    fn found(&self, _: usize) {}
    fn done(&self, _: &str) {}

    fn embedded(&self, texts: usize, of: usize) {
        self.set(LearningStage::Embedding, texts, of);
    }
}

impl Library {
    /// Maximum size of an uploaded file, in bytes.
    pub fn max_upload_bytes(&self) -> usize {
        self.settings.max_upload_bytes
    }

    /// Progress of a document in this process; `None` while it waits or another process learns it.
    pub fn learning(&self, document: &str) -> Option<Learning> {
        let at = self.underway.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.get(document).copied()
    }

    /// Queues a file to be learned in the background. Refuses it when its path belongs to a
    /// document from another origin or the collection is full.
    pub async fn upload(&self, new: NewUpload) -> Result<Result<DocumentId, Failure>, Error> {
        let path = new.path.clone();
        let taken = self.store.add_upload(new, self.settings.room()).await?;
        self.underway.woken.notify_one();
        Ok(taken.map_err(remedy::full).and_then(|id| id.ok_or_else(|| remedy::path_taken(&path))))
    }

    /// Queues an uploaded document to be learned again; false when its file is not stored.
    pub async fn retry(&self, document: &DocumentId) -> Result<bool, Error> {
        let found = self.store.retry_upload(document).await?;
        self.underway.woken.notify_one();
        Ok(found)
    }

    /// Removes a document from the database and the index.
    pub async fn remove_document(&self, document: &DocumentId) -> Result<(), Error> {
        self.store.forget(document).await?;
        self.sync_index().await.map(drop)
    }

    /// Removes a collection and its content from the database and the index.
    pub async fn remove_collection(&self, collection: &CollectionId) -> Result<(), Error> {
        self.store.remove_collection(collection).await?;
        self.sync_index().await.map(drop)
    }

    /// Waits until this process accepts an upload.
    pub async fn wait_for_upload(&self) {
        self.underway.woken.notified().await;
    }

    /// Learns the upload that has waited longest; `None` when no unclaimed one waits.
    pub async fn learn_uploaded(&self) -> Result<Option<UploadRow>, Error> {
        let (row, turn) = loop {
            let Some(row) = self.store.due_upload().await? else { return Ok(None) };
            let turn = self.acquire_read_turn(row.tries > 0).await;
            if self.store.take_upload(&row, LEASE_MS).await? {
                break (row, turn);
            }
            // Another learner claimed it first.
        };
        let (underway, document) = (self.underway.clone(), row.document_id.clone());
        let shown = UploadProgress { underway, document };
        let span = spans::learn(spans::Document {
            collection: &row.collection_id,
            source: None,
            id: Some(&row.document_id),
            path: &row.path,
        });
        let learn = span.around(self.learn_claimed((&row, turn), &shown));
        let learned = tokio::select! {
            learned = Box::pin(learn) => learned,
            () = self.renew_upload_lease(&row) => Ok(LearnOutcome::Lost),
        };
        span.ended(learned.as_ref().unwrap_or(&LearnOutcome::Unavailable).as_str());
        learned?;
        self.sync_index().await?;
        Ok(Some(row))
    }

    /// Learns a claimed upload. Returns the outcome for its span.
    async fn learn_claimed(
        &self,
        (row, turn): (&UploadRow, ReadTurn<'_>),
        shown: &UploadProgress,
    ) -> Result<LearnOutcome, Error> {
        let collection = CollectionId::stored(row.collection_id.clone());
        let own = self.own_settings(&collection).await?.unwrap_or_default();
        let settings = own.chunk.unwrap_or_else(|| self.settings.chunk.clone());
        let mut method = method(&settings);
        let document = if row.tries >= MAX_TRIES {
            Err(remedy::lost())
        } else {
            shown.set(LearningStage::Reading, 0, 0);
            let Some(bytes) = self.store.upload_bytes(row).await? else {
                return Ok(LearnOutcome::Gone);
            };
            self.read_upload((row, collection), (bytes, settings), turn, shown).await?
        };
        if document.as_ref().is_err_and(|failure| failure.code == FailureCode::Unread) {
            NOT_READ.clone_into(&mut method);
        }
        let mut learns = document.as_ref().is_ok_and(|learned| learned.chunks.is_ok());
        shown.set(LearningStage::Storing, 0, 0);
        let (upload, room) = (row.clone(), self.settings.room());
        let learned = LearnedUpload { upload, method, document, room };
        if let Err(full) = self.store.end_upload(learned.clone()).await? {
            learns = false;
            let document = Err(remedy::full(full));
            let _kept = self.store.end_upload(LearnedUpload { document, ..learned }).await?;
        }
        Ok(if learns { LearnOutcome::Learned } else { LearnOutcome::Failed })
    }

    /// Reads, chunks and embeds a file. The right to read ends with reading.
    async fn read_upload(
        &self,
        (row, collection): (&UploadRow, CollectionId),
        (bytes, settings): (Vec<u8>, chunk::Settings),
        turn: ReadTurn<'_>,
        shown: &UploadProgress,
    ) -> Result<Result<NewDocument, Failure>, Error> {
        let hash = hash_of(&bytes, &settings);
        let file = File { name: row.path.clone(), bytes, own: false };
        let read = reading::read(self.readers.as_ref(), file, settings).await;
        // Embedding may take minutes and must not block other readers.
        drop(turn);
        if !matches!(read, Err(ReadError::Unavailable { begun: false, .. })) {
            self.underway.consecutive_no_reader.store(0, Ordering::Relaxed);
        }
        let learned = |title, chunks| NewDocument {
            collection,
            path: row.path.clone(),
            title,
            hash,
            source: None,
            uploaded: true,
            chunks,
        };
        let Content { title, pieces, .. } = match read {
            Ok(content) => content,
            Err(ReadError::Refused(failure)) => {
                return Ok(Ok(learned(row.path.clone(), Err(failure))));
            }
            Err(ReadError::Unavailable { why, begun }) => {
                let given_up =
                    if begun { cut_off(row.tries + 1, &why) } else { self.no_reader_failure(&why) };
                if let Some(failure) = given_up {
                    return Ok(Err(failure));
                }
                self.store.release_upload(row, begun).await?;
                return Err(Error::Source(why));
            }
        };
        let text = |piece: &chunk::Piece| searchable(&title, &piece.heading, &piece.body);
        let texts = pieces.iter().map(text).collect();
        shown.set(LearningStage::Embedding, 0, pieces.len());
        if let Err(why) = self.embed_new(texts, shown).await? {
            return Ok(Err(remedy::not_embedded(why)));
        }
        let chunks = stored_chunks(&title, pieces);
        Ok(Ok(learned(title, Ok(chunks))))
    }

    /// Failure for a file that no process could be started for; `None` while it is retried.
    fn no_reader_failure(&self, why: &str) -> Option<Failure> {
        let before = self.underway.consecutive_no_reader.fetch_add(1, Ordering::Relaxed);
        (before >= MAX_CONSECUTIVE_NO_READER * self.readers())
            .then(|| remedy::unread(why.to_owned()))
    }

    /// Renews the lease while a file is learned. Returns when the lease is lost.
    async fn renew_upload_lease(&self, row: &UploadRow) {
        let pause = Duration::from_millis(LEASE_MS.unsigned_abs() / 4);
        loop {
            tokio::time::sleep(pause).await;
            match self.store.keep_upload(row, LEASE_MS).await {
                Ok(true) => {}
                Ok(false) => return,
                // The lease is long enough for another try.
                Err(error) => {
                    tracing::warn!(%error, "the lease of an upload could not be renewed, it is tried again");
                }
            }
        }
    }

    /// Queues every upload that was chunked with other settings to be learned again. Returns how
    /// many.
    pub async fn renew_uploads(&self) -> Result<u64, Error> {
        let mut all = 0;
        for row in self.store.collections().await? {
            all += self.renew(&CollectionId::stored(row.id), &row.settings).await?;
        }
        if all > 0 {
            self.underway.woken.notify_one();
        }
        Ok(all)
    }

    async fn renew(&self, collection: &CollectionId, settings: &str) -> Result<u64, Error> {
        let own = super::CollectionOverrides::stored(settings).chunk;
        let method = method(&own.unwrap_or_else(|| self.settings.chunk.clone()));
        Ok(self.store.renew_uploads(collection, &method).await?)
    }
}

/// Failure for a file whose tries were interrupted; `None` while it is retried.
fn cut_off(tries: i64, why: &str) -> Option<Failure> {
    (tries >= MAX_TRIES).then(|| remedy::cut_off(tries, why))
}

/// Hash of the extraction method and the chunking settings.
fn method(settings: &chunk::Settings) -> String {
    let mut hash = hex::encode(Sha256::digest(format!("{METHOD}{settings:?}")));
    hash.truncate(32);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When this fails, every installation would learn all its documents again. Such a change
    /// belongs in `METHOD`.
    #[test]
    fn the_hashes_of_what_was_learned_stay_as_they_are() {
        let settings = chunk::Settings::default();
        let written = "Settings { max_tokens: 220, overlap_tokens: 40, join_below_tokens: 12 }";
        assert_eq!(format!("{settings:?}"), written);
        let hash = "6ed06f3f8cbfbad7aa46e1016aedeafb7c46e97a860de0b34ec5d3ad63324bef";
        assert_eq!(hash_of(b"Bicycles.", &settings), hash);
        assert_eq!(method(&settings), "9305b2f7a360f5c532ba12cc30d02076");
    }

    #[test]
    fn a_file_that_is_cut_off_at_its_last_try_says_why() {
        assert_eq!(cut_off(MAX_TRIES - 1, "it was killed"), None);
        let failure = cut_off(MAX_TRIES, "it was killed").expect("it is given up");
        assert_eq!(failure.error, "it was tried 3 times; the last time it was killed");
        assert_eq!(failure.code, FailureCode::Lost);
        assert!(!failure.remedy.unwrap_or_default().contains("Split"), "the file may be small");
    }
}
