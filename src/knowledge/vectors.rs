//! Embeddings of chunks, made once per text and stored per model. A backfill embeds what the
//! current model lacks, to replace the model: lexical search keeps answering meanwhile, and a crash
//! loses no finished batch.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use frontdesk_doctext::chunk;
use sha2::{Digest, Sha256};

use super::collection::is_staged;
use super::{Error, Library, Progress, held};
use crate::domain::{CollectionId, searchable};
use crate::embed::{Embedder, Purpose};
use crate::store::knowledge::NewChunk;

/// Texts embedded in one call and stored in one transaction; an adapter may split them into
/// several requests.
pub(super) const BATCH: usize = 96;

/// Result of a backfill over all collections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackfillCounts {
    /// Number of chunks.
    pub chunks: usize,
    /// Number of chunks that had no embedding before.
    pub missing: usize,
}

/// How far a collection is embedded with the current model. Until all of it is, its documents are
/// found by words alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingProgress {
    /// The collection's name.
    pub collection: String,
    /// Number of chunks that are embedded.
    pub done: i64,
    /// Number of chunks.
    pub total: i64,
}

impl Library {
    /// The collections that are not completely embedded with the current model. None without an
    /// embedder. Cheap once there was none: what is learned is embedded at once.
    pub async fn embedding_progress(&self) -> Result<Vec<EmbeddingProgress>, Error> {
        let space = self.space();
        let Some(model) = space.embed.identity() else { return Ok(Vec::new()) };
        if self.all_embedded.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let (mut left, mut all_embedded) = (Vec::new(), true);
        for row in self.store.collections().await? {
            let id = CollectionId::stored(row.id);
            let (total, missing) = self.store.count_vectors(&id, model).await?;
            all_embedded &= missing == 0;
            // A staged copy is not the owner's to know.
            if missing > 0 && !is_staged(&row.slug) {
                let done = total - missing;
                left.push(EmbeddingProgress { collection: row.slug, done, total });
            }
        }
        self.reload_completed(model).await?;
        let is_loaded = held(&self.incomplete).is_empty();
        self.all_embedded.store(all_embedded && is_loaded, Ordering::Relaxed);
        Ok(left)
    }

    /// Has the collections reloaded whose index lacks vectors that are there by now: another process
    /// may have made them.
    async fn reload_completed(&self, model: &str) -> Result<(), Error> {
        let incomplete: Vec<CollectionId> = held(&self.incomplete).iter().cloned().collect();
        for id in incomplete {
            if self.store.count_vectors(&id, model).await?.1 == 0 {
                self.store.touch_collection(&id).await?;
                held(&self.incomplete).remove(&id);
            }
        }
        Ok(())
    }

    /// How many chunks of all collections a model has embedded, and how many there are.
    pub async fn count_embedded(&self, model: &str) -> Result<(i64, i64), Error> {
        let (mut done, mut all) = (0, 0);
        for row in self.store.collections().await? {
            let id = CollectionId::stored(row.id);
            let (total, missing) = self.store.count_vectors(&id, model).await?;
            (done, all) = (done + total - missing, all + total);
        }
        Ok((done, all))
    }

    /// Embeds the texts that the current model has not embedded yet. The inner error is the
    /// embedder's; batches finished before it are kept.
    pub(super) async fn embed_new(
        &self,
        texts: Vec<String>,
        progress: &dyn Progress,
    ) -> Result<Result<(), String>, Error> {
        self.embed_with(&*self.space().embed, texts, progress).await
    }

    async fn embed_with(
        &self,
        embed: &dyn Embedder,
        texts: Vec<String>,
        progress: &dyn Progress,
    ) -> Result<Result<(), String>, Error> {
        let Some(model) = embed.identity() else { return Ok(Ok(())) };
        let hashes: Vec<String> = texts.iter().map(|text| text_hash(text)).collect();
        let mut known: HashSet<String> =
            self.store.embedded(model, &hashes).await?.into_iter().collect();
        let new: Vec<(String, String)> =
            hashes.into_iter().zip(texts).filter(|(hash, _)| known.insert(hash.clone())).collect();
        for (at, batch) in new.chunks(BATCH).enumerate() {
            let (hashes, texts): (Vec<String>, Vec<String>) = batch.iter().cloned().unzip();
            let vectors = match embed.embed(&texts, Purpose::Passage).await {
                Ok(vectors) => vectors,
                Err(error) => return Ok(Err(error.to_string())),
            };
            let pairs = hashes.into_iter().zip(vectors).collect();
            self.store.keep_vectors(model, pairs).await?;
            progress.embedded(at * BATCH + batch.len(), new.len());
        }
        Ok(Ok(()))
    }

    /// Returns the embeddings of texts, in their order, reusing stored ones. All are `None` without
    /// an embedder.
    pub async fn embeddings(
        &self,
        texts: Vec<String>,
        progress: &dyn Progress,
    ) -> Result<Vec<Option<Vec<f32>>>, Error> {
        let space = self.space();
        let Some(model) = space.embed.identity() else { return Ok(vec![None; texts.len()]) };
        let hashes: Vec<String> = texts.iter().map(|text| text_hash(text)).collect();
        self.embed_with(&*space.embed, texts, progress).await?.map_err(Error::Embed)?;
        let known: HashMap<String, Vec<f32>> =
            self.store.vectors(model, &hashes).await?.into_iter().collect();
        Ok(hashes.iter().map(|hash| known.get(hash).cloned()).collect())
    }

    /// Embeds every chunk that the current model has not embedded, in all collections, and has all
    /// indexes reload them. Does nothing without an embedder.
    pub async fn backfill_embeddings(
        &self,
        progress: &dyn Progress,
    ) -> Result<BackfillCounts, Error> {
        self.backfill_with(&*self.space().embed, progress).await
    }

    /// Like [`Self::backfill_embeddings`], with a model that is to replace the current one.
    pub async fn backfill_with(
        &self,
        embed: &dyn Embedder,
        progress: &dyn Progress,
    ) -> Result<BackfillCounts, Error> {
        let (mut filled, mut failure) = (BackfillCounts::default(), None);
        let Some(model) = embed.identity() else { return Ok(filled) };
        for collection in self.store.collections().await? {
            let id = CollectionId::stored(collection.id);
            let (chunks, missing) = self.store.count_vectors(&id, model).await?;
            filled.chunks += usize::try_from(chunks).unwrap_or(0);
            let missing = usize::try_from(missing).unwrap_or(0);
            if missing > 0 {
                progress.start(missing);
                // A collection that fails does not keep the others from being embedded.
                match self.fill_collection(&id, (embed, model), progress).await {
                    Err(Error::Embed(why)) => {
                        failure.get_or_insert(why);
                        continue;
                    }
                    filled => filled?,
                }
                // An index of another model has nothing new to load.
                if self.space().embed.identity() == Some(model) {
                    self.store.touch_collection(&id).await?;
                    held(&self.incomplete).remove(&id);
                }
                filled.missing += missing;
            }
        }
        failure.map_or(Ok(filled), |why| Err(Error::Embed(why)))
    }

    async fn fill_collection(
        &self,
        collection: &CollectionId,
        (embed, model): (&dyn Embedder, &str),
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let mut after = String::new();
        let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
        loop {
            let batch = self.store.missing_vectors(collection, model, (&after, most)).await?;
            let Some(last) = batch.last() else { return Ok(()) };
            after.clone_from(&last.id);
            let texts =
                batch.iter().map(|one| searchable(&one.title, &one.heading, &one.body)).collect();
            self.embed_with(embed, texts, progress).await?.map_err(Error::Embed)?;
            for one in &batch {
                progress.done(&one.title);
            }
        }
    }
}

/// Key of a text: the first half of its SHA-256, in hexadecimal.
pub(super) fn text_hash(text: &str) -> String {
    let mut hash = hex::encode(Sha256::digest(text.as_bytes()));
    hash.truncate(32);
    hash
}

/// Converts a document's chunks for storage.
pub(super) fn stored_chunks(title: &str, pieces: Vec<chunk::Piece>) -> Vec<NewChunk> {
    let new = |piece: chunk::Piece| NewChunk {
        text_hash: text_hash(&searchable(title, &piece.heading, &piece.body)),
        heading: piece.heading,
        body: piece.body,
        tokens: piece.tokens,
        place: piece.place,
    };
    pieces.into_iter().map(new).collect()
}
