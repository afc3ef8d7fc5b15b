//! Point calls of the fake Qdrant: upsert, delete, get, count and query. Refuses what the real one
//! refuses.

use std::collections::{BTreeMap, HashSet};
use std::pin::Pin;

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::points_server::Points;
use qdrant_client::qdrant::vector_input::Variant as Input;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    BatchResult, CountPoints, CountResponse, CountResult, CreateFieldIndexCollection, DeletePoints,
    GetPoints, GetResponse, PointId, PointStruct, PointsOperationResponse, QueryBatchPoints,
    QueryBatchResponse, QueryPoints, RetrievedPoint, ScoredPoint, UpdateResult, UpdateStatus,
    UpsertPoints, Vector, query, vector, vectors_config,
};
use tonic::{Request, Response, Status};

use super::filter::{passes, selects};
use super::{Collection, Double, absent};

/// Scores a vector against the query; `None` when the kinds of vector differ.
type Scorer<'a> = Box<dyn Fn(&vector::Vector) -> Option<f32> + 'a>;

#[tonic::async_trait]
impl Points for Double {
    async fn upsert(
        &self,
        request: Request<UpsertPoints>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        self.serve("upsert", request, |state, ask| {
            let collection = state.collection(&ask.collection_name)?;
            for point in &ask.points {
                collection.check(point)?;
            }
            for point in ask.points {
                collection.points.insert(key(point.id.as_ref()), point);
            }
            Ok(done())
        })
        .await
    }

    async fn delete(
        &self,
        request: Request<DeletePoints>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        self.serve("delete", request, |state, ask| {
            let collection = state.collection(&ask.collection_name)?;
            let selector = ask.points.unwrap_or_default();
            let mut gone = Vec::new();
            for (key, point) in &collection.points {
                if selects(&selector, point)? {
                    gone.push(key.clone());
                }
            }
            for key in gone {
                collection.points.remove(&key);
            }
            Ok(done())
        })
        .await
    }

    async fn get(&self, request: Request<GetPoints>) -> Result<Response<GetResponse>, Status> {
        self.serve("get", request, |state, ask| {
            let collection = state.collection(&ask.collection_name)?;
            let found = ask.ids.iter().filter_map(|id| collection.points.get(&key(Some(id))));
            let result = found
                .map(|point| RetrievedPoint {
                    id: point.id.clone(),
                    payload: if ask.with_payload.is_some() {
                        point.payload.clone()
                    } else {
                        [].into()
                    },
                    ..RetrievedPoint::default()
                })
                .collect();
            Ok(GetResponse { result, ..GetResponse::default() })
        })
        .await
    }

    async fn create_field_index(
        &self,
        request: Request<CreateFieldIndexCollection>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        self.serve("create_field_index", request, |state, ask| {
            let collection = state.collection(&ask.collection_name)?;
            collection.fields.insert(ask.field_name, ask.field_type.unwrap_or_default());
            Ok(done())
        })
        .await
    }

    async fn count(
        &self,
        request: Request<CountPoints>,
    ) -> Result<Response<CountResponse>, Status> {
        self.serve("count", request, |state, ask| {
            let collection = state.collection(&ask.collection_name)?;
            let mut count = 0;
            for point in collection.points.values() {
                count += u64::from(passes(ask.filter.as_ref(), point)?);
            }
            Ok(CountResponse { result: Some(CountResult { count }), ..CountResponse::default() })
        })
        .await
    }

    async fn query_batch(
        &self,
        request: Request<QueryBatchPoints>,
    ) -> Result<Response<QueryBatchResponse>, Status> {
        self.serve("query_batch", request, |state, ask| {
            let collection = state.collection(&ask.collection_name)?;
            let answers = ask.query_points.iter().map(|one| {
                if one.collection_name != ask.collection_name {
                    return Err(Status::invalid_argument("a batch is for one collection"));
                }
                Ok(BatchResult { result: collection.nearest(one)? })
            });
            let result = answers.collect::<Result<_, Status>>()?;
            Ok(QueryBatchResponse { result, ..QueryBatchResponse::default() })
        })
        .await
    }

    absent!(update_vectors, UpdatePointVectors, PointsOperationResponse);
    absent!(delete_vectors, DeletePointVectors, PointsOperationResponse);
    absent!(set_payload, SetPayloadPoints, PointsOperationResponse);
    absent!(overwrite_payload, SetPayloadPoints, PointsOperationResponse);
    absent!(delete_payload, DeletePayloadPoints, PointsOperationResponse);
    absent!(clear_payload, ClearPayloadPoints, PointsOperationResponse);
    absent!(delete_field_index, DeleteFieldIndexCollection, PointsOperationResponse);
    absent!(create_vector_name, CreateVectorNameRequest, PointsOperationResponse);
    absent!(delete_vector_name, DeleteVectorNameRequest, PointsOperationResponse);
    absent!(search, SearchPoints, SearchResponse);
    absent!(search_batch, SearchBatchPoints, SearchBatchResponse);
    absent!(search_groups, SearchPointGroups, SearchGroupsResponse);
    absent!(scroll, ScrollPoints, ScrollResponse);
    absent!(recommend, RecommendPoints, RecommendResponse);
    absent!(recommend_batch, RecommendBatchPoints, RecommendBatchResponse);
    absent!(recommend_groups, RecommendPointGroups, RecommendGroupsResponse);
    absent!(discover, DiscoverPoints, DiscoverResponse);
    absent!(discover_batch, DiscoverBatchPoints, DiscoverBatchResponse);
    absent!(update_batch, UpdateBatchPoints, UpdateBatchResponse);
    absent!(query, QueryPoints, QueryResponse);
    absent!(query_groups, QueryPointGroups, QueryGroupsResponse);
    absent!(facet, FacetCounts, FacetResponse);
    absent!(search_matrix_pairs, SearchMatrixPoints, SearchMatrixPairsResponse);
    absent!(search_matrix_offsets, SearchMatrixPoints, SearchMatrixOffsetsResponse);
}

impl Collection {
    /// Validates a point as Qdrant does before an upsert.
    fn check(&self, point: &PointStruct) -> Result<(), Status> {
        if point.vectors.is_none() {
            return Err(Status::invalid_argument("Expected some vectors"));
        }
        for (name, vector) in named(point) {
            match vector {
                vector::Vector::Dense(dense) => {
                    let size = self.size(&name).ok_or_else(|| no_vector(&name))?;
                    if size != dense.data.len() as u64 {
                        return Err(Status::invalid_argument(format!(
                            "Wrong input: Vector dimension error: expected dim: {size}, got {}",
                            dense.data.len()
                        )));
                    }
                }
                vector::Vector::Sparse(sparse) => {
                    if !self.is_sparse(&name) {
                        return Err(no_vector(&name));
                    }
                    let distinct: HashSet<_> = sparse.indices.iter().collect();
                    if distinct.len() != sparse.indices.len()
                        || sparse.indices.len() != sparse.values.len()
                    {
                        return Err(Status::invalid_argument("indices: must be unique"));
                    }
                }
                _ => return Err(Status::unimplemented("the double does not know such vectors")),
            }
        }
        Ok(())
    }

    fn size(&self, name: &str) -> Option<u64> {
        match self.made.vectors_config.as_ref()?.config.as_ref()? {
            vectors_config::Config::ParamsMap(map) => map.map.get(name).map(|params| params.size),
            vectors_config::Config::Params(_) => None,
        }
    }

    fn is_sparse(&self, name: &str) -> bool {
        self.made.sparse_vectors_config.as_ref().is_some_and(|sparse| sparse.map.contains_key(name))
    }

    /// Scores every point that passes the filter. Equal scores are in reverse order of ids, so that
    /// no caller relies on an order.
    fn nearest(&self, ask: &QueryPoints) -> Result<Vec<ScoredPoint>, Status> {
        let using = ask.using.clone().unwrap_or_default();
        let Some(query::Variant::Nearest(input)) =
            ask.query.as_ref().and_then(|q| q.variant.as_ref())
        else {
            return Err(Status::unimplemented("the double knows only the nearest"));
        };
        let score: Scorer<'_> = match input.variant.as_ref() {
            Some(Input::Dense(dense)) => {
                let size = self.size(&using).ok_or_else(|| no_vector(&using))?;
                if size != dense.data.len() as u64 {
                    return Err(Status::invalid_argument("Wrong input: Vector dimension error"));
                }
                Box::new(|other| match other {
                    vector::Vector::Dense(other) => {
                        Some(dense.data.iter().zip(&other.data).map(|(a, b)| a * b).sum())
                    }
                    _ => None,
                })
            }
            Some(Input::Sparse(sparse)) => {
                if !self.is_sparse(&using) {
                    return Err(no_vector(&using));
                }
                let weights: BTreeMap<u32, f32> =
                    sparse.indices.iter().copied().zip(sparse.values.iter().copied()).collect();
                Box::new(move |other| match other {
                    vector::Vector::Sparse(other) => {
                        let both = other.indices.iter().zip(&other.values);
                        let shared = both.filter_map(|(at, b)| Some(weights.get(at)? * b));
                        shared.reduce(|a, b| a + b)
                    }
                    _ => None,
                })
            }
            _ => return Err(Status::unimplemented("the double does not know such questions")),
        };
        let mut found = Vec::new();
        for point in self.points.values().rev() {
            let Some(scored) = vector_of(point, &using).and_then(&score) else {
                continue;
            };
            if passes(ask.filter.as_ref(), point)? {
                found.push(ScoredPoint {
                    id: point.id.clone(),
                    score: scored,
                    ..ScoredPoint::default()
                });
            }
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(usize::try_from(ask.limit.unwrap_or(10)).unwrap());
        Ok(found)
    }
}

pub(super) fn key(id: Option<&PointId>) -> String {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Uuid(uuid)) => uuid.clone(),
        Some(PointIdOptions::Num(number)) => number.to_string(),
        None => String::new(),
    }
}

pub(super) fn named(point: &PointStruct) -> Vec<(String, vector::Vector)> {
    let Some(VectorsOptions::Vectors(named)) =
        point.vectors.as_ref().and_then(|v| v.vectors_options.as_ref())
    else {
        return Vec::new();
    };
    let one = |(name, vector): (&String, &Vector)| Some((name.clone(), vector.vector.clone()?));
    named.vectors.iter().filter_map(one).collect()
}

fn vector_of<'a>(point: &'a PointStruct, name: &str) -> Option<&'a vector::Vector> {
    match point.vectors.as_ref()?.vectors_options.as_ref()? {
        VectorsOptions::Vectors(named) => named.vectors.get(name)?.vector.as_ref(),
        VectorsOptions::Vector(_) => None,
    }
}

fn no_vector(name: &str) -> Status {
    Status::invalid_argument(format!("Wrong input: Not existing vector name error: {name}"))
}

fn done() -> PointsOperationResponse {
    let result = UpdateResult { operation_id: None, status: UpdateStatus::Completed.into() };
    PointsOperationResponse { result: Some(result), ..PointsOperationResponse::default() }
}
