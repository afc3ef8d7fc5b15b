//! Collection calls of the fake Qdrant: create, describe, list and delete.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;

use qdrant_client::qdrant::collections_server::Collections;
use qdrant_client::qdrant::{
    CollectionConfig, CollectionDescription, CollectionInfo, CollectionOperationResponse,
    CollectionParams, CreateCollection, DeleteCollection, GetCollectionInfoRequest,
    GetCollectionInfoResponse, ListCollectionsRequest, ListCollectionsResponse, PayloadSchemaInfo,
};
use tonic::{Request, Response, Status};

use super::{Collection, Double, absent};

#[tonic::async_trait]
impl Collections for Double {
    async fn get(
        &self,
        request: Request<GetCollectionInfoRequest>,
    ) -> Result<Response<GetCollectionInfoResponse>, Status> {
        self.serve("info", request, |state, ask| {
            let collection = state.collection(&ask.collection_name)?;
            let params = CollectionParams {
                vectors_config: collection.made.vectors_config.clone(),
                sparse_vectors_config: collection.made.sparse_vectors_config.clone(),
                ..CollectionParams::default()
            };
            let config = CollectionConfig { params: Some(params), ..CollectionConfig::default() };
            let field = |(name, kind): (&String, &i32)| {
                (name.clone(), PayloadSchemaInfo { data_type: *kind, ..Default::default() })
            };
            let info = CollectionInfo {
                config: Some(config),
                payload_schema: collection.fields.iter().map(field).collect(),
                ..CollectionInfo::default()
            };
            Ok(GetCollectionInfoResponse { result: Some(info), time: 0.0 })
        })
        .await
    }

    async fn list(
        &self,
        request: Request<ListCollectionsRequest>,
    ) -> Result<Response<ListCollectionsResponse>, Status> {
        self.serve("list", request, |state, _| {
            let names = state.collections.keys().cloned();
            let collections = names.map(|name| CollectionDescription { name }).collect();
            Ok(ListCollectionsResponse { collections, time: 0.0 })
        })
        .await
    }

    async fn create(
        &self,
        request: Request<CreateCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        self.serve("create", request, |state, ask| {
            let name = ask.collection_name.clone();
            if state.collections.contains_key(&name) {
                return Err(Status::invalid_argument(format!(
                    "Wrong input: Collection `{name}` already exists!"
                )));
            }
            let new = Collection { made: ask, fields: HashMap::new(), points: BTreeMap::new() };
            state.collections.insert(name, new);
            Ok(CollectionOperationResponse { result: true, time: 0.0 })
        })
        .await
    }

    async fn delete(
        &self,
        request: Request<DeleteCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        self.serve("delete_collection", request, |state, ask| {
            let result = state.collections.remove(&ask.collection_name).is_some();
            Ok(CollectionOperationResponse { result, time: 0.0 })
        })
        .await
    }

    absent!(update, UpdateCollection, CollectionOperationResponse);
    absent!(update_aliases, ChangeAliases, CollectionOperationResponse);
    absent!(list_collection_aliases, ListCollectionAliasesRequest, ListAliasesResponse);
    absent!(list_aliases, ListAliasesRequest, ListAliasesResponse);
    absent!(collection_cluster_info, CollectionClusterInfoRequest, CollectionClusterInfoResponse);
    absent!(collection_exists, CollectionExistsRequest, CollectionExistsResponse);
    absent!(
        update_collection_cluster_setup,
        UpdateCollectionClusterSetupRequest,
        UpdateCollectionClusterSetupResponse
    );
    absent!(create_shard_key, CreateShardKeyRequest, CreateShardKeyResponse);
    absent!(delete_shard_key, DeleteShardKeyRequest, DeleteShardKeyResponse);
    absent!(list_shard_keys, ListShardKeysRequest, ListShardKeysResponse);
}
