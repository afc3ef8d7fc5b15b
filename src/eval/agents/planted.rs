//! Passages that a case ranks above the retrieved ones, as if somebody had slipped them into the
//! documents. They are added behind the index seam: no collection changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::domain::{Chunk, ChunkId, CollectionId, DocumentId};
use crate::index::{Entry, Error, Hit, Index, Legs, Query};

/// Score of a planted passage relative to the best hit.
const PLANTED_SCORE_FACTOR: f32 = 1.05;

/// An index that ranks planted passages above its own hits.
pub(super) struct PlantedIndex {
    index: Arc<dyn Index>,
    chunks: Vec<Arc<Chunk>>,
}

impl PlantedIndex {
    /// Parses `[{document, title, text}, …]` or plain texts. They count as part of the agent's
    /// first collection.
    pub(super) fn before(
        index: Arc<dyn Index>,
        written: &Value,
        collections: &[CollectionId],
    ) -> Result<Self, String> {
        let collection = collections.first().ok_or("`planted`: the agent has no collection")?;
        let all = match written {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        let chunk = |(at, one): (usize, &Value)| chunk(at, one, collection);
        let chunks = all.iter().enumerate().map(chunk).collect::<Result<_, _>>()?;
        Ok(Self { index, chunks })
    }

    /// Inserts the planted passages before a leg's hits.
    fn insert_planted(&self, hits: &mut Vec<Hit>, least: f32) {
        let best = hits.first().map_or(least, |hit| hit.score.max(least));
        let hit = |chunk: &Arc<Chunk>| Hit {
            chunk: chunk.clone(),
            score: best * PLANTED_SCORE_FACTOR,
            coverage: 1.0,
        };
        hits.splice(0..0, self.chunks.iter().map(hit));
    }
}

fn chunk(at: usize, written: &Value, collection: &CollectionId) -> Result<Arc<Chunk>, String> {
    let field = |name: &str| written.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let body = written.as_str().map(ToOwned::to_owned).or_else(|| field("text"));
    let body = body.ok_or_else(|| {
        format!("`planted` has {written}; it wants a text, or an object with `text`, `title` and `document`")
    })?;
    let source = field("document").unwrap_or_else(|| format!("planted-{}.md", at + 1));
    Ok(Arc::new(Chunk {
        id: ChunkId::generate(),
        document: DocumentId::generate(),
        collection: collection.clone(),
        title: field("title").unwrap_or_else(|| source.clone()),
        source,
        heading: String::new(),
        body,
        tokens: 0,
        place: String::new(),
    }))
}

#[async_trait]
impl Index for PlantedIndex {
    async fn replace(
        &self,
        _: &CollectionId,
        _: &DocumentId,
        _: i64,
        _: Vec<Entry>,
    ) -> Result<(), Error> {
        Err(Error("an index with planted passages takes no others".into()))
    }

    async fn remove(&self, _: &CollectionId) -> Result<(), Error> {
        Err(Error("an index with planted passages removes none".into()))
    }

    async fn search(&self, query: &Query<'_>) -> Result<Legs, Error> {
        let mut legs = self.index.search(query).await?;
        if !legs.dense.is_empty() {
            self.insert_planted(&mut legs.dense, 0.5);
        }
        self.insert_planted(&mut legs.bm25, 1.0);
        self.insert_planted(&mut legs.ngram, 0.5);
        Ok(legs)
    }

    async fn languages(
        &self,
        collections: &[CollectionId],
    ) -> Result<BTreeMap<&'static str, usize>, Error> {
        self.index.languages(collections).await
    }

    async fn size(&self) -> Result<usize, Error> {
        self.index.size().await
    }

    async fn check(&self) -> Result<String, Error> {
        self.index.check().await
    }
}
