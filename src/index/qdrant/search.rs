//! Search: fetches the candidates of each leg and their texts from Qdrant, and scores them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use qdrant_client::qdrant::{
    Filter, GetPoints, QuantizationSearchParams, Query, QueryBatchPoints, QueryPoints, ScoredPoint,
    SearchParams, VectorInput,
};

use super::Qdrant;
use super::client::Patience;
use super::collection_query::{Candidates, CollectionQuery, Leg};
use super::points::{BM25, COLLECTION, DENSE, Id, NGRAM, StoredChunk, id_of, is, point_id};
use super::schema::Kind;
use super::settings::Quantization;
use crate::index::{Error, Legs, order};

/// Factor by which the limit grows if too few candidates were current.
const LIMIT_GROWTH: usize = 4;

/// One query to Qdrant, for one leg of one collection.
struct Order {
    /// Index of the collection's query.
    place: usize,
    leg: Leg,
    limit: usize,
}

impl Qdrant {
    /// Returns the best chunks of each leg over some collections, at most `limit` each.
    pub(super) async fn find(
        &self,
        asked: &[CollectionQuery],
        limit: usize,
    ) -> Result<Legs, Error> {
        let found = self.candidates(asked).await?;
        let known = self.known(&found).await?;
        let legs = asked.iter().zip(&found).map(|(asked, found)| asked.legs(found, &known));
        Ok(order::merge(legs, limit))
    }

    /// Queries until every leg has as many current candidates as wanted, or there are no more.
    async fn candidates(&self, asked: &[CollectionQuery]) -> Result<Vec<Candidates>, Error> {
        let mut found: Vec<Candidates> = asked.iter().map(|_| Candidates::default()).collect();
        let mut orders = Vec::new();
        for (place, one) in asked.iter().enumerate() {
            let legs = [Leg::Dense, Leg::Bm25, Leg::Ngram].into_iter();
            let sensible = legs.filter(|leg| one.wanted(*leg) > 0);
            orders.extend(sensible.map(|leg| Order { place, leg, limit: one.first(leg) }));
        }
        while !orders.is_empty() {
            let answers = self.answers(asked, &orders).await?;
            let mut again = Vec::new();
            for (order, points) in orders.iter().zip(answers) {
                let one = &asked[order.place];
                let (came, mut ids) = (points.len(), Vec::with_capacity(points.len()));
                for point in points {
                    let id = id_of(point.id.as_ref()).filter(|id| one.is_current(order.leg, *id));
                    ids.extend(id.map(|id| (id, point.score)));
                }
                if ids.len() < one.wanted(order.leg) && came >= order.limit {
                    again.push(Order { limit: order.limit * LIMIT_GROWTH, ..*order });
                    continue;
                }
                let found = &mut found[order.place];
                match order.leg {
                    Leg::Dense => found.dense = ids,
                    Leg::Bm25 => found.bm25 = ids.into_iter().map(|(id, _)| id).collect(),
                    Leg::Ngram => found.ngram = ids.into_iter().map(|(id, _)| id).collect(),
                }
            }
            orders = again;
        }
        Ok(found)
    }

    /// Returns the results of some orders, in their order. The words and embeddings collections are
    /// queried concurrently.
    async fn answers(
        &self,
        asked: &[CollectionQuery],
        orders: &[Order],
    ) -> Result<Vec<Vec<ScoredPoint>>, Error> {
        let length = asked.iter().find_map(|one| one.vector().map(<[f32]>::len));
        let dense = self.schema.name(Kind::Dense(length.unwrap_or_default()));
        let words = self.schema.name(Kind::Words);
        let (mut by_meaning, mut by_words) = (Vec::new(), Vec::new());
        for order in orders {
            let one = &asked[order.place];
            if order.leg == Leg::Dense {
                by_meaning.push(self.query(&dense, one, order));
            } else {
                by_words.push(self.query(&words, one, order));
            }
        }
        let (by_meaning, by_words) = futures::future::try_join(
            self.ask(dense.clone(), by_meaning),
            self.ask(words.clone(), by_words),
        )
        .await?;
        let (mut by_meaning, mut by_words) = (by_meaning.into_iter(), by_words.into_iter());
        let next = |order: &Order| {
            let answers = if order.leg == Leg::Dense { &mut by_meaning } else { &mut by_words };
            answers.next().unwrap_or_default()
        };
        Ok(orders.iter().map(next).collect())
    }

    async fn ask(
        &self,
        name: String,
        queries: Vec<QueryPoints>,
    ) -> Result<Vec<Vec<ScoredPoint>>, Error> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let request = QueryBatchPoints {
            collection_name: name,
            query_points: queries,
            ..QueryBatchPoints::default()
        };
        let call = self.client.call(Patience::Search, |client| client.query_batch(request.clone()));
        let answer = call.await.map_err(|failure| self.to_error(failure))?;
        Ok(answer.result.into_iter().map(|one| one.result).collect())
    }

    fn query(&self, name: &str, asked: &CollectionQuery, order: &Order) -> QueryPoints {
        let (using, input) = match order.leg {
            Leg::Dense => (DENSE, VectorInput::new_dense(asked.vector().unwrap_or_default())),
            leg => {
                let vector = asked.sparse(leg);
                let using = if leg == Leg::Bm25 { BM25 } else { NGRAM };
                (using, VectorInput::new_sparse(vector.indices, vector.values))
            }
        };
        QueryPoints {
            collection_name: name.to_owned(),
            query: Some(Query::new_nearest(input)),
            using: Some(using.to_owned()),
            filter: Some(Filter::must([is(COLLECTION, asked.collection.as_str())])),
            params: (order.leg == Leg::Dense).then(|| self.params()),
            limit: Some(order.limit as u64),
            with_payload: Some(false.into()),
            ..QueryPoints::default()
        }
    }

    fn params(&self) -> SearchParams {
        let quantized = self.settings.quantization != Quantization::None;
        let again = QuantizationSearchParams {
            rescore: Some(true),
            oversampling: Some(self.settings.oversampling),
            ..QuantizationSearchParams::default()
        };
        SearchParams {
            exact: Some(self.settings.exact),
            quantization: quantized.then_some(again),
            ..SearchParams::default()
        }
    }

    /// Returns the candidates' texts, from the cache or from Qdrant.
    async fn known(&self, found: &[Candidates]) -> Result<HashMap<Id, Arc<StoredChunk>>, Error> {
        let all: HashSet<Id> = found
            .iter()
            .flat_map(|one| one.dense.iter().map(|(id, _)| id).chain(&one.bm25).chain(&one.ngram))
            .copied()
            .collect();
        let mut known = self.recent.get(all.iter().copied());
        let missing: Vec<Id> = all.into_iter().filter(|id| !known.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(known);
        }
        let request = GetPoints {
            collection_name: self.schema.name(Kind::Words),
            ids: missing.into_iter().map(point_id).collect(),
            with_payload: Some(true.into()),
            ..GetPoints::default()
        };
        let call = self.client.call(Patience::Search, |client| client.get_points(request.clone()));
        let answer = call.await.map_err(|failure| self.to_error(failure))?;
        let fetched: HashMap<Id, Arc<StoredChunk>> = answer
            .result
            .into_iter()
            .filter_map(StoredChunk::read)
            .map(|(id, known)| (id, Arc::new(known)))
            .collect();
        self.recent.keep(fetched.iter());
        known.extend(fetched);
        Ok(known)
    }
}
