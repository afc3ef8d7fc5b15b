//! The Qdrant collections: their names, creation and checks. One holds all words and texts.
//! Embeddings have one collection per model and vector length, so that a new model does not require
//! sending the words again.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use qdrant_client::qdrant::quantization_config::Quantization as Quantize;
use qdrant_client::qdrant::{
    BinaryQuantizationBuilder, CollectionInfo, CreateCollection, CreateFieldIndexCollection,
    Distance, FieldType, HnswConfigDiff, KeywordIndexParams, PayloadIndexParams,
    QuantizationConfig, ScalarQuantizationBuilder, SparseIndexConfig, SparseVectorConfig,
    SparseVectorParams, VectorParams, VectorsConfigBuilder, payload_index_params, vectors_config,
};

use super::client::{Failure, Patience, QdrantClient};
use super::points::{BM25, COLLECTION, DENSE, DOCUMENT, NGRAM, REVISION, id};
use super::settings::{Quantization, Settings};
use crate::index::Error;

/// Change when the point format changes, so that each release uses its own collection. `v3`:
/// Vietnamese words keep their marks.
const WORDS_VERSION: &str = "v3";
const DENSE_VERSION: &str = "v1";
/// HNSW links per point within one frontdesk collection. There is no global graph, because every
/// search is within one collection.
const LINKS: u64 = 16;

/// Schema of the Qdrant collections.
pub(super) struct Schema {
    settings: Settings,
    /// Hash of the embedding model's identity.
    model: String,
    /// Collections that were checked and are as required.
    ready: Mutex<HashSet<String>>,
}

/// The kind of a Qdrant collection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Words and texts.
    Words,
    /// Embeddings of this length.
    Dense(usize),
}

impl Schema {
    pub(super) fn new(settings: &Settings, embedder: Option<&str>) -> Self {
        let model = format!("{:032x}", id(&["model", embedder.unwrap_or_default()]));
        Self { settings: settings.clone(), model: model[..12].to_owned(), ready: Mutex::default() }
    }

    /// The name of a collection.
    pub(super) fn name(&self, kind: Kind) -> String {
        let prefix = &self.settings.prefix;
        match kind {
            Kind::Words => format!("{prefix}_words_{WORDS_VERSION}"),
            Kind::Dense(length) => {
                format!("{prefix}_dense_{}_{length}_{DENSE_VERSION}", self.model)
            }
        }
    }

    /// Creates a collection unless it exists, checks its schema, and returns its name.
    pub(super) async fn ensure(&self, client: &QdrantClient, kind: Kind) -> Result<String, Error> {
        let name = self.name(kind);
        if self.ready().contains(&name) {
            return Ok(name);
        }
        let mut there = info(client, &name).await?;
        if there.is_none() {
            self.create(client, kind).await?;
            if kind == Kind::Words {
                self.warn_full_resend(client, &name).await;
            }
            there = info(client, &name).await?;
        }
        let there = there.ok_or_else(|| Error(format!("the collection {name} vanished")))?;
        check(&there, kind).map_err(|why| {
            Error(format!(
                "the Qdrant collection {name} {why}: delete it, or set another [index] prefix"
            ))
        })?;
        for field in [COLLECTION, DOCUMENT, REVISION] {
            if !there.payload_schema.contains_key(field) {
                create_field(client, &name, field).await?;
            }
        }
        self.ready().insert(name.clone());
        Ok(name)
    }

    /// Returns all collections with this prefix, including those of other models and older
    /// versions: deletions apply to them too.
    pub(super) async fn all(&self, client: &QdrantClient) -> Result<Vec<String>, Error> {
        let list = client
            .call(Patience::Write, qdrant_client::Qdrant::list_collections)
            .await
            .map_err(|failure| Error(failure.words))?;
        let prefix = &self.settings.prefix;
        let (words, dense) = (format!("{prefix}_words_v"), format!("{prefix}_dense_"));
        let ours = |name: &String| {
            name.starts_with(&words) || (name.starts_with(&dense) && name.ends_with(DENSE_VERSION))
        };
        Ok(list.collections.into_iter().map(|one| one.name).filter(ours).collect())
    }

    /// Returns the words collections of other releases with this prefix.
    pub(super) async fn other_words(&self, client: &QdrantClient) -> Result<Vec<String>, Error> {
        let (words, ours) = (format!("{}_words_v", self.settings.prefix), self.name(Kind::Words));
        // Another installation's prefix may begin with this one.
        let is_version =
            |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        let others = |name: &String| {
            *name != ours && name.strip_prefix(words.as_str()).is_some_and(is_version)
        };
        Ok(self.all(client).await?.into_iter().filter(others).collect())
    }

    /// Logs why this start takes longer: everything is sent to Qdrant before the first answer.
    async fn warn_full_resend(&self, client: &QdrantClient, name: &str) {
        let others = self.other_words(client).await.unwrap_or_default();
        if !others.is_empty() {
            tracing::warn!(
                "{} holds the words of another release: every passage is sent once more, to {name}, before the desk answers with it",
                others.join(", ")
            );
        }
    }

    /// Forgets which collections were checked, because one was deleted.
    pub(super) fn forget(&self) {
        self.ready().clear();
    }

    fn ready(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn create(&self, client: &QdrantClient, kind: Kind) -> Result<(), Error> {
        let request = self.request(kind);
        let made = client.call(Patience::Write, |client| client.create_collection(request.clone()));
        match made.await {
            Ok(_) => Ok(()),
            // Another process created it first.
            Err(failure) if failure.exists => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    #[expect(deprecated, reason = "the key that takes its place is unknown to Qdrant before 1.18")]
    fn request(&self, kind: Kind) -> CreateCollection {
        let settings = &self.settings;
        let some = |number: u32| (number > 0).then_some(number);
        let mut request = CreateCollection {
            collection_name: self.name(kind),
            shard_number: some(settings.shards),
            replication_factor: some(settings.replicas),
            write_consistency_factor: some(settings.write_consistency),
            on_disk_payload: Some(true),
            ..CreateCollection::default()
        };
        match kind {
            Kind::Words => request.sparse_vectors_config = Some(self.sparse()),
            Kind::Dense(length) => {
                let mut vectors = VectorsConfigBuilder::default();
                vectors.add_named_vector_params(DENSE, self.dense(length));
                request.vectors_config = Some(vectors.into());
            }
        }
        request
    }

    #[expect(deprecated, reason = "the key that takes its place is unknown to Qdrant before 1.18")]
    fn sparse(&self) -> SparseVectorConfig {
        let index =
            SparseIndexConfig { on_disk: Some(self.settings.on_disk), ..Default::default() };
        let params = SparseVectorParams { index: Some(index), modifier: None };
        let named = [BM25, NGRAM].map(|name| (name.to_owned(), params));
        SparseVectorConfig { map: named.into_iter().collect() }
    }

    /// Vectors are normalised, so the dot product is the cosine.
    #[expect(deprecated, reason = "the key that takes its place is unknown to Qdrant before 1.18")]
    fn dense(&self, length: usize) -> VectorParams {
        let quantize = match self.settings.quantization {
            Quantization::None => None,
            Quantization::Scalar => Some(Quantize::Scalar(
                ScalarQuantizationBuilder::default().quantile(0.99).always_ram(true).build(),
            )),
            Quantization::Binary => {
                Some(Quantize::Binary(BinaryQuantizationBuilder::new(true).build()))
            }
        };
        VectorParams {
            size: length as u64,
            distance: Distance::Dot.into(),
            hnsw_config: Some(HnswConfigDiff {
                m: Some(0),
                payload_m: Some(LINKS),
                ..HnswConfigDiff::default()
            }),
            quantization_config: quantize
                .map(|quantize| QuantizationConfig { quantization: Some(quantize) }),
            on_disk: Some(self.settings.on_disk),
            ..VectorParams::default()
        }
    }
}

async fn info(client: &QdrantClient, name: &str) -> Result<Option<CollectionInfo>, Failure> {
    match client.call(Patience::Write, |client| client.collection_info(name.to_owned())).await {
        Ok(answer) => Ok(answer.result),
        Err(failure) if failure.missing => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Checks the schema of an existing collection; the error says what is wrong.
fn check(there: &CollectionInfo, kind: Kind) -> Result<(), String> {
    let params = there.config.as_ref().and_then(|config| config.params.as_ref());
    match kind {
        Kind::Words => {
            let sparse = params.and_then(|params| params.sparse_vectors_config.as_ref());
            let has = |name: &str| sparse.is_some_and(|sparse| sparse.map.contains_key(name));
            if has(BM25) && has(NGRAM) { Ok(()) } else { Err("holds no words".into()) }
        }
        Kind::Dense(length) => {
            let vectors = params.and_then(|params| params.vectors_config.as_ref());
            let named = match vectors.and_then(|vectors| vectors.config.as_ref()) {
                Some(vectors_config::Config::ParamsMap(named)) => named.map.get(DENSE),
                _ => None,
            };
            match named {
                None => Err(format!("holds no vectors named `{DENSE}`")),
                Some(params) if params.size != length as u64 => {
                    Err(format!("holds vectors of {} numbers, not of {length}", params.size))
                }
                Some(params) if params.distance != i32::from(Distance::Dot) => {
                    Err("does not compare by the dot product".into())
                }
                Some(_) => Ok(()),
            }
        }
    }
}

async fn create_field(client: &QdrantClient, name: &str, field: &str) -> Result<(), Error> {
    let tenant = KeywordIndexParams { is_tenant: Some(true), ..KeywordIndexParams::default() };
    let tenant = PayloadIndexParams {
        index_params: Some(payload_index_params::IndexParams::KeywordIndexParams(tenant)),
    };
    let kind = if field == REVISION { FieldType::Integer } else { FieldType::Keyword };
    let request = CreateFieldIndexCollection {
        collection_name: name.to_owned(),
        wait: Some(true),
        field_name: field.to_owned(),
        field_type: Some(kind.into()),
        field_index_params: (field == COLLECTION).then_some(tenant),
        ..CreateFieldIndexCollection::default()
    };
    client.call(Patience::Write, |client| client.create_field_index(request.clone())).await?;
    Ok(())
}
