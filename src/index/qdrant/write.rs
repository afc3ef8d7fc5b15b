//! Writes: uploads points in batches, deletes outdated points, and stores the marks that say how
//! far Qdrant has a collection. Every step is idempotent.

use std::collections::BTreeMap;

use qdrant_client::qdrant::{
    Condition, CountPoints, DeletePoints, Filter, GetPoints, PointStruct, Range, UpsertPoints,
};

use super::Qdrant;
use super::client::Patience;
use super::points::{
    COLLECTION, DOCUMENT, Id, MARK, Mark, Owner, Piece, REVISION, id, is, point_id,
};
use super::schema::Kind;
use crate::domain::CollectionId;
use crate::index::Error;

/// Maximum size of one request in bytes, approximately; Qdrant accepts 32 MB.
const MAX_BATCH_BYTES: usize = 2 << 20;
/// Maximum number of points per request.
const MAX_BATCH_POINTS: usize = 256;

impl Qdrant {
    /// Uploads a document's points: embeddings first, then words and texts.
    pub(super) async fn upload(&self, owner: Owner<'_>, pieces: &[Piece]) -> Result<(), Error> {
        let words = self.schema.ensure(&self.client, Kind::Words).await?;
        let mut dense: BTreeMap<usize, Vec<&Piece>> = BTreeMap::new();
        for piece in pieces {
            if let Some(vector) = piece.vector() {
                dense.entry(vector.len()).or_default().push(piece);
            }
        }
        for (length, pieces) in dense {
            let name = self.schema.ensure(&self.client, Kind::Dense(length)).await?;
            for batch in batches(&pieces) {
                let points = batch.iter().filter_map(|piece| piece.dense_point(owner)).collect();
                self.upsert(&name, points).await?;
            }
        }
        let pieces: Vec<&Piece> = pieces.iter().collect();
        for batch in batches(&pieces) {
            let points = batch.iter().map(|piece| piece.words_point(owner)).collect();
            self.upsert(&words, points).await?;
        }
        Ok(())
    }

    /// Deletes a document's outdated points in all collections of this prefix. Points of a later
    /// revision stay: another process with newer data wrote them.
    pub(super) async fn sweep(&self, owner: Owner<'_>, keep: &[Piece]) -> Result<(), Error> {
        #[expect(clippy::cast_precision_loss, reason = "no document has so many revisions")]
        let ours = Range { lte: Some(owner.revision as f64), ..Range::default() };
        let stale = Filter {
            must: vec![
                is(COLLECTION, owner.collection.as_str()),
                is(DOCUMENT, owner.document.as_str()),
                Condition::range(REVISION, ours),
            ],
            must_not: vec![Condition::has_id(keep.iter().map(|piece| point_id(piece.id)))],
            ..Filter::default()
        };
        self.delete_everywhere(stale).await
    }

    /// Deletes all points of a collection, including its marks.
    pub(super) async fn delete_collection(&self, collection: &CollectionId) -> Result<(), Error> {
        self.delete_everywhere(Filter::must([is(COLLECTION, collection.as_str())])).await
    }

    /// Reads how far Qdrant has a collection's documents with vectors of the current model.
    pub(super) async fn mark(&self, collection: &CollectionId) -> Result<Mark, Error> {
        let request = GetPoints {
            collection_name: self.schema.ensure(&self.client, Kind::Words).await?,
            ids: vec![point_id(self.mark_id(collection))],
            with_payload: Some(true.into()),
            ..GetPoints::default()
        };
        let call = self.client.call(Patience::Write, |client| client.get_points(request.clone()));
        let answer = call.await.map_err(|failure| self.to_error(failure))?;
        Ok(answer.result.first().map(Mark::read).unwrap_or_default())
    }

    /// Stores how far Qdrant has a collection's documents.
    pub(super) async fn set_mark(
        &self,
        collection: &CollectionId,
        mark: &Mark,
    ) -> Result<(), Error> {
        let name = self.schema.ensure(&self.client, Kind::Words).await?;
        self.upsert(&name, vec![mark.point(self.mark_id(collection), collection)]).await
    }

    /// Returns the server's version and the number of points in the words collection.
    pub(super) async fn describe(&self) -> Result<(String, u64), Error> {
        let health =
            self.client.call(Patience::Search, qdrant_client::Qdrant::health_check).await?;
        let request = CountPoints {
            collection_name: self.schema.name(Kind::Words),
            filter: Some(Filter::must([Condition::is_empty(MARK)])),
            exact: Some(true),
            ..CountPoints::default()
        };
        match self.client.call(Patience::Search, |client| client.count(request.clone())).await {
            Ok(answer) => Ok((health.version, answer.result.map_or(0, |result| result.count))),
            Err(failure) if failure.missing => Ok((health.version, 0)),
            Err(failure) => Err(failure.into()),
        }
    }

    fn mark_id(&self, collection: &CollectionId) -> Id {
        id(&[MARK, collection.as_str(), &self.embedder])
    }

    async fn upsert(&self, name: &str, points: Vec<PointStruct>) -> Result<(), Error> {
        let request = UpsertPoints {
            collection_name: name.to_owned(),
            wait: Some(true),
            points,
            ..UpsertPoints::default()
        };
        let call =
            self.client.call(Patience::Write, |client| client.upsert_points(request.clone()));
        call.await.map_err(|failure| self.to_error(failure))?;
        Ok(())
    }

    async fn delete_everywhere(&self, filter: Filter) -> Result<(), Error> {
        for name in self.schema.all(&self.client).await? {
            let request = DeletePoints {
                collection_name: name,
                wait: Some(true),
                points: Some(filter.clone().into()),
                ..DeletePoints::default()
            };
            let call =
                self.client.call(Patience::Write, |client| client.delete_points(request.clone()));
            match call.await {
                Ok(_) => {}
                // Somebody deleted the collection meanwhile.
                Err(failure) if failure.missing => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(())
    }
}

/// Splits pieces into batches that fit into one request.
fn batches<'a>(pieces: &'a [&'a Piece]) -> impl Iterator<Item = &'a [&'a Piece]> {
    let mut rest = pieces;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |piece: &&&Piece| {
            bytes += piece.weight();
            bytes <= MAX_BATCH_BYTES
        };
        let most = rest.iter().take(MAX_BATCH_POINTS).take_while(fits).count().max(1);
        let (batch, after) = rest.split_at_checked(most)?;
        rest = after;
        Some(batch)
    })
}
