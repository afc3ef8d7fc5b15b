//! `frontdesk reindex --to INDEX`: fills another index from the database before it is configured.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use async_trait::async_trait;

use super::bar::Bar;
use super::command_app;
use crate::config::Config;
use crate::domain::{CollectionId, DocumentId};
use crate::index::{Entry, Error, Index, IndexKind, Legs, Query};
use crate::knowledge::{Library, Progress};

/// Fills another index from the database.
///
/// A running desk keeps using its own. It can be interrupted at any time: Qdrant keeps what it has,
/// and the next run resumes. At the end it prints the configuration lines for the index.
pub(super) struct ReindexTo {
    /// The index to fill.
    pub(super) kind: IndexKind,
    /// Qdrant's gRPC address; `None` uses the configured one.
    pub(super) url: Option<String>,
    /// Qdrant's API key; `None` uses the configured one.
    pub(super) api_key: Option<String>,
}

impl ReindexTo {
    pub(super) async fn run(self, mut config: Config) -> anyhow::Result<ExitCode> {
        let started = Instant::now();
        let api_key = self.api_key.map(Into::into);
        config.index = config.index.for_kind(self.kind, self.url, api_key);
        let (lines, knowledge) = (config.index.lines(), config.knowledge.clone());
        let app = command_app(config).await?;
        let (store, live) = (app.desk.store.clone(), app.desk.engine.live());
        let (mut documents, mut chunks) = (0, 0);
        for collection in store.collections().await? {
            let rows = store.documents(&CollectionId::stored(collection.id), 0).await?;
            documents += rows.len();
            chunks += rows.iter().map(|row| row.chunks).sum::<i64>();
        }
        let bar = Arc::new(Bar::default());
        bar.start(documents);
        let watched = IndexWithProgress { index: live.index.clone(), bar };
        let library = Library::new(store, Arc::new(watched), live.embed.clone(), knowledge);
        library.sync_index().await?;
        let held = live.index.size().await?;
        if i64::try_from(held) != Ok(chunks) {
            bail!(
                "the database has {chunks} chunks and the index {held}: documents changed meanwhile, run this again"
            );
        }
        println!(
            "{documents} documents with {chunks} chunks are in the index, in {:.1} s: {}",
            started.elapsed().as_secs_f64(),
            live.index.check().await?
        );
        println!("To use it, write into frontdesk.toml:\n\n{lines}");
        Ok(ExitCode::SUCCESS)
    }
}

/// An index whose writes advance a progress bar.
struct IndexWithProgress {
    index: Arc<dyn Index>,
    bar: Arc<Bar>,
}

#[async_trait]
impl Index for IndexWithProgress {
    async fn replace(
        &self,
        collection: &CollectionId,
        document: &DocumentId,
        revision: i64,
        entries: Vec<Entry>,
    ) -> Result<(), Error> {
        let name = entries.first().map(|entry| entry.chunk.source.clone()).unwrap_or_default();
        self.index.replace(collection, document, revision, entries).await?;
        self.bar.done(&name);
        Ok(())
    }

    async fn remove(&self, collection: &CollectionId) -> Result<(), Error> {
        self.index.remove(collection).await
    }

    async fn search(&self, query: &Query<'_>) -> Result<Legs, Error> {
        self.index.search(query).await
    }

    async fn size(&self) -> Result<usize, Error> {
        self.index.size().await
    }

    async fn check(&self) -> Result<String, Error> {
        self.index.check().await
    }
}
