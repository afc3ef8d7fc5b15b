//! Replaces the embedder while the desk runs. The new one is pending until it has embedded all
//! documents: until then the old one answers. A desk that starts meanwhile searches by words.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Desk;
use crate::domain::What;
use crate::embed::Embedder;
use crate::knowledge::{BackfillCounts, Error, SilentProgress, VectorSpace};

/// How long a count of embedded chunks is kept: counting reads all of them.
const COUNT_TTL: Duration = Duration::from_secs(5);

/// The embedder that is pending.
#[derive(Default)]
pub(super) struct EmbedderSwitch {
    pending: Mutex<Option<PendingEmbedder>>,
    /// Wakes what embeds the documents.
    changed: Notify,
}

struct PendingEmbedder {
    embedder: Arc<dyn Embedder>,
    /// Why it could not embed them the last time.
    failure: Option<String>,
    /// How many chunks it has embedded, and how many there are, at a time.
    count: Option<(Instant, (i64, i64))>,
}

/// How far the embedder that is pending has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedderProgress {
    /// Name of the model.
    pub name: String,
    /// Number of chunks that it has embedded.
    pub done: i64,
    /// Number of chunks.
    pub total: i64,
    /// Why it could not embed them the last time.
    pub failure: Option<String>,
}

impl EmbedderSwitch {
    fn pending(&self) -> MutexGuard<'_, Option<PendingEmbedder>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn embedder(&self) -> Option<Arc<dyn Embedder>> {
        self.pending().as_ref().map(|pending| pending.embedder.clone())
    }

    fn is_pending(&self, embedder: &Arc<dyn Embedder>) -> bool {
        self.embedder().is_some_and(|pending| Arc::ptr_eq(&pending, embedder))
    }

    fn set(&self, embedder: Option<Arc<dyn Embedder>>) {
        *self.pending() =
            embedder.map(|embedder| PendingEmbedder { embedder, failure: None, count: None });
        self.changed.notify_one();
    }

    /// Nothing is pending any more, unless another one is by now.
    fn clear(&self, embedder: &Arc<dyn Embedder>) {
        let mut pending = self.pending();
        if pending.as_ref().is_some_and(|pending| Arc::ptr_eq(&pending.embedder, embedder)) {
            *pending = None;
        }
    }

    fn set_failure(&self, embedder: &Arc<dyn Embedder>, why: Option<String>) {
        let mut pending = self.pending();
        let this = pending.as_mut().filter(|this| Arc::ptr_eq(&this.embedder, embedder));
        if let Some(this) = this {
            this.failure = why;
        }
    }
}

impl Desk {
    /// Uses an embedder: at once if it has the same vectors or the index is not loaded yet, else as
    /// soon as [`Self::fill_embeddings`] has embedded the documents.
    pub(super) async fn use_embedder(&self, embedder: Arc<dyn Embedder>) {
        let switch = &self.model_choices.embedder;
        // First of all, so that no other one is put to use any more.
        switch.set(None);
        if self.library.replace_embedder(embedder.clone()).await {
            self.renew_lookups(None);
            return;
        }
        switch.set(Some(embedder.clone()));
        if !self.library.is_loaded().await
            && let Err(error) = self.switch_to(&embedder).await
        {
            tracing::warn!(%error, "the embeddings are used later");
        }
    }

    /// The progress of the embedder that is pending; `None` without one, and when embeddings are
    /// being switched off.
    pub async fn embedder_progress(&self) -> Result<Option<EmbedderProgress>, Error> {
        let switch = &self.model_choices.embedder;
        let known = switch
            .pending()
            .as_ref()
            .map(|pending| (pending.embedder.clone(), pending.failure.clone(), pending.count));
        let Some((embedder, failure, count)) = known else { return Ok(None) };
        let Some(name) = embedder.identity() else { return Ok(None) };
        let fresh = count.filter(|(at, _)| at.elapsed() < COUNT_TTL);
        let (done, total) = match fresh {
            Some((_, count)) => count,
            None => self.library.count_embedded(name).await?,
        };
        if let Some(pending) = &mut *switch.pending()
            && Arc::ptr_eq(&pending.embedder, &embedder)
            && fresh.is_none()
        {
            pending.count = Some((Instant::now(), (done, total)));
        }
        Ok(Some(EmbedderProgress { name: name.to_owned(), done, total, failure }))
    }

    /// Whether an embedder is pending.
    pub fn has_pending_embedder(&self) -> bool {
        self.model_choices.embedder.embedder().is_some()
    }

    /// Waits until the embedder changes.
    pub async fn embedder_changed(&self) {
        self.model_choices.embedder.changed.notified().await;
    }

    /// Uses the pending embedder if it has embedded all documents. Returns whether none is pending
    /// any more.
    pub async fn use_pending_embedder(&self) -> Result<bool, Error> {
        let Some(embedder) = self.model_choices.embedder.embedder() else { return Ok(true) };
        if let Some(model) = embedder.identity() {
            let (done, total) = self.library.count_embedded(model).await?;
            if done < total {
                return Ok(false);
            }
        }
        let switched = self.switch_to(&embedder).await;
        if let Err(error) = &switched {
            self.model_choices.embedder.set_failure(&embedder, Some(error.to_string()));
        }
        switched
    }

    /// Embeds what the pending embedder lacks, or what the one in use lacks if none is pending or it
    /// fails.
    pub async fn fill_embeddings(&self) -> Result<BackfillCounts, Error> {
        let switch = &self.model_choices.embedder;
        if let Some(embedder) = switch.embedder() {
            switch.set_failure(&embedder, None);
            match self.library.backfill_with(&*embedder, &SilentProgress).await {
                Err(Error::Embed(why)) => {
                    tracing::warn!("the chosen embeddings fail, they are tried again: {why}");
                    switch.set_failure(&embedder, Some(why));
                }
                filled => return filled,
            }
        }
        self.library.backfill_embeddings(&SilentProgress).await
    }

    /// Loads the index of an embedder and uses both, if it is still the pending one.
    async fn switch_to(&self, embedder: &Arc<dyn Embedder>) -> Result<bool, Error> {
        let switch = &self.model_choices.embedder;
        let builder = self.model_choices.builder().map_err(Error::Embed)?;
        let index = builder.index.build(embedder.identity()).map_err(crate::index::Error)?;
        let space = VectorSpace { embed: embedder.clone(), index };
        let is_wanted = || switch.is_pending(embedder);
        if !self.library.replace_space(space, is_wanted).await? {
            return Ok(false);
        }
        self.renew_lookups(None);
        switch.clear(embedder);
        self.engine.live().curated.forget_revisions().await;
        self.reload_answers().await?;
        let name = embedder.identity().unwrap_or("words only");
        tracing::info!("search by meaning: {name} is in use");
        self.announce(What::Models).await;
        Ok(true)
    }
}
